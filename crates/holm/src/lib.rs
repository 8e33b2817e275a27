//! Infrastructure as code for Kubernetes, in Rust.
//!
//! A small program declares a graph of resources. Run with a verb, it plans (diffs the graph against the live cluster),
//! applies in dependency order, waits until things really work, and prunes what is gone.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use holm::prelude::*;
//!
//! fn main() -> ExitCode {
//!     holm::run("shop", declare)
//! }
//!
//! /// Declares the stack. Everything that may vary comes in through `config`.
//! fn declare(stack: &mut Stack, config: &Config) -> holm::Result {
//!     stack.namespace("shop");
//!     let password = stack.generated("database-password", Password::alphanumeric(32));
//!     let database = stack.add(Secret::opaque("database").entry("password", &password));
//!     let http = Port::tcp("http", 8080);
//!     let server = Container::new("shop", "example.org/shop:1.4.2")
//!         .port(&http)
//!         .env("DATABASE_PASSWORD", database.key("password"))
//!         .readiness(Probe::http("/ready", &http));
//!     let shop = stack.add(Deployment::new("shop").replicas(config.parse_or("replicas", 2)?).container(server));
//!     let service = stack.add(Service::to(&shop, &http));
//!     stack.export("host", service.dns_name());
//!     Ok(())
//! }
//! ```
//!
//! Every k8s-openapi type, every derived custom resource and any [`Manifest`] is added in the same way as a builder. A stack
//! is tested without a cluster in plain `cargo test`, with [`testing`].

pub mod prelude;
pub mod testing;

pub use holm_cli::run;
pub use holm_core::declare::{DeclarationError as Error, Result};
pub use holm_core::{
    Config, ConfigError, ConflictPolicy, FieldPath, Graph, Input, IntoResource, Manifest, Password, Problem,
    ProblemKind, Problems, ReadyWhen, Ref, ResourceId, ResourceOptions, Scope, Sensitive, Stack, Strength, Timeouts,
    Untyped,
};
pub use holm_resources as resources;
pub use holm_resources::kind;
