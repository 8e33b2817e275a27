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
//! # A cluster that is kept
//! [`Cluster::start`] is a cluster in memory. [`Cluster::open`] is one in a [`Place`]: it has all that it had when it was last used,
//! belongs to one process at a time, and says which to the others. A request of a client is answered when all that the answer tells
//! is on the disk, so a kill at any moment loses nothing that was acknowledged; writes that come while the disk is busy share a
//! transaction. When a write cannot be stored, it and all later ones are refused until the cluster is opened again.
//!
//! # Limits
//! What controllers and node did and no client has seen may be lost in a crash; they do it again. The history of changes is not
//! kept: a watch of an earlier life is told to list anew. A kept cluster that is damaged is refused, not repaired.
//!
//! The limits of [`holm_apiserver`] hold too: what is accepted here may still be refused by a real cluster.

mod bootstrap;
mod cluster;
mod import;
mod place;
mod simulation;

pub use bootstrap::NODE_NAME;
pub use cluster::{Cluster, ClusterError, ClusterOptions};
pub use holm_apiserver::{
    ApiError, ApiServer, ApiServerError, Clock, DeleteOptions, FILE_THREAD, Listener, Objects, PersistError, Timestamp,
    WriteOptions,
};
pub use import::Import;
pub use kube::Client;
pub use place::{DEFAULT_NAME, Held, Holder, Place, PlaceError, STATE_DIRECTORY};
pub use simulation::Settled;
