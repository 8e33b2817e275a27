//! Persistent volumes and their claims.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/volume/persistentvolume/pv_controller.go`. What is not there has to be made by a
//! provisioner, to which a claim is handed by an annotation; here no volume plugin is built in.

mod bind;
mod claim;
mod usage;
mod volume;

pub(crate) use claim::reconcile as reconcile_claim;
pub(crate) use usage::reconcile as reconcile_use;
pub(crate) use volume::reconcile as reconcile_volume;

const COMPONENT: &str = "persistentvolume-controller";
/// Set when claim and volume know each other.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Set where the controller, and not a person, said what belongs together.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// The node for which a scheduler wants the volume.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who is to make the volume.
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const BETA_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// Who has made the volume.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// The storage class, in old objects.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The storage class of a claim or a volume; empty if it has none.
fn class_of(object: &serde_json::Value) -> &str {
    let old = crate::fields::annotation(object, BETA_CLASS);
    old.unwrap_or_else(|| crate::fields::text(object, "/spec/storageClassName"))
}
