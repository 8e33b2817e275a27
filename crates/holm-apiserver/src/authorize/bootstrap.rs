//! The cluster roles that every cluster has: `cluster-admin`, `admin`, `edit`, `view`, `system:discovery` and the others, and
//! who has them.
//!
//! From `k8s.io/kubernetes`, `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`, without the roles of controllers. A
//! server makes at every start what is not there.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES};
use crate::object;
use crate::state::State;
use crate::store::Key;

/// As a real server has them, in their stored form.
static ROLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    include_str!("../../data/roles-1.37.jsonl").lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
});

/// Makes the roles and bindings that are not there.
pub(crate) fn run(state: &mut State) {
    let now = state.now().to_string();
    for role in ROLES.iter() {
        let is_role = role.get("kind").and_then(Value::as_str) == Some("ClusterRole");
        let resource = if is_role { CLUSTER_ROLES } else { CLUSTER_ROLE_BINDINGS };
        let key = Key { resource: resource.into(), namespace: String::new(), name: object::name(role).to_owned() };
        if state.store.get(&key).is_some() {
            continue;
        }
        let mut role = role.clone();
        let uid = state.random.uid();
        object::set_metadata(&mut role, "uid", json!(uid));
        object::set_metadata(&mut role, "creationTimestamp", json!(now));
        let entries = object::at_mut(&mut role, &["metadata", "managedFields"]).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            object::set_at(entry, &["time"], json!(now));
        }
        state.store.put(key, role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_role_or_a_binding() {
        assert_eq!(ROLES.len(), include_str!("../../data/roles-1.37.jsonl").lines().count());
        assert!(ROLES.iter().any(|role| object::name(role) == "view"));
    }
}
