//! The claims of a StatefulSet's pods, and whether they go with their pod or with the set.
//!
//! From `pkg/controller/statefulset/{stateful_pod_control,stateful_set_utils}.go`; the policy is KEP 1847.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Set;
use super::pod::{claim_name, ordinal};
use crate::error::{Failure, Outcome, is_already_exists};
use crate::fields::{controller_reference, flag, is_deleting, items, name, set, text, uid};
use crate::kind::Kind;

impl Set<'_> {
    /// Makes the claims of a pod that are not there.
    pub(super) fn create_claims(&mut self, pod: &Value) -> Outcome {
        let mut failed = Ok(());
        for claim in self.claims_of(pod) {
            let claim_name = name(&claim).to_owned();
            let found = self.context.get(Kind::PersistentVolumeClaim, &self.namespace(), &claim_name);
            if let Some(found) = found {
                if is_deleting(&found) {
                    failed = Err(Failure::NotYet(format!("pvc {claim_name} is being deleted")));
                }
                continue;
            }
            let made = self.context.create(Kind::PersistentVolumeClaim, claim);
            let subject = format!("Claim {claim_name} ");
            let place = format!("Pod {} in StatefulSet {}", name(pod), name(&self.set));
            match made {
                Ok(_) => self.say(false, "SuccessfulCreate", &format!("Create {subject}{place} success")),
                Err(error) => {
                    if !is_already_exists(&error) {
                        let message = format!("Create {subject}for {place} failed error: {error}");
                        self.say(true, "FailedCreate", &message);
                    }
                    failed = Err(Failure::NotYet(format!("failed to create PVC {claim_name}: {error}")));
                }
            }
        }
        failed
    }

    fn namespace(&self) -> String {
        crate::fields::namespace(&self.set).to_owned()
    }

    fn found_claims(&self, pod: &Value) -> Vec<Arc<Value>> {
        let Some(ordinal) = ordinal(&self.set, pod) else { return Vec::new() };
        let names = items(&self.set, "/spec/volumeClaimTemplates");
        let names = names.map(|template| claim_name(&self.set, template, ordinal));
        let namespace = self.namespace();
        names.filter_map(|name| self.context.get(Kind::PersistentVolumeClaim, &namespace, &name)).collect()
    }

    fn deletes(&self, when: &str) -> bool {
        text(&self.set, &format!("/spec/persistentVolumeClaimRetentionPolicy/{when}")) == "Delete"
    }

    /// Whether a claim waits to be deleted with an earlier pod of the same name.
    pub(super) fn has_stale_claim(&self, pod: &Value) -> bool {
        self.deletes("whenScaled") && self.found_claims(pod).iter().any(|claim| is_stale(claim, pod, Kind::Pod))
    }

    /// Gives the claims of a pod the owners with which they are to go, and says whether that changed something.
    pub(super) fn own_claims(&mut self, pod: &Value) -> Result<bool, Failure> {
        let mut is_changed = false;
        for claim in self.found_claims(pod) {
            let is_foreign = self.has_foreign_controller(&claim, pod);
            if is_foreign {
                let message = format!(
                    "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, the retention \
                     policy is ignored for this claim",
                    name(&claim)
                );
                self.say(true, "ConflictingController", &message);
            }
            if is_stale(&claim, &self.set, Kind::StatefulSet) || is_stale(&claim, pod, Kind::Pod) {
                // It belongs to an earlier set or pod, and goes with that.
                continue;
            }
            let owners: Vec<Value> = items(&claim, "/metadata/ownerReferences").cloned().collect();
            let mut wanted: Vec<Value> = owners
                .iter()
                .filter(|owner| !refers(owner, &self.set, Kind::StatefulSet) && !refers(owner, pod, Kind::Pod))
                .cloned()
                .collect();
            if !is_foreign {
                wanted.extend(self.owner_of_claims(pod));
            }
            if owners != wanted {
                let mut changed = Value::clone(&claim);
                set(&mut changed, "/metadata/ownerReferences", json!(wanted));
                self.context.update(Kind::PersistentVolumeClaim, changed)?;
                is_changed = true;
            }
        }
        Ok(is_changed)
    }

    /// The set owns the claims that go with it; a pod that is too many those that go with the pod.
    fn owner_of_claims(&self, pod: &Value) -> Option<Value> {
        let (scaled, deleted) = (self.deletes("whenScaled"), self.deletes("whenDeleted"));
        if scaled && !self.is_in_range(pod) {
            return Some(controller_reference(pod, Kind::Pod));
        }
        deleted.then(|| controller_reference(&self.set, Kind::StatefulSet))
    }

    fn has_foreign_controller(&self, claim: &Value, pod: &Value) -> bool {
        if !self.deletes("whenScaled") && !self.deletes("whenDeleted") {
            return false;
        }
        items(claim, "/metadata/ownerReferences").any(|owner| {
            for (object, kind) in [(&*self.set, Kind::StatefulSet), (pod, Kind::Pod)] {
                if refers(owner, object, kind) {
                    return text(owner, "/uid") != uid(object);
                }
            }
            flag(owner, "/controller")
        })
    }
}

/// Whether an owner is this object, or an earlier one of the same name.
fn refers(owner: &Value, object: &Value, kind: Kind) -> bool {
    text(owner, "/kind") == kind.name()
        && text(owner, "/apiVersion") == kind.api_version()
        && text(owner, "/name") == name(object)
}

/// Whether a claim is owned by an earlier object of the same name.
fn is_stale(claim: &Value, object: &Value, kind: Kind) -> bool {
    items(claim, "/metadata/ownerReferences")
        .find(|owner| refers(owner, object, kind))
        .is_some_and(|owner| text(owner, "/uid") != uid(object))
}
