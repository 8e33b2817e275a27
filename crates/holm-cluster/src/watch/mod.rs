//! Watches the objects of one kind and namespace for as long as somebody listens.
//!
//! A watch that ends is resumed where it ended, after a pause that grows while nothing comes; one that has expired (410)
//! begins with a new list; one that is not allowed says so and ends.

use std::time::Duration;

use futures::stream::{self, Stream};
use holm_executor::{Scope, Seen};
use holm_values::backoff;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::error::{RequestError, Trouble};
use crate::observe::page;
use crate::random;
use crate::transport::{Call, PageSize, Patience, Query, Transport, failed, read, trouble_of_event};

mod lines;

use lines::Lines;

/// The server sends a bookmark about every minute, so that a connection that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(90);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Watches from the given version on; from a list of everything without one.
pub(crate) fn watch(transport: &Transport, scope: Scope, version: Option<String>) -> impl Stream<Item = Seen> + Send {
    let state = State { transport, scope, version, lines: None, fruitless: 0, has_ended: false };
    stream::unfold(state, |mut state| async { state.next().await.map(|seen| (seen, state)) })
}

struct State<'a> {
    transport: &'a Transport,
    scope: Scope,
    version: Option<String>,
    lines: Option<Lines>,
    /// How often in a row a try brought nothing.
    fruitless: u32,
    has_ended: bool,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    object: Value,
}

impl State<'_> {
    async fn next(&mut self) -> Option<Seen> {
        while !self.has_ended {
            if self.lines.is_some() {
                match self.next_line().await {
                    Some(seen) => return Some(seen),
                    None => continue,
                }
            }
            let begun = match self.version.clone() {
                None => self.list().await.map(|items| Some(Seen::Listed(items))),
                Some(version) => self.begin(&version).await.map(|()| None),
            };
            match begun {
                Ok(Some(seen)) => return Some(seen),
                Ok(None) => {}
                Err(error) => match error.trouble {
                    Trouble::Forbidden(_) | Trouble::Unauthorized(_) => {
                        self.has_ended = true;
                        return Some(Seen::Forbidden);
                    }
                    Trouble::Expired(_) => self.version = None,
                    _ => self.pause().await,
                },
            }
        }
        None
    }

    async fn begin(&mut self, version: &str) -> Result<(), Box<RequestError>> {
        let query =
            self.query().with("watch", "true").with("allowWatchBookmarks", "true").with("resourceVersion", version);
        let response = self.transport.open(&query.into_string()).await?;
        self.lines = Some(Lines::new(response.into_body()));
        Ok(())
    }

    async fn list(&mut self) -> Result<Vec<Value>, Box<RequestError>> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        let mut size = PageSize::default();
        loop {
            let mut query = self.query().with("limit", &size.to_string());
            if let Some(token) = &token {
                query = query.with("continue", token);
            }
            let call = Call::get(query.into_string()).patience(Patience::PAGE);
            let answer = match self.transport.call(&call).await {
                Ok(answer) => answer,
                Err(error) if size.shrinks_after(&error.trouble) => continue,
                Err(error) => return Err(error),
            };
            let page = page(&answer.body, &self.scope.kind, &|_| true)
                .map_err(|trouble| failed(&call.method, &call.path, answer.tries, trouble))?;
            items.extend(page.items.iter().map(|(_, item)| item.open()));
            token = page.token;
            if token.is_none() {
                self.version = Some(page.version);
                return Ok(items);
            }
        }
    }

    fn query(&self) -> Query {
        let mut query = Query::collection(&self.scope.kind, self.scope.namespace.as_deref());
        for (name, value) in [("labelSelector", &self.scope.labels), ("fieldSelector", &self.scope.fields)] {
            if let Some(value) = value {
                query = query.with(name, value);
            }
        }
        query
    }

    /// The next event; none when there is nothing to tell, or the connection has ended.
    async fn next_line(&mut self) -> Option<Seen> {
        let line = match (&mut self.lines, SILENCE) {
            (Some(lines), silence) => timeout(silence, lines.next()).await.ok().flatten(),
            (None, _) => None,
        };
        let Some(line) = line else {
            self.lines = None;
            self.pause().await;
            return None;
        };
        if line.is_empty() {
            return None;
        }
        let Ok(Line { r#type, object }) = read::<Line>(line) else {
            // Something between us and the server spoiled the stream, so nothing can be concluded from it.
            self.lines = None;
            self.version = None;
            self.pause().await;
            return None;
        };
        if r#type == "ERROR" {
            self.lines = None;
            if matches!(trouble_of_event(&object), Trouble::Expired(_)) {
                self.version = None;
            } else {
                self.pause().await;
            }
            return None;
        }
        self.fruitless = 0;
        if let Some(version) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
            self.version = Some(version.to_owned());
        }
        match r#type.as_str() {
            "ADDED" | "MODIFIED" => Some(Seen::Changed(object)),
            "DELETED" => Some(Seen::Deleted(object)),
            // A bookmark only says how far the watch has come.
            _ => None,
        }
    }

    async fn pause(&mut self) {
        let step = backoff::exponential(FIRST_PAUSE, LONGEST_PAUSE, self.fruitless);
        self.fruitless += 1;
        sleep(step.mul_f64(0.5 + random::fraction() / 2.0)).await;
    }
}
