//! What can go wrong, with the texts of the Kubernetes API server.
//!
//! Clients and people match on these texts, so a message that contains another one contains all of it, as the server's does;
//! such errors therefore have no `source`.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

/// A definition that is no valid schema.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// A reference leads nowhere.
    #[error("no type found matching: {name}")]
    UnknownType {
        /// The name that is not defined.
        name: String,
    },
    /// A reference overrides how the parts of a scalar relate, which has no parts.
    #[error("{name} is a scalar and has no element relationship to override")]
    OverriddenScalar {
        /// The type.
        name: String,
    },
    /// An OpenAPI schema says something that Kubernetes does not know.
    #[error("{name}: {problem}")]
    OpenApi {
        /// The schema.
        name: String,
        /// What it says.
        problem: String,
    },
}

/// Text or JSON that is no `FieldsV1`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FieldsError {
    /// The text is not JSON.
    #[error("{problem}")]
    Json {
        /// What the parser says.
        problem: String,
    },
    /// Something other than an object stands where a set is expected.
    #[error("a field set must be an object")]
    NotAnObject,
    /// A key is no path element.
    #[error("parsing key {key:?} as path element: {problem}")]
    Element {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// One place where a value does not fit its type.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct ValidationError {
    /// The path from the root, as text; empty for the root itself.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// All places where a value does not fit its type; never empty.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct ValidationErrors(pub Vec<ValidationError>);

impl Display for ValidationError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { out.write_str(&self.message) } else { write!(out, "{}: {}", self.path, self.message) }
    }
}

impl Display for ValidationErrors {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(out, "{only}");
        }
        out.write_str("errors:")?;
        self.0.iter().try_for_each(|error| write!(out, "\n  {error}"))
    }
}
