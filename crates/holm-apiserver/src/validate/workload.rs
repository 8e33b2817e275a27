//! Workloads, autoscalers and disruption budgets.

use serde_json::Value;

use super::{claim, items, pod};
use crate::error::FieldError;
use crate::object::{at, text_at};

/// Checks a workload.
pub(super) fn check(resource: &str, object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if resource == "cronjobs.batch" {
        return cron_job(object);
    }
    for field in [
        "replicas",
        "parallelism",
        "completions",
        "backoffLimit",
        "revisionHistoryLimit",
        "minReadySeconds",
        "progressDeadlineSeconds",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        not_negative(object, &["spec", field], &mut errors);
    }
    if resource == "jobs.batch" {
        job(object, is_new, &mut errors);
        return errors;
    }
    let selector = at(object, &["spec", "selector"]);
    let empty = |selector: &Value| {
        let none = |field: &str| {
            selector.get(field).is_none_or(|value| {
                value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
            })
        };
        none("matchLabels") && none("matchExpressions")
    };
    match selector {
        None => {
            errors.push(FieldError::required("spec.selector", ""));
            let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
        }
        Some(selector) if empty(selector) => {
            errors.push(FieldError::invalid(
                "spec.selector",
                selector.clone(),
                "empty selector is invalid for deployment",
            ));
        }
        Some(selector) => {
            if !selects(selector, at(object, &["spec", "template", "metadata", "labels"])) {
                let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
                let detail = "`selector` does not match template `labels`";
                errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
            }
        }
    }
    if resource == "deployments.apps" {
        strategy(object, &mut errors);
    }
    if resource == "statefulsets.apps" {
        for (path, template) in items(object, &["spec", "volumeClaimTemplates"], "spec.volumeClaimTemplates") {
            errors.extend(claim::check(template, &["spec"], &format!("{path}.spec")));
        }
    }
    errors.extend(template(object, resource));
    let policy = text_at(object, &["spec", "template", "spec", "restartPolicy"]);
    if policy != "Always" && matches!(policy, "OnFailure" | "Never") {
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    errors
}

/// The template of a stateful set may mount its claims, which become volumes of its pods.
fn template(object: &Value, resource: &str) -> Vec<FieldError> {
    let path = ["spec", "template", "spec"];
    let mut errors = pod::check(object, &path, "spec.template.spec");
    if resource == "statefulsets.apps" {
        let claims: Vec<&str> = at(object, &["spec", "volumeClaimTemplates"])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(crate::object::name)
            .collect();
        errors.retain(|error| {
            let mounts = error.kind == crate::error::FieldProblem::NotFound && error.field.contains("volumeMounts");
            !(mounts && error.value.as_str().is_some_and(|name| claims.contains(&name)))
        });
    }
    errors
}

fn not_negative(object: &Value, path: &[&str], errors: &mut Vec<FieldError>) {
    if let Some(value) = at(object, path).filter(|value| value.as_i64().is_some_and(|value| value < 0)) {
        errors.push(FieldError::invalid(path.join("."), value.clone(), "must be greater than or equal to 0"));
    }
}

/// Whether a label selector selects these labels.
fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key)?.as_str());
    let by_label = selector.get("matchLabels").and_then(Value::as_object);
    let all = by_label.into_iter().flatten().all(|(key, wanted)| value(key) == wanted.as_str());
    all && selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten().all(|expression| {
        let found = value(text_at(expression, &["key"]));
        let values = crate::object::texts(at(expression, &["values"]));
        match text_at(expression, &["operator"]) {
            "In" => found.is_some_and(|found| values.iter().any(|value| value == found)),
            "NotIn" => found.is_none_or(|found| !values.iter().any(|value| value == found)),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    })
}

fn strategy(object: &Value, errors: &mut Vec<FieldError>) {
    match text_at(object, &["spec", "strategy", "type"]) {
        "Recreate" => {
            if at(object, &["spec", "strategy", "rollingUpdate"]).is_some() {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
            }
        }
        "RollingUpdate" => {
            let zero = |field: &str| {
                let value = at(object, &["spec", "strategy", "rollingUpdate", field]);
                value.is_some_and(|value| value.as_i64() == Some(0) || value.as_str() == Some("0%"))
            };
            if zero("maxSurge") && zero("maxUnavailable") {
                let value =
                    at(object, &["spec", "strategy", "rollingUpdate", "maxUnavailable"]).cloned().unwrap_or_default();
                let detail = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, detail));
            }
        }
        other => errors.push(FieldError::not_supported("spec.strategy", other, &["Recreate", "RollingUpdate"])),
    }
    let number = |field: &str| at(object, &["spec", field]).and_then(Value::as_i64);
    if let (Some(deadline), Some(ready)) = (number("progressDeadlineSeconds"), number("minReadySeconds").or(Some(0)))
        && deadline <= ready
    {
        errors.push(FieldError::invalid(
            "spec.progressDeadlineSeconds",
            deadline,
            "must be greater than minReadySeconds",
        ));
    }
}

fn job(object: &Value, is_new: bool, errors: &mut Vec<FieldError>) {
    errors.extend(pod::check(object, &["spec", "template", "spec"], "spec.template.spec"));
    let policy = text_at(object, &["spec", "template", "spec", "restartPolicy"]);
    if policy == "Always" {
        errors.push(FieldError::required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\""));
    }
    if is_new
        && text_at(object, &["spec", "completionMode"]) == "Indexed"
        && at(object, &["spec", "completions"]).is_none()
    {
        let detail = "when completion mode is Indexed";
        errors.push(FieldError::required("spec.completions", detail));
    }
    if let Some(selector) = at(object, &["spec", "selector"])
        && !selects(selector, at(object, &["spec", "template", "metadata", "labels"]))
    {
        let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        ));
    }
}

fn cron_job(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let schedule = text_at(object, &["spec", "schedule"]);
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if !is_schedule(schedule) {
        errors.push(FieldError::invalid("spec.schedule", schedule, "expected exactly 5 fields"));
    }
    let policy = text_at(object, &["spec", "concurrencyPolicy"]);
    if !matches!(policy, "Allow" | "Forbid" | "Replace") {
        errors.push(FieldError::not_supported("spec.concurrencyPolicy", policy, &["Allow", "Forbid", "Replace"]));
    }
    let path = ["spec", "jobTemplate", "spec", "template", "spec"];
    errors.extend(pod::check(object, &path, "spec.jobTemplate.spec.template.spec"));
    if text_at(object, &[path.as_slice(), &["restartPolicy"]].concat()) == "Always" {
        let field = "spec.jobTemplate.spec.template.spec.restartPolicy";
        errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\""));
    }
    if crate::object::name(object).len() > 52 {
        errors.push(FieldError::invalid(
            "metadata.name",
            crate::object::name(object),
            "must be no more than 52 characters",
        ));
    }
    errors
}

/// Five fields of numbers, names and the signs between them, or one of the words with an at sign.
fn is_schedule(text: &str) -> bool {
    const WORDS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    let text = text.trim();
    if let Some(period) = text.strip_prefix("@every ") {
        return !period.trim().is_empty();
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let right = |field: &&str| field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*/,-?".contains(&byte));
    WORDS.contains(&text) || (fields.len() == 5 && fields.iter().all(right) && !text.starts_with('@'))
}

pub(super) fn autoscaler(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let number = |field: &str| at(object, &["spec", field]).and_then(Value::as_i64).unwrap_or_default();
    let (minimum, maximum) = (number("minReplicas"), number("maxReplicas"));
    if minimum < 1 {
        errors.push(FieldError::invalid("spec.minReplicas", minimum, "must be greater than or equal to 1"));
    }
    if maximum < 1 {
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, "must be greater than 0"));
    } else if maximum < minimum {
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, "must be greater than or equal to `minReplicas`"));
    }
    for field in ["kind", "name"] {
        if text_at(object, &["spec", "scaleTargetRef", field]).is_empty() {
            errors.push(FieldError::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    errors
}

pub(super) fn disruption_budget(object: &Value) -> Vec<FieldError> {
    let both = at(object, &["spec", "minAvailable"]).is_some() && at(object, &["spec", "maxUnavailable"]).is_some();
    if !both {
        return Vec::new();
    }
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    vec![FieldError::invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
}
