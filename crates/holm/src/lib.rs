//! Infrastructure as code for Kubernetes, in Rust.
//!
//! A small program declares a graph of resources. Run with a verb, it plans (diffs the graph against the live cluster),
//! applies in dependency order, waits until things really work, and prunes what is gone.
//!
//! A new crate needs one dependency. `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! holm = "0.1"
//! ```
//!
//! `src/main.rs`:
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
//! fn declare(stack: &Stack, config: &Config) -> holm::Result {
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
//! Every type of [`k8s_openapi`], every derived custom resource and any [`Manifest`] is added in the same way as a builder. A
//! stack is tested without a cluster in plain `cargo test`, with [`testing`].
//!
//! # Validation
//! With the feature `validation`, which is on by default, every object is validated as the API server of Kubernetes 1.37 would do it:
//! by `render` and [`testing::graph`], and by `plan` and `apply` where the server does not answer a dry run. The feature `cel` adds the
//! rules of custom resources. [`validate`] gives what is found, for a server of any version.
//!
//! # Versions of Kubernetes
//! The feature `v1_37`, which is on by default, gives [`k8s_openapi`] the types of Kubernetes 1.37. A program can have those of
//! one version only. For another one, from 1.33 on, it leaves out the default features:
//!
//! ```toml
//! [dependencies]
//! holm = { version = "0.1", default-features = false, features = ["cel", "embedded", "validation"] }
//! k8s-openapi = { version = "0.29", features = ["v1_35"] }
//! ```
//!
//! # Custom resources
//! With the feature `derive`, a struct becomes a custom resource with its definition. `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! holm = { version = "0.1", features = ["derive"] }
//! ```
//!
//! `src/main.rs`:
//!
//! ```ignore
//! use std::process::ExitCode;
//!
//! use holm::prelude::*;
//! use holm::schemars::JsonSchema;
//! use holm::serde::{Deserialize, Serialize};
//! use holm::{CustomResource, CustomResourceExt as _};
//!
//! #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
//! #[kube(group = "shop.example.org", version = "v1", kind = "Discount", namespaced)]
//! #[kube(crates(
//!     kube_core = "holm::kube_core",
//!     k8s_openapi = "holm::k8s_openapi",
//!     schemars = "holm::schemars",
//!     serde = "holm::serde",
//!     serde_json = "holm::serde_json"
//! ))]
//! #[serde(crate = "holm::serde")]
//! #[schemars(crate = "holm::schemars")]
//! struct DiscountSpec {
//!     percent: i32,
//! }
//!
//! fn main() -> ExitCode {
//!     holm::run("discount", declare)
//! }
//!
//! fn declare(stack: &Stack, _: &Config) -> holm::Result {
//!     stack.namespace("shop");
//!     stack.add(Discount::crd());
//!     stack.add(Discount::new("winter", DiscountSpec { percent: 20 }));
//!     Ok(())
//! }
//! ```
//!
//! The derived code names crates that this one re-exports, and the attributes say so. A program that depends on kube (with its
//! feature `derive`), k8s-openapi, schemars, serde and serde_json itself needs neither `crates(..)` nor `crate = ".."`.

#[cfg(feature = "config")]
mod configured;
#[cfg(feature = "derive")]
pub mod gateway;
pub mod prelude;
pub mod testing;
mod validation;

use std::process::ExitCode;

#[cfg(feature = "config")]
pub use configured::{read_config, run_with};
pub use holm_components as components;
pub use holm_core::declare::{DeclarationError as Error, Result};
pub use holm_core::validate::{
    Certainty, FieldType, Finding, Meant, ServerVersion, Validated, Validator, graph as validate,
};
pub use holm_core::{Component, policy, transform};
pub use holm_core::{
    Config, ConfigError, ConflictPolicy, FieldPath, Graph, Input, IntoResource, Manifest, Name, Password, Policy,
    Problem, ProblemKind, Problems, ReadyWhen, Ref, ReferenceRule, ResourceId, ResourceOptions, Scope, Sensitive,
    Stack, Strength, Timeouts, Untyped, Warning, WarningKind, WarningLevel, options,
};
pub use holm_resources as resources;
pub use holm_resources::kind;
pub use k8s_openapi;
#[cfg(feature = "derive")]
pub use kube_core::{self, CustomResourceExt};
#[cfg(feature = "derive")]
pub use kube_derive::CustomResource;
#[cfg(any(feature = "config", feature = "derive"))]
pub use {schemars, serde, serde_json};

/// Runs the program `program` with the arguments of this process: declares the stack and does what the verb says.
///
/// `program` is the program's name, a DNS label: the inventory in the cluster is named after it, so it should not change.
/// `declare` is called once, before any cluster is looked for; it may return any error. With the feature `validation`, every object
/// is validated as the API server would do it.
///
/// Exits with 0 when it is done, 1 after an error (of the command line, too), 2 where `--detailed-exitcode` asks for it, and 3 where nothing but
/// mandatory policies of the program block the plan.
pub fn run(program: &str, declare: impl FnOnce(&Stack, &Config) -> Result) -> ExitCode {
    holm_cli::run(program, |stack, config| {
        validation::pass_to(stack);
        declare(stack, config)
    })
}
