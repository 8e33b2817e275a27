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
pub mod id;
pub mod input;
pub mod inventory;
pub mod manifest;
mod not_given;
pub mod observe;
pub mod ownership;
pub mod packed;
pub mod path;
pub mod plan;
pub mod problem;
pub mod readiness;
pub mod redact;
pub mod reference;
pub mod references;
pub mod resource;
pub mod schedule;
pub mod secret;
pub mod sensitive;
pub mod site;
pub mod stack;
pub mod takeover;
pub mod validate;
pub mod warning;
pub mod wire;

pub use graph::Graph;
pub use id::{ApiKind, GroupKind, ResourceId, Scope};
pub use input::{Input, Password};
pub use manifest::{Manifest, Untyped};
pub use packed::Packed;
pub use path::FieldPath;
pub use problem::{Problem, ProblemKind, Problems};
pub use reference::Ref;
pub use resource::{ConflictPolicy, IntoResource, ReadyWhen, Resource, ResourceOptions, Strength, Timeouts, options};
pub use sensitive::Sensitive;
pub use site::Site;
pub use stack::{Config, ConfigError, Stack};
pub use warning::{Warning, WarningKind, WarningLevel};
