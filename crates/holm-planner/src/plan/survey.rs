//! What must be asked before a plan can be made.
//!
//! Most objects of a settled stack need no question: their managedFields prove that they are as declared. The server is
//! asked about the rest, with a dry-run of exactly the apply that would follow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{Desired, Wanted, desired};
use crate::fields::{self, Proof};
use crate::inventory::{Inventory, InventoryPlace};
use crate::observe::{FieldConflict, Live, Observed, Unchecked, is_terminating};
use crate::ownership::{Owner, part_of};
use crate::packed::Packed;
use crate::plan::PlanOptions;
use crate::takeover;
use holm_core::id::{ApiKind, ResourceId};
use holm_core::{ConflictPolicy, Graph, Origin, Resource, Unknown};

/// What must be asked, and what need not be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Survey {
    /// The dry-runs to send.
    pub questions: Vec<Question>,
    /// The objects that are as declared without asking, with the digests of their declarations.
    pub proven: BTreeMap<ResourceId, String>,
    /// The objects to send, but for what is proven.
    pub wanted: BTreeMap<ResourceId, Wanted>,
}

/// One dry-run to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The object.
    pub id: ResourceId,
    /// Its kind as the server serves it.
    pub kind: ApiKind,
    /// What would be applied.
    pub object: Packed,
    /// What to do about other managers' fields.
    pub policy: ConflictPolicy,
    /// Whether there is a live object.
    pub exists: bool,
}

/// What keeps an object from being asked about.
pub(super) enum Askable {
    /// It can be asked about.
    Yes,
    /// There is nothing to ask, and the plan can only predict.
    Predict(Unchecked),
    /// It could not be read, is being deleted, or belongs to others: the plan says so without asking.
    No,
}

/// Looks through the graph for what must be asked. Needs `live`, `inventory` and `generated` of what was observed.
pub fn survey(graph: &Graph, observed: &Observed, place: &InventoryPlace, options: &PlanOptions) -> Survey {
    let mut survey = Survey::default();
    for resource in graph.resources().iter().filter(|resource| options.includes(&resource.id)) {
        let live = observed.object(&resource.id);
        let live = live.as_ref();
        let wanted = desired(resource, place, observed, live);
        if let (false, Some(live)) = (options.thorough, live)
            && is_proven(resource, &wanted, live, &observed.inventory, place)
            && !(options.prune_fields && has_additions(resource, &wanted, live, place))
        {
            survey.proven.insert(resource.id.clone(), wanted.digest);
            continue;
        }
        let wanted = Wanted::from(wanted);
        if let Askable::Yes = askable(resource, &wanted, live, graph, observed, place, options) {
            survey.questions.push(Question {
                id: resource.id.clone(),
                kind: resource.kind.clone(),
                object: wanted.object.clone(),
                policy: resource.options.on_conflict,
                exists: live.is_some(),
            });
        }
        survey.wanted.insert(resource.id.clone(), wanted);
    }
    survey
}

/// Whether managedFields prove that the live object is as declared: we own exactly the declared fields, and where the
/// server spells a value another way, the declaration is the one that we applied last.
fn is_proven(
    resource: &Resource,
    wanted: &Desired,
    live: &Value,
    inventory: &Inventory,
    place: &InventoryPlace,
) -> bool {
    let owner = Owner::of(&resource.id, live, inventory, place);
    if !wanted.unknown.is_empty() || is_terminating(live) || !matches!(owner, Owner::ThisStack | Owner::Recoverable) {
        return false;
    }
    if fields::has_created_entry(live, &place.field_manager) {
        return false;
    }
    match fields::prove(wanted.object.expose(), live, &place.field_manager) {
        Proof::Different => false,
        Proof::Owned(differences) if differences.is_empty() => true,
        Proof::Owned(differences) => {
            let recorded = inventory.entries.get(&resource.id).map(|entry| entry.digest.as_str());
            let is_secret = |path| wanted.sensitive.iter().any(|secret| secret.starts_with(path) || *secret == *path);
            recorded == Some(wanted.digest.as_str()) && !differences.iter().any(is_secret)
        }
    }
}

/// Whether people added fields that are to be removed.
fn has_additions(resource: &Resource, wanted: &Desired, live: &Value, place: &InventoryPlace) -> bool {
    !takeover::additions(resource, wanted.object.expose(), live, &place.field_manager).is_empty()
}

/// Whether the server can be asked what our apply would do. `live` is what was observed of the resource.
pub(super) fn askable(
    resource: &Resource,
    wanted: &Wanted,
    live: Option<&Value>,
    graph: &Graph,
    observed: &Observed,
    place: &InventoryPlace,
    options: &PlanOptions,
) -> Askable {
    if live.is_some_and(|live| is_terminating(live) || part_of(live).is_some_and(|set| set != place.set_id)) {
        return Askable::No;
    }
    match observed.live.get(&resource.id) {
        Some(Live::Found(_) | Live::Absent) => {}
        Some(Live::KindAbsent) if is_defined_here(resource, graph) => return Askable::Predict(Unchecked::KindNew),
        Some(Live::KindAbsent | Live::Unreadable(_)) | None => return Askable::No,
    }
    if !wanted.unknown.is_empty() {
        // Several fields may wait for the same value.
        let unknown: BTreeSet<Unknown> = wanted.unknown.iter().map(|(_, unknown)| unknown.clone()).collect();
        return Askable::Predict(Unchecked::UnknownValues(unknown.into_iter().collect()));
    }
    if live.is_none() {
        if let Some(namespace) = new_namespace(resource, graph, observed) {
            return Askable::Predict(Unchecked::NamespaceNew(namespace));
        }
        if let Some(namespace) = missing_namespace(resource, graph, observed) {
            return Askable::Predict(Unchecked::NamespaceMissing(namespace));
        }
        if options.skip_create_checks {
            return Askable::Predict(Unchecked::AppliedNext);
        }
    }
    Askable::Yes
}

/// The namespace of the resource, if this very plan makes it.
fn new_namespace(resource: &Resource, graph: &Graph, observed: &Observed) -> Option<String> {
    let name = resource.id.namespace.as_deref()?;
    let id = ResourceId::new("", "Namespace", None, name);
    let is_absent = matches!(observed.live.get(&id), Some(Live::Absent));
    (graph.get(&id).is_some() && is_absent).then(|| name.to_owned())
}

/// The namespace of the resource, if it is not there and nothing in this plan makes it, which is one error for all that is in it.
fn missing_namespace(resource: &Resource, graph: &Graph, observed: &Observed) -> Option<String> {
    let name = resource.id.namespace.as_deref()?;
    let id = ResourceId::new("", "Namespace", None, name);
    let is_absent = matches!(observed.live.get(&id), Some(Live::Absent));
    (graph.externals().contains_key(&id) && is_absent).then(|| name.to_owned())
}

/// Whether a CustomResourceDefinition of the stack defines the kind.
pub(super) fn is_defined_here(resource: &Resource, graph: &Graph) -> bool {
    graph.dependencies_of(&resource.id).iter().any(|dependency| dependency.origin == Origin::Definition)
}

/// Whether the policy takes these fields over from their managers.
pub fn may_overrule(policy: ConflictPolicy, conflicts: &[FieldConflict]) -> bool {
    match policy {
        ConflictPolicy::TakeOver => true,
        ConflictPolicy::Fail => false,
        // What another stack still has carries its label, and is not asked about.
        ConflictPolicy::FromTools => conflicts
            .iter()
            .all(|conflict| takeover::is_a_persons_tool(&conflict.manager) || takeover::is_a_stack(&conflict.manager)),
    }
}
