//! Refusals in the form of the API: a `Status` with a code, a reason, and the causes by field.
//!
//! The texts and codes are those of `k8s.io/apimachinery`, `pkg/api/errors/errors.go`.

use holm_validation::FieldError;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// An answer that is no success, as the API gives it.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP code.
    pub code: u16,
    /// The reason in one word, such as `NotFound`; empty if the API gives none.
    pub reason: &'static str,
    /// The text for people.
    pub message: String,
    /// The object, and the causes.
    pub details: Option<Value>,
    /// What the client should know besides.
    pub warnings: Vec<String>,
}

/// The name under which messages know a resource: `deployments.apps`, or `secrets`.
pub(crate) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// A problem as the causes of a refusal give it.
fn cause(error: &FieldError) -> Value {
    json!({"reason": error.kind.reason(), "message": error.body(), "field": error.field})
}

fn details(group: &str, kind: &str, name: &str) -> Map<String, Value> {
    let mut details = Map::new();
    for (field, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(field.to_owned(), Value::from(value));
        }
    }
    details
}

impl ApiError {
    /// An answer with this code, reason and text.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, warnings: Vec::new() }
    }

    fn with(mut self, details: Map<String, Value>) -> Self {
        self.details = Some(Value::Object(details));
        self
    }

    /// No object with this name.
    #[must_use]
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", qualified(resource, group)))
            .with(details(group, resource, name))
    }

    /// No such path.
    #[must_use]
    pub fn no_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with(Map::new())
    }

    /// No such group or version: the answer is plain text.
    #[must_use]
    pub fn no_path() -> Self {
        Self::new(404, "", "404 page not found")
    }

    /// The name is taken.
    #[must_use]
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} {name:?} already exists", qualified(resource, group)))
            .with(details(group, resource, name))
    }

    /// The object is not as the request supposes.
    #[must_use]
    pub fn conflict(group: &str, resource: &str, name: &str, problem: &str) -> Self {
        let text = format!("Operation cannot be fulfilled on {} {name:?}: {problem}", qualified(resource, group));
        Self::new(409, "Conflict", text).with(details(group, resource, name))
    }

    /// The object has changed since it was read.
    #[must_use]
    pub fn modified(group: &str, resource: &str, name: &str) -> Self {
        let problem = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, resource, name, problem)
    }

    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The request is not allowed.
    #[must_use]
    pub fn forbidden(group: &str, resource: &str, name: &str, problem: &str) -> Self {
        let what = qualified(resource, group);
        let text = if resource.is_empty() {
            format!("forbidden: {problem}")
        } else if name.is_empty() {
            format!("{what} is forbidden: {problem}")
        } else {
            format!("{what} {name:?} is forbidden: {problem}")
        };
        Self::new(403, "Forbidden", text).with(details(group, resource, name))
    }

    /// Fields of the object are wrong. `errors` is not empty.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut different: Vec<&FieldError> = Vec::new();
        errors.iter().for_each(|error| {
            if !different.contains(&error) {
                different.push(error);
            }
        });
        let errors = different;
        let texts: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.body())).collect();
        let text = if let [only] = texts.as_slice() { only.clone() } else { format!("[{}]", texts.join(", ")) };
        let mut details = details(group, kind, name);
        details.insert("causes".to_owned(), errors.iter().map(|error| cause(error)).collect());
        Self::new(422, "Invalid", format!("{} {name:?} is invalid: {text}", qualified(kind, group))).with(details)
    }

    /// The method is not served here.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .with(Map::new())
    }

    /// The body is in a form that is not read here.
    #[must_use]
    pub fn unsupported_media_type(supported: &str) -> Self {
        let text =
            format!("the body of the request was in an unknown format - accepted media types include: {supported}");
        Self::new(415, "UnsupportedMediaType", text)
    }

    /// The answer cannot be given in the form that was asked for.
    #[must_use]
    pub fn not_acceptable() -> Self {
        Self::new(406, "NotAcceptable", "only the following media types are accepted: application/json")
            .with(Map::new())
    }

    /// Something that Kubernetes has and this server does not.
    pub fn not_supported(what: impl Into<String>) -> Self {
        Self::new(501, "NotImplemented", format!("the embedded cluster does not support this: {}", what.into()))
    }

    /// The revision is no longer there.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A failure that is none of the request's.
    pub fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let details = json!({"causes": [{"message": message}]});
        Self {
            code: 500,
            reason: "InternalError",
            message: format!("Internal error occurred: {message}"),
            details: Some(details),
            warnings: Vec::new(),
        }
    }

    /// A failure with the text alone, as the API server gives one for errors that it does not know.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// Adds one cause.
    #[must_use]
    pub fn cause(mut self, reason: &str, message: &str, field: &str) -> Self {
        let details = self.details.get_or_insert_with(|| json!({}));
        let mut cause = Map::new();
        for (name, value) in [("reason", reason), ("message", message), ("field", field)] {
            if !value.is_empty() {
                cause.insert(name.to_owned(), Value::from(value));
            }
        }
        if let Some(details) = details.as_object_mut()
            && let Some(causes) = details.entry("causes").or_insert_with(|| json!([])).as_array_mut()
        {
            causes.push(Value::Object(cause));
        }
        self
    }

    /// Adds what the client was to be warned of before the request was refused.
    #[must_use]
    pub(crate) fn warning_of(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// The object of kind `Status` that the API answers with.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = Value::from(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}
