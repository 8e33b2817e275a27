//! Whether a claim is used.
//!
//! From `pkg/controller/volume/pvcprotection/pvc_protection_controller.go` (`updateUnusedCondition`, KEP 5541). The finalizer of claims
//! in use is the API server's business.

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Outcome;
use crate::fields::{condition, is_deleting, items, name, namespace, set, text};
use crate::index::Term;
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

/// Says in a condition of a bound claim whether pods mount it, and since when.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(claim) = context.get(Kind::PersistentVolumeClaim, &key.namespace, &key.name) else { return Ok(()) };
    if is_deleting(&claim) || text(&claim, "/status/phase") != "Bound" {
        return Ok(());
    }
    let pods = context.find(Kind::Pod, Term::Claim(namespace(&claim).to_owned(), name(&claim).to_owned()));
    let is_used = pods.iter().any(|pod| !pods::is_terminal(pod));
    let (status, reason, message) = if is_used {
        ("False", "PodUsingPVC", "A pod is currently referencing this PVC")
    } else {
        ("True", "NoPodsUsingPVC", "No pods are currently referencing this PVC")
    };
    if condition(&claim, "Unused").is_some_and(|known| text(known, "/status") == status) {
        return Ok(());
    }
    let new = json!({
        "type": "Unused", "status": status, "reason": reason, "message": message, "lastTransitionTime": context.now(),
        "lastProbeTime": null,
    });
    let mut conditions: Vec<Value> = items(&claim, "/status/conditions").cloned().collect();
    conditions.retain(|known| text(known, "/type") != "Unused");
    conditions.push(new);
    let mut changed = Value::clone(&claim);
    set(&mut changed, "/status/conditions", conditions);
    context.update_status(Kind::PersistentVolumeClaim, changed)?;
    Ok(())
}
