//! ReplicaSets and ReplicationControllers: a number of equal pods.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/replicaset/{replica_set,replica_set_utils}.go` and `pkg/controller/replication`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use holm_apiserver::ApiError;
use serde_json::{Value, json};

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::{Outcome, is_namespace_terminating};
use crate::fields::{
    annotation, at, controller_uid, count, created, generation, int, is_deleting, items, pairs, seconds, set, text,
    uid, without_empty,
};
use crate::index::{Term, selector_of};
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

/// How many pods are made or deleted in one go.
const BURST: usize = 500;

/// Brings the pods of a set to the number that it wants, and says in its status how they are.
pub(crate) fn reconcile(context: &mut Context, key: &Key, kind: Kind) -> Outcome {
    let Some(set) = context.get(kind, &key.namespace, &key.name) else { return Ok(()) };
    let Some(selector) = selector_of(kind, &set) else { return Ok(()) };
    let claim = Claim { owner: &set, owner_kind: kind, selector: &selector, finalizer: None };
    let active = claim.objects(context, Kind::Pod, pods::is_active)?;
    let terminating = context.children(Kind::Pod, &set);
    let terminating = terminating.iter().filter(|pod| pods::is_terminating(pod) && selector.matches(pod)).count();
    let managed = if is_deleting(&set) { Ok(()) } else { manage(context, kind, &set, &active) };
    let status = status(context, kind, &set, &active, terminating, managed.as_ref().err());
    let old = at(&set, "/status").cloned().unwrap_or_else(|| json!({}));
    if status != old {
        let mut changed = Value::clone(&set);
        set_status(&mut changed, status.clone());
        context.update_status(kind, changed)?;
    }
    managed?;
    let min_ready = count(&set, "/spec/minReadySeconds");
    if min_ready > 0 && count(&status, "/readyReplicas") != count(&status, "/availableReplicas") {
        let now = context.now_seconds();
        let next = pods::next_available(&active, min_ready, now).unwrap_or(now + min_ready);
        context.again_at(key, next);
    }
    Ok(())
}

fn set_status(object: &mut Value, status: Value) {
    set(object, "/status", status);
}

fn component(kind: Kind) -> &'static str {
    if kind == Kind::ReplicaSet { "replicaset-controller" } else { "replication-controller" }
}

/// Makes pods that are missing, and deletes those that are too many.
fn manage(context: &mut Context, kind: Kind, set: &Value, active: &[Arc<Value>]) -> Result<(), ApiError> {
    let wanted = usize::try_from(int(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    let burst = BURST.min(context.burst);
    if active.len() < wanted {
        let template = at(set, "/spec/template").cloned().unwrap_or_default();
        // A real controller tries one, and twice as many after each success; one failure ends it either way.
        for _ in 0..(wanted - active.len()).min(burst) {
            let pod = pods::from_template(set, kind, &template);
            match pods::create(context, component(kind), set, kind, pod) {
                Err(error) if is_namespace_terminating(&error) => return Ok(()),
                made => made?,
            };
        }
        return Ok(());
    }
    let excess = (active.len() - wanted).min(burst);
    if excess == 0 {
        return Ok(());
    }
    let mut failed = Ok(());
    for pod in &to_delete(context, set, active, excess) {
        let deleted = pods::delete(context, component(kind), set, kind, pod);
        failed = failed.and(deleted);
    }
    failed
}

/// The pods that are missed least.
fn to_delete(context: &Context, set: &Value, active: &[Arc<Value>], excess: usize) -> Vec<Arc<Value>> {
    let mut pods = active.to_vec();
    if excess < pods.len() {
        let ranks = ready_on_nodes(context, set);
        let rank = |pod: &Value| ranks.get(text(pod, "/spec/nodeName")).copied().unwrap_or_default();
        let now = context.now_seconds();
        pods.sort_by(|left, right| sooner_deleted(left, right, (rank(left), rank(right)), now));
    }
    pods.truncate(excess);
    pods
}

/// How many ready pods of the sets of the same Deployment there are on each node.
fn ready_on_nodes(context: &Context, set: &Value) -> HashMap<String, usize> {
    let sets = match controller_uid(set) {
        Some(owner) => context.find(Kind::ReplicaSet, Term::Owner(owner.to_owned())),
        None => vec![Arc::new(set.clone())],
    };
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for set in sets {
        for pod in context.children(Kind::Pod, &set) {
            if pods::is_active(&pod) && pods::is_ready(&pod) {
                *ranks.entry(text(&pod, "/spec/nodeName").to_owned()).or_default() += 1;
            }
        }
    }
    ranks
}

/// From `pkg/controller/controller_utils.go` (`ActivePodsWithRanks`).
fn sooner_deleted(left: &Value, right: &Value, ranks: (usize, usize), now: i64) -> Ordering {
    let assigned = |pod: &Value| !text(pod, "/spec/nodeName").is_empty();
    let phase = |pod: &Value| match text(pod, "/status/phase") {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let cost = |pod: &Value| {
        let cost = annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
        cost.and_then(|cost| cost.parse::<i32>().ok()).unwrap_or_default()
    };
    let ready_age = |pod: &Value| pods::ready_since(pod).map(|since| age_rank(since, now)).unwrap_or_default();
    let age = |pod: &Value| seconds(created(pod)).map(|since| age_rank(since, now)).unwrap_or_default();
    let by_ready_age = || {
        if pods::is_ready(left) && pods::is_ready(right) && pods::ready_since(left) != pods::ready_since(right) {
            return ready_age(left).cmp(&ready_age(right)).then_with(|| uid(left).cmp(uid(right)));
        }
        Ordering::Equal
    };
    let by_age = || {
        if created(left) == created(right) {
            return Ordering::Equal;
        }
        age(left).cmp(&age(right)).then_with(|| uid(left).cmp(uid(right)))
    };
    (assigned(left).cmp(&assigned(right)))
        .then_with(|| phase(left).cmp(&phase(right)))
        .then_with(|| pods::is_ready(left).cmp(&pods::is_ready(right)))
        .then_with(|| cost(left).cmp(&cost(right)))
        .then_with(|| ranks.1.cmp(&ranks.0))
        .then_with(by_ready_age)
        .then_with(|| pods::most_restarts(right).cmp(&pods::most_restarts(left)))
        .then_with(by_age)
}

/// Ages that differ by less than a factor of two count as equal (`LogarithmicScaleDown`).
fn age_rank(since: i64, now: i64) -> u32 {
    now.saturating_sub(since).max(0).checked_ilog2().map_or(0, |rank| rank + 1)
}

fn status(
    context: &Context,
    kind: Kind,
    set: &Value,
    active: &[Arc<Value>],
    terminating: usize,
    failed: Option<&ApiError>,
) -> Value {
    let min_ready = count(set, "/spec/minReadySeconds");
    let now = context.now_seconds();
    let template: Vec<(&str, &str)> = pairs(set, "/spec/template/metadata/labels").collect();
    let is_labelled =
        |pod: &Value| template.iter().all(|(label, value)| crate::fields::label(pod, label) == Some(*value));
    let number = |test: &dyn Fn(&Value) -> bool| active.iter().filter(|pod| test(pod)).count();
    let mut conditions: Vec<Value> = items(set, "/status/conditions").cloned().collect();
    let failure = conditions.iter().position(|condition| text(condition, "/type") == "ReplicaFailure");
    match (failed, failure) {
        (Some(error), None) => {
            let wanted = count(set, "/spec/replicas");
            let too_few = i64::try_from(active.len()).unwrap_or(i64::MAX) < wanted;
            conditions.push(json!({
                "type": "ReplicaFailure", "status": "True", "lastTransitionTime": context.now(),
                "reason": if too_few { "FailedCreate" } else { "FailedDelete" }, "message": error.to_string(),
            }));
        }
        (None, Some(position)) => {
            conditions.remove(position);
        }
        _ => {}
    }
    let mut status = without_empty(json!({
        "fullyLabeledReplicas": number(&|pod| is_labelled(pod)),
        "readyReplicas": number(&|pod| pods::is_ready(pod)),
        "availableReplicas": number(&|pod| pods::is_available(pod, min_ready, now)),
        "observedGeneration": generation(set),
        "conditions": conditions,
    }));
    status["replicas"] = json!(active.len());
    if kind == Kind::ReplicaSet {
        status["terminatingReplicas"] = json!(terminating);
    }
    status
}
