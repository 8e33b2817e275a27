//! Turns what went wrong into what is told about one change.

use std::time::Duration;

use crate::event::Failure;
use holm_readiness::Readiness;
use holm_readiness::cause::Cause;
use serde_json::Value;

/// A failure in one line.
pub(crate) fn plain(message: impl Into<String>, hint: Option<&str>) -> Failure {
    Failure { message: message.into(), sources: Vec::new(), cause: None, hint: hint.map(str::to_owned) }
}

/// An object that says itself that it will not become ready, or of which that is certain.
pub(crate) fn not_ready(readiness: Option<&Readiness>, cause: Option<Cause>) -> Failure {
    let summary = cause.as_ref().map(|cause| cause.summary.clone()).filter(|summary| !summary.is_empty());
    let message = summary.unwrap_or_else(|| format!("it will not become ready: {}", words(readiness)));
    with_cause(message, cause)
}

/// An object that did not become ready in time.
pub(crate) fn too_late(after: Duration, readiness: Option<&Readiness>, cause: Option<Cause>) -> Failure {
    let message = format!("it is not ready after {}: {}", seconds(after), words(readiness));
    stopped(message, cause)
}

/// An object that the run no longer waits for, and why it was not ready so far.
pub(crate) fn stopped(message: String, cause: Option<Cause>) -> Failure {
    match cause {
        Some(cause) if !cause.summary.is_empty() && !message.contains(&cause.summary) => {
            with_cause(format!("{message}: {}", cause.summary), Some(cause))
        }
        cause => with_cause(message, cause),
    }
}

/// An object that did not go in time.
pub(crate) fn not_gone(after: Duration, last: Option<&Value>, cause: Option<Cause>) -> Failure {
    if let Some(cause) = cause.filter(|cause| !cause.summary.is_empty()) {
        return with_cause(format!("it is not gone after {}: {}", seconds(after), cause.summary), Some(cause));
    }
    let finalizers: Vec<&str> = last
        .and_then(|object| object.pointer("/metadata/finalizers"))
        .and_then(Value::as_array)
        .map(|finalizers| finalizers.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let message = format!("it is not gone after {}", seconds(after));
    if finalizers.is_empty() {
        return plain(message, None);
    }
    let message = format!("{message}: the finalizers {} hold it", finalizers.join(", "));
    plain(message, Some("see whether the controller that owns the finalizer runs, and what it waits for"))
}

fn with_cause(message: String, cause: Option<Cause>) -> Failure {
    let hint = cause.as_ref().and_then(|cause| cause.hint.clone());
    Failure { message, sources: Vec::new(), cause: cause.map(Box::new), hint }
}

fn words(readiness: Option<&Readiness>) -> String {
    match readiness {
        Some(Readiness { message, .. }) if !message.is_empty() => message.clone(),
        Some(Readiness { reason, .. }) if !reason.is_empty() => reason.clone(),
        Some(Readiness { state, .. }) => state.to_string(),
        None => "nothing is known of it".to_owned(),
    }
}

/// How long something takes, in words.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds if seconds > 600 => format!("{} min", seconds.div_ceil(60)),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
