//! The configuration of a stack.

use holm_config::{Key, Problem, ProblemKind};
use serde_json::Value;

use crate::config::text;
use crate::hint;
use crate::style::{Layout, Line, Role, columns};

/// One value.
pub struct Row {
    /// Its key.
    pub key: Key,
    /// The value; none for a secret one, and for one that nobody gave.
    pub value: Option<Value>,
    /// Whether it is secret.
    pub is_secret: bool,
    /// Where it comes from.
    pub from: String,
    /// What it is for; empty where the type does not say.
    pub about: String,
}

impl Row {
    /// What is shown in the place of the value.
    pub fn shown(&self) -> String {
        match &self.value {
            Some(value) => text(value),
            None if self.is_secret && self.from != "default" => "(sensitive)".to_owned(),
            None => "(not set)".to_owned(),
        }
    }
}

/// Writes each value with where it comes from, in columns, and what it is for below.
pub fn write(rows: &[Row], layout: Layout) -> String {
    let mut out = String::new();
    let widest = |width: &dyn Fn(&Row) -> usize| rows.iter().map(width).max().unwrap_or(0).min(40);
    let (key_width, value_width) = (widest(&|row| columns(&row.key.to_string())), widest(&|row| columns(&row.shown())));
    for row in rows {
        let role = if row.value.is_some() { Role::Plain } else { Role::Faint };
        let line = Line::default().role(Role::Strong, &row.key.to_string()).column(key_width + 2);
        let line = line.role(role, &row.shown()).column(key_width + value_width + 4);
        line.role(Role::Faint, &row.from).write(layout, &mut out);
        if !row.about.is_empty() {
            Line::indented(2).role(Role::Faint, &row.about).write(layout, &mut out);
        }
    }
    out
}

/// Writes everything that is wrong with a configuration, and how much that is.
pub fn write_problems(problems: &[Problem], layout: Layout, out: &mut String) {
    for (position, problem) in problems.iter().enumerate() {
        if position > 0 {
            out.push('\n');
        }
        let line = Line::default().role(Role::Error, "error:").text(" ").hang(2);
        line.text(&problem.kind.to_string()).write(layout, out);
        if let Some(origin) = &problem.origin {
            let word = if matches!(origin, holm_config::Origin::Line { .. }) { "at " } else { "from " };
            Line::indented(2).role(Role::Faint, word).text(&origin.to_string()).write(layout, out);
        }
        if let Some(hint) = hint::of_configuration(problem) {
            Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, out);
        }
    }
    if problems.len() > 1 {
        let count = format!("the configuration has {} problems", problems.len());
        out.push('\n');
        Line::default().role(Role::Error, "error:").text(" ").role(Role::Strong, &count).write(layout, out);
    }
}

/// The key that a missing value has.
pub fn missing(problem: &Problem) -> Option<&Key> {
    match &problem.kind {
        ProblemKind::Missing { key } => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use holm_config::{Schema, Sources};
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stand_in_columns_with_where_they_come_from() {
        let row = |key: &str, value: Option<Value>, is_secret, from: &str, about: &str| Row {
            key: Key::of(key.split('.')),
            value,
            is_secret,
            from: from.to_owned(),
            about: about.to_owned(),
        };
        let rows = [
            row("replicas", Some(3.into()), false, "holm.toml:12", "How many pods serve"),
            row("database.host", Some("postgres.holm".into()), false, "the command line", ""),
            row("database.password", None, true, "the environment variable HOLM_CONFIG_DATABASE_PASSWORD", ""),
            row("size", Some("small".into()), false, "default", ""),
            row("debug", None, false, "default", ""),
        ];
        insta::assert_snapshot!(write(&rows, Layout::default()), @"
        replicas           3              holm.toml:12
          How many pods serve
        database.host      postgres.holm  the command line
        database.password  (sensitive)    the environment variable HOLM_CONFIG_DATABASE_PASSWORD
        size               small          default
        debug              (not set)      default
        ");
    }

    #[test]
    fn every_problem_has_its_line_and_what_would_help() {
        let schema = Schema::new(json!({"type": "object", "required": ["host"], "properties": {
            "host": {"type": "string", "description": "Where it listens"}, "port": {"type": "integer"},
        }}));
        let text = "[config]\nhots = \"a\"\nport = \"x\"\n";
        let sources = Sources { file: Some(("holm.toml", text)), ..Sources::of_stack("default") };
        let problems = holm_config::read(Some(&schema), &sources).expect_err("it is wrong");
        let mut out = String::new();
        write_problems(&problems.0, Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @r#"
        error: the program has no configuration value "hots"
          at holm.toml:2
          hint: did you mean "host"?

        error: the configuration value "port" must be an integer, and is a text
          at holm.toml:3

        error: the configuration value "host" is not set
          hint: it is a text: Where it listens; give it with `config set host VALUE`,
                with --config host=VALUE, or as the environment variable
                HOLM_CONFIG_HOST

        error: the configuration has 3 problems
        "#);
    }
}
