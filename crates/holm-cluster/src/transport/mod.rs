//! The one room that every request goes through: it sends, counts, times, retries, collects warnings and scrubs.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use holm_core::ResourceId;
use holm_core::secret::Held;
use holm_core::wire::escape_for_yaml;
use holm_executor::StopLevel;
use holm_executor::event::Event;
use holm_redact::Redactor;
use http::header::WARNING;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::error::{RequestError, Trouble};
use crate::{Stop, random};

mod aggregated;
mod clock;
mod connector;
mod credentials;
mod exchange;
mod failure;
mod flow;
mod gzip;
mod link;
mod merge;
mod page;
mod path;
mod permission;
mod plugin;
mod proxy;
mod retry;
mod status;
mod user_agent;
mod warning;

pub(crate) use clock::ServerClock;
use flow::Flow;
pub(crate) use link::Link;
pub(crate) use page::PageSize;
pub(crate) use path::Query;
pub(crate) use proxy::Proxy;
pub(crate) use retry::{Patience, is_about_identity};
pub(crate) use status::trouble_of_event;
pub use user_agent::UserAgent;

/// How long the server may be silent while a request waits for it, where nothing else is said.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the first answer of a server may take.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// A server that has never answered is tried once more only if it said so at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// After how many tries it is asked whether only one API is away.
const TRIES_OF_ONE_API: u32 = 4;

/// The content type of server-side apply. JSON is YAML, so JSON is sent.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
/// The content type of a JSON patch (RFC 6902).
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
/// The content type of plain JSON.
pub(crate) const JSON: &str = "application/json";

/// One request as it is traced. Never a body.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
#[non_exhaustive]
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
        let body = if content_type == APPLY { for_yaml(body) } else { body };
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

/// The JSON of an apply, which the server reads as YAML.
fn for_yaml(body: Vec<u8>) -> Vec<u8> {
    let escaped = std::str::from_utf8(&body).ok().map(escape_for_yaml);
    match escaped {
        Some(Cow::Owned(escaped)) => escaped.into_bytes(),
        Some(Cow::Borrowed(_)) | None => body,
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
    link: Arc<Link>,
    user_agent: UserAgent,
    silence: Duration,
    retry_budget: Duration,
    flow: Arc<Flow>,
    /// Whether the server has ever answered.
    has_answered: Arc<AtomicBool>,
    clock: Arc<ServerClock>,
    requests: Arc<AtomicU64>,
    trace: Arc<RwLock<Option<Tracer>>>,
    warnings: Arc<Mutex<Vec<Warning>>>,
    scrubber: Arc<Mutex<Scrubber>>,
    events: Option<UnboundedSender<Event>>,
    /// The user's wish to stop the run that the requests belong to.
    stop: Stop,
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
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link: Arc::new(link),
            user_agent: UserAgent::default(),
            silence: SILENCE,
            retry_budget: retry::BUDGET,
            flow: Arc::default(),
            has_answered: Arc::default(),
            clock: Arc::default(),
            requests: Arc::default(),
            trace: Arc::default(),
            warnings: Arc::default(),
            scrubber: Arc::default(),
            events: None,
            stop: Stop::never(),
        }
    }

    /// Says how long the server may be silent while a request waits for it.
    pub(crate) fn set_silence(&mut self, silence: Duration) {
        self.silence = silence;
    }

    /// Says how long a request is tried again while the server is busy or away.
    pub(crate) fn set_retry_budget(&mut self, budget: Duration) {
        self.retry_budget = budget;
    }

    /// Says who sends the requests.
    pub(crate) fn set_user_agent(&mut self, user_agent: UserAgent) {
        self.user_agent = user_agent;
    }

    /// The server's clock, as far as it is known.
    pub(crate) fn clock(&self) -> Arc<ServerClock> {
        Arc::clone(&self.clock)
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

    /// Returns the same transport for one run, which tells retries and warnings to `events`, and does not outlast an outage once
    /// it is to stop.
    pub(crate) fn of_run(&self, events: UnboundedSender<Event>, stop: Stop) -> Self {
        Self { events: Some(events), stop, ..self.clone() }
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
        let begun = Instant::now();
        let mut failed_at: Option<Instant> = None;
        loop {
            tries += 1;
            let permit = self.flow.enter().await;
            let attempt = self.attempt(call, tries).await;
            drop(permit);
            let (mut trouble, retry_after) = match attempt {
                Ok(answer) => {
                    self.flow.went_well();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let load = retry::load(&trouble);
            if load.is_none() && self.has_answered.load(Ordering::Relaxed) {
                self.flow.went_well();
            }
            if load.is_some()
                && tries == TRIES_OF_ONE_API
                && matches!(&trouble, Trouble::Server(refusal) if refusal.code == 503)
                && let Some(why) = aggregated::unavailable(self, &call.path).await
            {
                self.flow.went_well();
                trouble = Trouble::ApiUnavailable(why);
            }
            let failure = retry::Failure {
                trouble: &trouble,
                retry_after,
                tries,
                elapsed: failed_at.get_or_insert_with(Instant::now).elapsed(),
                has_answered: self.has_answered.load(Ordering::Relaxed),
            };
            let is_dead = !failure.has_answered && begun.elapsed() > AT_ONCE;
            let budget = if self.stop.level() > StopLevel::Running { retry::STOPPED } else { self.retry_budget };
            let pause = call.patience.pause(&failure, budget, random::fraction());
            let Some(pause) = pause.filter(|_| !is_dead) else {
                if let Trouble::Forbidden(message) = &trouble
                    && permission::is_admission(self, call, message).await
                {
                    trouble = trouble.denied();
                }
                return Err(Box::new(failed(&call.method, &call.path, tries, trouble)));
            };
            if let Some(id) = call.about {
                self.announce(Event::Retrying { id: id.clone(), error: trouble.to_string(), after: pause });
            }
            match load {
                Some(load) => self.flow.slow(load, pause),
                None => self.stop.clone().or_sleep(pause).await,
            }
        }
    }

    /// Makes a request and reads the JSON of its answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Box<RequestError>> {
        let answer = self.call(call).await?;
        read(&answer.body).map_err(|trouble| Box::new(failed(&call.method, &call.path, answer.tries, trouble)))
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

    pub(crate) fn announce(&self, event: Event) {
        if let Some(events) = &self.events {
            // The run continues if the receiver was dropped.
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

/// The guarded value, also after a panic elsewhere: all of these are whole at any moment.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
