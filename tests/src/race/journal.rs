//! What a run asked and when, noted between the proxy and the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

use crate::fault::Request;

/// The requests of one run.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Exchange>>>);

/// One request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// When it went to the server, which did nothing about it before.
    pub sent: Instant,
    /// When the server began to answer, and all was done; none where there was no answer.
    pub answered: Option<Instant>,
    /// The object of the answer, for writes of Secrets.
    pub secret: Option<Value>,
}

/// The time in which a run depends on nobody else writing.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When it had read the inventory at the latest.
    pub read: Instant,
    /// When it asked for its last write, at the earliest; none where it wrote nothing.
    pub last_write: Option<Instant>,
    /// When it asked for anything for the last time.
    pub last_request: Instant,
}

impl Journal {
    /// A client whose requests are noted here on their way to `inner`.
    pub fn client(&self, inner: &kube::Client) -> kube::Client {
        let (journal, inner) = (self.clone(), inner.clone());
        let namespace = inner.default_namespace().to_owned();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (journal, inner) = (journal.clone(), inner.clone());
            async move { journal.pass(request, inner).await }
        });
        kube::Client::new(service, namespace)
    }

    /// Every request so far, in the order in which they went to the server.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.locked().clone()
    }

    /// The time in which the run depended on nobody else writing; none where it did not get as far as reading the inventory.
    pub fn window(&self) -> Option<Window> {
        let exchanges = self.locked();
        let read = exchanges.iter().find(|exchange| exchange.request.resource == "configmaps")?.answered?;
        let last_write =
            exchanges.iter().filter(|exchange| exchange.request.is_mutating()).map(|write| write.sent).max();
        let last_request = exchanges.iter().map(|exchange| exchange.sent).max()?;
        Some(Window { read, last_write, last_request })
    }

    async fn pass(
        &self,
        request: http::Request<Body>,
        inner: kube::Client,
    ) -> Result<http::Response<Body>, kube::Error> {
        let read = Request::of(&request);
        let is_of_secret = read.resource == "secrets" && read.is_mutating();
        let number = {
            let mut exchanges = self.locked();
            exchanges.push(Exchange { request: read, sent: Instant::now(), answered: None, secret: None });
            exchanges.len() - 1
        };
        let response = inner.send(request).await?;
        self.locked()[number].answered = Some(Instant::now());
        if !is_of_secret || !response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| kube::Error::Service(error.into()))?.to_bytes();
        self.locked()[number].secret = serde_json::from_slice(&bytes).ok();
        Ok(http::Response::from_parts(head, Body::from(bytes)))
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Exchange>> {
        // A list is whole at any moment, also after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Whether each run read before the other one asked for the last time.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.read < other.last_request && other.read < self.last_request
    }

    /// Whether each run read before the other's last write, so that one of them wrote on what was no longer true.
    pub fn contradicts(&self, other: &Self) -> bool {
        let is_before = |read: Instant, write: Option<Instant>| write.is_some_and(|write| read < write);
        is_before(self.read, other.last_write) && is_before(other.read, self.last_write)
    }
}
