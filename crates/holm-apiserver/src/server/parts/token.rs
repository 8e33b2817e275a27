//! Tokens of service accounts, on request.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/core/serviceaccount/storage/token.go`, `pkg/serviceaccount/claims.go` and
//! `pkg/apis/authentication/validation/validation.go`.

use holm_validation::FieldError;
use http::Response;
use serde_json::{Value, json};

use super::super::Call;
use super::super::respond::{AnswerBody, answer};
use super::super::route::Route;
use crate::api_server::ApiServer;
use crate::authenticate::ISSUER;
use crate::error::ApiError;
use crate::object::{self, at, set_at, text_at};
use crate::options::{OptionsKind, WriteOptions};
use crate::state::State;

const GROUP: &str = "authentication.k8s.io";
/// How long a token is good for unless it is said, in seconds.
const LIFETIME: i64 = 3600;
/// The shortest and the longest time.
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

pub(super) fn run(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
) -> Result<Response<AnswerBody>, ApiError> {
    let options = WriteOptions::of(&call.query, &call.user_agent, OptionsKind::Create)?;
    let (mut request, warnings) = super::body(call, route, "TokenRequest", &options)?;
    let namespace = route.namespace();
    let (claims, expiration) = {
        let state = cluster.read();
        let account = state.find("serviceaccounts", namespace, name);
        let account = account.ok_or_else(|| ApiError::not_found("", "serviceaccounts", name))?;
        let uid = object::uid(account).unwrap_or_default().to_owned();
        check(&request, name, namespace, &uid)?;
        let now = state.now();
        let lifetime = at(&request, &["spec", "expirationSeconds"]).and_then(Value::as_i64).unwrap_or(LIFETIME);
        let mut audiences = object::texts(at(&request, &["spec", "audiences"]));
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        let mut own = json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}});
        bind(&state, &request, namespace, name, &mut own)?;
        set_at(&mut request, &["kind"], json!("TokenRequest"));
        set_at(&mut request, &["apiVersion"], json!("authentication.k8s.io/v1"));
        let metadata = [
            ("name", name.to_owned()),
            ("namespace", namespace.to_owned()),
            ("uid", uid),
            ("creationTimestamp", now.to_string()),
        ];
        for (field, value) in metadata {
            object::set_metadata(&mut request, field, json!(value));
        }
        set_at(&mut request, &["spec", "audiences"], json!(audiences));
        set_at(&mut request, &["spec", "expirationSeconds"], json!(lifetime));
        if at(&request, &["spec", "boundObjectRef"]).is_none() {
            set_at(&mut request, &["spec", "boundObjectRef"], Value::Null);
        }
        let end = holm_values::Timestamp(now.0.saturating_add(lifetime));
        let claims = json!({
            "aud": audiences, "exp": end.0, "iat": now.0, "nbf": now.0, "iss": ISSUER,
            "sub": format!("system:serviceaccount:{namespace}:{name}"), "kubernetes.io": own,
        });
        (claims, end)
    };
    let mut claims = claims;
    let id = cluster.write(|state| Ok::<_, ApiError>(state.random.uid()))?;
    set_at(&mut claims, &["jti"], json!(id));
    let token = cluster.signer().sign(&claims)?;
    set_at(&mut request, &["status"], json!({"token": token, "expirationTimestamp": expiration.to_string()}));
    Ok(answer(201, &request, &warnings))
}

fn check(request: &Value, name: &str, namespace: &str, uid: &str) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    for (field, found, wanted) in
        [("metadata.name", object::name(request), name), ("metadata.namespace", object::namespace(request), namespace)]
    {
        if !found.is_empty() && found != wanted {
            let part = field.trim_start_matches("metadata.");
            let detail = format!("must match the service account {part} if specified");
            errors.push(FieldError::invalid(field, found, detail));
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid(GROUP, "TokenRequest", name, &errors));
    }
    if let Some(wanted) = object::uid(request).filter(|wanted| *wanted != uid) {
        let problem =
            format!("the UID in the token request ({wanted}) does not match the UID of the service account ({uid})");
        return Err(ApiError::conflict(GROUP, "TokenRequest", name, &problem));
    }
    let Some(lifetime) = at(request, &["spec", "expirationSeconds"]).and_then(Value::as_i64) else { return Ok(()) };
    let problem = if lifetime < SHORTEST {
        "may not specify a duration less than 10 minutes"
    } else if lifetime > LONGEST {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let errors = [FieldError::invalid("spec.expirationSeconds", lifetime, problem)];
    Err(ApiError::invalid(GROUP, "TokenRequest", "", &errors))
}

/// Adds the object whose end ends the token.
fn bind(state: &State, request: &Value, namespace: &str, name: &str, own: &mut Value) -> Result<(), ApiError> {
    let Some(reference) = at(request, &["spec", "boundObjectRef"]) else { return Ok(()) };
    let (kind, bound) = (text_at(reference, &["kind"]), text_at(reference, &["name"]));
    let (resource, place, part) = match kind {
        "Pod" => ("pods", namespace, "pod"),
        "Secret" => ("secrets", namespace, "secret"),
        "Node" => ("nodes", "", "node"),
        _ => {
            let version = text_at(reference, &["apiVersion"]);
            let text = format!("cannot bind token to object of type {version}, Kind={kind}");
            return Err(ApiError::bad_request(text));
        }
    };
    let found = state.find(resource, place, bound).ok_or_else(|| ApiError::not_found("", resource, bound))?;
    if part == "pod" {
        if text_at(found, &["spec", "serviceAccountName"]) != name {
            let text = format!(
                "cannot bind token for serviceaccount {name:?} to pod running with different serviceaccount name."
            );
            return Err(ApiError::bad_request(text));
        }
        let node = text_at(found, &["spec", "nodeName"]);
        if !node.is_empty() {
            let uid = state.find("nodes", "", node).and_then(|node| object::uid(node));
            own["node"] = json!({"name": node});
            if let Some(uid) = uid {
                own["node"]["uid"] = json!(uid);
            }
        }
    }
    let uid = object::uid(found).unwrap_or_default();
    let wanted = text_at(reference, &["uid"]);
    if !wanted.is_empty() && wanted != uid {
        let problem = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict("", resource, bound, &problem));
    }
    own[part] = json!({"name": bound, "uid": uid});
    Ok(())
}
