//! Autoscalers.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/autoscaling/validation/validation.go`.

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::Checks;
use crate::validate::{items, resources};

/// The longest time to look back, in seconds.
const MAX_WINDOW: i64 = 3600;
/// The longest period of a policy, in seconds.
const MAX_PERIOD: i64 = 1800;

/// Where metrics come from, by type and field.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];

/// Checks a HorizontalPodAutoscaler.
pub(in crate::validate) fn autoscaler(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let number = |field: &str| at(&spec, &[field]).and_then(Value::as_i64).unwrap_or_default();
    let (minimum, maximum) = (number("minReplicas"), number("maxReplicas"));
    errors.at_least(&spec, "minReplicas", "spec", 0);
    if maximum == 0 {
        errors.push(FieldError::required("spec.maxReplicas", ""));
    } else if maximum < 0 {
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, "must be greater than or equal to 1"));
    }
    if maximum < minimum {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, detail));
    }
    reference(&spec, "scaleTargetRef", "spec", target_version(&spec, live), &mut errors);
    let version = described_version(live);
    let mut external = false;
    for (path, metric) in items(&spec, &["metrics"], "spec.metrics") {
        external |= matches!(text_at(metric, &["type"]), "Object" | "External");
        metric_source(metric, &path, version, &mut errors);
    }
    if minimum == 0 && !external {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(FieldError::forbidden("spec.metrics", detail));
    }
    for direction in ["scaleUp", "scaleDown"] {
        if let Some(rules) = at(&spec, &["behavior", direction]) {
            behaviour(rules, &format!("spec.behavior.{direction}"), &mut errors);
        }
    }
    errors
}

/// The status, from `ValidateHorizontalPodAutoscalerStatusUpdate`.
pub(in crate::validate) fn autoscaler_status(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (path, condition) in items(object, &["status", "conditions"], "status.conditions") {
        errors.at_least(condition, "observedGeneration", &path, 0);
    }
    let status = at(object, &["status"]).cloned().unwrap_or_default();
    for field in ["currentReplicas", "desiredReplicas"] {
        errors.at_least(&status, field, "status", 0);
    }
    errors
}

/// What the version of a reference has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// One of a named group.
    Grouped,
    /// One of any group, or none.
    Any,
    /// Whatever it is, since it was wrong before.
    Ignored,
}

/// From `validationOptionsForHorizontalPodAutoscaler`: what is scaled as before may stay, and one kind of the core group can be scaled.
fn target_version(spec: &Value, live: Option<&Value>) -> Version {
    let same = |live: &Value| {
        ["apiVersion", "kind"]
            .iter()
            .all(|field| text_at(live, &["spec", "scaleTargetRef", field]) == text_at(spec, &["scaleTargetRef", field]))
    };
    if live.is_some_and(same) {
        Version::Ignored
    } else if text_at(spec, &["scaleTargetRef", "kind"]) == "ReplicationController" {
        Version::Any
    } else {
        Version::Grouped
    }
}

/// The same of what metrics describe: a version that is wrong already lets others be wrong.
fn described_version(live: Option<&Value>) -> Version {
    let mut metrics = live.into_iter().flat_map(|live| items(live, &["spec", "metrics"], ""));
    let was_wrong = metrics.any(|(_, metric)| {
        let described = at(metric, &["object", "describedObject"]);
        text_at(metric, &["type"]) == "Object"
            && described
                .is_some_and(|described| wrong_version(text_at(described, &["apiVersion"]), Version::Any).is_some())
    });
    if was_wrong { Version::Ignored } else { Version::Any }
}

/// From `ValidateAPIVersion`.
fn wrong_version(api_version: &str, wanted: Version) -> Option<String> {
    let group = match api_version.split('/').collect::<Vec<_>>().as_slice() {
        [_] => "",
        [group, _] => group,
        _ => {
            return Some(format!("unexpected GroupVersion string: {api_version}"))
                .filter(|_| wanted != Version::Ignored);
        }
    };
    (wanted == Version::Grouped && group.is_empty()).then(|| "apiVersion must specify API group".to_owned())
}

/// From `ValidateCrossVersionObjectReference`.
fn reference(object: &Value, field: &str, path: &str, version: Version, errors: &mut Vec<FieldError>) {
    let reference = at(object, &[field]).cloned().unwrap_or_default();
    let path = format!("{path}.{field}");
    for field in ["kind", "name"] {
        if errors.filled(&reference, field, &path) {
            errors.text(&reference, field, &path, names::path_segment);
        }
    }
    let api_version = text_at(&reference, &["apiVersion"]);
    if let Some(problem) = wrong_version(api_version, version) {
        errors.push(FieldError::invalid(format!("{path}.apiVersion"), api_version, problem));
    }
}

/// From `validateMetricSpec`: the first source that is there is looked at, whatever the type says.
fn metric_source(metric: &Value, path: &str, version: Version, errors: &mut Vec<FieldError>) {
    let kind = text_at(metric, &["type"]);
    if kind.is_empty() {
        errors.push(FieldError::required(format!("{path}.type"), "must specify a metric source type"));
    }
    let wanted = SOURCES.iter().find(|(of, _)| *of == kind).map(|(_, field)| *field);
    if wanted.is_none() {
        let mut supported: Vec<&str> = SOURCES.iter().map(|(kind, _)| *kind).collect();
        supported.sort_unstable();
        errors.push(FieldError::not_supported(format!("{path}.type"), kind, &supported));
    }
    let present: Vec<&str> =
        SOURCES.iter().map(|(_, field)| *field).filter(|field| at(metric, &[field]).is_some()).collect();
    if let Some(first) = present.first() {
        let source = at(metric, &[first]).cloned().unwrap_or_default();
        one_source(&source, first, &format!("{path}.{first}"), version, errors);
    }
    if let Some(wanted) = wanted
        && !present.contains(&wanted)
    {
        let detail = "must populate information for the given metric source";
        errors.push(FieldError::required(format!("{path}.{wanted}"), detail));
    }
    if present.len() != 1 {
        for field in present.into_iter().filter(|field| Some(*field) != wanted) {
            let detail = "must populate the given metric source only";
            errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
        }
    }
}

fn one_source(source: &Value, kind: &str, path: &str, version: Version, errors: &mut Vec<FieldError>) {
    let has = |field: &str| at(source, &["target", field]).is_some();
    let mut require = |field: &str, detail: &str| errors.push(FieldError::required(format!("{path}.{field}"), detail));
    match kind {
        "resource" | "containerResource" => {
            let of_container = kind == "containerResource";
            let name = text_at(source, &["name"]);
            if name.is_empty() {
                require("name", "must specify a resource name");
            }
            if of_container && text_at(source, &["container"]).is_empty() {
                require("container", "must specify a container");
            }
            if !has("averageUtilization") && !has("averageValue") {
                require("target.averageUtilization", "must set either a target raw value or a target utilization");
            }
            if has("averageUtilization") && has("averageValue") {
                let detail = "may not set both a target raw value and a target utilization";
                errors.push(FieldError::forbidden(format!("{path}.target.averageValue"), detail));
            }
            if of_container {
                if !name.is_empty() {
                    errors.all(format!("{path}.name"), &json!(name), resources::container_name(name));
                }
                errors.text_unless_empty(source, "container", path, names::label);
            }
        }
        _ => {
            if text_at(source, &["metric", "name"]).is_empty() {
                require("metric.name", "must specify a metric name");
            }
            match kind {
                "pods" if !has("averageValue") => {
                    require("target.averageValue", "must specify a positive target averageValue");
                }
                "object" if !has("value") && !has("averageValue") => {
                    require("target.averageValue", "must set either a target value or averageValue");
                }
                "external" if !has("value") && !has("averageValue") => {
                    require("target.averageValue", "must set either a target value for metric or a per-pod target");
                }
                "external" if has("value") && has("averageValue") => {
                    let detail = "may not set both a target value for metric and a per-pod target";
                    errors.push(FieldError::forbidden(format!("{path}.target.value"), detail));
                }
                _ => {}
            }
            if let Some(metric) = at(source, &["metric"]) {
                errors.text_unless_empty(metric, "name", &format!("{path}.metric"), names::path_segment);
            }
            if kind == "object" {
                reference(source, "describedObject", path, version, errors);
            }
        }
    }
    let target = at(source, &["target"]).cloned().unwrap_or_default();
    let path = format!("{path}.target");
    let kind = text_at(&target, &["type"]);
    if kind.is_empty() {
        errors.push(FieldError::required(format!("{path}.type"), "must specify a metric target type"));
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.push(FieldError::invalid(format!("{path}.type"), kind, detail));
    }
    for field in ["value", "averageValue"] {
        let amount = at(&target, &[field]);
        if amount.and_then(Quantity::of).is_some_and(|amount| amount.is_negative() || amount.is_zero()) {
            let value = amount.cloned().unwrap_or_default();
            errors.push(FieldError::invalid(format!("{path}.{field}"), value, "must be positive"));
        }
    }
    if let Some(share) =
        at(&target, &["averageUtilization"]).filter(|share| share.as_i64().is_some_and(|share| share < 1))
    {
        errors.push(FieldError::invalid(format!("{path}.averageUtilization"), share.clone(), "must be greater than 0"));
    }
}

/// From `validateScalingRules` and `validateScalingPolicy`.
fn behaviour(rules: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.at_least(rules, "stabilizationWindowSeconds", path, 0);
    if let Some(seconds) = at(rules, &["stabilizationWindowSeconds"])
        && seconds.as_i64().is_some_and(|seconds| seconds > MAX_WINDOW)
    {
        let detail = format!("must be less than or equal to {MAX_WINDOW}");
        errors.push(FieldError::invalid(format!("{path}.stabilizationWindowSeconds"), seconds.clone(), detail));
    }
    errors.one_of(rules, "selectPolicy", path, &["Disabled", "Max", "Min"]);
    if at(rules, &["policies"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{path}.policies"), "must specify at least one Policy"));
    }
    errors.not_negative(rules, "tolerance", path);
    for (path, policy) in items(rules, &["policies"], &format!("{path}.policies")) {
        let kind = text_at(policy, &["type"]);
        if !matches!(kind, "Percent" | "Pods") {
            errors.push(FieldError::not_supported(format!("{path}.type"), kind, &["Percent", "Pods"]));
        }
        for (field, most) in [("value", i64::MAX), ("periodSeconds", MAX_PERIOD)] {
            let found = at(policy, &[field]).and_then(Value::as_i64).unwrap_or_default();
            if found <= 0 || found > most {
                let detail = if found <= 0 {
                    "must be greater than zero".to_owned()
                } else {
                    format!("must be less than or equal to {most}")
                };
                errors.push(FieldError::invalid(format!("{path}.{field}"), json!(found), detail));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn fields(metric: &Value, live: Option<&Value>) -> Vec<String> {
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
        let spec = json!({"minReplicas": 1, "maxReplicas": 2, "scaleTargetRef": reference, "metrics": [metric]});
        let errors = autoscaler(&json!({"spec": spec}), live);
        let mut fields = field_error::told(&errors, |field| field.trim_start_matches("spec.metrics[0]."));
        fields.sort();
        fields
    }

    #[test]
    fn each_metric_tells_what_its_first_source_and_its_type_lack() {
        let target = json!({"type": "Value", "value": 1});
        let metric = json!({"name": "m"});
        for (spec, wrong) in [
            (json!({}), vec!["NotSupported type", "Required type"]),
            (
                json!({"type": "Bogus", "resource": {"name": "", "target": {"type": "Utilization", "averageUtilization": 1}}}),
                vec!["NotSupported type", "Required resource.name"],
            ),
            (
                json!({"pods": {"metric": metric, "target": target}, "resource": {}}),
                vec![
                    "Forbidden pods",
                    "Forbidden resource",
                    "NotSupported type",
                    "Required pods.target.averageValue",
                    "Required type",
                ],
            ),
            (
                json!({"type": "Object", "pods": {"metric": metric, "target": {"type": "AverageValue", "averageValue": 1}}}),
                vec!["Required object"],
            ),
            (
                json!({"type": "Object", "object": {}}),
                vec![
                    "Invalid object.target.type",
                    "Required object.describedObject.kind",
                    "Required object.describedObject.name",
                    "Required object.metric.name",
                    "Required object.target.averageValue",
                    "Required object.target.type",
                ],
            ),
            (
                json!({"type": "Object", "object": {"metric": {"name": "a/b"}, "describedObject": {"apiVersion": "a/b/c", "kind": "K", "name": "n"}, "target": target}}),
                vec!["Invalid object.describedObject.apiVersion", "Invalid object.metric.name"],
            ),
            (
                json!({"type": "External", "external": {"metric": metric, "target": {"type": "Value", "value": 1, "averageValue": 1}}}),
                vec!["Forbidden external.target.value"],
            ),
            (
                json!({"type": "ContainerResource", "containerResource": {"name": "pods", "container": "C", "target": {"type": "Utilization", "averageUtilization": 1}}}),
                vec!["Invalid containerResource.container", "Invalid containerResource.name"],
            ),
        ] {
            assert_eq!(fields(&spec, None), wrong, "{spec}");
        }
    }

    #[test]
    fn what_is_scaled_has_a_version_of_a_group_unless_it_stays() {
        let checked = |version: &str, kind: &str, live: Option<&Value>| {
            let spec = json!({
                "minReplicas": 1, "maxReplicas": 2, "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": "d"}
            });
            autoscaler(&json!({"spec": spec}), live).len()
        };
        let live = json!({"spec": {"scaleTargetRef": {"apiVersion": "v1", "kind": "Deployment", "name": "old"}}});
        for (version, kind, live, wrong) in [
            ("apps/v1", "Deployment", None, 0),
            ("v1", "Deployment", None, 1),
            ("", "Deployment", None, 1),
            ("/v1", "Deployment", None, 1),
            ("a/b/c", "Deployment", None, 1),
            ("v1", "ReplicationController", None, 0),
            ("a/b/c", "ReplicationController", None, 1),
            ("v1", "Deployment", Some(&live), 0),
            ("", "Deployment", Some(&live), 1),
        ] {
            assert_eq!(checked(version, kind, live), wrong, "{version} {kind}");
        }
    }
}
