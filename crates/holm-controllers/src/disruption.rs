//! PodDisruptionBudgets: how many pods may be disturbed now.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/disruption/disruption.go` and `pkg/apis/policy/../pdb/helpers.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::context::Context;
use crate::deployment::{replicas, scaled};
use crate::error::{Failure, Outcome};
use crate::event::Said;
use crate::fields::{
    at, condition, controller, generation, is_deleting, items, map, name, namespace, seconds, selector_at, set, text,
    uid,
};
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

const COMPONENT: &str = "controllermanager";
/// How long the API server's word counts that a pod is about to be deleted, in seconds.
const DELETION_TIMEOUT: i64 = 120;

/// Counts the pods of a budget, and says how many of them may go.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(budget) = context.get(Kind::PodDisruptionBudget, &key.namespace, &key.name) else { return Ok(()) };
    let selector = selector_at(&budget, "/spec/selector");
    let pods = context.selected_pods(&key.namespace, &selector);
    if pods.is_empty() {
        say(context, &budget, false, "NoPods", "No matching pods found");
    }
    let counted = expected(context, &budget, &pods);
    let (expected, desired, unmanaged) = match counted {
        Ok(counted) => counted,
        Err(problem) => {
            let message = format!("Failed to calculate the number of expected pods: {problem}");
            say(context, &budget, true, "CalculateExpectedPodCountFailed", &message);
            fail(context, &budget, &problem)?;
            return Err(Failure::NotYet(message));
        }
    };
    if unmanaged {
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the \
             PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \
             \".spec.minAvailable\" field of the PDB to an integer value.",
            shown(&budget)
        );
        say(context, &budget, true, "UnmanagedPods", &message);
    }
    let now = context.now_seconds();
    let disrupted: BTreeMap<&String, &Value> = (map(&budget, "/status/disruptedPods").into_iter().flatten())
        .filter(|(pod, time)| {
            let time = time.as_str().and_then(seconds).unwrap_or_default();
            let is_there = pods.iter().any(|found| name(found) == pod.as_str() && !is_deleting(found));
            is_there && time + DELETION_TIMEOUT > now
        })
        .collect();
    let is_healthy =
        |pod: &&Arc<Value>| !is_deleting(pod) && pods::is_ready(pod) && !disrupted.contains_key(&name(pod).to_owned());
    let healthy = i64::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    let mut status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed,
        "observedGeneration": generation(&budget),
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = json!(disrupted);
        context.again_at(key, now + DELETION_TIMEOUT);
    }
    let (value, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    status["conditions"] = conditions(context, &budget, value, reason, "");
    write(context, &budget, status)
}

/// How many pods there should be, how many of them well, and whether some have no controller.
fn expected(context: &Context, budget: &Value, pods: &[Arc<Value>]) -> Result<(i64, i64, bool), String> {
    if let Some(most) = at(budget, "/spec/maxUnavailable") {
        let (total, unmanaged) = scale(context, pods)?;
        return Ok((total, (total - scaled(most, total, true)).max(0), unmanaged));
    }
    match at(budget, "/spec/minAvailable") {
        None => Ok((0, 0, false)),
        Some(Value::String(part)) => {
            let (total, unmanaged) = scale(context, pods)?;
            Ok((total, scaled(&json!(part), total, true), unmanaged))
        }
        Some(number) => {
            let total = i64::try_from(pods.len()).unwrap_or(i64::MAX);
            Ok((total, number.as_i64().unwrap_or_default(), false))
        }
    }
}

/// The sum of the replicas of all that control these pods.
fn scale(context: &Context, pods: &[Arc<Value>]) -> Result<(i64, bool), String> {
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    let mut unmanaged = false;
    for pod in pods {
        let Some(owner) = controller(pod) else {
            unmanaged = true;
            continue;
        };
        let found = find_scale(context, namespace(pod), owner);
        let (id, number) = found.ok_or_else(|| format!("found no controllers for pod {:?}", name(pod)))?;
        scales.insert(id, number);
    }
    Ok((scales.values().sum(), unmanaged))
}

/// The object whose replicas count: of a ReplicaSet, the Deployment that controls it.
fn find_scale(context: &Context, space: &str, owner: &Value) -> Option<(String, i64)> {
    let kind = match text(owner, "/kind") {
        "ReplicaSet" => Kind::ReplicaSet,
        "ReplicationController" => Kind::ReplicationController,
        "StatefulSet" => Kind::StatefulSet,
        _ => return None,
    };
    let object = context.get(kind, space, text(owner, "/name")).filter(|object| uid(object) == text(owner, "/uid"))?;
    if let Some(above) = controller(&object).filter(|above| text(above, "/kind") == "Deployment") {
        let found = context.get(Kind::Deployment, space, text(above, "/name"));
        let found = found.filter(|found| uid(found) == text(above, "/uid"))?;
        return Some((uid(&found).to_owned(), replicas(&found)));
    }
    Some((uid(&object).to_owned(), replicas(&object)))
}

fn conditions(context: &Context, budget: &Value, status: &str, reason: &str, message: &str) -> Value {
    let known = condition(budget, "DisruptionAllowed");
    let since = known.filter(|known| text(known, "/status") == status).map(|known| text(known, "/lastTransitionTime"));
    let since = since.map_or_else(|| context.now(), str::to_owned);
    let mut all: Vec<Value> = items(budget, "/status/conditions").cloned().collect();
    all.retain(|known| text(known, "/type") != "DisruptionAllowed");
    all.push(json!({
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
        "observedGeneration": generation(budget),
    }));
    json!(all)
}

/// Nothing may go when it is not known how many there should be.
fn fail(context: &mut Context, budget: &Value, problem: &str) -> Outcome {
    let mut status = at(budget, "/status").cloned().unwrap_or_else(|| json!({}));
    status["disruptionsAllowed"] = json!(0);
    status["observedGeneration"] = json!(generation(budget));
    for field in ["currentHealthy", "desiredHealthy", "expectedPods"] {
        if status.get(field).is_none() {
            status[field] = json!(0);
        }
    }
    status["conditions"] = conditions(context, budget, "False", "SyncFailed", problem);
    write(context, budget, status)
}

fn write(context: &mut Context, budget: &Value, status: Value) -> Outcome {
    if at(budget, "/status") == Some(&status) {
        return Ok(());
    }
    let mut changed = budget.clone();
    set(&mut changed, "/status", status);
    context.update_status(Kind::PodDisruptionBudget, changed)?;
    Ok(())
}

/// A selector as Go prints it.
fn shown(budget: &Value) -> String {
    let labels = map(budget, "/spec/selector/matchLabels").into_iter().flatten();
    let labels: Vec<String> =
        labels.map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default())).collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}",
        labels.join("")
    )
}

fn say(context: &mut Context, budget: &Value, warning: bool, reason: &str, message: &str) {
    context.say(budget, Kind::PodDisruptionBudget, Said { component: COMPONENT, warning, reason, message });
}
