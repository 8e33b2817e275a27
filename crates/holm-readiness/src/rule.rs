//! What ready means where the user says it.

use holm_values::FieldPath;
use serde_json::Value;

/// What ready means for one resource, as data.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadyWhen {
    /// As soon as it exists.
    Exists,
    /// When the status condition of this type has this status. A status of an older generation does not count.
    Condition {
        /// The condition's type, such as `Ready`.
        condition: String,
        /// Its status, such as `True`.
        status: String,
    },
    /// When the field has this value.
    Field {
        /// The field.
        path: FieldPath,
        /// Its value.
        equals: Value,
    },
    /// When the field is there and neither empty nor null.
    Present(FieldPath),
    /// When all of these hold.
    All(Vec<ReadyWhen>),
}

impl ReadyWhen {
    /// Ready when the condition is `True`.
    pub fn condition(name: &str) -> Self {
        Self::Condition { condition: name.to_owned(), status: "True".to_owned() }
    }
}
