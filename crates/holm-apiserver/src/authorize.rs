//! Access control by roles: who may do what.
//!
//! From `k8s.io/kubernetes`, `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/registry/rbac/validation/rule.go`; the texts of
//! refusals from `k8s.io/apiserver`, `pkg/endpoints/handlers/responsewriters/errors.go`.

pub(crate) mod aggregate;
pub(crate) mod bootstrap;
pub(crate) mod escalate;
pub(crate) mod rules;

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use crate::error::ApiError;
use crate::object::{self, text_at};
use crate::request_info::Attributes;
use crate::state::State;
use crate::user::User;

pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";
const ROLES: &str = "roles.rbac.authorization.k8s.io";
const ROLE_BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
pub(crate) const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
const CLUSTER_ROLE_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";

/// Whether something is allowed, and why, or what was wrong while it was looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub allowed: bool,
    pub reason: String,
}

/// Decides whether a user may do something.
pub(crate) fn decide(state: &State, user: &User, attributes: &Attributes) -> Decision {
    if user.is_administrator() {
        return Decision { allowed: true, reason: String::new() };
    }
    let mut reason = None;
    let problems = visit(state, user, &attributes.namespace, &mut |binding, subject, rule| {
        if rules::allows(rule, attributes) {
            reason = Some(described(binding, subject));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    match reason {
        Some(reason) => Decision { allowed: true, reason: format!("RBAC: allowed by {reason}") },
        None if problems.is_empty() => Decision::default(),
        None => Decision { allowed: false, reason: format!("RBAC: {}", aggregated(&problems)) },
    }
}

/// Refuses what a user may not do.
pub(crate) fn check(state: &State, user: &User, attributes: &Attributes) -> Result<(), ApiError> {
    let decision = decide(state, user, attributes);
    if decision.allowed { Ok(()) } else { Err(refusal(user, attributes, &decision.reason)) }
}

/// The refusal as a real server words it.
fn refusal(user: &User, attributes: &Attributes, reason: &str) -> ApiError {
    let (name, verb) = (&user.name, &attributes.verb);
    let mut text = if attributes.is_resource {
        let resource = match attributes.subresource.as_str() {
            "" => attributes.resource.clone(),
            subresource => format!("{}/{subresource}", attributes.resource),
        };
        let scope = match attributes.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!("User {name:?} cannot {verb} resource {resource:?} in API group {:?} {scope}", attributes.group)
    } else {
        format!("User {name:?} cannot {verb} path {:?}", attributes.path)
    };
    text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if !reason.is_empty() {
        text = format!("{text}: {reason}");
    }
    ApiError::forbidden(&attributes.group, &attributes.resource, &attributes.name, &text)
}

/// All rules that a user has in a namespace, or everywhere if it is empty, and what could not be resolved.
pub(crate) fn rules_for(state: &State, user: &User, namespace: &str) -> (Vec<Value>, Vec<String>) {
    let mut found = Vec::new();
    let problems = visit(state, user, namespace, &mut |_, _, rule| {
        found.push(rule.clone());
        ControlFlow::Continue(())
    });
    (found, problems)
}

/// What is done with a rule, and the binding and the subject by which the user has it.
type Visitor<'v> = dyn FnMut(&Value, &Value, &Value) -> ControlFlow<()> + 'v;

/// Shows every rule that a user has, and says which bindings name roles that are not there.
fn visit(state: &State, user: &User, namespace: &str, visitor: &mut Visitor<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let cluster = state.store.list(CLUSTER_ROLE_BINDINGS, None).map(|(_, binding)| (binding, ""));
    let own = (!namespace.is_empty())
        .then(|| state.store.list(ROLE_BINDINGS, Some(namespace)).map(|(_, binding)| (binding, namespace)));
    for (binding, namespace) in cluster.chain(own.into_iter().flatten()) {
        let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten();
        let Some(subject) = subjects.into_iter().find(|subject| applies(user, subject, namespace)) else { continue };
        match role(state, binding, namespace) {
            Ok(role) => {
                for rule in role.get("rules").and_then(Value::as_array).into_iter().flatten() {
                    if visitor(binding, subject, rule).is_break() {
                        return problems;
                    }
                }
            }
            Err(error) => problems.push(error.message),
        }
    }
    problems
}

/// The role that a binding refers to.
pub(crate) fn role<'s>(state: &'s State, binding: &Value, namespace: &str) -> Result<&'s Arc<Value>, ApiError> {
    let name = text_at(binding, &["roleRef", "name"]);
    match text_at(binding, &["roleRef", "kind"]) {
        "Role" => state.find(ROLES, namespace, name).ok_or_else(|| ApiError::not_found(GROUP, "role", name)),
        "ClusterRole" => {
            state.find(CLUSTER_ROLES, "", name).ok_or_else(|| ApiError::not_found(GROUP, "clusterrole", name))
        }
        other => Err(ApiError::unknown(format!("unsupported role reference kind: {other:?}"))),
    }
}

fn applies(user: &User, subject: &Value, namespace: &str) -> bool {
    let name = text_at(subject, &["name"]);
    match text_at(subject, &["kind"]) {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|group| group == name),
        "ServiceAccount" => {
            // In a binding of a namespace, an account without one is of that namespace.
            let own = text_at(subject, &["namespace"]);
            let namespace = if own.is_empty() { namespace } else { own };
            crate::user::split_service_account(&user.name) == Some((namespace, name))
        }
        _ => false,
    }
}

fn described(binding: &Value, subject: &Value) -> String {
    let (name, namespace) = (object::name(binding), object::namespace(binding));
    let role = format!("{} {:?}", text_at(binding, &["roleRef", "kind"]), text_at(binding, &["roleRef", "name"]));
    let (kind, own) = (text_at(subject, &["kind"]), text_at(subject, &["name"]));
    let own = if kind == "ServiceAccount" {
        let place = match text_at(subject, &["namespace"]) {
            "" => namespace,
            place => place,
        };
        format!("{own}/{place}")
    } else {
        own.to_owned()
    };
    if namespace.is_empty() {
        format!("ClusterRoleBinding {name:?} of {role} to {kind} {own:?}")
    } else {
        format!("RoleBinding {:?} of {role} to {kind} {own:?}", format!("{name}/{namespace}"))
    }
}

/// Several texts as one, from `k8s.io/apimachinery`, `pkg/util/errors/errors.go`.
pub(crate) fn aggregated(texts: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for text in texts {
        if !distinct.contains(&text.as_str()) {
            distinct.push(text);
        }
    }
    if let [only] = distinct.as_slice() { (*only).to_owned() } else { format!("[{}]", distinct.join(", ")) }
}
