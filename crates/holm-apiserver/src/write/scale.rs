//! The scale subresource: the number of replicas in a form that is the same for every kind.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/apps/*/storage/storage.go`, and for custom resources from
//! `k8s.io/apiextensions-apiserver`, `pkg/registry/customresource/etcd.go`.

use std::sync::Arc;

use holm_structured_merge::{FieldTracker, GroupVersionKind, ManagedFieldsEntry, Path, ScaleMapping, SingleVersion};
use holm_validation::{FieldError, TypeSchema};
use holm_values::Selector;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::options::WriteOptions;
use crate::registry::ResourceType;
use crate::state::State;
use crate::write::Accepted;
use crate::write::update::Target;

/// Where the numbers of a kind are.
fn paths(resource: &ResourceType) -> (Vec<String>, Vec<String>) {
    let split = |path: &str| path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    match &resource.schema {
        TypeSchema::Custom(custom) => custom
            .scale
            .as_ref()
            .map(|scale| (split(&scale.spec_replicas), split(&scale.status_replicas)))
            .unwrap_or_default(),
        TypeSchema::BuiltIn { .. } => (split("spec.replicas"), split("status.replicas")),
    }
}

fn number(object: &Value, path: &[String]) -> i64 {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    at(object, &path).and_then(Value::as_i64).unwrap_or_default()
}

/// The scale of an object for whoever reads it: a custom resource needs a number of replicas for that.
pub(crate) fn read(resource: &ResourceType, object: &Value) -> Result<Value, ApiError> {
    let (spec, _) = paths(resource);
    let fields: Vec<&str> = spec.iter().map(String::as_str).collect();
    if matches!(resource.schema, TypeSchema::Custom(_)) && at(object, &fields).is_none() {
        let field = format!(".{}", spec.join("."));
        return Err(ApiError::internal(format!("the spec replicas field {field:?} does not exist")));
    }
    of(resource, object)
}

/// The scale of an object.
pub(crate) fn of(resource: &ResourceType, object: &Value) -> Result<Value, ApiError> {
    let (spec, status) = paths(resource);
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object::metadata(object, field) {
            metadata[field] = value.clone();
        }
    }
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {}, "status": {"replicas": number(object, &status)},
    });
    let replicas = number(object, &spec);
    if replicas != 0 {
        scale["spec"]["replicas"] = json!(replicas);
    }
    let selector = match &resource.schema {
        TypeSchema::BuiltIn { .. } => selector_text(at(object, &["spec", "selector"])),
        TypeSchema::Custom(custom) => {
            let path = custom.scale.as_ref().and_then(|scale| scale.label_selector.clone()).unwrap_or_default();
            let path: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
            text_at(object, &path).to_owned()
        }
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = json!(selector);
    }
    Ok(scale)
}

/// Where the number of replicas is in each version, for objects have owners of all of them.
fn mapping(state: &State, resource: &ResourceType) -> ScaleMapping {
    let versions = state.registry.all().filter(|version| version.id == resource.id);
    versions.fold(ScaleMapping::new(), |mapping, version| {
        let (spec, _) = paths(version);
        let spec: Vec<&str> = spec.iter().map(String::as_str).collect();
        mapping.with(version.kind.api_version(), (!spec.is_empty()).then(|| Path::fields(&spec)))
    })
}

/// A label selector as text; empty if there is none or it cannot be read.
pub(crate) fn selector_text(selector: Option<&Value>) -> String {
    Selector::of(selector).map(|selector| selector.to_string()).unwrap_or_default()
}

/// Sets the number of replicas from a scale.
pub(crate) fn replace(
    state: &mut State,
    resource: &ResourceType,
    target: Target<'_>,
    scale: &Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    let key = state.key(resource, target.namespace, target.name);
    let not_found = || ApiError::not_found(resource.group(), resource.plural(), target.name);
    let live: Arc<Value> = state.store.get(&key).map(|live| resource.served(live)).ok_or_else(not_found)?;
    if text_at(scale, &["kind"]) != "Scale" {
        return Err(ApiError::bad_request("the body is not a Scale"));
    }
    let wanted = object::metadata_text(scale, "resourceVersion");
    if !wanted.is_empty() && wanted != object::metadata_text(&live, "resourceVersion") {
        return Err(ApiError::modified(resource.group(), resource.plural(), target.name));
    }
    let replicas = at(scale, &["spec", "replicas"]).and_then(Value::as_i64).unwrap_or_default();
    check_replicas(resource, target, replicas)?;
    let (spec, _) = paths(resource);
    let path: Vec<&str> = spec.iter().map(String::as_str).collect();
    let mut new = Value::clone(&live);
    set_at(&mut new, &path, json!(replicas));
    let entries = ManagedFieldsEntry::of(&live).unwrap_or_default();
    if !entries.is_empty() || new != *live {
        let mapping = mapping(state, resource);
        let seen = mapping.to_scale(&entries);
        let owners: Vec<ManagedFieldsEntry> = if new == *live {
            // Who owned the replicas keeps them, seen through the subresource.
            seen
        } else if replicas == 0 || seen.is_empty() {
            // A scale of none does not have the field at all (`omitempty`), so nobody owns it. And where nobody owned the
            // replicas, the scale looks as if its owners were not recorded, and they are not from then on.
            Vec::new()
        } else {
            vec![ManagedFieldsEntry::scaled_by(&options.field_manager)]
        };
        let parent = mapping.to_parent(&entries, &owners, &resource.kind.api_version());
        // A manager that is new to the parent has no time there.
        let values: Value = parent.iter().map(ManagedFieldsEntry::to_value).collect();
        object::set_metadata(&mut new, "managedFields", values);
    }
    let main = Target { subresource: "", ..target };
    let outcome = state.finish(resource, main, &live, Accepted::of(new), options, &mut Vec::new())?;
    of(resource, &outcome.object)
}

/// Server-side apply of the scale: its only field is the number of replicas, which is owned as a field of the parent.
///
/// From `k8s.io/kubernetes`, `pkg/registry/apps/deployment/storage/storage.go` (`scaleUpdatedObjectInfo`).
pub(crate) fn apply(
    state: &mut State,
    resource: &ResourceType,
    target: Target<'_>,
    config: &Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    let key = state.key(resource, target.namespace, target.name);
    let not_found = || ApiError::not_found(resource.group(), resource.plural(), target.name);
    let live: Arc<Value> = state.store.get(&key).map(|live| resource.served(live)).ok_or_else(not_found)?;
    let kind = GroupVersionKind::new("autoscaling", "v1", "Scale");
    let pack = holm_schema::built_in().map_err(|error| ApiError::internal(error.to_string()))?;
    let object_type = pack.object_type(&kind).ok_or_else(ApiError::no_resource)?;
    let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
    let tracker = FieldTracker::new(kind, Arc::new(versions)).subresource("scale");

    let (spec, _) = paths(resource);
    let mapping = mapping(state, resource);
    let entries = ManagedFieldsEntry::of(&live).unwrap_or_default();
    let mut scale = of(resource, &live)?;
    let owners: Value = mapping.to_scale(&entries).iter().map(ManagedFieldsEntry::to_value).collect();
    object::set_metadata(&mut scale, "managedFields", owners);
    let applied = crate::write::update::run(&tracker, &scale, config, options, state.now())?;
    let scaled = ManagedFieldsEntry::of(&applied).unwrap_or_default();

    let mut new = Value::clone(&live);
    let path: Vec<&str> = spec.iter().map(String::as_str).collect();
    let replicas = at(&applied, &["spec", "replicas"]).and_then(Value::as_i64).unwrap_or_default();
    check_replicas(resource, target, replicas)?;
    set_at(&mut new, &path, json!(replicas));
    let parent = mapping.to_parent(&entries, &scaled, &resource.kind.api_version());
    let values: Value = parent.iter().map(ManagedFieldsEntry::to_value).collect();
    object::set_metadata(&mut new, "managedFields", values);
    let main = Target { subresource: "", ..target };
    let outcome = state.finish(resource, main, &live, Accepted::of(new), options, &mut Vec::new())?;
    of(resource, &outcome.object)
}

fn check_replicas(resource: &ResourceType, target: Target<'_>, replicas: i64) -> Result<(), ApiError> {
    if replicas >= 0 {
        return Ok(());
    }
    if let TypeSchema::Custom(_) = &resource.schema {
        // The object itself is validated.
        return Ok(());
    }
    let errors = [FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0")];
    Err(ApiError::invalid("autoscaling", "Scale", target.name, &errors))
}

/// Changes the number of replicas by a patch of the scale.
pub(crate) fn patch(
    state: &mut State,
    resource: &ResourceType,
    target: Target<'_>,
    media_type: &str,
    patch: &Value,
    options: &WriteOptions,
) -> Result<Value, ApiError> {
    let key = state.key(resource, target.namespace, target.name);
    let not_found = || ApiError::not_found(resource.group(), resource.plural(), target.name);
    let live = state.store.get(&key).cloned().ok_or_else(not_found)?;
    let mut scale = of(resource, &live)?;
    match media_type {
        // A scale has no lists, so these two are the same.
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            json_patch::merge(&mut scale, patch)
        }
        "application/json-patch+json" => {
            crate::patch::apply_operations(&mut scale, patch)?;
        }
        _ => return Err(ApiError::unsupported_media_type("application/json-patch+json, application/merge-patch+json")),
    }
    replace(state, resource, target, &scale, options)
}
