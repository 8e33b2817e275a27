//! What follows from a write: garbage, the end of namespaces, finalizers of storage, custom resources, the use of quotas.
//!
//! A real cluster does this in controllers, some time later; here it happens in the same step, so that a test need not wait.
//! The rules are those of `k8s.io/kubernetes`, `pkg/controller/{garbagecollector,namespace,volume/pvcprotection,volume/pvprotection,volume/vacprotection,resourcequota}`.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::authorize::{self, CLUSTER_ROLES};
use crate::bootstrap;
use crate::definitions;
use crate::object::{self, at, set_at, text_at};
use crate::options::Propagation;
use crate::state::State;
use crate::store::{ChangeKind, Key, ResourceId};
use crate::write::delete::{FOREGROUND, ORPHAN};

/// Classes of volume attributes, which stay while a claim or a volume names them.
const ATTRIBUTES_CLASSES: &str = "volumeattributesclasses.storage.k8s.io";

/// Definitions of custom resources, as the store knows them.
const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// How many writes may follow from others in one step, before others may read and write: of a namespace or an owner with many
/// objects.
const WRITES_AT_ONCE: u64 = 1_000;

/// The objects that are to be looked at, in the order in which they were noted, each once.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    order: VecDeque<Key>,
    known: HashSet<Key>,
    /// What changed in which namespace since quotas were counted.
    uncounted: BTreeMap<String, BTreeSet<ResourceId>>,
    /// The revision at which the present step ends.
    end: u64,
}

impl Pending {
    fn add(&mut self, key: Key) {
        if self.known.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    fn next(&mut self) -> Option<Key> {
        let key = self.order.pop_front()?;
        self.known.remove(&key);
        Some(key)
    }

    /// Whether nothing is to be looked at.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty() && self.uncounted.is_empty()
    }
}

impl State {
    /// Does what follows from the writes since the last time, or the next part of it. Tells whether that is all.
    pub fn settle(&mut self) -> bool {
        self.pending.end = self.store.revision() + WRITES_AT_ONCE;
        loop {
            self.note_changes();
            if self.is_spent() {
                return false;
            }
            if let Some(key) = self.pending.next() {
                self.look_at(&key);
                continue;
            }
            if self.pending.uncounted.is_empty() {
                return true;
            }
            for (namespace, changed) in std::mem::take(&mut self.pending.uncounted) {
                self.count_quotas(&namespace, &changed);
            }
        }
    }

    /// Notes again what an earlier life may have left half done: what is being deleted, and what may have lost its owner.
    #[cfg(feature = "persist")]
    pub fn note_unfinished(&mut self) {
        let keys = self
            .store
            .all()
            .filter(|(_, object)| object::is_deleting(object) || object::owners(object).next().is_some());
        let keys: Vec<Key> = keys.map(|(resource, object)| key_of(resource, object)).collect();
        keys.into_iter().for_each(|key| self.pending.add(key));
    }

    /// Whether enough was written in one step.
    fn is_spent(&self) -> bool {
        self.store.revision() >= self.pending.end
    }

    /// Notes what is concerned by the writes since the last time.
    fn note_changes(&mut self) {
        if self.settled == self.store.revision() {
            return;
        }
        let Some(changes) = self.store.log().since(self.settled) else {
            // More was written in one step than the log holds: look at everything.
            self.settled = self.store.revision();
            let keys: Vec<Key> = self.store.all().map(|(resource, object)| key_of(resource, object)).collect();
            for key in keys {
                let changed = self.pending.uncounted.entry(key.namespace.clone()).or_default();
                changed.insert(Arc::clone(&key.resource));
                self.pending.add(key);
            }
            return;
        };
        let changes: Vec<Work> = changes
            .map(|change| Work { key: change.key.clone(), kind: change.kind, previous: change.previous.clone() })
            .collect();
        self.settled = self.store.revision();
        for change in changes {
            if !change.key.namespace.is_empty() {
                let changed = self.pending.uncounted.entry(change.key.namespace.clone()).or_default();
                changed.insert(Arc::clone(&change.key.resource));
            }
            self.note(&change);
        }
    }

    fn note(&mut self, work: &Work) {
        self.pending.add(work.key.clone());
        let Some(previous) = work.previous.as_ref().filter(|_| work.kind != ChangeKind::Added) else { return };
        if work.kind == ChangeKind::Deleted {
            if let Some(uid) = object::uid(previous) {
                self.store.dependents(uid).into_iter().for_each(|dependent| self.pending.add(dependent));
            }
            self.after_deletion(&work.key, previous);
        }
        // An owner may wait for this object.
        for owner in object::owner_uids(previous) {
            if let Some(key) = self.store.key_of(owner).cloned() {
                self.pending.add(key);
            }
        }
    }

    fn after_deletion(&mut self, key: &Key, previous: &Value) {
        let at = |resource: &str, namespace: &str, name: &str| Key {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        match &*key.resource {
            DEFINITIONS => {
                let plural = text_at(previous, &["spec", "names", "plural"]);
                let id = crate::error::qualified(plural, text_at(previous, &["spec", "group"]));
                self.registry.remove(&id);
            }
            "pods" => {
                for claim in claims_of(previous) {
                    self.pending.add(at("persistentvolumeclaims", &key.namespace, claim));
                }
            }
            CLUSTER_ROLES => authorize::aggregate::run(self),
            "persistentvolumeclaims" => {
                self.pending.add(at("persistentvolumes", "", text_at(previous, &["spec", "volumeName"])));
            }
            _ => {}
        }
        if matches!(&*key.resource, "persistentvolumeclaims" | "persistentvolumes") {
            let classes = self.store.list(ATTRIBUTES_CLASSES, None).filter(|(_, class)| object::is_deleting(class));
            let names: Vec<String> = classes.map(|(_, class)| object::name(class).to_owned()).collect();
            names.iter().for_each(|name| self.pending.add(at(ATTRIBUTES_CLASSES, "", name)));
        }
        if !key.namespace.is_empty() {
            // The last object of a namespace that is going may have been this one.
            self.pending.add(at("namespaces", "", &key.namespace));
        }
        if let Some(definition) = self.definition_of(&key.resource) {
            self.pending.add(definition);
        }
    }

    /// The definition of a custom resource.
    pub fn definition_of(&self, resource: &str) -> Option<Key> {
        let key = Key { resource: DEFINITIONS.into(), namespace: String::new(), name: resource.to_owned() };
        self.store.get(&key).is_some().then_some(key)
    }

    /// Does what is due for one object.
    fn look_at(&mut self, key: &Key) {
        let Some(object) = self.store.get(key).cloned() else { return };
        match &*key.resource {
            "namespaces" => self.look_at_namespace(key, &object),
            DEFINITIONS => self.look_at_definition(key, &object),
            "persistentvolumeclaims" | "persistentvolumes" | ATTRIBUTES_CLASSES => self.look_at_storage(key, &object),
            CLUSTER_ROLES => authorize::aggregate::run(self),
            _ => {}
        }
        if object::is_deleting(&object) {
            let finalizers = object::finalizers(&object);
            if finalizers.iter().any(|found| found == ORPHAN) {
                if !self.orphan_dependents(&object) {
                    return self.pending.add(key.clone());
                }
                self.release(key, ORPHAN);
            }
            if finalizers.iter().any(|found| found == FOREGROUND) {
                if !self.delete_dependents(&object) {
                    return self.pending.add(key.clone());
                }
                if self.blocking_dependents(&object).is_empty() {
                    self.release(key, FOREGROUND);
                }
            }
        }
        self.collect(key);
    }

    /// Takes a finalizer from an object, which may be the last thing that it waited for.
    fn release(&mut self, key: &Key, finalizer: &str) {
        let Some(object) = self.store.get(key).cloned() else { return };
        let mut released = Value::clone(&object);
        object::remove_finalizer(&mut released, finalizer);
        if released != *object {
            self.put_or_remove(key, released);
        }
    }

    /// Stores an object, or removes it if it is being deleted and waits for nothing any more.
    fn put_or_remove(&mut self, key: &Key, object: Value) {
        let resource = self.registry.by_id(&key.resource).cloned();
        let is_released = resource.is_some_and(|resource| self.is_released(&resource, &object));
        if object::is_deleting(&object) && is_released {
            // What goes is not written once more.
            self.store.remove(key);
        } else {
            self.store.put(key.clone(), object);
        }
    }

    /// An object whose owners are all gone goes too; one that has owners left loses its references to those that are gone.
    fn collect(&mut self, key: &Key) {
        let Some(object) = self.store.get(key).cloned() else { return };
        let references: Vec<Value> = object::owners(&object).cloned().collect();
        if references.is_empty() || object::is_deleting(&object) {
            return;
        }
        let (solid, dangling): (Vec<Value>, Vec<Value>) =
            references.into_iter().partition(|reference| self.owner_exists(key, reference));
        if dangling.is_empty() {
            return;
        }
        if solid.is_empty() {
            self.delete_key(key, Some(Propagation::Background));
            return;
        }
        let mut freed = Value::clone(&object);
        object::set_metadata(&mut freed, "ownerReferences", json!(solid));
        self.store.put(key.clone(), freed);
    }

    /// An owner is in the same namespace as its dependents, or in none.
    fn owner_exists(&self, dependent: &Key, reference: &Value) -> bool {
        let uid = text_at(reference, &["uid"]);
        self.store.key_of(uid).is_some_and(|owner| owner.namespace.is_empty() || owner.namespace == dependent.namespace)
    }

    fn dependents_of(&self, owner: &Value) -> Vec<Key> {
        object::uid(owner).map(|uid| self.store.dependents(uid)).unwrap_or_default()
    }

    /// Takes the owner from its dependents. Tells whether these were all.
    fn orphan_dependents(&mut self, owner: &Value) -> bool {
        let uid = object::uid(owner).unwrap_or_default().to_owned();
        for key in self.dependents_of(owner) {
            if self.is_spent() {
                return false;
            }
            let Some(object) = self.store.get(&key).cloned() else { continue };
            let left: Vec<Value> =
                object::owners(&object).filter(|reference| text_at(reference, &["uid"]) != uid).cloned().collect();
            let mut freed = Value::clone(&object);
            if left.is_empty() {
                object::remove_metadata(&mut freed, "ownerReferences");
            } else {
                object::set_metadata(&mut freed, "ownerReferences", json!(left));
            }
            if let Some(resource) = self.registry.by_id(&key.resource).cloned() {
                let now = self.now();
                freed = resource.tracker("").update_or_keep(&object, freed, "kube-controller-manager", now);
            }
            self.store.put(key, freed);
        }
        true
    }

    /// Deletes the dependents of an owner. Tells whether these were all.
    fn delete_dependents(&mut self, owner: &Value) -> bool {
        for key in self.dependents_of(owner) {
            if self.is_spent() {
                return false;
            }
            let Some(object) = self.store.get(&key).cloned().filter(|object| !object::is_deleting(object)) else {
                continue;
            };
            let owner_uid = object::uid(owner);
            let other = object::owners(&object)
                .filter(|reference| reference.get("uid").and_then(Value::as_str) != owner_uid)
                .any(|reference| self.owner_exists(&key, reference));
            if other {
                // Another owner keeps it; it only loses this one.
                let left: Vec<Value> = object::owners(&object)
                    .filter(|reference| reference.get("uid").and_then(Value::as_str) != owner_uid)
                    .cloned()
                    .collect();
                let mut freed = Value::clone(&object);
                object::set_metadata(&mut freed, "ownerReferences", json!(left));
                self.store.put(key, freed);
                continue;
            }
            let policy =
                if self.dependents_of(&object).is_empty() { Propagation::Background } else { Propagation::Foreground };
            self.delete_key(&key, Some(policy));
        }
        true
    }

    fn blocking_dependents(&self, owner: &Value) -> Vec<Key> {
        let uid = object::uid(owner);
        let blocks = |key: &Key| {
            self.store.get(key).is_some_and(|object| {
                object::owners(object).any(|reference| {
                    reference.get("uid").and_then(Value::as_str) == uid
                        && reference.get("blockOwnerDeletion") == Some(&json!(true))
                })
            })
        };
        self.dependents_of(owner).into_iter().filter(blocks).collect()
    }

    fn look_at_namespace(&mut self, key: &Key, namespace: &Value) {
        if !object::is_deleting(namespace) {
            bootstrap::fill_namespace(self, &key.name);
            return;
        }
        for content in self.store.keys_in(&key.name) {
            if self.is_spent() {
                return self.pending.add(key.clone());
            }
            let deleting = self.store.get(&content).is_some_and(|object| object::is_deleting(object));
            if !deleting {
                self.delete_key(&content, Some(Propagation::Background));
            }
        }
        let left = self.store.keys_in(&key.name);
        let Some(current) = self.store.get(key).cloned() else { return };
        let mut updated = Value::clone(&current);
        if left.is_empty() {
            let mut finalizers = object::texts(at(&updated, &["spec", "finalizers"]));
            finalizers.retain(|found| found != "kubernetes");
            if finalizers.is_empty() {
                object::remove_at(&mut updated, &["spec", "finalizers"]);
                set_at(&mut updated, &["spec"], json!({}));
            } else {
                set_at(&mut updated, &["spec", "finalizers"], json!(finalizers));
            }
        } else {
            let conditions = self.namespace_conditions(&current, &left);
            set_at(&mut updated, &["status", "conditions"], conditions);
        }
        if updated != *current {
            self.put_or_remove(key, updated);
        }
    }

    /// From `pkg/controller/namespace/deletion/status_condition_utils.go`.
    fn namespace_conditions(&self, namespace: &Value, left: &[Key]) -> Value {
        let mut finalizers: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        let mut resources: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for key in left {
            *resources.entry(key.resource.to_string()).or_default() += 1;
            let found = self.store.get(key).map(|object| object::finalizers(object)).unwrap_or_default();
            for finalizer in found {
                *finalizers.entry(finalizer).or_default() += 1;
            }
        }
        let listed = |counts: &std::collections::BTreeMap<String, usize>, word: &str| {
            let parts: Vec<String> =
                counts.iter().map(|(name, count)| format!("{name} {word} {count} resource instances")).collect();
            parts.join(", ")
        };
        let now = self.now().to_string();
        let known = at(namespace, &["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
        let condition = |kind: &str, status: bool, reason: &str, message: String| {
            let status = if status { "True" } else { "False" };
            let same =
                known.iter().find(|found| text_at(found, &["type"]) == kind && text_at(found, &["status"]) == status);
            let since = same.map_or(now.as_str(), |found| text_at(found, &["lastTransitionTime"]));
            json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since})
        };
        let content = format!("Some resources are remaining: {}", listed(&resources, "has"));
        let waiting = format!("Some content in the namespace has finalizers remaining: {}", listed(&finalizers, "in"));
        let has_finalizers = !finalizers.is_empty();
        json!([
            condition(
                "NamespaceDeletionDiscoveryFailure",
                false,
                "ResourcesDiscovered",
                "All resources successfully discovered".to_owned()
            ),
            condition(
                "NamespaceDeletionGroupVersionParsingFailure",
                false,
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed".to_owned()
            ),
            condition(
                "NamespaceDeletionContentFailure",
                false,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization".to_owned()
            ),
            condition("NamespaceContentRemaining", true, "SomeResourcesRemain", content),
            if has_finalizers {
                condition("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", waiting)
            } else {
                condition(
                    "NamespaceFinalizersRemaining",
                    false,
                    "ContentHasNoFinalizers",
                    "All content-preserving finalizers finished".to_owned(),
                )
            },
        ])
    }

    fn look_at_definition(&mut self, key: &Key, definition: &Value) {
        if !object::is_deleting(definition) {
            definitions::on_stored(self, definition);
            return;
        }
        let plural = text_at(definition, &["spec", "names", "plural"]);
        let id = crate::error::qualified(plural, text_at(definition, &["spec", "group"]));
        let objects: Vec<Key> = self
            .store
            .list(&id, None)
            .map(|((namespace, name), _)| Key {
                resource: id.as_str().into(),
                namespace: namespace.clone(),
                name: name.clone(),
            })
            .collect();
        for object in &objects {
            if self.is_spent() {
                return self.pending.add(key.clone());
            }
            let deleting = self.store.get(object).is_some_and(|object| object::is_deleting(object));
            if !deleting {
                self.delete_key(object, Some(Propagation::Background));
            }
        }
        if self.store.list(&id, None).next().is_none() {
            self.release(key, definitions::CLEANUP);
        } else {
            self.say_terminating(key, definition);
        }
    }

    /// Says of a definition that its objects are being deleted.
    fn say_terminating(&mut self, key: &Key, definition: &Value) {
        let known = at(definition, &["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
        if known.iter().any(|condition| text_at(condition, &["type"]) == "Terminating") {
            return;
        }
        let condition = json!({
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
            "message": "CustomResource deletion is in progress", "lastTransitionTime": self.now().to_string(),
        });
        let conditions: Vec<Value> = known.into_iter().chain([condition]).collect();
        let mut terminating = definition.clone();
        set_at(&mut terminating, &["status", "conditions"], json!(conditions));
        self.store.put(key.clone(), terminating);
    }

    /// Whether one of these claims or volumes has a class of volume attributes, or is to get it.
    fn names_class(&self, resource: &str, class: &str) -> bool {
        const PLACES: [&[&str]; 3] = [
            &["spec", "volumeAttributesClassName"],
            &["status", "currentVolumeAttributesClassName"],
            &["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"],
        ];
        self.store.list(resource, None).any(|(_, object)| PLACES.iter().any(|place| text_at(object, place) == class))
    }

    /// What somebody took the protection from gets it back.
    fn protect(&mut self, key: &Key, object: &Value) {
        let finalizer = match &*key.resource {
            "persistentvolumeclaims" => "kubernetes.io/pvc-protection",
            "persistentvolumes" => "kubernetes.io/pv-protection",
            _ => "kubernetes.io/vac-protection",
        };
        let mut protected = object.clone();
        object::add_finalizer(&mut protected, finalizer);
        if protected != *object {
            self.put_or_remove(key, protected);
        }
    }

    fn look_at_storage(&mut self, key: &Key, object: &Value) {
        if !object::is_deleting(object) {
            return self.protect(key, object);
        }
        if &*key.resource == "persistentvolumeclaims" {
            let used = self.store.list("pods", Some(&key.namespace)).any(|(_, pod)| {
                let over = matches!(text_at(pod, &["status", "phase"]), "Succeeded" | "Failed");
                let scheduled = !text_at(pod, &["spec", "nodeName"]).is_empty();
                scheduled && !over && claims_of(pod).any(|claim| claim == key.name)
            });
            if !used {
                self.release(key, "kubernetes.io/pvc-protection");
            }
        } else if &*key.resource == ATTRIBUTES_CLASSES {
            let used = self.names_class("persistentvolumes", &key.name)
                || self.names_class("persistentvolumeclaims", &key.name);
            if !used {
                self.release(key, "kubernetes.io/vac-protection");
            }
        } else if text_at(object, &["status", "phase"]) != "Bound" {
            self.release(key, "kubernetes.io/pv-protection");
        }
    }
}

fn key_of(resource: &ResourceId, object: &Value) -> Key {
    Key {
        resource: Arc::clone(resource),
        namespace: object::namespace(object).to_owned(),
        name: object::name(object).to_owned(),
    }
}

struct Work {
    key: Key,
    kind: ChangeKind,
    previous: Option<Arc<Value>>,
}

/// The claims that a pod mounts.
fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    let volumes = at(pod, &["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten();
    volumes.filter_map(|volume| volume.get("persistentVolumeClaim")?.get("claimName")?.as_str())
}
