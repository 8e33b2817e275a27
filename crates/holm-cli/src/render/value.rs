//! One value of a field: on one line where it is short, as a block or a small diff where it is not.

use serde_json::Value;

use crate::style::{Layout, Line, Role};

/// Longer than this, a map or a list is written as a block.
const LONGEST_INLINE: usize = 60;

/// The value on one line, unless it needs several.
pub fn inline(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim_end_matches('\n').contains('\n') => None,
        Value::Array(_) | Value::Object(_) => {
            let text = spaced(value);
            (text.len() <= LONGEST_INLINE).then_some(text)
        }
        scalar => Some(scalar.to_string()),
    }
}

/// Writes a value that needs several lines, below its path.
pub fn block(value: &Value, role: Role, indent: usize, layout: Layout, out: &mut String) {
    let lines = lines(value);
    for line in lines.strip_suffix('\n').unwrap_or(&lines).split('\n') {
        Line::indented(indent).role(role, &seen(line)).write(layout, out);
    }
}

/// A line with what a terminal would not show at its end: a carriage return.
fn seen(line: &str) -> String {
    line.strip_suffix('\r').map_or_else(|| line.to_owned(), |line| format!("{line}\\r"))
}

/// The value over as many lines as it needs: text as it is, maps and lists like YAML.
pub(super) fn lines(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::String(text) => out.push_str(text),
        value => write_lines(value, 0, &mut out),
    }
    out
}

fn write_lines(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                out.push_str(&format!("{indent}{name}:"));
                write_nested(value, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                match item {
                    Value::Object(_) | Value::Array(_) if !is_empty(item) => {
                        let mut nested = String::new();
                        write_lines(item, depth + 1, &mut nested);
                        // The dash takes the place of the first line's last two columns of indent.
                        out.push_str(&format!("{indent}- {}", nested.get(indent.len() + 2..).unwrap_or(&nested)));
                    }
                    item => out.push_str(&format!("{indent}- {item}\n")),
                }
            }
        }
        scalar => out.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn write_nested(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(_) | Value::Array(_) if !is_empty(value) => {
            out.push('\n');
            write_lines(value, depth + 1, out);
        }
        Value::String(text) if text.contains('\n') => {
            out.push_str(" |\n");
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                out.push_str(&format!("{}{line}\n", "  ".repeat(depth + 1)));
            }
        }
        scalar => out.push_str(&format!(" {scalar}\n")),
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// JSON with a space after each colon and comma.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let list: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value)))
                .collect();
            format!("{{{}}}", list.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_stand_on_one_line() {
        let cases = [
            (json!("a \"b\""), Some(r#""a \"b\"""#)),
            (json!(5), Some("5")),
            (json!(null), Some("null")),
            (json!(["a", 1]), Some(r#"["a", 1]"#)),
            (json!({"a": {"b": []}}), Some(r#"{"a": {"b": []}}"#)),
            (json!("one line\n"), Some(r#""one line\n""#)),
            (json!("two\nlines"), None),
            (json!(["x".repeat(60)]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(inline(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn long_values_are_blocks() {
        let value = json!({"name": "sidecar", "args": ["--a", "--b"], "env": [{"name": "A", "value": "x"}, {"name": "B"}], "script": "one\ntwo\n", "none": {}});
        let mut out = String::new();
        block(&value, Role::Plain, 2, Layout::default(), &mut out);
        insta::assert_snapshot!(out, @r#"
        args:
          - "--a"
          - "--b"
        env:
          - name: "A"
            value: "x"
          - name: "B"
        name: "sidecar"
        none: {}
        script: |
          one
          two
        "#);
    }
}
