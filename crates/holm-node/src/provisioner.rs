//! Makes, grows and removes volumes, as the external provisioner and resizer of a storage driver do.
//!
//! The binder, which is a controller of the cluster, tells who is to provision a claim by an annotation and binds the claim to its
//! volume afterwards (`k8s.io/kubernetes`, `pkg/controller/volume/persistentvolume`; `sigs.k8s.io/sig-storage-lib-external-provisioner`).

use holm_values::Quantity;
use serde_json::{Value, json};

use crate::action::{Action, Decision, Memory};
use crate::event::{Event, Source};
use crate::object::{annotation, at, is_deleting, name, namespace, text, uid};
use crate::resource::Resource;
use crate::world::World;

/// How long a volume takes to grow.
const RESIZE: i64 = 200;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// Decides what to do for a claim.
pub(crate) fn decide(claim: &Value, provisioners: &[String], world: &World, memory: &mut Memory, now: i64) -> Decision {
    if is_deleting(claim) {
        return Decision::default();
    }
    let Some(class) = world.get(Resource::Classes, "", text(claim, &["spec", "storageClassName"])) else {
        return Decision::default();
    };
    let provisioner = text(class, &["provisioner"]);
    if !provisioners.iter().any(|known| known == provisioner) {
        return Decision::default();
    }
    if text(claim, &["status", "phase"]) == "Bound" {
        return resize(claim, provisioner, world, memory, now);
    }
    if !is_asked_for(claim, class, provisioner) || !text(claim, &["spec", "volumeName"]).is_empty() {
        return Decision::default();
    }
    let volume = volume_name(claim);
    if world.get(Resource::Volumes, "", &volume).is_some() {
        return Decision::default();
    }
    let create = Action::Create {
        resource: Resource::Volumes,
        object: new_volume(claim, class, provisioner),
        manager: provisioner.to_owned(),
    };
    let event = |component: &str, reason: &'static str, message: String| {
        let source = Source::Controller { component: component.to_owned() };
        Action::Event(Event::about(CLAIM, claim, source, reason, message))
    };
    // Kubernetes' own provisioners are a part of the binder, and speak as that.
    if provisioner.starts_with("kubernetes.io/") {
        let done = format!("Successfully provisioned volume {volume} using {provisioner}");
        return Decision::act(vec![create, event("persistentvolume-controller", "ProvisioningSucceeded", done)]);
    }
    let claimed = format!("\"{}/{}\"", namespace(claim), name(claim));
    let begun = format!("External provisioner is provisioning volume for claim {claimed}");
    let done = format!("Successfully provisioned volume {volume}");
    Decision::act(vec![
        event(provisioner, "Provisioning", begun),
        create,
        event(provisioner, "ProvisioningSucceeded", done),
    ])
}

const CLAIM: &str = "PersistentVolumeClaim";

/// Whether the binder asks for a volume, and a claim that waits for its first consumer has one.
fn is_asked_for(claim: &Value, class: &Value, provisioner: &str) -> bool {
    let asked = ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"]
        .iter()
        .any(|key| annotation(claim, key) == provisioner);
    let waits = text(class, &["volumeBindingMode"]) == "WaitForFirstConsumer";
    asked && (!waits || !annotation(claim, SELECTED_NODE).is_empty())
}

fn volume_name(claim: &Value) -> String {
    format!("pvc-{}", uid(claim))
}

fn new_volume(claim: &Value, class: &Value, provisioner: &str) -> Value {
    let name_of_volume = volume_name(claim);
    let policy = match text(class, &["reclaimPolicy"]) {
        "" => "Delete",
        policy => policy,
    };
    let mode = match text(claim, &["spec", "volumeMode"]) {
        "" => "Filesystem",
        mode => mode,
    };
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name_of_volume, "annotations": {PROVISIONED_BY: provisioner}},
        "spec": {
            "capacity": {"storage": at(claim, STORAGE).cloned().unwrap_or_else(|| json!("0"))},
            "accessModes": at(claim, &["spec", "accessModes"]).cloned().unwrap_or_else(|| json!([])),
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": name(class),
            "volumeMode": mode,
            "claimRef": {
                "apiVersion": "v1", "kind": CLAIM, "namespace": namespace(claim), "name": name(claim), "uid": uid(claim),
                "resourceVersion": text(claim, &["metadata", "resourceVersion"]),
            },
            "hostPath": {"path": format!("/var/lib/simulated-volumes/{name_of_volume}"), "type": ""},
        },
    });
    if let Some(options) = at(class, &["mountOptions"]) {
        volume["spec"]["mountOptions"] = options.clone();
    }
    volume
}

const STORAGE: &[&str] = &["spec", "resources", "requests", "storage"];

/// Grows the volume of a bound claim that asks for more than it has.
fn resize(claim: &Value, provisioner: &str, world: &World, memory: &mut Memory, now: i64) -> Decision {
    let amount = |object: &Value, path: &[&str]| at(object, path).and_then(Quantity::of).unwrap_or(Quantity::ZERO);
    let volume_name = text(claim, &["spec", "volumeName"]);
    let Some(volume) = world.get(Resource::Volumes, "", volume_name) else { return Decision::default() };
    let wanted = amount(claim, STORAGE);
    let volume_is_small = amount(volume, &["spec", "capacity", "storage"]) < wanted;
    let claim_is_small = amount(claim, &["status", "capacity", "storage"]) < wanted;
    if !volume_is_small && !claim_is_small {
        return Decision::default();
    }
    let size = text(claim, STORAGE);
    let due = memory.due(&format!("resize to {size}"), now, |_| RESIZE);
    if due > now {
        return Decision::at(due);
    }
    let event = |reason: &'static str, message: String| {
        let source = Source::Controller { component: format!("external-resizer {provisioner}") };
        Action::Event(Event::about(CLAIM, claim, source, reason, message))
    };
    let patch = |resource: Resource, object: &Value, subresource: &'static str, body: Value| Action::Patch {
        resource,
        namespace: namespace(object).to_owned(),
        name: name(object).to_owned(),
        uid: uid(object).to_owned(),
        subresource,
        body,
        manager: provisioner.to_owned(),
    };
    let mut actions = vec![event("Resizing", format!("External resizer is resizing volume {volume_name}"))];
    if volume_is_small {
        actions.push(patch(Resource::Volumes, volume, "", json!({"spec": {"capacity": {"storage": size}}})));
    }
    if claim_is_small {
        actions.push(patch(Resource::Claims, claim, "status", json!({"status": {"capacity": {"storage": size}}})));
    }
    actions.push(event("VolumeResizeSuccessful", "Resize volume succeeded".to_owned()));
    Decision::act(actions)
}

/// Removes a volume that this provisioner made and whose claim is gone.
pub(crate) fn decide_volume(volume: &Value, provisioners: &[String]) -> Decision {
    let own = annotation(volume, PROVISIONED_BY);
    let is_done = text(volume, &["status", "phase"]) == "Released"
        && text(volume, &["spec", "persistentVolumeReclaimPolicy"]) == "Delete"
        && provisioners.iter().any(|known| known == own)
        && !is_deleting(volume);
    if !is_done {
        return Decision::default();
    }
    Decision::act(vec![Action::Delete {
        resource: Resource::Volumes,
        namespace: String::new(),
        name: name(volume).to_owned(),
        uid: uid(volume).to_owned(),
    }])
}
