//! The loop of all controllers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use holm_apiserver::{ApiServer, ObjectChange};
use serde_json::Value;

use crate::context::Context;
use crate::error::Outcome;
use crate::kind::Kind;
use crate::queue::{Key, Task};
use crate::route::{self, Change};
use crate::{
    autoscaler, cron_job, daemon_set, deployment, disruption, endpoints, event_expiry, job, pod_collector, replica_set,
    service_cidr, stateful_set, volumes,
};

/// How long [`Controllers::run`] works before it lets others run.
const KEYS_AT_ONCE: usize = 16;

/// How often a clock that is held is looked at, when something waits for its time.
const HELD_CLOCK_LOOK: Duration = Duration::from_millis(20);

/// How many writes one settling may take before that counts as endless, besides what there are objects for.
const ENDLESS: usize = 100_000;

/// How often in a row an object is looked at again at once because somebody else wrote it meanwhile.
const CONFLICTS_AT_ONCE: u32 = 10;

/// The controllers of one cluster.
pub struct Controllers {
    context: Context,
    /// The writes up to this revision have been seen.
    seen: u64,
    /// Whether the objects that were there before have been seen.
    listed: bool,
    /// How often in a row work on an object ended with a conflict.
    conflicts: HashMap<Key, u32>,
    /// How much work on each object there was since counting began.
    counts: HashMap<Key, usize>,
}

/// The work of the controllers does not come to an end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the controllers do not settle: after {acted} writes something is still due, most often {busiest}")]
pub struct Unsettled {
    /// How many writes there were.
    pub acted: usize,
    /// The controller and the object that it worked on most often, such as `ReplicaSet default/web`.
    pub busiest: String,
}

/// What a controller did until nothing was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many writes there were.
    pub acted: usize,
    /// When the next work is due, in milliseconds since 1970.
    pub next: Option<i64>,
}

impl Controllers {
    /// The controllers of a cluster. They do nothing until they are told to.
    #[must_use]
    pub fn new(api: &ApiServer) -> Self {
        Self { context: Context::new(api), seen: 0, listed: false, conflicts: HashMap::new(), counts: HashMap::new() }
    }

    /// Does all that is due, until nothing is.
    ///
    /// # Errors
    /// When that does not come to an end. What was done so far is done.
    pub fn settle(&mut self) -> Result<Settled, Unsettled> {
        self.begin_count();
        let limit = ENDLESS + 2 * self.context.api().len();
        let done = self.work(limit);
        if done.next.is_some_and(|next| next <= self.context.now_milliseconds()) {
            return Err(Unsettled { acted: done.acted, busiest: self.busiest().unwrap_or_default() });
        }
        Ok(done)
    }

    /// Does part of what [`settle`](Self::settle) does: it ends when nothing is due, or after about `limit` writes or looks at an
    /// object, with a [`Settled::next`] that is not in the future if more is due.
    pub fn work(&mut self, limit: usize) -> Settled {
        let before = self.context.writes;
        self.context.burst = limit.max(1);
        let mut looks = 0;
        loop {
            let acted = self.context.writes - before;
            if acted.max(looks) >= limit && self.is_due() {
                return Settled { acted, next: Some(self.context.now_milliseconds()) };
            }
            if !self.step() {
                return Settled { acted, next: self.context.queue.next() };
            }
            looks += 1;
        }
    }

    /// Begins anew to count what is worked on.
    pub fn begin_count(&mut self) {
        self.counts.clear();
    }

    /// What was worked on most often since counting began, such as `ReplicaSet default/web`.
    #[must_use]
    pub fn busiest(&self) -> Option<String> {
        let (key, _) = self.counts.iter().max_by_key(|(key, count)| (**count, *key))?;
        let separator = if key.namespace.is_empty() { "" } else { "/" };
        Some(format!("{:?} {}{separator}{}", key.task, key.namespace, key.name))
    }

    /// Whether there is work to do now.
    fn is_due(&mut self) -> bool {
        self.follow();
        self.context.queue.is_due(self.context.now_milliseconds())
    }

    /// Does for ever what is due, woken by writes and by time. With a clock that is held, it looks every 20 milliseconds whether the
    /// clock was moved, if something waits for its time.
    pub async fn run(mut self) {
        loop {
            let mut worked = 0;
            while self.step() {
                worked += 1;
                if worked % KEYS_AT_ONCE == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let seen = self.seen;
            let api = self.context.api().clone();
            let written = api.written_after(seen);
            match self.context.queue.next() {
                None => {
                    written.await;
                }
                Some(next) => {
                    let left = next.saturating_sub(self.context.now_milliseconds()).max(0);
                    let left = Duration::from_millis(left.unsigned_abs());
                    let wait = if self.context.is_held() { HELD_CLOCK_LOOK } else { left };
                    // Either way there may be something to do; the next round finds out.
                    let _ = tokio::time::timeout(wait, written).await;
                }
            }
        }
    }

    /// Works on one key; false if none is due.
    fn step(&mut self) -> bool {
        self.follow();
        let now = self.context.now_milliseconds();
        let Some(key) = self.context.queue.pop(now) else { return false };
        *self.counts.entry(key.clone()).or_default() += 1;
        match reconcile(&mut self.context, &key) {
            Ok(()) => {
                self.conflicts.remove(&key);
                self.context.queue.succeed(&key);
            }
            Err(failure) if failure.is_conflict() && self.tries_at_once(&key) => {
                // What it has written itself concerns others, too, who come first then.
                self.follow();
                self.context.queue.add(key);
            }
            Err(_) => {
                let now = self.context.now_milliseconds();
                self.context.queue.add_after_failure(key, now);
            }
        }
        true
    }

    /// Whether work that ended with a conflict is tried again at once, which mends it if somebody else wrote meanwhile.
    fn tries_at_once(&mut self, key: &Key) -> bool {
        let conflicts = self.conflicts.entry(key.clone()).or_default();
        *conflicts = conflicts.saturating_add(1);
        *conflicts <= CONFLICTS_AT_ONCE
    }

    /// Takes note of what was written since the last time.
    fn follow(&mut self) {
        if self.listed && self.context.api().revision() == self.seen {
            return;
        }
        let changes = if self.listed { self.context.api().changes(self.seen) } else { None };
        let Some(changes) = changes else {
            self.list();
            return;
        };
        self.seen = changes.revision;
        for change in &changes.changes {
            if let Some(kind) = Kind::of_resource(&change.resource) {
                self.see(kind, change);
            }
        }
    }

    fn see(&mut self, kind: Kind, change: &ObjectChange) {
        let object = (!change.deleted).then_some(&*change.object);
        let previous = change.previous.as_deref();
        self.context.index.follow(kind, previous, object);
        route::follow(&mut self.context, &Change { kind, previous, object });
    }

    /// Looks at everything: at the start, and when more was written than the log holds.
    fn list(&mut self) {
        self.seen = self.context.api().revision();
        self.listed = true;
        self.context.index = crate::index::Index::default();
        let all: BTreeMap<Kind, Vec<Arc<Value>>> =
            Kind::ALL.iter().map(|kind| (*kind, self.context.list(*kind, None))).collect();
        for (kind, objects) in &all {
            objects.iter().for_each(|object| self.context.index.follow(*kind, None, Some(object)));
        }
        for (kind, objects) in &all {
            for object in objects {
                route::follow(&mut self.context, &Change { kind: *kind, previous: None, object: Some(object) });
            }
        }
    }
}

impl std::fmt::Debug for Controllers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Controllers").field("seen", &self.seen).finish_non_exhaustive()
    }
}

fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    match key.task {
        Task::Deployment => deployment::reconcile(context, key),
        Task::ReplicaSet => replica_set::reconcile(context, key, Kind::ReplicaSet),
        Task::ReplicationController => replica_set::reconcile(context, key, Kind::ReplicationController),
        Task::StatefulSet => stateful_set::reconcile(context, key),
        Task::DaemonSet => daemon_set::reconcile(context, key),
        Task::Job => job::reconcile(context, key),
        Task::JobPod => job::reconcile_orphan(context, key),
        Task::JobExpiry => job::expire(context, key),
        Task::CronJob => cron_job::reconcile(context, key),
        Task::Claim => volumes::reconcile_claim(context, key),
        Task::ClaimUse => volumes::reconcile_use(context, key),
        Task::Volume => volumes::reconcile_volume(context, key),
        Task::Endpoints => endpoints::reconcile_endpoints(context, key),
        Task::EndpointSlices => endpoints::reconcile_slices(context, key),
        Task::Disruption => disruption::reconcile(context, key),
        Task::Autoscaler => autoscaler::reconcile(context, key),
        Task::MissingNode => pod_collector::reconcile(context, key),
        Task::ServiceRange => service_cidr::reconcile(context, key),
        Task::EventExpiry => event_expiry::reconcile(context, key),
    }
}
