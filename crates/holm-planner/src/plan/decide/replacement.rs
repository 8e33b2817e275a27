//! Changes that can only be made by deleting and making anew.

use serde_json::Value;

use super::{Decision, live_uid, noted, send};
use crate::desired::Wanted;
use crate::observe::Unchecked;
use crate::ownership::Owner;
use crate::plan::immutable;
use crate::plan::{Action, BlockerKind, Change, FieldChange, Reason};
use holm_core::{Resource, ResourceId, secret};

impl<'a> Decision<'a> {
    /// Whether an earlier run deleted the object to make it anew and ended in between: it is ours, and what is recorded is
    /// the intent to make one.
    pub(super) fn is_begun_replacement(&self, id: &ResourceId, owner: &Owner) -> bool {
        let recorded = self.observed.inventory.entries.get(id);
        *owner == Owner::ThisStack && recorded.is_some_and(|entry| entry.uid.is_none())
    }

    /// A change that can only be made by deleting and making anew.
    pub(super) fn replace(
        &mut self,
        resource: &'a Resource,
        live: &Value,
        owner: &Owner,
        wanted: Wanted,
        reason: Reason,
        fields: Vec<FieldChange>,
    ) {
        let causes = match &reason {
            Reason::Immutable(causes) => causes.iter().map(immutable::line).collect(),
            Reason::ReplaceOnChanges(paths) => paths.iter().map(|path| format!("{path} changes")).collect(),
            _ => Vec::new(),
        };
        let is_agreed = self.options.consents_to(&resource.id);
        if *owner != Owner::ThisStack && !is_agreed {
            self.block(resource, BlockerKind::ReplaceNotManaged(causes), None);
            let mut change = self.change(resource, Action::Unknown, Reason::NotManaged, live_uid(live), wanted.digest);
            change.fields = fields;
            self.changes.push(change);
            return;
        }
        if self.needs_consent(resource) && !is_agreed {
            self.block(resource, BlockerKind::ReplaceNeedsConsent(causes), None);
        }
        let mut change = self.replacement(resource, live, wanted, reason);
        change.notes = noted(resource, Action::Replace, &fields);
        change.fields = fields;
        if *owner != Owner::ThisStack {
            change.must_be_marked = false;
            change
                .notes
                .push("not managed by this stack; it is deleted because that was agreed to by its name".to_owned());
        }
        self.changes.push(change);
    }

    /// The change itself. Its entry has no uid, because the one that is recorded goes with the old object.
    pub(super) fn replacement(&self, resource: &Resource, live: &Value, wanted: Wanted, reason: Reason) -> Change {
        let mut change = self.change(resource, Action::Replace, reason, live_uid(live), wanted.digest.clone());
        if let Some(entry) = &mut change.entry {
            entry.uid = None;
        }
        change.is_exclusive = secret::is_secret(&resource.id) && self.keepers.contains(&resource.id);
        change.unchecked = Some(Unchecked::Replacement);
        send(&mut change, resource, wanted);
        change
    }
}
