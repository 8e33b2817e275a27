//! What a run does about other runs of the same stack.
//!
//! Each run writes its intent over the version of the inventory that it observed, so that of two runs that observed the same one
//! the second fails before it changes anything. A run that observes the intent of another one cannot tell whether that one was
//! killed or is still under way, and takes over. The overtaken run notices within a second, because it begins nothing unless it
//! has seen its own inventory so lately; it then ends with a failure, and what it wrote stays in the inventory of the other run.

use std::collections::BTreeMap;
use std::time::Duration;

use holm_core::ResourceId;
use holm_core::event::Failure;
use holm_core::inventory::{Entry, Inventory};
use holm_core::plan::{Action, Reason};
use tokio::time::{Instant, sleep_until};

use super::failure;
use super::record::{RecordError, add};
use super::run::{Halt, Run, VERIFIED_FOR};
use crate::error::ClusterError;

/// How long after its intent a run that took over waits before it believes that what the other run intended and is not there
/// will not be made any more.
const FENCE: Duration = Duration::from_millis(VERIFIED_FOR.as_millis() as u64 * 2);
/// How often the record is tried again that meets additions of overtaken runs.
const RECORD_TRIES: usize = 4;

impl Run<'_> {
    /// Writes the intent. From then on, every other run notices this one.
    pub(super) async fn write_intent(&mut self) -> Result<(), ClusterError> {
        let written = self.store.lock().await.write(&self.plan.intent).await;
        written.map_err(|error| self.not_written(error))?;
        self.verified = Some(Instant::now());
        if self.applied.is_some() {
            let moved = self.cluster.moved_since(self.plan, &self.observed, self.place).await?;
            if moved.is_some() {
                return Err(self.another_run());
            }
        }
        Ok(())
    }

    /// Takes in whether the inventory was still this run's when it was looked at.
    pub(super) fn take_verdict(&mut self, at: Instant, verdict: Result<(), RecordError>) {
        match verdict {
            Ok(()) => self.verified = Some(at),
            Err(RecordError::Added(found)) => {
                self.verified = Some(at);
                self.take_in(&found);
            }
            Err(error) => self.overtaken(&error),
        }
    }

    /// Looks at the inventory once more before anything is deleted or released.
    pub(super) async fn look_before_deletes(&mut self) {
        let is_unseen =
            |change: &holm_core::plan::Change| change.action == Action::Release && change.reason == Reason::AlreadyGone;
        if self.applied.is_some()
            && let Some(verified) = self.verified
            && self.plan.changes.iter().any(is_unseen)
        {
            // What another run intended and nobody has seen may be on its way.
            sleep_until(verified + FENCE).await;
        }
        let at = Instant::now();
        let verdict = self.store.lock().await.check().await;
        self.take_verdict(at, verdict);
    }

    /// Makes sure, where this run took over from another one, that the other one wrote nothing over what this run wrote; and
    /// where this run has nothing to write, that no other run began meanwhile.
    pub(super) async fn look_for_another_run(&mut self) {
        if self.has_failed || self.halt != Halt::None {
            return;
        }
        if !self.plan.has_changes() {
            if self.inventory.records_the_same(&self.observed.inventory) {
                let verdict = self.store.lock().await.check().await;
                if verdict.is_err() {
                    let message =
                        "another run began while this one was under way, so what it found may not hold any more";
                    self.fail_inventory(failure::plain(message, Some("run again when the other run has ended")));
                    self.halt = Halt::Overtaken;
                }
            }
            return;
        }
        let Some(applied) = self.applied.take().filter(|applied| !applied.is_empty()) else { return };
        match self.cluster.written_since(self.plan, &applied, self.place).await {
            Ok(None) => {}
            Ok(Some(id)) => {
                let message = format!("another run of this stack that had not ended wrote {id} after this run did");
                self.fail_inventory(failure::plain(message, Some("run again when the other run has ended")));
            }
            Err(error) => self.fail_inventory(unknown(&error.to_string())),
        }
    }

    /// Records what the run did. Returns whether the inventory is this run's and says so.
    pub(super) async fn record(&mut self) -> bool {
        if self.halt == Halt::Now {
            return false;
        }
        if self.halt == Halt::Overtaken {
            self.leave_to_the_other_run().await;
            return false;
        }
        if !self.plan.has_changes() && self.inventory.records_the_same(&self.observed.inventory) {
            return true;
        }
        for _ in 0..RECORD_TRIES {
            let recorded = {
                let mut store = self.store.lock().await;
                let is_empty = self.inventory.entries.is_empty();
                if is_empty { store.delete().await } else { store.write(&self.inventory).await }
            };
            match recorded {
                Ok(()) => return true,
                Err(RecordError::Added(found)) => self.take_in(&found),
                Err(RecordError::Moved) => break,
                Err(error) => {
                    let sources = vec![error.to_string()];
                    let hint = Some("run again: it takes up from the intent");
                    let plain = failure::plain("what was done cannot be recorded in the inventory", hint);
                    self.fail_inventory(Failure { sources, ..plain });
                    return false;
                }
            }
        }
        self.overtaken(&RecordError::Moved);
        self.leave_to_the_other_run().await;
        false
    }

    /// Adds what this run wrote, or may have written, to the other run's inventory, where that does not have it.
    async fn leave_to_the_other_run(&mut self) {
        let began =
            |change: &&holm_core::plan::Change| change.action.is_write() && self.started.contains_key(&change.id);
        let rows: BTreeMap<ResourceId, Entry> = self
            .plan
            .changes
            .iter()
            .filter(began)
            .filter_map(|change| {
                let entry = self.inventory.entries.get(&change.id)?.clone();
                Some((change.id.clone(), Entry { digest: String::new(), ..entry }))
            })
            .collect();
        if rows.is_empty() {
            return;
        }
        if let Err(error) = add(&self.cluster.transport, self.place, &rows, self.plan.intent.epoch).await {
            let hint = Some("run again when the other run has ended");
            let plain = failure::plain("what this run wrote cannot be added to the other run's inventory", hint);
            self.fail_inventory(Failure { sources: vec![error.to_string()], ..plain });
        }
    }

    /// Takes in what an overtaken run added to the inventory. It is not declared here, so this run cannot end well.
    fn take_in(&mut self, found: &Inventory) {
        let known = &self.inventory.entries;
        let added: Vec<(ResourceId, Entry)> = found
            .entries
            .iter()
            .filter(|(id, _)| !known.contains_key(*id))
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect();
        let names: Vec<String> = added.iter().map(|(id, _)| id.to_string()).collect();
        self.inventory.entries.extend(added);
        let message = format!("another run of this stack that this one overtook had written {}", names.join(", "));
        self.fail_inventory(failure::plain(message, Some("run again: the next plan decides about them")));
    }

    /// Begins nothing any more, because the inventory is not this run's.
    fn overtaken(&mut self, error: &RecordError) {
        let failure = match error {
            RecordError::Moved | RecordError::Added(_) => failure::plain(
                "another run took over while this one was under way, so nothing more was begun",
                Some("run again when the other run has ended"),
            ),
            RecordError::Request(_) | RecordError::Unreadable(_) => unknown(&error.to_string()),
        };
        self.fail_inventory(failure);
        self.halt(Halt::Overtaken);
    }

    fn not_written(&self, error: RecordError) -> ClusterError {
        let (namespace, name) = (self.place.namespace.clone(), self.place.name.clone());
        match error {
            RecordError::Moved | RecordError::Added(_) => self.another_run(),
            RecordError::Request(source) => ClusterError::IntentNotWritten { namespace, name, source },
            RecordError::Unreadable(error) => *error,
        }
    }

    fn another_run(&self) -> ClusterError {
        let (namespace, name) = (self.place.namespace.clone(), self.place.name.clone());
        ClusterError::AnotherRun { namespace, name }
    }
}

fn unknown(error: &str) -> Failure {
    let hint = Some("run again: it takes up from the intent");
    let plain = failure::plain("whether another run took over cannot be said, so nothing more was begun", hint);
    Failure { sources: vec![error.to_owned()], ..plain }
}
