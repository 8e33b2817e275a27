//! The stages of a run, and what leads from one to the next.

use std::time::Duration;

use crate::event::{Failure, SkipReason};
use holm_planner::plan::Action;
use holm_planner::schedule::Schedule;

use super::{FENCE, Halt, Machine, Progress};
use crate::effect::{Effect, NotBegun};
use crate::failure;
use crate::message::Lost;

/// How often the record is tried again that meets additions of overtaken runs.
const RECORD_TRIES: u32 = 4;

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is begun.
    Unbegun,
    /// The inventory's own namespace is being made.
    MakingNamespace,
    /// The intent is being written.
    WritingIntent,
    /// The objects are looked at again, because another run may have written them since.
    LookingWhatMoved,
    /// The intent is written again without what another run wrote since, and this run ends.
    LeavingIntent,
    /// The writes.
    Writes,
    /// Waits until a run that this one took over from has noticed, before deletes.
    FenceBeforeDeletes,
    /// The inventory is looked at once more before anything is deleted.
    CheckBeforeDeletes,
    /// The deletes.
    Deletes,
    /// Waits until a run that this one took over from has noticed, before the record.
    FenceBeforeRecord,
    /// The objects are looked at again, because a run that this one took over from may have written after it.
    LookingWhatWasWritten,
    /// The inventory is looked at, because what was found holds only while no other run is under way.
    CheckUnchanged,
    /// What was done is being recorded, for the nth time.
    Recording(u32),
    /// What this run wrote is being added to the other run's inventory.
    AddingRows,
    /// The inventory's own namespace is being deleted.
    DeletingNamespace,
    /// Nothing follows.
    Ended,
}

/// Whether an action takes an object away from the stack.
pub(super) fn removes(action: Action) -> bool {
    matches!(action, Action::Delete | Action::Release)
}

impl Machine<'_> {
    pub(super) fn begin_run(&mut self) {
        if self.stage != Stage::Unbegun {
            return;
        }
        if !self.plan.blockers.is_empty() {
            return self.not_begun(NotBegun::Blocked);
        }
        if !self.has_intent() {
            self.stage = Stage::Writes;
        } else if self.make_own_namespace() {
            self.stage = Stage::MakingNamespace;
        } else {
            self.write_intent();
        }
    }

    pub(super) fn write_intent(&mut self) {
        self.stage = Stage::WritingIntent;
        self.ask(Effect::WriteIntent(Box::new(self.plan.intent.clone())));
    }

    /// Goes on to the next stage when nothing of this one is left.
    pub(super) fn advance(&mut self) {
        loop {
            match self.stage {
                Stage::Writes => {
                    self.begin_what_is_ready();
                    if self.is_under_way() {
                        return;
                    }
                    self.end_writes();
                }
                Stage::FenceBeforeDeletes => {
                    if self.is_before(self.fence()) {
                        return;
                    }
                    self.stage = Stage::CheckBeforeDeletes;
                    self.check();
                }
                Stage::Deletes => {
                    self.begin_what_is_ready();
                    if self.is_under_way() {
                        return;
                    }
                    self.look_for_another_run();
                }
                Stage::FenceBeforeRecord => {
                    if self.is_before(self.fence()) {
                        return;
                    }
                    self.stage = Stage::LookingWhatWasWritten;
                    self.ask(Effect::LookAgain);
                }
                Stage::DeletingNamespace => {
                    if self.is_under_way() {
                        return;
                    }
                    self.finish(self.halt == Halt::Finish);
                }
                _ => return,
            }
            if self.stage == Stage::Ended {
                return;
            }
        }
    }

    fn is_under_way(&self) -> bool {
        self.awaited > 0 || self.states.iter().any(|state| matches!(state.progress, Progress::Waiting(_)))
    }

    fn end_writes(&mut self) {
        if !self.may_delete() {
            self.skip_deletes();
            self.look_for_another_run();
        } else if self.plan.changes.iter().any(|change| removes(change.action)) {
            self.stage = Stage::FenceBeforeDeletes;
        } else {
            self.look_for_another_run();
        }
    }

    fn begin_deletes(&mut self) {
        if self.may_delete() {
            self.stage = Stage::Deletes;
            self.schedule = Schedule::deletes(self.plan);
        } else {
            self.skip_deletes();
            self.look_for_another_run();
        }
    }

    /// Whether deletes may be begun: nothing failed, and nobody stopped the run.
    fn may_delete(&self) -> bool {
        !self.has_failed && self.halt == Halt::None
    }

    /// When a run that this one took over from has noticed.
    fn fence(&self) -> Duration {
        match self.intended {
            Some(intended) if self.takes_over() => intended + FENCE,
            _ => Duration::ZERO,
        }
    }

    fn is_before(&mut self, time: Duration) -> bool {
        let is_before = self.now < time;
        if is_before {
            self.effects.push(Effect::WakeAt(time));
        }
        is_before
    }

    /// Looks at the inventory, where that is not being done.
    pub(super) fn check(&mut self) {
        if self.verifying.is_none() {
            self.verifying = Some(self.now);
            self.ask(Effect::CheckInventory);
        }
    }

    /// Makes sure that no other run of the stack changed what this run found or wrote.
    fn look_for_another_run(&mut self) {
        if self.halt == Halt::Overtaken {
            return self.leave_to_the_other_run();
        }
        if self.takes_over() {
            self.stage = Stage::FenceBeforeRecord;
        } else if !self.has_intent() && self.inventory.records_the_same(&self.plan.observed.inventory) {
            self.stage = Stage::CheckUnchanged;
            self.check();
        } else {
            self.record(1);
        }
    }

    /// Takes in whether the inventory was still this run's when it was looked at.
    pub(super) fn take_check(&mut self, result: Result<(), Lost>) {
        let asked = self.verifying.take().unwrap_or(self.now);
        if self.stage == Stage::CheckUnchanged {
            if result.is_err() {
                let message = "another run began while this one was under way, so what it found may not hold any more";
                self.fail_inventory(failure::plain(message, Some("run again when the other run has ended")));
            }
            return self.finish(self.halt == Halt::Finish);
        }
        match result {
            Ok(()) => self.verified = Some(asked),
            Err(Lost::Added(found)) => {
                self.verified = Some(asked);
                self.take_in(&found);
            }
            Err(lost) => self.overtaken(&lost),
        }
        if self.stage == Stage::CheckBeforeDeletes {
            self.begin_deletes();
        }
    }

    pub(super) fn record(&mut self, tries: u32) {
        self.stage = Stage::Recording(tries);
        self.ask(Effect::Record(Box::new(self.inventory.clone())));
    }

    pub(super) fn take_record(&mut self, result: Result<(), Lost>) {
        let Stage::Recording(tries) = self.stage else { return };
        match result {
            Ok(()) => self.end_recorded(),
            Err(Lost::Added(found)) => {
                self.take_in(&found);
                if tries < RECORD_TRIES {
                    return self.record(tries + 1);
                }
                self.overtaken(&Lost::Moved);
                self.leave_to_the_other_run();
            }
            Err(Lost::Moved) => {
                self.overtaken(&Lost::Moved);
                self.leave_to_the_other_run();
            }
            Err(Lost::Unknown(error)) => {
                let hint = Some("run again: it takes up from the intent");
                let plain = failure::plain("what was done cannot be recorded in the inventory", hint);
                self.fail_inventory(Failure { sources: vec![error], ..plain });
                if let Some(namespace) = self.held_back.take() {
                    self.skip(namespace, SkipReason::Interrupted);
                }
                self.finish(self.halt == Halt::Finish);
            }
        }
    }

    /// The inventory says what was done. Only its own namespace may be left to delete.
    fn end_recorded(&mut self) {
        match self.held_back.take() {
            // From here on a crash leaves either this last entry or nothing at all.
            Some(namespace) if self.may_go(namespace) => {
                self.stage = Stage::DeletingNamespace;
                self.delete_last(namespace);
            }
            _ => self.finish(self.halt == Halt::Finish),
        }
    }

    /// Whether the inventory's own namespace may go: nothing else is left in the inventory.
    fn may_go(&mut self, namespace: usize) -> bool {
        let id = &self.change(namespace).id;
        let left = self.inventory.entries.keys().find(|left| *left != id).cloned();
        let because = match (self.halt, left) {
            (Halt::None, None) if !self.has_failed => return true,
            (Halt::None, Some(left)) => SkipReason::DependencyFailed(left),
            (Halt::None, None) => SkipReason::NothingPrunedAfterFailure,
            _ => SkipReason::Interrupted,
        };
        self.skip(namespace, because);
        false
    }
}
