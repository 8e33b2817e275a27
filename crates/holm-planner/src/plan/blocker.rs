//! The errors that block a plan.

use crate::observe::FieldConflict;
use crate::ownership::SetParent;
use holm_core::id::ResourceId;
use holm_core::path::FieldPath;
use holm_core::{FieldReference, Site};

/// An error that blocks a plan.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Blocker {
    /// The object.
    pub id: ResourceId,
    /// What it is.
    pub kind: BlockerKind,
    /// The line that declared it.
    pub site: Option<Site>,
    /// What would help, where the kind alone does not tell. It names no way to use this library, such as a command line's.
    pub hint: Option<String>,
}

impl Blocker {
    /// Makes a blocker that names no line and no hint yet.
    pub fn new(id: ResourceId, kind: BlockerKind) -> Self {
        Self { id, kind, site: None, hint: None }
    }
}

/// What can block a plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockerKind {
    /// Other managers own fields that are declared otherwise.
    #[error("{} with another value", conflicts(.0))]
    Conflicts(Vec<FieldConflict>),
    /// The server refuses the object.
    #[error("the server refuses it ({code} {reason}): {message}")]
    Refused {
        /// The HTTP status code.
        code: u16,
        /// The machine's reason.
        reason: String,
        /// The server's words.
        message: String,
    },
    /// The server was not asked, and would reject the object.
    #[error("{}{message}", field(.path))]
    Invalid {
        /// The field.
        path: FieldPath,
        /// What is wrong, in the server's words.
        message: String,
    },
    /// The change needs a replacement, which needs consent.
    #[error("the change needs a replacement, which would lose its data: {}", causes(.0))]
    ReplaceNeedsConsent(Vec<String>),
    /// Something outside the stack that is named is not there.
    #[error("{}", missing(&format!("names {target} at {path}, which does not exist"), &target.to_string(), .used_by))]
    MissingExternal {
        /// What is named.
        target: ResourceId,
        /// The field of the first resource that names it.
        path: FieldPath,
        /// The resources that need it, sorted; none where the program only declares it.
        used_by: Vec<ResourceId>,
    },
    /// A part of something outside the stack is not there, such as a key of a Secret.
    #[error("{}", missing(&format!("needs {part} of {target} at {path}, which does not exist"), &format!("{part} of {target}"), .used_by))]
    MissingPart {
        /// What has no such part.
        target: ResourceId,
        /// The part: `key "password"`, or a field.
        part: String,
        /// The field of the first resource that needs it.
        path: FieldPath,
        /// The resources that need it, sorted.
        used_by: Vec<ResourceId>,
    },
    /// The kind is not served by this cluster.
    #[error("the cluster does not serve {0}")]
    KindNotServed(String),
    /// Another stack manages these objects.
    #[error("{} managed by {parent}", are(.objects))]
    ManagedByAnother {
        /// The other stack.
        parent: SetParent,
        /// The objects, sorted.
        objects: Vec<ResourceId>,
    },
    /// These objects exist and are not managed by this stack, and nobody consented to adopt them.
    #[error("{} not managed by this stack", are(.0))]
    NeedsAdoption(Vec<ResourceId>),
    /// The object is not managed by this stack and can only be changed by deleting it, and nobody consented to that.
    #[error("is not managed by this stack, and the change would delete it and make another one: {}", causes(.0))]
    ReplaceNotManaged(Vec<String>),
    /// The object could not be read, so that it is not known what a write would do.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The object is being deleted.
    #[error("is being deleted{}", finalizers(.0))]
    Terminating(Vec<String>),
    /// A mandatory policy of the program is violated.
    #[error("violates the policy {policy}: {}{message} ({reason})", field(.path))]
    PolicyViolated {
        /// The policy's name.
        policy: String,
        /// The field.
        path: FieldPath,
        /// What is wrong.
        message: String,
        /// Why there is the policy.
        reason: String,
    },
    /// A generated value was made before and is gone, and what uses it still has the old one.
    #[error(
        "the generated value \"{name}\" is lost: {} ({}) does not have it any more{}",
        .stored_in.id, .stored_in.path, users(.used_by)
    )]
    GeneratedLost {
        /// Its name.
        name: String,
        /// Where it was kept.
        stored_in: FieldReference,
        /// What uses it, sorted.
        used_by: Vec<ResourceId>,
    },
    /// A generated value could not be read back, and a new one could lose the old.
    #[error("the generated value \"{name}\" cannot be read back: {reason}")]
    GeneratedUnreadable {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
}

impl BlockerKind {
    /// Returns the objects that it is about, where it is one problem of several and names them itself.
    pub fn objects(&self) -> &[ResourceId] {
        match self {
            Self::ManagedByAnother { objects, .. } | Self::NeedsAdoption(objects) => objects,
            Self::MissingExternal { used_by, .. } | Self::MissingPart { used_by, .. } if used_by.len() > 1 => used_by,
            _ => &[],
        }
    }

    /// Whether this only forbids applying: the plan itself is complete but for what could not be read.
    pub fn forbids_only_apply(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::GeneratedUnreadable { .. })
    }
}

/// As many resources as are named in one error.
const NAMED: usize = 10;

/// What is missing: in the words for the one resource that needs it, or with the names of several.
fn missing(for_one: &str, what: &str, used_by: &[ResourceId]) -> String {
    match used_by {
        [] if what.starts_with("Namespace/") => {
            "does not exist, and the inventory of the stack would be kept in it".to_owned()
        }
        [] => "is declared external and does not exist".to_owned(),
        [_] => for_one.to_owned(),
        users => {
            let names: Vec<String> = users.iter().take(NAMED).map(ToString::to_string).collect();
            let more = users.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{what} does not exist; needed by {}{more}", names.join(", "))
        }
    }
}

fn conflicts(conflicts: &[FieldConflict]) -> String {
    let list: Vec<String> =
        conflicts.iter().map(|conflict| format!("{} is owned by \"{}\"", conflict.field, conflict.manager)).collect();
    list.join(", ")
}

fn are(objects: &[ResourceId]) -> String {
    let verb = if objects.len() == 1 { "is" } else { "are" };
    let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
    format!("{} {verb}", names.join(", "))
}

fn users(users: &[ResourceId]) -> String {
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!("; in use by {}", names.join(", ")) }
}

/// A field in front of what is wrong with it; nothing for the whole object.
fn field(path: &FieldPath) -> String {
    if path.is_root() { String::new() } else { format!("{path}: ") }
}

fn causes(causes: &[String]) -> String {
    causes.join("; ")
}

fn finalizers(finalizers: &[String]) -> String {
    if finalizers.is_empty() { String::new() } else { format!(", held by the finalizers {}", finalizers.join(", ")) }
}
