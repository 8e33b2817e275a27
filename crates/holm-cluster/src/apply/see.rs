//! Takes in what the watches of a run see.

use std::collections::BTreeMap;

use holm_core::ResourceId;
use holm_core::observe::Live;
use holm_core::plan::Change;
use serde_json::Value;
use tokio::time::Instant;

use super::failure;
use super::run::Run;
use super::wait::{Goal, READS, is_among, text, version};
use super::watches::Purpose;
use crate::error::RequestError;
use crate::watch::Seen;

impl<'a> Run<'a> {
    /// Takes in what a watch saw.
    pub(super) fn see(&mut self, purpose: &Purpose, seen: Seen) {
        match (purpose, seen) {
            (_, Seen::Forbidden) => {
                self.watches.forbid(purpose);
                let now = Instant::now();
                for waiting in self.waiting.values_mut().filter(|waiting| is_among(waiting.change, purpose)) {
                    waiting.read = Some((now, Some(READS.0)));
                }
            }
            (Purpose::Objects(..), Seen::Listed(objects)) => {
                let among: Vec<&'a Change> = self
                    .waiting
                    .values()
                    .filter(|waiting| waiting.read.is_none() && is_among(waiting.change, purpose))
                    .map(|waiting| waiting.change)
                    .collect();
                let mut by_name: BTreeMap<String, Value> = objects
                    .into_iter()
                    .filter_map(|object| Some((text(&object, "name")?.to_owned(), object)))
                    .collect();
                for change in among {
                    match by_name.remove(&change.id.name) {
                        Some(object) => self.changed(change, object),
                        None => self.vanished(change),
                    }
                }
            }
            (Purpose::Objects(..), Seen::Changed(object)) => match self.waited_for(purpose, &object) {
                Some(change) => self.changed(change, object),
                None => self.overtake(purpose, object, false),
            },
            (Purpose::Objects(..), Seen::Deleted(object)) => {
                if let Some(change) = self.waited_for(purpose, &object) {
                    let is_meant = self
                        .waiting
                        .get(&change.id)
                        .is_some_and(|waiting| waiting.uid.is_none() || waiting.uid.as_deref() == text(&object, "uid"));
                    if is_meant {
                        self.vanished(change);
                    }
                } else {
                    self.overtake(purpose, object, true);
                }
            }
            (Purpose::Pods(namespace) | Purpose::Warnings(namespace), _) => {
                for waiting in self.waiting.values_mut() {
                    if waiting.is_slow && waiting.change.id.namespace.as_ref() == Some(namespace) {
                        waiting.is_stirred = true;
                    }
                }
            }
        }
    }

    fn waited_for(&self, purpose: &Purpose, object: &Value) -> Option<&'a Change> {
        self.waiting.get(&seen_id(purpose, object)?).map(|waiting| waiting.change)
    }

    /// A watch saw an object whose own request is still under way.
    fn overtake(&mut self, purpose: &Purpose, object: Value, is_gone: bool) {
        if let Some(id) = seen_id(purpose, &object).filter(|id| self.in_flight.contains(id)) {
            self.overtaken.insert(id, (object, is_gone));
        }
    }

    /// An object that is waited for has a newer state.
    fn changed(&mut self, change: &'a Change, object: Value) {
        let Some(waiting) = self.waiting.get(&change.id) else { return };
        if version(&object) < waiting.version {
            return;
        }
        let is_another = waiting.uid.is_some() && waiting.uid.as_deref() != text(&object, "uid");
        match (waiting.goal, is_another) {
            (Goal::Ready, false) => self.consider(change, object),
            (Goal::Ready, true) => {
                let message = "another client replaced it while this run waited for it";
                self.fail(change, failure::plain(message, Some("plan again")));
            }
            (Goal::Gone | Goal::GoneToMakeAnew, true) => self.gone(change),
            (Goal::Gone | Goal::GoneToMakeAnew, false) => {
                self.observed.live.insert(change.id.clone(), Live::found(&object));
            }
        }
    }

    /// An object that is waited for is not there any more.
    fn vanished(&mut self, change: &'a Change) {
        let goal = self.waiting.get(&change.id).map(|waiting| waiting.goal);
        self.observed.live.insert(change.id.clone(), Live::Absent);
        match goal {
            Some(Goal::Gone | Goal::GoneToMakeAnew) => self.gone(change),
            Some(Goal::Ready) => {
                let message = "another client deleted it while this run waited for it";
                self.fail(change, failure::plain(message, Some("plan again")));
            }
            None => {}
        }
        self.close_watches();
    }

    /// An object was read whose watch is not allowed.
    pub(super) fn read(&mut self, id: &ResourceId, result: Result<Option<Value>, Box<RequestError>>) {
        let Some(change) = self.waiting.get(id).map(|waiting| waiting.change) else { return };
        match result {
            Ok(Some(object)) => self.changed(change, object),
            Ok(None) => self.vanished(change),
            // It is read again, until its time is up.
            Err(_) => {}
        }
    }
}

fn seen_id(purpose: &Purpose, object: &Value) -> Option<ResourceId> {
    let Purpose::Objects(kind, namespace) = purpose else { return None };
    Some(ResourceId::new(&kind.group, &kind.kind, namespace.as_deref(), text(object, "name")?))
}
