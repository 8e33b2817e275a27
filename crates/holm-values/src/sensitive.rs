//! Values that must never be seen.

use std::fmt;

/// Text or data that must not reach a terminal, a log, a file or an error.
///
/// There is no `Display`, `Debug` is masked, and nothing derives `Serialize` through it: the only way to the value is
/// [`expose`](Sensitive::expose), which a reader can search for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Use it only to send it to the API server or to compare it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

impl From<&str> for Sensitive<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Sensitive<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let value = Sensitive::from("hunter2");
        assert_eq!(format!("{value:?} {:?}", Some(&value)), "(sensitive) Some((sensitive))");
    }
}
