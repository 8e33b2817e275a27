//! The pods of a workload: what they are doing, making them, deleting them.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/controller_utils.go` and `pkg/api/v1/pod/util.go`.

use std::sync::Arc;

use holm_apiserver::{ApiError, DeleteOptions};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::is_namespace_terminating;
use crate::event::Said;
use crate::fields::{
    at, condition, controller_reference, is_deleting, is_true, items, name, namespace, seconds, set, text,
};
use crate::kind::Kind;

/// Whether a pod has ended.
pub(crate) fn is_terminal(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod counts as one of its workload.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_terminal(pod) && !is_deleting(pod)
}

/// Whether a pod is being deleted and has not ended.
pub(crate) fn is_terminating(pod: &Value) -> bool {
    !is_terminal(pod) && is_deleting(pod)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    is_true(pod, "Ready")
}

/// Since when a pod is ready, in seconds since 1970.
pub(crate) fn ready_since(pod: &Value) -> Option<i64> {
    condition(pod, "Ready").filter(|_| is_ready(pod)).and_then(|ready| seconds(text(ready, "/lastTransitionTime")))
}

/// Whether a pod has been ready for so many seconds.
pub(crate) fn is_available(pod: &Value, min_ready_seconds: i64, now: i64) -> bool {
    is_ready(pod) && (min_ready_seconds == 0 || ready_since(pod).is_some_and(|since| since + min_ready_seconds <= now))
}

/// When the next pod that is ready becomes available, in seconds since 1970.
pub(crate) fn next_available<'a>(
    pods: impl IntoIterator<Item = &'a Arc<Value>>,
    min_ready_seconds: i64,
    now: i64,
) -> Option<i64> {
    let times = pods.into_iter().filter_map(|pod| ready_since(pod)).map(|since| since + min_ready_seconds);
    times.filter(|time| *time > now).min()
}

/// The sum of the restarts of a pod's containers that restarted most.
pub(crate) fn most_restarts(pod: &Value) -> i64 {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let counts = lists.iter().flat_map(|list| items(pod, list));
    counts.filter_map(|status| status.get("restartCount")?.as_i64()).max().unwrap_or_default()
}

/// A pod of a workload, without a name.
pub(crate) fn from_template(owner: &Value, kind: Kind, template: &Value) -> Value {
    let mut metadata = json!({
        "generateName": format!("{}-", name(owner)), "namespace": namespace(owner),
        "ownerReferences": [controller_reference(owner, kind)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = at(template, &format!("/metadata/{field}")) {
            set(&mut metadata, &format!("/{field}"), value.clone());
        }
    }
    let spec = at(template, "/spec").cloned().unwrap_or_else(|| json!({}));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Makes a pod, and says so.
pub(crate) fn create(
    context: &mut Context,
    component: &str,
    owner: &Value,
    kind: Kind,
    pod: Value,
) -> Result<Arc<Value>, ApiError> {
    let made = context.create(Kind::Pod, pod);
    match &made {
        Ok(pod) => {
            let message = format!("Created pod: {}", name(pod));
            context.say(owner, kind, Said { component, warning: false, reason: "SuccessfulCreate", message: &message });
        }
        Err(error) if is_namespace_terminating(error) => {}
        Err(error) => {
            let message = format!("Error creating: {error}");
            context.say(owner, kind, Said { component, warning: true, reason: "FailedCreate", message: &message });
        }
    }
    made
}

/// Deletes a pod, and says so. One that is gone or going is no failure.
pub(crate) fn delete(
    context: &mut Context,
    component: &str,
    owner: &Value,
    kind: Kind,
    pod: &Value,
) -> Result<(), ApiError> {
    if is_deleting(pod) {
        return Ok(());
    }
    match context.delete(Kind::Pod, namespace(pod), name(pod), &DeleteOptions::default()) {
        Ok(_) => {
            let message = format!("Deleted pod: {}", name(pod));
            context.say(owner, kind, Said { component, warning: false, reason: "SuccessfulDelete", message: &message });
            Ok(())
        }
        Err(error) if crate::error::is_not_found(&error) => Ok(()),
        Err(error) => {
            let message = format!("Error deleting: {error}");
            context.say(owner, kind, Said { component, warning: true, reason: "FailedDelete", message: &message });
            Err(error)
        }
    }
}
