//! Which watches a run has: one for each kind and namespace, opened when something is waited for and closed when nothing is.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::ApiKind;

/// What a watch is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The objects of one kind and namespace that are waited for.
    Objects(ApiKind, Option<String>),
    /// The pods of workloads in a namespace that are slow to become ready.
    Pods(String),
    /// The warnings of a namespace in which something is slow to become ready.
    Warnings(String),
}

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The kind.
    pub kind: ApiKind,
    /// The namespace; none for all of them.
    pub namespace: Option<String>,
    /// The label selector; none for all objects.
    pub labels: Option<String>,
    /// The field selector; none for all objects.
    pub fields: Option<String>,
}

/// The watches that are open, and those that are known to be forbidden.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watching {
    open: BTreeMap<Purpose, Open>,
    forbidden: BTreeSet<Purpose>,
}

#[derive(Clone, Debug)]
struct Open {
    labels: Option<String>,
    begun_at: u64,
}

/// What opening a watch comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It is open already.
    Open,
    /// It is to be opened.
    New,
    /// It is not allowed.
    Forbidden,
}

impl Watching {
    /// Wants a watch with these labels. `begun_at` is the version that it begins after.
    pub(crate) fn want(&mut self, purpose: &Purpose, labels: Option<&str>, begun_at: u64) -> Opening {
        if self.forbidden.contains(purpose) {
            return Opening::Forbidden;
        }
        if self.open.get(purpose).is_some_and(|open| open.labels.as_deref() == labels) {
            return Opening::Open;
        }
        self.open.insert(purpose.clone(), Open { labels: labels.map(str::to_owned), begun_at });
        Opening::New
    }

    /// Whether such a watch is open.
    pub(crate) fn is_open(&self, purpose: &Purpose) -> bool {
        self.open.contains_key(purpose)
    }

    /// Returns the labels of an open watch.
    pub(crate) fn labels(&self, purpose: &Purpose) -> Option<&Option<String>> {
        self.open.get(purpose).map(|open| &open.labels)
    }

    /// Returns the version after which an open watch tells everything.
    pub(crate) fn begun_at(&self, purpose: &Purpose) -> Option<u64> {
        self.open.get(purpose).map(|open| open.begun_at)
    }

    /// Remembers that such a watch is not allowed.
    pub(crate) fn forbid(&mut self, purpose: &Purpose) {
        self.open.remove(purpose);
        self.forbidden.insert(purpose.clone());
    }

    /// Closes every watch that is not wanted any more, and returns their purposes.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&Purpose) -> bool) -> Vec<Purpose> {
        let closed: Vec<Purpose> = self.open.keys().filter(|purpose| !wanted(purpose)).cloned().collect();
        for purpose in &closed {
            self.open.remove(purpose);
        }
        closed
    }
}
