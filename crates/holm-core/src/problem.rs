//! What is wrong with a declaration, all of it at once.

use std::fmt;

use crate::id::ResourceId;
use crate::path::{FieldPath, PathError};
use crate::site::Site;
use crate::warning::WarningKind;

/// One thing that is wrong, with where it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The resource, where it is about one.
    pub resource: Option<ResourceId>,
    /// The field; the root where it is about the whole resource.
    pub path: FieldPath,
    /// The line of the user's program.
    pub site: Option<Site>,
    /// What would help, such as "did you mean".
    pub hint: Option<String>,
}

impl Problem {
    /// Makes a problem that names no line and no hint yet.
    pub fn new(kind: ProblemKind, resource: Option<ResourceId>, path: FieldPath) -> Self {
        Self { kind, resource, path, site: None, hint: None }
    }
}

/// Everything that is wrong with a declaration. Never empty.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

/// What can be wrong with a declaration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The declaration itself returned an error.
    #[error("{0}")]
    Declaration(String),
    /// The program asked for a configuration value that nobody gave.
    #[error("the configuration value \"{key}\" is not set")]
    NotConfigured {
        /// The key.
        key: String,
        /// The environment variable that it may be given in.
        variable: String,
    },
    /// A type could not be written as JSON.
    #[error("the object cannot be written as JSON: {0}")]
    Unserializable(String),
    /// A manifest is no Kubernetes object.
    #[error("{0}")]
    BadManifest(String),
    /// A path given to an option cannot be read.
    #[error(transparent)]
    BadPath(PathError),
    /// A kind that its group does not have.
    #[error("{api_version} has no kind {kind}")]
    UnknownKind {
        /// The `apiVersion`.
        api_version: String,
        /// The `kind`.
        kind: String,
    },
    /// Resources depend on each other in a circle; the first stands again at the end.
    #[error("resources depend on each other in a circle: {}", cycle(.0))]
    Cycle(Vec<(ResourceId, String)>),
    /// Two declarations have the same identity.
    #[error("declared twice; first at {first}")]
    Duplicate {
        /// Where it was declared first.
        first: Site,
    },
    /// The object has no name.
    #[error("the object has no metadata.name")]
    NoName,
    /// A namespaced resource has no namespace.
    #[error("the resource is namespaced and no namespace is given")]
    NoNamespace,
    /// A reference to a resource that is neither in the stack nor declared external.
    #[error("names {target}, which is neither in this stack nor declared external")]
    Dangling {
        /// What is named.
        target: ResourceId,
    },
    /// A reference to a key that a Secret or ConfigMap of the stack does not have.
    #[error("names the key \"{key}\", which {target} does not have")]
    MissingKey {
        /// The Secret or ConfigMap.
        target: ResourceId,
        /// The key.
        key: String,
    },
    /// A Service port that no selected container has.
    #[error("port {port} leads to {target}, which no container of {workload} has")]
    NoSuchPort {
        /// The Service's port.
        port: String,
        /// The target port, by number or name.
        target: String,
        /// The workload whose pods are selected.
        workload: ResourceId,
    },
    /// A probe's port that its container does not have.
    #[error("names the port \"{0}\", which the container does not have")]
    NoSuchContainerPort(String),
    /// An Ingress, webhook or APIService that leads to a port that the Service does not have.
    #[error("leads to the port {port} of {service}, which has no such port")]
    NoSuchServicePort {
        /// The Service.
        service: ResourceId,
        /// The port, by number or name.
        port: String,
    },
    /// A volume mount without its volume.
    #[error("mounts the volume \"{0}\", which the pod does not have")]
    MountWithoutVolume(String),
    /// A workload's selector that does not select its own pods.
    #[error("the selector {selector} does not match the pods' labels {labels}")]
    SelectorMismatch {
        /// The selector.
        selector: String,
        /// The labels of the pod template.
        labels: String,
    },
    /// A name, label, key or quantity that the server would refuse.
    #[error("\"{value}\" is no valid {what}: {rule}")]
    Invalid {
        /// What it should be, such as `label value`.
        what: &'static str,
        /// The value as given; never a secret.
        value: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// A required field is missing or empty.
    #[error("{0}")]
    Incomplete(String),
    /// A warning that the program denies.
    #[error("{0}")]
    Denied(WarningKind),
    /// A name by which the program means a resource of the stack, and no resource has it.
    #[error("\"{0}\" is not a resource of this stack")]
    NoSuchResource(String),
    /// An input that cannot be filled in.
    #[error("{0}")]
    BadInput(String),
    /// A generated value that no Secret keeps.
    #[error("the generated value \"{0}\" is not the whole value of any Secret's key, so nothing would keep it")]
    HomelessGenerated(String),
    /// An object larger than the server takes.
    #[error("the {what} is {size} bytes, and the API server takes at most {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Something that the API server rejects, in its words.
    #[error("{0}")]
    Rejected(String),
    /// A field that the object's type does not have, or a value of the wrong type.
    #[error("{0}")]
    Unfit(String),
}

fn cycle(steps: &[(ResourceId, String)]) -> String {
    let mut text = String::new();
    for (position, (id, why)) in steps.iter().enumerate() {
        if position > 0 {
            text.push_str(" -> ");
        }
        text.push_str(&id.to_string());
        if !why.is_empty() {
            text.push_str(&format!(" ({why})"));
        }
    }
    text
}

impl fmt::Display for Problem {
    /// Writes one line: the resource, the field and what is wrong. Site and hint are for the caller to lay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.kind)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
            if let Some(site) = problem.site {
                write!(f, "\n  at {site}")?;
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}
