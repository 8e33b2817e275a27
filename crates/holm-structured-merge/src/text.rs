//! Values and strings as Kubernetes' messages show them.
//!
//! The API server is written in Go, so its messages carry Go's notation: `%q` for names in conflicts and keys in paths, `%v`
//! and `%#v` for values that do not fit their type. Clients match on these texts, so they are kept to the letter.

use std::fmt::{self, Display, Formatter, Write};

use serde_json::{Map, Value};

use crate::value::GoNumber;

/// A string in Go's double quotes (`%q`).
pub(crate) struct Quoted<'a>(pub &'a str);

/// A value in Go's default notation (`%v`).
pub(crate) struct Plain<'a>(pub &'a Value);

/// A value in Go's source notation (`%#v`).
pub(crate) struct Source<'a>(pub &'a Value);

/// A value as a path shows it: strings quoted, lists in brackets.
pub(crate) struct InPath<'a>(pub &'a Value);

impl Display for Quoted<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => out.write_str("\\\"")?,
                '\\' => out.write_str("\\\\")?,
                '\u{07}' => out.write_str("\\a")?,
                '\u{08}' => out.write_str("\\b")?,
                '\u{0c}' => out.write_str("\\f")?,
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                '\t' => out.write_str("\\t")?,
                '\u{0b}' => out.write_str("\\v")?,
                printable if is_printable(printable) => out.write_char(printable)?,
                ascii if ascii.is_ascii() => write!(out, "\\x{:02x}", u32::from(ascii))?,
                short if u32::from(short) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(short))?,
                long => write!(out, "\\U{:08x}", u32::from(long))?,
            }
        }
        out.write_char('"')
    }
}

impl Display for Plain<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => out.write_str("<nil>"),
            Value::Bool(flag) => write!(out, "{flag}"),
            Value::Number(number) => write_number(out, number.into()),
            Value::String(text) => out.write_str(text),
            Value::Array(items) => {
                out.write_char('[')?;
                separated(out, " ", items, |out, item| write!(out, "{}", Plain(item)))?;
                out.write_char(']')
            }
            Value::Object(fields) => {
                out.write_str("map[")?;
                separated(out, " ", sorted(fields), |out, (key, value)| write!(out, "{key}:{}", Plain(value)))?;
                out.write_char(']')
            }
        }
    }
}

impl Display for Source<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => out.write_str("interface {}(nil)"),
            Value::Bool(flag) => write!(out, "{flag}"),
            Value::Number(number) => write_number(out, number.into()),
            Value::String(text) => write!(out, "{}", Quoted(text)),
            Value::Array(items) => {
                out.write_str("[]interface {}{")?;
                separated(out, ", ", items, |out, item| write!(out, "{}", Source(item)))?;
                out.write_char('}')
            }
            Value::Object(fields) => {
                out.write_str("map[string]interface {}{")?;
                separated(out, ", ", sorted(fields), |out, (key, value)| {
                    write!(out, "{}:{}", Quoted(key), Source(value))
                })?;
                out.write_char('}')
            }
        }
    }
}

impl Display for InPath<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => out.write_str("null"),
            Value::Bool(flag) => write!(out, "{flag}"),
            Value::Number(number) => write_number(out, number.into()),
            Value::String(text) => write!(out, "{}", Quoted(text)),
            Value::Array(items) => {
                out.write_char('[')?;
                separated(out, ",", items, |out, item| write!(out, "{}", InPath(item)))?;
                out.write_char(']')
            }
            Value::Object(fields) => {
                separated(out, "", sorted(fields), |out, (key, value)| write!(out, "{key}={}", InPath(value)))
            }
        }
    }
}

/// The name of the Go type that holds a value (`%T`).
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) => match number.into() {
            GoNumber::Integer(_) => "int64",
            GoNumber::Float(_) => "float64",
        },
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Go's `%v` of a number: floats in the shortest form, with an exponent from 1e+06 upwards and below 1e-04.
fn write_number(out: &mut Formatter<'_>, number: GoNumber) -> fmt::Result {
    let float = match number {
        GoNumber::Integer(integer) => return write!(out, "{integer}"),
        GoNumber::Float(float) => float,
    };
    let scientific = format!("{float:e}");
    // Rust writes one digit, a point and the other digits, then `e` and the exponent; it always writes the `e`.
    let Some((digits, exponent)) = scientific.split_once('e') else { return out.write_str(&scientific) };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return write!(out, "{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{digits}e{sign}{:02}", exponent.abs())
}

/// Whether Go prints a character as it is: letters, marks, numbers, punctuation, symbols and the space.
pub(crate) fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    // Behind another character a combining mark is escaped only if it is not printable, as in Go.
    let mut escaped = ['a', character].iter().collect::<String>();
    escaped = escaped.escape_debug().collect();
    !escaped.contains('\\')
}

fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn separated<T>(
    out: &mut Formatter<'_>,
    separator: &str,
    items: impl IntoIterator<Item = T>,
    mut write_item: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.write_str(separator)?;
        }
        write_item(out, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(Quoted("a\"b\n`é\u{200b}\u{301}\u{7f}\u{1}").to_string(), "\"a\\\"b\\n`é\\u200b\u{301}\\x7f\\x01\"");
    }

    #[test]
    fn floats_switch_to_an_exponent_where_go_does() {
        let cases = [
            (80.0, "80"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (1e21, "1e+21"),
            (1.5, "1.5"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
        ];
        for (float, text) in cases {
            assert_eq!(Plain(&json!(float)).to_string(), text);
        }
        assert_eq!(Plain(&json!(1_000_000)).to_string(), "1000000");
    }

    #[test]
    fn nested_values_are_written_in_both_notations() {
        let value = json!({"b": 1, "a": ["x", 1.5, null, true]});
        assert_eq!(Plain(&value).to_string(), "map[a:[x 1.5 <nil> true] b:1]");
        assert_eq!(
            Source(&value).to_string(),
            "map[string]interface {}{\"a\":[]interface {}{\"x\", 1.5, interface {}(nil), true}, \"b\":1}"
        );
    }
}
