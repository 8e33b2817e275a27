//! What a kind does to an object just before it is validated: `PrepareForCreate` and `PrepareForUpdate` of the strategies in
//! `k8s.io/kubernetes`, `pkg/registry/**/strategy.go`.

use holm_validation::Emptied;
use holm_validation::prepare::{Labels, data_sources, drop_gated, new_object};
use serde_json::{Value, json};

use crate::object::{self, at, copy_at, remove_at, set_at};
use crate::registry::{ResourceType, status_keeps};
use crate::state::State;
use crate::user::User;

/// Who asks for a certificate is who sends the request, whatever it says itself.
fn ask_as(user: &User, object: &mut Value) {
    for (field, value) in [("username", json!(user.name)), ("uid", json!(user.uid)), ("groups", json!(user.groups))] {
        set_at(object, &["spec", field], value);
    }
    set_at(object, &["spec", "extra"], json!(user.extra));
}

/// Prepares a new object.
pub(crate) fn for_create(
    state: &mut State,
    resource: &ResourceType,
    labels: Labels,
    user: Option<&User>,
    object: &mut Value,
) {
    if resource.traits.generation {
        object::set_metadata(object, "generation", Value::from(1));
    }
    if resource.is("certificatesigningrequests.certificates.k8s.io") {
        ask_as(&user.cloned().unwrap_or_else(User::administrator), object);
    }
    if resource.is("limitranges") && object::name(object).is_empty() {
        let name = state.random.uid();
        object::set_metadata(object, "name", json!(name));
    }
    new_object(resource, labels, state.now(), object);
}

/// Prepares a changed object.
pub(crate) fn for_update(resource: &ResourceType, live: &Value, object: &mut Value, emptied: &Emptied) {
    drop_gated(resource, Some(live), object);
    if resource.has_status() {
        copy_at(live, object, &["status"]);
    }
    match &*resource.id {
        "namespaces" => {
            copy_at(live, object, &["spec", "finalizers"]);
            copy_at(live, object, &["status"]);
            let name = object::name(object).to_owned();
            set_at(object, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            copy_at(live, object, &["status"]);
            holm_validation::custom::prepare_definition(object, Some(live));
        }
        "daemonsets.apps" => {
            let annotation = ["metadata", "annotations", "deprecated.daemonset.template.generation"];
            if at(live, &["spec", "template"]) == at(object, &["spec", "template"]) {
                copy_at(live, object, &annotation);
            } else {
                let before: i64 = object::text_at(live, &annotation).parse().unwrap_or(1);
                set_at(object, &annotation, json!((before + 1).to_string()));
            }
        }
        "services" => crate::allocate::drop_of_type(live, object),
        "persistentvolumeclaims" => data_sources(Some(live), object),
        "certificatesigningrequests.certificates.k8s.io" => copy_at(live, object, &["spec"]),
        _ => {}
    }
    // The first generation of a driver is none.
    if resource.traits.generation || resource.is("csidrivers.storage.k8s.io") {
        let before = object::generation(live);
        let now = if counts(resource, live, object) || is_emptied(resource, emptied) { before + 1 } else { before };
        object::set_metadata(object, "generation", Value::from(now));
    }
}

/// Prepares an object whose status was written: everything else stays as it is.
pub(crate) fn for_status_update(state: &State, resource: &ResourceType, live: &Value, object: &mut Value) {
    let phase = ["status", "phase"];
    if resource.is("persistentvolumes") && at(live, &phase) != at(object, &phase) {
        set_at(object, &["status", "lastPhaseTransitionTime"], json!(state.now().to_string()));
    }
    for path in status_keeps(&resource.kind) {
        copy_at(live, object, path);
    }
    if resource.is("namespaces") {
        copy_at(live, object, &["spec"]);
    }
    if matches!(resource.schema, holm_validation::TypeSchema::Custom(_)) {
        // Only the status and the managed fields come from a write of a custom resource's status.
        let status = object.get("status").cloned();
        let managed = object::metadata(object, "managedFields").cloned();
        *object = live.clone();
        remove_at(object, &["status"]);
        if let Some(status) = status {
            set_at(object, &["status"], status);
        }
        match managed {
            Some(managed) => object::set_metadata(object, "managedFields", managed),
            None => object::remove_metadata(object, "managedFields"),
        }
    }
}

/// Prepares an object of which another part was written: everything else stays as it is.
///
/// From the strategies of the parts in `pkg/registry/core/pod/strategy.go` (`dropNonEphemeralContainerUpdates`,
/// `dropNonResizeUpdates`) and `pkg/registry/certificates/certificates/strategy.go` (`csrApprovalStrategy`).
pub(crate) fn for_part_update(state: &State, resource: &ResourceType, part: &str, live: &Value, object: &mut Value) {
    let mut kept = live.clone();
    copy_at(object, &mut kept, &["metadata", "managedFields"]);
    match part {
        "ephemeralcontainers" => copy_at(object, &mut kept, &["spec", "ephemeralContainers"]),
        "resize" => {
            for list in ["containers", "initContainers"] {
                let sizes = at(object, &["spec", list]).and_then(Value::as_array).cloned().unwrap_or_default();
                let containers = object::at_mut(&mut kept, &["spec", list]).and_then(Value::as_array_mut);
                for (container, size) in containers.into_iter().flatten().zip(&sizes) {
                    copy_at(size, container, &["resources"]);
                    copy_at(size, container, &["resizePolicy"]);
                }
            }
        }
        "approval" => {
            copy_at(object, &mut kept, &["status", "conditions"]);
            let now = state.now().to_string();
            let conditions = object::at_mut(&mut kept, &["status", "conditions"]).and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten() {
                for field in ["lastUpdateTime", "lastTransitionTime"] {
                    if at(condition, &[field]).is_none() {
                        set_at(condition, &[field], json!(now));
                    }
                }
            }
        }
        _ => {}
    }
    *object = kept;
    if resource.traits.generation && counts(resource, live, object) {
        object::set_metadata(object, "generation", Value::from(object::generation(live) + 1));
    }
}

/// Whether a change counts in `metadata.generation`: everything but metadata and status does.
fn counts(resource: &ResourceType, live: &Value, object: &Value) -> bool {
    if resource.is("priorityclasses.scheduling.k8s.io") {
        // Its strategy sets the first generation and no other.
        return false;
    }
    let custom = matches!(resource.schema, holm_validation::TypeSchema::Custom(_));
    let strip = |object: &Value| {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("metadata");
            if resource.has_status() || (!custom && fields.contains_key("spec")) {
                fields.remove("status");
            }
        }
        if !custom {
            object::remove_empty_lists(&mut object);
        }
        object
    };
    // Of priority classes and drivers nothing that counts can change.
    if resource.is("priorityclasses.scheduling.k8s.io") {
        return false;
    }
    // In a few kinds the metadata count too.
    let metadata: &[&str] = match &*resource.id {
        "endpointslices.discovery.k8s.io" => &["labels"],
        "deployments.apps" => &["annotations"],
        _ => &[],
    };
    strip(live) != strip(object)
        || metadata.iter().any(|field| object::metadata(live, field) != object::metadata(object, field))
}

/// Whether a list without items counts as a change: in the strategies that compare with `reflect.DeepEqual`.
fn is_emptied(resource: &ResourceType, emptied: &Emptied) -> bool {
    match &*resource.id {
        "networkpolicies.networking.k8s.io" => emptied.has_below("/spec", "/policyTypes"),
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => {
            emptied.has("/webhooks") || emptied.has_below("/webhooks", "")
        }
        _ => false,
    }
}
