//! What happens by itself on a cluster: the controllers and the node, in turn, until both are quiet.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holm_apiserver::ApiServer;
use holm_controllers::Controllers;
use holm_node::{LoadBalancers, Node, NodeOptions, PROVISIONER};
use tokio::sync::Mutex;

use crate::bootstrap::NODE_NAME;
use crate::cluster::ClusterError;

/// How long the work rests after it failed, if nobody writes meanwhile.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How many actions of the controllers, and of the node, are taken in the background before others may run.
const SLICE: usize = 25;

/// How long the work takes that is done before a cluster answers, at most and about.
const BEGINNING: Duration = Duration::from_millis(500);

/// How many revisions the file may be behind before the work in the background waits for the disk.
const UNSTORED: u64 = 1_000;

/// What was done until nothing was due any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// How many times something was done.
    pub acted: usize,
    /// When the next delayed work is due, in milliseconds since 1970.
    pub next: Option<i64>,
}

/// The controllers and the node of a cluster.
pub(crate) struct Simulation {
    controllers: Controllers,
    node: Node,
}

impl Simulation {
    /// Controllers and a node that have seen nothing yet.
    pub fn new(api: &ApiServer) -> Self {
        let clock = api.clock();
        let options = NodeOptions::default()
            .name(NODE_NAME)
            .every_node(true)
            .load_balancers(LoadBalancers::All)
            .provisioners([PROVISIONER, crate::bootstrap::PROVISIONER])
            .clock(move || clock.now_milliseconds());
        // They do again what is lost in a crash, so nothing of them waits for the disk.
        Self { controllers: Controllers::new(api), node: Node::new(api.eager_client(), options) }
    }

    /// Does all that is due: controllers and node in turn, until a turn of both does nothing. That it ends is not taken for granted:
    /// it may take `limit` actions, and two for each object that is there.
    pub async fn settle(&mut self, api: &ApiServer, limit: usize) -> Result<Settled, ClusterError> {
        let limit = limit.saturating_add(2 * api.len());
        self.controllers.begin_count();
        self.node.begin_count();
        let (mut of_controllers, mut of_node) = (0, 0);
        loop {
            while api.follow_up() {}
            let left = (limit + 1).saturating_sub(of_controllers + of_node);
            let controllers = self.controllers.work(left);
            let node = self.node.work(left).await?;
            of_controllers += controllers.acted;
            of_node += node.acted;
            let acted = of_controllers + of_node;
            if acted > limit {
                let busiest = if of_node > of_controllers { self.node.busiest() } else { self.controllers.busiest() };
                return Err(ClusterError::Unsettled { acted, busiest: busiest.unwrap_or_default() });
            }
            if controllers.acted + node.acted == 0 {
                let next = [controllers.next, node.next].into_iter().flatten().min();
                return Ok(Settled { acted, next });
            }
        }
    }

    /// Does what is due when a cluster is opened, as far as that takes no longer than [`BEGINNING`]: the node registers itself, and
    /// what was in progress goes on. The rest is left to the work in the background.
    pub async fn begin(&mut self, api: &ApiServer) -> Result<(), ClusterError> {
        let started = Instant::now();
        while started.elapsed() < BEGINNING && self.work(api).await?.acted > 0 {}
        Ok(())
    }

    /// Does part of what is due. More is due if the next time is not in the future.
    async fn work(&mut self, api: &ApiServer) -> Result<Settled, ClusterError> {
        if api.follow_up() {
            return Ok(Settled { acted: 1, next: Some(api.clock().now_milliseconds()) });
        }
        let controllers = self.controllers.work(SLICE);
        // Lets the requests of others be answered, and an interrupt be heard.
        tokio::task::yield_now().await;
        let node = self.node.work(SLICE).await?;
        let acted = controllers.acted + node.acted;
        let next = [controllers.next, node.next].into_iter().flatten().min();
        Ok(Settled { acted, next })
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Simulation").finish_non_exhaustive()
    }
}

/// Settles for ever, a slice at a time: after each write, and when delayed work is due.
pub(crate) async fn run(api: ApiServer, simulation: Arc<Mutex<Simulation>>) {
    let clock = api.clock();
    loop {
        // Read first: what is written while this settles wakes it again, which costs a look and misses nothing.
        let seen = api.revision();
        let settled = simulation.lock().await.work(&api).await;
        let wait = match settled {
            Ok(Settled { next: Some(next), acted }) if acted > 0 || next <= clock.now_milliseconds() => {
                if api.unstored() > UNSTORED && api.stored().await.is_err() {
                    tokio::time::sleep(REST_AFTER_FAILURE).await;
                }
                tokio::task::yield_now().await;
                continue;
            }
            Ok(Settled { next: Some(next), .. }) if !clock.is_held() => {
                Some(Duration::from_millis(u64::try_from(next - clock.now_milliseconds()).unwrap_or_default()))
            }
            Ok(_) => None,
            Err(_) => Some(REST_AFTER_FAILURE),
        };
        let written = api.written_after(seen);
        match wait {
            Some(wait) => {
                let _ = tokio::time::timeout(wait, written).await;
            }
            None => {
                written.await;
            }
        }
    }
}
