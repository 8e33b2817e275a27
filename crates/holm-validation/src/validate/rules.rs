//! What many kinds check in the same way: texts that must be there, words of a list, numbers in a range, label selectors.

use std::net::{IpAddr, Ipv4Addr};

use holm_values::{Quantity, names};
use serde_json::Value;

use super::items;
use crate::field_error::FieldError;
use crate::object::{at, text_at};

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

/// The path of a field of what is at `path`.
pub(super) fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Problems, gathered field by field. `path` is where `object` is, `field` a field of it.
pub(super) trait Checks {
    fn add(&mut self, error: FieldError);

    /// A text that must be there. Says whether it is.
    fn filled(&mut self, object: &Value, field: &str, path: &str) -> bool {
        let there = !text_at(object, &[field]).is_empty();
        if !there {
            self.add(FieldError::required(below(path, field), ""));
        }
        there
    }

    /// A list that must have items. Says whether it has.
    fn has_items(&mut self, object: &Value, field: &str, path: &str) -> bool {
        let there = at(object, &[field]).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if !there {
            self.add(FieldError::required(below(path, field), ""));
        }
        there
    }

    /// All that is wrong with a value.
    fn all(&mut self, path: String, value: &Value, problems: Vec<String>) {
        for problem in problems {
            self.add(FieldError::invalid(path.clone(), value.clone(), problem));
        }
    }

    /// A text of a syntax, if it is there.
    fn text(&mut self, object: &Value, field: &str, path: &str, syntax: fn(&str) -> Vec<String>) {
        if let Some(value) = at(object, &[field]) {
            let problems = syntax(value.as_str().unwrap_or_default());
            self.all(below(path, field), value, problems);
        }
    }

    /// A text of a syntax, if it is there and not empty.
    fn text_unless_empty(&mut self, object: &Value, field: &str, path: &str, syntax: fn(&str) -> Vec<String>) {
        if !text_at(object, &[field]).is_empty() {
            self.text(object, field, path, syntax);
        }
    }

    /// A word of a list, if it is there.
    fn one_of(&mut self, object: &Value, field: &str, path: &str, supported: &[&str]) {
        if let Some(value) = at(object, &[field])
            && !value.as_str().is_some_and(|value| supported.contains(&value))
        {
            self.add(FieldError::not_supported(below(path, field), value.clone(), supported));
        }
    }

    /// A number that is not too small, if it is there.
    fn at_least(&mut self, object: &Value, field: &str, path: &str, minimum: i64) {
        if let Some(value) = at(object, &[field])
            && value.as_i64().is_some_and(|value| value < minimum)
        {
            let detail = format!("must be greater than or equal to {minimum}");
            self.add(FieldError::invalid(below(path, field), value.clone(), detail));
        }
    }

    /// A quantity that is not below zero, if it is there.
    fn not_negative(&mut self, object: &Value, field: &str, path: &str) {
        if let Some(value) = at(object, &[field])
            && Quantity::of(value).is_some_and(Quantity::is_negative)
        {
            let detail = "must be greater than or equal to 0";
            self.add(FieldError::invalid(below(path, field), value.clone(), detail));
        }
    }

    /// A number in a range, if it is there.
    fn between(&mut self, object: &Value, field: &str, path: &str, minimum: i64, maximum: i64) {
        if let Some(value) = at(object, &[field])
            && value.as_i64().is_some_and(|value| value < minimum || value > maximum)
        {
            let detail = format!("must be between {minimum} and {maximum}, inclusive");
            self.add(FieldError::invalid(below(path, field), value.clone(), detail));
        }
    }

    /// A port: its number, or its name.
    fn port(&mut self, value: Option<&Value>, path: String) {
        match value {
            Some(Value::String(name)) => self.all(path, &Value::from(name.as_str()), names::port_name(name)),
            Some(number) if number.as_i64().is_some_and(|number| (1..=65535).contains(&number)) => {}
            other => self.add(FieldError::invalid(path, other.cloned().unwrap_or_else(|| 0.into()), PORT_RANGE)),
        }
    }

    /// A number or a percentage, neither of which is negative; a percentage is at most 100. Says what is wrong at most once.
    fn amount(&mut self, object: &Value, field: &str, path: &str) {
        let before = self.positive(object, field, path);
        if let Some(value) =
            at(object, &[field]).filter(|value| before && percentage(value).is_some_and(|share| share > 100))
        {
            self.add(FieldError::invalid(below(path, field), value.clone(), "must not be greater than 100%"));
        }
    }

    /// A number or a percentage, neither of which is negative. Says whether it is one.
    fn positive(&mut self, object: &Value, field: &str, path: &str) -> bool {
        let Some(value) = at(object, &[field]) else { return true };
        let detail = match value {
            Value::String(_) if percentage(value).is_none() => {
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                 regex used for validation is '[0-9]+%')"
            }
            number if number.as_i64().is_some_and(|number| number < 0) => "must be greater than or equal to 0",
            _ => return true,
        };
        self.add(FieldError::invalid(below(path, field), value.clone(), detail));
        false
    }

    /// The keys and values of labels, as `ValidateLabels` checks them.
    fn labels(&mut self, labels: Option<&Value>, path: &str) {
        for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
            self.all(path.to_owned(), &Value::from(key.as_str()), names::label_key(key));
            self.all(path.to_owned(), value, names::label_value(value.as_str().unwrap_or_default()));
        }
    }

    /// From `k8s.io/apimachinery`, `pkg/apis/meta/v1/validation/validation.go` (`ValidateLabelSelector`).
    fn selector(&mut self, selector: Option<&Value>, path: &str) {
        let Some(selector) = selector else { return };
        self.labels(at(selector, &["matchLabels"]), &below(path, "matchLabels"));
        for (path, expression) in items(selector, &["matchExpressions"], &below(path, "matchExpressions")) {
            let some = at(expression, &["values"]).and_then(Value::as_array).is_some_and(|values| !values.is_empty());
            match text_at(expression, &["operator"]) {
                "In" | "NotIn" if !some => {
                    let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                    self.add(FieldError::required(format!("{path}.values"), detail));
                }
                "Exists" | "DoesNotExist" if some => {
                    let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                    self.add(FieldError::forbidden(format!("{path}.values"), detail));
                }
                "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
                other => {
                    self.add(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"));
                }
            }
            let key = text_at(expression, &["key"]);
            self.all(format!("{path}.key"), &Value::from(key), names::label_key(key));
            for (path, value) in items(expression, &["values"], &format!("{path}.values")) {
                self.all(path, value, names::label_value(value.as_str().unwrap_or_default()));
            }
        }
    }
}

impl Checks for Vec<FieldError> {
    fn add(&mut self, error: FieldError) {
        self.push(error);
    }
}

/// An address, of either family (`IsValidIPForLegacyField`).
pub(super) fn ip(text: &str) -> Vec<String> {
    let problem = match text.parse::<IpAddr>() {
        Err(_) if sloppy_ip(text).is_some() => "must not have leading 0s",
        Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => "must not be an IPv4-mapped IPv6 address",
        Ok(_) => return Vec::new(),
    };
    vec![problem.to_owned()]
}

/// An address as it is printed (`IsValidIP`).
pub(super) fn canonical_ip(text: &str) -> Vec<String> {
    let problems = ip(text);
    match text.parse::<IpAddr>().map(|address| address.to_string()) {
        Ok(canonical) if problems.is_empty() && canonical != text => {
            vec![format!("must be in canonical form ({canonical:?})")]
        }
        _ => problems,
    }
}

/// What the address of an endpoint or of a load balancer may not be: none, or of a loopback, link or group (`ValidateEndpointIP`).
pub(super) fn endpoint_ip(text: &str) -> Vec<String> {
    let Some(address) = sloppy_ip(text) else { return vec!["must be a valid IP address".to_owned()] };
    let address = address.to_canonical();
    let (link_local, multicast) = match address {
        IpAddr::V4(address) => (address.is_link_local(), matches!(address.octets(), [224, 0, 0, _])),
        IpAddr::V6(address) => (address.is_unicast_link_local(), address.segments()[0] & 0xff0f == 0xff02),
    };
    let mut problems = Vec::new();
    for (wrong, problem) in [
        (address.is_unspecified(), format!("may not be unspecified ({text})")),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()),
        (multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()),
    ] {
        if wrong {
            problems.push(problem);
        }
    }
    problems
}

/// The number of a percentage, if it is one.
fn percentage(value: &Value) -> Option<i64> {
    let number = value.as_str()?.strip_suffix('%').filter(|number| is_number(number))?;
    Some(number.parse().unwrap_or(i64::MAX))
}

/// How much a number or a percentage is (`getIntOrPercentValue`). A text may be a number; what is neither is nothing.
pub(super) fn amount_of(value: Option<&Value>) -> i64 {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    value.and_then(|value| percentage(value).or_else(|| number(value))).unwrap_or_default()
}

/// Digits and nothing else.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address whose parts may begin with zeros, as they could once (`ParseIPSloppy`).
pub(super) fn sloppy_ip(text: &str) -> Option<IpAddr> {
    let without_zeros = |part: &str| {
        let rest = part.trim_start_matches('0');
        if rest.is_empty() && is_number(part) { "0".to_owned() } else { rest.to_owned() }
    };
    text.parse().ok().or_else(|| {
        let parts: Vec<String> = text.split('.').map(without_zeros).collect();
        parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    })
}

/// A network: its address and the length of its prefix, both of which may begin with zeros (`ParseCIDRSloppy`).
pub(super) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').filter(|(_, bits)| is_number(bits))?;
    let (address, bits) = (sloppy_ip(address)?, bits.parse::<u8>().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}

/// A network in its notation (`IsValidCIDRForLegacyField`).
pub(super) fn cidr(text: &str) -> Vec<String> {
    let Some((address, bits)) = network(text) else {
        return vec!["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)".to_owned()];
    };
    let (written, prefix) = text.split_once('/').unwrap_or_default();
    let has_zeros = written.parse::<IpAddr>().is_err() || (prefix.len() > 1 && prefix.starts_with('0'));
    let problem = match address {
        _ if has_zeros => "must not have leading 0s in IP or prefix length",
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => "must not have an IPv4-mapped IPv6 address",
        _ if masked(address, bits) != masked(address, 128) => "must not have bits set beyond the prefix length",
        _ => return Vec::new(),
    };
    vec![problem.to_owned()]
}

/// The first bits of an address, at the front of a number.
fn masked(address: IpAddr, bits: u8) -> u128 {
    let number = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    number & u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or_default()
}

/// Whether a network has a smaller one in it.
pub(super) fn contains(outer: (IpAddr, u8), inner: (IpAddr, u8)) -> bool {
    let same_start = masked(outer.0, outer.1) == masked(inner.0, outer.1);
    outer.0.is_ipv4() == inner.0.is_ipv4() && outer.1 < inner.1 && same_start
}

/// Whether a quantity has no fraction.
pub(super) fn is_whole(amount: &Value) -> bool {
    Quantity::of(amount).is_none_or(Quantity::is_whole)
}

/// A path within a volume: it does not start at the root and does not leave it.
pub(super) fn descending_path(path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if path.starts_with('/') {
        problems.push("must be a relative path".to_owned());
    }
    problems.extend(no_backstep(path));
    problems
}

/// Such a path, of which no name begins as the names that are kept for the system do (`ValidateLocalNonReservedPath`).
pub(super) fn unreserved_path(path: &str) -> Vec<String> {
    let mut problems = descending_path(path);
    if path.starts_with("..") && !path.starts_with("../") {
        problems.push("must not start with '..'".to_owned());
    }
    problems
}

/// No step of a path leads up.
pub(super) fn no_backstep(path: &str) -> Vec<String> {
    path.split('/').any(|step| step == "..").then(|| "must not contain '..'".to_owned()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_in_one_way() {
        for right in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "2001:db8::/64", "::/0"] {
            assert!(cidr(right).is_empty(), "{right}");
        }
        for wrong in [
            "x",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.1/8",
            "::ffff:10.0.0.0/104",
            "2001:db8::1/64",
        ] {
            assert_eq!(cidr(wrong).len(), 1, "{wrong}");
        }
        assert!(sloppy_ip("192.0.2.01").is_some() && sloppy_ip("192.0.2.").is_none());
    }

    #[test]
    fn a_percentage_is_digits_and_a_sign() {
        for (amount, count) in
            [("0%", 0), ("100%", 0), ("101%", 1), ("99999999999999999999%", 1), ("+5%", 1), ("%", 1), ("5", 1)]
        {
            let mut errors = Vec::new();
            errors.amount(&serde_json::json!({"a": amount}), "a", "");
            assert_eq!(errors.len(), count, "{amount}");
        }
    }
}
