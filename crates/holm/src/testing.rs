//! Testing a stack in plain `cargo test`: no network, no containers, no waiting.
//!
//! # Without a cluster
//! [`graph`] declares and checks a stack, and [`stack`] one of another name or namespace; [`object`], [`objects`] and [`secret`] say
//! what it is made of.
//!
//! ```
//! use holm::prelude::*;
//!
//! fn declare(stack: &Stack, config: &Config) -> holm::Result {
//!     stack.namespace("shop");
//!     stack.add(ConfigMap::new("settings").entry("greeting", config.require::<String>("greeting")?));
//!     Ok(())
//! }
//!
//! let graph = holm::testing::graph(declare, [("greeting", "hello")])?;
//! let settings = holm::testing::object(&graph, "ConfigMap/settings").expect("the stack has it");
//! assert_eq!(settings["data"]["greeting"], "hello");
//! # Ok::<(), holm::Problems>(())
//! ```
//!
//! # On an embedded cluster
//! With the feature `testing` there is `Cluster`: a Kubernetes API with its controllers and a simulated node in the process of
//! the test. A stack is planned, applied and destroyed on it with the code that the command line runs.
//!
//! ```no_run
//! # #[cfg(feature = "testing")]
//! # fn main() -> Result<(), holm::testing::Failure> {
//! use holm::prelude::*;
//! use holm::testing::Cluster;
//!
//! fn declare(stack: &Stack, config: &Config) -> holm::Result {
//!     stack.namespace("shop");
//!     let http = Port::tcp("http", 8080);
//!     let image = config.get("image").unwrap_or("example.org/shop:1");
//!     let server = Container::new("shop", image).port(&http).readiness(Probe::http("/ready", &http));
//!     let shop = stack.add(Deployment::new("shop").container(server));
//!     stack.add(Service::to(&shop, &http));
//!     Ok(())
//! }
//!
//! let cluster = Cluster::start()?;
//! let shop = cluster.stack("shop", declare);
//! shop.apply()?;
//! shop.plan()?.assert_empty();
//!
//! // Somebody deletes what is needed: the next run mends it, and writes nothing else.
//! shop.delete("Service/shop")?;
//! let mended = shop.apply()?;
//! assert_eq!(mended.planned.changed(), ["create Service/shop"]);
//! assert!(shop.object("Service/shop").is_some());
//!
//! // A pod that fails makes the run fail, with the cause.
//! let failed = shop.with("image", "example.org/shop:crash-loop").apply().expect_err("it crashes");
//! assert!(failed.to_string().contains("fatal: simulated failure"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "testing"))]
//! # fn main() {}
//! ```
//!
//! Whatever takes time there takes none here: while nothing is being done, the cluster's clock jumps to the next moment at which
//! something is due. Between two calls it stands still, and `Cluster::advance` lets it go on.

#[cfg(feature = "testing")]
mod cluster;
#[cfg(feature = "testing")]
mod failure;
mod offline;
#[cfg(feature = "testing")]
mod outcome;
#[cfg(feature = "testing")]
mod subject;

pub use offline::{OfflineStack, graph, object, objects, secret, stack};

#[cfg(feature = "testing")]
pub use cluster::Cluster;
#[cfg(feature = "testing")]
pub use failure::Failure;
#[cfg(feature = "testing")]
pub use holm_cluster::ObjectStatus;
#[cfg(feature = "testing")]
pub use holm_embedded::Timestamp;
#[cfg(feature = "testing")]
pub use holm_executor::event::{Event, Outcome, Report};
#[cfg(feature = "testing")]
pub use holm_faults::{Fault, Faults, Matching, Request, Requests};
#[cfg(feature = "testing")]
pub use holm_planner::plan::{Action, Change, Plan};
#[cfg(feature = "testing")]
pub use holm_readiness::cause::Cause;
#[cfg(feature = "testing")]
pub use outcome::{Applied, Planned};
#[cfg(feature = "testing")]
pub use subject::StackUnderTest;
