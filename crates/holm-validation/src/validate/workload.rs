//! Workloads, autoscalers and disruption budgets.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/{apps,core,policy}/validation/validation.go`.

mod autoscaler;
mod cron;
mod job;
mod success;

use std::collections::BTreeSet;

use holm_values::{Selector, names};
use serde_json::{Value, json};

use super::rules::{Checks, amount_of};
use super::{claim, items, pod};
use crate::field_error::FieldError;
use crate::object::{at, remove_at, set_at, text_at};

pub(super) use autoscaler::{autoscaler, autoscaler_status};
pub(super) use cron::cron_job;
pub(super) use job::job;

const TEMPLATE: [&str; 2] = ["spec", "template"];
const UNSELECTED: &str = "`selector` does not match template `labels`";

/// Checks a workload whose pods run for ever.
pub(super) fn check(resource: &str, object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = object.get("spec").cloned().unwrap_or_default();
    for field in ["replicas", "minReadySeconds", "progressDeadlineSeconds"] {
        errors.at_least(&spec, field, "spec", 0);
    }
    if resource != "statefulsets.apps" {
        errors.at_least(&spec, "revisionHistoryLimit", "spec", 0);
    }
    let is_read = selector(resource, object, &mut errors);
    match resource {
        "deployments.apps" => strategy(&spec, &mut errors),
        "statefulsets.apps" => {
            stateful_set(&spec, is_new, &mut errors);
        }
        "daemonsets.apps" => daemon_set(&spec, &mut errors),
        _ => {}
    }
    if resource == "statefulsets.apps" {
        if is_read {
            errors.extend(template(&with_claims(object), &TEMPLATE, "spec.template"));
        }
    } else if is_read || resource == "daemonsets.apps" {
        errors.extend(template(object, &TEMPLATE, "spec.template"));
    }
    if is_read || !matches!(resource, "deployments.apps" | "replicasets.apps") {
        let kind = match resource {
            "statefulsets.apps" => "StatefulSet",
            "daemonsets.apps" => "DaemonSet",
            _ => "ReplicaSet",
        };
        always_restarts(&spec, kind, &mut errors);
    }
    errors
}

/// A stateful set as its pods will be: its claims are volumes, in place of those with the same names, and the names of the pods are the
/// set's business, whatever the template says.
fn with_claims(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["hostname", "subdomain"] {
        remove_at(&mut object, &["spec", "template", "spec", field]);
    }
    let claims = at(&object, &["spec", "volumeClaimTemplates"]).and_then(Value::as_array).into_iter().flatten();
    let claims: BTreeSet<String> = claims.map(|claim| name_of(claim).to_owned()).collect();
    if claims.is_empty() {
        return object;
    }
    let volumes = at(&object, &["spec", "template", "spec", "volumes"]).and_then(Value::as_array);
    let own = volumes.into_iter().flatten().filter(|volume| !claims.contains(text_at(volume, &["name"]))).cloned();
    let volume = |name: &String| json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
    let volumes: Vec<Value> = claims.iter().map(volume).chain(own).collect();
    set_at(&mut object, &["spec", "template", "spec", "volumes"], json!(volumes));
    object
}

/// Checks a ReplicationController, whose selector is a map of labels.
pub(super) fn replication_controller(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = object.get("spec").cloned().unwrap_or_default();
    for field in ["replicas", "minReadySeconds"] {
        errors.at_least(&spec, field, "spec", 0);
    }
    let wanted = at(&spec, &["selector"]).and_then(Value::as_object).filter(|selector| !selector.is_empty());
    if wanted.is_none() {
        errors.push(FieldError::required("spec.selector", ""));
    }
    if at(&spec, &["template"]).is_none() {
        errors.push(FieldError::required("spec.template", ""));
        return errors;
    }
    let labels = at(&spec, &["template", "metadata", "labels"]).cloned().unwrap_or_default();
    if wanted.is_some_and(|wanted| wanted.iter().any(|(key, value)| labels.get(key) != Some(value))) {
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
    }
    errors.extend(template(object, &TEMPLATE, "spec.template"));
    always_restarts(&spec, "ReplicationController", &mut errors);
    errors
}

fn name_of(object: &Value) -> &str {
    crate::object::name(object)
}

/// Pods that run for ever are started again, and not ended after some time.
fn always_restarts(spec: &Value, kind: &str, errors: &mut Vec<FieldError>) {
    let policy = text_at(spec, &["template", "spec", "restartPolicy"]);
    if !matches!(policy, "Always" | "") {
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if at(spec, &["template", "spec", "activeDeadlineSeconds"]).is_some() {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(FieldError::forbidden("spec.template.spec.activeDeadlineSeconds", detail));
    }
}

/// Checks a pod template, from `ValidatePodTemplateSpec`.
fn template(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(template) = at(object, path) else { return errors };
    errors.labels(at(template, &["metadata", "labels"]), &format!("{shown}.labels"));
    for (key, _) in at(template, &["metadata", "annotations"]).and_then(Value::as_object).into_iter().flatten() {
        let problems = names::label_key(&key.to_lowercase());
        errors.all(format!("{shown}.annotations"), &json!(key), problems);
    }
    errors.extend(pod::check(template, &["spec"], &format!("{shown}.spec")));
    if items(template, &["spec", "ephemeralContainers"], "").next().is_some() {
        let detail = "ephemeral containers not allowed in pod template";
        errors.push(FieldError::forbidden(format!("{shown}.spec.ephemeralContainers"), detail));
    }
    errors
}

/// Checks a PodTemplate.
pub(super) fn pod_template(object: &Value) -> Vec<FieldError> {
    template(object, &["template"], "template")
}

/// The selector must be right, and select the pods of the template. Tells whether it can be read: otherwise the template is not looked at.
fn selector(resource: &str, object: &Value, errors: &mut Vec<FieldError>) -> bool {
    let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
    let Some(selector) = at(object, &["spec", "selector"]) else {
        if resource != "daemonsets.apps" {
            errors.push(FieldError::required("spec.selector", ""));
        }
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
        return true;
    };
    let before = errors.len();
    errors.selector(Some(selector), "spec.selector");
    if errors.len() > before {
        if resource != "daemonsets.apps" {
            errors.push(FieldError::invalid("spec.selector", selector.clone(), "invalid label selector"));
        }
        return false;
    }
    let none = |field: &str| match selector.get(field) {
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => true,
    };
    if none("matchLabels") && none("matchExpressions") {
        // Of a ReplicaSet, the server speaks of a Deployment too.
        let kind = match resource {
            "replicasets.apps" => "deployment",
            _ => resource.split('.').next().unwrap_or_default().trim_end_matches('s'),
        };
        let detail = format!("empty selector is invalid for {kind}");
        errors.push(FieldError::invalid("spec.selector", selector.clone(), detail));
    } else if !selects(selector, Some(&labels)) {
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
    }
    true
}

/// Whether a label selector selects these labels.
fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    Selector::of(Some(selector)).is_ok_and(|selector| selector.matches_labels(labels.and_then(Value::as_object)))
}

/// From `ValidateDeploymentStrategy`.
fn strategy(spec: &Value, errors: &mut Vec<FieldError>) {
    let path = "spec.strategy.rollingUpdate";
    let rolling = at(spec, &["strategy", "rollingUpdate"]);
    match text_at(spec, &["strategy", "type"]) {
        "Recreate" => {
            if rolling.is_some() {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                errors.push(FieldError::forbidden(path, detail));
            }
        }
        "RollingUpdate" => {
            let Some(rolling) = rolling else { return };
            errors.amount(rolling, "maxUnavailable", path);
            // There may be more than twice as many pods for a while.
            errors.positive(rolling, "maxSurge", path);
            if amount_of(at(rolling, &["maxSurge"])) == 0 && amount_of(at(rolling, &["maxUnavailable"])) == 0 {
                let value = at(rolling, &["maxUnavailable"]).cloned().unwrap_or_default();
                let detail = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid(format!("{path}.maxUnavailable"), value, detail));
            }
        }
        _ => {
            let strategy = at(spec, &["strategy"]).cloned().unwrap_or_default();
            errors.push(FieldError::not_supported("spec.strategy", strategy, &["Recreate", "RollingUpdate"]));
        }
    }
    let number = |field: &str| at(spec, &[field]).and_then(Value::as_i64);
    if let (Some(deadline), Some(ready)) = (number("progressDeadlineSeconds"), number("minReadySeconds").or(Some(0)))
        && deadline <= ready
    {
        let detail = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid("spec.progressDeadlineSeconds", deadline, detail));
    }
}

/// From `ValidateStatefulSetSpec`.
fn stateful_set(spec: &Value, is_new: bool, errors: &mut Vec<FieldError>) {
    let policy = text_at(spec, &["podManagementPolicy"]);
    if !matches!(policy, "OrderedReady" | "Parallel") {
        let detail = "must be 'OrderedReady' or 'Parallel'";
        errors.push(FieldError::invalid("spec.podManagementPolicy", policy, detail));
    }
    let path = "spec.updateStrategy.rollingUpdate";
    let rolling = at(spec, &["updateStrategy", "rollingUpdate"]);
    match text_at(spec, &["updateStrategy", "type"]) {
        "RollingUpdate" => {
            if let Some(rolling) = rolling {
                errors.at_least(rolling, "partition", path, 0);
                errors.amount(rolling, "maxUnavailable", path);
                if let Some(value) = at(rolling, &["maxUnavailable"]).filter(|value| amount_of(Some(value)) == 0) {
                    errors.push(FieldError::invalid(format!("{path}.maxUnavailable"), value.clone(), "cannot be 0"));
                }
            }
        }
        "OnDelete" => {
            if let Some(rolling) = rolling {
                let detail = "only allowed for updateStrategy 'RollingUpdate'";
                errors.push(FieldError::invalid(path, rolling.clone(), detail));
            }
        }
        _ => {
            let value = at(spec, &["updateStrategy"]).cloned().unwrap_or_default();
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(FieldError::invalid("spec.updateStrategy", value, detail));
        }
    }
    if let Some(retention) = at(spec, &["persistentVolumeClaimRetentionPolicy"]) {
        for field in ["whenDeleted", "whenScaled"] {
            errors.one_of(retention, field, "spec.persistentVolumeClaimRetentionPolicy", &["Retain", "Delete"]);
        }
    }
    if let Some(ordinals) = at(spec, &["ordinals"]) {
        errors.at_least(ordinals, "start", "spec.ordinals", 0);
    }
    // They cannot change, so only those of a new set are looked at.
    if is_new {
        errors.text_unless_empty(spec, "serviceName", "spec", names::label);
    }
    for (path, template) in items(spec, &["volumeClaimTemplates"], "spec.volumeClaimTemplates").filter(|_| is_new) {
        errors.extend(claim::check(template, &["spec"], &format!("{path}.spec")));
    }
}

/// From `ValidateDaemonSetUpdateStrategy` and `ValidateRollingUpdateDaemonSet`.
fn daemon_set(spec: &Value, errors: &mut Vec<FieldError>) {
    let path = "spec.updateStrategy.rollingUpdate";
    match text_at(spec, &["updateStrategy", "type"]) {
        "OnDelete" => {}
        "RollingUpdate" => {
            let Some(rolling) = at(spec, &["updateStrategy", "rollingUpdate"]) else {
                errors.push(FieldError::required(path, ""));
                return;
            };
            for field in ["maxUnavailable", "maxSurge"] {
                errors.amount(rolling, field, path);
            }
            let (down, up) = (at(rolling, &["maxUnavailable"]), at(rolling, &["maxSurge"]));
            let (downs, ups) = (amount_of(down) != 0, amount_of(up) != 0);
            if !downs && !ups {
                let detail = "cannot be 0 when maxSurge is 0";
                errors.push(FieldError::required(format!("{path}.maxUnavailable"), detail));
            } else if downs && ups {
                let detail = "may not be set when maxUnavailable is non-zero";
                errors.push(FieldError::invalid(format!("{path}.maxSurge"), up.cloned().unwrap_or_default(), detail));
            }
        }
        _ => {
            let (strategy, supported) =
                (at(spec, &["updateStrategy"]).cloned().unwrap_or_default(), &["RollingUpdate", "OnDelete"]);
            errors.push(FieldError::not_supported("spec.updateStrategy", strategy, supported));
        }
    }
}

/// From `pkg/apis/policy/validation/validation.go` (`ValidatePodDisruptionBudgetSpec`).
pub(super) fn disruption_budget(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    if at(&spec, &["minAvailable"]).is_some() && at(&spec, &["maxUnavailable"]).is_some() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid("spec", spec.clone(), detail));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        errors.amount(&spec, field, "spec");
    }
    errors.selector(at(&spec, &["selector"]), "spec.selector");
    errors.one_of(&spec, "unhealthyPodEvictionPolicy", "spec", &["AlwaysAllow", "IfHealthyBudget"]);
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(errors: &[FieldError]) -> Vec<String> {
        field_error::told(errors, |field| field.rsplit('.').next().unwrap_or_default())
    }

    #[test]
    fn a_surge_may_be_more_than_all_and_what_is_no_amount_is_none() {
        let check = |down: Value, up: Value| {
            let mut errors = Vec::new();
            let rolling = json!({"maxUnavailable": down, "maxSurge": up});
            strategy(&json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}), &mut errors);
            told(&errors)
        };
        assert_eq!(check(json!(1), json!("200%")), Vec::<String>::new());
        assert_eq!(check(json!("101%"), json!(1)), ["Invalid maxUnavailable"]);
        assert_eq!(check(json!("x"), json!(0)), ["Invalid maxUnavailable"; 2]);
        assert_eq!(check(json!("00%"), json!("0%")), ["Invalid maxUnavailable"]);
        assert_eq!(check(json!("5"), json!(0)), ["Invalid maxUnavailable"]);
    }

    #[test]
    fn pods_of_workloads_always_restart() {
        for (policy, wrong) in [("Always", 0), ("OnFailure", 1), ("Bogus", 1)] {
            let mut errors = Vec::new();
            always_restarts(&json!({"template": {"spec": {"restartPolicy": policy}}}), "ReplicaSet", &mut errors);
            assert_eq!(errors.len(), wrong, "{policy}");
        }
    }
}
