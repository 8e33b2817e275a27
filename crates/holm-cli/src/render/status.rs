//! What a stack owns and how far each of it has come, as a table; below it the cause of what is not ready.

use std::time::Duration;

use holm_core::ResourceId;
use holm_readiness::cause::Cause;
use holm_readiness::{Readiness, State};

use crate::duration;
use crate::render::cause;
use crate::style::{Layout, Line, Role, columns};

/// One object.
#[derive(Clone, Debug)]
pub struct Row {
    /// The object.
    pub id: ResourceId,
    /// How far it has come.
    pub readiness: Readiness,
    /// Why it is not ready, where that was found out.
    pub cause: Option<Cause>,
    /// Since it was created; none where it does not exist.
    pub age: Option<Duration>,
    /// What else is worth knowing.
    pub note: Option<String>,
    /// Whether the stack owns it; of an object that does not exist, whether the inventory names it.
    pub is_ours: bool,
}

impl Row {
    /// Returns whether the object is as it should be: the stack's own, and ready.
    pub fn is_ready(&self) -> bool {
        self.is_ours && self.readiness.state == State::Current
    }
}

/// Writes the table, the causes and a line that counts.
pub fn write(rows: &[Row], home: Option<&str>, layout: Layout, out: &mut String) {
    let names: Vec<String> = rows.iter().map(|row| row.id.relative_to(home)).collect();
    let name_width = names.iter().map(|name| columns(name)).max().unwrap_or(0).min(50);
    let state_column = 2 + name_width + 2;
    let state_width = rows.iter().map(|row| row.readiness.state.to_string().len()).max().unwrap_or(0);
    let age_column = state_column + state_width + 2;
    for (row, name) in rows.iter().zip(&names) {
        let age = row.age.map(duration::age).unwrap_or_else(|| "-".to_owned());
        Line::indented(2)
            .text(name)
            .column(state_column)
            .role(role(row.readiness.state), &row.readiness.state.to_string())
            .column(age_column)
            .role(Role::Faint, &format!("{age:>4}"))
            .column(age_column + 6)
            .hang_here()
            .text(&words(row))
            .write(layout, out);
    }
    if !rows.is_empty() {
        out.push('\n');
    }
    for (row, name) in rows.iter().zip(&names).filter(|(row, _)| row.readiness.state != State::Current) {
        let Some(found) = &row.cause else { continue };
        let line = Line::default().role(role(row.readiness.state), name).text(": ").hang(2);
        line.text(&found.summary).write(layout, out);
        cause::write_cause(found, false, 2, layout, out);
        if let Some(hint) = &found.hint {
            Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(hint).write(layout, out);
        }
        out.push('\n');
    }
    Line::default().role(Role::Strong, &summary(rows)).write(layout, out);
}

fn summary(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "Status: this stack owns nothing in this cluster".to_owned();
    }
    let (ours, others): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.is_ours || row.readiness.state == State::NotFound);
    let states =
        [State::Current, State::InProgress, State::Failed, State::Terminating, State::NotFound, State::Unknown];
    let counts: Vec<String> = states
        .into_iter()
        .map(|state| (ours.iter().filter(|row| row.readiness.state == state).count(), state.to_string()))
        .chain([(others.len(), "not managed by this stack".to_owned())])
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    format!("Status: {}", counts.join(", "))
}

fn words(row: &Row) -> String {
    let readiness = &row.readiness;
    let says_more = readiness.state != State::Current && readiness.reason != readiness.state.to_string();
    let mut words = match (readiness.reason.as_str(), readiness.message.as_str()) {
        (reason, "") if says_more => reason.to_owned(),
        (reason, message) if says_more && !reason.is_empty() => format!("{reason}: {message}"),
        (_, message) => message.to_owned(),
    };
    if let Some(note) = &row.note {
        words.push_str(if words.is_empty() { "" } else { "; " });
        words.push_str(note);
    }
    words
}

/// The colour of a state.
pub fn role(state: State) -> Role {
    match state {
        State::Current => Role::Good,
        State::InProgress => Role::Changed,
        State::Failed | State::NotFound => Role::Bad,
        State::Terminating => Role::Replaced,
        State::Unknown => Role::Special,
    }
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    use super::*;

    fn row(kind: &str, name: &str, state: State, message: &str, seconds: u64) -> Row {
        Row {
            id: ResourceId::new("", kind, (kind != "Namespace").then_some("holm"), name),
            readiness: Readiness { state, reason: String::new(), message: message.into() },
            cause: None,
            age: (state != State::NotFound).then(|| Duration::from_secs(seconds)),
            note: None,
            is_ours: true,
        }
    }

    fn rows() -> Vec<Row> {
        let mut failed = row("Deployment", "postgres", State::Failed, "0 of 1 replicas are available", 4_000);
        failed.readiness.reason = "CrashLoopBackOff".into();
        failed.cause = sample::crash_loop().cause.map(|cause| *cause);
        let mut old = row("ConfigMap", "old", State::Current, "", 700);
        old.note = Some("no longer declared: apply would remove it".into());
        vec![
            old,
            row("Namespace", "holm", State::Current, "", 100_000),
            row("Secret", "postgres-secret", State::Current, "", 5),
            row("Service", "postgres", State::NotFound, "", 0),
            failed,
        ]
    }

    #[test]
    fn a_table_with_the_cause_below() {
        let mut out = String::new();
        write(&rows(), Some("holm"), Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @r#"
          ConfigMap/old           Current    11m  no longer declared: apply would remove
                                                  it
          Namespace/holm          Current     1d
          Secret/postgres-secret  Current     5s
          Service/postgres        NotFound     -
          Deployment/postgres     Failed      1h  CrashLoopBackOff: 0 of 1 replicas are
                                                  available

        Deployment/postgres: container postgres ends with exit code 137 again and again
          in Deployment/postgres > ReplicaSet/postgres-6b7c9 > Pod/postgres-6b7c9-x2x4z
             > container postgres (postgres:15-alpine)
          state CrashLoopBackOff, exit code 137 (killed by SIGKILL), 3 restarts:
                back-off 20s restarting failed container
          event BackOff (7x) Pod/postgres-6b7c9-x2x4z: Back-off restarting failed
                container postgres in pod postgres-6b7c9-x2x4z
          last lines of the log before its restart:
            | initdb: error: directory "/var/lib/postgresql/data" exists but is not
              empty
            | initdb: \u{1b}[31mhint\u{1b}[0m: use a subdirectory
          hint: the last lines of its log say why

        Status: 3 Current, 1 Failed, 1 NotFound
        "#);
    }

    #[test]
    fn a_stack_that_owns_nothing_says_so() {
        let mut out = String::new();
        write(&[], Some("holm"), Layout::default(), &mut out);
        assert_eq!(out, "Status: this stack owns nothing in this cluster\n");
    }
}
