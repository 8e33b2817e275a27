//! Evicting a pod: deleting it, unless a disruption budget says no.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/core/pod/storage/eviction.go`.

use std::sync::Arc;

use http::Response;
use serde_json::{Value, json};

use super::super::Call;
use super::super::respond::{AnswerBody, answer};
use super::super::route::Route;
use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::options::{DeleteOptions, OptionsKind, WriteOptions};
use crate::registry::ResourceType;
use crate::selector::matches_selector;
use crate::state::State;
use crate::write::Accepted;
use crate::write::update::Target;

const BUDGETS: &str = "poddisruptionbudgets.policy";
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

pub(super) fn run(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
) -> Result<Response<AnswerBody>, ApiError> {
    let options = WriteOptions::of(&call.query, &call.user_agent, OptionsKind::Create)?;
    let (eviction, warnings) = super::body(call, route, "Eviction", &options)?;
    if object::name(&eviction) != name {
        return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
    }
    let deletion = at(&eviction, &["deleteOptions"]).map(DeleteOptions::of_body).transpose()?;
    let mut deletion = deletion.unwrap_or_default();
    deletion.dry_run |= options.dry_run;
    cluster.write(|state| evict(state, &route.resource, route.namespace(), name, &deletion, &options))?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer(201, &status, &warnings))
}

fn evict(
    state: &mut State,
    pods: &ResourceType,
    namespace: &str,
    name: &str,
    deletion: &DeleteOptions,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let pod = state.find("pods", namespace, name).cloned();
    let pod = pod.ok_or_else(|| ApiError::not_found("", "pods", name))?;
    let over = matches!(text_at(&pod, &["status", "phase"]), "Succeeded" | "Failed" | "Pending");
    if !over && !object::is_deleting(&pod) {
        take_from_budget(state, namespace, &pod, deletion.dry_run)?;
    }
    if !deletion.dry_run {
        tell_why(state, pods, namespace, &pod, options)?;
    }
    state.delete(pods, namespace, name, deletion).map(|_| ())
}

/// Uses one of the disruptions that the pod's budget allows.
fn take_from_budget(state: &mut State, namespace: &str, pod: &Value, dry_run: bool) -> Result<(), ApiError> {
    let covers = |budget: &&Arc<Value>| {
        at(budget, &["spec", "selector"]).is_some_and(|selector| matches_selector(selector, pod))
    };
    let budgets = state.store.list(BUDGETS, Some(namespace)).map(|(_, budget)| budget);
    let budgets: Vec<Arc<Value>> = budgets.filter(covers).cloned().collect();
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [budget] => budget,
        _ => {
            let text =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(ApiError::unknown(text));
        }
    };
    let number = |path: &[&str]| at(budget, path).and_then(Value::as_i64).unwrap_or_default();
    let (healthy, desired) = (number(&["status", "currentHealthy"]), number(&["status", "desiredHealthy"]));
    if !is_ready(pod) {
        let always = text_at(budget, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow";
        // A pod that is not healthy does not count, so nothing is disrupted while enough others are.
        if always || healthy >= desired && desired > 0 {
            return Ok(());
        }
    }
    let name = object::name(budget);
    if number(&["status", "observedGeneration"]) < object::generation(budget) {
        let text = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(10, &text));
    }
    let allowed = number(&["status", "disruptionsAllowed"]);
    if allowed < 0 {
        let problem = "pdb disruptions allowed is negative";
        return Err(ApiError::forbidden("policy", "poddisruptionbudget", name, problem));
    }
    if allowed == 0 {
        let text = match condition(budget, "DisruptionAllowed") {
            Some(found) if text_at(found, &["status"]) == "False" && text_at(found, &["reason"]) == "SyncFailed" => {
                format!(
                    "The disruption budget {name} does not allow evicting pods currently because it failed sync: {}",
                    text_at(found, &["message"])
                )
            }
            _ => format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"),
        };
        return Err(too_many(0, &text));
    }
    if !dry_run {
        let mut taken = Value::clone(budget);
        set_at(&mut taken, &["status", "disruptionsAllowed"], json!(allowed - 1));
        set_at(&mut taken, &["status", "disruptedPods", object::name(pod)], json!(state.now().to_string()));
        let resource = state.registry.by_id(BUDGETS).cloned().ok_or_else(ApiError::no_resource)?;
        let target = Target { namespace, name, subresource: "status" };
        state.finish(
            &resource,
            target,
            budget,
            Accepted::of(taken),
            &WriteOptions::by("kube-apiserver"),
            &mut Vec::new(),
        )?;
    }
    Ok(())
}

/// The pod says why it goes.
fn tell_why(
    state: &mut State,
    pods: &ResourceType,
    namespace: &str,
    pod: &Arc<Value>,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let mut told = Value::clone(pod);
    let now = state.now().to_string();
    let reason = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": now,
    });
    let known = at(&told, &["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let others = known.into_iter().filter(|found| text_at(found, &["type"]) != "DisruptionTarget");
    let conditions: Vec<Value> = others.chain([reason]).collect();
    set_at(&mut told, &["status", "conditions"], json!(conditions));
    let target = Target { namespace, name: object::name(pod), subresource: "status" };
    state.finish(pods, target, pod, Accepted::of(told), options, &mut Vec::new()).map(|_| ())
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = at(object, &["status", "conditions"])?.as_array()?;
    conditions.iter().find(|condition| text_at(condition, &["type"]) == kind)
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| text_at(ready, &["status"]) == "True")
}

fn too_many(retry_after: u32, cause: &str) -> ApiError {
    let mut refused = ApiError::new(429, "TooManyRequests", REFUSED);
    if retry_after > 0 {
        refused.details = Some(json!({"retryAfterSeconds": retry_after}));
    }
    refused.cause("DisruptionBudget", cause, "")
}
