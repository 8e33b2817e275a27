//! The status of a pod, as its kubelet writes it.
//!
//! From `k8s.io/kubernetes`, `pkg/kubelet/status/generate.go` (conditions) and `pkg/kubelet/kubelet_pods.go` (`getPhase`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::containers::{Circumstances, Containers, Told, statuses};
use crate::object::{self, at, list, number, text, timestamp};

/// What the status is made from.
pub(crate) struct Making<'a> {
    pub pod: &'a Value,
    pub now: i64,
    /// The node's address.
    pub host: &'a str,
    /// The address for a pod that has none.
    pub address: &'a str,
    pub mounted: bool,
    pub config_problems: BTreeMap<String, String>,
}

/// The end of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
}

/// A status, and the containers that start with it.
pub(crate) struct Made {
    pub status: Value,
    pub started: Vec<String>,
}

impl Making<'_> {
    /// The whole status of the pod.
    pub(crate) fn status(&self, told: Option<&Told>, end: Option<End>) -> Made {
        let pod = self.pod;
        let now = timestamp(self.now);
        let circumstances = Circumstances {
            pod,
            now: &now,
            told,
            mounted: self.mounted,
            config_problems: &self.config_problems,
            over: end.is_some(),
        };
        let containers = statuses(&circumstances);
        let phase = match end {
            Some(End::Succeeded) => "Succeeded",
            Some(End::Failed) => "Failed",
            None => phase(&containers),
        };
        let start_time = match text(pod, &["status", "startTime"]) {
            "" => now.as_str(),
            known => known,
        };
        let mut status = json!({
            "phase": phase,
            "startTime": start_time,
            "conditions": self.conditions(&containers, phase, end),
            "containerStatuses": containers.mains,
        });
        if !containers.inits.is_empty() {
            status["initContainerStatuses"] = json!(containers.inits);
        }
        if let Some(generation) = number(pod, &["metadata", "generation"]) {
            status["observedGeneration"] = json!(generation);
        }
        if text(pod, &["status", "hostIP"]).is_empty() {
            status["hostIP"] = json!(self.host);
            status["hostIPs"] = json!([{"ip": self.host}]);
        }
        // A pod has its address once its sandbox is there, which is after its volumes are.
        if self.mounted && text(pod, &["status", "podIP"]).is_empty() {
            let on_host = object::is_true(pod, &["spec", "hostNetwork"]);
            let address = if on_host { self.host } else { self.address };
            status["podIP"] = json!(address);
            status["podIPs"] = json!([{"ip": address}]);
        }
        Made { status, started: containers.started }
    }

    fn conditions(&self, containers: &Containers, phase: &str, end: Option<End>) -> Vec<Value> {
        let names = |names: &[String]| format!("[{}]", names.join(" "));
        let sandbox = match (end, self.mounted) {
            (Some(_), _) => self.condition("PodReadyToStartContainers", false, "PodSandboxNotReady", SANDBOX_ENDED),
            (None, true) => self.condition("PodReadyToStartContainers", true, "", ""),
            (None, false) => self.condition("PodReadyToStartContainers", false, "PodSandboxNotReady", NO_SANDBOX),
        };
        let has_been_initialized = containers.mains.iter().any(|status| object::is_true(status, &["started"]))
            || object::condition(self.pod, "Initialized").is_some_and(|found| text(found, &["status"]) == "True");
        let initialized = if phase == "Succeeded" {
            self.condition("Initialized", true, "PodCompleted", "")
        } else if containers.incomplete.is_empty() || has_been_initialized {
            self.condition("Initialized", true, "", "")
        } else {
            let message = format!("containers with incomplete status: {}", names(&containers.incomplete));
            self.condition("Initialized", false, "ContainersNotInitialized", &message)
        };
        let (why, message) = match phase {
            "Succeeded" => ("PodCompleted", String::new()),
            "Failed" => ("PodFailed", String::new()),
            _ if containers.unready.is_empty() => ("", String::new()),
            _ => ("ContainersNotReady", format!("containers with unready status: {}", names(&containers.unready))),
        };
        let containers_ready = self.condition("ContainersReady", why.is_empty(), why, &message);
        let gates = self.unready_gates();
        let ready = if why.is_empty() && !gates.is_empty() {
            self.condition("Ready", false, "ReadinessGatesNotReady", &gates.join(", "))
        } else {
            self.condition("Ready", why.is_empty(), why, &message)
        };
        let mut conditions = vec![sandbox, initialized, ready, containers_ready];
        if object::condition(self.pod, "PodScheduled").is_none() {
            conditions.push(self.condition("PodScheduled", true, "", ""));
        }
        conditions
    }

    /// What keeps a pod of ready containers from being ready.
    fn unready_gates(&self) -> Vec<String> {
        list(self.pod, &["spec", "readinessGates"])
            .filter_map(|gate| {
                let kind = text(gate, &["conditionType"]);
                match object::condition(self.pod, kind).map(|found| text(found, &["status"])) {
                    None => Some(format!("corresponding condition of pod readiness gate {kind:?} does not exist.")),
                    Some("True") => None,
                    Some(status) => {
                        Some(format!("the status of pod readiness gate {kind:?} is not \"True\", but {status}"))
                    }
                }
            })
            .collect()
    }

    /// A condition. The time of its last transition stays while its status does.
    fn condition(&self, kind: &str, holds: bool, reason: &str, message: &str) -> Value {
        let status = if holds { "True" } else { "False" };
        let old = object::condition(self.pod, kind).filter(|old| text(old, &["status"]) == status);
        let since = old.and_then(|old| at(old, &["lastTransitionTime"])).cloned();
        let or_null = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        let mut condition = json!({
            "type": kind,
            "status": status,
            "lastProbeTime": null,
            "lastTransitionTime": since.unwrap_or_else(|| json!(timestamp(self.now))),
            // Null takes away what an earlier status had.
            "reason": or_null(reason),
            "message": or_null(message),
        });
        if let Some(generation) = number(self.pod, &["metadata", "generation"]) {
            condition["observedGeneration"] = json!(generation);
        }
        condition
    }
}

/// `PodSandboxNotReadyMsgNoPodSandbox` of `pkg/kubelet/types/constants.go`.
const NO_SANDBOX: &str = "no pod sandbox exists";
/// `PodSandboxNotReadyMsgSandboxNotReady` of the same.
const SANDBOX_ENDED: &str = "pod sandbox is not ready";

/// The phase of a pod that is not over.
fn phase(containers: &Containers) -> &'static str {
    if !containers.incomplete.is_empty() {
        return "Pending";
    }
    // A container that waits for its next start has run before.
    let has_not_run = |status: &Value| {
        at(status, &["state", "waiting"]).is_some() && at(status, &["lastState", "terminated"]).is_none()
    };
    if containers.mains.iter().any(has_not_run) { "Pending" } else { "Running" }
}
