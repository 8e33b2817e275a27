//! The keys of configuration values: `database.host`.

use std::fmt;
use std::str::FromStr;

/// What the environment variables of configuration values begin with.
pub const PREFIX: &str = "HOLM_CONFIG_";

/// The key of a value: the names of the tables around it, and its own. Empty for the whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<String>);

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no key: write names with dots between them, such as database.host")]
pub struct KeyError(String);

impl Key {
    /// Makes a key of its names.
    pub fn of<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Returns the names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Returns the key of what has this name in it.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }

    /// Whether this is the whole configuration.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this key is `other` or lies in it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// Returns the environment variable that gives a value: `HOLM_CONFIG_` and the key in capitals, everything but letters and digits
/// as `_`. Several keys may share one.
pub fn variable(key: &Key) -> String {
    let capital = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let names: Vec<String> = key.0.iter().map(|name| name.chars().map(capital).collect()).collect();
    format!("{PREFIX}{}", names.join("_"))
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let names = toml_edit::Key::parse(text).map_err(|_| KeyError(text.to_owned()))?;
        Ok(Self::of(names.iter().map(toml_edit::Key::get)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(|name| toml_edit::Key::new(name).to_string()).collect();
        f.write_str(&names.join("."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_its_names_with_dots_and_quotes_where_toml_needs_them() {
        for (text, names) in [
            ("replicas", &["replicas"][..]),
            ("database.host", &["database", "host"]),
            ("labels.\"a.b/c\"", &["labels", "a.b/c"]),
            ("pg-password", &["pg-password"]),
        ] {
            let key: Key = text.parse().expect("well formed");
            assert_eq!(key.names(), names);
            assert_eq!(key.to_string(), text);
        }
        for text in ["", ".", "a.", "a b", "a=b"] {
            assert_eq!(text.parse::<Key>(), Err(KeyError(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn the_variable_of_a_key_is_written_in_capitals() {
        assert_eq!(variable(&Key::of(["database", "admin-user"])), "HOLM_CONFIG_DATABASE_ADMIN_USER");
    }

    proptest! {
        #[test]
        fn any_key_is_read_as_it_is_written(names in proptest::collection::vec(".{1,6}", 1..4)) {
            let key = Key::of(names);
            prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
        }
    }
}
