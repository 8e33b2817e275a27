//! What the inventory says before the first change, and of generated values after the last.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{FORMAT, Inventory, Phase};
use crate::observe::Observed;
use crate::plan::{Action, Change};
use holm_core::id::ResourceId;
use holm_core::{FieldReference, Graph};

/// Where each generated value is stored once all is done. One whose Secret is deleted with consent is stored nowhere.
pub(super) fn stored_in(changes: &[Change], graph: &Graph, observed: &Observed) -> BTreeMap<String, FieldReference> {
    let mut stored_in = observed.inventory.stored_in.clone();
    if !graph.resources().is_empty() {
        let declared = graph.generated().iter();
        stored_in =
            declared.filter_map(|(name, value)| Some((name.clone(), value.stored_in.first()?.clone()))).collect();
    }
    let deleted: BTreeSet<&ResourceId> =
        changes.iter().filter(|change| change.action == Action::Delete).map(|change| &change.id).collect();
    stored_in.retain(|_, field| !deleted.contains(&field.id));
    stored_in
}

/// What the inventory must say before the first change: everything that was ours, and everything that will be.
pub(super) fn intent(
    changes: &[Change],
    stored_in: &BTreeMap<String, FieldReference>,
    observed: &Observed,
) -> Inventory {
    let mut intent = observed.inventory.clone();
    intent.revision += 1;
    intent.epoch += 1;
    intent.phase = Phase::Intended;
    intent.format = FORMAT;
    for change in changes {
        let Some(entry) = &change.entry else { continue };
        let mut entry = entry.clone();
        if change.action.is_write() {
            // Until the write is acknowledged and recorded, no digest may vouch for it, and what was sensitive stays so.
            entry.digest = String::new();
            entry.completed = false;
            let before = observed.inventory.entries.get(&change.id).map(|entry| entry.sensitive.as_slice());
            entry.sensitive.extend(before.unwrap_or_default().iter().cloned());
            entry.sensitive.sort();
            entry.sensitive.dedup();
        }
        intent.entries.insert(change.id.clone(), entry);
    }
    intent.stored_in = stored_in.clone();
    if observed.inventory.is_open() {
        // The run that did not end may be deleting the Secret with consent. Its value is lost only where it was recorded.
        intent.stored_in.retain(|name, field| {
            let is_made = observed.inventory.entries.get(&field.id).is_some_and(|entry| entry.uid.is_some());
            !is_made || observed.inventory.stored_in.contains_key(name)
        });
    }
    intent
}
