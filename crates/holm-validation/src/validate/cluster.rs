//! Kinds that an administrator writes: classes, leases, events.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/{coordination,core,node,scheduling}/validation`.

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use super::pod;
use super::rules::Checks;
use crate::field_error::FieldError;
use crate::object::{self, at, text_at};

/// The greatest priority that is not the system's.
const MAX_PRIORITY: i64 = 1_000_000_000;

/// Checks a PriorityClass.
pub(super) fn priority_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let value = at(object, &["value"]).and_then(Value::as_i64).unwrap_or_default();
    let name = object::name(object);
    let known = match name {
        "system-cluster-critical" => Some(2_000_000_000),
        "system-node-critical" => Some(2_000_001_000),
        _ => None,
    };
    if name.starts_with("system-") {
        let is_default = at(object, &["globalDefault"]) == Some(&json!(true));
        if known != Some(value) || is_default {
            let problem = match known {
                None => format!("{name} is not a known system priority class"),
                Some(known) if known != value => format!("value of {name} must be {known}"),
                Some(_) => format!("globalDefault of {name} must be false"),
            };
            let reserved = "priority class names with 'system-' prefix are reserved for system use only";
            let detail = format!("{reserved}. error: {problem}");
            errors.push(FieldError::forbidden("metadata.name", detail));
        }
    } else if value > MAX_PRIORITY {
        let detail = format!("maximum allowed value of a user defined priority is {MAX_PRIORITY}");
        errors.push(FieldError::forbidden("value", detail));
    }
    if at(object, &["preemptionPolicy"]).is_none() || errors.filled(object, "preemptionPolicy", "") {
        errors.one_of(object, "preemptionPolicy", "", &["Never", "PreemptLowerPriority"]);
    }
    errors
}

/// Checks a RuntimeClass.
pub(super) fn runtime_class(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if errors.filled(object, "handler", "") {
        errors.text(object, "handler", "", names::label);
    }
    for (name, amount) in at(object, &["overhead", "podFixed"]).and_then(Value::as_object).into_iter().flatten() {
        if Quantity::of(amount).is_some_and(Quantity::is_negative) {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(format!("overhead.limits[{name}]"), amount.clone(), detail));
        }
    }
    errors.labels(at(object, &["scheduling", "nodeSelector"]), "scheduling.nodeSelector");
    pod::tolerations(object, &["scheduling", "tolerations"], "scheduling.tolerations", &mut errors);
    errors
}

/// Checks a Lease.
pub(super) fn lease(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(spec) = at(object, &["spec"]) else { return errors };
    if let Some(seconds) = at(spec, &["leaseDurationSeconds"]).filter(|seconds| seconds.as_i64() <= Some(0)) {
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", seconds.clone(), "must be greater than 0"));
    }
    errors.at_least(spec, "leaseTransitions", "spec", 0);
    errors
}

/// Checks an Event, from `legacyValidateEvent`.
pub(super) fn event(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let own = object::namespace(object);
    let involved = text_at(object, &["involvedObject", "namespace"]);
    let timed = !text_at(object, &["eventTime"]).is_empty();
    let wrong = match (timed, involved.is_empty()) {
        (false, true) => !matches!(own, "" | "default"),
        (false, false) => own != involved,
        (true, true) => !matches!(own, "default" | "kube-system"),
        (true, false) => false,
    };
    if wrong {
        errors.push(FieldError::invalid("involvedObject.namespace", involved, "does not match event.namespace"));
    }
    if timed {
        let component = text_at(object, &["reportingComponent"]);
        errors.filled(object, "reportingComponent", "");
        errors.all("reportingComponent".to_owned(), &json!(component), names::label_key(component));
        for field in ["reportingInstance", "action", "reason"] {
            errors.filled(object, field, "");
        }
    }
    errors
}

/// Checks a new Namespace, whose finalizers are not those of its metadata. Their paths lack the positions there too.
pub(super) fn namespace(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for finalizer in object::texts(at(object, &["spec", "finalizers"])) {
        let path = "spec.finalizers";
        errors.all(path.to_owned(), &json!(finalizer), names::label_key(&finalizer));
        if !finalizer.contains('/') && !matches!(finalizer.as_str(), "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(path, finalizer.as_str(), detail));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_the_system_are_as_the_system_has_them() {
        for (name, value, default, wrong) in [
            ("a", 1_000_000_000, true, 0),
            ("a", 1_000_000_001, false, 1),
            ("system-node-critical", 2_000_001_000, false, 0),
            ("system-node-critical", 2_000_001_000, true, 1),
            ("system-node-critical", 5, false, 1),
            ("system-mine", 5, false, 1),
        ] {
            let object = json!({"metadata": {"name": name}, "value": value, "globalDefault": default});
            assert_eq!(priority_class(&object).len(), wrong, "{name} {value}");
        }
    }

    #[test]
    fn finalizers_of_a_namespace_have_domains() {
        for (finalizer, wrong) in [("kubernetes", 0), ("example.com/f", 0), ("mine", 1), ("bad one", 2)] {
            assert_eq!(namespace(&json!({"spec": {"finalizers": [finalizer]}})).len(), wrong, "{finalizer}");
        }
    }
}
