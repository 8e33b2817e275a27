//! The `User-Agent` of requests, by which audit logs and flow control know who sends them.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is sent when no program is named.
const PRODUCT: &str = concat!("holm/", env!("CARGO_PKG_VERSION"));

/// Everything but the unreserved characters of RFC 3986, so that no name ends the comment or forges a product.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who sends the requests, in the form `holm/VERSION (PROGRAM/STACK)`. The default names no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(HeaderValue);

impl UserAgent {
    /// Names the stack `stack` of the program `program`. Other characters than letters, digits, `-`, `.`, `_` and `~` are
    /// percent-encoded.
    pub fn of(program: &str, stack: &str) -> Self {
        let [program, stack] = [program, stack].map(|name| utf8_percent_encode(name, &ESCAPED));
        let text = format!("{PRODUCT} ({program}/{stack})");
        Self(HeaderValue::try_from(text).expect("percent-encoded text is visible ASCII"))
    }

    /// Returns the value of the header.
    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl Default for UserAgent {
    fn default() -> Self {
        Self(HeaderValue::from_static(PRODUCT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_visible_part_of_the_comment() {
        let version = env!("CARGO_PKG_VERSION");
        let cases = [
            ("shop", "default", "shop/default"),
            ("my.shop_2~x", "eu-west-1", "my.shop_2~x/eu-west-1"),
            ("a/b (c)", "d) curl/8.0 (", "a%2Fb%20%28c%29/d%29%20curl%2F8.0%20%28"),
            ("line\r\nX-Forged: yes", "tab\t\0\u{7f}", "line%0D%0AX-Forged%3A%20yes/tab%09%00%7F"),
            ("Ä", "\\\"%", "%C3%84/%5C%22%25"),
            ("", "", "/"),
        ];
        for (program, stack, expected) in cases {
            let value = UserAgent::of(program, stack).value();
            assert_eq!(value.to_str().ok(), Some(format!("holm/{version} ({expected})").as_str()), "{program:?}");
        }
        assert_eq!(UserAgent::default().value().to_str().ok(), Some(format!("holm/{version}").as_str()));
    }
}
