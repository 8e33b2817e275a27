//! HorizontalPodAutoscalers, of which it is said why they cannot work: there are no metrics here.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/podautoscaler/horizontal.go`. The texts are those of a real cluster without a metrics
//! server.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::context::Context;
use crate::deployment::replicas;
use crate::error::{Failure, Outcome};
use crate::event::Said;
use crate::fields::{at, condition, count, generation, int, items, name, namespace, remove, set, text};
use crate::kind::Kind;
use crate::queue::Key;

const COMPONENT: &str = "horizontal-pod-autoscaler";
/// How often it is tried again, in seconds.
const PERIOD: i64 = 15;

/// Looks at the target of an autoscaler, keeps it within its bounds, and says that there are no metrics.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(scaler) = context.get(Kind::HorizontalPodAutoscaler, &key.namespace, &key.name) else { return Ok(()) };
    let mut work = Value::clone(&scaler);
    let done = scale(context, &scaler, &mut work);
    if work != *scaler {
        context.update_status(Kind::HorizontalPodAutoscaler, work)?;
    }
    let next = context.now_seconds() + PERIOD;
    context.again_at(key, next);
    done
}

fn scale(context: &mut Context, scaler: &Value, work: &mut Value) -> Outcome {
    let (kind, target_name) = (text(scaler, "/spec/scaleTargetRef/kind"), text(scaler, "/spec/scaleTargetRef/name"));
    let (kind, resource) = match kind {
        "Deployment" => (Kind::Deployment, "deployments.apps"),
        "ReplicaSet" => (Kind::ReplicaSet, "replicasets.apps"),
        "StatefulSet" => (Kind::StatefulSet, "statefulsets.apps"),
        "ReplicationController" => (Kind::ReplicationController, "replicationcontrollers"),
        other => {
            let problem = format!("no matches for kind {other:?} in group");
            return cannot_get(context, scaler, work, &problem);
        }
    };
    let Some(target) = context.get(kind, namespace(scaler), target_name) else {
        let problem = format!("{resource} {target_name:?} not found");
        return cannot_get(context, scaler, work, &problem);
    };
    set(work, "/status/observedGeneration", generation(scaler));
    let message = "the HPA controller was able to get the target's current scale";
    set_condition(context, work, "AbleToScale", "True", "SucceededGetScale", message);
    let current = replicas(&target);
    set(work, "/status/currentReplicas", count(&target, "/status/replicas"));
    let (least, most) = (int(scaler, "/spec/minReplicas").unwrap_or(1), count(scaler, "/spec/maxReplicas"));
    if current == 0 && least != 0 {
        let message = "scaling is disabled since the replica count of the target is zero";
        set_condition(context, work, "ScalingActive", "False", "ScalingDisabled", message);
        remove(work, "/status/desiredReplicas");
        set(work, "/status/desiredReplicas", 0);
        return Ok(());
    }
    let outside = if current > most {
        Some((most, "Current number of replicas above Spec.MaxReplicas"))
    } else if current < least {
        Some((least, "Current number of replicas below Spec.MinReplicas"))
    } else {
        None
    };
    if let Some((wanted, why)) = outside {
        return rescale(context, scaler, work, (kind, target), wanted, why);
    }
    no_metrics(context, scaler, work);
    Ok(())
}

fn cannot_get(context: &mut Context, scaler: &Value, work: &mut Value, problem: &str) -> Outcome {
    say(context, scaler, true, "FailedGetScale", problem);
    let message = format!("the HPA controller was unable to get the target's current scale: {problem}");
    set_condition(context, work, "AbleToScale", "False", "FailedGetScale", &message);
    Err(Failure::NotYet(message))
}

fn rescale(
    context: &mut Context,
    scaler: &Value,
    work: &mut Value,
    (kind, target): (Kind, Arc<Value>),
    wanted: i64,
    why: &str,
) -> Outcome {
    context.scale(kind, namespace(&target), name(&target), wanted)?;
    let message = format!("the HPA controller was able to update the target scale to {wanted}");
    set_condition(context, work, "AbleToScale", "True", "SucceededRescale", &message);
    say(context, scaler, false, "SuccessfulRescale", &format!("New size: {wanted}; reason: {why}"));
    let message = "the HPA controller did not scale the workload to zero";
    set_condition(context, work, "ScaledToZero", "False", "NotScaledToZero", message);
    set(work, "/status/desiredReplicas", wanted);
    let now = context.now();
    set(work, "/status/lastScaleTime", now);
    Ok(())
}

/// The first metric decides the condition, and all of them are in the event.
fn no_metrics(context: &mut Context, scaler: &Value, work: &mut Value) {
    let problems: Vec<(String, String)> = items(scaler, "/spec/metrics").map(problem).collect();
    let Some((reason, first)) = problems.first().cloned() else { return };
    say(context, scaler, true, &reason, &first);
    let message = format!("the HPA was unable to compute the replica count: {first}");
    set_condition(context, work, "ScalingActive", "False", &reason, &message);
    let metric = items(scaler, "/spec/metrics").next().map(|metric| text(metric, "/resource/name")).unwrap_or_default();
    let value =
        if metric.is_empty() { first } else { format!("failed to get {metric} resource metric value: {first}") };
    let count = problems.len();
    let all = format!("invalid metrics ({count} invalid out of {count}), first error is: {value}");
    say(context, scaler, true, "FailedComputeMetricsReplicas", &all);
    // One entry for each metric, with nothing in it.
    let empty: Vec<Value> = problems.iter().map(|_| json!({"type": ""})).collect();
    set(work, "/status/currentMetrics", empty);
    if at(work, "/status/desiredReplicas").is_none() {
        set(work, "/status/desiredReplicas", 0);
    }
}

fn problem(metric: &Value) -> (String, String) {
    let not_found = |what: &str| format!("the server could not find the requested resource (get {what})");
    match text(metric, "/type") {
        "Resource" => {
            let name = text(metric, "/resource/name");
            let kind =
                if at(metric, "/resource/target/averageUtilization").is_some() { "utilization" } else { "usage" };
            let why = not_found("pods.metrics.k8s.io");
            let message = format!(
                "failed to get {name} {kind}: unable to get metrics for resource {name}: unable to fetch metrics from resource metrics \
                 API: {why}"
            );
            ("FailedGetResourceMetric".to_owned(), message)
        }
        kind => {
            let reason = format!("FailedGet{kind}Metric");
            let api = if kind == "External" { "external" } else { "custom" };
            let message = format!("unable to fetch metrics from {api} metrics API: no {api} metrics API is served");
            (reason, message)
        }
    }
}

fn set_condition(context: &Context, work: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let known = condition(work, kind);
    let since = known.filter(|known| text(known, "/status") == status).map(|known| text(known, "/lastTransitionTime"));
    let since = since.map_or_else(|| context.now(), str::to_owned);
    let new =
        json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since});
    let mut all: Vec<Value> = items(work, "/status/conditions").cloned().collect();
    match all.iter_mut().find(|known| text(known, "/type") == kind) {
        Some(known) => *known = new,
        None => all.push(new),
    }
    set(work, "/status/conditions", all);
}

fn say(context: &mut Context, scaler: &Value, warning: bool, reason: &str, message: &str) {
    context.say(scaler, Kind::HorizontalPodAutoscaler, Said { component: COMPONENT, warning, reason, message });
}
