//! The cluster of a test.

use std::time::Duration;

use holm_core::{Config, Stack};
use holm_embedded::{Clock, ClusterOptions, Timestamp};
use holm_faults::{Faults, Requests};
use serde_json::Value;
use tokio::runtime::{Builder, Handle, Runtime};

use super::failure::Failure;
use super::subject::StackUnderTest;

/// The time at which every cluster starts: 2027-01-15 08:00:00 UTC.
const START: Timestamp = Timestamp(1_800_000_000);

/// An embedded cluster for a test, with its own runtime, so that a test needs no `async`. It ends when this is dropped.
///
/// It has one node, `holm-node`, and the storage classes `standard` (the default, which binds when a pod uses the claim) and
/// `immediate`. No container runs: pods become ready because the node says so. To make one fail, put a word such as
/// `crash-loop`, `does-not-exist`, `never-ready`, `oom`, `config-error` or `slow` into its image's name
/// (`example.org/shop:crash-loop`), or `holm.dev/simulate: crash-loop` among the annotations of the pod. A `nodeSelector` that
/// no node has makes it unschedulable.
///
/// Uids and generated names are the same in every run, and time is virtual: it starts at 2027-01-15 08:00:00 UTC, stands still
/// between calls, and jumps over every wait.
pub struct Cluster {
    embedded: holm_embedded::Cluster,
    runtime: Runtime,
}

impl Cluster {
    /// Starts a cluster in memory.
    ///
    /// # Errors
    /// Inside an async test, whose runtime is in the way, and when the operating system gives no runtime.
    pub fn start() -> Result<Self, Failure> {
        if Handle::try_current().is_ok() {
            return Err(Failure::InsideRuntime);
        }
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(Failure::NoRuntime)?;
        let embedded = runtime.block_on(async {
            let clock = Clock::of_runtime(START);
            let options = ClusterOptions { clock, seed: Some(0), ..ClusterOptions::default() };
            holm_embedded::Cluster::start(options).await
        })?;
        Ok(Self { embedded, runtime })
    }

    /// The stack `default` of the program `program`, to be run on this cluster as its declaration says. A test may have
    /// several programs, and runs of each with different values.
    pub fn stack<'c, D>(&'c self, program: &str, declare: D) -> StackUnderTest<'c>
    where
        D: Fn(&Stack, &Config) -> holm_core::declare::Result + 'c,
    {
        StackUnderTest::new(self, program, declare)
    }

    /// Lets time pass: what is due meanwhile happens in its order, each at its time.
    pub fn advance(&self, by: Duration) {
        self.block_on(async { tokio::time::sleep(by).await });
    }

    /// The cluster's time.
    pub fn now(&self) -> Timestamp {
        self.within(|| self.embedded.clock().now())
    }

    /// What stands between stacks and the API server: orders faults, and counts requests. What the cluster's own controllers
    /// and what a test's own edits ask for does not pass by there.
    ///
    /// ```
    /// # fn main() -> Result<(), holm::testing::Failure> {
    /// use holm::prelude::*;
    /// use holm::testing::{Cluster, Failure, Fault, Matching};
    ///
    /// fn declare(stack: &Stack, _: &Config) -> holm::Result {
    ///     stack.namespace("shop");
    ///     stack.add(ConfigMap::new("settings").entry("greeting", "hello"));
    ///     Ok(())
    /// }
    ///
    /// let cluster = Cluster::start()?;
    /// let shop = cluster.stack("shop", declare);
    ///
    /// // A server that is overloaded for a moment is no reason to fail.
    /// let settings = Matching::mutating().resource("configmaps").name("settings");
    /// cluster.faults().order(Fault::Unavailable { retry_after: 3 }, settings.clone());
    /// shop.apply()?;
    /// assert_eq!(cluster.faults().struck().len(), 1);
    ///
    /// // A run that is killed leaves nothing that the next one does not take up.
    /// cluster.faults().order(Fault::KillAfter, settings);
    /// let killed = shop.destroy(["Namespace/shop"]).expect_err("it is killed");
    /// assert!(matches!(killed, Failure::Killed(_)));
    /// shop.destroy(["Namespace/shop"])?;
    /// assert!(shop.objects().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn faults(&self) -> &Faults {
        self.embedded.faults()
    }

    /// The requests of all stacks so far.
    pub fn requests(&self) -> Requests {
        self.embedded.requests()
    }

    /// Creates an object, as `manager` would. Namespace and name are in it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn create(&self, manager: &str, object: Value) -> Result<(), Failure> {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let address = format!("{kind}/{name}");
        let objects = self.embedded.api().find(&kind).ok_or(Failure::NoSuchKind(kind))?;
        let made = self.within(|| objects.create(object, &holm_embedded::WriteOptions::by(manager)));
        made.map_err(|source| Failure::Refused { object: address, source: Box::new(source) })?;
        self.settle()
    }

    /// A client for what is missing here; see [`block_on`](Self::block_on). Its requests pass by
    /// [`faults`](Self::faults).
    pub fn client(&self) -> holm_embedded::Client {
        self.within(|| self.embedded.client())
    }

    /// Runs a future on the cluster's runtime, to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Does all that follows from a write and is due now.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        self.block_on(self.embedded.settle())?;
        Ok(())
    }

    pub(super) fn embedded(&self) -> &holm_embedded::Cluster {
        &self.embedded
    }

    /// Runs something that reads the clock, which is the runtime's.
    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        let _guard = self.runtime.enter();
        run()
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("now", &self.now()).finish_non_exhaustive()
    }
}
