//! What a person added beside the declaration.

use serde_json::{Map, Value};

use super::{Taken, Why, is_of_a_tool, sets};
use crate::fields;
use holm_core::path::{FieldPath, Segment};

/// A field that a person's tool set, and that we neither declare nor own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Added {
    /// The field manager of the tool.
    pub manager: String,
    /// The field.
    pub path: FieldPath,
    /// The elements of `FieldsV1` that lead to it.
    elements: Vec<String>,
}

impl Added {
    /// Returns the field as one that is to be removed.
    pub fn pruned(&self) -> Taken {
        let (path, elements) = (self.path.clone(), self.elements.clone());
        Taken { path, elements, from: vec![self.manager.clone()], why: Why::Pruned }
    }
}

/// Annotations that tools keep for themselves, and annotations and labels that the API server adds in the name of whoever creates
/// the object (`pkg/registry/{apps/daemonset,batch/job,core/namespace}/strategy.go`). The restart of a rollout is a request rather
/// than a setting.
const BOOKKEEPING: [&str; 8] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
    "deprecated.daemonset.template.generation",
    "kubernetes.io/metadata.name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
];

/// Finds the fields that people added with their tools, each at the highest place that the declaration does not have. Finalizers,
/// owner references and subresources are never among them, nor is what a controller or another applier owns too.
pub(super) fn find(declared: &Value, live: &Value, manager: &str) -> Vec<Added> {
    let mut found = Vec::new();
    for entry in fields::managed(live).filter(is_of_a_tool) {
        let mut elements = Vec::new();
        walk(declared, entry.fields, &mut elements, &mut |elements| {
            let is_shared = fields::managed(live).any(|other| {
                let is_another = other.manager == manager || !is_of_a_tool(&other);
                is_another && sets::at(other.fields, elements).is_some()
            });
            let path = sets::path_of(elements);
            if !is_shared && path.get(live).is_some() && (!makes(entry.manager) || is_an_entry(&path)) {
                let (manager, elements) = (entry.manager.to_owned(), elements.to_vec());
                found.push(Added { manager, path, elements });
            }
        });
    }
    found.sort();
    found.dedup();
    found
}

/// Whether the tool makes whole objects: what the server fills in then counts as the tool's.
fn makes(manager: &str) -> bool {
    const MAKERS: [&str; 6] = [
        "kubectl",
        "kubectl-create",
        "kubectl-client-side-apply",
        "kubectl-replace",
        "before-first-apply",
        "ancient-changes",
    ];
    MAKERS.contains(&manager)
}

/// Whether the field is an entry of a map or an item of a list, which the server never fills in.
fn is_an_entry(path: &FieldPath) -> bool {
    match path.segments() {
        [.., Segment::Item(_) | Segment::Member(_)] => true,
        [.., Segment::Field(map), Segment::Field(_)] => MAPS.contains(&map.as_str()),
        _ => false,
    }
}

/// Maps whose entries are additions of their own.
const MAPS: [&str; 6] = ["annotations", "labels", "data", "binaryData", "matchLabels", "nodeSelector"];

fn walk(declared: &Value, set: &Map<String, Value>, elements: &mut Vec<String>, take: &mut dyn FnMut(&[String])) {
    for (element, child) in set {
        let Some(child) = child.as_object().filter(|_| element != ".") else { continue };
        let is_top = elements.is_empty();
        let is_metadata = elements.len() == 1 && elements[0] == "f:metadata";
        if (is_top && element == "f:status")
            || (is_metadata && matches!(element.as_str(), "f:finalizers" | "f:ownerReferences" | "f:generateName"))
            || element.strip_prefix("f:").is_some_and(|name| BOOKKEEPING.contains(&name))
        {
            continue;
        }
        elements.push(element.clone());
        match sets::declared_at(declared, element) {
            // The whole map of annotations is not one addition, but each entry is.
            None if is_container(elements, child) => walk(&Value::Null, child, elements, take),
            None => take(elements),
            Some(value) => walk(value, child, elements, take),
        }
        elements.pop();
    }
}

/// Whether the fields below are additions of their own.
fn is_container(elements: &[String], child: &Map<String, Value>) -> bool {
    let name = elements.last().and_then(|element| element.strip_prefix("f:"));
    !child.is_empty() && name.is_some_and(|name| name == "metadata" || MAPS.contains(&name))
}
