//! Everything that a request works on, behind one lock: the store, the resources that are served, the clock.
//!
//! A write does all its steps under the lock, and then all that follows from it (see [`settle`](crate::settle)), so that no
//! request ever sees a half-done one, and no optimistic write has to be tried again.

use std::collections::HashMap;
use std::sync::Arc;

use holm_values::Timestamp;
use serde_json::Value;

use crate::clock::Clock;
use crate::random::Random;
use crate::registry::{Registry, ResourceType};
use crate::settle::Pending;
use crate::store::{Key, Store};

/// The state of a cluster.
pub(crate) struct State {
    pub store: Store,
    pub registry: Registry,
    pub clock: Clock,
    pub random: Random,
    /// What is stored other than it is read, see [`Accepted`](crate::write::Accepted).
    pub untidy: HashMap<Key, Vec<(String, Value)>>,
    /// What follows from the writes up to this revision has been done or noted.
    pub settled: u64,
    /// What is to be done because of writes.
    pub pending: Pending,
}

impl State {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Keeps in mind what of an object is stored other than it is read.
    pub fn remember_untidy(&mut self, key: &Key, untidy: Vec<(String, Value)>) {
        if untidy.is_empty() {
            self.untidy.remove(key);
        } else {
            self.untidy.insert(key.clone(), untidy);
        }
    }

    /// Where the object with this name is.
    pub fn key(&self, resource: &ResourceType, namespace: &str, name: &str) -> Key {
        Key { resource: Arc::clone(&resource.id), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A built-in object, by the id of its resource.
    pub fn find(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let key = Key { resource: resource.into(), namespace: namespace.to_owned(), name: name.to_owned() };
        self.store.get(&key)
    }

    /// Takes up an earlier life: serves the custom resources that are defined, goes on with deletions, and follows what happens from
    /// now on.
    #[cfg(feature = "persist")]
    pub fn resume(&mut self) {
        self.settled = self.store.revision();
        let definitions: Vec<Arc<Value>> = self
            .store
            .list("customresourcedefinitions.apiextensions.k8s.io", None)
            .map(|(_, definition)| Arc::clone(definition))
            .collect();
        for definition in definitions {
            crate::definitions::on_stored(self, &definition);
        }
        self.note_unfinished();
    }
}
