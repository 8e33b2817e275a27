//! How many items of a list are asked for at a time.

use std::fmt;

use crate::error::Trouble;

/// The number of items of one page: at first as many as `kubectl` asks for, and fewer after a page that did not come in time.
pub(crate) struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(500)
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PageSize {
    /// Makes the pages smaller where one took too long. Returns whether that may help.
    pub(crate) fn shrinks_after(&mut self, trouble: &Trouble) -> bool {
        let is_too_slow = match trouble {
            Trouble::Timeout(_) => true,
            Trouble::Server(refusal) => refusal.code == 504,
            _ => false,
        };
        let smaller = self.0 / 5;
        if !is_too_slow || smaller == 0 {
            return false;
        }
        self.0 = smaller;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_after_what_took_too_long_and_end_there() {
        let mut size = PageSize::default();
        assert!(!size.shrinks_after(&Trouble::Forbidden(String::new())));
        let sizes: Vec<String> =
            std::iter::from_fn(|| size.shrinks_after(&Trouble::Timeout(30)).then(|| size.to_string())).collect();
        assert_eq!(sizes, ["100", "20", "4"]);
    }
}
