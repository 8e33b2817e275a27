//! Which deletions wait for custom resources: those of the workloads that serve them, and of the rights that those have. A
//! controller that goes beside its custom resource leaves nobody to clear the finalizer.
//!
//! No field says who serves a kind. What a controller may write does: the rules that are bound to its ServiceAccount.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::inventory::Inventory;
use crate::observe::Observed;
use crate::plan::{Action, Change};
use holm_core::catalog;
use holm_core::id::ResourceId;

const RBAC: &str = "rbac.authorization.k8s.io";
/// Verbs of who clears a finalizer.
const WRITES: [&str; 3] = ["update", "patch", "*"];

/// Something whose objects a controller looks after.
struct Served<'a> {
    id: &'a ResourceId,
    group: String,
    plural: String,
    /// None for a definition, whose objects may be anywhere.
    namespace: Option<&'a str>,
}

/// Returns who waits, and for what to be gone.
pub(super) fn held_back(changes: &[Change], intent: &Inventory, observed: &Observed) -> Vec<(ResourceId, ResourceId)> {
    let deleted: Vec<&Change> = changes.iter().filter(|change| change.action == Action::Delete).collect();
    let served: Vec<Served<'_>> = deleted.iter().filter_map(|change| served(change, observed)).collect();
    if served.is_empty() {
        return Vec::new();
    }
    let mut held = BTreeSet::new();
    for binding in deleted.iter().filter(|change| is_binding(&change.id)) {
        let Some(live) = observed.object(&binding.id) else { continue };
        let rules = rules(&binding.id, &live, observed);
        let objects = served.iter().filter(|object| {
            let is_within = binding.id.namespace.is_none() || binding.id.namespace.as_deref() == object.namespace;
            is_within && rules.iter().any(|rule| grants(rule, object))
        });
        let objects: Vec<&ResourceId> = objects.map(|object| object.id).collect();
        let accounts = accounts(&binding.id, &live);
        let workloads = deleted
            .iter()
            .filter(|change| account_of(&change.id, observed).is_some_and(|account| accounts.contains(&account)));
        for waits in workloads.map(|change| &change.id).chain([&binding.id]) {
            held.extend(objects.iter().map(|object| (waits.clone(), (*object).clone())));
        }
    }
    let needs = Needs(intent);
    held.into_iter().filter(|(waits, on)| !needs.reaches(waits, on)).collect()
}

fn served<'a>(change: &'a Change, observed: &Observed) -> Option<Served<'a>> {
    let id = &change.id;
    if id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        let live = observed.object(id)?;
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        return Some(Served { id, group: text("/spec/group")?, plural: text("/spec/names/plural")?, namespace: None });
    }
    let is_custom = !id.group.is_empty() && catalog::find(&change.kind.api_version(), &change.kind.kind).is_none();
    let (group, plural) = (change.kind.group.clone(), change.kind.plural.clone());
    is_custom.then_some(Served { id, group, plural, namespace: id.namespace.as_deref() })
}

fn is_binding(id: &ResourceId) -> bool {
    id.is(RBAC, "ClusterRoleBinding") || id.is(RBAC, "RoleBinding")
}

/// The rules of the role that a binding refers to, as far as they were looked at.
fn rules(binding: &ResourceId, live: &Value, observed: &Observed) -> Vec<Value> {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/roleRef/kind"), text("/roleRef/name"));
    if kind == "ClusterRole" && name == "cluster-admin" {
        return vec![serde_json::json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})];
    }
    let namespace = if kind == "Role" { binding.namespace.as_deref() } else { None };
    let role = observed.object(&ResourceId::new(RBAC, kind, namespace, name));
    role.and_then(|role| role.get("rules")?.as_array().cloned()).unwrap_or_default()
}

fn grants(rule: &Value, object: &Served<'_>) -> bool {
    let has = |field: &str, is: &dyn Fn(&str) -> bool| {
        let values = rule.get(field).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).any(is)
    };
    let of_resource = |resource: &str| resource == "*" || resource.split('/').next() == Some(object.plural.as_str());
    has("apiGroups", &|group| group == "*" || group == object.group)
        && has("resources", &of_resource)
        && has("verbs", &|verb| WRITES.contains(&verb))
}

/// The ServiceAccounts of a binding, as namespace and name.
fn accounts(binding: &ResourceId, live: &Value) -> BTreeSet<(String, String)> {
    let subjects = live.get("subjects").and_then(Value::as_array);
    let accounts = subjects.into_iter().flatten().filter(|subject| subject["kind"] == "ServiceAccount");
    accounts
        .map(|subject| {
            let text = |field: &str| subject.get(field).and_then(Value::as_str).map(str::to_owned);
            let namespace = text("namespace").or_else(|| binding.namespace.clone());
            (namespace.unwrap_or_default(), text("name").unwrap_or_default())
        })
        .collect()
}

/// The ServiceAccount of a workload that runs for as long as it exists.
fn account_of(id: &ResourceId, observed: &Observed) -> Option<(String, String)> {
    let is_workload = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].iter().any(|kind| id.is("apps", kind));
    let spec = match (is_workload, id.is("", "Pod")) {
        (true, _) => "/spec/template/spec",
        (_, true) => "/spec",
        _ => return None,
    };
    let live = observed.object(id)?;
    let name = live.pointer(&format!("{spec}/serviceAccountName")).and_then(Value::as_str);
    Some((id.namespace.clone()?, name.unwrap_or("default").to_owned()))
}

/// What was recorded to need what.
struct Needs<'a>(&'a Inventory);

impl Needs<'_> {
    /// Whether `from` needs `to`, also through others, so that it goes first.
    fn reaches(&self, from: &ResourceId, to: &ResourceId) -> bool {
        let mut seen = BTreeSet::new();
        let mut queue = vec![from];
        while let Some(id) = queue.pop() {
            for needed in self.0.entries.get(id).into_iter().flat_map(|entry| &entry.depends_on) {
                if needed == to {
                    return true;
                }
                if seen.insert(needed) {
                    queue.push(needed);
                }
            }
        }
        false
    }
}
