//! Lists, in one piece or in pages, and watches.
//!
//! From `k8s.io/apiserver`, `pkg/storage/etcd3/store.go` (`GetList`), `pkg/storage/continue.go`, and
//! `pkg/endpoints/handlers/{get,watch}.go`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use http::Response;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::respond::{self, AnswerBody, Form, answer};
use super::route::Route;
use super::{Call, table};
use crate::api_server::ApiServer;
use crate::error::{ApiError, FieldError};
use crate::object;
use crate::registry::{ResourceType, TypeSchema};
use crate::selector::Selection;
use crate::watch::{Watch, WatchEvent, WatchStart};

/// How often a quiet watch says how far it is.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say itself.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1800);

/// What a request selects.
pub(super) fn selection(route: &Route, call: &Call) -> Result<Selection, ApiError> {
    let resource = &route.resource;
    let selectable: &[String] = match &resource.schema {
        TypeSchema::Custom(custom) => &custom.selectable,
        TypeSchema::BuiltIn { .. } => &[],
    };
    let fields = call.query.get("fieldSelector").unwrap_or_default();
    let fields = resource.view.map_or_else(|| fields.to_owned(), |view| view.selector(fields));
    let by_name = route.name.as_ref().map(|name| format!("metadata.name={name}")).unwrap_or_default();
    let fields = [fields.as_str(), &by_name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",");
    Selection::everything(route.namespace.as_deref())
        .labels(call.query.get("labelSelector").unwrap_or_default())?
        .fields(&fields, &resource.id, selectable)
}

fn invalid_options(field: &str, value: &str, detail: &str) -> ApiError {
    ApiError::invalid("meta.k8s.io", "ListOptions", "", &[FieldError::invalid(field, value, detail)])
}

fn forbidden_option(field: &str, detail: &str) -> ApiError {
    ApiError::invalid("meta.k8s.io", "ListOptions", "", &[FieldError::forbidden(field, detail)])
}

fn revision(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let detail =
            format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
        ApiError::bad_request(detail)
    })
}

/// The future cannot be read.
fn check_future(wanted: u64, current: u64) -> Result<(), ApiError> {
    if wanted <= current {
        return Ok(());
    }
    let message = format!("Too large resource version: {wanted}, current: {current}");
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
    let selection = selection(route, call)?;
    let resource = &route.resource;
    let limit = match call.query.get("limit").unwrap_or_default() {
        "" => 0,
        text => text.parse::<i64>().map_err(|error| ApiError::bad_request(format!("limit: {error}")))?,
    };
    let limit = usize::try_from(limit).unwrap_or_default();
    let version = call.query.get("resourceVersion").unwrap_or_default();
    let matching = call.query.get("resourceVersionMatch").unwrap_or_default();
    let token = call.query.get("continue").map(Continue::parse).transpose()?;
    if !matches!(matching, "" | "Exact" | "NotOlderThan") {
        let supported = &["Exact", "NotOlderThan", ""];
        let errors = [FieldError::not_supported("resourceVersionMatch", matching, supported)];
        return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &errors));
    }
    if call.query.get("sendInitialEvents").is_some() {
        let detail = "sendInitialEvents is forbidden for list";
        return Err(forbidden_option("sendInitialEvents", detail));
    }
    if !matching.is_empty() && version.is_empty() {
        return Err(ApiError::invalid(
            "meta.k8s.io",
            "ListOptions",
            "",
            &[FieldError::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            )],
        ));
    }
    if matching == "Exact" && version == "0" {
        let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
        return Err(ApiError::invalid(
            "meta.k8s.io",
            "ListOptions",
            "",
            &[FieldError::forbidden("resourceVersionMatch", detail)],
        ));
    }
    if token.is_some() && !matches!(version, "" | "0") {
        return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
    }
    let state = cluster.read();
    let current = state.store.revision();
    let at = match (&token, version) {
        (Some(token), _) => token.revision,
        (None, "" | "0") => current,
        (None, text) => {
            let wanted = revision(text)?;
            check_future(wanted, current)?;
            if matching == "Exact" { wanted } else { current }
        }
    };
    let Some(mut all) = state.store.list_at(&resource.id, route.namespace.as_deref(), at) else {
        return Err(expired(token.is_some(), at, current));
    };
    if let Some(token) = &token {
        let before = all.partition_point(|((namespace, name), _)| (*namespace, *name) < token.start());
        all.drain(..before);
    }
    all.retain(|(_, object)| selection.matches(object));
    let (mut next, mut remaining) = (None, None);
    if limit > 0 && all.len() > limit {
        if !selection.is_selective() {
            remaining = Some(all.len() - limit);
        }
        let start = all.get(limit).map(|((namespace, name), _)| ((*namespace).to_owned(), (*name).to_owned()));
        next = start.map(|start| Continue { revision: at, start }.text());
        all.truncate(limit);
    }
    let now = state.now();
    let items: Vec<Arc<Value>> = all.iter().map(|(_, object)| resource.served(object)).collect();
    drop(state);
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
struct Continue {
    revision: u64,
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
        let refused = || ApiError::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| refused())?;
        let start = token.get("start").and_then(Value::as_str).ok_or_else(refused)?;
        let (namespace, name) = start.trim_end_matches('\u{0}').split_once('/').ok_or_else(refused)?;
        let revision = token.get("rv").and_then(Value::as_u64).ok_or_else(refused)?;
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
    let selection = selection(route, call)?;
    let version = call.query.get("resourceVersion").unwrap_or_default();
    let bookmarks = call.query.is_set("allowWatchBookmarks");
    let initial = call.query.get("sendInitialEvents");
    if initial.is_some() && call.query.get("resourceVersionMatch") != Some("NotOlderThan") {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(ApiError::invalid(
            "meta.k8s.io",
            "ListOptions",
            "",
            &[FieldError::forbidden("resourceVersionMatch", detail)],
        ));
    }
    if initial.is_none() && call.query.get("resourceVersionMatch").is_some() {
        let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        return Err(forbidden_option("resourceVersionMatch", detail));
    }
    let current = cluster.revision();
    let start = match (initial, version) {
        (Some("true" | "1"), text) => {
            if !text.is_empty() {
                check_future(revision(text)?, current)?;
            }
            if !bookmarks {
                return Err(invalid_options("sendInitialEvents", "true", "requires allowWatchBookmarks"));
            }
            WatchStart::Now { marked: true }
        }
        (None, "" | "0") => WatchStart::Now { marked: false },
        (_, "" | "0") => WatchStart::After(current),
        (_, text) => WatchStart::After(revision(text).map_err(|error| ApiError::unknown(error.message))?),
    };
    let seconds = call.query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok());
    let timeout = seconds.map_or(WATCH_TIMEOUT, Duration::from_secs);
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
