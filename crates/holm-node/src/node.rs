//! The handle of a simulated node.

use std::time::Duration;

use futures::stream::SelectAll;
use futures::{FutureExt, StreamExt};

use crate::client::{Client, Target, is_answer};
use crate::engine::Engine;
use crate::error::NodeError;
use crate::options::NodeOptions;
use crate::registration;
use crate::resource::Resource;
use crate::watcher::{Seen, Watcher};

/// What was done until nothing was due any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many times something was done.
    pub acted: usize,
    /// When the next delayed work is due: milliseconds since 1970.
    pub next: Option<i64>,
}

/// How many objects a node works on at the same time when it runs by itself.
const WIDTH: usize = 16;
/// How long it waits for an API server that does not answer when it starts.
const PAUSE: Duration = Duration::from_secs(1);
/// How many times something may be done in one go before that counts as endless, besides what there are objects for.
const ENDLESS: usize = 100_000;
/// How many changes of one resource are taken in before what they ask for is done.
const CHANGES_AT_ONCE: usize = 1_000;

/// A simulated node of a cluster; see the [crate](crate).
pub struct Node {
    engine: Engine,
    watchers: Vec<Watcher>,
}

impl Node {
    /// A node that has seen nothing yet. It sends no request before [`settle`](Self::settle) or [`run`](Self::run).
    #[must_use]
    pub fn new(client: kube::Client, options: NodeOptions) -> Self {
        let client = Client::new(client);
        let engine = Engine::new(client.clone(), options);
        let resources = engine.resources().into_iter();
        let watchers = resources.map(|(resource, fields)| Watcher::new(client.clone(), resource, fields)).collect();
        Self { engine, watchers }
    }

    /// Looks at the cluster, and does what is due until nothing is. What is due later is said by [`Settled::next`]: call it again
    /// at that time, or after somebody has written.
    ///
    /// The first call lists everything. Later ones take in what has changed: on an API server in this process all that was written
    /// before the call, and over a network what has arrived.
    ///
    /// The order of the requests follows from what there is and from the clock alone.
    ///
    /// # Errors
    /// When the API server does not answer, or refuses something in a way that trying again at once would not mend, and when the
    /// work does not come to an end. The node may be used on: it tries again what failed.
    pub async fn settle(&mut self) -> Result<Settled, NodeError> {
        let mut acted = 0;
        self.begin_count();
        loop {
            let done = self.work(ENDLESS).await?;
            acted += done.acted;
            if done.next.is_none_or(|next| next > self.engine.now()) {
                return Ok(Settled { acted, next: done.next });
            }
            if acted > ENDLESS + 100 * self.engine.world.len() {
                let busiest = self.busiest().unwrap_or_default();
                return Err(NodeError::Unsettled { acted, busiest });
            }
        }
    }

    /// Begins anew to count the actions of each object.
    pub fn begin_count(&mut self) {
        self.engine.begin_count();
    }

    /// The object that took the most actions since counting began, such as `pods default/web-1`.
    #[must_use]
    pub fn busiest(&self) -> Option<String> {
        self.engine.busiest()
    }

    /// Does part of what [`settle`](Self::settle) does: it ends when nothing is due, or after about `limit` actions, with a
    /// [`Settled::next`] that is not in the future if more is due.
    ///
    /// # Errors
    /// When the API server does not answer, or refuses something in a way that trying again at once would not mend. The node may be
    /// used on: it tries again what failed.
    pub async fn work(&mut self, limit: usize) -> Result<Settled, NodeError> {
        let mut acted = 0;
        self.engine.register();
        loop {
            let has_more = self.catch_up().await?;
            let now = self.engine.now();
            if self.engine.queue.next().is_none_or(|next| next > now) && !has_more {
                return Ok(Settled { acted, next: self.engine.queue.next() });
            }
            while self.engine.queue.next().is_some_and(|next| next <= now) {
                if acted >= limit {
                    return Ok(Settled { acted, next: Some(now) });
                }
                let (done, failures) = self.engine.work(now, 1).await;
                acted += done;
                if let Some(failure) = failures.into_iter().next() {
                    return Err(NodeError::request(failure.what, failure.cause));
                }
            }
        }
    }

    /// Does what is due for ever, as watches bring it, and says by a lease that the node lives. What fails is tried again, later
    /// each time.
    ///
    /// # Errors
    /// It returns only when the API server does not let the node see what it needs.
    pub async fn run(mut self) -> NodeError {
        while let Err(error) = self.catch_up().await {
            if let NodeError::Request { cause, .. } = &error
                && is_answer(cause, &[401, 403, 404])
            {
                return error;
            }
            tokio::time::sleep(PAUSE).await;
        }
        // Before there is a node: another simulation of nodes, like kwok, leaves one alone whose lease somebody holds.
        let mut heartbeat = self.engine.now();
        while beat(&self.engine, heartbeat).await.is_err() {
            tokio::time::sleep(PAUSE).await;
            heartbeat = self.engine.now();
        }
        let mut seen: SelectAll<_> = self.watchers.drain(..).map(Watcher::into_stream).collect();
        let engine = &mut self.engine;
        engine.register();
        heartbeat = heartbeat.saturating_add(registration::HEARTBEAT);
        loop {
            // All that is there, before anything is decided.
            while let Some(Some((resource, next))) = seen.next().now_or_never() {
                if let Seen::Refused(cause) = next {
                    return NodeError::request(format!("cannot watch {}", resource.plural()), cause);
                }
                engine.take(resource, next);
            }
            let now = engine.now();
            if heartbeat <= now {
                heartbeat = now.saturating_add(registration::HEARTBEAT);
                // A lease that could not be renewed is renewed the next time.
                let _ = beat(engine, now).await;
            }
            let due = engine.queue.next().map_or(heartbeat, |next| next.min(heartbeat));
            if due <= now {
                // What cannot be read now is looked for again when the pod is.
                let _ = engine.look_ahead(now).await;
                engine.work(now, WIDTH).await;
                continue;
            }
            let wait = Duration::from_millis(u64::try_from(due.saturating_sub(now)).unwrap_or_default());
            tokio::select! {
                next = seen.next() => match next {
                    Some((resource, Seen::Refused(cause))) => {
                        return NodeError::request(format!("cannot watch {}", resource.plural()), cause);
                    }
                    Some((resource, next)) => engine.take(resource, next),
                    // Watches end only by being refused.
                    None => return NodeError::Unsettled { acted: 0, busiest: String::new() },
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes in what has changed. Tells whether there is more.
    async fn catch_up(&mut self) -> Result<bool, NodeError> {
        let mut has_more = false;
        for watcher in &mut self.watchers {
            let resource = watcher.resource;
            let seen = watcher.catch_up(CHANGES_AT_ONCE).await;
            let seen = seen.map_err(|cause| NodeError::request(format!("cannot list {}", resource.plural()), cause))?;
            has_more |= seen.len() >= CHANGES_AT_ONCE;
            seen.into_iter().for_each(|seen| self.engine.take(resource, seen));
        }
        Ok(has_more)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Node").field("options", &self.engine.options).finish_non_exhaustive()
    }
}

/// Renews the lease of the node, or makes it.
async fn beat(engine: &Engine, now: i64) -> Result<(), kube::Error> {
    let node = engine.world.get(Resource::Nodes, "", &engine.options.name);
    let lease = registration::lease(&engine.options, node.map(|node| &**node), now);
    let target = Target {
        resource: Resource::Leases,
        namespace: registration::LEASES,
        name: &engine.options.name,
        subresource: "",
    };
    match engine.client.patch(&target, &lease, "kubelet").await {
        Err(error) if is_answer(&error, &[404]) => {
            engine.client.create(Resource::Leases, &lease, "kubelet").await.map(drop)
        }
        other => other.map(drop),
    }
}
