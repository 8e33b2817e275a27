//! Taking over the objects of another cluster as they are.

use std::sync::Arc;

use holm_schema::GroupVersionKind;
use serde_json::Value;

use crate::api_server::ApiServerError;
use crate::object;
use crate::state::State;
use crate::store::{Key, Store};

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// All objects, those first that others need to be known.
pub(crate) fn in_order(store: &Store) -> Vec<Arc<Value>> {
    let mut resources: Vec<_> = store.all().map(|(resource, _)| Arc::clone(resource)).collect();
    resources.sort_by_key(|resource| (&**resource != DEFINITIONS, Arc::clone(resource)));
    resources.dedup();
    resources.iter().flat_map(|resource| store.list(resource, None)).map(|(_, object)| Arc::clone(object)).collect()
}

/// Puts objects into an empty store.
pub(crate) fn run(state: &mut State, objects: Vec<Value>, is_new: bool) -> Result<(), ApiServerError> {
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let (definitions, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_definition);
    for (position, object) in definitions.into_iter().chain(others).enumerate() {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, api_version, name) = (text("kind"), text("apiVersion"), object::name(&object).to_owned());
        let failed = |problem: &'static str| ApiServerError::Import {
            object: if name.is_empty() { format!("object {}", position + 1) } else { format!("{kind}/{name}") },
            problem,
        };
        if !is_new {
            return Err(failed("this cluster has objects already"));
        }
        if kind.is_empty() || api_version.is_empty() || name.is_empty() {
            return Err(failed("it has no apiVersion, kind or metadata.name"));
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let found = state.registry.by_kind(&GroupVersionKind::new(group, version, &kind)).cloned();
        let resource = found.ok_or_else(|| failed("its kind is not known here"))?;
        let namespace = object::namespace(&object).to_owned();
        if resource.is_namespaced() == namespace.is_empty() {
            return Err(failed("its namespace does not fit its kind"));
        }
        if object::uid(&object).is_none_or(str::is_empty) {
            return Err(failed("it has no metadata.uid: it is no export of a cluster"));
        }
        let key = Key { resource: Arc::clone(&resource.id), namespace, name: name.clone() };
        if state.store.get(&key).is_some() {
            return Err(failed("it is there twice"));
        }
        if state.check_storable(&object, None).is_err() {
            return Err(failed("it is nested too deeply, or there is no room for it"));
        }
        let stored = state.store.put(key, object);
        if resource.is(DEFINITIONS) {
            crate::definitions::on_stored(state, &stored);
        }
    }
    state.settled = state.store.revision();
    Ok(())
}
