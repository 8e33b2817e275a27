//! Warnings about a declaration: each with its source line, its field and how to state that it is intended.

use holm_core::Warning;

use crate::style::{Layout, Line, Role};

/// Writes all warnings. `home` is the namespace of what is shown without one.
pub fn write(warnings: &[Warning], home: Option<&str>, layout: Layout, out: &mut String) {
    for warning in warnings {
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

#[cfg(test)]
mod tests {
    use holm_core::SecretSource;
    use holm_core::{ResourceId, Site, WarningKind};

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
