//! Jobs.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/batch/validation/validation.go`.

use holm_values::names;
use serde_json::{Value, json};

use super::success::success;
use super::{UNSELECTED, selects, template};
use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::Checks;

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

const MAX_INDEXED: i64 = 100_000;
/// The most of what runs or fails at once of more than [`MAX_INDEXED`] completions.
const MAX_OF_MANY: i64 = 10_000;
const MAX_MANAGER: usize = 63;
pub(super) const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;

/// Checks a Job.
pub(in crate::validate) fn job(object: &Value, is_new: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    if is_new {
        generated(object, &spec, &mut errors);
    }
    job_spec(&spec, "spec", &mut errors);
    let labels = at(&spec, &["template", "metadata", "labels"]).cloned().unwrap_or_default();
    let before = errors.len();
    let selector = at(&spec, &["selector"]);
    errors.selector(selector, "spec.selector");
    // What cannot be read selects nothing, which is not told.
    let is_read = errors.len() == before;
    if selector.is_none() {
        errors.push(FieldError::required("spec.selector", ""));
    }
    if is_read && selector.is_none_or(|selector| !selects(selector, Some(&labels))) {
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, UNSELECTED));
    }
    let completions = number(&spec, "completions").unwrap_or_default();
    if text_at(&spec, &["completionMode"]) == "Indexed" && completions > 0 {
        // From `validateNameAllowsCompletions`.
        let name = crate::object::name(object);
        let last = format!("{name}-{}", completions - 1);
        if !names::label(&last).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {last}");
            errors.push(FieldError::invalid("metadata.name", name, detail));
        }
    }
    errors
}

/// Unless it says otherwise, a new job's pods carry its uid and its name, and it selects them, from `validateGeneratedSelector`.
fn generated(object: &Value, spec: &Value, errors: &mut Vec<FieldError>) {
    let Some(selector) = at(spec, &["selector"]) else { return };
    if at(spec, &["manualSelector"]) == Some(&json!(true)) {
        return;
    }
    let (uid, name) = (crate::object::uid(object).unwrap_or_default(), crate::object::name(object));
    let expected = json!({
        "controller-uid": uid,
        "job-name": name,
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
    });
    let labels = at(spec, &["template", "metadata", "labels"]).cloned().unwrap_or_default();
    for (label, wanted) in expected.as_object().into_iter().flatten() {
        let field = format!("spec.template.metadata.labels[{label}]");
        let detail = format!("must be '{}'", wanted.as_str().unwrap_or_default());
        match labels.get(label) {
            None => errors.push(FieldError::required(field, detail)),
            Some(found) if found != wanted => errors.push(FieldError::invalid(field, labels.clone(), detail)),
            Some(_) => {}
        }
    }
    let mut problems = Vec::new();
    problems.selector(Some(selector), "");
    if problems.is_empty() && !selects(selector, Some(&expected)) {
        errors.push(FieldError::invalid("spec.selector", selector.clone(), "`selector` not auto-generated"));
    }
}

pub(super) fn number(object: &Value, field: &str) -> Option<i64> {
    at(object, &[field]).and_then(Value::as_i64)
}

/// The spec of a Job, or of those that a CronJob makes.
pub(super) fn job_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in COUNTS {
        errors.at_least(spec, field, path, 0);
    }
    let has = |field: &str| at(spec, &[field]).is_some();
    if has("maxFailedIndexes") && !has("backoffLimitPerIndex") {
        let detail = "when maxFailedIndexes is specified";
        errors.push(FieldError::required(format!("{path}.backoffLimitPerIndex"), detail));
    }
    if let Some(manager) = at(spec, &["managedBy"]).and_then(Value::as_str) {
        if errors.filled(spec, "managedBy", path) {
            errors.text(spec, "managedBy", path, names::domain_path);
        }
        if manager.len() > MAX_MANAGER {
            errors.push(FieldError::too_long(format!("{path}.managedBy"), MAX_MANAGER));
        }
    }
    errors.one_of(spec, "completionMode", path, &["NonIndexed", "Indexed"]);
    // Those of a job that a CronJob makes has no default.
    let mode = at(spec, &["completionMode"]).and_then(Value::as_str).unwrap_or("NonIndexed");
    match mode {
        "Indexed" => indexed(spec, path, errors),
        "NonIndexed" => {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if let Some(value) = at(spec, &[field]) {
                    let detail = "requires indexed completion mode";
                    errors.push(FieldError::invalid(format!("{path}.{field}"), value.clone(), detail));
                }
            }
        }
        _ => {}
    }
    if let Some(policy) = at(spec, &["successPolicy"]) {
        let field = format!("{path}.successPolicy");
        if mode == "Indexed" {
            success(spec, policy, &format!("{field}.rules"), errors);
        } else {
            errors.push(FieldError::invalid(field, policy.clone(), "requires indexed completion mode"));
        }
    }
    let supported: &[&str] = if has("podFailurePolicy") { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    errors.one_of(spec, "podReplacementPolicy", path, supported);
    let rules = format!("{path}.podFailurePolicy.rules");
    at_most(at(spec, &["podFailurePolicy"]), "rules", &rules, MAX_RULES, errors);
    for (path, rule) in items(spec, &["podFailurePolicy", "rules"], &rules) {
        failure_rule(spec, rule, &path, errors);
    }
    errors.extend(template(spec, &["template"], &format!("{path}.template")));
    let policy = text_at(spec, &["template", "spec", "restartPolicy"]);
    let field = format!("{path}.template.spec.restartPolicy");
    if matches!(policy, "Always" | "") {
        errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\""));
    } else if !matches!(policy, "OnFailure" | "Never") {
        errors.push(FieldError::not_supported(field, policy, &["OnFailure", "Never"]));
    } else if has("podFailurePolicy") && policy == "OnFailure" {
        let detail = "only \"Never\" is supported when podFailurePolicy is specified";
        errors.push(FieldError::invalid(field, policy, detail));
    }
}

/// Tells of a list that has too many items.
pub(super) fn at_most(object: Option<&Value>, list: &str, path: &str, most: usize, errors: &mut Vec<FieldError>) {
    let count = object.and_then(|object| at(object, &[list])?.as_array()).map_or(0, Vec::len);
    if count > most {
        errors.push(FieldError::too_many(path, count, most));
    }
}

/// What is true of jobs whose completions have numbers.
fn indexed(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let [completions, parallelism, failed] =
        ["completions", "parallelism", "maxFailedIndexes"].map(|field| number(spec, field));
    let mut limit = |field: &str, found: Option<i64>, most: i64, detail: String| {
        if let Some(found) = found.filter(|found| *found > most) {
            errors.push(FieldError::invalid(format!("{path}.{field}"), found, detail));
        }
    };
    let least = |most: i64| format!("must be less than or equal to {most}");
    let detail = format!("{} when completion mode is Indexed", least(MAX_INDEXED));
    limit("parallelism", parallelism, MAX_INDEXED, detail);
    limit("maxFailedIndexes", failed, completions.unwrap_or(i64::MAX), least(0).replace('0', "completions"));
    limit("maxFailedIndexes", failed, MAX_INDEXED, least(MAX_INDEXED));
    let many = completions.is_some_and(|completions| completions > MAX_INDEXED);
    let by_index = many && at(spec, &["backoffLimitPerIndex"]).is_some();
    if by_index {
        let above = format!("when completions are above {MAX_INDEXED} and used with backoff limit per index");
        for (field, found) in [("parallelism", parallelism), ("maxFailedIndexes", failed)] {
            limit(field, found, MAX_OF_MANY, format!("{} {above}", least(MAX_OF_MANY)));
        }
    }
    if by_index && failed.is_none() {
        let detail = format!("must be specified when completions is above {MAX_INDEXED}");
        errors.push(FieldError::required(format!("{path}.maxFailedIndexes"), detail));
    }
    if completions.is_none() {
        errors.push(FieldError::required(format!("{path}.completions"), "when completion mode is Indexed"));
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
    let shown = format!("{path}.onPodConditions");
    at_most(Some(rule), "onPodConditions", &shown, MAX_RULES, errors);
    let mut conditions = 0;
    for (path, pattern) in items(rule, &["onPodConditions"], &shown) {
        conditions += 1;
        let kind = text_at(pattern, &["type"]);
        errors.all(format!("{path}.type"), &json!(kind), names::label_key(kind));
        if errors.filled(pattern, "status", &path) {
            errors.one_of(pattern, "status", &path, &["False", "True", "Unknown"]);
        }
    }
    if codes.is_some() == (conditions > 0) {
        let which = if codes.is_some() { "both" } else { "one of" };
        let verdict = if codes.is_some() { "is not supported" } else { "is required" };
        let detail = format!("specifying {which} OnExitCodes and OnPodConditions {verdict}");
        errors.push(FieldError::invalid_without_value(path, detail));
    }
    let Some(codes) = codes else { return };
    let path = format!("{path}.onExitCodes");
    if errors.filled(codes, "operator", &path) {
        errors.one_of(codes, "operator", &path, &["In", "NotIn"]);
    }
    if let Some(name) = at(codes, &["containerName"]) {
        let is_name = |list: &str| {
            items(spec, &["template", "spec", list], "").any(|(_, container)| at(container, &["name"]) == Some(name))
        };
        if !is_name("containers") && !is_name("initContainers") {
            let detail = "must be one of the container or initContainer names in the pod template";
            errors.push(FieldError::invalid(format!("{path}.containerName"), name.clone(), detail));
        }
    }
    at_most(Some(codes), "values", &format!("{path}.values"), MAX_EXIT_CODES, errors);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(check: impl Fn(&mut Vec<FieldError>)) -> Vec<String> {
        let mut errors = Vec::new();
        check(&mut errors);
        field_error::told(&errors, |field| field.trim_start_matches("spec."))
    }

    #[test]
    fn indexed_jobs_have_limits_and_others_have_none() {
        for (fields, wrong) in [
            (json!({"completionMode": "Indexed"}), vec!["Required completions"]),
            (
                json!({"completionMode": "Indexed", "completions": 1, "maxFailedIndexes": 2}),
                vec!["Required backoffLimitPerIndex", "Invalid maxFailedIndexes"],
            ),
            (
                json!({"completionMode": "Indexed", "completions": 100_001, "parallelism": 10_001, "backoffLimitPerIndex": 1}),
                vec!["Invalid parallelism", "Required maxFailedIndexes"],
            ),
            (json!({"backoffLimitPerIndex": 1}), vec!["Invalid backoffLimitPerIndex"]),
            (
                json!({"completionMode": "Bogus", "backoffLimitPerIndex": 1, "successPolicy": {}}),
                vec!["NotSupported completionMode", "Invalid successPolicy"],
            ),
            (
                json!({"completionMode": "Indexed", "completions": 2, "successPolicy": {"rules": [{}, {"succeededIndexes": "0", "succeededCount": 3}]}}),
                vec![
                    "Required successPolicy.rules[0]",
                    "Invalid successPolicy.rules[1].succeededCount",
                    "Invalid successPolicy.rules[1].succeededCount",
                ],
            ),
            (json!({"managedBy": ""}), vec!["Required managedBy"]),
            (json!({"managedBy": "a/b c"}), vec!["Invalid managedBy"]),
        ] {
            let mut wanted: Vec<&str> = wrong;
            wanted.push("Required template.spec.restartPolicy");
            assert_eq!(told(|errors| job_spec(&fields, "spec", errors)), wanted, "{fields}");
        }
    }

    #[test]
    fn a_rule_of_failures_names_a_container_and_conditions() {
        let spec = json!({"template": {"spec": {"containers": [{"name": "c"}]}}});
        let rule = |rule: Value| told(|errors| failure_rule(&spec, &rule, "r", errors));
        let codes = |name: &str| json!({"action": "Ignore", "onExitCodes": {"containerName": name, "operator": "In", "values": [1]}});
        assert_eq!(rule(codes("c")), Vec::<String>::new());
        assert_eq!(rule(codes("d")), ["Invalid r.onExitCodes.containerName"]);
        let conditions = json!({"action": "Ignore", "onPodConditions": [{"type": "a b", "status": "Maybe"}]});
        assert_eq!(rule(conditions), ["Invalid r.onPodConditions[0].type", "NotSupported r.onPodConditions[0].status"]);
    }

    #[test]
    fn a_new_job_selects_pods_that_carry_its_uid_and_its_name() {
        let of = |selector: Value, name: &str| {
            let labels = json!({
                "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u", "job-name": name,
                "batch.kubernetes.io/job-name": "j",
            });
            let spec = json!({"selector": {"matchLabels": selector}, "template": {"metadata": {"labels": labels}}});
            let object = json!({"metadata": {"name": "j", "uid": "u"}, "spec": spec});
            told(|errors| generated(&object, &object["spec"], errors))
        };
        assert_eq!(of(json!({"job-name": "j"}), "j"), Vec::<String>::new());
        assert_eq!(of(json!({"app": "a"}), "j"), ["Invalid selector"]);
        assert_eq!(of(json!({}), "k"), ["Invalid template.metadata.labels[job-name]"]);
    }
}
