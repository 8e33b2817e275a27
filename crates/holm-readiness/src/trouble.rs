//! What is wrong with a container or with its pod, as far as the pod's status (and what was heard in events) tells.

use serde_json::Value;

use super::container::{Container, End, Phase, containers, exit_meaning};
use super::image::{PullFailure, innermost};
use super::object::{condition, items, text};

/// Something that keeps a pod from being ready.
pub(super) struct Trouble<'v> {
    pub(super) kind: TroubleKind,
    /// One sentence.
    pub(super) summary: String,
    pub(super) hint: Option<String>,
    pub(super) container: Option<Container<'v>>,
    /// Whether it will not mend by itself.
    pub(super) is_final: bool,
    /// What does not exist yet and may still come.
    pub(super) missing: Option<Missing>,
}

/// Something that a pod refers to and that does not exist, or lacks a key. Kubelet goes on trying until it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// The kind, of the core group.
    pub(super) kind: String,
    /// The name; empty where the message does not tell.
    pub(super) name: String,
    /// What is missing, to stand behind a verb.
    pub(super) words: String,
}

/// Kinds of trouble, the one least likely to be the root of the others first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TroubleKind {
    /// Nothing is wrong yet.
    Starting,
    /// It runs and is not ready.
    NotReady,
    /// No node takes it.
    Unscheduled,
    /// A volume, a network or a sandbox is missing.
    Preparation,
    /// The whole pod failed, as by eviction.
    PodFailed,
    /// A container ends.
    Crash,
    /// A container cannot be started.
    Start,
    /// An image cannot be pulled.
    Image,
}

/// What events say about a container, beyond its status.
#[derive(Clone, Copy, Default)]
pub(super) struct Heard<'v> {
    /// Why the image could not be pulled, last.
    pub(super) pull_failure: Option<&'v str>,
    /// How often that happened.
    pub(super) pull_failures: i64,
    /// How often the container could not be made.
    pub(super) start_failures: i64,
    /// What the startup or readiness probe said last.
    pub(super) unready: Option<&'v str>,
    /// What the liveness probe said last.
    pub(super) unhealthy: Option<&'v str>,
}

/// The worst trouble of a pod's containers; init containers come first, for nothing else starts before they are done.
pub(super) fn worst_container<'v>(pod: &'v Value, heard: impl Fn(&str) -> Heard<'v>) -> Option<Trouble<'v>> {
    let (init, main): (Vec<_>, Vec<_>) = containers(pod).into_iter().partition(|container| container.is_init);
    let troubles = |containers: Vec<Container<'v>>| {
        let troubles = containers.into_iter().filter_map(|container| {
            let heard = heard(container.name);
            of_container(container, &heard)
        });
        // The first of equals: max_by_key takes the last.
        troubles.reduce(|worst, next| if rank(&next) > rank(&worst) { next } else { worst })
    };
    troubles(init).or_else(|| troubles(main))
}

/// By what the worst of several troubles is chosen.
pub(super) fn rank(trouble: &Trouble<'_>) -> (bool, TroubleKind) {
    (trouble.is_final, trouble.kind)
}

fn of_container<'v>(container: Container<'v>, heard: &Heard<'v>) -> Option<Trouble<'v>> {
    match container.phase {
        Phase::Waiting { reason, message } => waiting(container, reason, message, heard),
        Phase::Ended(end) if end.code != 0 || container.must_keep_running => Some(crash(container, Some(end), heard)),
        Phase::Ended(_) => None,
        Phase::Running if container.is_ready || container.is_init => None,
        Phase::Running => Some(unready(container, heard)),
    }
}

fn waiting<'v>(container: Container<'v>, reason: &'v str, message: &'v str, heard: &Heard<'v>) -> Option<Trouble<'v>> {
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Some(image(container, reason, message, heard)),
        "CrashLoopBackOff" => {
            let end = container.last;
            Some(crash(container, end, heard))
        }
        "CreateContainerConfigError" => Some(configuration(container, message, heard)),
        // ContainerCreating and PodInitializing say nothing; what else there is ends in these words.
        _ if reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff") => {
            Some(start(container, reason, message, heard))
        }
        _ => None,
    }
}

fn image<'v>(container: Container<'v>, reason: &str, message: &'v str, heard: &Heard<'v>) -> Trouble<'v> {
    let words = [message, heard.pull_failure.unwrap_or_default()].join("\n");
    let failure = PullFailure::read(reason, &words);
    let told = failure.words().map(str::to_owned).or_else(|| {
        let inner = innermost(heard.pull_failure.unwrap_or(message));
        let says_more = !inner.is_empty() && !inner.starts_with("Back-off pulling image");
        says_more.then(|| inner.to_owned())
    });
    let mut summary = format!("{} cannot pull image \"{}\"", subject(&container), container.image);
    if let Some(told) = told {
        summary.push_str(": ");
        summary.push_str(&told);
    }
    // kubelet backs off only after it has tried: a back-off is the second sight of a failed pull.
    let seen = if reason == "ImagePullBackOff" { 2 } else { 1 };
    Trouble {
        kind: TroubleKind::Image,
        summary,
        hint: Some(failure.hint().to_owned()),
        is_final: heard.pull_failures.max(seen) >= failure.patience(),
        missing: None,
        container: Some(container),
    }
}

fn configuration<'v>(container: Container<'v>, message: &'v str, heard: &Heard<'v>) -> Trouble<'v> {
    let who = subject(&container);
    let missing = missing_reference(message);
    let is_root = message.contains("runAsNonRoot");
    let (summary, hint) = match &missing {
        Some(missing) => {
            (format!("{who} needs {}", missing.words), Some("declare it in the stack, or correct the reference"))
        }
        None if is_root => (
            format!("{who} may not start: {message}"),
            Some("set runAsUser to a number other than 0, or take an image that names such a user"),
        ),
        None => (join(&format!("{who} cannot be configured"), message), None),
    };
    Trouble {
        kind: TroubleKind::Start,
        summary,
        hint: hint.map(str::to_owned),
        is_final: is_root || (missing.is_none() && heard.start_failures >= 2),
        container: Some(container),
        missing,
    }
}

/// The Secret or ConfigMap that does not exist, or lacks a key, from kubelet's message about it.
pub(super) fn missing_reference(message: &str) -> Option<Missing> {
    let missing = |kind: &str, name: &str, words: String| {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        Some(Missing { kind, name, words })
    };
    for (word, kind) in [("secret \"", "Secret"), ("configmap \"", "ConfigMap")] {
        let found = message.split_once(word).and_then(|(_, rest)| rest.split_once('"'));
        if let Some((name, _)) = found.filter(|(_, rest)| rest.trim_start().starts_with("not found")) {
            return missing(kind, name, format!("{kind} {name}, which does not exist"));
        }
    }
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        let (key, place) = rest.split_once(" in ")?;
        let (kind, name) = place.split_once(' ')?;
        let name = name.split_whitespace().next()?.trim_end_matches(',');
        let name = name.rsplit('/').next().unwrap_or(name);
        return missing(kind, name, format!("key {key} of {kind} {name}, which has no such key"));
    }
    for (words, kind) in
        [("references non-existent secret key: ", "Secret"), ("non-existent config key: ", "ConfigMap")]
    {
        if let Some((_, key)) = message.split_once(words) {
            return missing(kind, "", format!("key {key} of a {kind}, which has no such key"));
        }
    }
    None
}

fn start<'v>(container: Container<'v>, reason: &str, message: &'v str, heard: &Heard<'v>) -> Trouble<'v> {
    let words = if message.is_empty() { reason } else { start_words(message) };
    Trouble {
        kind: TroubleKind::Start,
        summary: format!("{} cannot start: {words}", subject(&container)),
        hint: start_hint(message).map(str::to_owned),
        is_final: heard.start_failures.max(container.restarts) >= 2,
        missing: None,
        container: Some(container),
    }
}

/// A runtime wraps what went wrong into the steps that led there; the last ones name the program.
fn start_words(message: &str) -> &str {
    let words = message.find("exec: \"").map_or(message, |at| &message[at..]);
    innermost(words).trim_end_matches(": unknown")
}

fn start_hint(message: &str) -> Option<&'static str> {
    if message.contains("executable file not found") || message.contains("no such file or directory") {
        return Some("check command and args: the program is not in the image");
    }
    if message.contains("permission denied") {
        return Some("check command and args: the program may not be executed");
    }
    message.contains("exec format error").then_some("the image is built for another architecture than the node's")
}

fn crash<'v>(container: Container<'v>, end: Option<End<'v>>, heard: &Heard<'v>) -> Trouble<'v> {
    let cannot_start = end.filter(|end| matches!(end.reason, "StartError" | "ContainerCannotRun"));
    let mut summary = format!("{} {}", subject(&container), crash_words(&container, end));
    if container.restarts > 0 {
        summary.push_str(&format!(", {}", restarts(container.restarts)));
    }
    let hint = match cannot_start {
        Some(end) => start_hint(end.message).map(str::to_owned),
        None => crash_hint(&container, end, heard),
    };
    Trouble {
        kind: if cannot_start.is_some() { TroubleKind::Start } else { TroubleKind::Crash },
        summary,
        hint,
        is_final: container.is_restarted_forever && container.restarts >= 2,
        missing: None,
        container: Some(container),
    }
}

fn crash_words(container: &Container<'_>, end: Option<End<'_>>) -> String {
    let verb = match (container.must_keep_running, container.restarts > 0) {
        (true, true) => "keeps crashing",
        (true, false) => "crashed",
        (false, true) => "keeps failing",
        (false, false) => "failed",
    };
    let Some(end) = end else {
        return verb.to_owned();
    };
    match (end.reason, end.code) {
        ("StartError" | "ContainerCannotRun", _) => format!("cannot start: {}", start_words(end.message)),
        ("OOMKilled", _) => match container.memory_limit {
            Some(limit) => format!("ran out of memory (OOMKilled, limit {limit})"),
            None => "ran out of memory (OOMKilled)".to_owned(),
        },
        (_, 0) if container.must_keep_running => "ends with exit code 0 but should keep running".to_owned(),
        (_, code) => match exit_meaning(code) {
            Some(meaning) => format!("{verb}: exit code {code} ({meaning})"),
            None => format!("{verb}: exit code {code}"),
        },
    }
}

fn restarts(count: i64) -> String {
    let noun = if count == 1 { "restart" } else { "restarts" };
    format!("{count} {noun}")
}

fn crash_hint(container: &Container<'_>, end: Option<End<'_>>, heard: &Heard<'_>) -> Option<String> {
    let end = end?;
    if end.reason == "OOMKilled" {
        return Some("raise its memory limit, or make it use less".to_owned());
    }
    // What a probe has stopped ends by the signal, or in good order.
    if let Some(probe) = heard.unhealthy.filter(|_| matches!(end.code, 0 | 137 | 143)) {
        let probe = probe_words(probe);
        return Some(format!("a probe that fails restarts it ({probe}): correct the probe, or give it more time"));
    }
    let hint = match end.code {
        0 if container.must_keep_running => "a program that ends belongs into a Job",
        126 => "check command and args: the program may not be executed, or is not for this architecture",
        127 => "check command and args: the program is not in the image",
        137 => "it was killed from outside: by a liveness probe, or because the node was short of memory",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What kubelet says about a probe. The output of a command ends with a line end, or is empty.
fn probe_words(probe: &str) -> String {
    let probe = probe.trim();
    match probe.strip_suffix("probe failed:") {
        Some(_) => format!("{probe} its command failed and printed nothing"),
        None => probe.to_owned(),
    }
}

fn unready<'v>(container: Container<'v>, heard: &Heard<'v>) -> Trouble<'v> {
    let who = subject(&container);
    let (kind, summary) = match (heard.unready.or(heard.unhealthy), container.last) {
        (Some(probe), _) => (TroubleKind::NotReady, format!("{who} runs but is not ready: {}", probe_words(probe))),
        (None, Some(end)) if container.restarts > 0 => {
            let message = format!("{who} runs again after {} (exit code {})", restarts(container.restarts), end.code);
            (TroubleKind::NotReady, format!("{message} and is not ready yet"))
        }
        _ => (TroubleKind::Starting, format!("{who} runs but is not ready yet")),
    };
    let hint = heard.unready.map(|_| "check what the probe asks for, and whether the program has started".to_owned());
    Trouble { kind, summary, hint, is_final: false, missing: None, container: Some(container) }
}

/// The trouble of a pod as a whole that its own status tells: it failed, or no node takes it.
pub(super) fn of_pod(pod: &Value) -> Option<Trouble<'_>> {
    if text(pod, "/status/phase") == Some("Failed") {
        let reason = text(pod, "/status/reason");
        let message = text(pod, "/status/message");
        let summary = match (reason, message) {
            (Some(reason), Some(message)) => format!("pod failed: {reason}: {message}"),
            (Some(words), None) | (None, Some(words)) => format!("pod failed: {words}"),
            (None, None) => "pod failed".to_owned(),
        };
        let hint = (reason == Some("Evicted")).then(|| eviction_hint(message.unwrap_or_default()).to_owned());
        let kind = TroubleKind::PodFailed;
        return Some(Trouble { kind, summary, hint, container: None, is_final: false, missing: None });
    }
    let scheduled = condition(pod, "PodScheduled").filter(|condition| condition.is_false())?;
    if scheduled.reason == "SchedulingGated" {
        let gates: Vec<&str> = items(pod, "/spec/schedulingGates").iter().filter_map(|it| text(it, "/name")).collect();
        let summary = format!("pod waits for its scheduling gates {}", gates.join(", "));
        let kind = TroubleKind::Unscheduled;
        return Some(Trouble { kind, summary, hint: None, container: None, is_final: false, missing: None });
    }
    // A node may come, by an autoscaler or by hand, so this is for the timeout to end.
    Some(Trouble {
        kind: TroubleKind::Unscheduled,
        summary: join("no node can take the pod", scheduled.message),
        hint: scheduling_hint(scheduled.message).map(str::to_owned),
        container: None,
        is_final: false,
        missing: None,
    })
}

/// What helps against an eviction, by the words of kubelet's eviction manager (`pkg/kubelet/eviction/eviction_manager.go`).
fn eviction_hint(message: &str) -> &'static str {
    let exceeds = ["exceeds the total limit", "exceeded its local ephemeral storage limit", "exceeds the limit"];
    if exceeds.iter().any(|words| message.contains(words)) {
        return "raise the limit that the message names, or write less to the container's disk and its emptyDir volumes";
    }
    "its node was short of memory or disk: lower what it uses"
}

fn scheduling_hint(message: &str) -> Option<&'static str> {
    let hints: &[(&str, &str)] = &[
        ("persistentvolumeclaim", "look at the claims that the pod mounts"),
        ("PersistentVolumeClaims", "look at the claims that the pod mounts"),
        ("volume node affinity", "its volume is bound to another node or zone"),
        ("no nodes available", "the cluster has no node"),
        ("Insufficient", "lower what the pod requests, or add a node"),
        ("Too many pods", "add a node"),
        ("untolerated taint", "add a toleration for the taint, or take the taint away"),
        ("node affinity/selector", "no node has the labels that the pod asks for"),
        ("free ports", "a host port that the pod asks for is taken on every node"),
        ("anti-affinity", "its anti-affinity leaves no node for it"),
        ("unschedulable", "a node is cordoned"),
    ];
    hints.iter().find(|(word, _)| message.contains(word)).map(|(_, hint)| *hint)
}

pub(super) fn subject(container: &Container<'_>) -> String {
    let noun = if container.is_init { "init container" } else { "container" };
    format!("{noun} {}", container.name)
}

/// Puts the server's words behind a colon, where there are any.
pub(super) fn join(start: &str, words: &str) -> String {
    if words.is_empty() { start.to_owned() } else { format!("{start}: {words}") }
}
