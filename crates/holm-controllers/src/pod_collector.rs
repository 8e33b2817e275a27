//! Pods of nodes that are gone.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/podgc/gc_controller.go` (`gcOrphaned`). Pods that wait for no node are deleted by the API
//! server at once.

use holm_apiserver::DeleteOptions;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Outcome, is_not_found};
use crate::fields::{generation, items, name, namespace, set, text, uid};
use crate::index::Term;
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

/// How long a node must be gone before its pods are, in seconds.
const QUARANTINE: i64 = 40;

/// Fails and deletes the pods of a node, when it has been gone for some time.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let pods = context.find(Kind::Pod, Term::Node(key.name.clone()));
    if pods.is_empty() || context.get(Kind::Node, "", &key.name).is_some() {
        context.missing_nodes.remove(&key.name);
        return Ok(());
    }
    let now = context.now_seconds();
    let since = *context.missing_nodes.entry(key.name.clone()).or_insert(now);
    if now < since + QUARANTINE {
        context.again_at(key, since + QUARANTINE);
        return Ok(());
    }
    for pod in pods {
        if !pods::is_terminal(&pod) {
            fail(context, &pod)?;
        }
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        match context.delete(Kind::Pod, namespace(&pod), name(&pod), &options) {
            Err(error) if !is_not_found(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Nobody else would ever say that the pod has ended.
fn fail(context: &mut Context, pod: &Value) -> Outcome {
    let mut conditions: Vec<Value> = items(pod, "/status/conditions").cloned().collect();
    conditions.retain(|known| text(known, "/type") != "DisruptionTarget");
    let now = context.now();
    conditions.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC", "message": "PodGC: node no longer exists",
        "lastTransitionTime": now, "lastProbeTime": null, "observedGeneration": generation(pod),
    }));
    let mut patch = json!({"metadata": {"uid": uid(pod)}, "status": {"phase": "Failed"}});
    set(&mut patch, "/status/conditions", conditions);
    match context.merge(Kind::Pod, namespace(pod), name(pod), "status", &patch) {
        Err(error) if !is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}
