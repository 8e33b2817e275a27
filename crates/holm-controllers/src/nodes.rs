//! Which nodes a pod may be on: names, labels, affinity and taints.
//!
//! From `k8s.io/component-helpers`, `scheduling/corev1/{helpers.go,nodeaffinity}`.

use holm_values::node_matches;
use serde_json::Value;

use crate::fields::{at, items, label, pairs, text};

/// Whether a pod that must be on certain nodes may be on this one.
pub(crate) fn fits(spec: &Value, node: &Value) -> bool {
    let labels = pairs(spec, "/nodeSelector").all(|(key, value)| label(node, key) == Some(value));
    let required = at(spec, "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    labels && required.is_none_or(|required| node_matches(required, node))
}

/// Whether all taints of a node with one of these effects are tolerated.
pub(crate) fn tolerates(tolerations: &[Value], node: &Value, effects: &[&str]) -> bool {
    let counts = |taint: &&Value| effects.contains(&text(taint, "/effect"));
    items(node, "/spec/taints").filter(counts).all(|taint| tolerations.iter().any(|found| is_tolerated(found, taint)))
}

fn is_tolerated(toleration: &Value, taint: &Value) -> bool {
    let (effect, key) = (text(toleration, "/effect"), text(toleration, "/key"));
    if !effect.is_empty() && effect != text(taint, "/effect") || !key.is_empty() && key != text(taint, "/key") {
        return false;
    }
    match text(toleration, "/operator") {
        "Exists" => true,
        _ => text(toleration, "/value") == text(taint, "/value"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_fit_by_labels_and_names() {
        let node = json!({"metadata": {"name": "one", "labels": {"disk": "ssd", "size": "5"}}});
        let terms = |terms: Value| {
            let required = json!({"nodeSelectorTerms": terms});
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}})
        };
        let expression = |key: &str, operator: &str, values: Value| json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]);
        let cases = [
            (json!({}), true),
            (json!({"nodeSelector": {"disk": "ssd"}}), true),
            (json!({"nodeSelector": {"disk": "hdd"}}), false),
            (terms(expression("disk", "In", json!(["ssd"]))), true),
            (terms(expression("disk", "NotIn", json!(["ssd"]))), false),
            (terms(expression("size", "Gt", json!(["4"]))), true),
            (terms(expression("size", "Lt", json!(["4"]))), false),
            (terms(json!([{}])), false),
            (terms(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["one"]}]}])), true),
            (terms(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["two"]}]}])), false),
        ];
        for (spec, expected) in cases {
            assert_eq!(fits(&spec, &node), expected, "{spec}");
        }
    }

    #[test]
    fn taints_are_tolerated_by_key_value_and_effect() {
        let node = json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}});
        let cases = [
            (json!([]), false),
            (json!([{"key": "k", "operator": "Exists"}]), true),
            (json!([{"operator": "Exists"}]), true),
            (json!([{"key": "k", "value": "v"}]), true),
            (json!([{"key": "k", "value": "w"}]), false),
            (json!([{"key": "k", "operator": "Exists", "effect": "NoExecute"}]), false),
        ];
        for (tolerations, expected) in cases {
            let list: Vec<Value> = items(&json!({"t": tolerations}), "/t").cloned().collect();
            assert_eq!(tolerates(&list, &node, &["NoSchedule"]), expected, "{tolerations}");
        }
        assert!(tolerates(&[], &node, &["NoExecute"]));
    }
}
