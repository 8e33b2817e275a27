//! Pods.

use serde_json::Value;

use super::Readiness;
use super::container::{Phase, containers};
use super::object::{condition, is_true, text};
use super::trouble::{Heard, Trouble, TroubleKind, of_pod, worst_container};

/// A Pod. Unlike in kstatus a pod that failed is Failed; and one that finds no node is in progress for as long as it is
/// waited for, because a node may come.
///
/// One look at a pod says Failed only for what no second look would change: an image that kubelet backs off from for want
/// of it, a container that crashed and was restarted twice, a name that is no image name.
pub(super) fn pod(object: &Value) -> Readiness {
    let phase = text(object, "/status/phase").unwrap_or_default();
    if phase == "Succeeded" {
        return Readiness::current_because("Succeeded", "completed");
    }
    if phase == "Running" && is_true(object, "Ready") {
        return Readiness::current();
    }
    let of_container = worst_container(object, |_| Heard::default());
    let of_pod = of_pod(object);
    if phase == "Failed" {
        // What kubelet says about the pod (an eviction) is more than how its containers ended because of it.
        let has_reason = text(object, "/status/reason").is_some();
        let trouble = if has_reason { of_pod } else { of_container.or(of_pod) };
        let message = trouble.map_or_else(|| "failed".to_owned(), |it| it.summary);
        return Readiness::failed(text(object, "/status/reason").unwrap_or("Failed"), &message);
    }
    if let Some(trouble) = of_container.filter(|it| it.kind > TroubleKind::Starting).or(of_pod) {
        let reason = reason_of(object, &trouble);
        return match trouble.is_final {
            true => Readiness::failed(&reason, &trouble.summary),
            false => Readiness::in_progress(&reason, &trouble.summary),
        };
    }
    let all = containers(object);
    let main: Vec<_> = all.iter().filter(|container| !container.is_init).collect();
    let begun = all.iter().find(|container| container.is_init && matches!(container.phase, Phase::Running));
    if let Some(begun) = begun {
        return Readiness::in_progress("Initializing", &format!("init container {} has not ended yet", begun.name));
    }
    let are_ready = main.iter().filter(|container| container.is_ready).count();
    match condition(object, "Ready") {
        // All containers are ready and the pod is not: a readiness gate is missing, and only the condition names it.
        Some(ready) if are_ready == main.len() && !ready.message.is_empty() => {
            Readiness::in_progress(&ready.reason_or("NotReady"), ready.message)
        }
        _ if main.is_empty() => Readiness::in_progress("Pending", "its containers are not there yet"),
        _ => Readiness::in_progress("NotReady", &ready_of(are_ready, main.len())),
    }
}

fn ready_of(ready: usize, all: usize) -> String {
    match all {
        1 => format!("{ready} of 1 container is ready"),
        _ => format!("{ready} of {all} containers are ready"),
    }
}

fn reason_of(object: &Value, trouble: &Trouble<'_>) -> String {
    match &trouble.container {
        Some(container) => container.reason().to_owned(),
        None => condition(object, "PodScheduled").map_or("NotReady".to_owned(), |it| it.reason_or("NotReady")),
    }
}
