//! What a kind does to an object just before it is validated: `PrepareForCreate` and `PrepareForUpdate` of the strategies in
//! `k8s.io/kubernetes`, `pkg/registry/**/strategy.go`.

use holm_values::Timestamp;
use serde_json::{Value, json};

use super::create::Labels;
use super::emptied::Emptied;
use crate::object::{self, at, copy_at, remove_at, set_at};
use crate::quality_of_service::quality_of_service;
use crate::registry::{ResourceType, status_keeps};
use crate::state::State;
use crate::user::User;

/// Fills in the times that are defaults: when a device was tainted.
pub(crate) fn date(resource: &ResourceType, now: Timestamp, object: &mut Value) {
    let fill = |taint: &mut Value| {
        if taint.is_object() && at(taint, &["timeAdded"]).is_none() {
            set_at(taint, &["timeAdded"], json!(now.to_string()));
        }
    };
    if resource.is("devicetaintrules.resource.k8s.io") {
        object::at_mut(object, &["spec", "taint"]).into_iter().for_each(fill);
    } else if resource.is("resourceslices.resource.k8s.io") {
        let devices = object::at_mut(object, &["spec", "devices"]).and_then(Value::as_array_mut);
        let taints = devices.into_iter().flatten().filter_map(|device| device.get_mut("taints")?.as_array_mut());
        taints.flatten().for_each(fill);
    }
}

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
    drop_gated(resource, None, object);
    if resource.traits.generation {
        object::set_metadata(object, "generation", Value::from(1));
    }
    // The status is the controllers' business, except where a strategy sets its beginning, and but for a node, which its
    // kubelet registers with its status (`pkg/registry/core/node/strategy.go`).
    if (resource.has_status() && !resource.is("nodes")) || resource.is("customresourcedefinitions.apiextensions.k8s.io")
    {
        remove_at(object, &["status"]);
    }
    match &*resource.id {
        "namespaces" => {
            set_at(object, &["status", "phase"], json!("Active"));
            let kept = object::texts(at(object, &["spec", "finalizers"]));
            if !kept.iter().any(|found| found == "kubernetes") {
                let all: Vec<String> = kept.into_iter().chain(["kubernetes".to_owned()]).collect();
                set_at(object, &["spec", "finalizers"], json!(all));
            }
            let name = object::name(object).to_owned();
            set_at(object, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
        }
        "pods" => {
            set_at(object, &["status", "phase"], json!("Pending"));
            let class = quality_of_service(object);
            set_at(object, &["status", "qosClass"], json!(class));
        }
        "persistentvolumeclaims" => {
            set_at(object, &["status", "phase"], json!("Pending"));
            data_sources(None, object);
        }
        "persistentvolumes" => {
            let now = state.now().to_string();
            set_at(object, &["status"], json!({"phase": "Pending", "lastPhaseTransitionTime": now}));
        }
        "jobs.batch" => job_selector(object, labels),
        "certificatesigningrequests.certificates.k8s.io" => {
            ask_as(&user.cloned().unwrap_or_else(User::administrator), object);
        }
        "limitranges" if object::name(object).is_empty() => {
            let name = state.random.uid();
            object::set_metadata(object, "name", json!(name));
        }
        "daemonsets.apps" => {
            set_at(object, &["metadata", "annotations", "deprecated.daemonset.template.generation"], json!("1"));
        }
        "customresourcedefinitions.apiextensions.k8s.io" => crate::custom::prepare_definition(object, None),
        _ => {}
    }
}

/// Fields of leases behind a gate that is closed (`CoordinatedLeaderElection`), from `pkg/registry/coordination/lease/strategy.go`.
fn drop_gated(resource: &ResourceType, live: Option<&Value>, object: &mut Value) {
    if !resource.is("leases.coordination.k8s.io") {
        return;
    }
    for field in ["strategy", "preferredHolder"] {
        if live.is_none_or(|live| at(live, &["spec", field]).is_none()) {
            remove_at(object, &["spec", field]);
        }
    }
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
            crate::custom::prepare_definition(object, Some(live));
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
    if matches!(resource.schema, crate::registry::TypeSchema::Custom(_)) {
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
    let custom = matches!(resource.schema, crate::registry::TypeSchema::Custom(_));
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

/// From `k8s.io/kubernetes`, `pkg/registry/batch/job/strategy.go` (`generateSelector`): the pods of a job carry its uid.
fn job_selector(object: &mut Value, given: Labels) {
    if at(object, &["spec", "manualSelector"]) == Some(&json!(true)) {
        return;
    }
    let uid = object::uid(object).unwrap_or_default().to_owned();
    let name = object::name(object).to_owned();
    // Labels that a job takes from its template (`SetDefaults_Job`) are the same map in a real server, so what is added to one
    // is in the other.
    let shares_labels = given == Labels::None && object::metadata(object, "labels").is_some();
    for (label, value) in [
        ("controller-uid", &uid),
        ("job-name", &name),
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
    ] {
        let path = ["spec", "template", "metadata", "labels", label];
        if at(object, &path).is_none() {
            set_at(object, &path, json!(value));
        }
        if shares_labels {
            set_at(object, &["metadata", "labels", label], json!(value));
        }
    }
    let selector = ["spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"];
    if at(object, &selector).is_none() {
        set_at(object, &selector, json!(uid));
    }
}

/// A claim names where its data comes from in two ways, of which the older one knows claims and snapshots only.
///
/// From `k8s.io/kubernetes`, `pkg/api/persistentvolumeclaim/util.go` (`DropDisabledFields`, `NormalizeDataSources`).
fn data_sources(live: Option<&Value>, object: &mut Value) {
    let (old, new) = (["spec", "dataSource"], ["spec", "dataSourceRef"]);
    let is_old = |source: &Value| {
        let (group, kind) = (object::text_at(source, &["apiGroup"]), object::text_at(source, &["kind"]));
        matches!((group, kind), ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot"))
    };
    // Data of another namespace is behind a gate that is closed (`CrossNamespaceVolumeDataSource`).
    let is_elsewhere =
        |object: &Value| at(object, &new).is_some_and(|source| !object::text_at(source, &["namespace"]).is_empty());
    if is_elsewhere(object) && !live.is_some_and(is_elsewhere) {
        remove_at(object, &new);
    }
    let is_kept = live.is_some_and(|live| at(live, &old).is_some()) || at(object, &new).is_some();
    if !is_kept && at(object, &old).is_some_and(|source| !is_old(source)) {
        remove_at(object, &old);
    }
    match (at(object, &old).cloned(), at(object, &new).cloned()) {
        (Some(source), None) => set_at(object, &new, source),
        (None, Some(source)) if !is_elsewhere(object) => {
            let mut source = source;
            remove_at(&mut source, &["namespace"]);
            set_at(object, &old, source);
        }
        _ => {}
    }
}

/// Where the kind has a pod spec.
pub(crate) fn pod_spec_path(resource: &str) -> Option<&'static [&'static str]> {
    match resource {
        "pods" => Some(&["spec"]),
        "deployments.apps"
        | "replicasets.apps"
        | "statefulsets.apps"
        | "daemonsets.apps"
        | "jobs.batch"
        | "replicationcontrollers" => Some(&["spec", "template", "spec"]),
        "cronjobs.batch" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "podtemplates" => Some(&["template", "spec"]),
        _ => None,
    }
}
