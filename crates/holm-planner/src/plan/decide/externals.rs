//! What a plan says of resources outside the stack: that they are there, and have what the stack uses of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Decision;
use crate::observe::Live;
use crate::plan::{Blocker, BlockerKind};
use holm_core::path::{FieldPath, Segment};
use holm_core::{External, Part, PartUse, ResourceId, Site};
use holm_values::did_you_mean;

impl Decision<'_> {
    /// What lies outside the stack and is named in it must be there, with the parts that are used of it.
    pub(super) fn externals(&mut self) {
        let graph = self.graph;
        for (id, external) in graph.externals() {
            let used_by: Vec<&(ResourceId, FieldPath)> =
                external.used_by.iter().filter(|(user, _)| self.options.includes(user)).collect();
            // With `--target`, what nothing of it uses is not looked into.
            let is_home = id.is("", "Namespace") && id.name == self.place.namespace;
            if used_by.is_empty() && !is_home && (external.declared.is_none() || self.options.targets.is_some()) {
                continue;
            }
            match self.observed.live.get(id) {
                Some(Live::Absent | Live::KindAbsent) => self.absent_external(id, external, &used_by),
                Some(Live::Found(live)) if !external.parts.is_empty() => {
                    let live = live.open();
                    self.parts(id, external, &live);
                }
                Some(Live::Unreadable(reason)) if external.declared.is_some() => {
                    let note = format!("{id} could not be read, so that it is not known whether it exists: {reason}");
                    self.note_users(&used_by, &note);
                }
                _ => {}
            }
        }
    }

    fn absent_external(&mut self, id: &ResourceId, external: &External, used_by: &[&(ResourceId, FieldPath)]) {
        if external.declared.is_none() && !id.is("", "Namespace") {
            if !self.is_made_with_its_namespace(id) {
                for (user, path) in used_by {
                    self.note(user, format!("names {id} at {path}, which does not exist"));
                }
            }
            return;
        }
        if self.is_in_missing_namespace(id) {
            // The namespace is one error for all that is in it.
            return;
        }
        let hint = if id.is("", "Namespace") {
            format!("declare it with stack.namespace(\"{}\"), or create it first", id.name)
        } else {
            "create it first, or add it to the stack".to_owned()
        };
        let path = used_by.first().map(|(_, path)| path.clone()).unwrap_or_default();
        let users: BTreeSet<ResourceId> = used_by.iter().map(|(user, _)| user.clone()).collect();
        let users: Vec<ResourceId> = users.into_iter().collect();
        let site = self.site_of(&users, external);
        let first = users.first().unwrap_or(id).clone();
        let kind = BlockerKind::MissingExternal { target: id.clone(), path, used_by: users };
        self.blockers.push(Blocker { id: first, kind, site, hint: Some(hint) });
    }

    /// Compares the parts that are used with the live object. Only the names of a Secret's keys are looked at.
    fn parts(&mut self, id: &ResourceId, external: &External, live: &Value) {
        let mut missing: BTreeMap<String, Vec<&PartUse>> = BTreeMap::new();
        for used in external.parts.iter().filter(|used| self.options.includes(&used.user)) {
            if !has(live, &used.part) {
                missing.entry(words(&used.part)).or_default().push(used);
            }
        }
        for (part, uses) in missing {
            let Some(first) = uses.first() else { continue };
            let hint = hint(live, &first.part);
            if external.declared.is_none() {
                for used in uses {
                    self.note(&used.user, format!("needs {part} of {id} at {}, which does not exist; {hint}", used.at));
                }
                continue;
            }
            let users: BTreeSet<ResourceId> = uses.iter().map(|used| used.user.clone()).collect();
            let users: Vec<ResourceId> = users.into_iter().collect();
            let site = self.site_of(&users, external);
            let (blocked, path) = (first.user.clone(), first.at.clone());
            let kind = BlockerKind::MissingPart { target: id.clone(), part, path, used_by: users };
            self.blockers.push(Blocker { id: blocked, kind, site, hint: Some(hint) });
        }
    }

    fn note_users(&mut self, used_by: &[&(ResourceId, FieldPath)], note: &str) {
        let users: BTreeSet<&ResourceId> = used_by.iter().map(|(user, _)| user).collect();
        for user in users {
            self.note(user, note.to_owned());
        }
    }

    fn note(&mut self, user: &ResourceId, note: String) {
        if let Some(change) = self.changes.iter_mut().find(|change| change.id == *user) {
            change.notes.push(note);
        }
    }

    /// The line of the only user, or of the declaration that it exists.
    fn site_of(&self, users: &[ResourceId], external: &External) -> Option<Site> {
        match users {
            [only] => self.graph.get(only).map(|resource| resource.site),
            _ => external.declared,
        }
    }

    fn is_in_missing_namespace(&self, id: &ResourceId) -> bool {
        let Some(namespace) = &id.namespace else { return false };
        let namespace = ResourceId::new("", "Namespace", None, namespace);
        self.graph.externals().contains_key(&namespace)
            && matches!(self.observed.live.get(&namespace), Some(Live::Absent))
    }

    /// Whether the controllers make it in every namespace, and its namespace is new.
    pub(super) fn is_made_with_its_namespace(&self, id: &ResourceId) -> bool {
        let Some(namespace) = &id.namespace else { return false };
        let namespace = ResourceId::new("", "Namespace", None, namespace);
        self.graph.get(&namespace).is_some() && self.observed.object(&namespace).is_none()
    }
}

fn has(live: &Value, part: &Part) -> bool {
    match part {
        Part::Key(key) => keys(live).any(|known| known == key),
        Part::Field(path) => path.get(live).is_some_and(|value| !value.is_null() && value.as_str() != Some("")),
    }
}

fn words(part: &Part) -> String {
    match part {
        Part::Key(key) => format!("key \"{key}\""),
        Part::Field(path) => path.to_string(),
    }
}

/// The keys of a Secret or ConfigMap.
fn keys(live: &Value) -> impl Iterator<Item = &String> {
    let sections = ["data", "binaryData"].into_iter().filter_map(|section| live.get(section)?.as_object());
    sections.flat_map(|entries| entries.keys())
}

/// What there is instead.
fn hint(live: &Value, part: &Part) -> String {
    let (given, known): (&str, Vec<&str>) = match part {
        Part::Key(key) => (key, keys(live).map(String::as_str).collect()),
        Part::Field(path) => match path.segments().split_last() {
            Some((Segment::Field(name), parents)) => {
                let parent: FieldPath = parents.iter().cloned().collect();
                let fields = parent.get(live).and_then(Value::as_object);
                (name, fields.into_iter().flat_map(|fields| fields.keys()).map(String::as_str).collect())
            }
            _ => ("", Vec::new()),
        },
    };
    did_you_mean(given, known.iter().copied()).unwrap_or_else(|| match (part, known.as_slice()) {
        (Part::Key(_), []) => "it has no keys".to_owned(),
        (Part::Key(_), known) => format!("it has {}", known.join(", ")),
        (Part::Field(_), _) => "nothing in this run will fill it in; wait until it is there, then run again".to_owned(),
    })
}
