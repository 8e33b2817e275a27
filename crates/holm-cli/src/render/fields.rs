//! The fields of a change, by key path. Secret values arrive here as markers only.

use holm_core::FieldPath;
use holm_core::path::Segment;
use holm_planner::plan::{FieldChange, Shown, Writer};
use serde_json::Value;

use crate::render::{difference, value};
use crate::style::{Layout, Line, Role};

/// Writes the changed fields. `said` is the writer that the change's own line names already.
pub fn write(fields: &[FieldChange], said: Option<&Writer>, layout: Layout, out: &mut String) {
    for field in fields.iter().filter(|field| !is_filled_in(field)) {
        write_field(field, said, layout, out);
    }
    write_filled_in(fields, layout, out);
}

/// Whether the server fills the field in with what it always fills in.
fn is_filled_in(field: &FieldChange) -> bool {
    matches!((&field.before, &field.after), (Shown::Absent, Shown::Filled(Some(_))))
}

/// As many fields are named as filled in by the server.
const NAMED: usize = 6;

/// Writes what the server fills in, on one line.
fn write_filled_in(fields: &[FieldChange], layout: Layout, out: &mut String) {
    let mut names: Vec<String> = Vec::new();
    let filled = fields.iter().filter(|field| is_filled_in(field));
    for segment in filled.filter_map(|field| field.path.segments().last()) {
        let name = match segment {
            Segment::Field(name) => name.clone(),
            other => FieldPath::root().join(other.clone()).to_string(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("filled in by the server: {}{more}", names.join(", "));
    Line::indented(INDENT).role(Role::Faint, "+").text(" ").hang_here().role(Role::Faint, &text).write(layout, out);
}

const INDENT: usize = 6;

fn write_field(field: &FieldChange, said: Option<&Writer>, layout: Layout, out: &mut String) {
    let (sign, role) = match (&field.before, &field.after) {
        (Shown::Absent, _) => ("+", Role::Good),
        (_, Shown::Absent) => ("-", Role::Bad),
        _ => ("~", Role::Changed),
    };
    let head = Line::indented(INDENT)
        .role(role, sign)
        .text(" ")
        .hang_here()
        .text(&format!("{}:", path(field)))
        .hang(INDENT + 4);
    let tail = |line: Line| match field.drift.as_ref().filter(|writer| said != Some(*writer)) {
        Some(writer) => line.role(Role::Special, &format!("  ({})", drift(writer))),
        None => line,
    };
    match (&field.before, &field.after) {
        (Shown::Value(Value::String(before)), Shown::Value(Value::String(after)))
            if difference::is_long(before, after) && !before.contains('\n') && !after.contains('\n') =>
        {
            tail(head).write(layout, out);
            difference::write_long(before, after, INDENT + 4, layout, out);
        }
        (Shown::Value(before), Shown::Value(after)) => match (value::inline(before), value::inline(after)) {
            (Some(before), Some(after)) => {
                let is_wide = |line: &Line| layout.width.is_some_and(|width| line.columns() > width);
                let line =
                    head.clone().text(" ").role(Role::Bad, &before).role(Role::Faint, " -> ").role(Role::Good, &after);
                if is_wide(&line) {
                    tail(head).write(layout, out);
                    Line::indented(INDENT + 4).role(Role::Bad, &before).write(layout, out);
                    let line = Line::indented(INDENT + 4).role(Role::Faint, "->").text(" ").hang_here();
                    line.role(Role::Good, &after).write(layout, out);
                } else {
                    tail(line).write(layout, out);
                }
            }
            _ => {
                tail(head).write(layout, out);
                difference::write(before, after, INDENT + 4, layout, out);
            }
        },
        (Shown::Absent, Shown::Value(only)) | (Shown::Value(only), Shown::Absent) => match value::inline(only) {
            Some(text) => tail(head.text(" ").role(role, &text)).write(layout, out),
            None => {
                tail(head).write(layout, out);
                value::block(only, role, INDENT + 4, layout, out);
            }
        },
        (before, after @ (Shown::Unknown | Shown::Filled(_))) => {
            let words = if *after == Shown::Unknown { "(known after apply)" } else { "(chosen by the server)" };
            let line = match before {
                Shown::Value(value) => match value::inline(value) {
                    Some(text) => head.text(" ").role(Role::Bad, &text).role(Role::Faint, " ->"),
                    None => head,
                },
                _ => head,
            };
            tail(line.text(" ").role(Role::Faint, words)).write(layout, out);
        }
        (Shown::Order(before), Shown::Order(after)) => {
            let line = head.text(" order: ").role(Role::Bad, &before.join(", ")).role(Role::Faint, " -> ");
            let line = line.role(Role::Good, &after.join(", "));
            match field.drift {
                Some(_) => line.role(Role::Special, "  (drift)").write(layout, out),
                None => line.write(layout, out),
            }
        }
        (Shown::Absent, _) | (_, Shown::Absent) => tail(head.text(" (sensitive value)")).write(layout, out),
        _ => tail(head.text(" (sensitive value changed)")).write(layout, out),
    }
}

fn path(field: &FieldChange) -> String {
    if field.path.is_root() { "(the whole object)".to_owned() } else { field.path.to_string() }
}

/// Who changed a field behind our back, in words.
pub fn drift(writer: &Writer) -> String {
    match (writer.manager.as_str(), writer.time.as_str()) {
        ("", _) => "drift, its owner let go of it".to_owned(),
        (manager, "") => format!("drift, last written by {manager}"),
        (manager, time) => format!("drift, last written by {manager} at {time}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_fills_in_takes_one_line() {
        let field = |path: &str, before: Shown, after: Shown| {
            FieldChange::new(path.parse().expect("well formed"), before, after)
        };
        let filled = |path: &str| field(path, Shown::Absent, Shown::Filled(Some(json!("Always"))));
        let value = |value: Value| Shown::Value(value);
        let fields = [
            field("spec.containers[new].image", Shown::Absent, value(json!("i:1"))),
            filled("spec.containers[new].imagePullPolicy"),
            filled("spec.containers[new].terminationMessagePath"),
            filled("spec.initContainers[new].imagePullPolicy"),
            field("spec.clusterIP", Shown::Absent, Shown::Filled(None)),
            field("spec.ports[http].nodePort", value(json!(30000)), Shown::Filled(None)),
        ];
        let mut out = String::new();
        write(&fields, None, Layout::default(), &mut out);
        insta::assert_snapshot!(out, @r#"
        + spec.containers[new].image: "i:1"
        + spec.clusterIP: (chosen by the server)
        ~ spec.ports[http].nodePort: 30000 -> (chosen by the server)
        + filled in by the server: imagePullPolicy, terminationMessagePath
        "#);
    }

    #[test]
    fn a_long_value_on_one_line_is_shown_once() {
        let text = |middle: &str| Shown::Value(json!(format!("{}{middle}{}", "a".repeat(3000), "b".repeat(3000))));
        let change = FieldChange::new("data.key".parse().expect("well formed"), text("old"), text("new"));
        let mut out = String::new();
        write(&[change], None, Layout::default(), &mut out);
        insta::assert_snapshot!(out, @"
        ~ data.key:
            ~ ...aaaaaaaaaaaaaaaaaaaaaaaa[-old-]{+new+}bbbbbbbbbbbbbbbbbbbbbbbb...
              (6003 characters)
        ");
    }
}
