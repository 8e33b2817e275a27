//! What follows when a request for a change has ended.

use crate::event::{Event, Failure, Outcome};
use holm_core::Strength;
use holm_planner::fields;
use holm_planner::ownership::uid;
use holm_planner::plan::Action;
use holm_readiness::cause::Cause;
use holm_readiness::{Readiness, State as ReadyState, last_change};
use serde_json::Value;

use super::applied::Applied;
use super::stages::Stage;
use super::wait::{Goal, Why, version};
use super::{Halt, Machine, Progress};
use crate::effect::NotBegun;
use crate::failure;
use crate::message::{Release, Removal, Written};

impl Machine<'_> {
    pub(super) fn take_written(&mut self, position: usize, result: Result<Written, Box<Failure>>) {
        let newer = self.landed(position);
        if self.stage == Stage::MakingNamespace {
            return match result {
                Ok(written) => {
                    self.states[position].progress = Progress::Made(written);
                    self.write_intent();
                }
                Err(_) => self.not_begun(NotBegun::NoNamespace),
            };
        }
        match result {
            Ok(written) => self.written(position, written, newer),
            Err(failure) => self.fail(position, *failure),
        }
    }

    pub(super) fn take_removed(&mut self, position: usize, result: Result<Removal, Box<Failure>>) {
        let newer = self.landed(position);
        let action = self.change(position).action;
        match result {
            Ok(Removal::Gone) => self.gone(position),
            Ok(Removal::Pending(object)) => match newer {
                Some((last, true)) if uid(&last) == uid(&object) => self.gone(position),
                _ => {
                    let goal = if action == Action::Replace { Goal::GoneToMakeAnew } else { Goal::Gone };
                    self.wait_until_gone(position, goal, &object);
                }
            },
            Ok(Removal::NotOurs) => {
                let message =
                    "not deleted: after the plan was made, another client replaced it or took the stack's label off";
                self.fail(position, failure::plain(message, Some("plan again")));
            }
            Err(failure) => self.fail(position, *failure),
        }
    }

    pub(super) fn take_released(&mut self, position: usize, result: Result<Release, Box<Failure>>) {
        self.landed(position);
        let id = &self.change(position).id;
        match result {
            Ok(Release::Appeared) => {
                let message = "it appeared after the plan was made, so it stays in the inventory";
                self.fail(position, failure::plain(message, Some("run again: the next plan decides about it")));
            }
            Ok(Release::Done) => {
                self.inventory.entries.remove(id);
                self.tell(Event::Released { id: id.clone() });
                self.schedule.reached(id, Strength::Ready);
                self.end(position, Outcome::Done);
            }
            Err(failure) => self.fail(position, *failure),
        }
    }

    /// Takes what a watch saw of an object while its request was under way.
    fn landed(&mut self, position: usize) -> Option<(Value, bool)> {
        match std::mem::take(&mut self.states[position].progress) {
            Progress::InFlight(newer) => newer,
            other => {
                self.states[position].progress = other;
                None
            }
        }
    }

    /// A write was acknowledged.
    pub(super) fn written(&mut self, position: usize, written: Written, newer: Option<(Value, bool)>) {
        let change = self.change(position);
        let id = &change.id;
        let Written { object, was_there } = written;
        self.learn(id, &object);
        self.states[position].written = last_change(&object);
        if let Some(mut entry) = change.entry.clone() {
            entry.uid = uid(&object).map(str::to_owned);
            if let Some(digest) = self.states[position].digest.take() {
                entry.digest = digest;
            }
            entry.adopted |= was_there && fields::is_made_by_another(&object, &self.plan.place.field_manager);
            self.inventory.entries.insert(id.clone(), entry);
        }
        self.tell(Event::Written { id: id.clone(), action: change.action, after: self.after(position) });
        if self.takes_over() {
            self.states[position].applied = Some(Applied::of(&object, &self.plan.place));
        }
        if was_there {
            let text = "another client made this object after the plan was made; it was taken over without a conflict, and it \
                        will be released rather than deleted";
            self.tell(Event::Warning { id: Some(id.clone()), text: text.to_owned() });
        }
        self.schedule.reached(id, Strength::Exists);
        // The watch may have been faster than the answer to the write.
        match newer {
            Some((newer, false)) if is_later(&newer, &object) => self.consider(position, newer),
            _ => self.consider(position, object),
        }
    }

    /// The object of a delete or replace is gone.
    pub(super) fn gone(&mut self, position: usize) {
        self.states[position].progress = Progress::Held;
        self.saw(position, None);
        let change = self.change(position);
        if change.action != Action::Replace {
            self.inventory.entries.remove(&change.id);
            self.tell(Event::Deleted { id: change.id.clone(), after: self.after(position) });
            self.schedule.reached(&change.id, Strength::Ready);
            self.end(position, Outcome::Done);
        } else if matches!(self.halt, Halt::TimeUp | Halt::Overtaken) {
            self.give_up(position);
        } else {
            self.begin_write(position);
        }
    }

    pub(super) fn examined(&mut self, position: usize, cause: Option<Cause>) {
        let now = self.now;
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        let Some(why) = waiting.examined.take() else { return };
        if waiting.goal != Goal::Ready {
            return self.examined_going(position, why, cause);
        }
        let readiness = waiting.last.clone();
        let cause = cause.map(|cause| waiting.with_what_was_seen(cause));
        let missing = cause.as_ref().and_then(|cause| cause.missing.clone());
        match why {
            Why::Steady => {
                // It may have ceased to be available meanwhile.
                if waiting.steady_since.is_none() {
                    return;
                }
                let news = waiting.news(cause.as_ref(), now);
                if cause.is_none() {
                    let note = waiting.note.take();
                    return self.ready(position, note);
                }
                if now >= waiting.since + waiting.limit {
                    let limit = waiting.limit;
                    return self.fail(position, failure::too_late(limit, readiness.as_ref(), cause));
                }
                waiting.steady_since = Some(now);
                if let Some(readiness) = news {
                    let id = self.change(position).id.clone();
                    self.tell(Event::Waiting { id, readiness });
                }
            }
            Why::Stirred => {
                let may_come = missing.is_some_and(|missing| self.may_be_made(position, &missing));
                let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
                let has_lasted = !may_come && waiting.has_lasted(cause.as_ref(), now);
                let is_final = cause.as_ref().is_some_and(|cause| cause.is_final) || has_lasted;
                let news = waiting.news(cause.as_ref(), now);
                if let Some(readiness) = news.filter(|_| !is_final) {
                    let id = self.change(position).id.clone();
                    self.tell(Event::Waiting { id, readiness });
                }
                if is_final || readiness.as_ref().is_some_and(|readiness| readiness.state == ReadyState::Failed) {
                    self.fail(position, failure::not_ready(readiness.as_ref(), cause));
                }
            }
            Why::SaysFailed => self.fail(position, failure::not_ready(readiness.as_ref(), cause)),
            Why::TooLate => {
                let limit = waiting.limit;
                self.fail(position, failure::too_late(limit, readiness.as_ref(), cause));
            }
        }
    }
}

impl Machine<'_> {
    /// It was looked into why an object is not gone yet.
    fn examined_going(&mut self, position: usize, why: Why, cause: Option<Cause>) {
        let live = self.live(position);
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        if why == Why::TooLate {
            let failure = failure::not_gone(waiting.limit, live.as_ref(), cause);
            return self.fail(position, failure);
        }
        let Some(cause) = cause else { return };
        let reason = "Terminating".to_owned();
        let readiness = Readiness { state: ReadyState::Terminating, reason, message: cause.summary };
        if waiting.last.as_ref() != Some(&readiness) {
            waiting.last = Some(readiness.clone());
            let id = self.change(position).id.clone();
            self.tell(Event::Waiting { id, readiness });
        }
    }
}

/// Whether one state of an object is a later one of the same object than another.
fn is_later(newer: &Value, older: &Value) -> bool {
    uid(newer) == uid(older) && version(newer) > version(older)
}
