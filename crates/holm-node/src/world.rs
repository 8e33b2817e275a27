//! What a node knows of the cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::object::{self, at, text};
use crate::resource::Resource;
use crate::scheduler::requests::Requests;

/// Namespace and name of an object; the namespace is empty for objects of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(crate) fn of(object: &Value) -> Self {
        Self::new(object::namespace(object), object::name(object))
    }
}

/// The objects that matter to a node, as they were last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    objects: BTreeMap<Resource, BTreeMap<Key, Arc<Value>>>,
    /// The node that each pod is on, and what it asks for there.
    placed: HashMap<Key, (String, Requests)>,
    used: HashMap<String, Requests>,
}

impl World {
    pub(crate) fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&resource)?.get(&Key::new(namespace, name))
    }

    pub(crate) fn all(&self, resource: Resource) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.get(&resource).into_iter().flatten()
    }

    /// What the pods on a node ask for together.
    pub(crate) fn used(&self, node: &str) -> Option<&Requests> {
        self.used.get(node)
    }

    /// Takes in an object as it is now, unless a newer one is known. Says whether anything changed.
    pub(crate) fn put(&mut self, resource: Resource, object: Value) -> bool {
        let key = Key::of(&object);
        let known = self.objects.entry(resource).or_default();
        if let Some(old) = known.get(&key)
            && object::uid(old) == object::uid(&object)
            && object::version(old) >= object::version(&object)
        {
            return false;
        }
        let object = Arc::new(reduced(resource, object));
        known.insert(key.clone(), Arc::clone(&object));
        if resource == Resource::Pods {
            let over = matches!(text(&object, &["status", "phase"]), "Succeeded" | "Failed");
            let node = text(&object, &["spec", "nodeName"]);
            self.place(&key, (!over && !node.is_empty()).then(|| (node.to_owned(), Requests::of_pod(&object))));
        }
        true
    }

    /// Forgets an object, and gives what was known of it.
    pub(crate) fn remove(&mut self, resource: Resource, key: &Key) -> Option<Arc<Value>> {
        if resource == Resource::Pods {
            self.place(key, None);
        }
        self.objects.get_mut(&resource)?.remove(key)
    }

    /// How many objects are known.
    pub(crate) fn len(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// The names of the objects of a resource.
    pub(crate) fn keys(&self, resource: Resource) -> Vec<Key> {
        self.all(resource).map(|(key, _)| key.clone()).collect()
    }

    /// Counts a pod as being on a node before the API server says so.
    pub(crate) fn assume(&mut self, pod: &Value, node: &str) {
        self.place(&Key::of(pod), Some((node.to_owned(), Requests::of_pod(pod))));
    }

    fn place(&mut self, key: &Key, place: Option<(String, Requests)>) {
        if let Some((node, requests)) = self.placed.remove(key)
            && let Some(used) = self.used.get_mut(&node)
        {
            used.subtract(&requests);
        }
        if let Some((node, requests)) = place {
            self.used.entry(node.clone()).or_default().add(&requests);
            self.placed.insert(key.clone(), (node, requests));
        }
    }
}

/// What is kept of an object. Of Secrets and ConfigMaps that is which keys they have, and never a value. What managed which field
/// is of no use here, and larger than the rest.
fn reduced(resource: Resource, mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if !matches!(resource, Resource::Secrets | Resource::ConfigMaps) {
        return object;
    }
    let metadata = object.get("metadata");
    let field = |name: &str| metadata.and_then(|metadata| metadata.get(name)).cloned().unwrap_or_default();
    let keys: Vec<&String> = ["data", "binaryData"]
        .iter()
        .filter_map(|part| at(&object, &[part])?.as_object())
        .flat_map(serde_json::Map::keys)
        .collect();
    json!({
        "metadata": {
            "namespace": field("namespace"), "name": field("name"), "uid": field("uid"), "resourceVersion": field("resourceVersion"),
        },
        "keys": keys,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_a_secret_but_its_keys() {
        let mut world = World::default();
        let metadata =
            json!({"namespace": "n", "name": "s", "uid": "1", "resourceVersion": "7", "annotations": {"a": "hidden"}});
        world.put(
            Resource::Secrets,
            json!({"metadata": metadata, "data": {"password": "aGlkZGVu"}, "stringData": {"x": "hidden"}}),
        );
        let kept = world.get(Resource::Secrets, "n", "s").map(|secret| secret.to_string()).unwrap_or_default();
        assert_eq!(
            kept,
            r#"{"keys":["password"],"metadata":{"name":"s","namespace":"n","resourceVersion":"7","uid":"1"}}"#
        );
    }

    #[test]
    fn an_older_object_does_not_replace_a_newer_one() {
        let mut world = World::default();
        let pod = |version: &str, uid: &str| json!({"metadata": {"namespace": "n", "name": "p", "uid": uid, "resourceVersion": version}});
        assert!(world.put(Resource::Pods, pod("10", "a")));
        assert!(!world.put(Resource::Pods, pod("9", "a")));
        assert!(!world.put(Resource::Pods, pod("10", "a")));
        assert!(world.put(Resource::Pods, pod("9", "b")), "another object of the same name");
    }

    #[test]
    fn room_on_a_node_is_counted_while_a_pod_is_there() {
        let mut world = World::default();
        let pod = |version: &str, phase: &str| {
            json!({
                "metadata": {"namespace": "n", "name": "p", "uid": "a", "resourceVersion": version},
                "spec": {"nodeName": "one", "containers": [{"resources": {"requests": {"cpu": "2"}}}]},
                "status": {"phase": phase},
            })
        };
        let cpu = |world: &World| world.used("one").map(|used| used.amount("cpu"));
        world.put(Resource::Pods, pod("1", "Running"));
        assert_eq!(cpu(&world), Some(2000));
        world.put(Resource::Pods, pod("2", "Succeeded"));
        assert_eq!(cpu(&world), Some(0));
    }
}
