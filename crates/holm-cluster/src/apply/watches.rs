//! The watches of a run: one for each kind and namespace, opened when something is waited for and closed when nothing is.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{AbortHandle, BoxStream, SelectAll, StreamExt, abortable};
use holm_core::ApiKind;

use crate::transport::Transport;
use crate::watch::{Scope, Seen, watch};

/// What a watch is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// The objects of one kind and namespace that are waited for.
    Objects(ApiKind, Option<String>),
    /// The pods of workloads in a namespace that are slow to become ready.
    Pods(String),
    /// The warnings of a namespace in which something is slow to become ready.
    Warnings(String),
}

/// The watches that are open.
pub(super) struct Watches<'a> {
    transport: &'a Transport,
    streams: SelectAll<BoxStream<'a, (Purpose, Seen)>>,
    open: BTreeMap<Purpose, Open>,
    forbidden: BTreeSet<Purpose>,
}

struct Open {
    abort: AbortHandle,
    labels: Option<String>,
    begun_at: u64,
}

impl<'a> Watches<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport, streams: SelectAll::new(), open: BTreeMap::new(), forbidden: BTreeSet::new() }
    }

    /// Opens a watch, unless it is open already with the same labels, or is known to be forbidden. One with other labels
    /// is replaced. `begun_at` is `version` as a number. Returns whether there is one now.
    pub(super) fn open(&mut self, purpose: Purpose, scope: Scope, version: Option<String>, begun_at: u64) -> bool {
        if self.forbidden.contains(&purpose) {
            return false;
        }
        if let Some(open) = self.open.get(&purpose) {
            if open.labels == scope.labels {
                return true;
            }
            open.abort.abort();
        }
        let labels = scope.labels.clone();
        let of = purpose.clone();
        let (stream, abort) = abortable(watch(self.transport, scope, version));
        self.streams.push(stream.map(move |seen| (of.clone(), seen)).boxed());
        self.open.insert(purpose, Open { abort, labels, begun_at });
        true
    }

    /// The labels of an open watch.
    pub(super) fn labels(&self, purpose: &Purpose) -> Option<&Option<String>> {
        self.open.get(purpose).map(|open| &open.labels)
    }

    /// The version after which an open watch tells everything.
    pub(super) fn begun_at(&self, purpose: &Purpose) -> Option<u64> {
        self.open.get(purpose).map(|open| open.begun_at)
    }

    /// Remembers that such a watch is not allowed.
    pub(super) fn forbid(&mut self, purpose: &Purpose) {
        self.open.remove(purpose);
        self.forbidden.insert(purpose.clone());
    }

    /// Closes every watch that is not wanted any more.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Purpose) -> bool) {
        self.open.retain(|purpose, open| {
            let keeps = wanted(purpose);
            if !keeps {
                open.abort.abort();
            }
            keeps
        });
    }

    /// The next thing that any of them sees; for ever nothing while none is open.
    pub(super) async fn next(&mut self) -> (Purpose, Seen) {
        loop {
            match self.streams.next().await {
                Some((purpose, seen)) if self.open.contains_key(&purpose) => return (purpose, seen),
                // What a closed watch had still seen.
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}
