//! Parts of objects that only take orders: a token of a service account, the eviction of a pod.

mod eviction;
mod token;

use http::{Method, Response};

use super::respond::AnswerBody;
use super::route::Route;
use super::{Call, verbs};
use crate::api_server::ApiServer;
use crate::error::ApiError;

/// Answers a POST to a part of an object; none if the part takes none.
pub(super) fn run(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
) -> Option<Result<Response<AnswerBody>, ApiError>> {
    if call.method != Method::POST {
        return None;
    }
    match (&*route.resource.id, route.subresource.as_str()) {
        ("pods", "eviction") => Some(eviction::run(cluster, route, name, call)),
        ("serviceaccounts", "token") => Some(token::run(cluster, route, name, call)),
        _ => None,
    }
}

/// The body of a request to a part, which is of another kind than the object.
fn body(call: &Call, kind: &str) -> Result<serde_json::Value, ApiError> {
    let body = verbs::body(call)?;
    let said = crate::object::text_at(&body, &["kind"]);
    if !body.is_object() || !(said.is_empty() || said == kind) {
        return Err(ApiError::bad_request(format!("the body is not a {kind}")));
    }
    Ok(body)
}
