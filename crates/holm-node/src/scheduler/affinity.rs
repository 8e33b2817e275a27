//! Which nodes a pod wants to be on, and next to which other pods.
//!
//! From `k8s.io/kubernetes`, `pkg/scheduler/framework/plugins/{nodeaffinity,interpodaffinity}`, and `k8s.io/component-helpers`,
//! `scheduling/corev1/nodeaffinity`. Only what is required counts; preferences do not.

use holm_values::Selector;
use serde_json::Value;

use crate::object::{at, list, namespace, text, texts};
use crate::resource::Resource;
use crate::world::World;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Whether a node meets the selector and the required node affinity of a pod.
pub(super) fn node_matches(pod: &Value, node: &Value) -> bool {
    let selector = at(pod, &["spec", "nodeSelector"]).and_then(Value::as_object).into_iter().flatten();
    let mut selected = selector.map(|(key, value)| label(node, key) == value.as_str());
    let terms = at(pod, &["spec", "affinity", "nodeAffinity", REQUIRED]);
    selected.all(|matches| matches) && terms.is_none_or(|terms| holm_values::node_matches(terms, node))
}

fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    at(object, &["metadata", "labels", key])?.as_str()
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
    in_namespace && Selector::of(at(term, &["labelSelector"])).is_ok_and(|selector| selector.matches(other))
}
