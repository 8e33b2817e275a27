//! How a Go program writes values into its messages.

use serde_json::Value;

/// Returns a text in quotes, as `%q` writes it: `strconv.Quote`.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            character if is_printable(character) => quoted.push(character),
            character => match u32::from(character) {
                code @ ..0x80 => quoted.push_str(&format!("\\x{code:02x}")),
                code @ 0x80..0x1_0000 => quoted.push_str(&format!("\\u{code:04x}")),
                code => quoted.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a value as `json.Marshal` writes it: what could end a script of a web page is escaped.
pub fn json(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

/// Returns whether a character can be seen, or is the space: `unicode.IsPrint`.
pub fn is_printable(character: char) -> bool {
    // In a text that begins with another character, only what cannot be printed is escaped.
    let shown = format!("a{character}");
    matches!(character, '"' | '\\' | '\'') || shown.escape_debug().count() == 2
}

/// Checks that a text is a duration.
///
/// # Errors
/// What is wrong with it, as `time.ParseDuration` words it.
pub fn check_duration(text: &str) -> Result<(), String> {
    let invalid = || Err(format!("time: invalid duration {}", quoted(text)));
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (digits, unit) = rest.split_at(number);
        if digits.matches('.').count() > 1 || !digits.contains(|character: char| character.is_ascii_digit()) {
            return invalid();
        }
        let end = unit.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        match unit {
            "" => return Err(format!("time: missing unit in duration {}", quoted(text))),
            "ns" | "us" | "\u{b5}s" | "\u{3bc}s" | "ms" | "s" | "m" | "h" => rest = after,
            unit => return Err(format!("time: unknown unit {} in duration {}", quoted(unit), quoted(text))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        let cases = [
            ("a b", r#""a b""#),
            ("a\"\\'", r#""a\"\\'""#),
            ("\u{7}\u{8}\n\r\t\u{b}\u{c}\u{0}\u{1b}\u{7f}", r#""\a\b\n\r\t\v\f\x00\x1b\x7f""#),
            ("ü€😀e\u{301}", "\"ü€😀e\u{301}\""),
            ("\u{200b}\u{a0}\u{85}\u{feff}\u{e0001}", r#""\u200b\u00a0\u0085\ufeff\U000e0001""#),
            ("<b>&", "\"<b>&\""),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        assert_eq!(
            json(&json!({"a": "<b>&\u{2028}\"", "b": [1, null]})),
            r#"{"a":"\u003cb\u003e\u0026\u2028\"","b":[1,null]}"#
        );
    }

    #[test]
    fn durations_are_those_of_go() {
        for good in ["0", "5s", "-1.5h", "+.5m", "1h2m3.4s", "1ms1us1ns", "1µs"] {
            assert_eq!(check_duration(good), Ok(()), "{good}");
        }
        for (bad, problem) in [
            ("x", "invalid duration \"x\""),
            ("", "invalid duration \"\""),
            ("5", "missing unit in duration \"5\""),
            ("-5x", "unknown unit \"x\" in duration \"-5x\""),
            ("1.2.3s", "invalid duration \"1.2.3s\""),
            (".s", "invalid duration \".s\""),
            (" 5s", "invalid duration \" 5s\""),
            ("5s6", "missing unit in duration \"5s6\""),
        ] {
            assert_eq!(check_duration(bad), Err(format!("time: {problem}")), "{bad}");
        }
    }
}
