//! What a list or a watch asks for.
//!
//! From `k8s.io/apimachinery`, `pkg/apis/meta/internalversion/{defaults.go,validation/validation.go}`.

use holm_validation::{FieldError, TypeSchema};

use super::super::Call;
use super::super::route::Route;
use super::Continue;
use crate::error::ApiError;
use crate::selector::Selection;

/// How many objects a deletion of a collection lists at once, unless it says so.
const DELETED_AT_ONCE: usize = 10_000;

/// The options of a list, a watch or the deletion of a collection.
pub(in crate::server) struct Options<'c> {
    pub selection: Selection,
    /// The most items; 0 for all.
    pub limit: usize,
    pub version: &'c str,
    pub matching: &'c str,
    pub token: Option<Continue>,
    pub bookmarks: bool,
    /// Whether a watch begins with what is there.
    pub initial: Option<bool>,
    /// How long a watch lasts.
    pub seconds: Option<u64>,
}

impl<'c> Options<'c> {
    /// Reads and checks them.
    pub fn of(route: &Route, call: &'c Call) -> Result<Self, ApiError> {
        let query = &call.query;
        let limit = query.integer("limit")?.unwrap_or_default();
        let seconds = query.integer("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        let selection = selection(route, call)?;
        let is_watch = route.watch || query.is_set("watch");
        let version = query.first("resourceVersion").unwrap_or_default();
        let matching = query.first("resourceVersionMatch").unwrap_or_default();
        let token = query.first("continue").unwrap_or_default();
        let initial = query.flag("sendInitialEvents");
        let errors = if is_watch {
            of_watch(version, matching, token, initial)
        } else {
            of_list(version, matching, token, initial)
        };
        if !errors.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &errors));
        }
        let token = (!token.is_empty() && !is_watch).then(|| Continue::parse(token)).transpose()?;
        if token.is_some() && !matches!(version, "" | "0") {
            return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
        }
        let limit = usize::try_from(limit).unwrap_or_default();
        let bookmarks = query.is_set("allowWatchBookmarks");
        Ok(Self { selection, limit, version, matching, token, bookmarks, initial, seconds })
    }

    /// The same with a limit.
    pub fn of_a_page(self) -> Self {
        Self { limit: if self.limit == 0 { DELETED_AT_ONCE } else { self.limit }, ..self }
    }
}

/// What a request selects.
fn selection(route: &Route, call: &Call) -> Result<Selection, ApiError> {
    let resource = &route.resource;
    let selectable: &[String] = match &resource.schema {
        TypeSchema::Custom(custom) => &custom.selectable,
        TypeSchema::BuiltIn { .. } => &[],
    };
    let fields = call.query.first("fieldSelector").unwrap_or_default();
    let fields = resource.view.map_or_else(|| fields.to_owned(), |view| view.selector(fields));
    let by_name = route.name.as_ref().map(|name| format!("metadata.name={name}")).unwrap_or_default();
    let fields = [fields.as_str(), &by_name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",");
    Selection::everything(route.namespace.as_deref())
        .labels(call.query.first("labelSelector").unwrap_or_default())?
        .fields(&fields, &resource.id, selectable)
}

/// `ValidateListOptions`
fn of_list(version: &str, matching: &str, token: &str, initial: Option<bool>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut forbid = |field: &str, detail: &str| errors.push(FieldError::forbidden(field, detail));
    if !matching.is_empty() {
        if version.is_empty() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            forbid("resourceVersionMatch", detail);
        }
        if !token.is_empty() {
            forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
        }
        if matching == "Exact" && version == "0" {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            forbid("resourceVersionMatch", detail);
        }
    }
    if initial.is_some() {
        forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
    }
    if !matches!(matching, "" | "Exact" | "NotOlderThan") {
        errors.push(unsupported_match(matching, r#""Exact", "NotOlderThan", """#));
    }
    errors
}

/// `validateWatchOptions`, after the defaults: a watch that names no version begins with what is there.
fn of_watch(version: &str, matching: &str, token: &str, initial: Option<bool>) -> Vec<FieldError> {
    let is_defaulted = initial.is_none() && matching.is_empty() && matches!(version, "" | "0");
    let (initial, matching) = if is_defaulted { (Some(true), "NotOlderThan") } else { (initial, matching) };
    let mut errors = Vec::new();
    let mut forbid = |detail: &str| errors.push(FieldError::forbidden("resourceVersionMatch", detail));
    if initial.is_some() && matching != "NotOlderThan" {
        forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if !matching.is_empty() {
        if initial.is_none() {
            forbid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        }
        if !token.is_empty() {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
        if matching != "NotOlderThan" {
            errors.push(unsupported_match(matching, r#""NotOlderThan""#));
        }
    }
    errors
}

fn unsupported_match(matching: &str, supported: &str) -> FieldError {
    let unsupported = FieldError::not_supported("resourceVersionMatch", matching, &[]);
    FieldError { detail: format!("supported values: {supported}"), ..unsupported }
}
