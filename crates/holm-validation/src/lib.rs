//! What a Kubernetes API server makes of an object before it stores it, as a library without I/O: decoding, defaults, and validation
//! of the built-in kinds and of custom resources, in the words of Kubernetes 1.37.
//!
//! ```
//! use holm_validation::{Kinds, check};
//! use serde_json::json;
//!
//! let kinds = Kinds::built_in()?;
//! let pod = json!({
//!     "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
//!     "spec": {"containers": [{"name": "web", "image": "web:1", "imagePullPolicy": "Allways"}]},
//! });
//! let findings = check(&kinds.of(&pod).expect("Pod is built in"), &pod);
//! assert_eq!(findings[0].field, "spec.containers[0].imagePullPolicy");
//! # Ok::<(), holm_schema::PackError>(())
//! ```
//!
//! # Features
//! - `cel`: the rules of custom resources (`x-kubernetes-validations`) are checked. Without it they hold.

pub mod complete;
pub mod custom;
pub mod decode;
pub mod go;
pub mod object;
pub mod place;
pub mod prepare;
pub mod shape;
pub mod validate;

mod check;
mod defaults;
mod emptied;
mod field;
mod field_error;
mod go_type;
mod kind;
mod kinds;
mod late;
mod quality_of_service;

pub use check::{Finding, FindingKind, check, check_with_late};
pub use emptied::Emptied;
pub use field::FieldType;
pub use field_error::{FieldError, FieldProblem};
pub use holm_schema::{DataType, GroupVersionKind};
pub use kind::{NameRule, ResourceKind, TypeSchema};
pub use kinds::Kinds;
pub use quality_of_service::quality_of_service;
