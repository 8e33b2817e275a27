//! Validation of a stack as the API server would do it, before it is asked.
//!
//! This crate knows what to do with findings; the library that makes them is passed in as a [`Validator`], so that a program can do
//! without it. A finding is a problem only where no server of the version at hand accepts the object. Where a server was asked, its
//! answer counts, and the finding is left out.

mod removed;
mod server;

use std::fmt;

use serde_json::Value;

use crate::graph::Graph;
use crate::id::ApiKind;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use crate::references::by_name;
use crate::resource::{Resource, UNKNOWN};
use crate::warning::{Warning, WarningKind};
use holm_values::did_you_mean;

pub(crate) use removed::replacement;
pub use server::ServerVersion;

/// The text that stands in an object for a value that is secret or known later.
pub const LATE: &str = UNKNOWN;

/// A library that validates objects.
pub trait Validator: fmt::Debug + Send + Sync {
    /// Returns the version of Kubernetes whose rules it knows.
    fn version(&self) -> ServerVersion;

    /// Returns what is wrong with the objects of one stack, each complete but for the values that [`LATE`] stands for. Definitions of
    /// custom resources are among them. Of a kind that it does not know it finds nothing.
    fn validate(&self, objects: &[Value]) -> Vec<Finding>;

    /// Returns what is at each of these fields, in their order. The kinds are built in, or one of the definitions makes them.
    fn field_types(&self, definitions: &[&Value], fields: &[(&ApiKind, &FieldPath)]) -> Vec<FieldType> {
        let _ = definitions;
        vec![FieldType::Open; fields.len()]
    }
}

/// What the schema of a kind has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A field that takes text only.
    Text,
    /// A field that takes whole numbers only.
    Integer,
    /// A field that takes a whole number or the name of one, such as a target port.
    IntegerOrText,
    /// Another field, or one of which the schema says nothing; also where the kind is not known.
    Open,
    /// No field.
    Missing {
        /// The position of the step of the path that leads nowhere.
        step: usize,
        /// The fields that there are instead.
        known: Vec<String>,
    },
}

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The position of the object.
    pub object: usize,
    /// The field, list items by position.
    pub path: FieldPath,
    /// What is wrong, in the API server's words. Never a secret.
    pub text: String,
    /// How certain it is.
    pub certainty: Certainty,
    /// What was given and what could have been meant.
    pub meant: Option<Meant>,
}

/// A word that was given, and those that could have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// What was given.
    pub given: String,
    /// What there is.
    pub known: Vec<String>,
}

/// How certain it is that an API server rejects an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Every server does: the stack itself defines the rule.
    Always,
    /// Servers of the validator's version do, and newer ones may not.
    InVersion,
    /// The field is not one of the validator's version. Newer servers may have it, so that of an unknown server nothing is certain.
    UnknownField,
    /// Something in the cluster, such as an admission webhook, may mend it.
    Maybe,
}

impl Certainty {
    /// Returns whether a server of this version rejects the object. An unknown one is taken for one of the validator's version,
    /// but for fields.
    fn rejects(self, server: Option<ServerVersion>, validator: ServerVersion) -> bool {
        let is_newer = server.is_some_and(|server| server > validator);
        match self {
            Self::Always => true,
            Self::InVersion => !is_newer,
            Self::UnknownField => server.is_some() && !is_newer,
            Self::Maybe => false,
        }
    }
}

/// What validation says of a stack.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Validated {
    /// What the server rejects.
    pub problems: Vec<Problem>,
    /// What it may reject.
    pub warnings: Vec<Warning>,
}

/// Validates a graph for a server of this version; none where it is not known. Finds nothing where no library was passed in.
pub fn graph(graph: &Graph, server: Option<ServerVersion>) -> Validated {
    let mut validated = Validated::default();
    let Some(validator) = graph.validator() else { return validated };
    for found in resources(graph.resources(), &**validator) {
        match found.certainty.rejects(server, validator.version()) {
            true => validated.problems.push(found.into_problem()),
            false => validated.warnings.push(found.into_warning()),
        }
    }
    validated
}

/// Adds what no server accepts to the problems of a declaration, but for what they say already.
pub(crate) fn add_to(problems: &mut Vec<Problem>, resources: &[Resource], validator: &dyn Validator) {
    let mut added = Vec::new();
    for found in self::resources(resources, validator) {
        let is_said = |problem: &Problem| {
            let is_near = problem.path.starts_with(&found.path) || found.path.starts_with(&problem.path);
            problem.resource.as_ref() == Some(&found.resource.id) && is_near
        };
        if found.certainty.rejects(None, validator.version()) && !problems.iter().any(is_said) {
            added.push(found.into_problem());
        }
    }
    problems.extend(added);
}

/// A finding with its resource, its path by the names of list items, and what would help.
struct Found<'r> {
    resource: &'r Resource,
    path: FieldPath,
    text: String,
    certainty: Certainty,
    hint: Option<String>,
}

impl Found<'_> {
    fn into_problem(self) -> Problem {
        Problem {
            kind: ProblemKind::Rejected(self.text),
            resource: Some(self.resource.id.clone()),
            path: self.path,
            site: Some(self.resource.site),
            hint: self.hint,
        }
    }

    fn into_warning(self) -> Warning {
        let possible = match self.certainty {
            Certainty::UnknownField => "a server of another version may have the field",
            Certainty::Maybe => "an admission webhook may fill it in",
            Certainty::Always | Certainty::InVersion => "a newer server may accept it",
        };
        Warning {
            kind: WarningKind::MayBeRejected(self.text, possible),
            resource: self.resource.id.clone(),
            path: self.path,
            site: Some(self.resource.site),
            hint: self.hint,
        }
    }
}

/// Validates resources, in the order of the program's lines.
fn resources<'r>(resources: &'r [Resource], validator: &dyn Validator) -> Vec<Found<'r>> {
    let objects: Vec<Value> = resources.iter().map(with_late_values).collect();
    let mut found: Vec<Found<'r>> = Vec::new();
    for finding in validator.validate(&objects) {
        let (Some(resource), Some(object)) = (resources.get(finding.object), objects.get(finding.object)) else {
            continue;
        };
        let hint = finding.meant.and_then(|meant| did_you_mean(&meant.given, meant.known.iter().map(String::as_str)));
        let path = by_name(&finding.path, object);
        found.push(Found { resource, path, text: finding.text, certainty: finding.certainty, hint });
    }
    found.sort_by_key(|found| found.resource.site);
    found
}

/// Returns the object with every input in its place: its text, or [`LATE`].
fn with_late_values(resource: &Resource) -> Value {
    let mut object = resource.object.clone();
    for (path, input) in &resource.inputs {
        path.set(&mut object, input.known().unwrap_or_else(|| Value::from(LATE)));
    }
    object
}

#[cfg(test)]
mod tests;
