//! The binding subresource of pods: gives a pod its node.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/core/pod/storage/storage.go` (`BindingREST`). It writes past the strategy of pods, so
//! nobody owns the node's name and the generation stays.

use holm_validation::FieldError;
use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::options::WriteOptions;
use crate::server::route::Route;
use crate::state::State;

/// Binds the pod of a route to the node that a Binding names.
pub(super) fn create(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    binding: &Value,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    if object::name(binding) != name {
        return Err(ApiError::bad_request("name in URL does not match name in Binding object"));
    }
    let target = |field: &str| text_at(binding, &["target", field]);
    // The errors are not those of an object, so a real server answers with 500.
    let problem = if !matches!(target("kind"), "" | "Node") {
        Some(FieldError::not_supported("target.kind", target("kind"), &["Node", "<empty>"]))
    } else if target("name").is_empty() {
        Some(FieldError::required("target.name", ""))
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(ApiError::unknown(format!("{}: {}", problem.field, problem.body())));
    }
    cluster.write(|state| bind(state, route, name, binding, options))
}

fn bind(state: &mut State, route: &Route, name: &str, binding: &Value, options: &WriteOptions) -> Result<(), ApiError> {
    let key = state.key(&route.resource, route.namespace(), name);
    let Some(live) = state.store.get(&key).cloned() else { return Err(ApiError::not_found("", "pods", name)) };
    let conflict = |problem: String| Err(ApiError::conflict("", "pods/binding", name, &problem));
    for (field, label) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let (wanted, found) = (object::metadata_text(binding, field), object::metadata_text(&live, field));
        if !wanted.is_empty() && wanted != found {
            let problem =
                format!("Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}");
            return Err(ApiError::conflict("", "pods", name, &problem));
        }
    }
    if object::is_deleting(&live) {
        return conflict(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let node = text_at(&live, &["spec", "nodeName"]);
    if !node.is_empty() {
        return conflict(format!("pod {name} is already assigned to node {node:?}"));
    }
    if at(&live, &["spec", "schedulingGates"]).and_then(Value::as_array).is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let mut pod = Value::clone(&live);
    set_at(&mut pod, &["spec", "nodeName"], json!(text_at(binding, &["target", "name"])));
    for field in ["annotations", "labels"] {
        let added = object::metadata(binding, field).and_then(Value::as_object).into_iter().flatten();
        for (key, value) in added {
            set_at(&mut pod, &["metadata", field, key], value.clone());
        }
    }
    if let Some(status) = object::at_mut(&mut pod, &["status"]).and_then(Value::as_object_mut) {
        status.remove("nominatedNodeName");
    }
    scheduled(&mut pod, &state.now().to_string());
    if !options.dry_run {
        state.store.put(key, pod);
    }
    Ok(())
}

/// Sets the condition PodScheduled: `podutil.UpdatePodCondition`.
fn scheduled(pod: &mut Value, now: &str) {
    let mut conditions = at(pod, &["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let old = conditions.iter().position(|condition| text_at(condition, &["type"]) == "PodScheduled");
    let since = old
        .and_then(|index| conditions.get(index))
        .filter(|condition| text_at(condition, &["status"]) == "True")
        .map_or(now, |condition| text_at(condition, &["lastTransitionTime"]))
        .to_owned();
    let condition =
        json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": since});
    match old.and_then(|index| conditions.get_mut(index)) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
    set_at(pod, &["status", "conditions"], json!(conditions));
}
