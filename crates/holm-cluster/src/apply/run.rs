//! The state of a run, and the loop that drives it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use holm_core::event::{Event, Failure, Outcome, Report, SkipReason};
use holm_core::inventory::{Inventory, InventoryPlace, Phase};
use holm_core::observe::Observed;
use holm_core::plan::{Action, Change, Plan};
use holm_core::schedule::Schedule;
use holm_core::{Graph, ResourceId};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::record::Store;
use super::tasks::{Done, Written};
use super::wait::{Goal, Waiting};
use super::watches::Watches;
use super::{ApplyOptions, failure, removes};
use crate::inventory::inventory_id;
use crate::observe::{Applied, applied};
use crate::surroundings::Unknown;
use crate::{Cluster, Stop, StopLevel};

/// How often time limits are looked at. Nothing is asked of the server for it.
const TICK: Duration = Duration::from_millis(200);

/// How long a look at the inventory counts: nothing is begun unless the inventory was this run's so lately.
pub(super) const VERIFIED_FOR: Duration = Duration::from_secs(1);

/// Why a run begins nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// It goes on.
    None,
    /// The user asked to stop.
    Finish,
    /// The user asked to stop at once.
    Now,
    /// Its time is up.
    TimeUp,
    /// Another run took the inventory over, or it cannot be said that none did.
    Overtaken,
}

/// One run.
pub(super) struct Run<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) graph: &'a Graph,
    pub(super) plan: &'a Plan,
    pub(super) place: &'a InventoryPlace,
    pub(super) options: &'a ApplyOptions,
    /// What is known of the cluster, kept up to date with what is seen.
    pub(super) observed: Observed,
    pub(super) changes: BTreeMap<&'a ResourceId, &'a Change>,
    pub(super) schedule: Schedule,
    pub(super) tasks: FuturesUnordered<BoxFuture<'a, Done>>,
    /// How many changes are in flight.
    pub(super) busy: usize,
    /// The objects that are being written or deleted.
    pub(super) in_flight: BTreeSet<ResourceId>,
    /// What a watch saw of an object before the answer to its own request came: its state, and whether it is gone.
    pub(super) overtaken: BTreeMap<ResourceId, (Value, bool)>,
    pub(super) waiting: BTreeMap<ResourceId, Waiting<'a>>,
    pub(super) watches: Watches<'a>,
    /// What is being found out about the surroundings of objects.
    pub(super) asked: BTreeSet<Unknown>,
    /// The inventory as it is to be recorded.
    pub(super) inventory: Inventory,
    /// Where the inventory is kept.
    pub(super) store: Arc<Mutex<Store<'a>>>,
    /// When the inventory was last seen to be this run's; none where the run does not write to the cluster.
    pub(super) verified: Option<Instant>,
    /// Whether the inventory is being looked at.
    pub(super) is_verifying: bool,
    /// When the intent was written.
    pub(super) intended: Option<Instant>,
    /// What the stack's field manager had applied to each object that is not written, where this run took over from one that
    /// did not end: that one may still be writing.
    pub(super) seen: BTreeMap<ResourceId, Applied>,
    /// The same after each write of this run.
    pub(super) applied: BTreeMap<ResourceId, Applied>,
    /// The inventory's own namespace, when it was made ahead of everything.
    pub(super) early: Option<(ResourceId, Written)>,
    /// The inventory's own namespace, which is deleted after everything else.
    pub(super) held_back: Option<ResourceId>,
    pub(super) halt: Halt,
    pub(super) has_failed: bool,
    begun: Instant,
    pub(super) started: BTreeMap<ResourceId, Instant>,
    /// Digests of what could be filled in only during the run.
    pub(super) digests: BTreeMap<ResourceId, String>,
    outcomes: Vec<(ResourceId, Action, Outcome, Duration)>,
    events: UnboundedSender<Event>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        graph: &'a Graph,
        plan: &'a Plan,
        place: &'a InventoryPlace,
        options: &'a ApplyOptions,
        observed: Observed,
        events: UnboundedSender<Event>,
    ) -> Self {
        let mut inventory =
            Inventory { phase: Phase::Recorded, stored_in: plan.stored_in.clone(), ..plan.intent.clone() };
        let root = observed.object(&inventory_id(place));
        let store = Store::new(&cluster.transport, place, root.as_ref(), observed.inventory.epoch);
        let mut seen = BTreeMap::new();
        if observed.inventory.is_open() {
            for change in plan.changes.iter().filter(|change| !change.action.is_write()) {
                let object = observed.object(&change.id);
                seen.extend(object.map(|object| (change.id.clone(), applied(&object, place))));
            }
        }
        for change in plan.changes.iter().filter(|change| change.action == Action::Unchanged) {
            if let Some(entry) = &change.entry {
                inventory.entries.insert(change.id.clone(), entry.clone());
            }
        }
        Self {
            cluster,
            graph,
            plan,
            place,
            options,
            observed,
            changes: plan.changes.iter().map(|change| (&change.id, change)).collect(),
            schedule: Schedule::writes(graph, plan),
            tasks: FuturesUnordered::new(),
            busy: 0,
            in_flight: BTreeSet::new(),
            overtaken: BTreeMap::new(),
            waiting: BTreeMap::new(),
            watches: Watches::new(&cluster.transport),
            asked: BTreeSet::new(),
            inventory,
            store: Arc::new(Mutex::new(store)),
            verified: None,
            is_verifying: false,
            intended: None,
            seen,
            applied: BTreeMap::new(),
            early: None,
            held_back: None,
            halt: Halt::None,
            has_failed: false,
            begun: Instant::now(),
            started: BTreeMap::new(),
            digests: BTreeMap::new(),
            outcomes: Vec::new(),
            events,
        }
    }

    /// Carries out the schedule until everything in it has ended, or the run is stopped.
    pub(super) async fn drive(&mut self, stop: &mut Stop) {
        if stop.level() > StopLevel::Running {
            self.stopped(stop.level());
        }
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.halt != Halt::Now {
            self.begin_what_is_ready();
            if self.tasks.is_empty() && self.waiting.is_empty() {
                return;
            }
            tokio::select! {
                level = stop.changed() => self.stopped(level),
                Some(done) = self.tasks.next(), if !self.tasks.is_empty() => self.settle(done),
                (purpose, seen) = self.watches.next() => self.see(&purpose, seen),
                _ = tick.tick() => self.tick(),
            }
        }
    }

    /// Whether the inventory's own namespace may go: nothing else is left in the inventory.
    pub(super) fn may_go(&mut self, namespace: &ResourceId) -> bool {
        let Some(change) = self.changes.get(namespace).copied() else { return false };
        let left = self.inventory.entries.keys().find(|id| *id != namespace).cloned();
        let because = match (self.halt, left) {
            (Halt::None, None) => return true,
            (Halt::None, Some(left)) => SkipReason::DependencyFailed(left),
            _ => SkipReason::Interrupted,
        };
        self.skip(change, because);
        false
    }

    pub(super) fn is_own_namespace(&self, id: &ResourceId) -> bool {
        id.is("", "Namespace") && id.name == self.place.namespace
    }

    /// Whether deletes may be begun: nothing failed, and nobody stopped the run.
    pub(super) fn may_delete(&self) -> bool {
        !self.has_failed && self.halt == Halt::None
    }

    /// Tells that nothing is deleted.
    pub(super) fn skip_deletes(&mut self) {
        let because = if self.has_failed { SkipReason::NothingPrunedAfterFailure } else { SkipReason::Interrupted };
        for change in self.plan.changes.iter().filter(|change| removes(change.action)) {
            self.skip(change, because.clone());
        }
    }

    fn stopped(&mut self, level: StopLevel) {
        match level {
            StopLevel::Running => {}
            StopLevel::Finish if self.halt == Halt::None => {
                self.tell(Event::Stopping);
                self.halt(Halt::Finish);
            }
            StopLevel::Finish => {}
            StopLevel::Now => self.halt(Halt::Now),
        }
    }

    /// Begins nothing new and waits for nothing any more, but for deletes after which something must be made anew.
    pub(super) fn halt(&mut self, halt: Halt) {
        self.halt = halt;
        for id in self.schedule.stop() {
            if let Some(change) = self.changes.get(&id).copied().filter(|change| change.action != Action::Unchanged) {
                self.skip(change, SkipReason::Interrupted);
            }
        }
        let waiting: Vec<&'a Change> = self.waiting.values().map(|waiting| waiting.change).collect();
        for change in waiting {
            let goal = self.waiting.get(&change.id).map(|waiting| waiting.goal);
            if goal == Some(Goal::GoneToMakeAnew) && halt == Halt::Finish {
                continue;
            }
            self.given_up(change);
        }
    }

    /// Ends the wait for an object because the run is halted.
    pub(super) fn given_up(&mut self, change: &'a Change) {
        let waiting = self.waiting.remove(&change.id);
        let why = match self.halt {
            Halt::TimeUp => "the time of the whole run was up",
            Halt::Overtaken => "another run took over",
            _ => "the run was stopped",
        };
        let done = if change.action == Action::Unchanged { "it is unchanged" } else { "it was written" };
        let last = waiting.as_ref().and_then(|waiting| waiting.last.as_ref());
        let message = match (waiting.as_ref().map(|waiting| waiting.goal), last) {
            (Some(Goal::Gone | Goal::GoneToMakeAnew), _) => {
                format!("its deletion was asked for, but {why} before it was gone")
            }
            (_, Some(last)) if !last.message.is_empty() => {
                format!("{done}, but {why} before it was ready: {}", last.message)
            }
            _ => format!("{done}, but {why} before it was ready"),
        };
        let failure = failure::plain(message, None);
        self.tell(Event::Failed { id: change.id.clone(), action: change.action, failure: failure.clone() });
        self.end(change, Outcome::Failed(failure));
    }

    /// A change failed: what depends on it is skipped.
    pub(super) fn fail(&mut self, change: &'a Change, failure: Failure) {
        self.waiting.remove(&change.id);
        self.has_failed = true;
        self.tell(Event::Failed { id: change.id.clone(), action: change.action, failure: failure.clone() });
        self.end(change, Outcome::Failed(failure));
        for (skipped, because) in self.schedule.failed(&change.id) {
            if let Some(change) =
                self.changes.get(&skipped).copied().filter(|change| change.action != Action::Unchanged)
            {
                self.skip(change, SkipReason::DependencyFailed(because));
            }
        }
        self.close_watches();
    }

    fn skip(&mut self, change: &'a Change, because: SkipReason) {
        self.tell(Event::Skipped { id: change.id.clone(), action: change.action, because: because.clone() });
        self.end(change, Outcome::Skipped(because));
    }

    /// Writes down how a change came out.
    pub(super) fn end(&mut self, change: &Change, outcome: Outcome) {
        let after = self.after(&change.id);
        self.outcomes.push((change.id.clone(), change.action, outcome, after));
    }

    /// How long ago a change was begun.
    pub(super) fn after(&self, id: &ResourceId) -> Duration {
        self.started.get(id).map(Instant::elapsed).unwrap_or_default()
    }

    /// The digest of what was sent for a change, where it could be filled in only during the run.
    pub(super) fn digest(&mut self, id: &ResourceId) -> Option<String> {
        self.digests.remove(id)
    }

    /// Whether the whole run has taken longer than it may.
    pub(super) fn is_time_up(&self) -> bool {
        self.options.total.is_some_and(|total| self.begun.elapsed() >= total)
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody listens any more when the receiver is gone, which is no reason to stop.
        let _ = self.events.send(event);
    }

    pub(super) fn task(&mut self, task: impl Future<Output = Done> + Send + 'a) {
        self.tasks.push(Box::pin(task));
    }

    /// Something about the inventory failed, which is about no change.
    pub(super) fn fail_inventory(&mut self, failure: Failure) {
        self.has_failed = true;
        let id = inventory_id(self.place);
        self.tell(Event::Failed { id: id.clone(), action: Action::Update, failure: failure.clone() });
        self.outcomes.push((id, Action::Update, Outcome::Failed(failure), Duration::ZERO));
    }

    pub(super) fn report(self, begun: Instant) -> Report {
        Report {
            outcomes: self.outcomes,
            requests: self.cluster.requests(),
            duration: begun.elapsed(),
            interrupted: matches!(self.halt, Halt::Finish | Halt::Now),
        }
    }
}
