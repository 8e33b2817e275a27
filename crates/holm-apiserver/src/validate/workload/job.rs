//! Jobs and CronJobs.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/batch/validation/validation.go`.

use serde_json::{Value, json};

use super::schedule::{is_schedule, is_time_zone};
use super::{UNSELECTED, selects, template};
use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::Checks;
use crate::validate::{items, names};

/// Numbers that may not be negative.
const COUNTS: [&str; 7] = [
    "parallelism",
    "completions",
    "backoffLimit",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
];

/// Checks a Job.
pub(in crate::validate) fn job(object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    job_spec(&spec, "spec", &mut errors);
    let labels = at(&spec, &["template", "metadata", "labels"]).cloned().unwrap_or_default();
    let manual = at(&spec, &["manualSelector"]) == Some(&json!(true));
    match at(&spec, &["selector"]) {
        Some(selector) => {
            errors.selector(Some(selector), "spec.selector");
            let generated = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": crate::object::uid(object)}});
            if is_new && !manual && *selector != generated {
                let detail = "`selector` not auto-generated";
                errors.push(FieldError::invalid("spec.selector", selector.clone(), detail));
            }
            if !selects(selector, Some(&labels)) {
                errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
            }
        }
        None => {
            errors.push(FieldError::required("spec.selector", ""));
            errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
        }
    }
    errors
}

/// The spec of a Job, or of those that a CronJob makes.
fn job_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in COUNTS {
        errors.at_least(spec, field, path, 0);
    }
    let indexed = text_at(spec, &["completionMode"]) == "Indexed";
    errors.one_of(spec, "completionMode", path, &["Indexed", "NonIndexed"]);
    let has = |field: &str| at(spec, &[field]).is_some();
    if has("maxFailedIndexes") && !has("backoffLimitPerIndex") {
        let detail = "when maxFailedIndexes is specified";
        errors.push(FieldError::required(format!("{path}.backoffLimitPerIndex"), detail));
    }
    if indexed && !has("completions") {
        errors.push(FieldError::required(format!("{path}.completions"), "when completion mode is Indexed"));
    }
    for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
        if let Some(value) = at(spec, &[field]).filter(|_| text_at(spec, &["completionMode"]) == "NonIndexed") {
            let detail = "requires indexed completion mode";
            errors.push(FieldError::invalid(format!("{path}.{field}"), value.clone(), detail));
        }
    }
    if let Some(manager) = at(spec, &["managedBy"]).and_then(Value::as_str) {
        let right = manager.split_once('/').is_some_and(|(domain, name)| {
            !name.is_empty() && names::subdomain(domain).is_empty() && names::path_segment(name).is_empty()
        });
        if !right {
            let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.push(FieldError::invalid(format!("{path}.managedBy"), manager, detail));
        }
    }
    let supported: &[&str] = if has("podFailurePolicy") { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    errors.one_of(spec, "podReplacementPolicy", path, supported);
    for (path, rule) in items(spec, &["podFailurePolicy", "rules"], &format!("{path}.podFailurePolicy.rules")) {
        failure_rule(spec, rule, &path, errors);
    }
    errors.extend(template(spec, &["template"], &format!("{path}.template")));
    let policy = text_at(spec, &["template", "spec", "restartPolicy"]);
    let field = format!("{path}.template.spec.restartPolicy");
    if matches!(policy, "Always" | "") {
        errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\""));
    } else if has("podFailurePolicy") && policy == "OnFailure" {
        let detail = "only \"Never\" is supported when podFailurePolicy is specified";
        errors.push(FieldError::invalid(field, policy, detail));
    }
}

/// From `validatePodFailurePolicyRule`.
fn failure_rule(spec: &Value, rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let action = text_at(rule, &["action"]);
    if action == "FailIndex" && at(spec, &["backoffLimitPerIndex"]).is_none() {
        let detail = "requires the backoffLimitPerIndex to be set";
        errors.push(FieldError::invalid(format!("{path}.action"), action, detail));
    }
    if errors.filled(rule, "action", path) {
        errors.one_of(rule, "action", path, &["Count", "FailIndex", "FailJob", "Ignore"]);
    }
    let codes = at(rule, &["onExitCodes"]);
    let conditions = items(rule, &["onPodConditions"], "").count();
    if codes.is_some() == (conditions > 0) {
        let which = if codes.is_some() { "both" } else { "one of" };
        let verdict = if codes.is_some() { "is not supported" } else { "is required" };
        let detail = format!("specifying {which} OnExitCodes and OnPodConditions {verdict}");
        errors.push(FieldError::invalid(path, Value::Null, detail));
    }
    let Some(codes) = codes else { return };
    let path = format!("{path}.onExitCodes");
    if errors.filled(codes, "operator", &path) {
        errors.one_of(codes, "operator", &path, &["In", "NotIn"]);
    }
    let values: Vec<(String, i64)> = items(codes, &["values"], &format!("{path}.values"))
        .map(|(path, value)| (path, value.as_i64().unwrap_or_default()))
        .collect();
    if values.is_empty() {
        errors.push(FieldError::invalid(format!("{path}.values"), json!([]), "at least one value is required"));
    }
    for (position, (path, value)) in values.iter().enumerate() {
        if *value == 0 && text_at(codes, &["operator"]) == "In" {
            errors.push(FieldError::invalid(path, *value, "must not be 0 for the In operator"));
        }
        if values.iter().take(position).any(|(_, earlier)| earlier == value) {
            errors.push(FieldError::duplicate(path, *value));
        }
    }
    if values.windows(2).any(|pair| matches!(pair, [(_, left), (_, right)] if left > right)) {
        let value = at(codes, &["values"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(format!("{path}.values"), value, "must be ordered"));
    }
}

/// Checks a CronJob.
pub(in crate::validate) fn cron_job(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let schedule = text_at(&spec, &["schedule"]);
    if errors.filled(&spec, "schedule", "spec") {
        if schedule.contains("TZ") {
            let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            errors.push(FieldError::invalid("spec.schedule", schedule, detail));
        } else if let Err(problem) = is_schedule(schedule) {
            errors.push(FieldError::invalid("spec.schedule", schedule, problem));
        }
    }
    if let Some(zone) = at(&spec, &["timeZone"]).and_then(Value::as_str)
        && let Err(problem) = is_time_zone(zone)
    {
        errors.push(FieldError::invalid("spec.timeZone", zone, problem));
    }
    for field in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        errors.at_least(&spec, field, "spec", 0);
    }
    errors.one_of(&spec, "concurrencyPolicy", "spec", &["Allow", "Forbid", "Replace"]);
    let jobs = at(&spec, &["jobTemplate", "spec"]).cloned().unwrap_or_default();
    let path = "spec.jobTemplate.spec";
    job_spec(&jobs, path, &mut errors);
    if at(&jobs, &["manualSelector"]) == Some(&json!(true)) {
        errors.push(FieldError::not_supported(format!("{path}.manualSelector"), true, &["nil", "false"]));
    }
    if let Some(selector) = at(&jobs, &["selector"]) {
        let detail = "`selector` will be auto-generated";
        errors.push(FieldError::invalid(format!("{path}.selector"), selector.clone(), detail));
    }
    let name = crate::object::name(object);
    if name.len() > 52 {
        // Eleven characters are added for the names of the Jobs.
        errors.push(FieldError::invalid("metadata.name", name, "must be no more than 52 characters"));
    }
    errors
}
