//! JSON text as Kubernetes' encoders write it: sorted keys, short floats, `<`, `>` and `&` escaped in values.

use serde_json::{Map, Value};

use crate::value::GoNumber;

/// Writes a value on one line.
pub(crate) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => match number.into() {
            GoNumber::Integer(integer) => out.push_str(&integer.to_string()),
            GoNumber::Float(float) => out.push_str(&float_text(float)),
        },
        Value::String(text) => write_string(out, text, true),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => write_object(out, fields),
    }
}

fn write_object(out: &mut String, fields: &Map<String, Value>) {
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    out.push('{');
    for (position, (name, value)) in entries.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(out, name, true);
        out.push(':');
        write_json(out, value);
    }
    out.push('}');
}

/// Writes a string in quotes, with or without the escapes that make it safe inside HTML.
pub(crate) fn write_string(out: &mut String, text: &str, html_safe: bool) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{2028}' if html_safe => out.push_str("\\u2028"),
            '\u{2029}' if html_safe => out.push_str("\\u2029"),
            control if control < ' ' || (html_safe && matches!(control, '<' | '>' | '&')) => {
                let code = control as usize;
                out.push_str("\\u00");
                out.push(char::from(HEX[code >> 4 & 0xf]));
                out.push(char::from(HEX[code & 0xf]));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Decimal notation, except for very small and very large magnitudes.
fn float_text(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        write_json(&mut out, value);
        out
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        let value = json!({"b": [1, 2.0, 0.000_000_1, 1e21, null, true], "a": "<\u{1}\n\u{2028}é>"});
        assert_eq!(written(&value), "{\"a\":\"\\u003c\\u0001\\n\\u2028é\\u003e\",\"b\":[1,2,1e-7,1e+21,null,true]}");
    }
}
