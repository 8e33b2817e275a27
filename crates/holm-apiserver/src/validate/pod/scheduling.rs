//! Where pods may run: tolerations, affinity, spread.

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::Checks;
use crate::validate::{items, names};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Checks what a pod says of its place.
pub(super) fn check(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    tolerations(spec, &["tolerations"], &format!("{shown}.tolerations"), errors);
    if let Some(affinity) = at(spec, &["affinity", "nodeAffinity"]) {
        node_affinity(affinity, &format!("{shown}.affinity.nodeAffinity"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = at(spec, &["affinity", kind]) else { continue };
        let path = format!("{shown}.affinity.{kind}");
        for (path, term) in items(affinity, &[REQUIRED], &format!("{path}.{REQUIRED}")) {
            pod_term(term, &path, errors);
        }
        for (path, weighted) in items(affinity, &[PREFERRED], &format!("{path}.{PREFERRED}")) {
            weight(weighted, &path, errors);
            if let Some(term) = at(weighted, &["podAffinityTerm"]) {
                pod_term(term, &format!("{path}.podAffinityTerm"), errors);
            }
        }
    }
    spread(spec, shown, errors);
}

/// From `ValidateTolerations`.
pub(in crate::validate) fn tolerations(object: &Value, list: &[&str], shown: &str, errors: &mut Vec<FieldError>) {
    for (path, toleration) in items(object, list, shown) {
        let (key, operator) = (text_at(toleration, &["key"]), text_at(toleration, &["operator"]));
        errors.text_unless_empty(toleration, "key", &path, names::qualified_name);
        let field = format!("{path}.operator");
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(field.clone(), operator, detail));
        }
        let effect = text_at(toleration, &["effect"]);
        if at(toleration, &["tolerationSeconds"]).is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(format!("{path}.effect"), effect, detail));
        }
        match operator {
            "" | "Equal" => {
                let value = text_at(toleration, &["value"]);
                errors.all(field, &json!(value), names::label_value(value));
            }
            "Exists" => {
                if !text_at(toleration, &["value"]).is_empty() {
                    let detail = "value must be empty when `operator` is 'Exists'";
                    errors.push(FieldError::invalid(field, operator, detail));
                }
            }
            other => errors.push(FieldError::not_supported(field, other, &["Equal", "Exists"])),
        }
        if !effect.is_empty() {
            errors.one_of(toleration, "effect", &path, &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
        }
    }
}

fn node_affinity(affinity: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(required) = at(affinity, &[REQUIRED]) {
        node_selector(required, &format!("{path}.{REQUIRED}"), errors);
    }
    for (path, weighted) in items(affinity, &[PREFERRED], &format!("{path}.{PREFERRED}")) {
        weight(weighted, &path, errors);
        if let Some(term) = at(weighted, &["preference"]) {
            node_term(term, &format!("{path}.preference"), errors);
        }
    }
}

/// From `ValidateNodeSelector`.
pub(in crate::validate) fn node_selector(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if at(selector, &["nodeSelectorTerms"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let detail = "must have at least one node selector term";
        errors.push(FieldError::required(format!("{path}.nodeSelectorTerms"), detail));
    }
    for (path, term) in items(selector, &["nodeSelectorTerms"], &format!("{path}.nodeSelectorTerms")) {
        node_term(term, &path, errors);
    }
}

/// From `ValidateNodeSelectorRequirement`.
fn node_term(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (path, expression) in items(term, &["matchExpressions"], &format!("{path}.matchExpressions")) {
        let count = at(expression, &["values"]).and_then(Value::as_array).map_or(0, Vec::len);
        let field = format!("{path}.values");
        match text_at(expression, &["operator"]) {
            "In" | "NotIn" if count == 0 => {
                errors.push(FieldError::required(field, "must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if count > 0 => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(field, detail));
            }
            "Gt" | "Lt" if count != 1 => {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(field, detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => {
                errors.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"));
            }
        }
        let key = text_at(expression, &["key"]);
        errors.all(format!("{path}.key"), &json!(key), names::qualified_name(key));
    }
}

fn weight(weighted: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let weight = at(weighted, &["weight"]).and_then(Value::as_i64).unwrap_or_default();
    if !(1..=100).contains(&weight) {
        errors.push(FieldError::invalid(format!("{path}.weight"), weight, "must be in the range 1-100"));
    }
}

/// From `validatePodAffinityTerm`.
fn pod_term(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.selector(at(term, &["labelSelector"]), &format!("{path}.labelSelector"));
    errors.selector(at(term, &["namespaceSelector"]), &format!("{path}.namespaceSelector"));
    for (path, name) in items(term, &["namespaces"], &format!("{path}.namespaces")) {
        errors.all(path, name, names::label(name.as_str().unwrap_or_default()));
    }
    let key = text_at(term, &["topologyKey"]);
    if key.is_empty() {
        errors.push(FieldError::required(format!("{path}.topologyKey"), "can not be empty"));
    }
    errors.all(format!("{path}.topologyKey"), &json!(key), names::qualified_name(key));
}

/// From `validateTopologySpreadConstraints`.
fn spread(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let all: Vec<(String, &Value)> =
        items(spec, &["topologySpreadConstraints"], &format!("{shown}.topologySpreadConstraints")).collect();
    for (position, (path, constraint)) in all.iter().enumerate() {
        if at(constraint, &["maxSkew"]).and_then(Value::as_i64).unwrap_or_default() < 1 {
            let value = at(constraint, &["maxSkew"]).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(format!("{path}.maxSkew"), value, "must be greater than zero"));
        }
        errors.filled(constraint, "topologyKey", path);
        errors.one_of(constraint, "whenUnsatisfiable", path, &["DoNotSchedule", "ScheduleAnyway"]);
        let identity = |constraint: &Value| {
            ["topologyKey", "whenUnsatisfiable"].map(|field| text_at(constraint, &[field]).to_owned())
        };
        let later = all.iter().skip(position + 1);
        for (_, other) in later.filter(|(_, other)| identity(other) == identity(constraint)) {
            let value = identity(other).join(", ");
            errors.push(FieldError::duplicate(
                format!("{path}.{{topologyKey, whenUnsatisfiable}}"),
                format!("{{{value}}}"),
            ));
        }
        if at(constraint, &["minDomains"]).and_then(Value::as_i64).is_some_and(|domains| domains < 1) {
            let value = at(constraint, &["minDomains"]).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(format!("{path}.minDomains"), value, "must be greater than zero"));
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            errors.one_of(constraint, field, path, &["Honor", "Ignore"]);
        }
        errors.selector(at(constraint, &["labelSelector"]), &format!("{path}.labelSelector"));
    }
}
