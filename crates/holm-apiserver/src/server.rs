//! The API over HTTP: what a request asks for, who answers it, and in which form.
//!
//! From `k8s.io/apiserver`, `pkg/endpoints/{installer.go,handlers,request/requestinfo.go}`.

mod discovery;
mod list;
mod openapi;
mod parts;
mod respond;
pub(crate) mod review;
mod route;
mod table;
mod verbs;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Empty};

use crate::api_server::ApiServer;
use crate::audit::AuditEvent;
use crate::authenticate;
use crate::authorize;
use crate::error::ApiError;
use crate::go;
use crate::query::Query;
use crate::user::User;

use crate::request_info::Attributes;
pub use respond::AnswerBody;
use respond::{Accept, answer, refuse};
use route::Route;

/// The most bytes of a body, as for a real server: `MaxRequestBodyBytes`.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// How long a body may take to arrive, as for a real server: `RequestTimeout`.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Marks a request that does not wait for the disk: its answer, and the events of its watch, tell also what a crash can take back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eager;

/// A request, read whole.
pub(crate) struct Call {
    pub user: Arc<User>,
    pub method: Method,
    pub query: Query,
    pub accept: Accept,
    pub content_type: String,
    pub user_agent: String,
    pub body: Vec<u8>,
    /// Whether it is marked as [`Eager`].
    pub eager: bool,
}

/// Answers a request of this user, and records it. Unless it is [`Eager`], that is when all that the answer tells is on the disk.
pub(crate) async fn serve<B>(cluster: ApiServer, user: Arc<User>, request: Request<B>) -> Response<AnswerBody>
where
    B: http_body::Body + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let eager = parts.extensions.get::<Eager>().is_some();
    let segments: Vec<String> = parts
        .uri
        .path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let attributes = Attributes::of(&parts.method, &path, &segments, &query);
    let mut event = recorded(&cluster, &attributes, &user, &parts);
    if let Err(error) = check_timeout(&attributes, &query) {
        return finished(&cluster, event, refuse(&error)).await;
    }
    let user = match admitted(&cluster, user, &attributes, &parts.headers, &mut event) {
        Ok(user) => user,
        Err(error) => return finished(&cluster, event, refuse(&error)).await,
    };
    let read = tokio::time::timeout(BODY_TIMEOUT, http_body_util::Limited::new(body, MAX_BODY).collect()).await;
    let answer = match read {
        Err(_) => {
            let text = "Timeout: request did not complete within requested timeout - context deadline exceeded";
            refuse(&ApiError::new(504, "Timeout", text))
        }
        Ok(Ok(body)) => {
            let call = Call {
                user,
                query,
                accept: Accept::parse(header(&parts.headers, "accept")),
                content_type: media_type(header(&parts.headers, "content-type")),
                user_agent: event.user_agent.clone(),
                method: parts.method,
                body: body.to_bytes().to_vec(),
                eager,
            };
            let answer = dispatch(&cluster, &segments, &call).unwrap_or_else(|error| refuse(&error));
            // What follows for thousands of objects is done in parts, between which other requests are answered.
            while call.method != Method::GET && cluster.follow_up() {
                yield_now().await;
            }
            // The events of a watch are one JSON text each, and together no YAML.
            if call.accept.prefers_yaml() && attributes.verb != "watch" { respond::as_yaml(answer) } else { answer }
        }
        Ok(Err(error)) => {
            let text = format!("Request entity too large: limit is {MAX_BODY} ({error})");
            refuse(&ApiError::new(413, "RequestEntityTooLarge", text))
        }
    };
    let stored = if eager { Ok(()) } else { cluster.stored().await };
    finished(&cluster, event, stored.map_or_else(|error| refuse(&error), |()| answer)).await
}

/// What a request says of how long it may take must be readable, unless it is one that may take long.
///
/// From `k8s.io/apiserver`, `pkg/endpoints/filters/request_deadline.go`.
fn check_timeout(attributes: &Attributes, query: &Query) -> Result<(), ApiError> {
    let is_long = matches!(attributes.verb.as_str(), "watch" | "proxy")
        || matches!(attributes.subresource.as_str(), "attach" | "exec" | "proxy" | "log" | "portforward");
    let text = query.first("timeout").filter(|text| !text.is_empty() && !is_long).unwrap_or("0");
    go::check_duration(text)
        .map_err(|problem| ApiError::bad_request(format!("invalid timeout specified in the request URL - {problem}")))
}

/// The user on whose behalf the request is served, if that is allowed.
fn admitted(
    cluster: &ApiServer,
    user: Arc<User>,
    attributes: &Attributes,
    headers: &HeaderMap,
    event: &mut AuditEvent,
) -> Result<Arc<User>, ApiError> {
    let impersonates = headers.keys().any(|name| name.as_str().starts_with("impersonate-"));
    if !impersonates && user.is_administrator() {
        return Ok(user);
    }
    let state = cluster.read();
    let user = match authenticate::impersonated(&state, &user, headers)? {
        Some(other) => {
            event.impersonated = Some(other.clone());
            Arc::new(other)
        }
        None => user,
    };
    authorize::check(&state, &user, attributes)?;
    Ok(user)
}

/// Lets other tasks run, of whatever runtime.
async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

async fn finished(
    cluster: &ApiServer,
    mut event: AuditEvent,
    mut answer: Response<AnswerBody>,
) -> Response<AnswerBody> {
    event.code = answer.status().as_u16();
    let is_head = event.method == "HEAD";
    cluster.audit().record(event).await;
    if let Some(date) = cluster.clock().now().http_date().and_then(|date| http::HeaderValue::try_from(date).ok()) {
        answer.headers_mut().insert(http::header::DATE, date);
    }
    // HTTP/2 leaves it to us that the answer to HEAD has no body.
    if is_head { answer.map(|_| Empty::new().boxed_unsync()) } else { answer }
}

/// What the audit log says of a request before it is answered.
fn recorded(cluster: &ApiServer, attributes: &Attributes, user: &User, parts: &http::request::Parts) -> AuditEvent {
    let time = cluster.clock().now_milliseconds();
    let uri = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    AuditEvent {
        user_agent: header(&parts.headers, "user-agent").to_owned(),
        method: parts.method.to_string(),
        dry_run: uri.split(['?', '&']).any(|parameter| parameter == "dryRun=All"),
        uri,
        ..AuditEvent::of(attributes.clone(), user.clone(), time)
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_owned()
}

fn dispatch(cluster: &ApiServer, segments: &[&str], call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    match segments {
        []
        | ["version" | "healthz" | "livez" | "readyz", ..]
        | ["openapi", ..]
        | ["api" | "apis"]
        | ["api", _]
        | ["apis", _]
        | ["apis", _, _] => {
            let is_health = matches!(segments, ["healthz" | "livez" | "readyz", ..]);
            if call.method != Method::GET && !(is_health && call.method == Method::HEAD) {
                return Err(ApiError::method_not_allowed());
            }
            let state = cluster.read();
            match segments {
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
