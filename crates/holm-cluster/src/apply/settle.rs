//! What follows when a request of a run has ended.

use holm_core::event::{Event, Outcome};
use holm_core::fields;
use holm_core::ownership::uid;
use holm_core::plan::{Action, Change};
use holm_core::readiness::State;
use holm_core::readiness::cause::Cause;
use holm_core::{ResourceId, Strength};
use serde_json::Value;

use super::failure;
use super::run::{Halt, Run};
use super::tasks::{Done, Release, Removal, Written};
use super::wait::{Goal, Why, version};
use crate::observe::of_object;

impl<'a> Run<'a> {
    /// Takes the end of a request in.
    pub(super) fn settle(&mut self, done: Done) {
        match done {
            Done::Written(id, result) => {
                self.busy -= 1;
                self.in_flight.remove(&id);
                let Some(change) = self.change(&id) else { return };
                match result {
                    Ok(written) => self.written(change, written),
                    Err(error) => self.fail(change, failure::request(&error, change.action)),
                }
            }
            Done::Removed(id, result) => {
                self.busy -= 1;
                self.in_flight.remove(&id);
                let Some(change) = self.change(&id) else { return };
                match result {
                    Ok(removal) => self.removed(change, removal),
                    Err(error) => self.fail(change, failure::request(&error, change.action)),
                }
            }
            Done::Released(id, result) => {
                self.busy -= 1;
                let Some(change) = self.change(&id) else { return };
                match result {
                    Ok(Release::Appeared) => {
                        let message = "it appeared after the plan was made, so it stays in the inventory";
                        self.fail(change, failure::plain(message, Some("run again: the next plan decides about it")));
                    }
                    Ok(Release::Done) => {
                        self.inventory.entries.remove(&id);
                        self.tell(Event::Released { id: id.clone() });
                        self.schedule.reached(&id, Strength::Ready);
                        self.end(change, Outcome::Done);
                    }
                    Err(error) => self.fail(change, failure::request(&error, change.action)),
                }
            }
            Done::Verified(begun, result) => {
                self.is_verifying = false;
                self.take_verdict(begun, result);
            }
            Done::Known(unknown) => {
                self.asked.remove(&unknown);
                self.reconsider();
            }
            Done::Examined(id, why, cause) => self.examined(&id, why, cause.map(|cause| *cause)),
            Done::Read(id, result) => self.read(&id, result),
        }
    }

    pub(super) fn change(&self, id: &ResourceId) -> Option<&'a Change> {
        self.changes.get(id).copied()
    }

    /// A write was acknowledged.
    pub(super) fn written(&mut self, change: &'a Change, written: Written) {
        let id = &change.id;
        let Written { object, was_there } = written;
        self.cluster.transport.learn(of_object(id, &object));
        if let Some(mut entry) = change.entry.clone() {
            entry.uid = object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
            if let Some(digest) = self.digest(id) {
                entry.digest = digest;
            }
            entry.adopted |= was_there && fields::is_made_by_another(&object, &self.place.field_manager);
            self.inventory.entries.insert(id.clone(), entry);
        }
        self.tell(Event::Written { id: id.clone(), action: change.action, after: self.after(id) });
        if self.takes_over() {
            self.applied.insert(id.clone(), crate::observe::applied(&object, self.place));
        }
        if was_there {
            let text = "another client made this object after the plan was made; it was taken over without a conflict, and it \
                        will be released rather than deleted";
            self.tell(Event::Warning { id: Some(id.clone()), text: text.to_owned() });
        }
        self.schedule.reached(id, Strength::Exists);
        // The watch may have been faster than the answer to the write.
        match self.overtaken.remove(id) {
            Some((newer, false)) if is_later(&newer, &object) => self.consider(change, newer),
            _ => self.consider(change, object),
        }
    }

    fn removed(&mut self, change: &'a Change, removal: Removal) {
        match (removal, change.action) {
            (Removal::Gone, _) => self.gone(change),
            (Removal::Pending(object), action) => {
                let goal = if action == Action::Replace { Goal::GoneToMakeAnew } else { Goal::Gone };
                match self.overtaken.remove(&change.id) {
                    Some((last, true)) if uid(&last) == uid(&object) => self.gone(change),
                    _ => self.wait_until_gone(change, goal, object),
                }
            }
            (Removal::NotOurs, _) => {
                let message =
                    "not deleted: after the plan was made, another client replaced it or took the stack's label off";
                self.fail(change, failure::plain(message, Some("plan again")));
            }
        }
    }

    /// The object of a delete or replace is gone.
    pub(super) fn gone(&mut self, change: &'a Change) {
        self.waiting.remove(&change.id);
        if change.action != Action::Replace {
            self.deleted(change);
        } else if self.halt == Halt::TimeUp {
            self.given_up(change);
        } else {
            self.begin_write(change);
        }
    }

    fn deleted(&mut self, change: &'a Change) {
        let id = &change.id;
        self.inventory.entries.remove(id);
        self.tell(Event::Deleted { id: id.clone(), after: self.after(id) });
        self.schedule.reached(id, Strength::Ready);
        self.end(change, Outcome::Done);
    }

    fn examined(&mut self, id: &ResourceId, why: Why, cause: Option<Cause>) {
        let Some(waiting) = self.waiting.get_mut(id) else { return };
        let change = waiting.change;
        let readiness = waiting.last.clone();
        let limit = waiting.limit;
        waiting.is_examined = false;
        match why {
            Why::Stirred => {
                let is_final = cause.as_ref().is_some_and(|cause| cause.is_final) || waiting.has_lasted(cause.as_ref());
                let news = waiting.news(cause.as_ref());
                if let Some(readiness) = news.filter(|_| !is_final) {
                    self.tell(Event::Waiting { id: id.clone(), readiness });
                }
                if is_final || readiness.as_ref().is_some_and(|readiness| readiness.state == State::Failed) {
                    self.fail(change, failure::not_ready(readiness.as_ref(), cause));
                }
            }
            Why::SaysFailed => self.fail(change, failure::not_ready(readiness.as_ref(), cause)),
            Why::TooLate => self.fail(change, failure::too_late(limit, readiness.as_ref(), cause)),
        }
    }
}

/// Whether one state of an object is a later one of the same object than another.
fn is_later(newer: &Value, older: &Value) -> bool {
    uid(newer) == uid(older) && version(newer) > version(older)
}
