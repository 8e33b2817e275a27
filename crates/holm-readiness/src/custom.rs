//! Custom resources, and rules of the user's own.

use serde_json::Value;

use super::generic::unobserved;
use super::object::condition;
use super::{Readiness, STATUS_GRACE, Surroundings};
use crate::ReadyWhen;
use holm_values::path::{FieldPath, Segment};

/// A custom resource: its condition `Ready`, and where it has none whether there is any status.
///
/// Without a status, its controller has not looked at it yet or there is none that would. Where its definition has no status
/// subresource, or a schema that keeps no status, it is Current at once. Otherwise (also where that is unknown: to call
/// something ready too early is worse than to wait) it is in progress until a time of grace is over, and for longer where
/// other objects of its kind have a status, or its operator is not ready yet.
pub(super) fn custom_resource(object: &Value, surroundings: &Surroundings) -> Readiness {
    if let Some(ready) = condition(object, "Ready") {
        return match ready.status {
            "True" if ready.is_stale => stale("Ready"),
            "True" => Readiness::current(),
            status => {
                let words = ready.words(ready.reason);
                let message =
                    if words.is_empty() { format!("Ready is {status}") } else { format!("Ready is {status}: {words}") };
                Readiness::in_progress(&ready.reason_or("NotReady"), &message)
            }
        };
    }
    if object.get("status").is_some_and(says_something) {
        return Readiness::current();
    }
    if surroundings.has_status_subresource == Some(false) || surroundings.can_report_status == Some(false) {
        return Readiness::current_because("NoStatus", "its kind reports no status");
    }
    let is_expected = surroundings.others_report_status == Some(true) || surroundings.is_operator_pending;
    if !is_expected && surroundings.unchanged_for.is_some_and(|time| time >= STATUS_GRACE) {
        let message = format!("no controller has reported a status within {} s", STATUS_GRACE.as_secs());
        return Readiness::current_because("NoStatusReported", &message);
    }
    match surroundings.has_status_subresource {
        Some(true) => Readiness::in_progress("NoStatusYet", "its controller has not reported a status yet"),
        _ => Readiness::in_progress("NoStatusYet", "has no status yet; whether its kind reports one is not known"),
    }
}

/// Whether the user's own rule holds.
///
/// A condition, and a field at or below `status`, count only if the status is of the object's present generation.
pub(super) fn custom_rule(rule: &ReadyWhen, object: &Value) -> Readiness {
    match rule {
        ReadyWhen::Exists => Readiness::current(),
        ReadyWhen::Condition { condition: name, status } => {
            unobserved(object).unwrap_or_else(|| expect_condition(object, name, status))
        }
        ReadyWhen::Field { path, equals } => {
            unobserved_at(object, path).unwrap_or_else(|| expect_field(object, path, equals))
        }
        ReadyWhen::Present(path) => unobserved_at(object, path).unwrap_or_else(|| expect_present(object, path)),
        ReadyWhen::All(rules) => rules
            .iter()
            .map(|rule| custom_rule(rule, object))
            .find(|readiness| !readiness.is_current())
            .unwrap_or_else(Readiness::current),
    }
}

fn expect_condition(object: &Value, name: &str, status: &str) -> Readiness {
    match condition(object, name) {
        None => Readiness::in_progress("ConditionMissing", &format!("condition {name} is not reported yet")),
        Some(found) if found.status != status => {
            let words = found.words(found.reason);
            let message = match words.as_str() {
                "" => format!("condition {name} is {} and not {status}", found.status),
                _ => format!("condition {name} is {} and not {status}: {words}", found.status),
            };
            Readiness::in_progress(&found.reason_or("ConditionNotMet"), &message)
        }
        Some(found) if found.is_stale => stale(name),
        Some(_) => Readiness::current(),
    }
}

fn stale(condition: &str) -> Readiness {
    let message = format!("condition {condition} is still of an older generation");
    Readiness::in_progress("LatestGenerationNotObserved", &message)
}

fn expect_field(object: &Value, path: &FieldPath, equals: &Value) -> Readiness {
    match path.get(object) {
        Some(value) if value == equals => Readiness::current(),
        Some(value) if is_short(value) && is_short(equals) => {
            Readiness::in_progress("FieldDiffers", &format!("{path} is {value} and not {equals}"))
        }
        Some(_) => Readiness::in_progress("FieldDiffers", &format!("{path} has not the expected value yet")),
        None => Readiness::in_progress("FieldMissing", &format!("{path} is not set yet")),
    }
}

fn expect_present(object: &Value, path: &FieldPath) -> Readiness {
    match path.get(object) {
        Some(value) if !is_empty(value) => Readiness::current(),
        _ => Readiness::in_progress("FieldMissing", &format!("{path} is not set yet")),
    }
}

fn unobserved_at(object: &Value, path: &FieldPath) -> Option<Readiness> {
    match path.segments().first() {
        Some(Segment::Field(first)) if first == "status" => unobserved(object),
        _ => None,
    }
}

/// Whether a value is neither null nor empty. Zero and false are values.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether there is any value in it: a status of empty lists and maps is what defaulting leaves behind.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(fields) => fields.values().any(says_something),
        _ => !is_empty(value),
    }
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= 60,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}
