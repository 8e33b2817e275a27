//! The pure core of holm: what a stack is and what it needs.
//!
//! A [`Stack`] is declared and [built](Stack::build) into a [`Graph`]: edges are read out of the finished objects, and all problems
//! reported at once. Nothing here does I/O, reads a clock or the environment, or makes a random number: the same input gives the
//! same graph, byte for byte.

mod bounds;
pub mod catalog;
mod check;
mod component;
mod config;
mod configure;
pub mod declare;
mod discovery;
mod draft;
mod graph;
mod graph_text;
mod input;
mod manifest;
mod not_given;
mod outputs;
pub mod policy;
mod problem;
mod reference;
mod references;
mod resource;
mod rollout;
pub mod secret;
mod site;
mod stack;
pub mod transform;
pub mod validate;
mod warning;
pub mod wire;

pub use component::Component;
pub use config::{Config, ConfigError};
pub use graph::{Dependency, External, Graph, Origin, Part, PartUse};
pub use holm_readiness::ReadyWhen;
pub use holm_values::{ApiKind, FieldPath, GroupKind, ResourceId, Scope, Sensitive, id, path, sensitive};
pub use input::{FieldReference, Input, Password, Resolve, Resolved, Transform, Unknown};
pub use manifest::{Manifest, Untyped};
pub use outputs::StackReference;
pub use policy::Policy;
pub use problem::{Problem, ProblemKind, Problems};
pub use reference::{Name, Ref};
pub use references::ReferenceRule;
pub use resource::{
    Configured, ConflictPolicy, Declaration, DependsOn, IntoResource, Kind, Resource, ResourceOption, ResourceOptions,
    Strength, Timeouts, api_kind_of, options,
};
pub use site::Site;
pub use stack::Stack;
pub use warning::{SecretSource, Warning, WarningKind, WarningLevel};
