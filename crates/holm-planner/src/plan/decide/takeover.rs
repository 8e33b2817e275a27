//! What a plan says of fields that others own too, and what it takes from them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Decision;
use crate::desired::{Wanted, desired};
use crate::diff::Extent;
use crate::observe::Live;
use crate::plan::FieldChange;
use crate::plan::show::Masks;
use crate::takeover::{self, Added, Takeover, Why};
use holm_core::Resource;

/// What must become ours before the apply of one object.
pub(super) struct Plan {
    pub(super) taken: Vec<takeover::Taken>,
    takeover: Takeover,
    /// What people added that stays.
    added: Vec<Added>,
}

impl Decision<'_> {
    /// Finds it for a live object. While values are unknown, nothing can be said to have left the declaration.
    pub(super) fn takeover(&self, resource: &Resource, live: &Value, wanted: &Wanted) -> Plan {
        let (declared, manager) = (&wanted.object.open(), &self.place.field_manager);
        let mut takeover = Takeover::default();
        let mut added = Vec::new();
        if wanted.unknown.is_empty() {
            takeover = takeover::takeover(resource, declared, live, manager);
            added = takeover::additions(resource, declared, live, manager);
        }
        let mut taken = std::mem::take(&mut takeover.taken);
        added.retain(|added| !taken.iter().any(|taken| added.path.starts_with(&taken.path)));
        if self.options.prune_fields {
            taken.extend(std::mem::take(&mut added).iter().map(Added::pruned));
            taken.sort();
        }
        Plan { taken, takeover, added }
    }

    /// Says what people added to an object that is as declared otherwise.
    pub(super) fn additions(&self, resource: &Resource) -> Vec<String> {
        let Some(Live::Found(packed)) = self.observed.live.get(&resource.id) else { return Vec::new() };
        // Most objects were never touched, and are not opened for it.
        if !takeover::may_have_additions(packed.text()) {
            return Vec::new();
        }
        let live = packed.open();
        let wanted = desired(resource, self.place, self.observed, Some(&live));
        let manager = &self.place.field_manager;
        let notes = additions(&takeover::additions(resource, wanted.object.expose(), &live, manager));
        notes.iter().map(|note| self.redactor.scrub(note)).collect()
    }

    /// What would change after the fields became ours, as far as the declaration alone tells.
    pub(super) fn predicted_without(
        &self,
        masks: &Masks<'_>,
        resource: &Resource,
        live: &Value,
        wanted: &Wanted,
        takeover: &Plan,
    ) -> Vec<FieldChange> {
        let rest = takeover.removed_from(live);
        let mut fields = masks.changes(&resource.id, live, &rest, Extent::Full, self.place, false);
        fields.extend(self.predicted(masks, resource, &rest, wanted, takeover));
        fields
    }
}

impl Plan {
    /// The object without the fields that the apply removes.
    pub(super) fn removed_from(&self, object: &Value) -> Value {
        takeover::without(object, &self.taken)
    }

    /// The object without the fields that left the declaration and that nobody else owns.
    pub(super) fn released_from(&self, object: &Value) -> Value {
        let mut object = object.clone();
        for path in &self.takeover.released {
            path.remove(&mut object);
        }
        object
    }

    /// What left the declaration is a change of it, whoever owned it too.
    pub(super) fn without_false_drift(&self, mut fields: Vec<FieldChange>) -> Vec<FieldChange> {
        let dropped = || self.taken.iter().filter(|taken| taken.why == Why::Dropped);
        for field in &mut fields {
            if dropped().any(|taken| field.path.starts_with(&taken.path)) {
                field.drift = None;
            }
        }
        fields
    }

    /// Says which fields that left the declaration the server keeps as they are.
    pub(super) fn kept_by_the_server(&self, after: &Value) -> Vec<String> {
        let kept = self.takeover.released.iter().filter(|path| path.get(after).is_some_and(|value| !value.is_null()));
        kept.map(|path| format!("{path} stays as it is: the server keeps its value")).collect()
    }

    /// Says what is taken from whom, what stays and what people added.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut taken: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for one in self.taken.iter().filter(|taken| taken.why != Why::Pruned) {
            for manager in &one.from {
                taken.entry(manager).or_default().push(one.path.to_string());
            }
        }
        for (manager, paths) in taken {
            notes.push(format!("removes what {manager} owns too: {}", paths.join(", ")));
        }
        for staying in &self.takeover.staying {
            notes.push(format!("{} stays: {} owns it too", staying.path, staying.owners.join(", ")));
        }
        notes.extend(additions(&self.added));
        notes
    }
}

/// Says what people added to an object beside the declaration, one line for each of their tools.
pub(super) fn additions(added: &[Added]) -> Vec<String> {
    let mut by_manager: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in added {
        by_manager.entry(&one.manager).or_default().push(one.path.to_string());
    }
    by_manager.into_iter().map(|(manager, paths)| format!("also set by {manager}: {}", paths.join(", "))).collect()
}
