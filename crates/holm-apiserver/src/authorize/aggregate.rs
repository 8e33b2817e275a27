//! Cluster roles that gather the rules of others, at once and not some time later.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use serde_json::{Value, json};

use super::CLUSTER_ROLES;
use crate::object::{self, at};
use crate::options::WriteOptions;
use crate::selector::matches_selector;
use crate::state::State;
use crate::write::Draft;
use crate::write::update::Target;

/// Gathers the rules of every cluster role that gathers, after a cluster role has changed.
pub(crate) fn run(state: &mut State) {
    let gathering = state.store.list(CLUSTER_ROLES, None).filter_map(|(_, role)| {
        let rules = gathered(state, role)?;
        (Some(&Value::Array(rules.clone())) != role.get("rules")).then(|| (object::name(role).to_owned(), rules))
    });
    let gathering: Vec<(String, Vec<Value>)> = gathering.collect();
    let Some(resource) = state.registry.by_id(CLUSTER_ROLES).cloned() else { return };
    for (name, rules) in gathering {
        let applied = json!({
            "apiVersion": resource.kind.api_version(), "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules,
        });
        let options = WriteOptions { force: true, ..WriteOptions::by("clusterrole-aggregation-controller") };
        let target = Target { namespace: "", name: &name, subresource: "" };
        // A role that cannot be written stays as it is, as it would with a controller that tries again for ever.
        let _ = state.apply(&resource, target, Draft::of(applied), &options);
    }
}

/// The rules that a role should have; none if it does not gather any.
fn gathered(state: &State, role: &Value) -> Option<Vec<Value>> {
    let selectors = at(role, &["aggregationRule", "clusterRoleSelectors"])?.as_array()?;
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors {
        // The store lists by name, which is the order of the rules.
        for (_, other) in state.store.list(CLUSTER_ROLES, None) {
            if object::name(other) == object::name(role) || !matches_selector(selector, other) {
                continue;
            }
            for rule in other.get("rules").and_then(Value::as_array).into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(rules)
}
