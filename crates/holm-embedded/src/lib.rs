//! An embedded Kubernetes cluster: the API server, the controllers and the simulated node in one process.
//!
//! No container runs, but the API does what that of Kubernetes 1.37 does, and what is created becomes ready, or fails as it was
//! told to, as on a cluster.
//!
//! ```
//! use std::time::Duration;
//!
//! use holm_embedded::{Clock, Cluster, ClusterOptions, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), holm_embedded::ClusterError> {
//! let clock = Clock::held_at(Timestamp(1_800_000_000));
//! let cluster = Cluster::start(ClusterOptions { clock, ..ClusterOptions::default() }).await?;
//! let client = cluster.client();
//! // Requests of `client` here; then all that follows from them is done without waiting,
//! cluster.settle().await?;
//! // and what takes time on a cluster takes none.
//! cluster.advance(Duration::from_secs(600)).await?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//! Those of [`holm_apiserver`]; what is accepted here may still be refused by a real cluster.

mod bootstrap;
mod cluster;
pub mod faults;
mod place;
mod simulation;

pub use bootstrap::NODE_NAME;
pub use cluster::{Cluster, ClusterError, ClusterOptions};
pub use holm_apiserver::{
    ApiError, ApiServer, ApiServerError, Clock, DeleteOptions, FILE_THREAD, Listener, Objects, PersistError, Timestamp,
    WriteOptions,
};
pub use kube::Client;
pub use place::{DEFAULT_NAME, Held, Holder, Place, PlaceError, STATE_DIRECTORY};
pub use simulation::Settled;
