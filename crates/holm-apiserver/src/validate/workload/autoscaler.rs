//! Autoscalers.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/autoscaling/validation/validation.go`.

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::quantity::Quantity;
use crate::validate::rules::Checks;
use crate::validate::{items, names};

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
pub(in crate::validate) fn autoscaler(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let number = |field: &str| at(&spec, &[field]).and_then(Value::as_i64).unwrap_or_default();
    let (minimum, maximum) = (number("minReplicas"), number("maxReplicas"));
    errors.at_least(&spec, "minReplicas", "spec", 0);
    if maximum == 0 {
        errors.push(FieldError::required("spec.maxReplicas", "must be set and greater than 0"));
    } else if maximum < 0 {
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, "must be greater than or equal to 1"));
    }
    if maximum < minimum {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", maximum, detail));
    }
    target(&spec, &mut errors);
    let mut external = false;
    for (path, metric) in items(&spec, &["metrics"], "spec.metrics") {
        external |= matches!(text_at(metric, &["type"]), "Object" | "External");
        metric_source(metric, &path, &mut errors);
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

/// From `ValidateCrossVersionObjectReference`.
fn target(spec: &Value, errors: &mut Vec<FieldError>) {
    let reference = at(spec, &["scaleTargetRef"]).cloned().unwrap_or_default();
    let path = "spec.scaleTargetRef";
    for field in ["kind", "name"] {
        if errors.filled(&reference, field, path) {
            errors.text(&reference, field, path, names::path_segment);
        }
    }
    let api_version = text_at(&reference, &["apiVersion"]);
    let detail = match api_version.split('/').collect::<Vec<_>>().as_slice() {
        [""] => "apiVersion must specify API group",
        ["v1"] | [_, _] => return,
        [_] => "apiVersion must specify API group",
        _ => "unexpected GroupVersion string",
    };
    errors.push(FieldError::invalid(format!("{path}.apiVersion"), api_version, detail));
}

fn metric_source(metric: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let kind = text_at(metric, &["type"]);
    let Some((_, wanted)) = SOURCES.iter().find(|(of, _)| *of == kind) else {
        if kind.is_empty() {
            errors.push(FieldError::required(format!("{path}.type"), "must specify a metric source type"));
        }
        let supported: Vec<&str> = SOURCES.iter().map(|(kind, _)| *kind).collect();
        errors.push(FieldError::not_supported(format!("{path}.type"), kind, &supported));
        return;
    };
    let present: Vec<&str> =
        SOURCES.iter().map(|(_, field)| *field).filter(|field| at(metric, &[field]).is_some()).collect();
    if let Some(first) = present.first() {
        let source = at(metric, &[first]).cloned().unwrap_or_default();
        one_source(&source, first, &format!("{path}.{first}"), errors);
    }
    if !present.contains(wanted) {
        let detail = "must populate information for the given metric source";
        errors.push(FieldError::required(format!("{path}.{wanted}"), detail));
    }
    if present.len() != 1 {
        for field in present.iter().filter(|field| *field != wanted) {
            let detail = "must populate the given metric source only";
            errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
        }
    }
}

fn one_source(source: &Value, kind: &str, path: &str, errors: &mut Vec<FieldError>) {
    let has = |field: &str| at(source, &["target", field]).is_some();
    match kind {
        "resource" | "containerResource" => {
            errors.filled(source, "name", path);
            if kind == "containerResource" {
                errors.filled(source, "container", path);
            }
            if !has("averageUtilization") && !has("averageValue") {
                let detail = "must set either a target raw value or a target utilization";
                errors.push(FieldError::required(format!("{path}.target.averageUtilization"), detail));
            }
            if has("averageUtilization") && has("averageValue") {
                let detail = "may not set both a target raw value and a target utilization";
                errors.push(FieldError::forbidden(format!("{path}.target.averageValue"), detail));
            }
        }
        _ => {
            if text_at(source, &["metric", "name"]).is_empty() {
                errors.push(FieldError::required(format!("{path}.metric.name"), "must specify a metric name"));
            }
            if kind == "pods" && !has("averageValue") {
                let detail = "must specify a positive target averageValue";
                errors.push(FieldError::required(format!("{path}.target.averageValue"), detail));
            }
        }
    }
    let target = at(source, &["target"]).cloned().unwrap_or_default();
    let path = format!("{path}.target");
    let kind = text_at(&target, &["type"]);
    errors.filled(&target, "type", &path);
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
    errors.between(rules, "stabilizationWindowSeconds", path, 0, MAX_WINDOW);
    errors.one_of(rules, "selectPolicy", path, &["Disabled", "Max", "Min"]);
    errors.has_items(rules, "policies", path);
    for (path, policy) in items(rules, &["policies"], &format!("{path}.policies")) {
        errors.one_of(policy, "type", &path, &["Percent", "Pods"]);
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
