//! The statuses of a pod's containers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::object::{at, list, number, text, uid};

/// What becomes of one container: its new state, and what else changes with it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub container: String,
    pub state: Value,
    /// None: as it was.
    pub last_state: Option<Value>,
    pub ready: bool,
    /// None: as it was.
    pub restart_count: Option<i64>,
}

/// What is known when the statuses are made.
pub(crate) struct Circumstances<'a> {
    pub pod: &'a Value,
    pub now: &'a str,
    pub told: Option<&'a Told>,
    /// Whether the volumes are mounted; no container starts before.
    pub mounted: bool,
    /// Why containers cannot be made, by container.
    pub config_problems: &'a BTreeMap<String, String>,
    /// Whether the pod is over: what runs has ended.
    pub over: bool,
}

/// The statuses of all containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Containers {
    pub inits: Vec<Value>,
    pub mains: Vec<Value>,
    /// The init containers that have not done their part.
    pub incomplete: Vec<String>,
    /// The containers and sidecars that are not ready.
    pub unready: Vec<String>,
    /// The containers that run now and did not before.
    pub started: Vec<String>,
}

/// Makes the statuses: what has begun goes on, what is told happens, and the rest starts in its order.
pub(crate) fn statuses(circumstances: &Circumstances<'_>) -> Containers {
    let pod = circumstances.pod;
    let mut made = Containers::default();
    let mut blocked = false;
    for container in list(pod, &["spec", "initContainers"]) {
        let is_sidecar = text(container, &["restartPolicy"]) == "Always";
        let status = status(circumstances, container, Kind::Init { is_sidecar }, blocked, &mut made.started);
        let name = text(container, &["name"]).to_owned();
        let completed = number(&status, &["state", "terminated", "exitCode"]) == Some(0);
        let done = if is_sidecar { at(&status, &["state", "running"]).is_some() || completed } else { completed };
        if is_sidecar && !is_ready(&status) {
            made.unready.push(name.clone());
        }
        if !done {
            made.incomplete.push(name);
            blocked = true;
        }
        made.inits.push(status);
    }
    for container in list(pod, &["spec", "containers"]) {
        let status = status(circumstances, container, Kind::Main, blocked, &mut made.started);
        if !is_ready(&status) {
            made.unready.push(text(container, &["name"]).to_owned());
        }
        made.mains.push(status);
    }
    made
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Init { is_sidecar: bool },
    Main,
}

fn is_ready(status: &Value) -> bool {
    crate::object::is_true(status, &["ready"])
}

/// The status that a container has.
pub(crate) fn old_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let inits = list(pod, &["status", "initContainerStatuses"]);
    let mut all = inits.chain(list(pod, &["status", "containerStatuses"]));
    all.find(|status| text(status, &["name"]) == container)
}

/// A container that waits for one of these has not begun.
const NOT_BEGUN: [&str; 3] = ["ContainerCreating", "PodInitializing", "CreateContainerConfigError"];

/// Whether a container with this status has begun, well or badly.
pub(crate) fn has_begun(status: &Value) -> bool {
    match at(status, &["state", "waiting"]) {
        Some(waiting) => !NOT_BEGUN.contains(&text(waiting, &["reason"])),
        None => at(status, &["state", "running"]).or(at(status, &["state", "terminated"])).is_some(),
    }
}

fn status(
    circumstances: &Circumstances<'_>,
    container: &Value,
    kind: Kind,
    blocked: bool,
    started: &mut Vec<String>,
) -> Value {
    let (pod, now) = (circumstances.pod, circumstances.now);
    let name = text(container, &["name"]);
    let old = old_status(pod, name);
    let begun = old.filter(|old| has_begun(old));
    let mut last_state = old.and_then(|old| at(old, &["lastState"])).cloned().unwrap_or_else(|| json!({}));
    let mut restart_count = old.and_then(|old| number(old, &["restartCount"])).unwrap_or_default();
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let completed = |since: &str| json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": now}});
    let told = circumstances.told.filter(|told| told.container == name && (begun.is_some() || !blocked));
    let has_inits = list(pod, &["spec", "initContainers"]).next().is_some();
    let mut ready = true;
    let mut state = if let Some(told) = told {
        ready = told.ready;
        last_state = told.last_state.clone().unwrap_or(last_state);
        restart_count = told.restart_count.unwrap_or(restart_count);
        told.state.clone()
    } else if let Some(old) = begun {
        let running = at(old, &["state", "running"]);
        ready = is_ready(old);
        if let Some(running) = running.filter(|_| circumstances.over) {
            ready = false;
            completed(text(running, &["startedAt"]))
        } else {
            at(old, &["state"]).cloned().unwrap_or_default()
        }
    } else if circumstances.over && kind != (Kind::Init { is_sidecar: false }) {
        ready = false;
        completed(now)
    } else if !circumstances.mounted || blocked {
        ready = false;
        // A kubelet's words for the two: convertToAPIContainerStatuses.
        waiting(if has_inits { "PodInitializing" } else { "ContainerCreating" })
    } else if let Some(problem) = circumstances.config_problems.get(name) {
        ready = false;
        json!({"waiting": {"reason": "CreateContainerConfigError", "message": problem}})
    } else if kind == (Kind::Init { is_sidecar: false }) {
        started.push(name.to_owned());
        completed(now)
    } else {
        started.push(name.to_owned());
        json!({"running": {"startedAt": now}})
    };
    if told.is_some() && begun.is_none() && at(&state, &["running"]).is_some() {
        started.push(name.to_owned());
    }
    let id = format!("containerd://{}", digest(&format!("{}/{name}/{restart_count}", uid(pod))));
    if let Some(terminated) = state.get_mut("terminated").and_then(Value::as_object_mut) {
        terminated.entry("containerID").or_insert_with(|| json!(id));
    }
    let is_pulled = at(&state, &["waiting"]).is_none() || at(&last_state, &["terminated"]).is_some();
    let image = text(container, &["image"]);
    let mut status = json!({
        "name": name,
        "image": image,
        "imageID": if is_pulled { format!("sha256:{}", digest(image)) } else { String::new() },
        "ready": ready,
        "started": at(&state, &["running"]).is_some(),
        "restartCount": restart_count,
        "state": state,
        "lastState": last_state,
    });
    if is_pulled {
        status["containerID"] = json!(id);
    }
    status
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
