//! The claims of a pod that is to be scheduled.
//!
//! From `k8s.io/kubernetes`, `pkg/scheduler/framework/plugins/volumebinding`. A claim that waits for its first consumer is given a
//! volume that exists, or is told the node for which one is to be made; the pod is bound when all of its claims are.

use holm_values::node_matches;
use serde_json::{Value, json};

use super::filter::Refusal;
use super::requests::Requests;
use super::{MANAGER, text};
use crate::action::Action;
use crate::kubelet::needs::{claim_of, is_bound};
use crate::object::{annotation, at, is_deleting, list, name, namespace, texts, uid};
use crate::resource::Resource;
use crate::world::World;

/// The claims of a pod, none of which keeps it from being scheduled at all.
pub(super) struct Claims<'a> {
    bound_volumes: Vec<&'a Value>,
    unbound: Vec<&'a Value>,
    world: &'a World,
}

/// The annotation by which a claim knows the node of its first consumer.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

impl<'a> Claims<'a> {
    /// The claims of a pod, or why the pod cannot be scheduled anywhere.
    pub(super) fn of(pod: &'a Value, world: &'a World) -> Result<Self, String> {
        let mut claims = Self { bound_volumes: Vec::new(), unbound: Vec::new(), world };
        for volume in list(pod, &["spec", "volumes"]) {
            let Some(claim_name) = claim_of(pod, volume) else { continue };
            let Some(claim) = world.get(Resource::Claims, namespace(pod), &claim_name) else {
                return Err(format!("persistentvolumeclaim {claim_name:?} not found"));
            };
            if is_deleting(claim) {
                return Err(format!("persistentvolumeclaim {claim_name:?} is being deleted"));
            }
            let volume_name = text(claim, &["spec", "volumeName"]);
            if text(claim, &["status", "phase"]) == "Lost" {
                return Err(format!(
                    "persistentvolumeclaim {claim_name:?} bound to non-existent persistentvolume {volume_name:?}"
                ));
            }
            if is_bound(claim) {
                claims.bound_volumes.extend(world.get(Resource::Volumes, "", volume_name).map(|found| &**found));
            } else if claims.waits_for_consumer(claim) {
                claims.unbound.push(claim);
            } else {
                return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
        }
        Ok(claims)
    }

    fn class(&self, claim: &Value) -> Option<&'a Value> {
        let class = self.world.get(Resource::Classes, "", text(claim, &["spec", "storageClassName"]));
        class.map(|class| &**class)
    }

    fn waits_for_consumer(&self, claim: &Value) -> bool {
        // A claim with the name of its volume waits only for the binder.
        text(claim, &["spec", "volumeName"]).is_empty()
            && self.class(claim).is_some_and(|class| text(class, &["volumeBindingMode"]) == "WaitForFirstConsumer")
    }

    pub(super) fn are_bound(&self) -> bool {
        self.unbound.is_empty()
    }

    /// Why the claims keep the pod from a node.
    pub(super) fn refusal(&self, node: &Value) -> Option<Refusal> {
        let fits = |volume: &Value| {
            at(volume, &["spec", "nodeAffinity", "required"]).is_none_or(|required| node_matches(required, node))
        };
        if !self.bound_volumes.iter().all(|volume| fits(volume)) {
            return Some(Refusal::final_one("node(s) didn't match PersistentVolume's node affinity"));
        }
        let can_be_made = |claim: &Value| {
            let class = self.class(claim);
            class.is_some_and(|class| text(class, &["provisioner"]) != "kubernetes.io/no-provisioner")
        };
        let mut taken = Vec::new();
        let mut found = self.unbound.iter().map(|claim| {
            let volume = self.volume_for(claim, node, &taken);
            taken.extend(volume.map(name));
            volume.is_some() || can_be_made(claim)
        });
        if found.all(|found| found) {
            None
        } else {
            Some(Refusal::final_one("node(s) didn't find available persistent volumes to bind"))
        }
    }

    /// The smallest volume that is there for a claim on a node: `pkg/scheduler/util/... FindMatchingVolume`.
    fn volume_for(&self, claim: &Value, node: &Value, taken: &[&str]) -> Option<&'a Value> {
        let size = |quantities: Option<&Value>| Requests::of(quantities).amount("storage");
        let wanted = size(at(claim, &["spec", "resources", "requests"]));
        let mode = |object: &Value| match text(object, &["spec", "volumeMode"]) {
            "" => "Filesystem".to_owned(),
            mode => mode.to_owned(),
        };
        let fits = |volume: &Value| {
            text(volume, &["status", "phase"]) == "Available"
                && at(volume, &["spec", "claimRef"]).is_none()
                && !is_deleting(volume)
                && !taken.contains(&name(volume))
                && text(volume, &["spec", "storageClassName"]) == text(claim, &["spec", "storageClassName"])
                && mode(volume) == mode(claim)
                && size(at(volume, &["spec", "capacity"])) >= wanted
                && texts(claim, &["spec", "accessModes"])
                    .all(|mode| texts(volume, &["spec", "accessModes"]).any(|known| known == mode))
                && at(volume, &["spec", "nodeAffinity", "required"]).is_none_or(|required| node_matches(required, node))
                && at(claim, &["spec", "selector"]).is_none()
        };
        let volumes = self.world.all(Resource::Volumes).map(|(_, volume)| &**volume);
        volumes.filter(|volume| fits(volume)).min_by_key(|volume| size(at(volume, &["spec", "capacity"])))
    }

    /// What is to be written so that the claims are bound for a node. Nothing if it has been written already.
    pub(super) fn writes(&self, node: &str, world: &World) -> Vec<Action> {
        let Some(node_object) = world.get(Resource::Nodes, "", node) else { return Vec::new() };
        let mut taken = Vec::new();
        let mut actions = Vec::new();
        for claim in &self.unbound {
            if let Some(volume) = self.volume_for(claim, node_object, &taken) {
                taken.push(name(volume));
                actions.push(reserve(volume, claim));
            } else if !self.is_reserved(claim) && annotation(claim, SELECTED_NODE) != node {
                actions.push(select_node(claim, node));
            }
        }
        actions
    }

    /// Whether a volume names the claim already; the binder does the rest.
    fn is_reserved(&self, claim: &Value) -> bool {
        self.world.all(Resource::Volumes).any(|(_, volume)| text(volume, &["spec", "claimRef", "uid"]) == uid(claim))
    }
}

/// Gives a volume to a claim, as the scheduler does before the binder completes it.
fn reserve(volume: &Value, claim: &Value) -> Action {
    Action::Patch {
        resource: Resource::Volumes,
        namespace: String::new(),
        name: name(volume).to_owned(),
        uid: uid(volume).to_owned(),
        subresource: "",
        body: json!({
            "metadata": {"annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
            "spec": {"claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace(claim), "name": name(claim),
                "uid": uid(claim), "resourceVersion": text(claim, &["metadata", "resourceVersion"]),
            }},
        }),
        manager: MANAGER.to_owned(),
    }
}

fn select_node(claim: &Value, node: &str) -> Action {
    Action::Patch {
        resource: Resource::Claims,
        namespace: namespace(claim).to_owned(),
        name: name(claim).to_owned(),
        uid: uid(claim).to_owned(),
        subresource: "",
        body: json!({"metadata": {"annotations": {SELECTED_NODE: node}}}),
        manager: MANAGER.to_owned(),
    }
}
