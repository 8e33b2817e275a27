//! Objects of others in the namespace of a race, which no run may touch.

use std::collections::BTreeMap;

use holm_core::ResourceId;
use holm_planner::inventory::PART_OF_LABEL;
use serde_json::{Value, json};

use super::stack::{Declaration, Ground};
use crate::ControlPlane;

/// The stack of another name of the same program.
pub(super) const NEIGHBOUR: &str = "other";

const KINDS: [&str; 3] = ["configmap", "secret", "deployment"];

/// The uid and version of each object, by kind and name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bystanders(BTreeMap<String, (String, String)>);

impl Bystanders {
    /// Creates objects with kubectl: one of which carries the label of the stack, and nothing else says that it is the stack's.
    pub(super) fn create(cluster: &ControlPlane, ground: &Ground) {
        let metadata = |name: &str| json!({"name": format!("bystander-{name}"), "namespace": ground.namespace});
        let mut marked = metadata("marked");
        marked["labels"] = json!({PART_OF_LABEL: ground.place().set_id});
        let objects = [
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("plain"), "data": {"value": "mine"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": marked, "data": {"value": "mine"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("secret"), "stringData": {"key": "mine"}}),
        ];
        objects.iter().for_each(|object| cluster.create(object));
    }

    /// What the neighbour declares, beside objects of the same numbers.
    pub(super) fn neighbour() -> Declaration {
        let numbers = |count: usize| (0..count).collect();
        Declaration { settings: numbers(3), secrets: numbers(1), servers: numbers(1), value: 7, role: 1 }
    }

    /// The bystanders as they are.
    pub(super) fn look(cluster: &ControlPlane, ground: &Ground) -> Self {
        let mut found = BTreeMap::new();
        for kind in KINDS {
            for object in cluster.list(kind, &ground.namespace, None) {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
                if is_bystander(&text("name")) {
                    // Controllers may write the status of a Deployment at any time.
                    let version = if kind == "deployment" { spec(&object) } else { text("resourceVersion") };
                    found.insert(format!("{kind}/{}", text("name")), (text("uid"), version));
                }
            }
        }
        Self(found)
    }

    /// What is no longer as it was.
    pub(super) fn touched_since(&self, earlier: &Self) -> Vec<String> {
        let is_other = |(name, was): &(&String, &(String, String))| match self.0.get(*name) {
            Some(is) if is == *was => None,
            Some(is) if is.0 == was.0 => Some(format!("{name} was written")),
            Some(_) => Some(format!("{name} was deleted and made anew")),
            None => Some(format!("{name} was deleted")),
        };
        earlier.0.iter().filter_map(|bystander| is_other(&bystander)).collect()
    }
}

/// Whether an object is of a bystander.
pub(super) fn is_bystanders(id: &ResourceId) -> bool {
    is_bystander(&id.name)
}

fn is_bystander(name: &str) -> bool {
    name.starts_with("bystander-") || name.starts_with("other-") || name.ends_with(".other")
}

/// The specification, labels and annotations of an object, as text.
fn spec(object: &Value) -> String {
    let mut metadata = object["metadata"].clone();
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|name, _| matches!(name.as_str(), "labels" | "generation"));
    }
    format!("{metadata} {}", object["spec"])
}
