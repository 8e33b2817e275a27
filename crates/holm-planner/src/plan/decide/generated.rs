//! What a plan says of generated values.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Decision;
use crate::desired::Wanted;
use crate::fields;
use crate::observe::GeneratedState;
use crate::plan::BlockerKind;
use holm_core::id::ResourceId;
use holm_core::{Resource, Unknown};

impl<'a> Decision<'a> {
    pub(super) fn report_generated(&mut self, resource: &'a Resource, wanted: &Wanted) {
        for (_, unknown) in &wanted.unknown {
            let Unknown::Generated(name) = unknown else { continue };
            match self.observed.generated.get(name) {
                Some(GeneratedState::Unreadable(reason)) => {
                    let kind = BlockerKind::GeneratedUnreadable { name: name.clone(), reason: reason.clone() };
                    self.block(
                        resource,
                        kind,
                        Some("a new value is made only when it is certain that there is none yet"),
                    );
                }
                Some(GeneratedState::Lost(field)) => {
                    let dependents = self.graph.dependencies().iter().filter(|edge| edge.on == field.id);
                    let used_by: BTreeSet<ResourceId> = dependents.map(|edge| edge.dependent.clone()).collect();
                    let (stored_in, used_by) = (field.clone(), used_by.into_iter().collect());
                    self.block(resource, BlockerKind::GeneratedLost { name: name.clone(), stored_in, used_by }, None);
                }
                _ => {}
            }
        }
    }

    /// Says of each generated value that the resource keeps who changed it, where that was not us. It is kept as it is.
    pub(super) fn changed_by_hand(&self, resource: &Resource, live: &Value) -> Vec<String> {
        let ours = fields::applied_by(live, &self.place.field_manager);
        let kept = self.observed.inventory.stored_in.iter().filter(|(_, field)| field.id == resource.id);
        let changed = kept.filter(|(name, field)| {
            let is_ours = ours.is_some_and(|ours| fields::contains(ours, &field.path));
            !is_ours && matches!(self.observed.generated.get(*name), Some(GeneratedState::Found(_)))
        });
        changed
            .filter_map(|(name, field)| {
                let writer = fields::last_writer(live, &field.path, &self.place.field_manager)?;
                let time = if writer.time.is_empty() { String::new() } else { format!(" at {}", writer.time) };
                Some(format!(
                    "the generated value \"{name}\" at {} was changed by {}{time}; it is kept as it is now",
                    field.path, writer.manager
                ))
            })
            .collect()
    }
}
