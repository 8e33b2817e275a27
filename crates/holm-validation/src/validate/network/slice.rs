//! EndpointSlices.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/discovery/validation/validation.go`.

use std::collections::HashSet;

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, canonical_ip, endpoint_ip, ip};

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_PORTS: usize = 20_000;
/// The most zones, or nodes, that an endpoint is meant for.
const MAX_HINTS: usize = 8;

/// Checks an EndpointSlice.
pub(in crate::validate) fn slice(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if errors.filled(object, "addressType", "") {
        errors.one_of(object, "addressType", "", &["FQDN", "IPv4", "IPv6"]);
    }
    // Endpoints that stay as they are may stay.
    let same = live.is_some_and(|live| at(live, &["endpoints"]) == at(object, &["endpoints"]));
    if !same {
        endpoints(object, &mut errors);
    }
    if has_too_many(object, "ports", "ports", MAX_PORTS, &mut errors) {
        return errors;
    }
    let mut seen = HashSet::new();
    for (path, port) in items(object, &["ports"], "ports") {
        let name = text_at(port, &["name"]);
        errors.text_unless_empty(port, "name", &path, names::label);
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), json!(name)));
        }
        // It has a default, though an empty one is one.
        errors.one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"]);
        errors.text(port, "appProtocol", &path, names::label_key);
    }
    errors
}

/// Whether a list has too many items, which is told.
fn has_too_many(object: &Value, list: &str, path: &str, most: usize, errors: &mut Vec<FieldError>) -> bool {
    let count = at(object, &[list]).and_then(Value::as_array).map_or(0, Vec::len);
    if count > most {
        errors.push(FieldError::too_many(path, count, most));
    }
    count > most
}

fn endpoints(object: &Value, errors: &mut Vec<FieldError>) {
    if has_too_many(object, "endpoints", "endpoints", MAX_ENDPOINTS, errors) {
        return;
    }
    let kind = text_at(object, &["addressType"]);
    for (path, endpoint) in items(object, &["endpoints"], "endpoints") {
        let addresses = format!("{path}.addresses");
        if at(endpoint, &["addresses"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
            errors.push(FieldError::required(addresses.as_str(), ""));
        }
        has_too_many(endpoint, "addresses", &addresses, MAX_ADDRESSES, errors);
        for (below, found) in items(endpoint, &["addresses"], &addresses) {
            address(kind, found.as_str().unwrap_or_default(), &addresses, below, errors);
        }
        errors.text(endpoint, "nodeName", &path, names::subdomain);
        errors.text(endpoint, "hostname", &path, names::label);
        if let Some(hints) = at(endpoint, &["hints"]) {
            let path = format!("{path}.hints");
            let _ = wanted_by(hints, "forZones", &path, names::label_value, errors)
                && wanted_by(hints, "forNodes", &path, names::subdomain, errors);
        }
    }
}

/// An address of a slice of a kind; of another kind it is not looked at.
fn address(kind: &str, text: &str, list: &str, path: String, errors: &mut Vec<FieldError>) {
    let wrong = match kind {
        "IPv4" => ip(text),
        // Only the later of the families was there when addresses had to be canonical.
        "IPv6" => canonical_ip(text),
        "FQDN" => {
            errors.extend(domain(text, path));
            return;
        }
        _ => return,
    };
    if wrong.is_empty() {
        if text.contains(':') != (kind == "IPv6") {
            errors.push(FieldError::invalid(list, text, format!("must be an {kind} address")));
        }
        errors.all(path, &json!(text), endpoint_ip(text));
    } else {
        errors.all(path, &json!(text), wrong);
    }
}

/// From `IsFullyQualifiedDomainName`, which tells one problem.
fn domain(text: &str, path: String) -> Option<FieldError> {
    if text.is_empty() {
        return Some(FieldError::required(path, ""));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let problems = names::subdomain(name);
    if !problems.is_empty() {
        return Some(FieldError::invalid(path, name, problems.join(",")));
    }
    if !name.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        return Some(FieldError::invalid(path, name, detail));
    }
    let wrong = name.split('.').map(|label| (label, names::label(label))).find(|(_, problems)| !problems.is_empty());
    wrong.map(|(label, problems)| FieldError::invalid(path, label, problems.join(",")))
}

/// From `validateHints`. Says whether the next list is looked at.
fn wanted_by(
    hints: &Value,
    list: &str,
    path: &str,
    syntax: fn(&str) -> Vec<String>,
    errors: &mut Vec<FieldError>,
) -> bool {
    let path = format!("{path}.{list}");
    if has_too_many(hints, list, &path, MAX_HINTS, errors) {
        return false;
    }
    let mut seen = HashSet::new();
    for (path, hint) in items(hints, &[list], &path) {
        let name = text_at(hint, &["name"]);
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), name));
        }
        errors.all(format!("{path}.name"), &json!(name), syntax(name));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(object: &Value) -> Vec<String> {
        field_error::told(&slice(object, None), |field| field)
    }

    #[test]
    fn addresses_are_of_the_kind_of_their_slice() {
        for (kind, address, wrong) in [
            ("IPv4", "192.0.2.1", vec![]),
            ("IPv4", "192.0.2.01", vec!["Invalid endpoints[0].addresses[0]"]),
            ("IPv4", "224.0.0.1", vec!["Invalid endpoints[0].addresses[0]"]),
            ("IPv4", "224.0.1.1", vec![]),
            ("IPv4", "::1", vec!["Invalid endpoints[0].addresses", "Invalid endpoints[0].addresses[0]"]),
            ("IPv6", "2001:db8::1", vec![]),
            ("IPv6", "2001:DB8::1", vec!["Invalid endpoints[0].addresses[0]"]),
            ("IPv6", "::ffff:192.0.2.1", vec!["Invalid endpoints[0].addresses[0]"]),
            ("FQDN", "a.example.com.", vec![]),
            ("FQDN", "a", vec!["Invalid endpoints[0].addresses[0]"]),
            ("FQDN", "", vec!["Required endpoints[0].addresses[0]"]),
            ("Bogus", "x", vec!["NotSupported addressType"]),
        ] {
            let object = json!({"addressType": kind, "endpoints": [{"addresses": [address]}]});
            assert_eq!(told(&object), wrong, "{kind} {address}");
        }
    }

    #[test]
    fn an_empty_protocol_is_one_that_is_not_known() {
        let object = json!({"addressType": "IPv4", "ports": [{"name": "", "protocol": ""}]});
        assert_eq!(told(&object), ["NotSupported ports[0].protocol"]);
    }

    #[test]
    fn too_many_hints_hide_what_else_is_wrong_with_them() {
        let hint = |name: usize| json!({"name": format!("z{name}")});
        let zones = |count: usize| (0..count).map(hint).collect::<Vec<_>>();
        let of = |count: usize| {
            let hints = json!({"forZones": zones(count), "forNodes": [{"name": "Bad"}, {"name": "Bad"}]});
            told(&json!({"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"], "hints": hints}]}))
        };
        let path = "endpoints[0].hints";
        assert_eq!(of(9), [format!("TooMany {path}.forZones")]);
        let node = |position: usize| format!("Invalid {path}.forNodes[{position}].name");
        assert_eq!(of(8), [node(0), format!("Duplicate {path}.forNodes[1].name"), node(1)]);
    }
}
