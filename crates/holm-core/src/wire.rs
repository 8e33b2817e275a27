//! The text of an object as a server reads it.
//!
//! The body of a server-side apply is JSON, and the API server reads it as YAML 1.1 (`sigs.k8s.io/yaml`, go-yaml v2): text that
//! JSON allows raw is refused there, or changed without a word. Next line (U+0085) and line and paragraph separator are line
//! breaks, around which blanks go; DEL, the C1 controls and the noncharacters are refused; a byte order mark is skipped.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes in a JSON text what a reader of YAML 1.1 does not take as it is. Characters beyond U+FFFF stay raw, because their
/// escape is a pair of surrogates, which such a reader refuses.
pub fn escape_for_yaml(json: &str) -> Cow<'_, str> {
    if !json.contains(needs_escape) {
        return Cow::Borrowed(json);
    }
    // Such a character stands inside of a string only: outside, JSON has none.
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if needs_escape(character) {
            // Writing to a String does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn needs_escape(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_character_is_the_same_after_escaping() {
        let all: String = ('\0'..=char::MAX).collect();
        let value = json!({ all.as_str(): format!("a {all} b") });
        let text = value.to_string();
        let escaped = escape_for_yaml(&text);
        assert_eq!(serde_json::from_str::<Value>(&escaped).expect("it is JSON"), value);
        // What go-yaml takes as it is, and is no line break.
        let is_taken = |c: char| {
            matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
                && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        };
        assert_eq!(escaped.chars().find(|c| !is_taken(*c)), None);
        assert!(escaped.contains('\u{1f600}'), "characters beyond U+FFFF stay raw");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(escape_for_yaml(r#"{"a": "ä\u0085 😀"}"#), Cow::Borrowed(_)));
    }
}
