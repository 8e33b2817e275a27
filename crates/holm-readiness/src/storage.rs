//! Claims and volumes.

use holm_values::Quantity;
use serde_json::Value;

use super::object::{condition, is_true, items, text};
use super::{Readiness, Surroundings};

/// The scheduler's choice of a node, upon which a claim that waited for its first consumer is provisioned.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// A PersistentVolumeClaim. One that waits for its first consumer is Current: it binds only once a pod uses it, so that
/// waiting for it before that pod is written would never end.
pub(super) fn claim(object: &Value, surroundings: &Surroundings) -> Readiness {
    match text(object, "/status/phase") {
        Some("Bound") => bound(object),
        Some("Lost") => {
            let message = match text(object, "/spec/volumeName") {
                Some(volume) => format!("its volume {volume} no longer exists"),
                None => "its volume no longer exists".to_owned(),
            };
            Readiness::failed("Lost", &message)
        }
        _ if surroundings.waits_for_first_consumer == Some(true) && !has_consumer(object) => {
            Readiness::current_because("WaitForFirstConsumer", "binds once a pod uses it")
        }
        _ if has_consumer(object) => {
            Readiness::in_progress("Provisioning", "its volume is being made for its first pod")
        }
        _ => Readiness::in_progress("NotBound", "is not bound to a volume yet"),
    }
}

fn has_consumer(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    annotations.and_then(|it| it.get(SELECTED_NODE)).is_some() || text(object, "/spec/volumeName").is_some()
}

/// A bound claim that grows (KEP-1790). Growing the file system waits for a pod, as binding does.
fn bound(object: &Value) -> Readiness {
    let progress = text(object, "/status/allocatedResourceStatuses/storage").unwrap_or_default();
    if progress.ends_with("Infeasible") {
        return Readiness::failed(progress, "its volume cannot grow to the size asked for");
    }
    let mut errors = ["ControllerResizeError", "NodeResizeError"].into_iter().filter_map(|it| condition(object, it));
    if let Some(error) = errors.find(|error| error.is_true()) {
        return Readiness::in_progress(&error.reason_or("ResizeError"), &error.words("its volume cannot grow"));
    }
    if is_true(object, "FileSystemResizePending") {
        return Readiness::current_because("FileSystemResizePending", "its file system grows once a pod mounts it");
    }
    if is_true(object, "Resizing") {
        return Readiness::in_progress("Resizing", "its volume is growing");
    }
    // The driver may not have begun yet. A claim is never bound to a volume that is smaller than what it asked for then.
    let size = |path: &str| object.pointer(path).and_then(Quantity::of);
    match (size("/spec/resources/requests/storage"), size("/status/capacity/storage")) {
        (Some(requested), Some(capacity)) if capacity < requested => {
            Readiness::in_progress("Resizing", "waiting for its volume to grow")
        }
        _ => Readiness::current(),
    }
}

/// A PersistentVolume.
pub(super) fn volume(object: &Value) -> Readiness {
    let words = || text(object, "/status/message").or_else(|| text(object, "/status/reason"));
    match text(object, "/status/phase") {
        Some("Available") => Readiness::current_because("Available", "no claim uses it yet"),
        Some("Bound") => Readiness::current(),
        Some("Released") => {
            let claim = text(object, "/spec/claimRef/name").unwrap_or("that it was bound to");
            let message = format!("its claim {claim} is gone, and it binds no other until spec.claimRef is taken out");
            Readiness::failed("Released", &message)
        }
        Some("Failed") => Readiness::failed("Failed", words().unwrap_or("could not be reclaimed")),
        _ => Readiness::in_progress("Pending", words().unwrap_or("is not available yet")),
    }
}

/// A VolumeAttachment.
pub(super) fn attachment(object: &Value) -> Readiness {
    if object.pointer("/status/attached").and_then(Value::as_bool) == Some(true) {
        return Readiness::current();
    }
    let error = text(object, "/status/attachError/message");
    Readiness::in_progress("NotAttached", error.unwrap_or("the volume is not attached yet"))
}

/// The names of the claims that a pod, or the template of one, mounts. `spec` is the pod's.
pub(super) fn claim_names(spec: &Value) -> Vec<&str> {
    items(spec, "/volumes").iter().filter_map(|volume| text(volume, "/persistentVolumeClaim/claimName")).collect()
}
