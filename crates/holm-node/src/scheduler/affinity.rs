//! Which nodes a pod wants to be on, and next to which other pods.
//!
//! From `k8s.io/kubernetes`, `pkg/scheduler/framework/plugins/{nodeaffinity,interpodaffinity}`, and `k8s.io/component-helpers`,
//! `scheduling/corev1/nodeaffinity`. Only what is required counts; preferences do not.

use serde_json::Value;

use crate::object::{at, list, name, namespace, text, texts};
use crate::resource::Resource;
use crate::world::World;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Whether a node meets the selector and the required node affinity of a pod.
pub(super) fn node_matches(pod: &Value, node: &Value) -> bool {
    let selector = at(pod, &["spec", "nodeSelector"]).and_then(Value::as_object).into_iter().flatten();
    let mut selected = selector.map(|(key, value)| label(node, key) == value.as_str());
    let terms = at(pod, &["spec", "affinity", "nodeAffinity", REQUIRED]);
    selected.all(|matches| matches) && terms.is_none_or(|terms| matches_selector(terms, node))
}

/// Whether a node meets one of the terms of a node selector. A term without requirements matches nothing.
pub(super) fn matches_selector(selector: &Value, node: &Value) -> bool {
    list(selector, &["nodeSelectorTerms"]).any(|term| {
        let has_any = list(term, &["matchExpressions"]).chain(list(term, &["matchFields"])).next().is_some();
        has_any
            && list(term, &["matchExpressions"]).all(|wanted| meets(label(node, text(wanted, &["key"])), wanted))
            // The name is the only field that can be selected by.
            && list(term, &["matchFields"])
                .all(|wanted| text(wanted, &["key"]) == "metadata.name" && meets(Some(name(node)), wanted))
    })
}

fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    at(object, &["metadata", "labels", key])?.as_str()
}

/// Whether a label meets a requirement.
fn meets(found: Option<&str>, requirement: &Value) -> bool {
    let among = |found: &str| texts(requirement, &["values"]).any(|value| value == found);
    let number = |text: &str| text.parse::<i64>().ok();
    let compare = |holds: fn(i64, i64) -> bool| {
        let wanted = texts(requirement, &["values"]).next().and_then(number);
        found.and_then(number).zip(wanted).is_some_and(|(found, wanted)| holds(found, wanted))
    };
    match text(requirement, &["operator"]) {
        "In" => found.is_some_and(among),
        "NotIn" => !found.is_some_and(among),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => compare(|found, wanted| found > wanted),
        "Lt" => compare(|found, wanted| found < wanted),
        _ => false,
    }
}

/// Why the other pods keep a pod from a node, and whether that is so whoever goes.
pub(super) fn pods_refuse(pod: &Value, node: &Value, world: &World) -> Option<(&'static str, bool)> {
    let terms = |kind: &str| list(pod, &["spec", "affinity", kind, REQUIRED]).collect::<Vec<_>>();
    let (wanted, unwanted) = (terms("podAffinity"), terms("podAntiAffinity"));
    if wanted.is_empty() && unwanted.is_empty() {
        return None;
    }
    let placed: Vec<&Value> = world
        .all(Resource::Pods)
        .map(|(_, other)| &**other)
        .filter(|other| {
            !text(other, &["spec", "nodeName"]).is_empty()
                && !matches!(text(other, &["status", "phase"]), "Succeeded" | "Failed")
        })
        .collect();
    let matching = |term: &Value| placed.iter().filter(|other| selects(term, pod, other)).copied().collect::<Vec<_>>();
    let is_near = |term: &Value, others: &[&Value]| {
        let key = text(term, &["topologyKey"]);
        let here = label(node, key);
        here.is_some()
            && others.iter().any(|other| {
                let there = world.get(Resource::Nodes, "", text(other, &["spec", "nodeName"]));
                there.is_some_and(|there| label(there, key) == here)
            })
    };
    let near_all = wanted.iter().all(|term| {
        let others = matching(term);
        // The first of pods that want to be together may go anywhere: satisfyPodAffinity.
        let is_first =
            others.is_empty() && selects(term, pod, pod) && label(node, text(term, &["topologyKey"])).is_some();
        is_first || is_near(term, &others)
    });
    if !near_all {
        return Some(("node(s) didn't match pod affinity rules", true));
    }
    let near_any = unwanted.iter().any(|term| is_near(term, &matching(term)));
    near_any.then_some(("node(s) didn't match pod anti-affinity rules", false))
}

/// Whether a term of a pod's affinity means another pod.
fn selects(term: &Value, pod: &Value, other: &Value) -> bool {
    let mut namespaces = texts(term, &["namespaces"]).peekable();
    let in_namespace = match namespaces.peek() {
        None => at(term, &["namespaceSelector"]).is_some() || namespace(pod) == namespace(other),
        Some(_) => namespaces.any(|named| named == namespace(other)),
    };
    let Some(selector) = at(term, &["labelSelector"]) else { return false };
    let labels = at(selector, &["matchLabels"]).and_then(Value::as_object).into_iter().flatten();
    let mut by_label = labels.map(|(key, value)| label(other, key) == value.as_str());
    in_namespace
        && by_label.all(|matches| matches)
        && list(selector, &["matchExpressions"]).all(|wanted| meets(label(other, text(wanted, &["key"])), wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_are_selected_by_labels_and_by_name() {
        let node = json!({"metadata": {"name": "one", "labels": {"disk": "ssd", "cores": "8"}}});
        let expression =
            |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
        let cases = [
            (expression("disk", "In", json!(["hdd", "ssd"])), true),
            (expression("disk", "In", json!(["hdd"])), false),
            (expression("disk", "NotIn", json!(["hdd"])), true),
            (expression("zone", "NotIn", json!(["a"])), true),
            (expression("disk", "Exists", json!([])), true),
            (expression("zone", "Exists", json!([])), false),
            (expression("zone", "DoesNotExist", json!([])), true),
            (expression("cores", "Gt", json!(["4"])), true),
            (expression("cores", "Lt", json!(["8"])), false),
            (expression("disk", "Gt", json!(["4"])), false),
        ];
        for (expression, expected) in cases {
            let selector = json!({"nodeSelectorTerms": [{"matchExpressions": [expression]}]});
            assert_eq!(matches_selector(&selector, &node), expected, "{selector}");
        }
        let by_name = |name: &str| {
            let wanted = expression("metadata.name", "In", json!([name]));
            matches_selector(&json!({"nodeSelectorTerms": [{"matchFields": [wanted]}]}), &node)
        };
        assert!(by_name("one") && !by_name("two"));
        assert!(!matches_selector(&json!({"nodeSelectorTerms": [{}]}), &node), "an empty term matches nothing");
    }
}
