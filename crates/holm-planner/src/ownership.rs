//! Decides who owns a live object. Plan, apply and status all ask here, so that they never disagree.
//!
//! An object belongs to a stack when it carries the label of the stack's ApplySet **and** a second sign says that the stack
//! made or adopted it: its uid stands in the inventory, or the inventory holds an intent for it (a row without a uid, written
//! before the object was) and the stack's field manager has an entry in its managedFields. Either sign alone can be forged,
//! copied or left over, so it never allows a delete.

use serde_json::Value;

use crate::fields;
use crate::inventory::{self, Entry, Inventory, InventoryPlace, PART_OF_LABEL};
use holm_core::id::ResourceId;

/// Who owns a live object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This stack: it may change, replace and delete the object.
    ThisStack,
    /// This stack applied the object, but one sign of its ownership is lost: the inventory does not have its uid, as after the
    /// inventory was deleted or restored from a backup, or its label was removed. It may change the object in place, which
    /// restores what is lost, and may neither replace nor delete it.
    Recoverable,
    /// The ApplySet with this id, most likely another stack.
    Another(String),
    /// No stack: another client made it.
    Nobody,
}

impl Owner {
    /// Returns the owner of the live object `live` as this stack's inventory and the object itself show it.
    pub fn of(id: &ResourceId, live: &Value, inventory: &Inventory, place: &InventoryPlace) -> Self {
        let label = part_of(live);
        if let Some(other) = label.filter(|label| *label != place.set_id) {
            return Self::Another(other.to_owned());
        }
        let is_applied = || fields::is_written_by(live, &place.field_manager);
        let recorded = inventory.entries.get(id);
        let is_recorded = recorded.is_some_and(|entry| entry.uid.is_some() && entry.uid.as_deref() == uid(live));
        let is_intended = recorded.is_some_and(|entry| entry.uid.is_none());
        match (label.is_some(), is_recorded) {
            (true, true) => Self::ThisStack,
            (true, false) if is_intended && is_applied() => Self::ThisStack,
            (true, false) | (false, true) if is_applied() => Self::Recoverable,
            _ => Self::Nobody,
        }
    }
}

/// Returns whether another client made an object of this stack, so that it is neither deleted nor replaced without consent by name.
/// The record says so; of an object that a run was killed over before it could record anything, the object itself does.
pub fn is_adopted(entry: &Entry, live: &Value, place: &InventoryPlace) -> bool {
    entry.adopted || (entry.uid.is_none() && fields::is_made_by_another(live, &place.field_manager))
}

/// The parent of an ApplySet: the inventory of another stack, or whatever another tool uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetParent {
    /// The inventory of a stack.
    Stack {
        /// The program's name.
        program: String,
        /// The stack's name.
        stack: String,
        /// The namespace of the inventory's ConfigMap.
        namespace: String,
        /// The name of the inventory's ConfigMap.
        name: String,
    },
    /// The parent of another tool's set.
    Tool {
        /// The tool, as the parent's annotation names it.
        tooling: String,
        /// The namespace of the parent ConfigMap.
        namespace: String,
        /// The name of the parent ConfigMap.
        name: String,
    },
    /// Nothing is known but the id of the set.
    Unknown(String),
}

impl SetParent {
    /// Returns the stack whose inventory has this name and namespace; none where it is not the name of one.
    pub fn of_inventory(name: &str, namespace: &str) -> Option<Self> {
        let (program, stack) = name.strip_prefix("holm.")?.split_once('.')?;
        Some(Self::Stack {
            program: program.to_owned(),
            stack: stack.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Returns the stack that manages a live object, if the object's field managers give its name and the set's id proves
    /// the name and one of the `namespaces`. Costs no request.
    pub fn inferred(live: &Value, set_id: &str, namespaces: &[&str]) -> Option<Self> {
        fields::managed(live).filter(|entry| entry.is_apply).find_map(|entry| {
            let is_it = |namespace: &&&str| inventory::set_id(entry.manager, namespace, "ConfigMap", "") == set_id;
            let namespace = namespaces.iter().find(is_it)?;
            Self::of_inventory(entry.manager, namespace)
        })
    }

    /// Returns the parent that a ConfigMap with the label of the set is.
    pub fn of_config_map(object: &Value, set_id: &str) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let tooling = text("/metadata/annotations/applyset.kubernetes.io~1tooling");
        match Self::of_inventory(&name, &namespace).filter(|_| tooling.starts_with("holm/")) {
            Some(stack) => stack,
            None if tooling.is_empty() => Self::Unknown(set_id.to_owned()),
            None => Self::Tool { tooling, namespace, name },
        }
    }
}

impl std::fmt::Display for SetParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stack { program, stack, namespace, name } => {
                write!(f, "{program}/{stack}, inventory ConfigMap {namespace}/{name}")
            }
            Self::Tool { tooling, namespace, name } => write!(f, "{tooling}, ApplySet ConfigMap {namespace}/{name}"),
            Self::Unknown(id) => write!(f, "another ApplySet ({PART_OF_LABEL}: {id})"),
        }
    }
}

/// Returns the id of the ApplySet that the object is a member of by its label.
pub fn part_of(live: &Value) -> Option<&str> {
    live.pointer("/metadata/labels")?.get(PART_OF_LABEL)?.as_str()
}

/// Returns the uid of a live object.
pub fn uid(live: &Value) -> Option<&str> {
    live.pointer("/metadata/uid")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::Entry;

    #[test]
    fn an_object_is_ours_by_its_label_and_a_second_sign_only() {
        let place = InventoryPlace::of("shop", "default", Some("n"));
        let id = ResourceId::new("", "ConfigMap", Some("n"), "c");
        let ours = place.set_id.as_str();
        // Label, uid in the inventory ("-" for an intent), whether our manager applied it; the object's uid is "u1".
        let cases = [
            (Some(ours), Some("u1"), false, Owner::ThisStack),
            (Some(ours), Some("u1"), true, Owner::ThisStack),
            (Some(ours), Some("-"), true, Owner::ThisStack),
            (Some(ours), Some("-"), false, Owner::Nobody),
            (Some(ours), Some("u2"), true, Owner::Recoverable),
            (Some(ours), Some("u2"), false, Owner::Nobody),
            (Some(ours), None, true, Owner::Recoverable),
            (Some(ours), None, false, Owner::Nobody),
            (None, Some("u1"), true, Owner::Recoverable),
            (None, Some("u1"), false, Owner::Nobody),
            (None, Some("-"), true, Owner::Nobody),
            (None, Some("u2"), true, Owner::Nobody),
            (None, None, true, Owner::Nobody),
            (Some("other"), Some("u1"), true, Owner::Another("other".to_owned())),
            (Some("other"), None, false, Owner::Another("other".to_owned())),
        ];
        for (label, recorded, is_applied, expected) in cases {
            let manager = if is_applied { place.field_manager.as_str() } else { "kubectl" };
            let mut live = json!({"metadata": {"uid": "u1", "managedFields": [
                {"manager": manager, "operation": "Apply", "fieldsV1": {"f:data": {}}}
            ]}});
            if let Some(label) = label {
                live["metadata"]["labels"] = json!({PART_OF_LABEL: label});
            }
            let mut inventory = Inventory::default();
            if let Some(recorded) = recorded {
                let uid = (recorded != "-").then(|| recorded.to_owned());
                inventory.entries.insert(
                    id.clone(),
                    Entry { uid, ..Entry::of(holm_core::catalog::find("v1", "ConfigMap").expect("it is built in")) },
                );
            }
            let found = Owner::of(&id, &live, &inventory, &place);
            assert_eq!(found, expected, "{label:?} {recorded:?} {is_applied}");
        }
    }
}
