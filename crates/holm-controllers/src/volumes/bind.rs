//! Which volume fits a claim, and binding them.
//!
//! From `k8s.io/component-helpers`, `storage/volume/pv_helpers.go`.

use std::sync::Arc;

use holm_values::Quantity;
use serde_json::{Value, json};

use super::{BIND_COMPLETED, BOUND_BY_CONTROLLER, class_of};
use crate::context::Context;
use crate::error::{Failure, Outcome};
use crate::fields::{
    annotate, annotation, at, is_deleting, items, name, namespace, remove, selector_at, set, text, uid,
};
use crate::index::Term;
use crate::kind::Kind;

/// Whether a volume is for a claim, and for no other of the same name.
pub(super) fn is_bound_to(volume: &Value, claim: &Value) -> bool {
    let known = text(volume, "/spec/claimRef/uid");
    at(volume, "/spec/claimRef").is_some()
        && text(volume, "/spec/claimRef/name") == name(claim)
        && text(volume, "/spec/claimRef/namespace") == namespace(claim)
        && (known.is_empty() || known == uid(claim))
}

/// Whether claim and volume want to be used in different ways.
pub(super) fn modes_differ(claim: &Value, volume: &Value) -> bool {
    let mode = |object: &Value| match text(object, "/spec/volumeMode") {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    mode(claim) != mode(volume)
}

fn storage(object: &Value, path: &str) -> Option<Quantity> {
    at(object, &format!("{path}/storage")).and_then(Quantity::of)
}

fn is_large_enough(volume: &Value, claim: &Value) -> bool {
    storage(volume, "/spec/capacity") >= storage(claim, "/spec/resources/requests")
}

fn has_access_modes(volume: &Value, claim: &Value) -> bool {
    items(claim, "/spec/accessModes").all(|mode| items(volume, "/spec/accessModes").any(|found| found == mode))
}

/// Why a volume that a claim names does not fit it.
pub(super) fn mismatch(volume: &Value, claim: &Value) -> Option<String> {
    let attributes = |object: &Value| text(object, "/spec/volumeAttributesClassName").to_owned();
    let problem = if is_deleting(volume) {
        return Some(format!("the volume is marked for deletion {:?}", name(volume)));
    } else if !is_large_enough(volume, claim) {
        "requested PV is too small"
    } else if class_of(volume) != class_of(claim) {
        "storageClassName does not match"
    } else if attributes(volume) != attributes(claim) {
        "volumeAttributesClassName does not match"
    } else if modes_differ(claim, volume) {
        "incompatible volumeMode"
    } else if !has_access_modes(volume, claim) {
        "incompatible accessMode"
    } else {
        return None;
    };
    Some(problem.to_owned())
}

/// The smallest volume that fits a claim, of those with the fewest access modes; or the one that is for it. With `delayed`, only that.
pub(super) fn find(context: &Context, claim: &Value, delayed: bool) -> Option<Arc<Value>> {
    let selector = at(claim, "/spec/selector").map(|_| selector_at(claim, "/spec/selector"));
    let mut volumes = context.find(Kind::PersistentVolume, Term::Class(class_of(claim).to_owned()));
    let own = Term::Claim(namespace(claim).to_owned(), name(claim).to_owned());
    volumes.extend(context.find(Kind::PersistentVolume, own));
    let attributes = |object: &Value| text(object, "/spec/volumeAttributesClassName").to_owned();
    volumes.retain(|volume| {
        (at(volume, "/spec/claimRef").is_none() || is_bound_to(volume, claim))
            && is_large_enough(volume, claim)
            && !modes_differ(claim, volume)
            && attributes(volume) == attributes(claim)
            && !is_deleting(volume)
            && has_access_modes(volume, claim)
    });
    if let Some(own) = volumes.iter().find(|volume| is_bound_to(volume, claim)) {
        return Some(Arc::clone(own));
    }
    volumes.retain(|volume| {
        !delayed
            && text(volume, "/status/phase") == "Available"
            && selector.as_ref().is_none_or(|selector| selector.matches(volume))
    });
    volumes.sort_by(|left, right| {
        let modes = |volume: &Value| items(volume, "/spec/accessModes").count();
        let size = |volume: &Value| storage(volume, "/spec/capacity");
        (modes(left).cmp(&modes(right)))
            .then_with(|| size(left).partial_cmp(&size(right)).unwrap_or(std::cmp::Ordering::Equal))
            .then_with(|| name(left).cmp(name(right)))
    });
    volumes.into_iter().next()
}

/// Makes claim and volume know each other, and says so in both.
pub(super) fn bind(context: &mut Context, volume: &Arc<Value>, claim: &Arc<Value>) -> Outcome {
    let volume = bind_volume(context, volume, claim)?;
    let volume = set_volume_phase(context, &volume, "Bound", "")?;
    let claim = bind_claim(context, &volume, claim)?;
    set_claim_status(context, &claim, "Bound", Some(&volume))?;
    Ok(())
}

fn bind_volume(context: &mut Context, volume: &Arc<Value>, claim: &Value) -> Result<Arc<Value>, Failure> {
    let mut changed = Value::clone(volume);
    if !is_bound_to(volume, claim) && annotation(volume, BOUND_BY_CONTROLLER).is_none() {
        annotate(&mut changed, BOUND_BY_CONTROLLER, "yes");
    }
    if !is_bound_to(volume, claim) || text(volume, "/spec/claimRef/uid").is_empty() {
        set(
            &mut changed,
            "/spec/claimRef",
            json!({
                "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": namespace(claim), "name": name(claim),
                "uid": uid(claim), "resourceVersion": text(claim, "/metadata/resourceVersion"),
            }),
        );
    }
    if changed == **volume { Ok(Arc::clone(volume)) } else { Ok(context.update(Kind::PersistentVolume, changed)?) }
}

fn bind_claim(context: &mut Context, volume: &Value, claim: &Arc<Value>) -> Result<Arc<Value>, Failure> {
    let mut changed = Value::clone(claim);
    if text(claim, "/spec/volumeName") != name(volume) {
        set(&mut changed, "/spec/volumeName", name(volume));
        annotate(&mut changed, BOUND_BY_CONTROLLER, "yes");
    }
    if annotation(claim, BIND_COMPLETED).is_none() {
        annotate(&mut changed, BIND_COMPLETED, "yes");
    }
    if changed == **claim { Ok(Arc::clone(claim)) } else { Ok(context.update(Kind::PersistentVolumeClaim, changed)?) }
}

/// Sets the phase of a volume, and says why.
pub(super) fn set_volume_phase(
    context: &mut Context,
    volume: &Arc<Value>,
    phase: &str,
    message: &str,
) -> Result<Arc<Value>, Failure> {
    if text(volume, "/status/phase") == phase {
        return Ok(Arc::clone(volume));
    }
    let mut changed = Value::clone(volume);
    set(&mut changed, "/status/phase", phase);
    if message.is_empty() {
        remove(&mut changed, "/status/message");
    } else {
        set(&mut changed, "/status/message", message);
    }
    Ok(context.update_status(Kind::PersistentVolume, changed)?)
}

/// Sets the phase of a claim, with what it has of its volume.
pub(super) fn set_claim_status(
    context: &mut Context,
    claim: &Arc<Value>,
    phase: &str,
    volume: Option<&Value>,
) -> Result<bool, Failure> {
    let mut changed = Value::clone(claim);
    set(&mut changed, "/status/phase", phase);
    let is_new = text(claim, "/status/phase") != phase;
    match volume {
        None => {
            for field in ["accessModes", "capacity", "currentVolumeAttributesClassName"] {
                remove(&mut changed, &format!("/status/{field}"));
            }
        }
        Some(volume) => {
            if let Some(modes) = at(volume, "/spec/accessModes") {
                set(&mut changed, "/status/accessModes", modes.clone());
            }
            // A volume that grows says so itself, and its claim follows later.
            if let Some(capacity) = at(volume, "/spec/capacity").filter(|_| is_new) {
                set(&mut changed, "/status/capacity", capacity.clone());
            }
            if let Some(class) = at(volume, "/spec/volumeAttributesClassName").filter(|_| is_new) {
                set(&mut changed, "/status/currentVolumeAttributesClassName", class.clone());
            }
        }
    }
    if changed == **claim {
        return Ok(false);
    }
    context.update_status(Kind::PersistentVolumeClaim, changed)?;
    Ok(true)
}
