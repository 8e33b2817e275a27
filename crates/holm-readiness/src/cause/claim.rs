//! Causes in claims: why one is not bound.

use super::evidence::LiveObject;
use super::explain::{Case, Draft};
use crate::object::text;
use crate::trouble::join;

/// Why a claim is not bound. None where it is, or nothing is known.
pub(super) fn explain<'v>(case: &Case<'v>, claim: &LiveObject) -> Option<Draft<'v>> {
    let live = claim.object.expose();
    match text(live, "/status/phase") {
        Some("Bound") => return None,
        Some("Lost") => {
            let hint = "it binds no other: look for the data first, then delete the claim and make it anew";
            return Some(case.said().with_hint(hint).finally(true));
        }
        _ => {}
    }
    let reasons = [
        "ProvisioningFailed",
        "FailedBinding",
        "VolumeMismatch",
        "ExternalProvisioning",
        "WaitForFirstConsumer",
        "WaitForPodScheduled",
    ];
    let event = case.events.last(claim, &reasons)?;
    let seen = case.events.times(claim, event.reason, |_| true);
    let message = event.message;
    Some(match event.reason {
        "ProvisioningFailed" => match missing_class(message) {
            Some(class) => Draft::plain(format!("there is no storage class {class}"))
                .with_hint("declare it in the stack, or name one that the cluster has")
                .finally(seen >= 2),
            // A provisioner tries again, and the cloud behind it may recover.
            None => Draft::plain(join("its volume cannot be made", message)),
        },
        "FailedBinding" if message.contains("no storage class is set") => {
            Draft::plain("no volume fits, and neither the claim nor the cluster names a storage class")
                .with_hint("set storageClassName, mark a class as the default, or add a PersistentVolume that fits")
                .finally(seen >= 2)
        }
        "FailedBinding" if message.contains("already bound to a different claim") => {
            let volume = message.split('"').nth(1).unwrap_or("that it names");
            Draft::plain(format!("volume {volume} is bound to another claim"))
                .with_hint("name another volume, or none")
                .finally(seen >= 2)
        }
        "FailedBinding" => Draft::plain(join("no volume fits", message)),
        "VolumeMismatch" => Draft::plain(join("the volume that it names does not fit", message)).finally(seen >= 2),
        "ExternalProvisioning" => {
            let provisioner = message.split(['\'', '"']).nth(1).unwrap_or("of its class");
            Draft::plain(format!("waits for provisioner {provisioner} to make its volume"))
                .with_hint("is that provisioner running?")
        }
        "WaitForPodScheduled" => Draft::plain("binds once its pod has a node"),
        _ => Draft::plain("binds once a pod uses it").with_hint("no pod uses it yet; its storage class waits for one"),
    })
}

fn missing_class(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("storageclass.storage.k8s.io \"")?;
    let (class, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then_some(class)
}
