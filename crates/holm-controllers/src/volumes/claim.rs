//! What becomes of a claim.

use std::sync::Arc;

use serde_json::Value;

use super::bind::{bind, find, is_bound_to, mismatch, set_claim_status};
use super::{BETA_PROVISIONER, BIND_COMPLETED, BOUND_BY_CONTROLLER, COMPONENT, PROVISIONER, SELECTED_NODE, class_of};
use crate::context::Context;
use crate::error::{Failure, Outcome};
use crate::event::Said;
use crate::fields::{annotate, annotation, at, created, name, namespace, set, text, uid};
use crate::index::Term;
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

/// Binds a claim, or hands it to a provisioner, or says why neither can be.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(claim) = context.get(Kind::PersistentVolumeClaim, &key.namespace, &key.name) else { return Ok(()) };
    if annotation(&claim, BIND_COMPLETED).is_some() {
        return look_at_bound(context, &claim);
    }
    let wanted = text(&claim, "/spec/volumeName");
    if wanted.is_empty() { look_for_volume(context, &claim) } else { take_volume(context, &claim, wanted) }
}

fn look_for_volume(context: &mut Context, claim: &Arc<Value>) -> Outcome {
    let class = context.get(Kind::StorageClass, "", class_of(claim));
    let waits = class.is_some_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer");
    if let Some(volume) = find(context, claim, waits) {
        return bind(context, &volume, claim);
    }
    if assign_default_class(context, claim)? {
        return Ok(());
    }
    if waits && annotation(claim, SELECTED_NODE).is_none() {
        say_waiting(context, claim);
    } else if !class_of(claim).is_empty() {
        return provision(context, claim);
    } else {
        let message = "no persistent volumes available for this claim and no storage class is set";
        say(context, claim, false, "FailedBinding", message);
    }
    set_claim_status(context, claim, "Pending", None).map(|_| ())
}

/// A claim that came before there was a default class gets that class (`assignDefaultStorageClass`, KEP 3333).
fn assign_default_class(context: &mut Context, claim: &Value) -> Result<bool, Failure> {
    if at(claim, "/spec/storageClassName").is_some() || annotation(claim, super::BETA_CLASS).is_some() {
        return Ok(false);
    }
    let marks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
    let is_default = |class: &&Arc<Value>| marks.iter().any(|mark| annotation(class, mark) == Some("true"));
    let classes = context.list(Kind::StorageClass, None);
    // The newest counts, and of two of the same age the one with the lesser name.
    let newest = classes
        .iter()
        .filter(is_default)
        .max_by(|left, right| created(left).cmp(created(right)).then_with(|| name(right).cmp(name(left))));
    let Some(class) = newest else { return Ok(false) };
    let mut changed = claim.clone();
    set(&mut changed, "/spec/storageClassName", name(class));
    context.update(Kind::PersistentVolumeClaim, changed)?;
    Ok(true)
}

fn say_waiting(context: &mut Context, claim: &Value) {
    let term = Term::Claim(namespace(claim).to_owned(), name(claim).to_owned());
    let users = context.find(Kind::Pod, term);
    let waits = |pod: &&Arc<Value>| text(pod, "/spec/nodeName").is_empty() && !pods::is_terminal(pod);
    let waiting: Vec<&str> = users.iter().filter(waits).map(|pod| name(pod)).collect();
    match waiting.as_slice() {
        [] => {
            let message = "waiting for first consumer to be created before binding";
            say(context, claim, false, "WaitForFirstConsumer", message);
        }
        [one] => {
            let message = format!("waiting for pod {one} to be scheduled");
            say(context, claim, false, "WaitForPodScheduled", &message);
        }
        many => {
            let message = format!("waiting for pods {} to be scheduled", many.join(","));
            say(context, claim, false, "WaitForPodScheduled", &message);
        }
    }
}

/// Hands a claim to the provisioner of its class.
fn provision(context: &mut Context, claim: &Arc<Value>) -> Outcome {
    let class_name = class_of(claim).to_owned();
    let Some(class) = context.get(Kind::StorageClass, "", &class_name) else {
        let message = format!("storageclass.storage.k8s.io {class_name:?} not found");
        say(context, claim, true, "ProvisioningFailed", &message);
        // It is tried again until there is one, as each try says.
        return Err(Failure::NotYet(message));
    };
    let provisioner = text(&class, "/provisioner").to_owned();
    if provisioner == "kubernetes.io/no-provisioner" {
        let message = format!("no volume plugin matched name: {provisioner}");
        say(context, claim, true, "ProvisioningFailed", &message);
        return Ok(());
    }
    if annotation(claim, PROVISIONER) != Some(&provisioner) {
        let mut changed = Value::clone(claim);
        annotate(&mut changed, BETA_PROVISIONER, &provisioner);
        annotate(&mut changed, PROVISIONER, &provisioner);
        context.update(Kind::PersistentVolumeClaim, changed)?;
    }
    // Kubernetes' own provisioners say themselves what they do.
    if !provisioner.starts_with("kubernetes.io/") {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        );
        say(context, claim, false, "ExternalProvisioning", &message);
    }
    Ok(())
}

/// Binds the volume that a claim names.
fn take_volume(context: &mut Context, claim: &Arc<Value>, wanted: &str) -> Outcome {
    let Some(volume) = context.get(Kind::PersistentVolume, "", wanted) else {
        return set_claim_status(context, claim, "Pending", None).map(|_| ());
    };
    if at(&volume, "/spec/claimRef").is_none() {
        let Some(problem) = mismatch(&volume, claim) else { return bind(context, &volume, claim) };
        let message = format!("Cannot bind to requested volume {:?}: {problem}", name(&volume));
        say(context, claim, true, "VolumeMismatch", &message);
        return set_claim_status(context, claim, "Pending", None).map(|_| ());
    }
    if is_bound_to(&volume, claim) {
        return bind(context, &volume, claim);
    }
    let message = format!("volume {:?} already bound to a different claim.", name(&volume));
    say(context, claim, true, "FailedBinding", &message);
    if annotation(claim, BOUND_BY_CONTROLLER).is_some() {
        return Err(Failure::NotYet(message));
    }
    set_claim_status(context, claim, "Pending", None).map(|_| ())
}

/// A claim that was bound stays so, or has lost its volume.
fn look_at_bound(context: &mut Context, claim: &Arc<Value>) -> Outcome {
    let wanted = text(claim, "/spec/volumeName");
    if wanted.is_empty() {
        let message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        return lose(context, claim, "ClaimLost", message);
    }
    let Some(volume) = context.get(Kind::PersistentVolume, "", wanted) else {
        let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        return lose(context, claim, "ClaimLost", message);
    };
    let owner = text(&volume, "/spec/claimRef/uid");
    if at(&volume, "/spec/claimRef").is_none() || owner == uid(claim) {
        return bind(context, &volume, claim);
    }
    let message = "Two claims are bound to the same volume, this one is bound incorrectly";
    lose(context, claim, "ClaimMisbound", message)
}

fn lose(context: &mut Context, claim: &Arc<Value>, reason: &str, message: &str) -> Outcome {
    if set_claim_status(context, claim, "Lost", None)? {
        say(context, claim, true, reason, message);
    }
    Ok(())
}

fn say(context: &mut Context, claim: &Value, warning: bool, reason: &str, message: &str) {
    let said = Said { component: COMPONENT, warning, reason, message };
    context.say(claim, Kind::PersistentVolumeClaim, said);
}
