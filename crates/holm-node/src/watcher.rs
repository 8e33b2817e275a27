//! What the API server has of one resource, and what changes.
//!
//! A watch that ends goes on where it ended; one that has expired (410) begins with a new list. After a failure it waits, longer
//! each time.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use kube::core::WatchEvent;
use serde_json::Value;

use crate::client::{Client, is_answer};
use crate::object::text;
use crate::resource::Resource;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a watcher sees.
#[derive(Debug)]
pub(crate) enum Seen {
    /// All objects that there are. What is missing is gone.
    Listed(Vec<Value>),
    /// A new or changed object.
    Changed(Value),
    /// The last state of an object that is gone.
    Deleted(Value),
    /// The API server does not let the node see it, and will not: there is no use in going on.
    Refused(kube::Error),
}

/// Watches one resource.
pub(crate) struct Watcher {
    client: Client,
    pub resource: Resource,
    fields: String,
    version: String,
    events: Option<BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>>,
    /// How often in a row a request failed.
    failures: u32,
}

impl Watcher {
    pub(crate) fn new(client: Client, resource: Resource, fields: String) -> Self {
        Self { client, resource, fields, version: String::new(), events: None, failures: 0 }
    }

    /// What has changed since the last time, or the first `limit` changes: everything at first, and when the API server does not
    /// know any more.
    pub(crate) async fn catch_up(&mut self, limit: usize) -> Result<Vec<Seen>, kube::Error> {
        let mut seen = Vec::new();
        while seen.len() < limit {
            if self.events.is_none()
                && let Some(listed) = self.connect().await?
            {
                seen.push(listed);
            }
            // Without the limit on work of one task that tokio sets: what is there is to be seen now.
            let Some(events) = &mut self.events else { continue };
            match tokio::task::unconstrained(events.next()).now_or_never() {
                None => return Ok(seen),
                Some(event) => seen.extend(self.take(event)),
            }
        }
        Ok(seen)
    }

    /// All that happens, for ever.
    pub(crate) fn into_stream(self) -> BoxStream<'static, (Resource, Seen)> {
        let resource = self.resource;
        let all = stream::unfold(Some(self), |watcher| async {
            let mut watcher = watcher?;
            let seen = watcher.next().await;
            let goes_on = !matches!(seen, Seen::Refused(_));
            Some((seen, goes_on.then_some(watcher)))
        });
        all.map(move |seen| (resource, seen)).boxed()
    }

    async fn next(&mut self) -> Seen {
        loop {
            if self.events.is_none() {
                match self.connect().await {
                    Ok(Some(listed)) => return listed,
                    Ok(None) => {}
                    Err(error) if is_answer(&error, &[401, 403, 404]) => return Seen::Refused(error),
                    Err(_) => {
                        self.pause().await;
                        continue;
                    }
                }
            }
            let Some(events) = &mut self.events else { continue };
            let event = events.next().await;
            let has_failed = !matches!(event, Some(Ok(_)));
            if let Some(seen) = self.take(event) {
                return seen;
            }
            if has_failed {
                self.pause().await;
            }
        }
    }

    /// Opens the watch; gives a list first if it has none to go on from.
    async fn connect(&mut self) -> Result<Option<Seen>, kube::Error> {
        let mut listed = None;
        if self.version.is_empty() {
            let found = self.client.list(self.resource, &self.fields).await?;
            self.version = found.version;
            listed = Some(Seen::Listed(found.items));
        }
        match self.client.watch(self.resource, &self.fields, &self.version).await {
            Ok(events) => self.events = Some(events),
            // The list stands; the next call lists again.
            Err(error) if is_answer(&error, &[410]) => self.version.clear(),
            Err(error) if listed.is_none() => return Err(error),
            Err(_) => {}
        }
        Ok(listed)
    }

    fn take(&mut self, event: Option<Result<WatchEvent<Value>, kube::Error>>) -> Option<Seen> {
        match event {
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                self.arrived(text(&object, &["metadata", "resourceVersion"]).to_owned());
                Some(Seen::Changed(object))
            }
            Some(Ok(WatchEvent::Deleted(object))) => {
                self.arrived(text(&object, &["metadata", "resourceVersion"]).to_owned());
                Some(Seen::Deleted(object))
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                self.arrived(bookmark.metadata.resource_version);
                None
            }
            Some(Ok(WatchEvent::Error(status))) => {
                if status.code == 410 {
                    self.version.clear();
                }
                self.events = None;
                None
            }
            Some(Err(error)) => {
                if is_answer(&error, &[410]) {
                    self.version.clear();
                }
                self.events = None;
                None
            }
            None => {
                self.events = None;
                None
            }
        }
    }

    fn arrived(&mut self, version: String) {
        self.failures = 0;
        self.version = version;
    }

    async fn pause(&mut self) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(pause).await;
    }
}
