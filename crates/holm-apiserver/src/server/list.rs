//! Lists, in one piece or in pages, and watches.
//!
//! From `k8s.io/apiserver`, `pkg/storage/etcd3/store.go` (`GetList`), `pkg/storage/continue.go`, and
//! `pkg/endpoints/handlers/{get,watch}.go`.

mod options;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use holm_validation::TypeSchema;
use http::Response;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

pub(super) use options::Options;

use super::respond::{self, AnswerBody, Form, answer};
use super::route::Route;
use super::{Call, table};
use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object;
use crate::query::resource_version;
use crate::registry::ResourceType;
use crate::state::State;
use crate::watch::{Watch, WatchEvent, WatchStart};

/// How often a quiet watch says how far it is.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say itself.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1800);

/// The future cannot be read.
pub(super) fn check_future(wanted: u64, current: u64) -> Result<(), ApiError> {
    if wanted <= current {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let mut error = ApiError::new(504, "Timeout", message);
    error.details = Some(json!({
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1,
    }));
    Err(error)
}

/// Answers a list.
pub(super) fn list(
    cluster: &ApiServer,
    route: &Route,
    call: &Call,
    form: Form,
) -> Result<Response<AnswerBody>, ApiError> {
    let options = Options::of(route, call)?;
    let resource = &route.resource;
    let state = cluster.read();
    let Selected { items, keys: _, at, next, remaining } = select(&state, route, &options)?;
    let now = state.now();
    drop(state);
    let items: Vec<Arc<Value>> = items.iter().map(|object| resource.served(object)).collect();
    let value = match form {
        Form::Object => {
            let listing = Listing::new(resource, &items, at, next, remaining);
            return Ok(respond::answer_of(200, &listing, &[]));
        }
        Form::Table(beside) => {
            let mut shown = table::of(resource, &items, beside, Some(at), now);
            page(&mut shown, next, remaining);
            shown
        }
        Form::Metadata | Form::MetadataList => {
            let mut list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": at.to_string()},
                "items": items.iter().map(|object| metadata_of(object)).collect::<Vec<_>>(),
            });
            page(&mut list, next, remaining);
            list
        }
    };
    Ok(answer(200, &value, &[]))
}

/// What a list selects at a revision.
pub(super) struct Selected {
    pub items: Vec<Arc<Value>>,
    /// Namespace and name of each.
    pub keys: Vec<(String, String)>,
    at: u64,
    next: Option<String>,
    remaining: Option<usize>,
}

/// Finds what a list selects.
pub(super) fn select(state: &State, route: &Route, options: &Options<'_>) -> Result<Selected, ApiError> {
    let resource = &route.resource;
    let current = state.store.revision();
    let token = options.token.as_ref();
    let at = match (token, options.version) {
        // Such a token comes with the answer that an older one has expired.
        (Some(token), _) => u64::try_from(token.revision).unwrap_or(current),
        (None, "" | "0") => current,
        (None, text) => {
            let wanted = resource_version(text)
                .map_err(|problem| ApiError::bad_request(format!("invalid resource version: {problem}")))?;
            check_future(wanted, current)?;
            // A list in pages is exact unless it says otherwise.
            let is_exact = options.matching == "Exact" || options.matching.is_empty() && options.limit > 0;
            if is_exact { wanted } else { current }
        }
    };
    let Some(mut all) = state.store.list_at(&resource.id, route.namespace.as_deref(), at) else {
        return Err(expired(token.is_some(), at, current));
    };
    if let Some(token) = token {
        let before = all.partition_point(|((namespace, name), _)| (*namespace, *name) < token.start());
        all.drain(..before);
    }
    all.retain(|(_, object)| options.selection.matches(object));
    let (mut next, mut remaining) = (None, None);
    let limit = options.limit;
    if limit > 0 && all.len() > limit {
        if !options.selection.is_selective() {
            remaining = Some(all.len() - limit);
        }
        let start = all.get(limit).map(|((namespace, name), _)| ((*namespace).to_owned(), (*name).to_owned()));
        let revision = i64::try_from(at).unwrap_or(-1);
        next = start.map(|start| Continue { revision, start }.text());
        all.truncate(limit);
    }
    let keys = all.iter().map(|((namespace, name), _)| ((*namespace).to_owned(), (*name).to_owned())).collect();
    Ok(Selected { items: all.into_iter().map(|(_, object)| Arc::clone(object)).collect(), keys, at, next, remaining })
}

fn expired(continued: bool, at: u64, current: u64) -> ApiError {
    if continued {
        return ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
             the continue parameter, or use the continue token in this response to retrieve the remainder of the results.",
        );
    }
    ApiError::expired(format!("The resourceVersion for the provided list is too old. ({at}, {current})"))
}

/// An object without what is its own.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_default(),
    })
}

/// A list of objects, written from those that are stored. The items of built-in lists do not say what they are.
#[derive(Serialize)]
pub(super) struct Listing<'a> {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

struct Item<'a> {
    object: &'a Value,
    says_its_kind: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.object {
            Value::Object(fields) if !self.says_its_kind => serializer
                .collect_map(fields.iter().filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion"))),
            object => object.serialize(serializer),
        }
    }
}

impl<'a> Listing<'a> {
    pub fn new(
        resource: &ResourceType,
        items: &'a [Arc<Value>],
        revision: u64,
        next: Option<String>,
        remaining: Option<usize>,
    ) -> Self {
        let custom = matches!(resource.schema, TypeSchema::Custom(_));
        let mut list = json!({"metadata": {"resourceVersion": revision.to_string()}});
        if custom {
            // Lists of custom resources are written without the help of a Go type, so what is empty is there.
            object::set_metadata(&mut list, "continue", Value::from(""));
        }
        page(&mut list, next, remaining);
        Self {
            kind: format!("{}List", resource.kind.kind),
            api_version: resource.kind.api_version(),
            metadata: list["metadata"].take(),
            items: items.iter().map(|object| Item { object, says_its_kind: custom }).collect(),
        }
    }
}

fn page(list: &mut Value, next: Option<String>, remaining: Option<usize>) {
    if let Some(next) = next {
        object::set_metadata(list, "continue", Value::from(next));
    }
    if let Some(remaining) = remaining {
        object::set_metadata(list, "remainingItemCount", Value::from(remaining));
    }
}

/// Where the next page begins.
pub(super) struct Continue {
    /// Negative for the newest there is.
    revision: i64,
    start: (String, String),
}

impl Continue {
    fn start(&self) -> (&str, &str) {
        (&self.start.0, &self.start.1)
    }

    fn text(&self) -> String {
        let token = json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": format!("{}/{}\u{0}", self.start.0, self.start.1)});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let refused = || ApiError::bad_request("invalid continue token: continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| refused())?;
        let start = token.get("start").and_then(Value::as_str).ok_or_else(refused)?;
        let (namespace, name) = start.trim_end_matches('\u{0}').split_once('/').ok_or_else(refused)?;
        let revision = token.get("rv").and_then(Value::as_i64).ok_or_else(refused)?;
        Ok(Self { revision, start: (namespace.to_owned(), name.to_owned()) })
    }
}

/// Answers a watch.
pub(super) fn watch(
    cluster: &ApiServer,
    route: &Route,
    call: &Call,
    form: Form,
) -> Result<Response<AnswerBody>, ApiError> {
    let Options { selection, version, bookmarks, initial, seconds, .. } = Options::of(route, call)?;
    let current = cluster.revision();
    let wanted = |text: &str| resource_version(text).map_err(ApiError::unknown);
    let start = match (initial, version) {
        (Some(true), text) => {
            if !matches!(text, "" | "0") {
                check_future(wanted(text)?, current)?;
            }
            WatchStart::Now { marked: bookmarks }
        }
        // It is as if it had asked for what is there.
        (None, "" | "0") => WatchStart::Now { marked: bookmarks },
        (_, "" | "0") => WatchStart::After(current),
        (_, text) => WatchStart::After(wanted(text)?),
    };
    let timeout = seconds.filter(|seconds| *seconds > 0).map_or(WATCH_TIMEOUT, Duration::from_secs);
    let resource = Arc::clone(&route.resource);
    let watch = Watch::new(cluster, Arc::clone(&resource), selection, start);
    let watch = if call.eager { watch } else { watch.only_stored() };
    let session = Session {
        watch,
        resource,
        form,
        bookmarks,
        deadline: tokio::time::Instant::now() + timeout,
        over: false,
        rows: false,
        cluster: cluster.clone(),
    };
    let events = stream::unfold(session, |mut session| async move {
        let event = session.next().await?;
        Some((event, session))
    });
    Ok(respond::stream(events))
}

/// One watch over HTTP.
struct Session {
    watch: Watch,
    resource: Arc<ResourceType>,
    form: Form,
    bookmarks: bool,
    deadline: tokio::time::Instant,
    over: bool,
    /// Whether the columns of the table have been sent.
    rows: bool,
    cluster: ApiServer,
}

impl Session {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if self.over {
                return None;
            }
            let quiet = tokio::time::Instant::now() + BOOKMARK_INTERVAL;
            let until = quiet.min(self.deadline);
            let event = match tokio::time::timeout_at(until, self.watch.next()).await {
                Ok(Ok(event)) => event,
                Ok(Err(error)) => {
                    self.over = true;
                    return Some(json!({"type": "ERROR", "object": error.to_status()}));
                }
                Err(_) => {
                    self.over = until == self.deadline;
                    if !self.bookmarks {
                        continue;
                    }
                    self.watch.bookmark()
                }
            };
            return Some(json!({"type": event.type_name(), "object": self.shown(&event)}));
        }
    }

    fn shown(&mut self, event: &WatchEvent) -> Value {
        let object = event.object();
        match self.form {
            Form::Object => Value::clone(object),
            Form::Metadata | Form::MetadataList => metadata_of(object),
            Form::Table(beside) => {
                let now = self.cluster.clock().now();
                let bookmark = matches!(event, WatchEvent::Bookmark(_));
                let items = if bookmark { &[][..] } else { std::slice::from_ref(object) };
                let revision = object::metadata_text(object, "resourceVersion").parse().ok();
                let mut shown = table::of(&self.resource, items, beside, revision, now);
                if self.rows {
                    // The columns are the same as those of the first event.
                    shown["columnDefinitions"] = Value::Null;
                }
                self.rows = true;
                shown
            }
        }
    }
}
