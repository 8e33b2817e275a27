//! What the server refuses: names, metadata, required fields, wrong values, changes of what cannot change.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/*/validation/validation.go`, and `k8s.io/apimachinery`,
//! `pkg/api/validation/objectmeta.go`. It is a part of what Kubernetes checks, so an object that is accepted here may still be
//! refused there; see the limits in the crate's documentation.

mod access;
mod claim;
mod cluster;
mod config;
mod immutable;
mod network;
pub mod parts;
mod pod;
mod quota;
pub mod resources;
mod rules;
mod volume;
mod webhook;
mod workload;

use holm_values::names;
use serde_json::Value;

use crate::custom;
use crate::emptied::Emptied;
use crate::field_error::FieldError;
use crate::kind::NameRule;
use crate::kind::{ResourceKind, TypeSchema};
use crate::object::{self, at};

pub use network::service_addresses;

/// The most bytes that all annotations may have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Kinds that validate the metadata of a changed object as that of a new one: their `Validate*Update` calls `ValidateObjectMeta`.
const VALIDATED_ANEW: &[&str] = &[
    "configmaps",
    "secrets",
    "serviceaccounts",
    "limitranges",
    "persistentvolumeclaims",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "ingressclasses.networking.k8s.io",
    "endpointslices.discovery.k8s.io",
    "certificatesigningrequests.certificates.k8s.io",
    "clustertrustbundles.certificates.k8s.io",
    "controllerrevisions.apps",
    "csinodes.storage.k8s.io",
    "deviceclasses.resource.k8s.io",
    "endpoints",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "ingresses.networking.k8s.io",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "nodes",
    "persistentvolumes",
    "pods",
    "storageclasses.storage.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "volumeattachments.storage.k8s.io",
    "volumeattributesclasses.storage.k8s.io",
];

/// Returns what is wrong with a new object.
pub fn on_create(resource: &ResourceKind, object: &Value) -> Vec<FieldError> {
    let mut errors = metadata(resource, object, true);
    content(resource, object, None, &mut errors);
    errors
}

/// Returns what is wrong with a changed object.
pub fn on_update(resource: &ResourceKind, live: &Value, object: &Value, emptied: &Emptied) -> Vec<FieldError> {
    let mut errors = metadata(resource, object, false);
    errors.extend(immutable::check(resource, live, object, emptied));
    content(resource, object, Some(live), &mut errors);
    errors
}

/// Returns what is wrong with an object whose status was written.
pub fn on_status_update(resource: &ResourceKind, live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = metadata(resource, object, false);
    if let TypeSchema::Custom(custom) = &resource.schema {
        custom.validate_status(object, live, &mut errors);
    }
    if resource.is("services") {
        errors.extend(network::service_status(object, live));
    }
    if resource.is("ingresses.networking.k8s.io") {
        errors.extend(network::ingress_status(object, live));
    }
    if resource.is("horizontalpodautoscalers.autoscaling") {
        errors.extend(workload::autoscaler_status(object));
    }
    if resource.is("resourcequotas") {
        errors.extend(quota::status(object));
    }
    errors
}

/// Returns what a change may not do to the metadata.
pub fn metadata_update(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let (before, after) = (object::metadata(live, field), object::metadata(object, field));
        if before != after {
            let value = after.cloned().unwrap_or_default();
            errors.push(FieldError::invalid(format!("metadata.{field}"), value, "field is immutable"));
        }
    }
    if object::is_deleting(live) {
        let before = object::finalizers(live);
        let added: Vec<String> =
            object::finalizers(object).into_iter().filter(|found| !before.contains(found)).collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    errors
}

/// Adds what the client should know although nothing is wrong. `live` is the object before a change, prepared as the new one is.
pub fn warnings(resource: &ResourceKind, live: Option<&Value>, object: &Value, warnings: &mut Vec<String>) {
    if matches!(resource.schema, TypeSchema::Custom(_)) {
        // Of a custom resource only the finalizers that are new (`generateWarningsFromObj`).
        let before = live.map(object::finalizers).unwrap_or_default();
        let mut added: Vec<String> = object::finalizers(object);
        added.retain(|finalizer| !before.contains(finalizer));
        added.sort();
        added.dedup();
        for finalizer in added {
            if finalizer.contains('/') || matches!(finalizer.as_str(), "foregroundDeletion" | "kubernetes" | "orphan") {
                continue;
            }
            let path = if finalizer.contains('.') { " including a path (/)" } else { "" };
            warnings.push(format!(
                "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name{path} \
                 to avoid accidental conflicts with other finalizer writers"
            ));
        }
    }
    match &*resource.id {
        "secrets" => config::warnings(object, warnings),
        "customresourcedefinitions.apiextensions.k8s.io" => custom::definition_warnings(object, live, warnings),
        "statefulsets.apps"
            if at(object, &["spec", "revisionHistoryLimit"]).and_then(Value::as_i64).is_some_and(|limit| limit < 0) =>
        {
            let text = "spec.revisionHistoryLimit: a negative value retains all historical revisions; \
                 a value >= 0 is recommended";
            warnings.push(text.to_owned());
        }
        "services" => network::service_warnings(object, warnings),
        "endpointslices.discovery.k8s.io"
            if live.is_none() && at(object, &["addressType"]).is_some_and(|kind| kind == "FQDN") =>
        {
            warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
        }
        "ingresses.networking.k8s.io"
            if live.is_none()
                && object::annotation(object, "kubernetes.io/ingress.class").is_some()
                && at(object, &["spec", "ingressClassName"]).is_none() =>
        {
            let text =
                "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
            warnings.push(text.to_owned());
        }
        "pods"
        | "deployments.apps"
        | "replicasets.apps"
        | "jobs.batch"
        | "cronjobs.batch"
        | "replicationcontrollers"
            if live.is_none() && object::name(object).contains('.') =>
        {
            let what = if resource.is("pods") { "the Pod's hostname" } else { "Pod names and hostnames" };
            warnings.push(format!(
                "metadata.name: this is used in {what}, which can result in surprising behavior; a DNS label is \
                 recommended: [must not contain dots]"
            ));
        }
        _ => {}
    }
    if let Some(path) = crate::prepare::pod_spec_path(&resource.id)
        && live.is_none_or(|live| has_new_pods(resource, live, object))
    {
        pod::warnings(object, path, warnings);
    }
}

/// Whether a change concerns the pods of an object as far as warnings go: its generation counts it, or that of the template. Who
/// changes a pod itself is hardly a person.
fn has_new_pods(resource: &ResourceKind, live: &Value, object: &Value) -> bool {
    match &*resource.id {
        "pods" => false,
        "daemonsets.apps" => {
            let generation = |object| object::annotation(object, "deprecated.daemonset.template.generation");
            generation(live) != generation(object)
        }
        _ => object::generation(live) != object::generation(object),
    }
}

fn metadata(resource: &ResourceKind, object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let name = object::name(object);
    if name.is_empty() && is_new {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    }
    let check = |name: &str| match resource.names {
        NameRule::Subdomain => names::subdomain(name),
        NameRule::Label => names::label(name),
        NameRule::PathSegment => names::path_segment(name),
    };
    let prefix = object::metadata_text(object, "generateName");
    // Of a change most kinds look at what has changed alone.
    let is_checked = is_new || VALIDATED_ANEW.contains(&&*resource.id);
    if !prefix.is_empty() && is_checked {
        // A dash at the end is followed by something (`maskTrailingDash`).
        let masked = match prefix.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => {
                let kept: String = rest.chars().take(rest.chars().count() - 1).collect();
                format!("{kept}a")
            }
            _ => prefix.to_owned(),
        };
        errors.extend(
            check(&masked).into_iter().map(|problem| FieldError::invalid("metadata.generateName", prefix, problem)),
        );
    }
    if !name.is_empty() {
        let problems = check(name);
        errors.extend(problems.into_iter().map(|problem| FieldError::invalid("metadata.name", name, problem)));
    }
    for (field, values) in [("labels", true), ("annotations", false)] {
        let Some(map) = object::metadata(object, field).and_then(Value::as_object) else { continue };
        for (key, value) in map {
            let checked = if values { key.clone() } else { key.to_lowercase() };
            for problem in names::label_key(&checked) {
                errors.push(FieldError::invalid(format!("metadata.{field}"), key.as_str(), problem));
            }
            if values {
                for problem in names::label_value(value.as_str().unwrap_or_default()) {
                    errors.push(FieldError::invalid(format!("metadata.{field}"), value.clone(), problem));
                }
            }
        }
        let size: usize = map.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
        if !values && size > MAX_ANNOTATIONS {
            errors.push(FieldError::too_long("metadata.annotations", MAX_ANNOTATIONS));
        }
    }
    // Custom resources and their definitions are validated by another server, which does not ask for this; leases and some others,
    // and budgets, have no check of their metadata but the one of every kind (`k8s.io/apimachinery`, `pkg/api/validation`).
    let custom = matches!(resource.schema, TypeSchema::Custom(_))
        || matches!(
            resource.group(),
            "apiextensions.k8s.io" | "coordination.k8s.io" | "node.k8s.io" | "admissionregistration.k8s.io"
        )
        || resource.is("poddisruptionbudgets.policy");
    for (position, finalizer) in object::finalizers(object).iter().enumerate() {
        for problem in names::label_key(finalizer) {
            errors.push(FieldError::invalid("metadata.finalizers", finalizer.as_str(), problem));
        }
        let standard = matches!(finalizer.as_str(), "kubernetes" | "orphan" | "foregroundDeletion");
        if !custom && !finalizer.contains('/') && !standard {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(format!("metadata.finalizers[{position}]"), finalizer.as_str(), detail));
        }
    }
    let has = |name: &str| object::finalizers(object).iter().any(|found| found == name);
    if has("orphan") && has("foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        let value = object::metadata(object, "finalizers").cloned().unwrap_or_default();
        errors.push(FieldError::invalid("metadata.finalizers", value, detail));
    }
    errors.extend(owner_references(object));
    errors
}

fn owner_references(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut controllers = 0;
    for (position, owner) in object::owners(object).enumerate() {
        let path = |field: &str| format!("metadata.ownerReferences[{position}].{field}");
        for field in ["apiVersion", "kind", "name", "uid"] {
            if object::text_at(owner, &[field]).is_empty() {
                errors.push(FieldError::required(path(field), "must not be empty"));
            }
        }
        if object::text_at(owner, &["kind"]) == "Event"
            && matches!(object::text_at(owner, &["apiVersion"]), "v1" | "events.k8s.io/v1")
        {
            let (group, version) = match object::text_at(owner, &["apiVersion"]) {
                "v1" => ("", "v1"),
                _ => ("events.k8s.io", "v1"),
            };
            let detail = format!("{group}/{version}, Kind=Event is disallowed from being an owner");
            errors.push(FieldError::invalid(format!("metadata.ownerReferences[{position}]"), owner.clone(), detail));
        }
        controllers += usize::from(owner.get("controller") == Some(&Value::Bool(true)));
    }
    if controllers > 1 {
        let detail = "Only one reference can have Controller set to true. Found \"true\" in references";
        errors.push(FieldError::invalid("metadata.ownerReferences", Value::Null, detail));
    }
    errors
}

fn content(resource: &ResourceKind, object: &Value, live: Option<&Value>, errors: &mut Vec<FieldError>) {
    match &resource.schema {
        TypeSchema::Custom(custom) => custom.validate(object, live, errors),
        TypeSchema::BuiltIn { .. } => errors.extend(built_in(resource, object, live)),
    }
}

fn built_in(resource: &ResourceKind, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    match &*resource.id {
        "secrets" | "configmaps" => config::check(&resource.id, object),
        "namespaces" if live.is_none() => cluster::namespace(object),
        "services" => network::service(object, live),
        "ingresses.networking.k8s.io" => network::ingress(object, live.is_none()),
        "ingressclasses.networking.k8s.io" => network::ingress_class(object),
        "networkpolicies.networking.k8s.io" => network::policy(object),
        "endpoints" => network::endpoints(object, live),
        "endpointslices.discovery.k8s.io" => network::slice(object, live),
        "persistentvolumeclaims" => claim::check(object, &["spec"], "spec"),
        "persistentvolumes" => volume::volume(object),
        "storageclasses.storage.k8s.io" => volume::storage_class(object),
        "pods" => pod::check_pod(object, live.is_none()),
        "podtemplates" => workload::pod_template(object),
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps" => {
            workload::check(&resource.id, object, live.is_none())
        }
        "replicationcontrollers" => workload::replication_controller(object),
        "jobs.batch" => workload::job(object, live.is_none()),
        "cronjobs.batch" => workload::cron_job(object, live),
        "horizontalpodautoscalers.autoscaling" => workload::autoscaler(object, live),
        "poddisruptionbudgets.policy" => workload::disruption_budget(object),
        "roles.rbac.authorization.k8s.io" => access::role(object, true),
        "clusterroles.rbac.authorization.k8s.io" => access::role(object, false),
        "rolebindings.rbac.authorization.k8s.io" => access::binding(object, true),
        "clusterrolebindings.rbac.authorization.k8s.io" => access::binding(object, false),
        // Of a changed class only what cannot change is looked at (`ValidatePriorityClassUpdate`).
        "priorityclasses.scheduling.k8s.io" if live.is_none() => cluster::priority_class(object),
        "runtimeclasses.node.k8s.io" => cluster::runtime_class(object),
        "resourcequotas" => quota::quota(object),
        "limitranges" => quota::limit_range(object),
        "leases.coordination.k8s.io" => cluster::lease(object),
        "events" => cluster::event(object),
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => webhook::check(object),
        "customresourcedefinitions.apiextensions.k8s.io" => custom::validate_definition(object, live),
        _ => Vec::new(),
    }
}

/// The items of a list with their paths.
fn items<'a>(object: &'a Value, path: &[&str], shown: &str) -> impl Iterator<Item = (String, &'a Value)> {
    let items = at(object, path).and_then(Value::as_array).into_iter().flatten();
    let shown = shown.to_owned();
    items.enumerate().map(move |(position, item)| (format!("{shown}[{position}]"), item))
}
