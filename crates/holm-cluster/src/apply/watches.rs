//! The watches of a run, as streams.

use std::collections::BTreeMap;

use futures::stream::{AbortHandle, BoxStream, SelectAll, StreamExt, abortable};
use holm_executor::{Purpose, Scope, Seen};

use crate::transport::Transport;
use crate::watch::watch;

/// The watches that are open.
pub(super) struct Watches<'a> {
    transport: &'a Transport,
    streams: SelectAll<BoxStream<'a, (Purpose, Seen)>>,
    open: BTreeMap<Purpose, AbortHandle>,
}

impl<'a> Watches<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport, streams: SelectAll::new(), open: BTreeMap::new() }
    }

    /// Opens a watch, in place of one for the same purpose.
    pub(super) fn open(&mut self, purpose: Purpose, scope: Scope, version: Option<String>) {
        let of = purpose.clone();
        let (stream, abort) = abortable(watch(self.transport, scope, version));
        self.streams.push(stream.map(move |seen| (of.clone(), seen)).boxed());
        if let Some(replaced) = self.open.insert(purpose, abort) {
            replaced.abort();
        }
    }

    /// Closes the watch for a purpose.
    pub(super) fn close(&mut self, purpose: &Purpose) {
        if let Some(open) = self.open.remove(purpose) {
            open.abort();
        }
    }

    /// The next thing that any of them sees; for ever nothing while none is open.
    pub(super) async fn next(&mut self) -> (Purpose, Seen) {
        match self.streams.next().await {
            Some(seen) => seen,
            None => std::future::pending().await,
        }
    }
}
