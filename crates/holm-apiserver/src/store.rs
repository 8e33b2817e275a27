//! The objects of the cluster under one revision, and the log of what changed.
//!
//! The semantics are those of `k8s.io/apiserver`, `pkg/storage/etcd3/store.go`: every write that changes something takes the
//! next revision, which becomes the object's `resourceVersion`; a list has the revision at which it was read; a deletion has a
//! revision too. The log is bounded. It serves watches, and it serves lists at an older revision, by taking back what was
//! written since; what fell out of it is gone, and asking for it is answered with 410.

mod log;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

pub(crate) use log::{Change, ChangeKind, Log};

use crate::object;
use crate::storable;

/// A resource in all its versions: `deployments.apps`.
pub(crate) type ResourceId = Arc<str>;

/// Where an object is. Cluster-scoped objects have an empty namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub resource: ResourceId,
    pub namespace: String,
    pub name: String,
}

/// All objects, with their indexes.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    objects: HashMap<ResourceId, BTreeMap<(String, String), Arc<Value>>>,
    by_uid: HashMap<String, Key>,
    /// The objects that name an owner, by the owner's uid.
    dependents: HashMap<String, BTreeSet<Key>>,
    log: Log,
    /// About how many bytes the objects have as JSON.
    size: u64,
    /// The changes that were not taken yet by the one who stores them, if there is one.
    #[cfg(feature = "persist")]
    unsaved: Option<Vec<Change>>,
}

/// An object of a list, under its namespace and name.
pub type Listed<'a> = ((&'a str, &'a str), &'a Arc<Value>);

/// How many changes the log holds.
pub(crate) const LOG_CAPACITY: usize = 20_000;

impl Store {
    /// An empty store. Revisions begin at 1, as those of etcd do.
    pub fn new(log_capacity: usize) -> Self {
        Self {
            revision: 1,
            objects: HashMap::new(),
            by_uid: HashMap::new(),
            dependents: HashMap::new(),
            log: Log::new(log_capacity),
            size: 0,
            #[cfg(feature = "persist")]
            unsaved: None,
        }
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The log of changes.
    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(&key.resource)?.get(&(key.namespace.clone(), key.name.clone()))
    }

    /// The key of the object with this uid.
    pub fn key_of(&self, uid: &str) -> Option<&Key> {
        self.by_uid.get(uid)
    }

    /// The objects that name `uid` as an owner.
    pub fn dependents(&self, uid: &str) -> Vec<Key> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    /// The objects of a resource, by namespace and name; of one namespace, if one is given.
    pub fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&'a (String, String), &'a Arc<Value>)> + use<'a> {
        let namespace = namespace.map(str::to_owned);
        let start = (namespace.clone().unwrap_or_default(), String::new());
        self.objects
            .get(resource)
            .into_iter()
            .flat_map(move |objects| objects.range(start.clone()..))
            .take_while(move |((found, _), _)| namespace.as_ref().is_none_or(|wanted| wanted == found))
    }

    /// All keys in one namespace, of every resource.
    pub fn keys_in(&self, namespace: &str) -> Vec<Key> {
        let mut keys = Vec::new();
        for resource in self.objects.keys() {
            keys.extend(self.list(resource, Some(namespace)).map(|((namespace, name), _)| Key {
                resource: Arc::clone(resource),
                namespace: namespace.clone(),
                name: name.clone(),
            }));
        }
        keys.sort();
        keys
    }

    /// About how many bytes the objects have as JSON, all together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// All objects of all resources.
    pub fn all(&self) -> impl Iterator<Item = (&ResourceId, &Arc<Value>)> {
        self.objects.iter().flat_map(|(resource, objects)| objects.values().map(move |object| (resource, object)))
    }

    /// The list as it was at an earlier revision, in its order; nothing if that fell out of the log.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, revision: u64) -> Option<Vec<Listed<'_>>> {
        let now = self.list(resource, namespace);
        let now = now.map(|((namespace, name), object)| ((namespace.as_str(), name.as_str()), object));
        if revision >= self.revision {
            return Some(now.collect());
        }
        let mut objects: BTreeMap<_, _> = now.collect();
        for change in self.log.since(revision)?.rev().filter(|change| &*change.key.resource == resource) {
            if namespace.is_some_and(|wanted| wanted != change.key.namespace) {
                continue;
            }
            let name = (change.key.namespace.as_str(), change.key.name.as_str());
            match &change.previous {
                Some(previous) => objects.insert(name, previous),
                None => objects.remove(&name),
            };
        }
        Some(objects.into_iter().collect())
    }

    /// Writes an object, new or not, under the next revision, and gives it back with that as its `resourceVersion`.
    pub fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object::set_metadata(&mut object, "resourceVersion", Value::from(self.revision.to_string()));
        self.insert(key, object)
    }

    fn insert(&mut self, key: Key, object: Value) -> Arc<Value> {
        let object = Arc::new(object);
        let name = (key.namespace.clone(), key.name.clone());
        let previous = self.objects.entry(Arc::clone(&key.resource)).or_default().insert(name, Arc::clone(&object));
        if let Some(previous) = &previous {
            self.forget(&key, previous);
        }
        self.remember(&key, &object);
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(Change { revision: self.revision, kind, key, object: Arc::clone(&object), previous });
        object
    }

    /// Removes an object under the next revision, and gives it back with that as its `resourceVersion`.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let name = (key.namespace.clone(), key.name.clone());
        let previous = self.objects.get_mut(&key.resource)?.remove(&name)?;
        self.forget(key, &previous);
        self.revision += 1;
        let mut object = Value::clone(&previous);
        object::set_metadata(&mut object, "resourceVersion", Value::from(self.revision.to_string()));
        let object = Arc::new(object);
        let (key, previous) = (key.clone(), Some(previous));
        let kind = ChangeKind::Deleted;
        self.record(Change { revision: self.revision, kind, key, object: Arc::clone(&object), previous });
        Some(object)
    }

    fn record(&mut self, change: Change) {
        #[cfg(feature = "persist")]
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.push(Change { previous: None, ..change.clone() });
        }
        self.log.push(change);
    }

    /// Begins to keep every change for the one who stores them.
    #[cfg(feature = "persist")]
    pub fn keep_unsaved(&mut self) {
        self.unsaved = Some(Vec::new());
    }

    /// The changes since this was last called, if they are kept.
    #[cfg(feature = "persist")]
    pub fn take_unsaved(&mut self) -> Vec<Change> {
        self.unsaved.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Puts an object back that was written in an earlier life of the cluster, without a new revision or a change in the log.
    #[cfg(feature = "persist")]
    pub fn restore(&mut self, key: Key, object: Value) {
        let object = Arc::new(object);
        self.remember(&key, &object);
        let name = (key.namespace, key.name);
        self.objects.entry(key.resource).or_default().insert(name, object);
    }

    /// Goes on from the revision of an earlier life. What was written before is not in the log.
    #[cfg(feature = "persist")]
    pub fn resume_at(&mut self, revision: u64) {
        self.revision = revision.max(1);
        self.log.forget_until(self.revision);
    }

    fn remember(&mut self, key: &Key, object: &Value) {
        self.size += storable::size(object);
        if let Some(uid) = object::uid(object) {
            self.by_uid.insert(uid.to_owned(), key.clone());
        }
        for owner in object::owner_uids(object) {
            self.dependents.entry(owner.to_owned()).or_default().insert(key.clone());
        }
    }

    fn forget(&mut self, key: &Key, object: &Value) {
        self.size -= storable::size(object);
        if let Some(uid) = object::uid(object) {
            self.by_uid.remove(uid);
        }
        for owner in object::owner_uids(object) {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Key {
        Key { resource: Arc::from("secrets"), namespace: "a".to_owned(), name: name.to_owned() }
    }

    fn names(store: &Store, revision: u64) -> Option<Vec<String>> {
        let listed = store.list_at("secrets", Some("a"), revision)?;
        Some(listed.into_iter().map(|((_, name), _)| name.to_owned()).collect())
    }

    #[test]
    fn a_list_can_be_read_at_an_earlier_revision() {
        let mut store = Store::new(10);
        store.put(key("one"), json!({}));
        store.put(key("two"), json!({}));
        let before = store.revision();
        store.remove(&key("one")).unwrap();
        store.put(key("three"), json!({}));
        store.put(key("two"), json!({"data": {}}));
        assert_eq!(names(&store, before), Some(vec!["one".to_owned(), "two".to_owned()]));
        assert_eq!(names(&store, store.revision()), Some(vec!["three".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn what_fell_out_of_the_log_is_gone() {
        let mut store = Store::new(2);
        let start = store.revision();
        for name in ["one", "two", "three"] {
            store.put(key(name), json!({}));
        }
        assert_eq!(names(&store, start), None);
        assert!(store.log().since(start).is_none());
        assert_eq!(store.log().since(start + 1).unwrap().count(), 2);
    }

    #[test]
    fn dependents_follow_owner_references() {
        let mut store = Store::new(10);
        store.put(key("owner"), json!({"metadata": {"uid": "u1"}}));
        store.put(key("child"), json!({"metadata": {"uid": "u2", "ownerReferences": [{"uid": "u1"}]}}));
        assert_eq!(store.dependents("u1"), vec![key("child")]);
        store.put(key("child"), json!({"metadata": {"uid": "u2"}}));
        assert_eq!(store.dependents("u1"), Vec::new());
    }
}
