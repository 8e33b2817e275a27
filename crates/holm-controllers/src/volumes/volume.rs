//! What becomes of a volume.

use std::sync::Arc;

use serde_json::{Value, json};

use super::bind::{modes_differ, set_volume_phase};
use super::{BOUND_BY_CONTROLLER, COMPONENT, PROVISIONED_BY};
use crate::context::Context;
use crate::error::Outcome;
use crate::event::Said;
use crate::fields::{annotation, at, is_deleting, name, namespace, remove, set, text, uid};
use crate::kind::Kind;
use crate::queue::{Key, Task};

/// Says what a volume is: free, bound, or left over; and then does what it says about that.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(volume) = context.get(Kind::PersistentVolume, "", &key.name) else { return Ok(()) };
    let owner = text(&volume, "/spec/claimRef/uid");
    if owner.is_empty() {
        set_volume_phase(context, &volume, "Available", "")?;
        return Ok(());
    }
    let place = (text(&volume, "/spec/claimRef/namespace"), text(&volume, "/spec/claimRef/name"));
    let claim = context.get(Kind::PersistentVolumeClaim, place.0, place.1).filter(|claim| uid(claim) == owner);
    let Some(claim) = claim else { return release(context, &volume) };
    let wanted = text(&claim, "/spec/volumeName");
    if wanted.is_empty() {
        if modes_differ(&claim, &volume) {
            let of_volume = format!(
                "Cannot bind PersistentVolume to requested PersistentVolumeClaim {:?} due to incompatible volumeMode.",
                name(&claim)
            );
            say(context, &volume, Kind::PersistentVolume, "VolumeMismatch", &of_volume);
            let of_claim = format!(
                "Cannot bind PersistentVolume {:?} to requested PersistentVolumeClaim due to incompatible volumeMode.",
                name(&volume)
            );
            say(context, &claim, Kind::PersistentVolumeClaim, "VolumeMismatch", &of_claim);
            return Ok(());
        }
        context.queue.add(Key::new(Task::Claim, namespace(&claim), name(&claim)));
        return Ok(());
    }
    if wanted == name(&volume) {
        set_volume_phase(context, &volume, "Bound", "")?;
        return Ok(());
    }
    if annotation(&volume, PROVISIONED_BY).is_some() && policy(&volume) == "Delete" {
        return release(context, &volume);
    }
    unbind(context, &volume)
}

fn policy(volume: &Value) -> &str {
    text(volume, "/spec/persistentVolumeReclaimPolicy")
}

/// The claim is bound to another volume; this one is free again.
fn unbind(context: &mut Context, volume: &Value) -> Outcome {
    let mut changed = volume.clone();
    if annotation(volume, BOUND_BY_CONTROLLER).is_some() {
        remove(&mut changed, "/spec/claimRef");
        remove(&mut changed, &format!("/metadata/annotations/{}", BOUND_BY_CONTROLLER.replace('/', "~1")));
        if at(&changed, "/metadata/annotations").is_some_and(|left| *left == json!({})) {
            remove(&mut changed, "/metadata/annotations");
        }
    } else {
        set(&mut changed, "/spec/claimRef/uid", "");
    }
    let stored = context.update(Kind::PersistentVolume, changed)?;
    set_volume_phase(context, &stored, "Available", "")?;
    Ok(())
}

/// The claim is gone: the volume is kept, or deleted by whoever made it.
fn release(context: &mut Context, volume: &Arc<Value>) -> Outcome {
    let phase = text(volume, "/status/phase");
    let volume = if matches!(phase, "Released" | "Failed") {
        Arc::clone(volume)
    } else {
        set_volume_phase(context, volume, "Released", "")?
    };
    if policy(&volume) != "Delete" || text(&volume, "/status/phase") == "Failed" || is_deleting(&volume) {
        return Ok(());
    }
    // What a provisioner has made, that provisioner deletes; and a driver its own volumes.
    if annotation(&volume, PROVISIONED_BY).is_some() || at(&volume, "/spec/csi").is_some() {
        return Ok(());
    }
    let problem = format!(
        "error getting deleter volume plugin for volume {:?}: no deletable volume plugin matched",
        name(&volume)
    );
    let stored = set_volume_phase(context, &volume, "Failed", &problem)?;
    say(context, &stored, Kind::PersistentVolume, "VolumeFailedDelete", &problem);
    Ok(())
}

fn say(context: &mut Context, object: &Value, kind: Kind, reason: &str, message: &str) {
    context.say(object, kind, Said { component: COMPONENT, warning: true, reason, message });
}
