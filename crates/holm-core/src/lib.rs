//! The pure core of holm: what a stack is, what it needs, what would change, and in which order.
//!
//! Data flows one way: a [`Stack`] is declared, [built](Stack::build) into a [`Graph`] (edges are read out of the finished
//! objects, all problems reported at once), compared with what was [observed](observe) into a [`plan`], and applied by
//! driving a [`schedule`]. Nothing here does I/O, reads a clock or the environment, or makes a random number: the same input
//! gives the same output, byte for byte.

mod bounds;
pub mod catalog;
pub mod check;
mod configure;
pub mod declare;
pub mod denial;
pub mod desired;
pub mod diff;
mod discovery;
pub mod event;
pub mod fields;
pub mod graph;
mod graph_text;
pub mod input;
pub mod inventory;
pub mod manifest;
mod not_given;
pub mod observe;
pub mod ownership;
pub mod packed;
pub mod plan;
pub mod problem;
pub mod reference;
pub mod references;
pub mod resource;
pub mod schedule;
pub mod secret;
pub mod site;
pub mod stack;
pub mod takeover;
pub mod validate;
pub mod warning;
pub mod wire;

pub use graph::Graph;
pub use holm_readiness::ReadyWhen;
pub use holm_values::{ApiKind, FieldPath, GroupKind, ResourceId, Scope, Sensitive, id, path, sensitive};
pub use input::{Input, Password};
pub use manifest::{Manifest, Untyped};
pub use packed::Packed;
pub use problem::{Problem, ProblemKind, Problems};
pub use reference::Ref;
pub use resource::{ConflictPolicy, IntoResource, Resource, ResourceOptions, Strength, Timeouts, options};
pub use site::Site;
pub use stack::{Config, ConfigError, Stack};
pub use warning::{Warning, WarningKind, WarningLevel};
