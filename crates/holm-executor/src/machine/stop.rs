//! What ends changes before they are done: failures, the user's wish, the time of the run, another run.

use crate::event::{Event, Failure, Outcome, SkipReason};
use holm_planner::plan::Action;

use super::stages::removes;
use super::wait::Goal;
use super::{Halt, Machine, Progress};
use crate::failure;
use crate::options::StopLevel;

impl Machine<'_> {
    /// A change failed: what depends on it is skipped.
    pub(super) fn fail(&mut self, position: usize, failure: Failure) {
        let change = self.change(position);
        self.has_failed = true;
        self.states[position].has_failed = true;
        let is_written = match &self.states[position].progress {
            Progress::Waiting(waiting) => waiting.goal == Goal::Ready,
            _ => change.action == Action::Unchanged,
        };
        self.has_failed_write |= !is_written;
        self.not_ready = self.not_ready.or(Some(&change.id));
        self.tell(Event::Failed { id: change.id.clone(), action: change.action, failure: failure.clone() });
        self.end(position, Outcome::Failed(failure));
        for (skipped, because) in self.schedule.failed(&change.id) {
            let Some(position) = self.positions.get(&skipped).copied() else { continue };
            if self.change(position).action != Action::Unchanged {
                self.skip(position, SkipReason::DependencyFailed(because));
            }
        }
        self.close_watches();
    }

    pub(super) fn skip(&mut self, position: usize, because: SkipReason) {
        let change = self.change(position);
        self.tell(Event::Skipped { id: change.id.clone(), action: change.action, because: because.clone() });
        self.end(position, Outcome::Skipped(because));
    }

    /// Tells that nothing is deleted.
    pub(super) fn skip_deletes(&mut self) {
        let because = match self.not_ready.filter(|_| !self.has_failed_write) {
            Some(id) => SkipReason::NothingPrunedWhileNotReady(id.clone()),
            None if self.has_failed => SkipReason::NothingPrunedAfterFailure,
            None => SkipReason::Interrupted,
        };
        for position in 0..self.states.len() {
            if removes(self.change(position).action) {
                self.skip(position, because.clone());
            }
        }
    }

    pub(super) fn stopped(&mut self, level: StopLevel) {
        match level {
            StopLevel::Finish if self.halt == Halt::None => {
                self.tell(Event::Stopping);
                self.halt(Halt::Finish);
            }
            StopLevel::Running | StopLevel::Finish => {}
            StopLevel::Now => self.stop_now(),
        }
    }

    /// Ends the run. What was begun is in the intent, so that the next run takes it up.
    fn stop_now(&mut self) {
        self.stop_schedule();
        for position in 0..self.states.len() {
            if matches!(self.states[position].progress, Progress::Waiting(_)) {
                self.give_up(position);
            }
        }
        self.finish(true);
    }

    /// Begins nothing new and waits for nothing any more, but for deletes after which something must be made anew.
    pub(super) fn halt(&mut self, halt: Halt) {
        self.halt = halt;
        self.stop_schedule();
        for position in 0..self.states.len() {
            let Progress::Waiting(waiting) = &self.states[position].progress else { continue };
            let goes_on = waiting.goal == Goal::GoneToMakeAnew && halt == Halt::Finish;
            if !goes_on {
                self.give_up(position);
            }
        }
    }

    fn stop_schedule(&mut self) {
        for id in self.schedule.stop() {
            let Some(position) = self.positions.get(&id).copied() else { continue };
            if self.change(position).action != Action::Unchanged {
                self.skip(position, SkipReason::Interrupted);
            }
        }
    }

    /// Ends the wait for an object because the run is halted.
    pub(super) fn give_up(&mut self, position: usize) {
        let change = self.change(position);
        let why = match self.halt {
            Halt::TimeUp => "the time of the whole run was up",
            Halt::Overtaken => "another run took over",
            Halt::None | Halt::Finish => "the run was stopped",
        };
        let done = if change.action == Action::Unchanged { "it is unchanged" } else { "it was written" };
        let message = match &self.states[position].progress {
            Progress::Waiting(waiting) => match (waiting.goal, &waiting.last) {
                (Goal::Gone | Goal::GoneToMakeAnew, _) => {
                    format!("its deletion was asked for, but {why} before it was gone")
                }
                (Goal::Ready, Some(last)) if !last.message.is_empty() => {
                    format!("{done}, but {why} before it was ready: {}", last.message)
                }
                (Goal::Ready, _) => format!("{done}, but {why} before it was ready"),
            },
            _ if self.seen.get(&change.id).is_some_and(Option::is_none) => {
                format!("it was deleted to be made anew, but {why} before that")
            }
            _ => format!("{done}, but {why} before it was ready"),
        };
        let cause = match &mut self.states[position].progress {
            Progress::Waiting(waiting) => waiting.cause.take(),
            _ => None,
        };
        let failure = failure::stopped(message, cause);
        self.tell(Event::Failed { id: change.id.clone(), action: change.action, failure: failure.clone() });
        self.end(position, Outcome::Failed(failure));
    }
}
