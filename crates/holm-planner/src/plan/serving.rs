//! Which workloads serve which custom resources, and which deletions wait for them: those of the workloads that serve them, and of the rights that those have. A
//! controller that goes beside its custom resource leaves nobody to clear the finalizer.
//!
//! No field says who serves a kind. What a controller may write does: the rules that are bound to its ServiceAccount.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::inventory::Inventory;
use crate::observe::Observed;
use crate::packed::Packed;
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
    let rights = Rights { changes: &deleted, objects: &|id| observed.object(id) };
    let needs = Needs(intent);
    rights.held().into_iter().filter(|(waits, on)| !needs.reaches(waits, on)).collect()
}

/// Returns the custom resources that stay or come, each with a workload that may write its status.
pub(super) fn operators(changes: &[Change], intent: &Inventory, observed: &Observed) -> Vec<(ResourceId, ResourceId)> {
    let kept: Vec<&Change> =
        changes.iter().filter(|change| change.action.is_write() || change.action == Action::Unchanged).collect();
    let objects = |id: &ResourceId| {
        let desired = kept.iter().find(|change| change.id == *id).and_then(|change| change.desired.as_ref());
        desired.map(Packed::open).or_else(|| observed.object(id))
    };
    let rights = Rights { changes: &kept, objects: &objects };
    let is_definition = |id: &ResourceId| id.is("apiextensions.k8s.io", "CustomResourceDefinition");
    let needs = Needs(intent);
    let pairs = rights.held().into_iter().filter(|(workload, object)| {
        // A controller that needs the object itself does not come before it.
        !is_binding(workload) && !is_definition(object) && !needs.reaches(workload, object)
    });
    pairs.map(|(workload, object)| (object, workload)).collect()
}

/// Who may write what, among the objects of some changes.
struct Rights<'a> {
    changes: &'a [&'a Change],
    objects: Objects<'a>,
}

impl Rights<'_> {
    /// The workloads that serve custom resources and definitions, and the bindings that give them the rights, each with what is served.
    fn held(&self) -> BTreeSet<(ResourceId, ResourceId)> {
        let served: Vec<Served<'_>> = self.changes.iter().filter_map(|change| served(change, self.objects)).collect();
        let mut held = BTreeSet::new();
        if served.is_empty() {
            return held;
        }
        for binding in self.changes.iter().filter(|change| is_binding(&change.id)) {
            let Some(live) = (self.objects)(&binding.id) else { continue };
            let rules = rules(&binding.id, &live, self.objects);
            let objects = served.iter().filter(|object| {
                let is_within = binding.id.namespace.is_none() || binding.id.namespace.as_deref() == object.namespace;
                is_within && rules.iter().any(|rule| grants(rule, object))
            });
            let objects: Vec<&ResourceId> = objects.map(|object| object.id).collect();
            let accounts = accounts(&binding.id, &live);
            let workloads = self.changes.iter().filter(|change| {
                account_of(&change.id, self.objects).is_some_and(|account| accounts.contains(&account))
            });
            for waits in workloads.map(|change| &change.id).chain([&binding.id]) {
                held.extend(objects.iter().map(|object| (waits.clone(), (*object).clone())));
            }
        }
        held
    }
}

type Objects<'a> = &'a dyn Fn(&ResourceId) -> Option<Value>;

fn served<'a>(change: &'a Change, objects: Objects<'_>) -> Option<Served<'a>> {
    let id = &change.id;
    if id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        let live = objects(id)?;
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
fn rules(binding: &ResourceId, live: &Value, objects: Objects<'_>) -> Vec<Value> {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/roleRef/kind"), text("/roleRef/name"));
    if kind == "ClusterRole" && name == "cluster-admin" {
        return vec![serde_json::json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})];
    }
    let namespace = if kind == "Role" { binding.namespace.as_deref() } else { None };
    let role = objects(&ResourceId::new(RBAC, kind, namespace, name));
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
fn account_of(id: &ResourceId, objects: Objects<'_>) -> Option<(String, String)> {
    let is_workload = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].iter().any(|kind| id.is("apps", kind));
    let spec = match (is_workload, id.is("", "Pod")) {
        (true, _) => "/spec/template/spec",
        (_, true) => "/spec",
        _ => return None,
    };
    let live = objects(id)?;
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
