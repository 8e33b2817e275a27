//! The plan: for every object of the stack, what would happen and why. A value, and a pure function that makes it.
//!
//! A plan leaves no choice to whoever carries it out.

use std::collections::BTreeSet;

use serde_json::Value;

mod decide;
mod delete;
mod immutable;
mod show;
mod survey;

pub use decide::plan;
pub use show::{created_fields, redactor};
pub use survey::{Question, Survey, may_overrule, survey};

use crate::id::{ApiKind, ResourceId};
use crate::inventory::{Entry, Inventory};
use crate::observe::{FieldConflict, RefusalCause, Unchecked};
use crate::packed::Packed;
use crate::path::FieldPath;
use crate::site::Site;

/// What a run would change.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program's name.
    pub program: String,
    /// The stack's name.
    pub stack: String,
    /// The namespace of the inventory, and of what is shown without one.
    pub namespace: Option<String>,
    /// Every object: first what is written, dependencies first; then what is deleted, dependents first.
    pub changes: Vec<Change>,
    /// What stands in the way. Nothing is applied while there is any.
    pub blockers: Vec<Blocker>,
    /// What the inventory would be while the changes are under way: everything owned before and after.
    pub intent: Inventory,
}

/// What would happen to one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object.
    pub id: ResourceId,
    /// Its kind as the server serves it.
    pub kind: ApiKind,
    /// What would be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The fields that would change, by path.
    pub fields: Vec<FieldChange>,
    /// Why this is predicted rather than checked by the server; none where the server was asked, or need not be.
    pub unchecked: Option<Unchecked>,
    /// Fields that are taken over from other managers.
    pub overruled: Vec<FieldConflict>,
    /// Things worth knowing, such as that a change reaches only an empty volume.
    pub notes: Vec<String>,
    /// The uid of the live object that this is about.
    pub uid: Option<String>,
    /// The object to send, for create, update, replace and adopt; none while values are unknown, or nothing is sent.
    pub desired: Option<Packed>,
    /// What the inventory holds of it once this is done, with the uid to be filled in from the server's answer; none where
    /// it is deleted or forgotten.
    pub entry: Option<Entry>,
    /// The line that declared it; none for what left the program.
    pub site: Option<Site>,
}

/// What is done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is not there and will be made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and made anew, because the change cannot be made in place.
    Replace,
    /// It is ours and leaves the cluster.
    Delete,
    /// It is as declared. Nothing is sent.
    Unchanged,
    /// It is there but not ours, and becomes ours.
    Adopt,
    /// It is released: it stays in the cluster and is ours no longer.
    Forget,
    /// It left the program and would be deleted, but stays for lack of consent, and stays ours.
    Keep,
    /// It could not be read, so nothing is known of it.
    Unknown,
}

/// Why something would happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not in the cluster and never was ours.
    NotInCluster,
    /// It was ours and somebody deleted it.
    DeletedFromCluster,
    /// The declaration changed.
    Declaration,
    /// Somebody changed it in the cluster.
    Drift,
    /// Both.
    DeclarationAndDrift,
    /// Fields cannot change in place, in the server's words.
    Immutable(Vec<RefusalCause>),
    /// A field changed that the program names in `replace_on_changes`.
    ReplaceOnChanges(Vec<FieldPath>),
    /// It is no longer in the program.
    LeftProgram,
    /// The stack is destroyed.
    Destroyed,
    /// It exists, and no run of this stack made it.
    NotOurs,
    /// `retain_on_delete` holds.
    Retained,
    /// It is protected or holds data, and nobody consented.
    NoConsent,
    /// Something that is kept cannot live without it.
    KeptFor(ResourceId),
    /// It is as declared.
    AsDeclared,
    /// The inventory names it, but the live object is another one (another uid), so it is not ours to delete.
    AnotherObject,
    /// It is gone already.
    AlreadyGone,
    /// It could not be read, and why.
    Unreadable(String),
    /// It is being deleted right now.
    Terminating,
    /// The cluster does not serve its kind.
    NotServed,
}

/// The change of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The field, list items by key.
    pub path: FieldPath,
    /// The live value.
    pub before: Shown,
    /// The value after.
    pub after: Shown,
    /// Who wrote the live value last, where that was not us.
    pub drift: Option<Writer>,
}

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// There is none.
    Absent,
    /// The value; never a secret.
    Value(Value),
    /// A secret value.
    Sensitive,
    /// Known only after other resources are applied.
    Unknown,
}

/// Who wrote a field, from managedFields. Both texts are empty where nobody owns the field any more, as after somebody
/// removed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer {
    /// The field manager's name, such as `kubectl-edit`.
    pub manager: String,
    /// When, in RFC 3339; empty where the server does not say.
    pub time: String,
}

/// Something that stands in the way of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocker {
    /// The object.
    pub id: ResourceId,
    /// What it is.
    pub kind: BlockerKind,
    /// The line that declared it.
    pub site: Option<Site>,
    /// What would help.
    pub hint: Option<String>,
}

/// What can stand in the way of a plan.
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
    /// The change needs a replacement, which needs consent.
    #[error("the change needs a replacement, which would lose its data: {}", causes(.0))]
    ReplaceNeedsConsent(Vec<String>),
    /// Something outside the stack that is named is not there.
    #[error("names {target} at {path}, which does not exist")]
    MissingExternal {
        /// What is named.
        target: ResourceId,
        /// The field that names it.
        path: FieldPath,
    },
    /// The kind is not served by this cluster.
    #[error("the cluster does not serve {0}")]
    KindNotServed(String),
    /// Another stack owns the object.
    #[error("belongs to another set of objects: its label applyset.kubernetes.io/part-of is \"{0}\"")]
    OwnedByAnother(String),
    /// The object could not be read, so that it is not known what a write would do.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The object is being deleted.
    #[error("is being deleted{}", finalizers(.0))]
    Terminating(Vec<String>),
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
    /// Whether this only forbids applying: the plan itself is complete but for what could not be read.
    pub fn forbids_only_apply(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::GeneratedUnreadable { .. })
    }
}

/// How a plan is to be made.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// The resources that may be deleted or replaced although they are protected or hold data, as `Kind/name` or
    /// `Kind/namespace/name`.
    pub allow_delete: BTreeSet<String>,
    /// Ask the server about every object, also where managedFields prove that nothing changed.
    pub thorough: bool,
    /// Only these, and what they depend on; nothing else is changed or deleted.
    pub targets: Option<BTreeSet<ResourceId>>,
    /// Leave creates unchecked, because they are applied right after.
    pub skip_create_checks: bool,
    /// The stack is being destroyed.
    pub destroy: bool,
}

fn conflicts(conflicts: &[FieldConflict]) -> String {
    let list: Vec<String> =
        conflicts.iter().map(|conflict| format!("{} is owned by \"{}\"", conflict.field, conflict.manager)).collect();
    list.join(", ")
}

fn causes(causes: &[String]) -> String {
    causes.join("; ")
}

fn finalizers(finalizers: &[String]) -> String {
    if finalizers.is_empty() { String::new() } else { format!(", held by the finalizers {}", finalizers.join(", ")) }
}

impl PlanOptions {
    /// Whether the user consented to deleting or replacing this object by its name.
    pub fn consents_to(&self, id: &ResourceId) -> bool {
        let in_namespace = id.namespace.as_ref().map(|namespace| format!("{}/{}/{}", id.kind, namespace, id.name));
        self.allow_delete.contains(&id.short()) || in_namespace.is_some_and(|text| self.allow_delete.contains(&text))
    }

    /// Whether the object is within what the user asked for.
    pub fn includes(&self, id: &ResourceId) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(id))
    }
}

impl Plan {
    /// Whether applying would write or delete anything.
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(|change| change.action.is_change())
    }

    /// How many changes there are of one action.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// The change of one object.
    pub fn get(&self, id: &ResourceId) -> Option<&Change> {
        self.changes.iter().find(|change| change.id == *id)
    }
}

impl Action {
    /// Whether the cluster, or the inventory, would be another one afterwards.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Unchanged | Self::Keep | Self::Unknown)
    }

    /// Whether an object is sent.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Replace | Self::Adopt)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Keep => "keep",
            Self::Unknown => "unknown",
        }
    }

    /// The symbol for it, which carries the meaning without colour.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Unchanged => " ",
            Self::Adopt => "&",
            Self::Forget => "x",
            Self::Keep => "=",
            Self::Unknown => "?",
        }
    }
}
