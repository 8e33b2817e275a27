//! Watching the changes of a resource.
//!
//! From `k8s.io/apiserver`, `pkg/storage/cacher`: an object that begins to match the selection is ADDED, one that ceases to is
//! DELETED; a bookmark says how far the watch is; with `sendInitialEvents` the objects that are there come first, and the
//! bookmark after them has the annotation `k8s.io/initial-events-end`.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object;
use crate::registry::ResourceType;
use crate::selector::Selection;
use crate::store::{Change, ChangeKind};

/// What a watch says about an object.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// The object is new, or begins to match.
    Added(Arc<Value>),
    /// The object has changed.
    Modified(Arc<Value>),
    /// The object is gone, or ceases to match; this is how it was.
    Deleted(Arc<Value>),
    /// Nothing happened up to this revision. The object has only that.
    Bookmark(Arc<Value>),
}

impl WatchEvent {
    /// The type as the API writes it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Added(_) => "ADDED",
            Self::Modified(_) => "MODIFIED",
            Self::Deleted(_) => "DELETED",
            Self::Bookmark(_) => "BOOKMARK",
        }
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &Arc<Value> {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) | Self::Bookmark(object) => object,
        }
    }
}

/// How many events are taken from the log at once: so many are kept for a client that does not read. One that falls so far behind
/// that the log does not know any more what it has missed is told so, and lists again.
const EVENTS_AT_ONCE: usize = 100;

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchStart {
    /// With the changes after this revision.
    After(u64),
    /// With the objects that are there, and then the changes.
    Now {
        /// Whether a bookmark says where the changes begin.
        marked: bool,
    },
}

/// A stream of changes. It ends only with an error.
#[derive(Debug)]
pub struct Watch {
    cluster: ApiServer,
    revisions: watch::Receiver<u64>,
    resource: Arc<ResourceType>,
    selection: Selection,
    /// All changes up to this revision have been seen.
    seen: u64,
    /// Whether only changes are told that are on the disk, where there is one.
    only_stored: bool,
    ready: VecDeque<WatchEvent>,
}

impl Watch {
    pub(crate) fn new(
        cluster: &ApiServer,
        resource: Arc<ResourceType>,
        selection: Selection,
        start: WatchStart,
    ) -> Self {
        let mut ready = VecDeque::new();
        let state = cluster.read();
        let seen = match start {
            WatchStart::After(revision) => revision,
            WatchStart::Now { marked } => {
                let seen = state.store.revision();
                let listed = state.store.list(&resource.id, selection.namespace.as_deref());
                let matching = listed.map(|(_, object)| object).filter(|object| selection.matches(object));
                ready.extend(matching.map(|object| WatchEvent::Added(Arc::clone(object))));
                if marked {
                    let mut bookmark = bookmark(&resource, seen);
                    object::set_metadata(&mut bookmark, "annotations", json!({"k8s.io/initial-events-end": "true"}));
                    ready.push_back(WatchEvent::Bookmark(Arc::new(bookmark)));
                }
                seen
            }
        };
        drop(state);
        Self {
            cluster: cluster.clone(),
            revisions: cluster.revisions(),
            resource,
            selection,
            seen,
            only_stored: false,
            ready,
        }
    }

    /// Tells only what a crash cannot take back any more: what clients outside the cluster see.
    pub(crate) fn only_stored(mut self) -> Self {
        self.revisions = self.cluster.published();
        self.only_stored = true;
        self
    }

    /// The next event that is there already.
    ///
    /// # Errors
    /// 410 if changes that were not seen yet are no longer known. The watch is over then.
    pub fn try_next(&mut self) -> Result<Option<WatchEvent>, ApiError> {
        if self.ready.is_empty() {
            self.read_log()?;
        }
        Ok(self.ready.pop_front())
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// 410 if changes that were not seen yet are no longer known. The watch is over then.
    pub async fn next(&mut self) -> Result<WatchEvent, ApiError> {
        loop {
            self.revisions.borrow_and_update();
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            if self.revisions.changed().await.is_err() {
                // The cluster that sends is held by this watch, so this does not happen.
                return Err(ApiError::internal("the cluster is gone"));
            }
        }
    }

    /// A bookmark of how far the watch is.
    #[must_use]
    pub fn bookmark(&self) -> WatchEvent {
        WatchEvent::Bookmark(Arc::new(bookmark(&self.resource, self.seen)))
    }

    fn read_log(&mut self) -> Result<(), ApiError> {
        let state = self.cluster.read();
        let Some(changes) = state.store.log().since(self.seen) else {
            let text = format!("too old resource version: {} ({})", self.seen, state.store.revision());
            return Err(ApiError::expired(text));
        };
        let last = if self.only_stored { *self.revisions.borrow() } else { state.store.revision() };
        let changes = changes.take_while(|change| change.revision <= last);
        for change in changes.filter(|change| change.key.resource == self.resource.id) {
            self.ready.extend(event(change, &self.selection, &self.resource));
            if self.ready.len() >= EVENTS_AT_ONCE {
                self.seen = change.revision;
                return Ok(());
            }
        }
        self.seen = self.seen.max(last);
        Ok(())
    }
}

fn bookmark(resource: &ResourceType, revision: u64) -> Value {
    json!({
        "kind": resource.kind.kind, "apiVersion": resource.kind.api_version(),
        "metadata": {"resourceVersion": revision.to_string()},
    })
}

fn event(change: &Change, selection: &Selection, resource: &ResourceType) -> Option<WatchEvent> {
    let object = || resource.served(&change.object);
    let matched = change.previous.as_ref().is_some_and(|previous| selection.matches(previous));
    let matches = change.kind != ChangeKind::Deleted && selection.matches(&change.object);
    match (matched, matches) {
        (false, true) => Some(WatchEvent::Added(object())),
        (true, true) => Some(WatchEvent::Modified(object())),
        (true, false) if change.kind == ChangeKind::Deleted => Some(WatchEvent::Deleted(object())),
        (true, false) => {
            // It is how it was when it still matched, with the revision of the change.
            let mut last = change.previous.as_ref().map(|previous| Value::clone(previous)).unwrap_or_default();
            object::set_metadata(&mut last, "resourceVersion", Value::from(change.revision.to_string()));
            Some(WatchEvent::Deleted(resource.served(&Arc::new(last))))
        }
        (false, false) => None,
    }
}
