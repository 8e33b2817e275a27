//! What a Kubernetes API server makes of an object before it stores it, as a library without I/O: decoding, defaults, and validation
//! of the built-in kinds and of custom resources, in the words of Kubernetes 1.37.
//!
//! # Features
//! - `cel`: the rules of custom resources (`x-kubernetes-validations`) are checked. Without it they hold.

pub mod complete;
pub mod custom;
pub mod decode;
pub mod go;
pub mod object;
pub mod prepare;
pub mod shape;
pub mod validate;

mod defaults;
mod emptied;
mod field_error;
mod kind;
mod quality_of_service;

pub use emptied::Emptied;
pub use field_error::{FieldError, FieldProblem};
pub use kind::{NameRule, ResourceKind, TypeSchema};
pub use quality_of_service::quality_of_service;
