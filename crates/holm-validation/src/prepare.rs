//! What a kind does to a new object just before it is validated, as far as it follows from the object: `PrepareForCreate` of the
//! strategies in `k8s.io/kubernetes`, `pkg/registry/**/strategy.go`.

use holm_values::Timestamp;
use serde_json::{Value, json};

use crate::custom;
use crate::kind::ResourceKind;
use crate::object::{self, at, remove_at, set_at};
use crate::quality_of_service::quality_of_service;

/// Where the labels of a new object come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The object has labels.
    Given,
    /// It has none; the kind may take those of its template.
    None,
}

impl Labels {
    /// Returns where the labels of a draft come from.
    #[must_use]
    pub fn of(draft: &Value) -> Self {
        let labels = object::metadata(draft, "labels").and_then(Value::as_object);
        if labels.is_some_and(|labels| !labels.is_empty()) { Self::Given } else { Self::None }
    }
}

/// Prepares a new object. `labels` says where its labels come from, `now` when it is made.
pub fn new_object(resource: &ResourceKind, labels: Labels, now: Timestamp, object: &mut Value) {
    drop_gated(resource, None, object);
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
            let since = now.to_string();
            set_at(object, &["status"], json!({"phase": "Pending", "lastPhaseTransitionTime": since}));
        }
        "jobs.batch" => job_selector(object, labels),
        "daemonsets.apps" => {
            set_at(object, &["metadata", "annotations", "deprecated.daemonset.template.generation"], json!("1"));
        }
        "customresourcedefinitions.apiextensions.k8s.io" => custom::prepare_definition(object, None),
        _ => {}
    }
}

/// Completes the addresses of a new service that names one: the one address is the first of all.
pub fn complete_addresses(object: &mut Value) {
    let address = at(object, &["spec", "clusterIP"]).filter(|address| *address != "").cloned();
    if let Some(address) = address
        && at(object, &["spec", "clusterIPs"]).and_then(Value::as_array).is_none_or(Vec::is_empty)
    {
        set_at(object, &["spec", "clusterIPs"], json!([address]));
    }
}

/// Fills in the times that are defaults: when a device was tainted.
pub fn set_default_times(resource: &ResourceKind, now: Timestamp, object: &mut Value) {
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

/// Drops fields of leases behind a gate that is closed (`CoordinatedLeaderElection`), from `pkg/registry/coordination/lease/strategy.go`.
pub fn drop_gated(resource: &ResourceKind, live: Option<&Value>, object: &mut Value) {
    if !resource.is("leases.coordination.k8s.io") {
        return;
    }
    for field in ["strategy", "preferredHolder"] {
        if live.is_none_or(|live| at(live, &["spec", field]).is_none()) {
            remove_at(object, &["spec", field]);
        }
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

/// Completes where the data of a claim comes from, which it names in two ways; the older one knows claims and snapshots only.
///
/// From `k8s.io/kubernetes`, `pkg/api/persistentvolumeclaim/util.go` (`DropDisabledFields`, `NormalizeDataSources`).
pub fn data_sources(live: Option<&Value>, object: &mut Value) {
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

/// Returns where a kind has its pod spec, by the id of its resource.
#[must_use]
pub fn pod_spec_path(resource: &str) -> Option<&'static [&'static str]> {
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
