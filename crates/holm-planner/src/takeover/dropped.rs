//! What was declared, and is no longer.

use serde_json::{Map, Value};

use super::{Staying, Taken, Takeover, Why, is_takeable, sets};
use crate::fields;

/// Finds the fields that `manager` applied, that the declaration has no longer, and that others own too.
pub(super) fn find(declared: &Value, live: &Value, manager: &str, takeover: &mut Takeover) {
    let Some(ours) = fields::applied_by(live, manager) else { return };
    let mut dropped = Vec::new();
    walk(declared, ours, &mut Vec::new(), &mut dropped);
    for elements in dropped {
        let owners = fields::managed(live)
            .filter(|entry| !(entry.is_apply && entry.manager == manager && entry.subresource.is_empty()))
            .filter(|entry| sets::at(entry.fields, &elements).is_some());
        let (tools, others): (Vec<_>, Vec<_>) = owners.partition(|entry| is_takeable(entry, manager));
        let names = |entries: &[fields::Managed<'_>]| {
            let mut names: Vec<String> = entries.iter().map(|entry| entry.manager.to_owned()).collect();
            names.sort();
            names.dedup();
            names
        };
        // Our own Update entry goes with the apply that follows a create.
        let others: Vec<_> = others.into_iter().filter(|entry| entry.manager != manager).collect();
        let path = sets::path_of(&elements);
        if !others.is_empty() {
            takeover.staying.push(Staying { path, owners: names(&others) });
        } else if !tools.is_empty() {
            let from = names(&tools);
            takeover.taken.push(Taken { path, elements, from, why: Why::Dropped });
        } else {
            takeover.released.push(path);
        }
    }
}

fn walk(declared: &Value, set: &Map<String, Value>, elements: &mut Vec<String>, dropped: &mut Vec<Vec<String>>) {
    for (element, child) in set {
        let Some(child) = child.as_object().filter(|_| element != ".") else { continue };
        elements.push(element.clone());
        match sets::declared_at(declared, element) {
            None => dropped.push(elements.clone()),
            Some(value) => walk(value, child, elements, dropped),
        }
        elements.pop();
    }
}
