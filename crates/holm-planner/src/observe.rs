//! What was found in the cluster, as data: the input of the plan beside the graph.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{Wanted, desired};
use crate::inventory::{Inventory, InventoryPlace};
use crate::ownership::SetParent;
use crate::packed::Packed;
use holm_core::id::{ApiKind, ResourceId};
use holm_core::sensitive::Sensitive;
use holm_core::{FieldReference, Graph, Password, Resolve, Resource, Transform, Unknown, catalog};

/// Everything that a plan is made from, beside the graph.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What the stack owns, as the cluster keeps it; empty for a new stack.
    pub inventory: Inventory,
    /// The live objects: of the graph, of the inventory, and of what lies outside.
    pub live: BTreeMap<ResourceId, Live>,
    /// What the server answered to a dry-run of our apply, for those that needed one.
    pub dry_runs: BTreeMap<ResourceId, DryRun>,
    /// The objects that managedFields prove to be as declared, so that no dry-run was needed, with the digests of their
    /// declarations ([`survey`](crate::plan::survey) says which).
    pub proven: BTreeMap<ResourceId, String>,
    /// The objects to send that the [`survey`](crate::plan::survey) made already; what is missing is made by the plan.
    pub wanted: BTreeMap<ResourceId, Wanted>,
    /// The generated values by name.
    pub generated: BTreeMap<String, GeneratedState>,
    /// The parents of the other ApplySets that live objects are members of, by the set's id, as far as they are known.
    pub parents: BTreeMap<String, SetParent>,
}

/// A live object, or why there is none to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    /// It exists.
    Found(Packed),
    /// It does not exist.
    Absent,
    /// Its kind is not served, so it cannot exist.
    KindAbsent,
    /// It could not be read, and why (scrubbed): no right, or a server that fails.
    Unreadable(String),
}

impl Live {
    /// Keeps a live object.
    pub fn found(object: &Value) -> Self {
        Self::Found(Packed::of(object))
    }

    /// The object, if it exists. It may hold secret values: never print it.
    pub fn object(&self) -> Option<Value> {
        match self {
            Self::Found(object) => Some(object.open()),
            Self::Absent | Self::KindAbsent | Self::Unreadable(_) => None,
        }
    }
}

/// What became of a generated value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneratedState {
    /// Read back from the cluster.
    Found(Sensitive<String>),
    /// It was never made, or it is to be made anew, so this fresh value will be used.
    Fresh(Sensitive<String>),
    /// It was made and recorded before, and where it was stored it is no longer. A new value would not be the one that is in
    /// use.
    Lost(FieldReference),
    /// A home may exist but could not be read: making a new value could lose the old one. Holds the reason.
    Unreadable(String),
}

/// What the server says to our apply with `dryRun=All`.
#[derive(Clone, Debug, PartialEq)]
pub enum DryRun {
    /// It would take it; the object as it would be, and the conflicts that force overruled.
    Accepted {
        /// The object as it would be stored.
        object: Packed,
        /// Fields that would be taken over from other managers.
        overruled: Vec<FieldConflict>,
    },
    /// Other managers own fields that we declare otherwise, and the resource's policy does not take them over.
    Conflicts(Vec<FieldConflict>),
    /// It would refuse it.
    Refused(Refusal),
    /// There is no answer, and why.
    Unchecked(Unchecked),
}

/// A field that another manager owns with another value (reason `FieldManagerConflict` of a 409).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldConflict {
    /// The field as the server writes it, such as `.spec.replicas`.
    pub field: String,
    /// The other manager's name.
    pub manager: String,
}

/// A `Status` with which the server refuses a write; all texts are scrubbed of secret values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status code.
    pub code: u16,
    /// The machine's reason, such as `Invalid`.
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// The causes by field.
    pub causes: Vec<RefusalCause>,
}

/// One cause of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalCause {
    /// The machine's reason, such as `FieldValueInvalid`.
    pub reason: String,
    /// The field, such as `spec.selector`; empty where it is about the object.
    pub field: String,
    /// The server's words.
    pub message: String,
}

/// Why a line of the plan is predicted rather than checked by the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unchecked {
    /// Its namespace is new in this very plan, and the server cannot dry-run into it.
    NamespaceNew(String),
    /// Its namespace does not exist, which blocks the plan.
    NamespaceMissing(String),
    /// Its kind is defined in this very plan.
    KindNew,
    /// An admission webhook does not support dry-run, in its words.
    NoDryRun(String),
    /// We may not write it, in the server's words.
    Forbidden(String),
    /// The server refused it, for a cause that this very plan repairs.
    Mended {
        /// The resource whose change repairs it.
        cause: ResourceId,
        /// The server's words.
        message: String,
    },
    /// Values are known only when other resources have been applied.
    UnknownValues(Vec<Unknown>),
    /// It replaces an object of the same name, which must go first.
    Replacement,
    /// The definition of its kind changes in this very plan.
    DefinitionChanges,
    /// Fields become ours first, and a dry-run cannot show what comes after that.
    TakenFirst,
    /// It is created right after, with `--yes`, and then the server decides.
    AppliedNext,
    /// The server gave no answer, in its words.
    NoAnswer(String),
}

impl std::fmt::Display for Unchecked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NamespaceNew(name) => write!(f, "namespace {name} is new in this plan"),
            Self::NamespaceMissing(name) => write!(f, "namespace {name} does not exist"),
            Self::KindNew => f.write_str("its kind is defined in this plan"),
            Self::NoDryRun(message) => write!(f, "no dry-run: {message}"),
            Self::Forbidden(message) => write!(f, "forbidden: {message}"),
            Self::Mended { cause, message } => write!(f, "{cause} changes in this plan; at present: {message}"),
            Self::UnknownValues(unknown) => {
                f.write_str("waits for ")?;
                for (position, value) in unknown.iter().enumerate() {
                    write!(f, "{}{value}", if position > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Self::Replacement => f.write_str("the old object must go first"),
            Self::DefinitionChanges => f.write_str("the definition of its kind changes in this plan"),
            Self::TakenFirst => f.write_str("fields of other managers are taken over first"),
            Self::AppliedNext => f.write_str("the server checks it when it is created"),
            Self::NoAnswer(message) => write!(f, "no answer: {message}"),
        }
    }
}

/// Returns whether a live object is being deleted.
pub fn is_terminating(live: &Value) -> bool {
    live.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

impl Observed {
    /// The live object, if it was looked for and exists. It may hold secret values: never print it.
    pub fn object(&self, id: &ResourceId) -> Option<Value> {
        self.live.get(id).and_then(Live::object)
    }

    /// Returns the object to send for a resource: as the survey made it, or made now. `live` is the live object, if there is one.
    pub(crate) fn wanted(&self, resource: &Resource, place: &InventoryPlace, live: Option<&Value>) -> Wanted {
        let surveyed = self.wanted.get(&resource.id).cloned();
        surveyed.unwrap_or_else(|| Wanted::from(desired(resource, place, self, live)))
    }
}

impl Resolve for Observed {
    fn field(&self, reference: &FieldReference) -> Option<(Value, bool)> {
        reference.read(&self.object(&reference.id)?)
    }

    fn generated(&self, name: &str) -> Option<Sensitive<String>> {
        match self.generated.get(name)? {
            GeneratedState::Found(value) | GeneratedState::Fresh(value) => Some(value.clone()),
            GeneratedState::Lost(_) | GeneratedState::Unreadable(_) => None,
        }
    }
}

/// Every object to look at: those of the graph, those that the inventory owns, those outside that are named, and where
/// generated values were kept before.
pub fn targets(graph: &Graph, inventory: &Inventory) -> BTreeMap<ResourceId, ApiKind> {
    let mut targets: BTreeMap<ResourceId, ApiKind> = BTreeMap::new();
    for (id, entry) in &inventory.entries {
        targets.insert(id.clone(), entry.kind.clone());
    }
    for (id, external) in graph.externals() {
        targets.insert(id.clone(), external.kind.clone());
    }
    for resource in graph.resources() {
        targets.insert(resource.id.clone(), resource.kind.clone());
    }
    for (name, home) in &inventory.stored_in {
        if graph.generated().contains_key(name)
            && !targets.contains_key(&home.id)
            && let Some(kind) = catalog::preferred(&home.id.group_kind())
        {
            targets.insert(home.id.clone(), kind);
        }
    }
    targets
}

/// Returns the objects to look at once more, in the version that the inventory records: those whose kind is not served in the
/// declared one.
pub fn in_recorded_version(
    observed: &Observed,
    targets: &BTreeMap<ResourceId, ApiKind>,
) -> BTreeMap<ResourceId, ApiKind> {
    let recorded = observed.inventory.entries.iter().filter(|(id, entry)| {
        let is_absent = matches!(observed.live.get(*id), Some(Live::KindAbsent));
        is_absent && targets.get(*id).is_some_and(|kind| *kind != entry.kind)
    });
    recorded.map(|(id, entry)| (id.clone(), entry.kind.clone())).collect()
}

/// Returns the generated values: read back from the first place that has one, where the inventory's own record is the last
/// resort after a rename; made by `fresh` where none was made before, or where its name is in `regenerate`.
///
/// A value counts as made before when the inventory has both the place where it was stored and the uid of the object there:
/// an intent alone may be of a run that was killed before it wrote anything.
pub fn generated(
    graph: &Graph,
    inventory: &Inventory,
    live: &BTreeMap<ResourceId, Live>,
    regenerate: &BTreeSet<String>,
    fresh: &mut dyn FnMut(&Password) -> Sensitive<String>,
) -> BTreeMap<String, GeneratedState> {
    let mut states = BTreeMap::new();
    for (name, value) in graph.generated() {
        if regenerate.contains(name) {
            states.insert(name.clone(), GeneratedState::Fresh(fresh(&value.generated.password)));
            continue;
        }
        let recorded = inventory.stored_in.get(name);
        let mut unreadable = None;
        let found = value.stored_in.iter().chain(recorded).find_map(|field| match live.get(&field.id) {
            Some(Live::Found(object)) => {
                let object = object.open();
                let text = Transform::Base64Decode.apply(field.path.get(&object)?.as_str()?).ok()?;
                (!text.is_empty()).then(|| Sensitive::new(text))
            }
            Some(Live::Absent | Live::KindAbsent) => None,
            Some(Live::Unreadable(reason)) => {
                unreadable.get_or_insert_with(|| reason.clone());
                None
            }
            None => {
                unreadable.get_or_insert_with(|| format!("{} was not looked at", field.id));
                None
            }
        });
        let lost = recorded.filter(|field| inventory.entries.get(&field.id).is_some_and(|entry| entry.uid.is_some()));
        let state = match (found, unreadable, lost) {
            (Some(value), ..) => GeneratedState::Found(value),
            (None, Some(reason), _) => GeneratedState::Unreadable(reason),
            (None, None, Some(field)) => GeneratedState::Lost(field.clone()),
            (None, None, None) => GeneratedState::Fresh(fresh(&value.generated.password)),
        };
        states.insert(name.clone(), state);
    }
    states
}
