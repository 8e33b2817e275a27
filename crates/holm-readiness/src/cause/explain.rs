//! From evidence to a cause.

use serde_json::Value;

use super::events::Events;
use super::evidence::{Evidence, LiveObject, LogSource};
use super::text::{shown, shown_line};
use super::{Cause, ContainerCause, LOG_LINE_LENGTH, LOG_LINE_LIMIT, MESSAGE_LIMIT, claim, other, workload};
use crate::State;
use crate::container::{Container, Phase, exit_meaning};
use crate::generic::terminating;
use crate::trouble::Missing;
use holm_redact::Redactor;
use holm_values::{ApiKind, ResourceId};

/// Why the object is not ready. None where it is Current.
///
/// All texts are scrubbed with `redactor` before they are cut, so that no cut leaves half of a secret behind.
///
/// A cause is final when the object is Failed, or when it is one of these:
/// - an image name that is none, or an image that may never be pulled: at first sight;
/// - an image that is not found or refused: once kubelet backs off, or after two failed pulls; a registry that cannot be
///   reached or limits pulls: after three;
/// - a container that crashed and was restarted at least twice, except in a Job, which counts by itself;
/// - a container that cannot be made or started: from the second event on (at first sight for an image that runs as root where
///   that is forbidden);
/// - pods that admission refuses: from the second event on; for want of quota or of a PriorityClass, once that has lasted
///   ten seconds and no pod of the same owner is still ending;
/// - a claim whose class or volume does not fit: from the second event on.
///
/// A Secret, ConfigMap, key, claim or ServiceAccount that does not exist is [missing](Cause::missing) and never final: kubelet and the
/// controllers try on, and something may make it. A pod that no node takes, a probe that fails, a volume that does not mount for another reason and a load balancer
/// without an address are never final: they are for the timeout to end.
pub fn explain(evidence: &Evidence, redactor: &Redactor) -> Option<Cause> {
    let case = Case::of(evidence);
    let draft = case.draft()?;
    Some(cause(evidence, &case, draft, redactor))
}

/// Returns why an object that is being deleted is still there, from what it says itself: the finalizers that hold it, what is left in
/// a namespace and what holds that, APIs that do not answer, and the custom resources of a definition. None where it is not being
/// deleted.
pub fn explain_deletion(kind: &ApiKind, object: &Value, redactor: &Redactor) -> Option<Cause> {
    let readiness = terminating(object)?;
    explain(&Evidence::new(LiveObject::new(kind, object.clone()), readiness), redactor)
}

/// Returns why the pods of an object keep failing although it is Current: kubelet evicts them, or fails them for another reason,
/// and each replacement works for a while. None where fewer than two pods failed for the same reason.
///
/// [`lookups`](super::lookups) of the object fetches what it takes, whatever its readiness.
pub fn explain_instability(evidence: &Evidence, redactor: &Redactor) -> Option<Cause> {
    let case = Case::of(evidence);
    let draft = workload::unstable(&case)?;
    Some(cause(evidence, &case, draft, redactor))
}

fn cause<'v>(evidence: &'v Evidence, case: &Case<'v>, draft: Draft<'v>, redactor: &Redactor) -> Cause {
    let mut chain = vec![&evidence.object];
    chain.extend(&draft.below);
    let container = draft.container.as_ref().map(|container| container_cause(evidence, &draft, container, redactor));
    let mut events = case.events.lines(&chain);
    for event in &mut events {
        event.message = shown(&event.message, redactor, MESSAGE_LIMIT);
    }
    let is_foreign_binary = container.iter().flat_map(|it| &it.log).any(|line| line.contains("exec format error"));
    let hint = match is_foreign_binary {
        true => Some("the image is built for another architecture than the node's".to_owned()),
        false => draft.hint.map(|hint| shown(&hint, redactor, MESSAGE_LIMIT)),
    };
    Cause {
        summary: shown(&draft.summary, redactor, MESSAGE_LIMIT),
        hint,
        chain: chain.into_iter().map(|object| object.id.clone()).collect(),
        container,
        events,
        is_final: draft.is_final || evidence.readiness.state == State::Failed,
        missing: draft.missing.map(|missing| {
            let namespace = evidence.object.id.namespace.as_deref();
            ResourceId::new("", &missing.kind, namespace, &missing.name)
        }),
    }
}

/// Whose logs would help: those of the container that [`explain`] blames, at most two. Fetch the last
/// [`LOG_LINE_LIMIT`] lines of each into [`Evidence::logs`].
pub fn containers_to_log(evidence: &Evidence) -> Vec<LogSource> {
    let Some(draft) = Case::of(evidence).draft() else {
        return Vec::new();
    };
    let Some(container) = &draft.container else {
        return Vec::new();
    };
    let Some(source) = log_source(evidence, &draft, container) else {
        return Vec::new();
    };
    let previous = LogSource { previous: true, ..source.clone() };
    match container.phase {
        Phase::Running if container.last.is_some() => vec![source, previous],
        Phase::Running | Phase::Ended(_) => vec![source],
        Phase::Waiting { .. } if container.last.is_some() => vec![previous],
        Phase::Waiting { .. } => Vec::new(),
    }
}

/// What was found, before its texts are made fit to be shown.
pub(super) struct Draft<'v> {
    pub(super) summary: String,
    pub(super) hint: Option<String>,
    /// The chain below the object itself.
    pub(super) below: Vec<&'v LiveObject>,
    pub(super) container: Option<Container<'v>>,
    pub(super) is_final: bool,
    pub(super) missing: Option<Missing>,
}

impl<'v> Draft<'v> {
    /// A draft about the object itself, which is not final.
    pub(super) fn plain(summary: impl Into<String>) -> Self {
        let summary = summary.into();
        Self { summary, hint: None, below: Vec::new(), container: None, is_final: false, missing: None }
    }

    pub(super) fn missing(self, missing: Missing) -> Self {
        Self { missing: Some(missing), ..self }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn finally(self, is_final: bool) -> Self {
        Self { is_final, ..self }
    }

    pub(super) fn under(self, mut chain: Vec<&'v LiveObject>) -> Self {
        chain.extend(self.below);
        Self { below: chain, ..self }
    }
}

/// Evidence with its events read.
pub(super) struct Case<'v> {
    pub(super) evidence: &'v Evidence,
    pub(super) events: Events<'v>,
}

impl<'v> Case<'v> {
    fn of(evidence: &'v Evidence) -> Self {
        Self { evidence, events: Events::read(&evidence.events) }
    }

    /// The object itself.
    pub(super) fn live(&self) -> &'v Value {
        self.evidence.object.object.expose()
    }

    /// What `assess` said, as a draft.
    pub(super) fn said(&self) -> Draft<'v> {
        let readiness = &self.evidence.readiness;
        let said = [readiness.message.as_str(), readiness.reason.as_str(), "is not ready yet"];
        Draft::plain(said.into_iter().find(|words| !words.is_empty()).unwrap_or_default())
    }

    fn draft(&self) -> Option<Draft<'v>> {
        let id = &self.evidence.object.id;
        match self.evidence.readiness.state {
            State::Current => return None,
            State::Terminating => return Some(other::deletion(self)),
            State::NotFound | State::Unknown => return Some(self.said()),
            State::InProgress | State::Failed => {}
        }
        Some(match (id.group.as_str(), id.kind.as_str()) {
            ("apps", "Deployment") => workload::deployment(self),
            ("apps", "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("", "ReplicationController") => {
                workload::pods_of_object(self)
            }
            ("", "Pod") => workload::pod(self),
            ("batch", "Job") => workload::job(self),
            ("", "PersistentVolumeClaim") => claim::explain(self, &self.evidence.object).unwrap_or_else(|| self.said()),
            _ => other::explain(self),
        })
    }
}

fn container_cause(
    evidence: &Evidence,
    draft: &Draft<'_>,
    container: &Container<'_>,
    redactor: &Redactor,
) -> ContainerCause {
    let (log, log_is_previous) = log_of(evidence, draft, container);
    let skipped = log.len().saturating_sub(LOG_LINE_LIMIT);
    let end = container.last_end();
    ContainerCause {
        name: container.name.to_owned(),
        is_init: container.is_init,
        image: shown(container.image, redactor, MESSAGE_LIMIT),
        reason: shown(container.reason(), redactor, MESSAGE_LIMIT),
        message: shown(container.message(), redactor, MESSAGE_LIMIT),
        exit_code: end.and_then(|end| i32::try_from(end.code).ok()),
        exit_meaning: end.and_then(|end| exit_meaning(end.code)),
        restarts: i32::try_from(container.restarts).unwrap_or(i32::MAX),
        log: log.iter().skip(skipped).map(|line| shown_line(line, redactor, LOG_LINE_LENGTH)).collect(),
        log_is_previous,
    }
}

/// The container's lines and whether they are the previous one's, which count where the present one has said nothing.
fn log_of<'v>(evidence: &'v Evidence, draft: &Draft<'_>, container: &Container<'_>) -> (&'v [String], bool) {
    let Some(source) = log_source(evidence, draft, container) else {
        return (&[], false);
    };
    let previous = LogSource { previous: true, ..source.clone() };
    let lines = |source: &LogSource| evidence.logs.get(source).filter(|lines| !lines.is_empty());
    match (lines(&source), lines(&previous)) {
        (Some(lines), _) => (lines, false),
        (None, Some(lines)) => (lines, true),
        (None, None) => (&[], false),
    }
}

/// The log of the present container, in the pod that the chain ends in.
fn log_source(evidence: &Evidence, draft: &Draft<'_>, container: &Container<'_>) -> Option<LogSource> {
    let pod = draft.below.last().copied().unwrap_or(&evidence.object);
    if !pod.id.is("", "Pod") {
        return None;
    }
    Some(LogSource {
        namespace: pod.id.namespace.clone()?,
        pod: pod.id.name.clone(),
        container: container.name.to_owned(),
        previous: false,
    })
}
