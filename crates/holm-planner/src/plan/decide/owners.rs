//! What a plan says of objects that are not the stack's own.

use std::collections::BTreeMap;

use super::Decision;
use crate::fields;
use crate::observe::Live;
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

    /// What lies outside the stack and is named in it must be there.
    pub(super) fn externals(&mut self) {
        let positions: BTreeMap<ResourceId, usize> =
            self.changes.iter().enumerate().map(|(position, change)| (change.id.clone(), position)).collect();
        for (id, external) in self.graph.externals() {
            if !matches!(self.observed.live.get(id), Some(Live::Absent | Live::KindAbsent)) {
                continue;
            }
            let is_required = external.declared.is_some() || id.is("", "Namespace");
            let used_by = external.used_by.iter().filter(|(user, _)| self.options.includes(user));
            for (user, path) in used_by {
                if is_required {
                    let kind = BlockerKind::MissingExternal { target: id.clone(), path: path.clone() };
                    let hint = if id.is("", "Namespace") {
                        format!("declare it with stack.namespace(\"{}\"), or create it first", id.name)
                    } else {
                        "create it first, or add it to the stack".to_owned()
                    };
                    let site = self.graph.get(user).map(|resource| resource.site);
                    self.blockers.push(Blocker { id: user.clone(), kind, site, hint: Some(hint) });
                } else if !self.is_made_with_its_namespace(id) {
                    let note = format!("names {id} at {path}, which does not exist");
                    if let Some(position) = positions.get(user) {
                        self.changes[*position].notes.push(note);
                    }
                }
            }
        }
    }

    /// Whether the controllers make it in every namespace, and its namespace is new.
    pub(super) fn is_made_with_its_namespace(&self, id: &ResourceId) -> bool {
        let Some(namespace) = &id.namespace else { return false };
        let namespace = ResourceId::new("", "Namespace", None, namespace);
        self.graph.get(&namespace).is_some() && self.observed.object(&namespace).is_none()
    }
}
