//! The lines `holm.event/v1` and the document `holm.report/v1`.

use std::time::Duration;

use holm_executor::event::{Event, Failure, Outcome, Report, SkipReason};
use holm_planner::plan::Action;
use holm_readiness::Readiness;
use holm_readiness::cause::Cause;
use serde::Serialize;

use crate::json::{Form, ResourceDocument, document, seconds};

#[derive(Default, Serialize)]
struct EventDocument<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    elapsed: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness: Option<ReadinessDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<BecauseDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
}

/// How far an object has come.
#[derive(Serialize)]
pub struct ReadinessDocument<'a> {
    state: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

impl<'a> From<&'a Readiness> for ReadinessDocument<'a> {
    fn from(readiness: &'a Readiness) -> Self {
        Self { state: readiness.state.to_string(), reason: &readiness.reason, message: &readiness.message }
    }
}

#[derive(Serialize)]
struct FailureDocument<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    causes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<CauseDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> From<&'a Failure> for FailureDocument<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            message: &failure.message,
            causes: &failure.sources,
            diagnosis: failure.cause.as_deref().map(CauseDocument::from),
            hint: failure.hint.as_deref(),
        }
    }
}

/// Why an object is not ready.
#[derive(Serialize)]
pub struct CauseDocument<'a> {
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    is_final: bool,
    chain: Vec<ResourceDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<ContainerDocument<'a>>,
    events: Vec<ClusterEventDocument<'a>>,
}

#[derive(Serialize)]
struct ContainerDocument<'a> {
    name: &'a str,
    is_init: bool,
    image: &'a str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_meaning: Option<&'a str>,
    restarts: i32,
    log: &'a [String],
    log_is_previous: bool,
}

#[derive(Serialize)]
struct ClusterEventDocument<'a> {
    reason: &'a str,
    message: &'a str,
    count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    about: ResourceDocument,
}

impl<'a> From<&'a Cause> for CauseDocument<'a> {
    fn from(cause: &'a Cause) -> Self {
        Self {
            summary: &cause.summary,
            hint: cause.hint.as_deref(),
            is_final: cause.is_final,
            chain: cause.chain.iter().map(ResourceDocument::from).collect(),
            container: cause.container.as_ref().map(|container| ContainerDocument {
                name: &container.name,
                is_init: container.is_init,
                image: &container.image,
                reason: &container.reason,
                message: &container.message,
                exit_code: container.exit_code,
                exit_meaning: container.exit_meaning.as_deref(),
                restarts: container.restarts,
                log: &container.log,
                log_is_previous: container.log_is_previous,
            }),
            events: cause
                .events
                .iter()
                .map(|event| ClusterEventDocument {
                    reason: &event.reason,
                    message: &event.message,
                    count: event.count,
                    last_seen: event.last_seen.map(|time| time.to_string()),
                    about: ResourceDocument::from(&event.about),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct BecauseDocument {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceDocument>,
}

impl From<&SkipReason> for BecauseDocument {
    fn from(reason: &SkipReason) -> Self {
        match reason {
            SkipReason::DependencyFailed(id) => {
                Self { code: "dependency_failed", resource: Some(ResourceDocument::from(id)) }
            }
            SkipReason::NothingPrunedWhileNotReady(id) => {
                Self { code: "nothing_pruned_while_not_ready", resource: Some(ResourceDocument::from(id)) }
            }
            SkipReason::NothingPrunedAfterFailure => Self { code: "nothing_pruned_after_failure", resource: None },
            SkipReason::Interrupted => Self { code: "interrupted", resource: None },
        }
    }
}

/// The line of one event, `elapsed` after the start of the run.
pub fn event(event: &Event, elapsed: Duration) -> String {
    let (kind, id, action) = match event {
        Event::Started { id, action } => ("started", Some(id), Some(*action)),
        Event::Written { id, action, .. } => ("written", Some(id), Some(*action)),
        Event::Waiting { id, .. } => ("waiting", Some(id), None),
        Event::Ready { id, .. } => ("ready", Some(id), None),
        Event::Log { id, .. } => ("log", Some(id), None),
        Event::Deleted { id, .. } => ("deleted", Some(id), None),
        Event::Released { id } => ("released", Some(id), None),
        Event::Failed { id, action, .. } => ("failed", Some(id), Some(*action)),
        Event::Skipped { id, action, .. } => ("skipped", Some(id), Some(*action)),
        Event::Warning { id, .. } => ("warning", id.as_ref(), None),
        Event::Retrying { id, .. } => ("retrying", Some(id), None),
        Event::Stopping => ("stopping", None, None),
        _ => ("other", None, None),
    };
    let mut line = EventDocument {
        schema: "holm.event/v1",
        kind,
        elapsed: seconds(elapsed),
        resource: id.map(ResourceDocument::from),
        action: action.map(Action::word),
        ..EventDocument::default()
    };
    match event {
        Event::Written { after, .. } | Event::Deleted { after, .. } => line.seconds = Some(seconds(*after)),
        Event::Ready { after, note, .. } => {
            line.seconds = Some(seconds(*after));
            line.message = note.as_deref();
        }
        Event::Log { pod, container, line: text, .. } => {
            line.pod = Some(pod);
            line.container = Some(container);
            line.message = Some(text);
        }
        Event::Waiting { readiness, .. } => line.readiness = Some(ReadinessDocument::from(readiness)),
        Event::Failed { failure, .. } => line.failure = Some(FailureDocument::from(failure)),
        Event::Skipped { because, .. } => line.because = Some(BecauseDocument::from(because)),
        Event::Warning { text, .. } => line.message = Some(text),
        Event::Retrying { error, after, .. } => {
            line.message = Some(error);
            line.seconds = Some(seconds(*after));
        }
        _ => {}
    }
    document(&line, Form::Line)
}

#[derive(Serialize)]
struct ReportDocument<'a> {
    schema: &'static str,
    outcome: &'static str,
    seconds: f64,
    requests: u64,
    results: Vec<ResultDocument<'a>>,
}

#[derive(Serialize)]
struct ResultDocument<'a> {
    resource: ResourceDocument,
    action: &'static str,
    outcome: &'static str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<BecauseDocument>,
}

/// The document of a run that has ended. `requests` were sent since the start of the program.
pub fn report(report: &Report, requests: u64) -> String {
    let results = report.outcomes.iter().map(|(id, action, outcome, took)| {
        let (word, failure, because) = match outcome {
            Outcome::Done => ("done", None, None),
            Outcome::Failed(failure) => ("failed", Some(FailureDocument::from(failure)), None),
            Outcome::Skipped(reason) => ("skipped", None, Some(BecauseDocument::from(reason))),
        };
        ResultDocument {
            resource: ResourceDocument::from(id),
            action: action.word(),
            outcome: word,
            seconds: seconds(*took),
            failure,
            because,
        }
    });
    let report = ReportDocument {
        schema: "holm.report/v1",
        outcome: match (report.is_success(), report.interrupted) {
            (true, _) => "done",
            (false, true) => "interrupted",
            (false, false) => "failed",
        },
        seconds: seconds(report.duration),
        requests,
        results: results.collect(),
    };
    document(&report, Form::Line)
}
