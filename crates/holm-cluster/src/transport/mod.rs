//! The one room that every request goes through: it sends, counts, times, retries, collects warnings and scrubs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use holm_core::ResourceId;
use holm_core::event::Event;
use holm_core::redact::Redactor;
use holm_core::secret::Held;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, WARNING};
use http::{HeaderMap, Method, Request, Response};
use kube::client::Body;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, timeout};

use crate::error::{RequestError, Trouble};
use crate::plugin::Plugin;
use crate::random;

mod failure;
mod path;
mod retry;
mod status;
mod user_agent;
mod warning;

pub(crate) use failure::{auth_failure, trouble as trouble_of};
pub(crate) use path::Query;
pub(crate) use retry::{Patience, is_about_identity};
pub(crate) use status::trouble_of_event;
pub use user_agent::UserAgent;

/// How long one request may take, where nothing else is said. Watches may take for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The content type of server-side apply. JSON is YAML, so JSON is sent.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
/// The content type of a JSON patch (RFC 6902).
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
/// The content type of plain JSON.
pub(crate) const JSON: &str = "application/json";

/// One request as it is traced. Never a body.
#[derive(Clone, Debug)]
pub struct RequestTrace {
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// From sending it to the end of the answer; for a watch, to its beginning.
    pub duration: Duration,
    /// Which try this was, from 1.
    pub attempt: u32,
}

/// A warning of the API server, such as that a field is unknown or an API version deprecated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The object that the request was about, where it was about one.
    pub id: Option<ResourceId>,
    /// The server's words.
    pub text: String,
}

/// A request to be made.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// Content type and body.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    pub(crate) accept: &'static str,
    /// The object that it is about, for warnings and retries.
    pub(crate) about: Option<&'a ResourceId>,
    pub(crate) patience: Patience,
}

impl<'a> Call<'a> {
    /// Reads `path`.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            accept: JSON,
            about: None,
            patience: Patience::default(),
        }
    }

    /// Sends `body` to `path`.
    pub(crate) fn send(method: Method, path: String, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { method, path, body: Some((content_type, body)), ..Self::get("") }
    }

    /// Says what the request is about.
    pub(crate) fn about(self, id: &'a ResourceId) -> Self {
        Self { about: Some(id), ..self }
    }

    /// Says how patient to be.
    pub(crate) fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}

/// An answer of success.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// How often it took, so that an answer to a repeated write can be told apart.
    pub(crate) tries: u32,
}

/// The client with everything around it. A clone shares all of it but whom it tells.
#[derive(Clone)]
pub(crate) struct Transport {
    client: kube::Client,
    user_agent: UserAgent,
    plugin: Option<Arc<Plugin>>,
    timeout: Duration,
    requests: Arc<AtomicU64>,
    trace: Arc<RwLock<Option<Tracer>>>,
    warnings: Arc<Mutex<Vec<Warning>>>,
    scrubber: Arc<Mutex<Scrubber>>,
    events: Option<UnboundedSender<Event>>,
}

/// Is called after each request.
pub type Tracer = Box<dyn Fn(&RequestTrace) + Send + Sync>;

/// Secret values are many and refusals few, so that the redactor is built only when something is to be scrubbed.
#[derive(Default)]
struct Scrubber {
    redactor: Redactor,
    pending: Vec<Held>,
}

impl Scrubber {
    fn catch_up(&mut self) {
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            pending.iter().for_each(|held| held.teach(&mut self.redactor));
        }
    }
}

impl Transport {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self {
            client,
            user_agent: UserAgent::default(),
            plugin: None,
            timeout: REQUEST_TIMEOUT,
            requests: Arc::default(),
            trace: Arc::default(),
            warnings: Arc::default(),
            scrubber: Arc::default(),
            events: None,
        }
    }

    /// Says how long one request may take.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Says who sends the requests.
    pub(crate) fn set_user_agent(&mut self, user_agent: UserAgent) {
        self.user_agent = user_agent;
    }

    /// Sets the plugin that provides the client's credentials.
    pub(crate) fn set_plugin(&mut self, plugin: Option<Plugin>) {
        self.plugin = plugin.map(Arc::new);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn set_trace(&self, trace: Option<Tracer>) {
        *self.trace.write().unwrap_or_else(PoisonError::into_inner) = trace;
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        locked(&self.warnings).clone()
    }

    /// Returns the same transport for one run, which tells retries and warnings to `events`.
    pub(crate) fn telling(&self, events: UnboundedSender<Event>) -> Self {
        Self { events: Some(events), ..self.clone() }
    }

    /// Learns secret values, to take them out of the server's words.
    pub(crate) fn learn(&self, values: impl IntoIterator<Item = Held>) {
        locked(&self.scrubber).pending.extend(values);
    }

    /// The text without any secret value that was learned.
    pub(crate) fn scrub(&self, text: &str) -> String {
        self.with_redactor(|redactor| redactor.scrub(text))
    }

    /// Gives `read` a redactor that knows every secret value that was learned.
    pub(crate) fn with_redactor<T>(&self, read: impl FnOnce(&Redactor) -> T) -> T {
        let mut scrubber = locked(&self.scrubber);
        scrubber.catch_up();
        read(&scrubber.redactor)
    }

    /// Makes a request, again and again where that is safe and may help.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, Box<RequestError>> {
        let mut tries = 0;
        let mut waited = Duration::ZERO;
        loop {
            tries += 1;
            let (trouble, retry_after) = match timeout(self.timeout, self.attempt(call, tries)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => (Trouble::Timeout(self.timeout.as_secs()), None),
            };
            match call.patience.pause(&trouble, retry_after, tries, waited, random::fraction()) {
                Some(pause) => {
                    if let Some(id) = call.about {
                        self.announce(Event::Retrying { id: id.clone(), error: trouble.to_string(), after: pause });
                    }
                    tokio::time::sleep(pause).await;
                    waited += pause;
                }
                None => return Err(Box::new(failed(&call.method, &call.path, tries, trouble))),
            }
        }
    }

    /// Makes a request and reads the JSON of its answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Box<RequestError>> {
        let answer = self.call(call).await?;
        read(&answer.body).map_err(|trouble| Box::new(failed(&call.method, &call.path, answer.tries, trouble)))
    }

    /// Begins a watch: one try, and no limit on how long it lasts.
    pub(crate) async fn open(&self, path: &str) -> Result<Response<Body>, Box<RequestError>> {
        let begun = Instant::now();
        // Since 1.37 a server compresses each event of a watch by itself, which common decoders end after the first.
        let request = Request::get(path).header(ACCEPT, JSON).header(ACCEPT_ENCODING, "identity");
        let request = request.header(USER_AGENT, self.user_agent.value()).body(Body::empty());
        let error = |trouble| Box::new(failed(&Method::GET, path, 1, trouble));
        let request = request.map_err(|cause| error(Trouble::Malformed(cause.to_string())))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let sent = timeout(self.timeout, self.client.send(request)).await;
        let status = sent.as_ref().ok().and_then(|sent| sent.as_ref().ok()).map(|response| response.status().as_u16());
        self.traced(&Method::GET, path, status, begun.elapsed(), 1);
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(cause)) => return Err(error(self.scrubbed(failure::trouble(&cause, self.plugin.as_deref())))),
            Err(_) => return Err(error(Trouble::Timeout(self.timeout.as_secs()))),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let body = timeout(self.timeout, response.into_body().collect_bytes()).await;
        let body = body.ok().and_then(Result::ok).map(Vec::from).unwrap_or_default();
        Err(error(status::trouble(code, &body, &|text| self.scrub(text))))
    }

    async fn attempt(&self, call: &Call<'_>, attempt: u32) -> Result<Answer, (Trouble, Option<Duration>)> {
        let begun = Instant::now();
        let mut request = Request::builder().method(&call.method).uri(&call.path).header(ACCEPT, call.accept);
        request = request.header(USER_AGENT, self.user_agent.value());
        let mut body = Body::empty();
        if let Some((content_type, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type);
            body = Body::from(bytes.clone());
        }
        let request = request.body(body).map_err(|cause| (Trouble::Malformed(cause.to_string()), None))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let guard = TraceGuard { transport: self, call, attempt, begun, status: None };
        self.exchange(request, call, attempt, guard).await
    }

    async fn exchange(
        &self,
        request: Request<Body>,
        call: &Call<'_>,
        attempt: u32,
        mut guard: TraceGuard<'_>,
    ) -> Result<Answer, (Trouble, Option<Duration>)> {
        let response = self
            .client
            .send(request)
            .await
            .map_err(|cause| (self.scrubbed(failure::trouble(&cause, self.plugin.as_deref())), None))?;
        let (head, body) = response.into_parts();
        guard.status = Some(head.status.as_u16());
        self.collect_warnings(&head.headers, call.about);
        let body = body
            .collect_bytes()
            .await
            .map_err(|cause| (self.scrubbed(failure::trouble(&cause, self.plugin.as_deref())), None))?;
        let body = Vec::from(body);
        if head.status.is_success() {
            return Ok(Answer { status: head.status.as_u16(), body, tries: attempt });
        }
        let trouble = status::trouble(head.status.as_u16(), &body, &|text| self.scrub(text));
        Err((trouble, retry_after(&head.headers)))
    }

    fn collect_warnings(&self, headers: &HeaderMap, about: Option<&ResourceId>) {
        for header in headers.get_all(WARNING) {
            let Ok(header) = header.to_str() else { continue };
            for text in warning::texts(header) {
                let text = self.scrub(&text);
                let mut warnings = locked(&self.warnings);
                if warnings.iter().all(|known| known.text != text) {
                    warnings.push(Warning { id: about.cloned(), text: text.clone() });
                    drop(warnings);
                    self.announce(Event::Warning { id: about.cloned(), text });
                }
            }
        }
    }

    fn announce(&self, event: Event) {
        if let Some(events) = &self.events {
            // Nobody listens any more when the receiver is gone, which is no reason to stop.
            let _ = events.send(event);
        }
    }

    fn traced(&self, method: &Method, path: &str, status: Option<u16>, duration: Duration, attempt: u32) {
        if let Some(trace) = self.trace.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let (method, path) = (method.to_string(), path.to_owned());
            trace(&RequestTrace { method, path, status, duration, attempt });
        }
    }

    fn scrubbed(&self, trouble: Trouble) -> Trouble {
        status::map_texts(trouble, &|text| self.scrub(&text))
    }
}

/// Traces a request when it ends, also when it is given up in the middle.
struct TraceGuard<'a> {
    transport: &'a Transport,
    call: &'a Call<'a>,
    attempt: u32,
    begun: Instant,
    status: Option<u16>,
}

impl Drop for TraceGuard<'_> {
    fn drop(&mut self) {
        self.transport.traced(&self.call.method, &self.call.path, self.status, self.begun.elapsed(), self.attempt);
    }
}

/// Reads JSON. The error names place and kind of the mistake, and none of the text.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

/// What can be said of an answer that is no JSON of the right shape: serde's own words may quote it.
pub(crate) fn malformed(error: &serde_json::Error) -> Trouble {
    let what = match error.classify() {
        serde_json::error::Category::Io => "it could not be read",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "its JSON has another shape",
        serde_json::error::Category::Eof => "it ends too early",
    };
    Trouble::Malformed(format!("{what} at line {} column {}", error.line(), error.column()))
}

pub(crate) fn failed(method: &Method, path: &str, tries: u32, trouble: Trouble) -> RequestError {
    let path = path.split('?').next().unwrap_or_default().to_owned();
    RequestError { method: method.to_string(), path, tries, trouble }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The guarded value, also after a panic elsewhere: all of these are whole at any moment.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
