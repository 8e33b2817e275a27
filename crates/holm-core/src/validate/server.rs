//! Versions of API servers.

use std::fmt;

/// The version of an API server, as far as its rules depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl ServerVersion {
    /// Reads a version such as `v1.37.2` or `1.33.4-gke.100`; none where it is not one.
    pub fn of(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split('.');
        let mut next = || {
            let digits: String = numbers.next()?.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        Some(Self { major: next()?, minor: next()? })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_providers_write_them() {
        let read = |text| ServerVersion::of(text).map(|version| version.to_string());
        for (text, expected) in [
            ("v1.37.2", Some("1.37")),
            ("1.33.4-gke.100", Some("1.33")),
            ("v1.30+", Some("1.30")),
            ("v1.9", Some("1.9")),
            ("", None),
            ("unknown", None),
            ("v1", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
        assert!(ServerVersion::of("v1.9") < ServerVersion::of("v1.10"));
    }
}
