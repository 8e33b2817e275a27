//! What is wrong with a field, in the words of the API.
//!
//! The texts are those of `k8s.io/apimachinery`, `pkg/util/validation/field/errors.go`.

use serde_json::Value;

use crate::go;

/// Something that is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// The kind of problem.
    pub kind: FieldProblem,
    /// The path: `spec.template.spec.containers[0].image`.
    pub field: String,
    /// The value that is there.
    pub value: Value,
    /// The explanation; may be empty.
    pub detail: String,
    /// Whether the text leaves the value out.
    pub omits_value: bool,
}

/// The kinds of problems that a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// It is not there.
    Required,
    /// Its value is wrong.
    Invalid,
    /// Its value is none of the allowed ones.
    NotSupported,
    /// It may not be set, or not be changed.
    Forbidden,
    /// The value is there already.
    Duplicate,
    /// It is longer than allowed.
    TooLong,
    /// It has more items than allowed.
    TooMany,
    /// It names something that is not there.
    NotFound,
    /// It is of another JSON type.
    TypeInvalid,
}

impl FieldProblem {
    /// Returns the reason as causes give it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::NotFound => "FieldValueNotFound",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::NotFound => "Not found",
        }
    }
}

impl FieldError {
    fn new(kind: FieldProblem, field: impl Into<String>, value: Value, detail: impl Into<String>) -> Self {
        Self { kind, field: field.into(), value, detail: detail.into(), omits_value: false }
    }

    /// Returns that a field must be there.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldProblem::Required, field, Value::Null, detail)
    }

    /// Returns that a value is wrong.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(FieldProblem::Invalid, field, value.into(), detail)
    }

    /// Returns that a value is wrong which the text leaves out.
    pub fn invalid_without_value(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { omits_value: true, ..Self::new(FieldProblem::Invalid, field, Value::Null, detail) }
    }

    /// Returns that a value is none of `supported`, which are listed in this order.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new(FieldProblem::NotSupported, field, value.into(), detail)
    }

    /// Returns that a field may not be set or changed.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldProblem::Forbidden, field, Value::Null, detail)
    }

    /// Returns that a value is there already.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(FieldProblem::Duplicate, field, value.into(), "")
    }

    /// Returns that a text is too long.
    pub fn too_long(field: impl Into<String>, maximum: usize) -> Self {
        Self::new(FieldProblem::TooLong, field, Value::Null, format!("may not be more than {maximum} bytes"))
    }

    /// Returns that a list has more items than allowed.
    pub fn too_many(field: impl Into<String>, actual: usize, maximum: usize) -> Self {
        let detail = format!("{actual}: must have at most {maximum} items");
        Self::new(FieldProblem::TooMany, field, Value::Null, detail)
    }

    /// Returns that something is named which is not there.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(FieldProblem::NotFound, field, value.into(), "")
    }

    /// Returns the problem without the field, as a cause's message gives it.
    #[must_use]
    pub fn body(&self) -> String {
        let words = self.kind.words();
        let head = match self.kind {
            FieldProblem::Required | FieldProblem::Forbidden | FieldProblem::TooLong | FieldProblem::TooMany => {
                words.to_owned()
            }
            _ if self.omits_value => words.to_owned(),
            _ => match &self.value {
                // What has a set of values has a type of its own, which is written as JSON.
                Value::String(text) if self.kind != FieldProblem::NotSupported => {
                    format!("{words}: {}", go::quoted(text))
                }
                value => format!("{words}: {}", go::json(value)),
            },
        };
        if self.detail.is_empty() { head } else { format!("{head}: {}", self.detail) }
    }
}

/// What tests read of problems: of each its reason and its field, which `shown` may shorten.
#[cfg(test)]
pub(crate) fn told(errors: &[FieldError], shown: impl Fn(&str) -> &str) -> Vec<String> {
    let reason = |error: &FieldError| error.kind.reason().trim_start_matches("FieldValue");
    errors.iter().map(|error| format!("{} {}", reason(error), shown(&error.field))).collect()
}
