//! Takes in what the watches of a run see.

use std::collections::BTreeMap;

use holm_core::ResourceId;
use holm_planner::observe::Live;
use serde_json::Value;

use super::wait::{Goal, READS, text, version};
use super::{Machine, Progress};
use crate::failure;
use crate::message::Seen;
use crate::watching::Purpose;

impl Machine<'_> {
    /// Takes in what a watch saw.
    pub(super) fn see(&mut self, purpose: &Purpose, seen: Seen) {
        match (purpose, seen) {
            (_, Seen::Forbidden) => {
                self.watching.forbid(purpose);
                let now = self.now;
                for position in self.waiting_among(purpose) {
                    if let Progress::Waiting(waiting) = &mut self.states[position].progress {
                        waiting.read = Some((now, Some(READS.0)));
                    }
                }
            }
            (Purpose::Objects(..), Seen::Listed(objects)) => {
                let mut by_name: BTreeMap<String, Value> = objects
                    .into_iter()
                    .filter_map(|object| Some((text(&object, "name")?.to_owned(), object)))
                    .collect();
                for position in self.waiting_among(purpose) {
                    let Progress::Waiting(waiting) = &self.states[position].progress else { continue };
                    if waiting.read.is_some() {
                        continue;
                    }
                    match by_name.remove(&self.change(position).id.name) {
                        Some(object) => self.changed(position, object),
                        None => self.vanished(position),
                    }
                }
            }
            (Purpose::Objects(..), Seen::Changed(object)) => self.see_object(purpose, object, false),
            (Purpose::Objects(..), Seen::Deleted(object)) => self.see_object(purpose, object, true),
            (Purpose::Pods(namespace) | Purpose::Warnings(namespace), seen) => {
                let pods: &[Value] = match (purpose, &seen) {
                    (Purpose::Pods(_), Seen::Listed(pods)) => pods,
                    (Purpose::Pods(_), Seen::Changed(pod)) => std::slice::from_ref(pod),
                    _ => &[],
                };
                for (change, state) in self.plan.changes.iter().zip(&mut self.states) {
                    if let Progress::Waiting(waiting) = &mut state.progress
                        && waiting.is_slow
                        && change.id.namespace.as_ref() == Some(namespace)
                    {
                        waiting.is_stirred = true;
                        pods.iter().for_each(|pod| waiting.keep_pod(pod));
                    }
                }
            }
        }
    }

    fn see_object(&mut self, purpose: &Purpose, object: Value, is_gone: bool) {
        let Some(position) = seen_id(purpose, &object).and_then(|id| self.positions.get(&id).copied()) else { return };
        match &mut self.states[position].progress {
            // A watch was faster than the answer to the object's own request.
            Progress::InFlight(newer) => *newer = Some((object, is_gone)),
            Progress::Waiting(waiting) if is_gone => {
                if waiting.uid.is_none() || waiting.uid.as_deref() == text(&object, "uid") {
                    self.vanished(position);
                }
            }
            Progress::Waiting(_) => self.changed(position, object),
            Progress::Held | Progress::Made(_) | Progress::Ended => {}
        }
    }

    /// An object that is waited for has a newer state.
    fn changed(&mut self, position: usize, object: Value) {
        let Progress::Waiting(waiting) = &self.states[position].progress else { return };
        if version(&object) < waiting.version {
            return;
        }
        let is_another = waiting.uid.is_some() && waiting.uid.as_deref() != text(&object, "uid");
        match (waiting.goal, is_another) {
            (Goal::Ready, false) => self.consider(position, object),
            (Goal::Ready, true) => {
                let message = "another client replaced it while this run waited for it";
                self.fail(position, failure::plain(message, Some("plan again")));
            }
            (Goal::Gone | Goal::GoneToMakeAnew, true) => self.gone(position),
            (Goal::Gone | Goal::GoneToMakeAnew, false) => {
                self.saw(position, Some(&object));
                if let Progress::Waiting(waiting) = &mut self.states[position].progress {
                    waiting.is_stirred = true;
                }
            }
        }
    }

    /// An object that is waited for is not there any more.
    fn vanished(&mut self, position: usize) {
        let Progress::Waiting(waiting) = &self.states[position].progress else { return };
        let goal = waiting.goal;
        self.saw(position, None);
        match goal {
            Goal::Gone | Goal::GoneToMakeAnew => self.gone(position),
            Goal::Ready => {
                let message = "another client deleted it while this run waited for it";
                self.fail(position, failure::plain(message, Some("plan again")));
            }
        }
        self.close_watches();
    }

    /// An object was read whose watch is not allowed. Where that failed it is read again, until its time is up.
    pub(super) fn read(&mut self, position: usize, live: Option<Live>) {
        match live {
            Some(Live::Found(object)) => self.changed(position, object.open()),
            Some(Live::Absent | Live::KindAbsent) => self.vanished(position),
            Some(Live::Unreadable(_)) | None => {}
        }
    }

    /// The changes whose objects are waited for and are among those that a watch is for.
    fn waiting_among(&self, purpose: &Purpose) -> Vec<usize> {
        let is_among = |position: &usize| {
            let change = self.change(*position);
            matches!(self.states[*position].progress, Progress::Waiting(_))
                && matches!(purpose, Purpose::Objects(kind, namespace) if *kind == change.kind && *namespace == change.id.namespace)
        };
        (0..self.states.len()).filter(is_among).collect()
    }
}

fn seen_id(purpose: &Purpose, object: &Value) -> Option<ResourceId> {
    let Purpose::Objects(kind, namespace) = purpose else { return None };
    Some(ResourceId::new(&kind.group, &kind.kind, namespace.as_deref(), text(object, "name")?))
}
