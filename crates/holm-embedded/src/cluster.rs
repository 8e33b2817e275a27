//! The handle of a cluster, and how it is started.

use std::sync::Arc;
use std::time::Duration;

use holm_apiserver::{ApiError, ApiServer, ApiServerError, Clock, Credentials, Listener};
use holm_faults::{Faults, Requests};
use holm_node::NodeError;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tower::Layer;

use crate::bootstrap;
use crate::place::{Held, Place, PlaceError};
use crate::simulation::{Settled, Simulation, run};

/// How a cluster is started.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Where the time comes from. Default: the machine's clock.
    pub clock: Clock,
    /// Makes uids and generated names the same in every run. Default: they differ.
    pub seed: Option<u64>,
    /// How many changes are kept for watches and for the next pages of lists. Default: 20,000.
    pub history: Option<usize>,
    /// The objects that a new cluster begins with, as [`ApiServer::snapshot`] of another one gave them, instead of the first
    /// objects of every cluster. Default: none.
    pub objects: Vec<Value>,
    /// Whether controllers and node work by themselves, in a task that ends with the cluster. Otherwise they do nothing until
    /// [`Cluster::settle`], but for what is due at the start on a clock that is held. Default: they do.
    pub in_background: bool,
    /// How many actions [`Cluster::settle`] may take, besides two for each object that is there, before it gives up. A pod takes
    /// about ten. Default: 100,000.
    pub settle_limit: usize,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            seed: None,
            history: None,
            objects: Vec::new(),
            in_background: true,
            settle_limit: 100_000,
        }
    }
}

/// Why a cluster does not start, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The API server cannot be started.
    #[error(transparent)]
    ApiServer(#[from] ApiServerError),
    /// The place of the cluster cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The first objects of the cluster were refused.
    #[error("the embedded cluster cannot make its first objects")]
    Bootstrap(#[from] ApiError),
    /// There is no tokio runtime here, which clients and the work in the background need.
    #[error("an embedded cluster is started inside a tokio runtime, and there is none here")]
    NoRuntime,
    /// The node cannot go on. It tries again what failed when it is next told to.
    #[error("the simulated node cannot go on")]
    Node(#[from] NodeError),
    /// The controllers and the node do not come to rest. What they did so far is done.
    #[error("the cluster does not settle: after {acted} actions something is still due, most often {busiest}")]
    Unsettled {
        /// How many actions there were.
        acted: usize,
        /// What was worked on most often: a controller or a resource, and an object, such as `ReplicaSet default/web`.
        busiest: String,
    },
    /// The port cannot be had.
    #[error("the embedded cluster cannot listen on port {port}")]
    Listen {
        /// The port that was asked for; 0 for any.
        port: u16,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The machine's clock cannot be moved.
    #[error("only a clock that is held can be advanced")]
    ClockRuns,
}

/// A Kubernetes cluster in this process. It ends when this is dropped; what is left of its clients and of its API server then
/// still answers, but nothing follows from a write any more, and one that is kept in a place takes no more writes.
#[derive(Debug)]
pub struct Cluster {
    api: ApiServer,
    faults: Faults,
    simulation: Arc<Mutex<Simulation>>,
    settle_limit: usize,
    task: Option<JoinHandle<()>>,
    held: Option<Held>,
    /// By which clients know a cluster that is kept.
    credentials: Option<Credentials>,
}

impl Cluster {
    /// Starts a cluster in memory: the API server, its namespaces, the storage classes `standard` (the default, which binds when a pod
    /// uses the claim) and `immediate` (which also allows volumes to grow), and a node that is ready.
    ///
    /// # Errors
    /// When there is no tokio runtime.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        Self::start_at(None, options).await
    }

    /// Starts the cluster that is kept in this place, with all that it had when it was last used, or a new one. Requests of
    /// clients are answered when all that the answer tells is on the disk. `command` tells other processes what this one does.
    ///
    /// # Errors
    /// When another process has it, when its file is damaged or of a later version, or cannot be used.
    pub async fn open(place: &Place, command: &str, options: ClusterOptions) -> Result<Self, ClusterError> {
        let runtime = Handle::try_current().map_err(|_| ClusterError::NoRuntime)?;
        let (place, command) = (place.clone(), command.to_owned());
        // Another process may have it for a moment, which is waited for.
        let held =
            runtime.spawn_blocking(move || place.hold(&command)).await.map_err(|_| ClusterError::NoRuntime)??;
        Self::start_at(Some(held), options).await
    }

    async fn start_at(held: Option<Held>, options: ClusterOptions) -> Result<Self, ClusterError> {
        let runtime = Handle::try_current().map_err(|_| ClusterError::NoRuntime)?;
        let mut builder = ApiServer::builder().clock(options.clock).objects(options.objects);
        if let Some(seed) = options.seed {
            builder = builder.seed(seed);
        }
        if let Some(history) = options.history {
            builder = builder.history(history);
        }
        let credentials = held.as_ref().map(Held::credentials).transpose()?;
        if let (Some(held), Some(credentials)) = (&held, &credentials) {
            held.discard_import()?;
            builder = builder.persist(held.place().file()).signing_key(credentials.signing_key());
        }
        let api = builder.build()?;
        bootstrap::run(&api)?;
        let mut simulation = Simulation::new(&api);
        // What a held clock is for is that nothing depends on how fast the machine is.
        if api.clock().is_held() {
            simulation.settle(&api, options.settle_limit).await?;
        } else if options.in_background {
            simulation.begin(&api).await?;
        }
        let simulation = Arc::new(Mutex::new(simulation));
        let task = options.in_background.then(|| runtime.spawn(run(api.clone(), Arc::clone(&simulation))));
        Ok(Self {
            api,
            faults: Faults::default(),
            simulation,
            settle_limit: options.settle_limit,
            task,
            held,
            credentials,
        })
    }

    /// Listens on the loopback interface, on this port or on a free one if it is 0, and lets other processes of the user know,
    /// where the cluster has a place: its kubeconfig is written there.
    ///
    /// # Errors
    /// When the port cannot be had, or the kubeconfig cannot be written.
    pub async fn listen(&mut self, port: u16) -> Result<Listener, ClusterError> {
        let listener = match &self.credentials {
            Some(credentials) => self.api.listen_with(port, credentials).await,
            None => self.api.listen(port).await,
        };
        let listener = listener.map_err(|source| ClusterError::Listen { port, source })?;
        if let Some(held) = &mut self.held {
            let path = held.place().kubeconfig();
            let written = listener.write_kubeconfig(&path);
            written.map_err(|source| PlaceError::Unusable { path: path.clone(), source })?;
            held.listens(&path)?;
        }
        Ok(listener)
    }

    /// A client that talks to the cluster without a socket. Its default namespace is `default`. Its requests pass by
    /// [`faults`](Self::faults).
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.faults.layer(self.api.service()), "default")
    }

    /// What stands between the clients and the API server: for faults on order, and the log of the clients' requests.
    /// Controllers, node and listeners do not pass by there.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The requests of the clients so far, oldest first; see [`Faults::requests`].
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.faults.requests()
    }

    /// What the file of the cluster holds and this program cannot read as an object; see [`ApiServer::unreadable`].
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        self.api.unreadable()
    }

    /// The API server, for direct access and for a listener.
    #[must_use]
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// The clock that controllers, node and API server take the time from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.api.clock()
    }

    /// Does all that is due, controllers and node in turn, until both are quiet. Afterwards nothing happens before the time
    /// goes on or somebody writes.
    ///
    /// # Errors
    /// When the node cannot go on, and when there is no end to what is due (see [`ClusterOptions::settle_limit`]).
    pub async fn settle(&self) -> Result<Settled, ClusterError> {
        self.simulation.lock().await.settle(&self.api, self.settle_limit).await
    }

    /// Lets time pass on a clock that is held: settles, then goes from one due time to the next and settles at each, and stops
    /// at `by` after the present time. What is delayed, such as the backoff of a crash loop, happens in its order and at its
    /// time.
    ///
    /// # Errors
    /// When the clock is the machine's, the node cannot go on, or there is no end to what is due.
    pub async fn advance(&self, by: Duration) -> Result<Settled, ClusterError> {
        let clock = self.clock();
        if !clock.is_held() {
            return Err(ClusterError::ClockRuns);
        }
        let mut simulation = self.simulation.lock().await;
        let end = clock.now_milliseconds().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        let mut settled = simulation.settle(&self.api, self.settle_limit).await?;
        loop {
            let now = clock.now_milliseconds();
            if now >= end {
                return Ok(settled);
            }
            // What is due now was just done, so a due time that is not later has nothing to wait for.
            let next = settled.next.filter(|next| *next > now).unwrap_or(end).min(end);
            clock.advance(Duration::from_millis(next.abs_diff(now)));
            let after = simulation.settle(&self.api, self.settle_limit).await?;
            settled = Settled { acted: settled.acted + after.acted, next: after.next };
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        // Clients may live on, and the lock goes with this.
        self.api.close();
    }
}
