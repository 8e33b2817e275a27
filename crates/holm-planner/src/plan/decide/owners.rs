//! What a plan says of objects that are not the stack's own.

use super::Decision;
use crate::fields;
use crate::ownership::SetParent;
use crate::plan::{Blocker, BlockerKind, Change};
use holm_core::id::ResourceId;

impl Decision<'_> {
    /// Whether a recovered object was adopted is lost with its record, so that one which another client may have made counts
    /// as adopted.
    pub(super) fn recover(&self, change: &mut Change) {
        let live = self.observed.object(&change.id);
        let is_shared = live.is_some_and(|live| fields::is_made_by_another(&live, &self.place.field_manager));
        if let Some(entry) = &mut change.entry {
            entry.adopted |= is_shared;
        }
    }

    /// Reports what is not ours once for all objects of one owner.
    pub(super) fn report_owners(&mut self) {
        for (parent, objects) in std::mem::take(&mut self.of_others) {
            let hint = match &parent {
                SetParent::Stack { .. } => {
                    "give the resources other names, or release them from the other stack first (retain_on_delete)"
                }
                _ => "give the resources other names, or take the objects out of the other set first",
            };
            self.block_all(objects, |objects| BlockerKind::ManagedByAnother { parent, objects }, Some(hint));
        }
        let objects = std::mem::take(&mut self.not_managed);
        self.block_all(objects, BlockerKind::NeedsAdoption, None);
    }

    pub(super) fn block_all(
        &mut self,
        objects: Vec<ResourceId>,
        kind: impl FnOnce(Vec<ResourceId>) -> BlockerKind,
        hint: Option<&str>,
    ) {
        let Some(first) = objects.first().cloned() else { return };
        let site = self.graph.get(&first).map(|resource| resource.site);
        self.blockers.push(Blocker { id: first, kind: kind(objects), site, hint: hint.map(str::to_owned) });
    }
}
