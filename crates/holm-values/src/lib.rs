//! The grammars of Kubernetes' values and names, each in one place: what a text means, whether it is valid, and in which words
//! the API server rejects it.
//!
//! This crate is pure and depends on no other crate of the workspace. The rules are those of `k8s.io/apimachinery`; each module
//! names its source, and its tests hold the cases of Kubernetes' own tests.
//!
//! ```
//! use holm_values::Quantity;
//!
//! let size: Quantity = "1.5Gi".parse()?;
//! assert_eq!(size.to_string(), "1536Mi");
//! # Ok::<(), holm_values::QuantityError>(())
//! ```

/// What the `gitVersion` of an embedded API server ends with, so that a client can tell it from a real one.
pub const EMBEDDED_BUILD: &str = "+holm-apiserver";

pub mod backoff;
pub mod field_selector;
pub mod id;
pub mod json;
pub mod names;
pub mod path;
pub mod sensitive;

mod duration;
mod quantity;
mod schedule;
mod selector;
mod suggestion;
mod time;

pub use field_selector::{FieldRequirement, FieldSelectorError};
pub use id::{ApiKind, GroupKind, ResourceId, Scope};
pub use path::FieldPath;
pub use quantity::{Quantity, QuantityError};
pub use schedule::{Schedule, ScheduleError, Zone, ZoneError};
pub use selector::{Requirement, Selector, SelectorError, Test, node_matches};
pub use sensitive::Sensitive;
pub use suggestion::{did_you_mean, is_near};
pub use time::{MicroTime, Timestamp, TimestampError};
