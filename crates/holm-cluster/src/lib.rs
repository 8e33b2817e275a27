//! The cluster side of holm, and the only crate with a [`kube::Client`]: it observes, asks for dry-runs, applies, deletes,
//! watches and records.
//!
//! A [`Cluster`] is [connected](Cluster::connect), then [observed](Cluster::observe) into data from which `holm-core` makes a
//! plan, and the plan is [applied](Cluster::apply). Every request goes through one room, `transport`, which counts and
//! retries it, collects the API server's warnings, and scrubs secret values out of the server's words.
//!
//! `kube::Client::request` and its relatives are not used: they log the bodies of answers that they cannot read, and hide
//! status and headers. Only the raw `send` is.

mod apply;
mod connect;
mod discover;
mod dry_run;
mod error;
mod evidence;
mod former;
mod inventory;
mod lag;
mod observe;
mod outputs;
mod random;
mod stacks;
mod status;
mod stop;
mod surroundings;
mod take;
mod transport;
mod watch;

pub use apply::{LogScope, Session};
pub use connect::{ConnectError, ConnectOptions, Identity, context_namespace};
pub use error::{ClusterError, RequestError, Trouble};
pub use holm_executor::{ApplyOptions, StopLevel};
pub use outputs::Output;
pub use stacks::{StackContents, StackRecord, Stacks};
pub use status::{ObjectOwner, ObjectStatus};
pub use stop::{Stop, Stopper, stop};
pub use transport::{RequestTrace, Tracer, UserAgent, Warning};

use surroundings::Knowledge;
use transport::{Link, Transport};

/// A cluster to work on.
pub struct Cluster {
    identity: Identity,
    transport: Transport,
    knowledge: Knowledge,
}

impl Cluster {
    /// A cluster behind a client that was made elsewhere, such as one in process. Nothing is asked of it yet.
    ///
    /// The client should not retry by itself: this crate does, and knows what is safe.
    pub fn with_client(client: kube::Client, identity: Identity) -> Self {
        Self::over(Link::of(client), identity)
    }

    fn over(link: Link, identity: Identity) -> Self {
        let transport = Transport::new(link);
        let knowledge = Knowledge::new(transport.clock());
        Self { identity, transport, knowledge }
    }

    /// Says how long the server may be silent before a request is given up and tried once more; a watch, until it begins. An
    /// answer may take longer as long as it goes on arriving. Default: 30 seconds; 5 seconds for the first answer.
    #[must_use]
    pub fn request_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.transport.set_silence(timeout);
        self
    }

    /// Says how long a request is tried again while the server is busy (429) or away (no connection, 502, 503). A server that
    /// has never answered is given up after two tries. Default: 90 seconds.
    #[must_use]
    pub fn retry_budget(mut self, budget: std::time::Duration) -> Self {
        self.transport.set_retry_budget(budget);
        self
    }

    /// Sets who sends the requests, as audit logs show it. Default: `holm/VERSION`, without a program.
    #[must_use]
    pub fn user_agent(mut self, user_agent: UserAgent) -> Self {
        self.transport.set_user_agent(user_agent);
        self
    }

    /// Which cluster this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How many requests were sent so far, repeated ones and watches among them.
    pub fn requests(&self) -> u64 {
        self.transport.requests()
    }

    /// Calls `trace` after each request, or no longer. It sees method, path, status and duration, never a body.
    pub fn set_trace(&self, trace: Option<Tracer>) {
        self.transport.set_trace(trace);
    }

    /// The warnings of the API server so far, each text once, in the order in which they came.
    pub fn warnings(&self) -> Vec<Warning> {
        self.transport.warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The futures may be run on any executor. Never called: that it compiles is the test.
    #[expect(dead_code, reason = "only its types matter")]
    fn futures_can_be_sent(cluster: &Cluster, graph: &holm_core::Graph, plan: &holm_planner::plan::Plan) {
        fn sent<T: Send>(_: T) {}
        let place = holm_planner::inventory::InventoryPlace::of("p", "s", None);
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        sent(cluster.observe(graph, &place, &holm_planner::plan::PlanOptions::default()));
        sent(cluster.apply(plan, Session::new(events)));
        sent(cluster.status(graph, &place));
        sent(cluster.stacks("p", "n"));
        sent(cluster.outputs(graph, &place));
        sent(Cluster::connect(&ConnectOptions::default()));
    }
}
