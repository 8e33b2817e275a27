//! What leaves the cluster: objects that the inventory owns and the program no longer declares.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::inventory::{Entry, InventoryPlace};
use crate::observe::{Live, Observed};
use crate::ownership::{Owner, SetParent, is_adopted, part_of, uid};
use crate::plan::{Action, Blocker, BlockerKind, Change, PlanOptions, Reason};
use holm_core::id::ResourceId;
use holm_core::{Graph, catalog};

/// Decides about everything that is owned and not declared.
pub(super) struct Removal<'a> {
    pub(super) graph: &'a Graph,
    pub(super) observed: &'a Observed,
    pub(super) place: &'a InventoryPlace,
    pub(super) options: &'a PlanOptions,
}

impl Removal<'_> {
    /// The changes, dependents first, and what could not be decided.
    pub(super) fn decide(&self) -> (Vec<Change>, Vec<Blocker>) {
        let inventory = &self.observed.inventory;
        let removed: BTreeMap<&ResourceId, &Entry> = inventory
            .entries
            .iter()
            .filter(|(id, _)| self.graph.get(id).is_none() && self.options.includes(id))
            .collect();
        let mut decisions: BTreeMap<&ResourceId, (Action, Reason)> =
            removed.iter().map(|(id, entry)| (*id, self.first_look(id, entry))).collect();
        self.keep_what_others_need(&removed, &mut decisions);
        let mut blockers = Vec::new();
        let changes = self
            .in_order(&removed)
            .into_iter()
            .filter_map(|id| {
                let (action, reason) = decisions.remove(id)?;
                if let Reason::Unreadable(why) = &reason {
                    let kind = BlockerKind::Unreadable(why.clone());
                    blockers.push(Blocker { id: id.clone(), kind, site: None, hint: None });
                }
                Some(self.change(id, removed[id], action, reason))
            })
            .collect();
        (changes, blockers)
    }

    /// What would happen to one object if nothing else mattered.
    fn first_look(&self, id: &ResourceId, entry: &Entry) -> (Action, Reason) {
        let live = match self.observed.live.get(id) {
            Some(Live::Found(live)) => live.open(),
            Some(Live::Absent | Live::KindAbsent) => return (Action::Release, Reason::AlreadyGone),
            Some(Live::Unreadable(why)) => return (Action::Unknown, Reason::Unreadable(why.clone())),
            None => return (Action::Unknown, Reason::Unreadable("it was not looked at".to_owned())),
        };
        let is_agreed = self.options.consents_to(id);
        match Owner::of(id, &live, &self.observed.inventory, self.place) {
            Owner::ThisStack => {}
            Owner::Another(set_id) => {
                let parent = self.observed.parents.get(&set_id).cloned();
                return (Action::Release, Reason::AnotherStack(parent.unwrap_or(SetParent::Unknown(set_id))));
            }
            Owner::Recoverable if is_agreed => {}
            Owner::Recoverable if part_of(&live).is_some() => return (Action::Keep, Reason::AnotherUid),
            Owner::Nobody if entry.uid.as_deref() != uid(&live) => return (Action::Release, Reason::AnotherObject),
            Owner::Recoverable | Owner::Nobody => return (Action::Release, Reason::NotManaged),
        }
        if entry.retain_on_delete {
            return (Action::Release, Reason::Retained);
        }
        // A namespace holds what others made in it, so consent to delete one that others made is not ours to take.
        if is_adopted(entry, &live, self.place) && (!is_agreed || id.is("", "Namespace")) {
            return (Action::Release, Reason::Adopted);
        }
        let needs_consent = entry.protect || catalog::holds_data(&id.group_kind());
        if needs_consent && !is_agreed {
            return (Action::Keep, Reason::NoConsent);
        }
        (Action::Delete, if self.options.destroy { Reason::Destroyed } else { Reason::LeftProgram })
    }

    /// Keeps whatever something that stays cannot live without: what a kept object depends on, the namespace of anything
    /// that stays, what declared resources name, and the namespace of the inventory while it has entries.
    fn keep_what_others_need(
        &self,
        removed: &BTreeMap<&ResourceId, &Entry>,
        decisions: &mut BTreeMap<&ResourceId, (Action, Reason)>,
    ) {
        let mut queue: Vec<(ResourceId, ResourceId)> = Vec::new();
        for resource in self.graph.resources() {
            queue.extend(namespace_of(&resource.id).map(|namespace| (namespace, resource.id.clone())));
        }
        for (target, external) in self.graph.externals() {
            queue.extend(external.used_by.first().map(|(user, _)| (target.clone(), user.clone())));
        }
        for (id, (action, reason)) in decisions.iter() {
            let is_released = *action == Action::Release && *reason != Reason::AlreadyGone;
            let stays = is_released || matches!(action, Action::Keep | Action::Unknown);
            if stays {
                queue.extend(self.needed_by(id, removed[*id]));
            }
        }
        let inventory_namespace = ResourceId::new("", "Namespace", None, &self.place.namespace);
        loop {
            while let Some((needed, by)) = queue.pop() {
                let Some((id, entry)) = removed.get_key_value(&needed) else { continue };
                let Some(decision) = decisions.get_mut(&needed) else { continue };
                if decision.0 == Action::Delete {
                    *decision = (Action::Keep, Reason::KeptFor(by));
                    queue.extend(self.needed_by(id, entry));
                }
            }
            let remaining = decisions.iter().find(|(_, (action, _))| matches!(action, Action::Keep | Action::Unknown));
            let remaining = remaining.map(|(id, _)| (*id).clone());
            let declared = self.graph.resources().first().map(|resource| resource.id.clone());
            let goes = decisions.get(&inventory_namespace).is_some_and(|(action, _)| *action == Action::Delete);
            match (goes, remaining.or(declared)) {
                (true, Some(by)) => queue.push((inventory_namespace.clone(), by)),
                _ => break,
            }
        }
    }

    fn needed_by(&self, id: &ResourceId, entry: &Entry) -> Vec<(ResourceId, ResourceId)> {
        let recorded = entry.depends_on.iter().cloned();
        recorded.chain(namespace_of(id)).map(|needed| (needed, id.clone())).collect()
    }

    /// Dependents before what they depend on, as far as the recorded edges tell; otherwise sorted by identity.
    fn in_order<'r>(&self, removed: &BTreeMap<&'r ResourceId, &'r Entry>) -> Vec<&'r ResourceId> {
        let mut ordered = Vec::with_capacity(removed.len());
        let mut seen: BTreeSet<&ResourceId> = BTreeSet::new();
        for start in removed.keys() {
            // An explicit stack, because a chain of dependencies may be as long as the stack of resources.
            let mut pending = vec![(*start, false)];
            while let Some((id, is_done)) = pending.pop() {
                if is_done {
                    ordered.push(id);
                } else if seen.insert(id) {
                    pending.push((id, true));
                    for needed in &removed[id].depends_on {
                        if let Some((needed, _)) = removed.get_key_value(needed) {
                            pending.push((needed, false));
                        }
                    }
                }
            }
        }
        ordered.reverse();
        ordered
    }

    fn change(&self, id: &ResourceId, entry: &Entry, action: Action, reason: Reason) -> Change {
        let live = self.observed.object(id);
        let live = live.as_ref();
        let is_marked = live.and_then(part_of).is_some_and(|set| set == self.place.set_id);
        let uid = live.and_then(uid).map(str::to_owned);
        let mut notes = Vec::new();
        if action == Action::Delete && id.is("", "Namespace") {
            notes.push("everything in the namespace goes with it, also what others made there".to_owned());
        }
        if action == Action::Delete && id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            notes.push("every object of the kind goes with it, in all namespaces".to_owned());
        }
        if let (true, Some(live)) = (action == Action::Delete, live) {
            let finalizers = finalizers(live);
            if !finalizers.is_empty() && !id.is("", "Namespace") && !id.is("", "PersistentVolumeClaim") {
                notes.push(format!("its deletion waits for the finalizers {}", finalizers.join(", ")));
            }
        }
        let is_kept = matches!(action, Action::Keep | Action::Unknown);
        // What an interrupted run could not record is known now.
        let owner = live.map(|live| Owner::of(id, live, &self.observed.inventory, self.place));
        let recorded_uid = if owner == Some(Owner::ThisStack) { uid.clone() } else { entry.uid.clone() };
        Change {
            notes,
            uid,
            must_be_marked: action != Action::Delete || is_marked,
            version: live.and_then(|live| live.pointer("/metadata/resourceVersion")?.as_str().map(str::to_owned)),
            entry: is_kept.then(|| Entry { uid: recorded_uid, ..entry.clone() }),
            ..Change::new(id.clone(), entry.kind.clone(), action, reason)
        }
    }
}

/// The finalizers of a live object.
pub(super) fn finalizers(live: &Value) -> Vec<String> {
    let finalizers = live.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn namespace_of(id: &ResourceId) -> Option<ResourceId> {
    id.namespace.as_deref().map(|name| ResourceId::new("", "Namespace", None, name))
}
