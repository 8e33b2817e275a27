//! The pure function from what is declared and what was observed to a plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::denial;
use crate::desired::Wanted;
use crate::diff::Extent;
use crate::inventory::{Entry, InventoryPlace};
use crate::observe::{DryRun, GeneratedState, Live, Observed, Refusal, RefusalCause, Unchecked, is_terminating};
use crate::ownership::{Owner, SetParent, is_adopted, uid};
use crate::packed::Packed;
use crate::plan::delete::{self, Removal};
use crate::plan::immutable;
use crate::plan::rerun;
use crate::plan::restart;
use crate::plan::serving;
use crate::plan::show::{self, Masks};
use crate::plan::survey::{self, Askable};
use crate::plan::{
    Action, Blocker, BlockerKind, Change, Edge, FieldChange, Late, ObservedInventory, Plan, PlanOptions, Reason, Shown,
    Wait,
};
use holm_core::id::ResourceId;
use holm_core::path::FieldPath;
use holm_core::{Dependency, Graph, Origin, Resource, catalog, secret};
use holm_redact::Redactor;

mod externals;
mod generated;
mod intent;
mod owners;
mod record;
mod replacement;
mod takeover;

/// Makes the plan. Every question of the [`survey`](crate::plan::survey()) must have been answered in `observed`; what has
/// neither an answer nor a proof is marked as unchecked.
pub fn plan(graph: &Graph, observed: &Observed, place: &InventoryPlace, options: &PlanOptions) -> Plan {
    let redactor = show::redactor(graph, observed);
    let mut decision = Decision {
        graph,
        observed,
        place,
        options,
        redactor: &redactor,
        keepers: keepers(graph),
        changes: Vec::with_capacity(graph.resources().len()),
        blockers: Vec::new(),
        not_managed: Vec::new(),
        of_others: BTreeMap::new(),
    };
    for resource in graph.resources().iter().filter(|resource| options.includes(&resource.id)) {
        decision.resource(resource);
    }
    decision.report_owners();
    decision.externals();
    let removal = Removal { graph, observed, place, options };
    let (removed, blockers) = removal.decide();
    let Decision { mut changes, blockers: mut all_blockers, .. } = decision;
    changes.extend(removed);
    all_blockers.extend(blockers);
    restart::note(&mut changes, graph);
    let stored_in = intent::stored_in(&changes, graph, observed);
    let intent = intent::intent(&changes, &stored_in, observed);
    let is_late = changes.iter().any(|change| change.late.is_some());
    let known = |(name, state): (&String, &GeneratedState)| match state {
        GeneratedState::Found(value) | GeneratedState::Fresh(value) => Some((name.clone(), value.clone())),
        GeneratedState::Lost(_) | GeneratedState::Unreadable(_) => None,
    };
    let live = |(id, live): (&ResourceId, &Live)| match live {
        Live::Found(object) if *id != place.id() => Some((id.clone(), object.clone())),
        _ => None,
    };
    let held_back = serving::held_back(&changes, &intent, observed);
    let operators = serving::operators(&changes, &intent, observed);
    Plan {
        changes,
        blockers: all_blockers,
        intent,
        stored_in,
        held_back,
        operators,
        made_at_run_time: graph.made_at_run_time().clone(),
        place: place.clone(),
        observed: ObservedInventory {
            inventory: observed.inventory.clone(),
            root: match observed.live.get(&place.id()) {
                Some(Live::Found(root)) => Some(root.clone()),
                _ => None,
            },
        },
        edges: edges(graph, options),
        live: observed.live.iter().filter_map(live).collect(),
        generated: if is_late { observed.generated.iter().filter_map(known).collect() } else { BTreeMap::new() },
        ..Plan::new(graph.program(), graph.stack(), graph.namespace())
    }
}

/// What needs what among the resources that the plan is about.
fn edges(graph: &Graph, options: &PlanOptions) -> Vec<Edge> {
    let dependencies = graph.dependencies().iter().filter(|dependency| options.includes(&dependency.dependent));
    let edge = |dependency: &Dependency| Edge {
        dependent: dependency.dependent.clone(),
        on: dependency.on.clone(),
        strength: dependency.strength,
    };
    dependencies.map(edge).collect()
}

fn keepers(graph: &Graph) -> BTreeSet<&ResourceId> {
    graph.generated().values().flat_map(|value| value.stored_in.iter().map(|home| &home.id)).collect()
}

struct Decision<'a> {
    graph: &'a Graph,
    observed: &'a Observed,
    place: &'a InventoryPlace,
    options: &'a PlanOptions,
    redactor: &'a Redactor,
    /// The resources that have the only copy of a generated value.
    keepers: BTreeSet<&'a ResourceId>,
    changes: Vec<Change>,
    blockers: Vec<Blocker>,
    /// The objects that would be adopted without consent.
    not_managed: Vec<ResourceId>,
    /// The objects that other sets own.
    of_others: BTreeMap<SetParent, Vec<ResourceId>>,
}

impl<'a> Decision<'a> {
    fn resource(&mut self, resource: &'a Resource) {
        let id = &resource.id;
        let inventory = &self.observed.inventory;
        if let Some(digest) = self.observed.proven.get(id).filter(|_| !self.options.reruns(id)) {
            let recorded =
                inventory.entries.get(id).map(|entry| entry.digest.clone()).filter(|digest| !digest.is_empty());
            let digest = recorded.unwrap_or_else(|| digest.clone());
            let uid = match self.observed.live.get(id) {
                Some(Live::Found(object)) => object.uid(),
                _ => None,
            };
            let is_recorded = inventory.entries.get(id).is_some_and(|entry| entry.uid == uid);
            let reason = if is_recorded { self.unchanged(id) } else { Reason::Recovered };
            let mut change = self.change(resource, Action::Unchanged, reason, uid, digest);
            if change.reason == Reason::Recovered {
                self.recover(&mut change);
            }
            change.notes = self.additions(resource);
            self.changes.push(change);
            return;
        }
        let live = self.observed.object(id);
        let wanted = self.observed.wanted(resource, self.place, live.as_ref());
        self.report_generated(resource, &wanted);
        if let Some(live) = &live {
            return self.existing(resource, live, wanted);
        }
        match self.observed.live.get(id) {
            Some(Live::Absent) => self.absent(resource, wanted),
            Some(Live::KindAbsent) if survey::is_defined_here(resource, self.graph) => self.absent(resource, wanted),
            Some(Live::KindAbsent) => {
                let kind = format!("{} ({})", resource.kind.group_kind(), resource.kind.api_version());
                let hint = "add its CustomResourceDefinition to the stack, or install what defines it first";
                self.block(resource, BlockerKind::KindNotServed(kind), Some(hint));
                self.push(resource, Action::Unknown, Reason::NotServed, None, String::new());
            }
            Some(Live::Unreadable(reason)) => self.unreadable(resource, reason),
            Some(Live::Found(_)) | None => self.unreadable(resource, "it was not looked at"),
        }
    }

    fn unreadable(&mut self, resource: &'a Resource, reason: &str) {
        self.block(resource, BlockerKind::Unreadable(reason.to_owned()), None);
        self.push(resource, Action::Unknown, Reason::Unreadable(reason.to_owned()), None, String::new());
    }

    fn absent(&mut self, resource: &'a Resource, wanted: Wanted) {
        let entry = self.observed.inventory.entries.get(&resource.id);
        let completed = entry.filter(|entry| is_completed_job(resource, entry, &wanted));
        if let Some(entry) = completed.filter(|_| !self.options.reruns(&resource.id)) {
            let uid = entry.uid.clone();
            self.push(resource, Action::Unchanged, Reason::Completed, uid, wanted.digest);
            return;
        }
        let was_ours = entry.is_some_and(|entry| entry.uid.is_some());
        let reason = match (self.observed.live.get(&resource.id), completed) {
            // Nobody deleted it, or whoever deleted its definition did.
            (Some(Live::KindAbsent), _) if was_ours => Reason::NotServed,
            (_, Some(_)) => Reason::Rerun,
            _ if was_ours => Reason::DeletedFromCluster,
            _ => Reason::NotInCluster,
        };
        let unchecked = match self.observed.dry_runs.get(&resource.id) {
            Some(DryRun::Accepted { .. }) => None,
            Some(DryRun::Unchecked(why)) => Some(why.clone()),
            Some(DryRun::Refused(_)) if self.definition_changes(resource) => Some(Unchecked::DefinitionChanges),
            Some(DryRun::Refused(refusal)) => {
                self.refuse(resource, refusal);
                None
            }
            Some(DryRun::Conflicts(conflicts)) => {
                self.block(resource, BlockerKind::Conflicts(conflicts.clone()), None);
                None
            }
            None => Some(self.why_not_asked(resource, &wanted, None)),
        };
        let mut change = self.change(resource, Action::Create, reason, None, wanted.digest.clone());
        change.is_exclusive = secret::is_secret(&resource.id) && self.keepers.contains(&resource.id);
        change.unchecked = unchecked;
        send(&mut change, resource, wanted);
        self.changes.push(change);
    }

    fn existing(&mut self, resource: &'a Resource, live: &Value, wanted: Wanted) {
        let id = &resource.id;
        let owner = Owner::of(id, live, &self.observed.inventory, self.place);
        if let Owner::Another(set_id) = &owner {
            let parent = self.observed.parents.get(set_id).cloned();
            let parent = parent.unwrap_or_else(|| SetParent::Unknown(set_id.clone()));
            self.of_others.entry(parent.clone()).or_default().push(id.clone());
            self.push(resource, Action::Unknown, Reason::AnotherStack(parent), live_uid(live), String::new());
            return;
        }
        if is_terminating(live) && self.is_begun_replacement(id, &owner) {
            let change = self.replacement(resource, live, wanted, Reason::Terminating);
            self.changes.push(change);
            return;
        }
        if is_terminating(live) {
            let finalizers = delete::finalizers(live);
            let hint = "wait until it is gone, then run again";
            self.block(resource, BlockerKind::Terminating(finalizers), Some(hint));
            self.push(resource, Action::Unknown, Reason::Terminating, live_uid(live), String::new());
            return;
        }
        if self.options.reruns(id) {
            return self.replace(resource, live, &owner, wanted, Reason::Rerun, Vec::new());
        }
        let recorded = self.observed.inventory.entries.get(id);
        let is_unchanged_declaration =
            recorded.is_some_and(|entry| !entry.digest.is_empty() && entry.digest == wanted.digest);
        let formerly = show::formerly_sensitive(&self.observed.inventory, id);
        let masks = Masks::of(resource, formerly, self.redactor);
        let mut notes = Vec::new();
        let mut overruled = Vec::new();
        let mut unchecked = None;
        let mut replaced_for = None;
        let mut differs = true;
        let takeover = self.takeover(resource, live, &wanted);
        let fields = match self.observed.dry_runs.get(id) {
            Some(DryRun::Accepted { object, overruled: taken }) => {
                overruled.clone_from(taken);
                let after = takeover.removed_from(&object.open());
                notes.extend(takeover.kept_by_the_server(&after));
                if !takeover.taken.is_empty() {
                    unchecked = Some(Unchecked::TakenFirst);
                }
                let manager = &self.place.field_manager;
                differs = record::ownership_differs(&wanted.object.open(), live, &after, manager);
                let version = record::version_change(live, &after, manager);
                let changes = masks.changes(id, live, &after, Extent::Full, self.place, is_unchanged_declaration);
                version.into_iter().chain(changes).collect()
            }
            Some(DryRun::Conflicts(conflicts)) => {
                let hint = "agree on who owns the field: drop it here, list it in ignore_changes, or take it over with \
                            on_conflict(ConflictPolicy::TakeOver)";
                self.block(resource, BlockerKind::Conflicts(conflicts.clone()), Some(hint));
                self.predicted(&masks, resource, live, &wanted, &takeover)
            }
            Some(DryRun::Refused(refusal))
                if self.definition_changes(resource) && !immutable::is_immutable(refusal) =>
            {
                unchecked = Some(Unchecked::DefinitionChanges);
                self.predicted(&masks, resource, live, &wanted, &takeover)
            }
            Some(DryRun::Refused(refusal)) if !takeover.taken.is_empty() && !immutable::is_immutable(refusal) => {
                unchecked = Some(Unchecked::TakenFirst);
                self.predicted_without(&masks, resource, live, &wanted, &takeover)
            }
            Some(DryRun::Refused(refusal)) => {
                if immutable::is_immutable(refusal) {
                    let scrub = |cause: &RefusalCause| RefusalCause {
                        message: self.redactor.scrub(&cause.message),
                        ..cause.clone()
                    };
                    replaced_for = Some(Reason::Immutable(refusal.causes.iter().map(scrub).collect()));
                } else {
                    self.refuse(resource, refusal);
                }
                self.predicted(&masks, resource, live, &wanted, &takeover)
            }
            Some(DryRun::Unchecked(why)) => {
                unchecked = Some(why.clone());
                self.predicted(&masks, resource, live, &wanted, &takeover)
            }
            None => {
                unchecked = Some(self.why_not_asked(resource, &wanted, Some(live)));
                self.predicted(&masks, resource, live, &wanted, &takeover)
            }
        };
        let mut fields = takeover.without_false_drift(fields);
        if fields.iter().all(is_filled_in) {
            // A default that the server has by now, and did not have when it stored the object, is nobody's change.
            fields.clear();
        }
        let replacing: Vec<_> = fields
            .iter()
            .filter(|field| resource.options.replace_on_changes.iter().any(|path| field.path.starts_with(path)))
            .map(|field| field.path.clone())
            .collect();
        if replaced_for.is_none() && !replacing.is_empty() {
            replaced_for = Some(Reason::ReplaceOnChanges(replacing));
        }
        if let Some(reason) = replaced_for {
            self.replace(resource, live, &owner, wanted, reason, fields);
            return;
        }
        notes.extend(self.changed_by_hand(resource, live));
        notes.extend(takeover.notes().iter().map(|note| self.redactor.scrub(note)));
        differs |= !takeover.taken.is_empty();
        let is_drift = |field: &FieldChange| field.drift.is_some();
        let is_same = fields.is_empty() && !differs && overruled.is_empty();
        let needs_adoption = owner == Owner::Nobody && !resource.options.adopt && !id.is("", "Namespace");
        let (action, reason) = if owner == Owner::Nobody {
            if needs_adoption && !self.options.adopts(id) {
                self.not_managed.push(id.clone());
            }
            (Action::Adopt, Reason::NotManaged)
        } else if owner == Owner::Recoverable && fields.is_empty() && overruled.is_empty() {
            (if is_same { Action::Unchanged } else { Action::Update }, Reason::Recovered)
        } else if is_same {
            (Action::Unchanged, self.unchanged(id))
        } else if !fields.is_empty() && fields.iter().all(is_drift) {
            (Action::Update, Reason::Drift)
        } else if fields.iter().any(is_drift) {
            (Action::Update, Reason::DeclarationAndDrift)
        } else {
            let is_answered = matches!(self.observed.dry_runs.get(id), Some(DryRun::Accepted { .. }));
            if fields.is_empty() && unchecked.is_none() && is_answered {
                notes.push("no value changes; only field ownership is updated".to_owned());
            }
            (Action::Update, Reason::Declaration)
        };
        if matches!(reason, Reason::Declaration | Reason::DeclarationAndDrift)
            && let Some(why) = rerun::failure(id, live)
        {
            return self.replace(resource, live, &owner, wanted, Reason::JobFailed(why), fields);
        }
        let mut change = self.change(resource, action, reason, live_uid(live), wanted.digest.clone());
        change.notes = noted(resource, action, &fields);
        change.notes.extend(notes);
        change.needs_adoption = needs_adoption;
        if owner == Owner::Recoverable {
            self.recover(&mut change);
        }
        change.fields = fields;
        change.unchecked = unchecked;
        change.overruled = overruled;
        if action.is_write() {
            change.taken = takeover.taken;
            send(&mut change, resource, wanted);
            if matches!(self.observed.dry_runs.get(id), Some(DryRun::Accepted { .. })) {
                // The server has named the conflicts, although the fields that are taken first make a prediction of the rest.
                change.conflict_policy = None;
            }
        }
        self.changes.push(change);
    }

    /// Why nothing is done about an object that is as declared: a Job may have failed all the same.
    fn unchanged(&self, id: &ResourceId) -> Reason {
        let is_job = id.is("batch", "Job");
        let live = if is_job { self.observed.object(id) } else { None };
        live.and_then(|live| rerun::failure(id, &live)).map_or(Reason::AsDeclared, Reason::JobFailed)
    }

    /// Whether the plan changes the definition of the resource's kind, so that the server judges by another one than the apply
    /// will meet. What is needed is decided first.
    fn definition_changes(&self, resource: &Resource) -> bool {
        let needed = self.graph.dependencies_of(&resource.id).iter();
        let mut definitions = needed.filter(|dependency| dependency.origin == Origin::Definition);
        definitions.any(|definition| {
            let change = self.changes.iter().find(|change| change.id == definition.on);
            change.is_some_and(|change| change.action.is_write() && change.action != Action::Create)
        })
    }

    /// What would change as far as the declaration alone tells.
    fn predicted(
        &self,
        masks: &Masks<'_>,
        resource: &Resource,
        live: &Value,
        wanted: &Wanted,
        takeover: &takeover::Plan,
    ) -> Vec<FieldChange> {
        let recorded = self.observed.inventory.entries.get(&resource.id);
        let is_unchanged_declaration =
            recorded.is_some_and(|entry| !entry.digest.is_empty() && entry.digest == wanted.digest);
        let after = wanted.object.open();
        let rest = takeover.released_from(live);
        let mut fields = masks.changes(&resource.id, live, &rest, Extent::Full, self.place, false);
        fields.extend(masks.changes(
            &resource.id,
            &rest,
            &after,
            Extent::Declared,
            self.place,
            is_unchanged_declaration,
        ));
        for (path, _) in &wanted.unknown {
            let before = masks.shown(&resource.id, path, path.get(live), &[live]);
            fields.push(FieldChange { path: path.clone(), before, after: Shown::Unknown, drift: None });
        }
        fields
    }

    /// Why there is no dry-run of a resource that has no proof either.
    fn why_not_asked(&self, resource: &Resource, wanted: &Wanted, live: Option<&Value>) -> Unchecked {
        match survey::askable(resource, wanted, live, self.graph, self.observed, self.place, self.options) {
            Askable::Predict(why) => why,
            Askable::Yes | Askable::No => Unchecked::NoAnswer("the server was not asked".to_owned()),
        }
    }

    fn refuse(&mut self, resource: &'a Resource, refusal: &Refusal) {
        let message = self.redactor.scrub(&refusal.message);
        let kind = BlockerKind::Refused { code: refusal.code, reason: refusal.reason.clone(), message };
        let hint = match refusal.code {
            413 => Some("split the object up: the API server takes at most about 1.5 MiB"),
            // What we may not do is not checked; what is refused all the same was admission's decision.
            403 => Some(denial::hint(&refusal.message)),
            _ => None,
        };
        self.block(resource, kind, hint);
    }

    /// Whether another client made the object that is recorded as this stack's.
    fn is_adopted(&self, id: &ResourceId) -> bool {
        let Some(entry) = self.observed.inventory.entries.get(id) else { return false };
        // Only where the record does not tell is the object looked into.
        let live = if entry.uid.is_none() { self.observed.object(id) } else { None };
        live.map_or(entry.adopted, |live| is_adopted(entry, &live, self.place))
    }

    fn needs_consent(&self, resource: &Resource) -> bool {
        resource.options.protect
            || self.is_adopted(&resource.id)
            || catalog::holds_data(&resource.id.group_kind())
            || self.keepers.contains(&resource.id)
    }

    fn push(&mut self, resource: &'a Resource, action: Action, reason: Reason, uid: Option<String>, digest: String) {
        let change = self.change(resource, action, reason, uid, digest);
        self.changes.push(change);
    }

    fn change(
        &self,
        resource: &Resource,
        action: Action,
        reason: Reason,
        uid: Option<String>,
        digest: String,
    ) -> Change {
        // What could not be read stays recorded as it was.
        let recorded = self.observed.inventory.entries.get(&resource.id);
        let entry = match action {
            Action::Unknown => recorded.cloned(),
            _ => Some(Entry {
                kind: resource.kind.clone(),
                uid: uid.clone(),
                protect: resource.options.protect || self.keepers.contains(&resource.id),
                retain_on_delete: resource.options.retain_on_delete,
                depends_on: self.needed(&resource.id),
                adopted: match action {
                    Action::Adopt => true,
                    Action::Create | Action::Replace => false,
                    _ => self.is_adopted(&resource.id),
                },
                sensitive: sensitive_paths(resource),
                completed: recorded.is_some_and(|entry| entry.completed && entry.digest == digest),
                digest,
            }),
        };
        let live = self.observed.live.get(&resource.id);
        Change {
            uid,
            version: match live {
                Some(Live::Found(live)) => live.resource_version(),
                _ => None,
            },
            is_new_kind: matches!(live, Some(Live::KindAbsent)) || self.definition_changes(resource),
            wait: Wait { ready_when: resource.options.ready_when.clone(), limits: resource.options.timeouts },
            entry,
            component: resource.component.clone(),
            site: Some(resource.site),
            ..Change::new(resource.id.clone(), resource.kind.clone(), action, reason)
        }
    }

    /// What a resource depends on, each once. The graph has its dependencies in this order.
    fn needed(&self, id: &ResourceId) -> Vec<ResourceId> {
        let mut needed: Vec<ResourceId> = Vec::new();
        for dependency in self.graph.dependencies_of(id) {
            if needed.last() != Some(&dependency.on) {
                needed.push(dependency.on.clone());
            }
        }
        needed
    }

    fn block(&mut self, resource: &Resource, kind: BlockerKind, hint: Option<&str>) {
        let site = Some(resource.site);
        let blocker = Blocker { id: resource.id.clone(), kind, site, hint: hint.map(str::to_owned) };
        // One generated value may stand in several fields, and is one problem. What blocks one resource stands together.
        let mut of_this = self.blockers.iter().rev().take_while(|known| known.id == resource.id);
        if !of_this.any(|known| *known == blocker) {
            self.blockers.push(blocker);
        }
    }
}

/// Puts what is sent into a change: the object, or what it is made of where values come later.
fn send(change: &mut Change, resource: &Resource, wanted: Wanted) {
    let Wanted { object, unknown, .. } = wanted;
    change.secrets = secret_fields(resource, &object);
    change.conflict_policy = change.unchecked.as_ref().map(|_| resource.options.on_conflict);
    if unknown.is_empty() {
        change.desired = Some(object);
    } else {
        change.late = Some(Box::new(Late::of(resource, unknown)));
    }
}

/// The fields of an object that hold secret values.
fn secret_fields(resource: &Resource, object: &Packed) -> Vec<FieldPath> {
    let mut fields = secret::sensitive_paths(resource);
    if secret::is_secret(&resource.id) {
        let data = FieldPath::of(["data"]);
        let object = object.open();
        let keys = object.get("data").and_then(Value::as_object).into_iter().flatten();
        fields.extend(keys.map(|(key, _)| data.field(key)));
    }
    fields.sort();
    fields.dedup();
    fields
}

/// What the program wants a reader to know when these fields change.
fn noted(resource: &Resource, action: Action, fields: &[FieldChange]) -> Vec<String> {
    let is_about = |path: &FieldPath| path.is_root() || fields.iter().any(|field| field.path.starts_with(path));
    let notes = resource.options.notes.iter().filter(|note| action.is_write() && is_about(&note.path));
    notes.map(|note| note.text.clone()).collect()
}

/// Whether the server fills a field in that is not there yet.
fn is_filled_in(field: &FieldChange) -> bool {
    field.before == Shown::Absent && matches!(field.after, Shown::Filled(_))
}

fn live_uid(live: &Value) -> Option<String> {
    uid(live).map(str::to_owned)
}

/// The paths of sensitive values, which outlive them in the inventory. All values of a Secret are secret anyway.
fn sensitive_paths(resource: &Resource) -> Vec<FieldPath> {
    if secret::is_secret(&resource.id) {
        return Vec::new();
    }
    let mut paths = secret::sensitive_paths(resource);
    paths.sort();
    paths
}

/// Whether the resource is a Job that is deleted some time after it finished, and did so for this declaration
/// (`pkg/controller/ttlafterfinished`).
fn is_completed_job(resource: &Resource, recorded: &Entry, wanted: &Wanted) -> bool {
    let has_time_to_live = resource.object.pointer("/spec/ttlSecondsAfterFinished").is_some_and(|ttl| !ttl.is_null());
    let is_same = !recorded.digest.is_empty() && recorded.digest == wanted.digest;
    resource.id.is("batch", "Job") && has_time_to_live && recorded.completed && is_same
}
