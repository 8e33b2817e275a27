//! How a run ended: what failed and why, what was not begun, and one line that counts.

use holm_core::ResourceId;
use holm_executor::event::{Failure, Outcome, Report, SkipReason};
use holm_planner::plan::Action;

use crate::duration;
use crate::hint;
use crate::render::cause;
use crate::style::{Layout, Line, Role};

/// Writes a block for each failure, and what was not begun because of it.
pub fn write_failures(report: &Report, home: Option<&str>, layout: Layout, out: &mut String) {
    for (id, action, outcome, _) in &report.outcomes {
        let Outcome::Failed(failure) = outcome else { continue };
        let line = Line::default().role(Role::Error, "error:").text(" ").hang(2).text(failed_words(*action));
        line.role(Role::Strong, &id.relative_to(home)).text(&format!(": {}", failure.message)).write(layout, out);
        let failure = Failure { hint: hint::of_failure(id, failure, home), ..failure.clone() };
        cause::write_failure(&failure, 2, layout, out);
        out.push('\n');
    }
    for (reason, ids) in skipped(report) {
        let names: Vec<String> = ids.iter().map(|id| id.relative_to(home)).collect();
        let line = Line::default().role(Role::Warning, "not done:").text(" ").hang(2).text(&names.join(", "));
        line.role(Role::Faint, &format!(" ({})", skip_words(reason, home))).write(layout, out);
    }
}

/// The line that counts. `total` requests were sent since the start of the program.
pub fn summary(report: &Report, total: u64) -> String {
    let done = |actions: &[Action]| {
        let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done);
        report.outcomes.iter().filter(|(_, action, outcome, _)| actions.contains(action) && is_done(outcome)).count()
    };
    let mut counts: Vec<(usize, &str)> = [
        (Action::Create, "created"),
        (Action::Update, "updated"),
        (Action::Replace, "replaced"),
        (Action::Adopt, "adopted"),
        (Action::Delete, "deleted"),
        (Action::Release, "released"),
        (Action::Unchanged, "unchanged"),
    ]
    .into_iter()
    .map(|(action, words)| (done(&[action]), words))
    .collect();
    let failed = report.outcomes.iter().filter(|(_, _, outcome, _)| matches!(outcome, Outcome::Failed(_))).count();
    let skipped = report.outcomes.iter().filter(|(_, _, outcome, _)| matches!(outcome, Outcome::Skipped(_))).count();
    counts.extend([(failed, "failed"), (skipped, "not done")]);
    let counts: Vec<String> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    let title = match (report.is_success(), report.interrupted) {
        (true, _) => "Done",
        (false, true) => "Stopped",
        (false, false) => "Failed",
    };
    let what = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
    format!("{title}: {what} in {}, {total} requests", duration::took(report.duration))
}

/// The word for an action that is done.
pub fn done_word(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::Unchanged => "unchanged",
        Action::Adopt => "adopted",
        Action::Release => "released",
        Action::Keep => "kept",
        Action::Unknown => "unknown",
    }
}

/// The word for an action that is under way.
pub fn doing_word(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
        Action::Unchanged | Action::Keep | Action::Unknown => "waiting for",
        Action::Adopt => "adopting",
        Action::Release => "releasing",
    }
}

/// What was attempted, in front of the object's name.
fn failed_words(action: Action) -> &'static str {
    match action {
        Action::Create => "creating ",
        Action::Update => "updating ",
        Action::Replace => "replacing ",
        Action::Delete => "deleting ",
        Action::Adopt => "adopting ",
        Action::Release => "releasing ",
        Action::Unchanged | Action::Keep | Action::Unknown => "",
    }
}

/// Why something was not begun, in words.
pub fn skip_words(reason: &SkipReason, home: Option<&str>) -> String {
    match reason {
        SkipReason::DependencyFailed(id) => format!("needs {}", id.relative_to(home)),
        SkipReason::NothingPrunedWhileNotReady(id) => {
            format!("nothing is deleted while {} is not ready", id.relative_to(home))
        }
        SkipReason::NothingPrunedAfterFailure => "nothing is deleted after a failed write".to_owned(),
        SkipReason::Interrupted => "the run was stopped".to_owned(),
    }
}

/// What was not begun, grouped by why.
fn skipped(report: &Report) -> Vec<(&SkipReason, Vec<&ResourceId>)> {
    let mut groups: Vec<(&SkipReason, Vec<&ResourceId>)> = Vec::new();
    for (id, _, outcome, _) in &report.outcomes {
        let Outcome::Skipped(reason) = outcome else { continue };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((reason, vec![id])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    use super::*;

    #[test]
    fn a_failed_run_says_what_failed_why_and_what_was_left() {
        let mut out = String::new();
        write_failures(&sample::failed_report(), Some("holm"), Layout { color: false, width: Some(80) }, &mut out);
        out.push_str(&summary(&sample::failed_report(), 31));
        insta::assert_snapshot!(out, @r#"
        error: creating Deployment/postgres: did not become ready
          container postgres ends with exit code 137 again and again
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

        not done: Job/migrate (needs Deployment/postgres)
        not done: ConfigMap/old (nothing is deleted after a failed write)
        Failed: 1 created, 1 unchanged, 1 failed, 2 not done in 1m06s, 31 requests
        "#);
    }

    #[test]
    fn a_run_without_work_says_so() {
        assert_eq!(summary(&Report::default(), 4), "Done: nothing to do in 0ms, 4 requests");
    }
}
