//! Readiness and causes as claims: tables of live objects and what is said about them.

use serde_json::{Value, json};

use super::{Surroundings, assess, can_report_status, last_change};
use crate::ReadyWhen;
use holm_values::{ApiKind, Scope};

mod causes;
mod causes_of_others;
mod causes_of_pods;
mod custom;
mod evidence;
mod families;
mod never_panics;
mod others;
mod pods;
mod workloads;

/// A kind by its `apiVersion` and name.
fn kind(api_version: &str, kind: &str) -> ApiKind {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let plural = format!("{}s", kind.to_ascii_lowercase());
    ApiKind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural,
        scope: Scope::Namespaced,
    }
}

/// An object of generation 2 whose controller has seen that generation.
fn seen(spec: Value, mut status: Value) -> Value {
    status["observedGeneration"] = json!(2);
    json!({ "metadata": { "name": "postgres", "namespace": "holm", "generation": 2 }, "spec": spec, "status": status })
}

/// An object without generations.
fn plain(spec: Value, status: Value) -> Value {
    json!({ "metadata": { "name": "postgres", "namespace": "holm" }, "spec": spec, "status": status })
}

/// A status condition.
fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message })
}

/// A status of nothing but conditions.
fn conditions<const N: usize>(conditions: [Value; N]) -> Value {
    json!({ "conditions": Vec::from(conditions) })
}

/// Puts the fields of `from` over those of `into`.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// One line for each case: what is said about it, behind its name.
fn table(kind: &ApiKind, cases: &[(&str, Value)]) -> String {
    table_with(kind, &Surroundings::default(), cases)
}

fn table_with(kind: &ApiKind, surroundings: &Surroundings, cases: &[(&str, Value)]) -> String {
    let lines = cases.iter().map(|(name, object)| line(name, kind, object, None, surroundings));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(name: &str, kind: &ApiKind, object: &Value, rule: Option<&ReadyWhen>, surroundings: &Surroundings) -> String {
    let readiness = assess(kind, object, rule, surroundings);
    let line = format!("{name} => {} {}: {}", readiness.state, readiness.reason, readiness.message);
    line.trim_end_matches([':', ' ']).to_owned()
}
