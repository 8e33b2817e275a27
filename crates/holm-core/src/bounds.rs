//! What bounds the pods of a namespace comes before them: quotas, LimitRanges and NetworkPolicies. No field names them, and a pod
//! that is made first escapes them.

use std::collections::{BTreeMap, BTreeSet};

use holm_values::Selector;
use serde_json::{Map, Value};

use crate::graph::{Dependency, Origin};
use crate::id::ResourceId;
use crate::references::POD_SPECS;
use crate::resource::{Resource, Strength};

/// Returns the edges from what makes pods (or claims) to what bounds them, but for those that what is declared rules out.
pub(crate) fn edges(resources: &[Resource], declared: &[Dependency]) -> Vec<Dependency> {
    let mut needs: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
    for dependency in declared {
        needs.entry(&dependency.dependent).or_default().push(&dependency.on);
    }
    let mut edges = Vec::new();
    for bound in resources {
        let Some(bounds) = Bounds::of(bound) else { continue };
        let needed = all_needed(&bound.id, &needs);
        let within = resources
            .iter()
            .filter(|resource| resource.id.namespace == bound.id.namespace && !needed.contains(&resource.id));
        edges.extend(within.filter(|resource| bounds.holds(resource)).map(|resource| Dependency {
            dependent: resource.id.clone(),
            on: bound.id.clone(),
            strength: Strength::Exists,
            origin: Origin::Bound,
        }));
    }
    edges
}

/// What a resource needs, also through others.
fn all_needed<'a>(
    id: &'a ResourceId,
    needs: &BTreeMap<&'a ResourceId, Vec<&'a ResourceId>>,
) -> BTreeSet<&'a ResourceId> {
    let mut needed = BTreeSet::new();
    let mut queue = vec![id];
    while let Some(id) = queue.pop() {
        queue.extend(needs.get(id).into_iter().flatten().copied().filter(|on| needed.insert(*on)));
    }
    needed
}

/// What a resource bounds within its namespace.
enum Bounds {
    /// All pods, and claims.
    All,
    /// The pods with these labels.
    Selected(Selector),
}

impl Bounds {
    /// Reads what a resource bounds; none for those that bound nothing.
    fn of(bound: &Resource) -> Option<Self> {
        if is_limit(&bound.id) {
            return Some(Self::All);
        }
        let is_policy = bound.id.is("networking.k8s.io", "NetworkPolicy");
        // Without a selector it is for every pod.
        let everything = Value::Object(Map::new());
        let selector = Selector::of(bound.object.pointer("/spec/podSelector").or(Some(&everything))).ok();
        selector.filter(|_| is_policy).map(Self::Selected)
    }

    fn holds(&self, resource: &Resource) -> bool {
        match (self, labels_of_pods(resource)) {
            (Self::All, labels) => labels.is_some() || is_claim(&resource.id),
            (Self::Selected(selector), Some(labels)) => selector.is_everything() || selector.matches_labels(labels),
            (Self::Selected(_), None) => false,
        }
    }
}

fn is_limit(id: &ResourceId) -> bool {
    id.is("", "ResourceQuota") || id.is("", "LimitRange")
}

fn is_claim(id: &ResourceId) -> bool {
    id.is("", "PersistentVolumeClaim")
}

/// The labels of the pods that a resource makes; none where it makes no pods.
fn labels_of_pods(resource: &Resource) -> Option<Option<&Map<String, Value>>> {
    let makes = |group: &str, kind: &str| resource.id.is(group, kind) && kind != "PodTemplate";
    let (.., place) = POD_SPECS.iter().find(|(group, kind, _)| makes(group, kind))?;
    let template = place.strip_suffix("spec").unwrap_or_default().replace('.', "/");
    let labels = resource.object.pointer(&format!("/{template}metadata/labels"));
    Some(labels.and_then(Value::as_object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Manifest, ResourceOptions, Stack, Strength};

    fn pods(kind: &str, version: &str, name: &str, app: &str) -> Value {
        let template = json!({"metadata": {"labels": {"app": app}},
            "spec": {"restartPolicy": if kind == "Job" { "Never" } else { "Always" }, "containers": [{"name": "c", "image": "i"}]}});
        let selector = if kind == "Job" { Value::Null } else { json!({"matchLabels": {"app": app}}) };
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": {"selector": selector, "template": template}})
    }

    fn policy(name: &str, selector: Value) -> Value {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
            "spec": {"podSelector": selector, "policyTypes": ["Ingress"]}})
    }

    fn stack() -> Stack {
        let stack = Stack::new("shop", "dev", Some("shop"));
        stack.add(Manifest::new(pods("Deployment", "apps/v1", "web", "web")));
        stack.add(Manifest::new(pods("Job", "batch/v1", "migrate", "migrate")));
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        stack.add(Manifest::new(claim));
        stack.add(Manifest::new(policy("for-web", json!({"matchLabels": {"app": "web"}}))));
        stack.add(Manifest::new(policy("for-all", json!({}))));
        stack
    }

    fn quota(namespace: &str) -> Manifest {
        Manifest::new(json!({"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "quota", "namespace": namespace}, "spec": {"hard": {"pods": "3"}}}))
    }

    #[test]
    fn what_bounds_pods_comes_before_them() {
        let stack = stack();
        stack.add(quota("shop"));
        stack.add(quota("elsewhere"));
        insta::assert_snapshot!(stack.build().expect("the stack is right"), @"
        NetworkPolicy/for-web selects Deployment/web
        NetworkPolicy/for-all selects Deployment/web, Job/migrate
        Deployment/web requires NetworkPolicy/for-all, NetworkPolicy/for-web, ResourceQuota/quota
        Job/migrate requires NetworkPolicy/for-all, ResourceQuota/quota
        PersistentVolumeClaim/data requires ResourceQuota/quota
        ");
    }

    #[test]
    fn what_the_program_says_goes_before() {
        let stack = stack();
        let late = stack.add(Manifest::new(pods("Deployment", "apps/v1", "early", "early")));
        stack.add(quota("shop").depends_on(&late, Strength::Ready));
        let graph = stack.build().expect("it is no circle of the program's");
        insta::assert_snapshot!(graph, @"
        NetworkPolicy/for-web selects Deployment/web
        NetworkPolicy/for-all selects Deployment/early, Deployment/web, Job/migrate
        Deployment/early requires NetworkPolicy/for-all
        ResourceQuota/quota requires Deployment/early (ready)
        Deployment/web requires NetworkPolicy/for-all, NetworkPolicy/for-web, ResourceQuota/quota
        Job/migrate requires NetworkPolicy/for-all, ResourceQuota/quota
        PersistentVolumeClaim/data requires ResourceQuota/quota
        ");
    }
}
