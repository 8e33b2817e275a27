//! Questions about users and rights, which are sent as objects and stored nowhere.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/{authorization,authentication}/**/{rest,storage}.go` and
//! `pkg/apis/authorization/validation/validation.go`.

use holm_validation::FieldError;
use http::{Method, Response};
use serde_json::{Value, json};

use super::respond::{AnswerBody, answer};
use super::route::Route;
use super::{Call, verbs};
use crate::api_server::ApiServer;
use crate::authenticate::ISSUER;
use crate::authorize::{self, Decision};
use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::options::{OptionsKind, WriteOptions};
use crate::registry::{REVIEWS, ResourceType};
use crate::request_info::Attributes;
use crate::state::State;
use crate::user::User;

/// Whether a resource is a question.
pub(super) fn is_review(resource: &ResourceType) -> bool {
    REVIEWS.contains(&&*resource.id)
}

/// Answers a question.
pub(super) fn run(cluster: &ApiServer, route: &Route, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    if call.method != Method::POST || route.name.is_some() {
        return Err(ApiError::method_not_allowed());
    }
    let options = WriteOptions::of(&call.query, &call.user_agent, OptionsKind::Create)?;
    let (draft, resource) = (verbs::draft(call, &route.resource)?, &route.resource);
    let mut warnings = Vec::new();
    let mut review = crate::write::accept(resource, draft, options.field_validation, &mut warnings)?.object;
    crate::write::create::place(resource, route.namespace(), None, &mut review)?;
    let state = cluster.read();
    let status = match &*resource.id {
        "selfsubjectreviews.authentication.k8s.io" => {
            object::set_metadata(&mut review, "creationTimestamp", json!(state.now().to_string()));
            json!({"userInfo": user_info(&call.user)})
        }
        "tokenreviews.authentication.k8s.io" => token(cluster, &state, &review)?,
        "selfsubjectrulesreviews.authorization.k8s.io" => rules(&state, &call.user, &review)?,
        _ => access(&state, route, call, &review)?,
    };
    drop(state);
    set_at(&mut review, &["status"], status);
    Ok(answer(201, &review, &warnings))
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = json!(user.uid);
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

fn token(cluster: &ApiServer, state: &State, review: &Value) -> Result<Value, ApiError> {
    let token = text_at(review, &["spec", "token"]);
    if token.is_empty() {
        return Err(ApiError::bad_request("token is required for TokenReview in authentication"));
    }
    let mut wanted = object::texts(at(review, &["spec", "audiences"]));
    if wanted.is_empty() {
        wanted.push(ISSUER.to_owned());
    }
    let Some(verified) = cluster.signer().verify(state, token) else {
        return Ok(json!({"user": {}, "error": "invalid bearer token"}));
    };
    wanted.retain(|audience| verified.audiences.contains(audience));
    if wanted.is_empty() {
        return Ok(json!({"user": {}, "error": "token audiences do not match the wanted ones"}));
    }
    Ok(json!({"authenticated": true, "user": user_info(&verified.user), "audiences": wanted}))
}

fn rules(state: &State, user: &User, review: &Value) -> Result<Value, ApiError> {
    let namespace = text_at(review, &["spec", "namespace"]);
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (rules, problems) = authorize::rules_for(state, user, namespace);
    let picked = |needed: &str, fields: &[&str]| -> Vec<Value> {
        let named = rules.iter().filter(|rule| at(rule, &[needed]).is_some());
        named
            .map(|rule| {
                let mut picked = json!({"verbs": rule.get("verbs").cloned().unwrap_or_default()});
                for field in fields {
                    if let Some(value) = rule.get(*field) {
                        picked[*field] = value.clone();
                    }
                }
                picked
            })
            .collect()
    };
    let mut status = json!({
        "resourceRules": picked("resources", &["apiGroups", "resources", "resourceNames"]),
        "nonResourceRules": picked("nonResourceURLs", &["nonResourceURLs"]),
        "incomplete": false,
    });
    if !problems.is_empty() {
        status["evaluationError"] = json!(authorize::aggregated(&problems));
    }
    Ok(status)
}

/// Whether somebody may do something.
fn access(state: &State, route: &Route, call: &Call, review: &Value) -> Result<Value, ApiError> {
    let own = route.resource.is("selfsubjectaccessreviews.authorization.k8s.io");
    check(route, review, own)?;
    let text = |path: &[&str]| text_at(review, path).to_owned();
    let attributes = if at(review, &["spec", "resourceAttributes"]).is_some() {
        let text = |field: &str| text(&["spec", "resourceAttributes", field]);
        Attributes {
            verb: text("verb"),
            is_resource: true,
            group: text("group"),
            version: text("version"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
            path: String::new(),
        }
    } else {
        let text = |field: &str| text(&["spec", "nonResourceAttributes", field]);
        Attributes { verb: text("verb"), path: text("path"), ..Attributes::default() }
    };
    let user = if own {
        User::clone(&call.user)
    } else {
        let mut user = User::with(text_at(review, &["spec", "user"]), &[]);
        user.groups = object::texts(at(review, &["spec", "groups"]));
        user
    };
    let Decision { allowed, reason } = authorize::decide(state, &user, &attributes);
    let mut status = json!({"allowed": allowed});
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    Ok(status)
}

fn check(route: &Route, review: &Value, own: bool) -> Result<(), ApiError> {
    let resource = at(review, &["spec", "resourceAttributes"]);
    let other = at(review, &["spec", "nonResourceAttributes"]);
    let mut errors = Vec::new();
    if resource.is_some() == other.is_some() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(FieldError::invalid("spec", other.cloned().unwrap_or_default(), detail));
    }
    if !own
        && text_at(review, &["spec", "user"]).is_empty()
        && object::texts(at(review, &["spec", "groups"])).is_empty()
    {
        errors.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    if route.resource.is_namespaced() {
        let namespace = text_at(review, &["spec", "resourceAttributes", "namespace"]);
        if resource.is_some() && namespace != route.namespace() {
            let field = "spec.resourceAttributes.namespace";
            errors.push(FieldError::invalid(field, namespace, "must match metadata.namespace"));
        }
        if let Some(other) = other {
            let detail = "disallowed on this kind of request";
            errors.push(FieldError::invalid("spec.nonResourceAttributes", other.clone(), detail));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    // The original names no kind here.
    Err(ApiError::invalid(route.resource.group(), "", "", &errors))
}
