//! What `--output json` writes: documents with versioned schemas, made from core types that know nothing of JSON.
//!
#![doc = include_str!("../../JSON.md")]

#[cfg(feature = "embedded")]
pub mod cluster;
pub mod config;
pub mod event;
pub mod plan;
pub mod stacks;
pub mod status;

use holm_core::{Problem, ResourceId, Site};
use holm_planner::plan::Shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::hint;

/// The identity of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceDocument {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; none for a cluster-scoped object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl From<&ResourceId> for ResourceDocument {
    fn from(id: &ResourceId) -> Self {
        let ResourceId { group, kind, namespace, name } = id.clone();
        Self { group, kind, namespace, name }
    }
}

/// A line of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SiteDocument {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl From<Site> for SiteDocument {
    fn from(site: Site) -> Self {
        Self { file: site.file.to_owned(), line: site.line }
    }
}

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShownDocument {
    /// `absent`, `value`, `sensitive`, `unknown`, `order`, `filled` (by the server) or `chosen` (by the server, at the apply).
    pub state: String,
    /// The value, where it may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
}

impl From<&Shown> for ShownDocument {
    fn from(shown: &Shown) -> Self {
        let (state, value) = match shown {
            Shown::Absent => ("absent", None),
            Shown::Value(value) => ("value", Some(value.clone())),
            Shown::Order(names) => ("order", Some(Value::from(names.clone()))),
            Shown::Sensitive => ("sensitive", None),
            Shown::Filled(Some(value)) => ("filled", Some(value.clone())),
            Shown::Filled(None) => ("chosen", None),
            Shown::Unknown => ("unknown", None),
        };
        Self { state: state.to_owned(), value }
    }
}

/// Reads a value that is there, which may be null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    causes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemDocument>,
}

#[derive(Serialize)]
struct ProblemDocument {
    message: String,
    /// Where a configuration value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl From<&Problem> for ProblemDocument {
    fn from(problem: &Problem) -> Self {
        Self {
            from: None,
            message: problem.kind.to_string(),
            resource: problem.resource.as_ref().map(ResourceDocument::from),
            field: (!problem.path.is_root()).then(|| problem.path.to_string()),
            site: problem.site.map(SiteDocument::from),
            hint: hint::of_problem(problem),
        }
    }
}

impl From<&holm_config::Problem> for ProblemDocument {
    fn from(problem: &holm_config::Problem) -> Self {
        Self {
            message: problem.kind.to_string(),
            from: problem.origin.as_ref().map(ToString::to_string),
            resource: None,
            field: None,
            site: None,
            hint: hint::of_configuration(problem),
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// On one line, as one of a stream.
    Line,
    /// Indented, as the only one.
    Indented,
}

/// The document `holm.error/v1`, on one line.
pub fn error(diagnostic: &Diagnostic) -> String {
    let error = ErrorDocument {
        schema: "holm.error/v1",
        kind: diagnostic.kind.code(),
        message: &diagnostic.message,
        causes: &diagnostic.causes,
        hint: diagnostic.hint.as_deref(),
        problems: (diagnostic.problems.iter().map(ProblemDocument::from))
            .chain(diagnostic.configuration.iter().map(ProblemDocument::from))
            .collect(),
    };
    document(&error, Form::Line)
}

/// A document as text, its fields in the order of its type, with a line break at the end. It has text keys only, so this
/// cannot fail; should it ever, the reason takes its place.
fn document(document: &impl Serialize, form: Form) -> String {
    let text = match form {
        Form::Line => serde_json::to_string(document),
        Form::Indented => serde_json::to_string_pretty(document),
    };
    let mut text = text.unwrap_or_else(|error| Value::String(error.to_string()).to_string());
    text.push('\n');
    text
}

/// Seconds with three places, which is what durations are given in.
fn seconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
