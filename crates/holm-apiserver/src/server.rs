//! The API over HTTP: what a request asks for, who answers it, and in which form.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/{installer.go,handlers,request/requestinfo.go}`.

mod discovery;
mod list;
mod openapi;
mod respond;
mod route;
mod scale;
mod table;
mod verbs;

use http::{Method, Request, Response};
use http_body_util::BodyExt;

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::query::Query;

pub use respond::AnswerBody;
use respond::{Accept, answer, refuse};
use route::Route;

/// The most bytes of a body, as for a real server: `MaxRequestBodyBytes`.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// A request, read whole.
pub(crate) struct Call {
    pub method: Method,
    pub query: Query,
    pub accept: Accept,
    pub content_type: String,
    pub user_agent: String,
    pub body: Vec<u8>,
}

/// Answers a request.
pub(crate) async fn serve<B>(cluster: ApiServer, request: Request<B>) -> Response<AnswerBody>
where
    B: http_body::Body + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = match http_body_util::Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) => {
            let text = format!("Request entity too large: limit is {MAX_BODY} ({error})");
            return refuse(&ApiError::new(413, "RequestEntityTooLarge", text));
        }
    };
    let call = Call {
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        accept: Accept::parse(&header("accept")),
        content_type: header("content-type").split(';').next().unwrap_or_default().trim().to_owned(),
        user_agent: header("user-agent"),
        method: parts.method,
        body,
    };
    dispatch(&cluster, parts.uri.path(), &call).unwrap_or_else(|error| refuse(&error))
}

fn dispatch(cluster: &ApiServer, path: &str, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        []
        | ["version" | "healthz" | "livez" | "readyz", ..]
        | ["openapi", ..]
        | ["api" | "apis"]
        | ["api", _]
        | ["apis", _]
        | ["apis", _, _] => {
            if call.method != Method::GET && call.method != Method::HEAD {
                return Err(ApiError::method_not_allowed());
            }
            let state = cluster.read();
            match segments.as_slice() {
                ["healthz" | "livez" | "readyz", ..] => Ok(respond::text("ok")),
                ["openapi", "v2"] => openapi::v2(&state.registry, &call.accept),
                ["openapi", "v3", rest @ ..] => openapi::v3(&state.registry, rest, &call.query),
                ["openapi", ..] => Err(ApiError::no_resource()),
                other => discovery::answer(&state.registry, other, &call.accept),
            }
        }
        other => {
            let state = cluster.read();
            let route = Route::find(&state.registry, other);
            drop(state);
            verbs::run(cluster, &route?, call)
        }
    }
}

pub(crate) fn json_answer(code: u16, value: &serde_json::Value) -> Response<AnswerBody> {
    answer(code, value, &[])
}

/// The answer to a request that does not get as far as the API.
#[cfg(feature = "listen")]
pub(crate) fn refused(error: &ApiError) -> Response<AnswerBody> {
    refuse(error)
}
