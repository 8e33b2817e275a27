//! The fields of a change, by key path. Secret values arrive here as markers only.

use holm_planner::plan::{FieldChange, Shown, Writer};

use crate::render::value;
use crate::style::{Layout, Line, Role};

/// Writes the changed fields. `said` is the writer that the change's own line names already.
pub fn write(fields: &[FieldChange], said: Option<&Writer>, layout: Layout, out: &mut String) {
    for field in fields {
        write_field(field, said, layout, out);
    }
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
                value::difference(before, after, INDENT + 4, layout, out);
            }
        },
        (Shown::Absent, Shown::Value(only)) | (Shown::Value(only), Shown::Absent) => match value::inline(only) {
            Some(text) => tail(head.text(" ").role(role, &text)).write(layout, out),
            None => {
                tail(head).write(layout, out);
                value::block(only, role, INDENT + 4, layout, out);
            }
        },
        (before, Shown::Unknown) => {
            let line = match before {
                Shown::Value(value) => match value::inline(value) {
                    Some(text) => head.text(" ").role(Role::Bad, &text).role(Role::Faint, " ->"),
                    None => head,
                },
                _ => head,
            };
            tail(line.text(" ").role(Role::Faint, "(known after apply)")).write(layout, out);
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
