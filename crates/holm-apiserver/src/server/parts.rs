//! Parts of objects that are no part of what is stored: a token of a service account, the eviction, binding and log of a pod.

mod binding;
mod eviction;
mod log;
mod token;

use holm_validation::decode;
use http::{Method, Response};
use serde_json::{Value, json};

use super::respond::{AnswerBody, answer, text};
use super::route::Route;
use super::{Call, verbs};
use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::options::{OptionsKind, WriteOptions};

/// Answers a request for such a part of an object; none if it is for something else.
pub(super) fn run(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
) -> Option<Result<Response<AnswerBody>, ApiError>> {
    match (&call.method, &*route.resource.id, route.subresource.as_str()) {
        (&Method::GET, "pods", "log") => Some(log::get(cluster, route, name, &call.query).map(text)),
        (&Method::POST, "pods", "binding") => Some(bind(cluster, route, name, call)),
        (&Method::POST, "pods", "eviction") => Some(eviction::run(cluster, route, name, call)),
        (&Method::POST, "serviceaccounts", "token") => Some(token::run(cluster, route, name, call)),
        _ => None,
    }
}

fn bind(cluster: &ApiServer, route: &Route, name: &str, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    let options = WriteOptions::of(&call.query, &call.user_agent, OptionsKind::Create)?;
    let (binding, warnings) = body(call, route, "Binding", &options)?;
    binding::create(cluster, route, name, &binding, &options)?;
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(answer(201, &success, &warnings))
}

/// The body of a request to a part, which is of another kind than the object, and the warnings about it.
fn body(call: &Call, route: &Route, kind: &str, options: &WriteOptions) -> Result<(Value, Vec<String>), ApiError> {
    let part = route.resource.discovery.subresource(&route.subresource).ok_or_else(ApiError::no_resource)?;
    let mut body = verbs::body(call, &part.kind)?;
    let said = crate::object::text_at(&body, &["kind"]);
    if !body.is_object() || !(said.is_empty() || said == kind) {
        return Err(ApiError::bad_request(format!("the body is not a {kind}")));
    }
    let pack = holm_schema::built_in().map_err(|error| ApiError::internal(error.to_string()))?;
    let (mut unknown, mut warnings) = (Vec::new(), Vec::new());
    if let Some(schema) = pack.type_of_kind(&part.kind) {
        let read = decode::prune(&mut body, schema, "", &mut unknown);
        read.map_err(|mismatch| ApiError::bad_request(mismatch.text(kind)))?;
    }
    crate::write::report(options.field_validation, &unknown, &[], &mut warnings)?;
    Ok((body, warnings))
}
