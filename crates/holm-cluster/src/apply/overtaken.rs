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
use holm_core::observe::Live;
use holm_core::ownership::part_of;
use holm_core::plan::{Action, Change};
use tokio::time::{Instant, sleep_until};

use super::failure;
use super::record::{RecordError, add};
use super::run::{Halt, Run};
use crate::error::ClusterError;
use crate::observe::applied;

/// How long after its intent a run that took over waits before it believes that the other run writes nothing any more: as long
/// as that one may begin something, and some time for what is in flight.
const FENCE: Duration = Duration::from_millis(1250);
/// How often the record is tried again that meets additions of overtaken runs.
const RECORD_TRIES: usize = 4;

impl Run<'_> {
    /// Writes the intent. From then on, every other run notices this one.
    pub(super) async fn write_intent(&mut self) -> Result<(), ClusterError> {
        let written = self.store.lock().await.write(&self.plan.intent).await;
        written.map_err(|error| self.not_written(error))?;
        self.verified = Some(Instant::now());
        self.intended = self.verified;
        if self.takes_over() {
            let moved = self.cluster.moved_since(self.plan, &self.observed, self.place).await?;
            if !moved.is_empty() {
                // Nothing is known of these any more, and the next run finds out about them.
                let mut intent = self.plan.intent.clone();
                for id in &moved {
                    if let Some(entry) = intent.entries.get_mut(id) {
                        (entry.uid, entry.digest) = (None, String::new());
                    }
                }
                let written = self.store.lock().await.write(&intent).await;
                written.map_err(|error| self.not_written(error))?;
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

    /// Whether the inventory that was observed is the intent of a run that did not end, and may still be under way.
    pub(super) fn takes_over(&self) -> bool {
        self.observed.inventory.is_open()
    }

    /// Whether this run writes an intent: where it changes something, and where it ends what another run left open.
    pub(super) fn has_intent(&self) -> bool {
        self.plan.has_changes() || self.takes_over()
    }

    /// Looks at the inventory once more before anything is deleted or released.
    pub(super) async fn look_before_deletes(&mut self) {
        self.wait_for_the_other_run().await;
        let at = Instant::now();
        let verdict = self.store.lock().await.check().await;
        self.take_verdict(at, verdict);
    }

    /// Waits until a run that this one took over from has noticed.
    async fn wait_for_the_other_run(&mut self) {
        if let Some(intended) = self.intended.filter(|_| self.takes_over()) {
            sleep_until(intended + FENCE).await;
        }
    }

    /// Makes sure that no other run of the stack changed what this run found or wrote. What another run wrote last counts as
    /// intended again, so that the next run finds out about it.
    pub(super) async fn look_for_another_run(&mut self) {
        if matches!(self.halt, Halt::Now | Halt::Overtaken) {
            return;
        }
        if !self.has_intent() {
            let is_same = self.inventory.records_the_same(&self.observed.inventory);
            if is_same && self.store.lock().await.check().await.is_err() {
                let message = "another run began while this one was under way, so what it found may not hold any more";
                self.fail_inventory(failure::plain(message, Some("run again when the other run has ended")));
                self.halt = Halt::Overtaken;
            }
            return;
        }
        if !self.takes_over() {
            return;
        }
        self.wait_for_the_other_run().await;
        let moved = match self.cluster.live_of(self.plan, self.place).await {
            Ok(live) => self.written_by_another(&live),
            Err(error) => return self.fail_inventory(unknown(&error.to_string())),
        };
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
    fn written_by_another(&self, live: &BTreeMap<ResourceId, Live>) -> Vec<ResourceId> {
        let is_other = |change: &&Change| {
            let now = live.get(&change.id).and_then(Live::object);
            let applied_now = now.as_ref().map(|object| applied(object, self.place));
            match change.action {
                Action::Unknown => false,
                Action::Delete | Action::Release => now.is_some_and(|object| {
                    let is_still_recorded = self.inventory.entries.contains_key(&change.id);
                    let is_ours = part_of(&object) == Some(&self.place.set_id);
                    !is_still_recorded && is_ours && applied(&object, self.place).1.is_some()
                }),
                Action::Unchanged | Action::Keep => applied_now != self.seen.get(&change.id).cloned(),
                // What failed is another's concern.
                _ => self.applied.get(&change.id).is_some_and(|written| applied_now.as_ref() != Some(written)),
            }
        };
        self.plan.changes.iter().filter(is_other).map(|change| change.id.clone()).collect()
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
        if !self.has_intent() && self.inventory.records_the_same(&self.observed.inventory) {
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
                Some((change.id.clone(), Entry { digest: String::new(), completed: false, ..entry }))
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

    /// Takes in what an overtaken run changed in the inventory. It is not what this run did, so this run cannot end well.
    fn take_in(&mut self, found: &Inventory) {
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
