//! Ranges of addresses for services: they are made ready, and stay for a moment when they are deleted.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/servicecidrs/servicecidrs_controller.go`. No addresses are objects here, so none keeps
//! a range.

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Outcome, is_not_found};
use crate::fields::{condition, is_deleting, seconds, text, texts};
use crate::kind::Kind;
use crate::queue::Key;

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
/// How long a range stays after its deletion, so that whoever hands out addresses hears of it, in seconds.
const GRACE: i64 = 10;

/// Makes a range ready, or lets it go.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(range) = context.get(Kind::ServiceCIDR, "", &key.name) else { return Ok(()) };
    let finalizers = texts(&range, "/metadata/finalizers");
    let is_kept = finalizers.iter().any(|found| found == FINALIZER);
    if is_deleting(&range) {
        let deleted = seconds(text(&range, "/metadata/deletionTimestamp")).unwrap_or_default();
        if context.now_seconds() < deleted + GRACE {
            context.again_at(key, deleted + GRACE);
            return Ok(());
        }
        let left: Vec<&String> = finalizers.iter().filter(|found| *found != FINALIZER).collect();
        return if is_kept { merge(context, key, "", &json!({"metadata": {"finalizers": left}})) } else { Ok(()) };
    }
    if !is_kept {
        let all: Vec<&str> = finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
        merge(context, key, "", &json!({"metadata": {"finalizers": all}}))?;
    }
    if condition(&range, "Ready").is_some_and(|found| text(found, "/status") == "True") {
        return Ok(());
    }
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": context.now(),
    });
    merge(context, key, "status", &json!({"status": {"conditions": [ready]}}))
}

fn merge(context: &mut Context, key: &Key, part: &str, patch: &Value) -> Outcome {
    match context.merge(Kind::ServiceCIDR, "", &key.name, part, patch) {
        Err(error) if !is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}
