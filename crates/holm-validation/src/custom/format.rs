//! The formats and patterns of texts.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apiserver/validation/formats.go`, and `k8s.io/kube-openapi`,
//! `pkg/validation/strfmt`.

/// The formats of texts that Kubernetes knows, without their dashes. Those that [`has_format`] does not check hold for all.
const KNOWN: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Whether Kubernetes knows a format for values of these types.
pub(super) fn is_known(format: &str, types: &[&str]) -> bool {
    match types {
        ["integer"] => matches!(format, "int32" | "int64"),
        ["number"] => matches!(format, "float" | "double"),
        [] | ["string"] => KNOWN.contains(&format.replace('-', "").as_str()),
        _ => false,
    }
}

/// Whether a text is of a format. Of the formats that Kubernetes knows, those of times, addresses and uids are checked.
pub(super) fn has_format(text: &str, format: &str) -> bool {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let digits = |text: &str, size: usize| text.len() == size && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match format {
        "date-time" | "datetime" => text.parse::<holm_values::Timestamp>().is_ok(),
        "date" => format!("{text}T00:00:00Z").parse::<holm_values::Timestamp>().is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, bits)| {
            let most = if address.contains(':') { 128 } else { 32 };
            address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        }),
        "uuid" => {
            let groups: Vec<&str> = text.split('-').collect();
            groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, size)| digits(group, size))
        }
        _ => true,
    }
}

/// Whether a text matches a pattern anywhere in it. A pattern that cannot be read matches nothing, as in Kubernetes.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}
