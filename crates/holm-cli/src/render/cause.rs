//! Why something failed: what was attempted, the chain of causes, and for an object that does not become ready everything
//! that a person would look for.

use holm_executor::event::Failure;
use holm_readiness::cause::{Cause, ContainerCause};

use crate::style::{Layout, Line, Role};

/// Writes a failure below its title, indented.
pub fn write_failure(failure: &Failure, indent: usize, layout: Layout, out: &mut String) {
    for source in &failure.sources {
        Line::indented(indent).text(source).write(layout, out);
    }
    if let Some(cause) = &failure.cause {
        write_cause(cause, !failure.message.ends_with(&cause.summary), indent, layout, out);
    }
    let hint = failure.hint.as_ref().or(failure.cause.as_ref().and_then(|cause| cause.hint.as_ref()));
    if let Some(hint) = hint {
        Line::indented(indent).role(Role::Hint, "hint:").text(" ").hang_here().text(hint).write(layout, out);
    }
}

/// Writes why an object is not ready; its hint is left to the caller.
pub fn write_cause(cause: &Cause, with_summary: bool, indent: usize, layout: Layout, out: &mut String) {
    if with_summary && !cause.summary.is_empty() {
        Line::indented(indent).text(&cause.summary).write(layout, out);
    }
    if cause.chain.len() > 1 || cause.container.is_some() {
        let mut names: Vec<String> = cause.chain.iter().map(|id| id.short()).collect();
        if let Some(container) = &cause.container {
            let kind = if container.is_init { "init container" } else { "container" };
            names.push(format!("{kind} {} ({})", container.name, container.image));
        }
        Line::indented(indent)
            .role(Role::Faint, "in")
            .text(" ")
            .hang_here()
            .text(&names.join(" > "))
            .write(layout, out);
    }
    if let Some(container) = &cause.container {
        write_container(container, indent, layout, out);
    }
    for event in &cause.events {
        let count = if event.count > 1 { format!(" ({}x)", event.count) } else { String::new() };
        Line::indented(indent)
            .role(Role::Faint, "event")
            .text(" ")
            .hang_here()
            .role(Role::Changed, &event.reason)
            .text(&format!("{count} {}: {}", event.about.short(), event.message))
            .write(layout, out);
    }
    if let Some(container) = cause.container.as_ref().filter(|container| !container.log.is_empty()) {
        let whose = if container.log_is_previous {
            "last lines of the log before its restart:"
        } else {
            "last lines of its log:"
        };
        Line::indented(indent).role(Role::Faint, whose).write(layout, out);
        for line in &container.log {
            Line::indented(indent + 2).role(Role::Faint, "|").text(" ").hang_here().text(line).write(layout, out);
        }
    }
}

fn write_container(container: &ContainerCause, indent: usize, layout: Layout, out: &mut String) {
    let mut facts = Vec::new();
    if let Some(code) = container.exit_code {
        let meaning = container.exit_meaning.as_ref().map(|meaning| format!(" ({meaning})")).unwrap_or_default();
        facts.push(format!("exit code {code}{meaning}"));
    }
    match container.restarts {
        0 => {}
        1 => facts.push("1 restart".to_owned()),
        many => facts.push(format!("{many} restarts")),
    }
    let mut text = String::new();
    if !facts.is_empty() {
        text.push_str(&format!(", {}", facts.join(", ")));
    }
    if !container.message.is_empty() {
        text.push_str(&format!(": {}", container.message));
    }
    if !container.reason.is_empty() || !text.is_empty() {
        let line = Line::indented(indent).role(Role::Faint, "state").text(" ").hang_here();
        line.role(Role::Bad, &container.reason).text(&text).write(layout, out);
    }
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    use super::*;

    #[test]
    fn a_crash_loop_says_everything_that_one_would_look_for() {
        let mut out = String::new();
        write_failure(&sample::crash_loop(), 2, Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @r#"
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
        "#);
    }

    #[test]
    fn a_refused_request_has_its_chain() {
        let failure = Failure {
            message: "cannot be created".into(),
            sources: vec!["POST /api/v1/x: forbidden".into(), "quota exceeded".into()],
            cause: None,
            hint: Some("raise the quota".into()),
        };
        let mut out = String::new();
        write_failure(&failure, 2, Layout::default(), &mut out);
        insta::assert_snapshot!(out, @"
        POST /api/v1/x: forbidden
        quota exceeded
        hint: raise the quota
        ");
    }
}
