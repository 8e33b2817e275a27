//! Warnings about a declaration: each with its source line, its field and how to state that it is intended.

use holm_core::{ResourceId, Warning, WarningKind};

use crate::style::{Layout, Line, Role};

/// Writes all warnings. `home` is the namespace of what is shown without one.
pub fn write(warnings: &[Warning], home: Option<&str>, layout: Layout, out: &mut String) {
    for group in by_cause(warnings) {
        let Some(warning) = group.first().copied() else { continue };
        if let (WarningKind::NotInStack { target }, true) = (&warning.kind, group.len() > 1) {
            write_group(target, &group, home, layout, out);
            continue;
        }
        let line = Line::default().role(Role::Warning, "warning:").text(" ").hang(2);
        let line = line.role(Role::Strong, &warning.resource.relative_to(home)).text(": ");
        line.text(&warning.kind.to_string()).write(layout, out);
        if let Some(site) = warning.site {
            Line::indented(2).role(Role::Faint, "at ").text(&site.to_string()).write(layout, out);
        }
        if !warning.path.is_root() {
            let line = Line::indented(2).role(Role::Faint, "field ").hang_here();
            line.text(&warning.path.to_string()).write(layout, out);
        }
        if let Some(hint) = &warning.hint {
            Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(hint).write(layout, out);
        }
        out.push('\n');
    }
}

/// The warnings, those together that are about one resource that is not in the stack.
fn by_cause(warnings: &[Warning]) -> Vec<Vec<&Warning>> {
    let mut groups: Vec<Vec<&Warning>> = Vec::new();
    for warning in warnings {
        let is_same = |group: &&mut Vec<&Warning>| {
            matches!(warning.kind, WarningKind::NotInStack { .. })
                && group.first().is_some_and(|first| first.kind == warning.kind && first.hint == warning.hint)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(warning),
            None => groups.push(vec![warning]),
        }
    }
    groups
}

fn write_group(target: &ResourceId, group: &[&Warning], home: Option<&str>, layout: Layout, out: &mut String) {
    let text = format!(
        "{} is neither in this stack nor declared external; it is named {} times",
        target.relative_to(home),
        group.len()
    );
    Line::default().role(Role::Warning, "warning:").text(" ").hang(2).text(&text).write(layout, out);
    for warning in group {
        let line = Line::indented(2).role(Role::Faint, "by ").hang_here();
        let line = line.role(Role::Strong, &warning.resource.relative_to(home));
        let site = warning.site.map(|site| format!(", at {site}")).unwrap_or_default();
        line.text(&format!(", field {}", warning.path)).role(Role::Faint, &site).write(layout, out);
    }
    if let Some(hint) = group.first().and_then(|first| first.hint.as_ref()) {
        Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(hint).write(layout, out);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use holm_core::{SecretSource, Site};

    use super::*;

    #[test]
    fn a_warning_has_its_line_its_field_and_its_hint() {
        let mut warning = Warning::new(
            WarningKind::SecretInPlainText(SecretSource::Generated("password".into()), "ConfigMap".into()),
            ResourceId::new("", "ConfigMap", Some("shop"), "settings"),
            "data.url".parse().expect("well formed"),
        );
        warning.site = Some(Site { file: "src/main.rs", line: 12 });
        warning.hint = Some("keep the value in a Secret".into());
        let mut out = String::new();
        write(&[warning], Some("shop"), Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @r#"
        warning: ConfigMap/settings: the generated value "password" is stored in plain
          text; everyone who can read the ConfigMap can read it
          at src/main.rs:12
          field data.url
          hint: keep the value in a Secret
        "#);
    }
}
