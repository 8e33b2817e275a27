//! What a run does about other runs of the same stack.
//!
//! Each run writes its intent over the version of the inventory that it observed, so that of two runs that observed the same one
//! the second fails before it changes anything. A run that observes the intent of another one cannot tell whether that one was
//! killed or is still under way, and takes over. The overtaken run notices within a second, because it begins nothing unless it
//! has seen its own inventory so lately; it then ends with a failure, and what it wrote stays in the inventory of the other run.

use std::collections::BTreeMap;

use crate::event::Failure;
use holm_core::ResourceId;
use holm_planner::inventory::{Entry, Inventory};
use holm_planner::observe::Live;
use holm_planner::ownership::part_of;
use holm_planner::packed::Packed;
use holm_planner::plan::Action;

use super::applied::Applied;
use super::stages::Stage;
use super::{Halt, Machine};
use crate::effect::{Effect, NotBegun};
use crate::failure;
use crate::message::Lost;

type Objects = BTreeMap<ResourceId, Live>;

impl Machine<'_> {
    pub(super) fn take_intent(&mut self, result: Result<(), Lost>) {
        let why = match result {
            Ok(()) if self.stage == Stage::LeavingIntent => NotBegun::AnotherRun,
            Ok(()) => {
                // From now on, every other run notices this one.
                self.verified = Some(self.now);
                self.intended = Some(self.now);
                if self.takes_over() {
                    self.stage = Stage::LookingWhatMoved;
                    self.ask(Effect::LookAgain);
                } else {
                    self.stage = Stage::Writes;
                }
                return;
            }
            Err(Lost::Moved | Lost::Added(_)) => NotBegun::AnotherRun,
            Err(Lost::Unknown(_)) => NotBegun::NoIntent,
        };
        self.not_begun(why);
    }

    pub(super) fn take_another_look(&mut self, result: Result<Objects, String>) {
        match (self.stage, result) {
            (Stage::LookingWhatMoved, Ok(live)) => {
                let moved = self.moved(&live);
                if moved.is_empty() {
                    self.stage = Stage::Writes;
                    return;
                }
                // Nothing is known of these any more, and the next run finds out about them.
                let mut intent = self.plan.intent.clone();
                for id in &moved {
                    if let Some(entry) = intent.entries.get_mut(id) {
                        (entry.uid, entry.digest) = (None, String::new());
                    }
                }
                self.stage = Stage::LeavingIntent;
                self.ask(Effect::WriteIntent(Box::new(intent)));
            }
            (Stage::LookingWhatMoved, Err(_)) => self.not_begun(NotBegun::NoIntent),
            (Stage::LookingWhatWasWritten, Ok(live)) => {
                self.forget_what_another_run_wrote(&live);
                self.record(1);
            }
            (Stage::LookingWhatWasWritten, Err(error)) => {
                self.fail_inventory(unknown(&error));
                self.record(1);
            }
            _ => {}
        }
    }

    /// The objects of the plan that another run of the stack wrote, made or deleted since they were observed: they exist no
    /// longer, or now, or have another uid, or what the stack's field manager applied is another thing.
    fn moved(&self, live: &Objects) -> Vec<ResourceId> {
        let applied = |object: Option<&Packed>| object.map(|object| Applied::of(&object.open(), &self.plan.place));
        let is_moved = |(id, live): (&ResourceId, &Live)| {
            let now = match live {
                Live::Found(object) => Some(object),
                _ => None,
            };
            (applied(self.plan.live.get(id)) != applied(now)).then(|| id.clone())
        };
        live.iter().filter_map(is_moved).collect()
    }

    /// What another run wrote last counts as intended again, so that the next run finds out about it.
    fn forget_what_another_run_wrote(&mut self, live: &Objects) {
        let moved = self.written_by_another(live);
        if moved.is_empty() {
            return;
        }
        for id in &moved {
            let known = [&self.inventory, &self.plan.intent].into_iter().find_map(|known| known.entries.get(id));
            if let Some(entry) = known.cloned() {
                let entry = Entry { uid: None, digest: String::new(), completed: false, ..entry };
                self.inventory.entries.insert(id.clone(), entry);
            }
        }
        let names: Vec<String> = moved.iter().map(ToString::to_string).collect();
        let message =
            format!("another run of this stack that had not ended wrote {} after this run did", names.join(", "));
        self.fail_inventory(failure::plain(message, Some("run again when the other run has ended")));
    }

    /// The objects that are not as this run left or found them, by what the stack's field manager applied.
    fn written_by_another(&self, live: &Objects) -> Vec<ResourceId> {
        let place = &self.plan.place;
        let changes = self.plan.changes.iter().zip(&self.states);
        let other = changes.filter(|(change, state)| {
            let object = live.get(&change.id).and_then(Live::object);
            let now = object.as_ref().map(|object| Applied::of(object, place));
            match change.action {
                Action::Unknown => false,
                Action::Delete | Action::Release => object.is_some_and(|object| {
                    let is_still_recorded = self.inventory.entries.contains_key(&change.id);
                    let is_ours = part_of(&object) == Some(&place.set_id);
                    !is_still_recorded && is_ours && Applied::of(&object, place).is_by_us()
                }),
                Action::Unchanged | Action::Keep => now != state.applied,
                // What failed is another's concern.
                _ => state.applied.as_ref().is_some_and(|written| now.as_ref() != Some(written)),
            }
        });
        other.map(|(change, _)| change.id.clone()).collect()
    }

    /// Adds what this run wrote, or may have written, to the other run's inventory, where that does not have it.
    pub(super) fn leave_to_the_other_run(&mut self) {
        let changes = self.plan.changes.iter().zip(&self.states);
        let began = changes.filter(|(change, state)| change.action.is_write() && state.started.is_some());
        let rows: BTreeMap<ResourceId, Entry> = began
            .filter_map(|(change, _)| {
                // What was sent and not answered is in the intent only.
                let known =
                    [&self.inventory, &self.plan.intent].into_iter().find_map(|rows| rows.entries.get(&change.id));
                Some((change.id.clone(), Entry { digest: String::new(), completed: false, ..known?.clone() }))
            })
            .collect();
        if let Some(namespace) = self.held_back.take() {
            self.skip(namespace, crate::event::SkipReason::Interrupted);
        }
        if rows.is_empty() {
            return self.finish(false);
        }
        self.stage = Stage::AddingRows;
        self.ask(Effect::AddRows { rows, epoch: self.plan.intent.epoch });
    }

    pub(super) fn take_added(&mut self, result: Result<(), String>) {
        if let Err(error) = result {
            let hint = Some("run again when the other run has ended");
            let plain = failure::plain("what this run wrote cannot be added to the other run's inventory", hint);
            self.fail_inventory(Failure { sources: vec![error], ..plain });
        }
        self.finish(false);
    }

    /// Takes in what an overtaken run changed in the inventory. It is not what this run did, so this run cannot end well.
    pub(super) fn take_in(&mut self, found: &Inventory) {
        let intended = &self.plan.intent.entries;
        let added: Vec<(ResourceId, Entry)> = found
            .entries
            .iter()
            .filter(|(id, entry)| intended.get(*id) != Some(entry))
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect();
        let names: Vec<String> = added.iter().map(|(id, _)| id.to_string()).collect();
        self.inventory.entries.extend(added);
        let message = format!("another run of this stack that this one overtook had written {}", names.join(", "));
        self.fail_inventory(failure::plain(message, Some("run again: the next plan decides about them")));
    }

    /// Begins nothing any more, because the inventory is not this run's.
    pub(super) fn overtaken(&mut self, lost: &Lost) {
        let failure = match lost {
            Lost::Moved | Lost::Added(_) => failure::plain(
                "another run took over while this one was under way, so nothing more was begun",
                Some("run again when the other run has ended"),
            ),
            Lost::Unknown(error) => unknown(error),
        };
        self.fail_inventory(failure);
        self.halt(Halt::Overtaken);
    }
}

fn unknown(error: &str) -> Failure {
    let hint = Some("run again: it takes up from the intent");
    let plain = failure::plain("whether another run took over cannot be said, so nothing more was begun", hint);
    Failure { sources: vec![error.to_owned()], ..plain }
}
