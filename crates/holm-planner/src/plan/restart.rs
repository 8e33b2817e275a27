//! Changes that reach running pods only when these are restarted: a container reads its environment once.

use holm_core::{Dependency, FieldPath, Graph, Origin, ResourceId};

use crate::plan::{Action, Change};

/// How many workloads a note names at most.
const NAMED: usize = 3;

/// Notes on each changed ConfigMap and Secret which workloads read it through their environment and are not restarted by the plan.
pub(super) fn note(changes: &mut [Change], graph: &Graph) {
    let notes: Vec<(usize, String)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| is_changed_data(change))
        .filter_map(|(position, change)| Some((position, words(&stale(&change.id, changes, graph), change)?)))
        .collect();
    for (position, text) in notes {
        changes[position].notes.push(text);
    }
}

fn is_changed_data(change: &Change) -> bool {
    let is_data =
        |path: &FieldPath| ["data", "binaryData"].iter().any(|field| path.starts_with(&FieldPath::of([*field])));
    let is_source = change.id.is("", "ConfigMap") || change.id.is("", "Secret");
    is_source && change.action == Action::Update && change.fields.iter().any(|field| is_data(&field.path))
}

/// The workloads whose pods keep what they read of `source`.
fn stale<'a>(source: &ResourceId, changes: &[Change], graph: &'a Graph) -> Vec<&'a ResourceId> {
    let is_read = |dependency: &&Dependency| matches!(&dependency.origin, Origin::Reference(path) if dependency.on == *source && is_environment(path));
    let readers = graph.dependencies().iter().filter(is_read).map(|dependency| &dependency.dependent);
    let mut stale: Vec<&ResourceId> =
        readers.filter(|id| keeps_pods(id) && !restarts(changes.iter().find(|change| change.id == **id))).collect();
    stale.dedup();
    stale
}

fn is_environment(path: &FieldPath) -> bool {
    let path = path.to_string();
    path.contains(".env[") || path.contains(".envFrom[")
}

/// Whether a kind keeps its pods; those of Jobs read what there is when they start.
fn keeps_pods(id: &ResourceId) -> bool {
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].iter().any(|kind| id.is("apps", kind))
        || id.is("", "ReplicationController")
        || id.is("", "Pod")
}

/// Whether a change replaces the pods.
fn restarts(change: Option<&Change>) -> bool {
    let template = FieldPath::of(["spec", "template"]);
    change.is_none_or(|change| match change.action {
        Action::Update | Action::Adopt => change.fields.iter().any(|field| field.path.starts_with(&template)),
        Action::Unchanged => false,
        _ => true,
    })
}

fn words(stale: &[&ResourceId], change: &Change) -> Option<String> {
    let names: Vec<String> =
        stale.iter().take(NAMED).map(|id| id.relative_to(change.id.namespace.as_deref())).collect();
    let more = stale.len().saturating_sub(NAMED);
    let (who, verb, whose) = match (names.as_slice(), more) {
        ([], _) => return None,
        ([only], 0) => (only.clone(), "reads", "its"),
        ([others @ .., last], 0) => (format!("{} and {last}", others.join(", ")), "read", "their"),
        (names, more) => (format!("{} and {more} more", names.join(", ")), "read", "their"),
    };
    Some(format!("{who} {verb} it through {whose} environment; the pods keep the old value until they are restarted"))
}
