//! Nobody gives rights that they do not have.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/rbac/{clusterrole,clusterrolebinding,role,rolebinding}/policybased/storage.go` and
//! `pkg/registry/rbac/escalation_check.go`.

use serde_json::{Value, json};

use super::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, GROUP, ROLE_BINDINGS, ROLES, aggregated, decide, role, rules, rules_for,
};
use crate::error::ApiError;
use crate::object::{self, at, text_at};
use crate::registry::ResourceType;
use crate::request_info::Attributes;
use crate::state::State;
use crate::user::User;

/// Checks a role or binding that is created (`live` is none) or changed.
pub(crate) fn check(
    state: &State,
    user: &User,
    resource: &ResourceType,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), ApiError> {
    if user.is_administrator() {
        return Ok(());
    }
    let (name, namespace) = (object::name(object), object::namespace(object));
    let forbidden = |problem: &str| ApiError::forbidden(GROUP, resource.plural(), name, problem);
    let may = |verb: &str, resource: &str, name: &str| {
        let attributes = Attributes {
            verb: verb.to_owned(),
            is_resource: true,
            group: GROUP.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            ..Attributes::default()
        };
        decide(state, user, &attributes).allowed
    };
    let confirm = |wanted: &[Value]| confirm(state, user, namespace, wanted);
    match &*resource.id {
        ROLES | CLUSTER_ROLES => {
            if live.is_some_and(|live| same_but_for_garbage(live, object)) || may("escalate", resource.plural(), name) {
                return Ok(());
            }
            confirm(rules_of(object)).map_err(|problem| forbidden(&problem))?;
            let aggregates = |object: &Value| {
                at(object, &["aggregationRule", "clusterRoleSelectors"])
                    .and_then(Value::as_array)
                    .is_some_and(|selectors| !selectors.is_empty())
            };
            // What gathers anything needs the right to everything.
            if aggregates(object) || live.is_some_and(aggregates) {
                let everything = [
                    json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}),
                    json!({"nonResourceURLs": ["*"], "verbs": ["*"]}),
                ];
                let problem = "must have cluster-admin privileges to use the aggregationRule";
                confirm(&everything).map_err(|_| forbidden(problem))?;
            }
            Ok(())
        }
        ROLE_BINDINGS | CLUSTER_ROLE_BINDINGS => {
            if live.is_some_and(|live| same_but_for_garbage(live, object)) {
                return Ok(());
            }
            let bound = match text_at(object, &["roleRef", "kind"]) {
                "ClusterRole" => "clusterroles",
                _ => "roles",
            };
            if may("bind", bound, text_at(object, &["roleRef", "name"])) {
                return Ok(());
            }
            // The original looks the role up in the name of the request, which is about bindings.
            let missing = |error: ApiError| match error.code {
                404 => ApiError::not_found(GROUP, resource.plural(), text_at(object, &["roleRef", "name"])),
                _ => error,
            };
            let role = role(state, object, namespace).map_err(missing)?;
            confirm(rules_of(role)).map_err(|problem| forbidden(&problem))
        }
        _ => Ok(()),
    }
}

fn rules_of(role: &Value) -> &[Value] {
    role.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Says which of the wanted rights the user does not have.
fn confirm(state: &State, user: &User, namespace: &str, wanted: &[Value]) -> Result<(), String> {
    let (owned, problems) = rules_for(state, user, namespace);
    let missing = rules::missing(&owned, wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let mut texts: Vec<String> = rules::compacted(missing).iter().map(rules::described).collect();
    texts.sort();
    texts.dedup();
    let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
    let mut text = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        texts.join("\n")
    );
    if !problems.is_empty() {
        text = format!("{text}; resolution errors: {}", aggregated(&problems));
    }
    Err(text)
}

/// Whether a change is none but in what the garbage collector needs (`IsOnlyMutatingGCFields`).
fn same_but_for_garbage(live: &Value, object: &Value) -> bool {
    let stripped = |object: &Value| {
        let mut object = object.clone();
        for field in ["ownerReferences", "finalizers", "managedFields"] {
            object::remove_metadata(&mut object, field);
        }
        object
    };
    stripped(live) == stripped(object)
}
