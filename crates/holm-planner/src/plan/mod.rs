//! The plan: for every object of the stack, what would happen and why. A value, and a pure function that makes it.
//!
//! A plan leaves no choice to whoever carries it out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

mod blocker;
mod decide;
mod delete;
mod immutable;
mod late;
mod rerun;
mod restart;
mod serving;
mod show;
mod survey;

pub use blocker::{Blocker, BlockerKind};
pub use decide::plan;
pub use late::Late;
pub use show::{created_fields, held, redactor};
pub use survey::{Question, Survey, may_overrule, survey};

use crate::inventory::{Entry, Inventory, InventoryPlace};
use crate::observe::{FieldConflict, RefusalCause, Unchecked};
use crate::ownership::SetParent;
use crate::packed::Packed;
use crate::takeover::Taken;
use holm_core::id::{ApiKind, ResourceId};
use holm_core::path::FieldPath;
use holm_core::sensitive::Sensitive;
use holm_core::{ConflictPolicy, FieldReference, Site, Strength, Timeouts};
use holm_readiness::ReadyWhen;

/// What a run would change, with all that is needed to carry it out.
///
/// Whoever carries it out decides nothing and needs neither the graph nor what was observed. Two things are left to the run,
/// and the plan names both: values of live objects that appear only during it ([`Late`]), and uids of what it creates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The program's name.
    pub program: String,
    /// The stack's name.
    pub stack: String,
    /// The namespace of the inventory, and of what is shown without one.
    pub namespace: Option<String>,
    /// Every object: first what is written, dependencies first; then what is deleted, dependents first.
    pub changes: Vec<Change>,
    /// The errors that block the plan. Nothing is applied while there is one.
    pub blockers: Vec<Blocker>,
    /// What the inventory would be while the changes are under way: everything owned before and after.
    pub intent: Inventory,
    /// Where each generated value is stored once all is done.
    pub stored_in: BTreeMap<String, FieldReference>,
    /// Where the inventory is, and what the stack's objects are known by.
    pub place: InventoryPlace,
    /// The inventory as it was observed, over which the intent is written.
    pub observed: ObservedInventory,
    /// The order of the writes: what needs what, and how far that must have come. Deletes follow the edges of the intent.
    pub edges: Vec<Edge>,
    /// The live objects as they were observed, from which late values are read and on whose state a run begins to wait.
    pub live: BTreeMap<ResourceId, Packed>,
    /// The generated values that late objects need. Never printed.
    pub generated: BTreeMap<String, Sensitive<String>>,
    /// Deletions that wait for others though nothing recorded says so, each with what must be gone before: a controller for the
    /// custom resources that it serves.
    pub held_back: Vec<(ResourceId, ResourceId)>,
    /// Custom resources, each with a workload of the stack that reports their status: a controller with the rights to.
    pub operators: Vec<(ResourceId, ResourceId)>,
    /// What something outside of the plan makes while the stack runs, as the program says.
    pub made_at_run_time: BTreeSet<ResourceId>,
}

/// The inventory that a plan was made from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ObservedInventory {
    /// What it holds.
    pub inventory: Inventory,
    /// Its ConfigMap; none where there was none.
    pub root: Option<Packed>,
}

/// One write that waits for another object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// What waits.
    pub dependent: ResourceId,
    /// What it needs.
    pub on: ResourceId,
    /// How far that must have come.
    pub strength: Strength,
}

/// When a change has ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Wait {
    /// What ready means; none for the rules of the kind.
    pub ready_when: Option<ReadyWhen>,
    /// The limits of this object; without one the run's own limit holds.
    pub limits: Timeouts,
}

/// What would happen to one object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// Fields that become ours before the apply, which then removes them. See [`takeover`](crate::takeover).
    pub taken: Vec<Taken>,
    /// Things worth knowing, such as that a change reaches only an empty volume.
    pub notes: Vec<String>,
    /// Whether an adoption needs the user's consent where the plan is not shown and confirmed.
    pub needs_adoption: bool,
    /// The uid of the live object that this is about.
    pub uid: Option<String>,
    /// Whether a create must fail where an object of the name has appeared since, because it holds a generated value that would
    /// overwrite the one that is there.
    pub is_exclusive: bool,
    /// Whether the live object must still carry the stack's label when it is deleted, for a delete or a replacement; false
    /// where the user consented to delete an object by its name that the stack does not own.
    pub must_be_marked: bool,
    /// The resourceVersion of the live object that this is about. Fields are taken over from other managers only in this
    /// version, or where the same managers still own them.
    pub version: Option<String>,
    /// The object to send, for create, update, replace and adopt; none while values are unknown, or nothing is sent.
    pub desired: Option<Packed>,
    /// What is sent instead of [`desired`](Self::desired) where values can be read only during the run.
    pub late: Option<Box<Late>>,
    /// The paths of the secret values that it would hold, sorted.
    pub secrets: Vec<FieldPath>,
    /// What to do about conflicts with other managers where the server could not be asked; none where it was.
    pub conflict_policy: Option<ConflictPolicy>,
    /// Whether its kind was not served when it was observed, because a definition of this very plan makes it.
    pub is_new_kind: bool,
    /// When it has ended.
    pub wait: Wait,
    /// What the inventory holds of it once this is done, with the uid to be filled in from the server's answer; none where
    /// it is deleted or released.
    pub entry: Option<Entry>,
    /// The component that declared it; none for what no component declared, and for what left the program.
    pub component: Option<String>,
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
    /// It is there but not managed by this stack, and becomes so.
    Adopt,
    /// It is released: the record and our marks on it go, and it stays in the cluster as it is.
    Release,
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
    /// The stack made it, and another client deleted it.
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
    /// It is a Job that failed, for this reason: replaced where its declaration changed, because no update makes it run again;
    /// unchanged otherwise.
    JobFailed(String),
    /// It is a Job that the user wants to run again.
    Rerun,
    /// It is no longer in the program.
    LeftProgram,
    /// The stack is destroyed.
    Destroyed,
    /// It exists and is not managed by this stack.
    NotManaged,
    /// Another stack manages it.
    AnotherStack(SetParent),
    /// The stack applied it, and the inventory does not have it, so the record is restored.
    Recovered,
    /// It is a Job that completed for this declaration, and its time to live removed it.
    Completed,
    /// `retain_on_delete` holds.
    Retained,
    /// Another client made it and the stack adopted it, so it is not deleted.
    Adopted,
    /// It is protected or holds data, and nobody consented.
    NoConsent,
    /// The stack applied it, and its uid is not the recorded one, as after a restore from a backup; nobody consented to delete
    /// it by name.
    AnotherUid,
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
#[non_exhaustive]
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

impl FieldChange {
    /// Makes a change that the program itself asks for.
    pub fn new(path: FieldPath, before: Shown, after: Shown) -> Self {
        Self { path, before, after, drift: None }
    }
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
    /// The items of a list in their order, which is what changes.
    Order(Vec<String>),
    /// What the server fills in where the declaration leaves it open; none where it chooses, so that the apply makes another value
    /// than the dry run.
    Filled(Option<Value>),
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
    /// Which objects of others may be adopted.
    pub adopt: Adoption,
    /// Remove the fields that people added to the stack's objects with their tools.
    pub prune_fields: bool,
    /// The generated values that are made anew although they were made before, by name.
    pub regenerate: BTreeSet<String>,
    /// The Jobs that are replaced so that they run again, as `Job/name` or `Job/namespace/name`.
    pub rerun: BTreeSet<String>,
}

/// Consent to adopt objects that are not managed by the stack. The option in code and Namespaces need none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Adoption {
    /// Nothing is adopted.
    #[default]
    Nothing,
    /// These, as `Kind/name` or `Kind/namespace/name`.
    Named(BTreeSet<String>),
    /// Whatever the plan shows.
    All,
}

/// Whether one of the texts is this object's name, with or without its namespace.
fn names(texts: &BTreeSet<String>, id: &ResourceId) -> bool {
    let in_namespace = id.namespace.as_ref().map(|namespace| format!("{}/{}/{}", id.kind, namespace, id.name));
    texts.contains(&id.short()) || in_namespace.is_some_and(|text| texts.contains(&text))
}

impl PlanOptions {
    /// Whether the user consented to deleting or replacing this object by its name.
    pub fn consents_to(&self, id: &ResourceId) -> bool {
        names(&self.allow_delete, id)
    }

    /// Returns whether the user wants this Job to run again.
    pub fn reruns(&self, id: &ResourceId) -> bool {
        id.is("batch", "Job") && names(&self.rerun, id)
    }

    /// Returns whether the object may be adopted.
    pub fn adopts(&self, id: &ResourceId) -> bool {
        match &self.adopt {
            Adoption::Nothing => false,
            Adoption::Named(named) => names(named, id),
            Adoption::All => true,
        }
    }

    /// Whether the object is within what the user asked for.
    pub fn includes(&self, id: &ResourceId) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(id))
    }
}

impl Change {
    /// Returns a change of which nothing is known but what and why: nothing is sent, and nothing recorded.
    pub fn new(id: ResourceId, kind: ApiKind, action: Action, reason: Reason) -> Self {
        Self {
            id,
            kind,
            action,
            reason,
            fields: Vec::new(),
            unchecked: None,
            overruled: Vec::new(),
            taken: Vec::new(),
            notes: Vec::new(),
            needs_adoption: false,
            uid: None,
            is_exclusive: false,
            must_be_marked: true,
            version: None,
            desired: None,
            late: None,
            secrets: Vec::new(),
            conflict_policy: None,
            is_new_kind: false,
            wait: Wait::default(),
            entry: None,
            component: None,
            site: None,
        }
    }
}

impl Plan {
    /// Returns a plan that changes nothing.
    pub fn new(program: &str, stack: &str, namespace: Option<&str>) -> Self {
        Self {
            program: program.to_owned(),
            stack: stack.to_owned(),
            namespace: namespace.map(str::to_owned),
            changes: Vec::new(),
            blockers: Vec::new(),
            intent: Inventory::default(),
            stored_in: BTreeMap::new(),
            place: InventoryPlace::of(program, stack, namespace),
            observed: ObservedInventory::default(),
            edges: Vec::new(),
            held_back: Vec::new(),
            operators: Vec::new(),
            made_at_run_time: BTreeSet::new(),
            live: BTreeMap::new(),
            generated: BTreeMap::new(),
        }
    }

    /// Whether applying would write or delete anything.
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(|change| change.action.is_change())
    }

    /// Returns the objects that another plan of the same stack decides about otherwise, and those that only one of both knows.
    /// Values that are made anew for each plan do not count, because they are not shown. The inventory's ConfigMap is among them where
    /// another run began or ended in between.
    pub fn differences(&self, other: &Self) -> Vec<ResourceId> {
        let decisions = |plan: &Self| -> BTreeMap<ResourceId, Change> {
            // The version changes with every status, and everything that is sent shows in the fields.
            let change = |change: &Change| Change {
                desired: None,
                late: None,
                unchecked: None,
                conflict_policy: None,
                version: None,
                ..change.clone()
            };
            plan.changes.iter().map(|each| (each.id.clone(), change(each))).collect()
        };
        let (ours, theirs) = (decisions(self), decisions(other));
        let blocked = |plan: &Self| plan.blockers.iter().map(|blocker| blocker.id.clone()).collect::<BTreeSet<_>>();
        let blocked: BTreeSet<ResourceId> = blocked(self).symmetric_difference(&blocked(other)).cloned().collect();
        let ids: BTreeSet<&ResourceId> = ours.keys().chain(theirs.keys()).chain(&blocked).collect();
        let is_other = |id: &&ResourceId| {
            let recorded = |plan: &Self| plan.intent.entries.get(*id).cloned();
            ours.get(*id) != theirs.get(*id) || recorded(self) != recorded(other) || blocked.contains(*id)
        };
        let mut differences: Vec<ResourceId> = ids.into_iter().filter(is_other).cloned().collect();
        // Another run of the stack began or ended in between, also where it left everything as the plan says.
        let observed = |plan: &Self| (plan.observed.inventory.epoch, plan.observed.inventory.phase);
        if observed(self) != observed(other) {
            differences.push(self.place.id());
        }
        differences
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
            Self::Release => "release",
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
            Self::Release => "x",
            Self::Keep => "=",
            Self::Unknown => "?",
        }
    }
}
