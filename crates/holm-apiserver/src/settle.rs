//! What follows from a write: garbage, the end of namespaces, finalizers of storage, custom resources, the use of quotas.
//!
//! A real cluster does this in controllers, some time later; here it happens in the same step, so that a test need not wait.
//! The rules are those of `k8s.io/kubernetes`, `pkg/controller/{garbagecollector,namespace,volume/pvcprotection,volume/pvprotection,volume/vacprotection,resourcequota}`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::authorize::{self, CLUSTER_ROLES};
use crate::bootstrap;
use crate::custom;
use crate::object::{self, at, set_at, text_at};
use crate::options::Propagation;
use crate::state::State;
use crate::store::{ChangeKind, Key};
use crate::write::delete::{FOREGROUND, ORPHAN};

/// Classes of volume attributes, which stay while a claim or a volume names them.
const ATTRIBUTES_CLASSES: &str = "volumeattributesclasses.storage.k8s.io";

/// Definitions of custom resources, as the store knows them.
const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

impl State {
    /// Does all that follows from the writes since the last time.
    pub fn settle(&mut self) {
        loop {
            let Some(changes) = self.store.log().since(self.settled) else {
                // More was written in one step than the log holds: look at everything.
                self.settled = self.store.revision();
                let keys: Vec<Key> = self.all_keys();
                keys.iter().for_each(|key| self.look_at(key));
                let namespaces: BTreeSet<String> = keys.into_iter().map(|key| key.namespace).collect();
                namespaces.iter().for_each(|namespace| self.count_quotas(namespace));
                continue;
            };
            let mut work: VecDeque<Work> = VecDeque::new();
            for change in changes {
                let previous = change.previous.clone();
                work.push_back(Work { key: change.key.clone(), kind: change.kind, previous });
            }
            self.settled = self.store.revision();
            if work.is_empty() {
                return;
            }
            let mut namespaces = BTreeSet::new();
            let mut waiting = BTreeSet::new();
            for work in work {
                self.follow(&work, &mut waiting);
                namespaces.insert(work.key.namespace);
            }
            waiting.iter().for_each(|key| self.look_at(key));
            namespaces
                .iter()
                .filter(|namespace| !namespace.is_empty())
                .for_each(|namespace| self.count_quotas(namespace));
        }
    }

    fn all_keys(&self) -> Vec<Key> {
        let keys = self.store.all().map(|(resource, object)| Key {
            resource: Arc::clone(resource),
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
        });
        keys.collect()
    }

    /// Does what follows from one change. What is `waiting` for the end of many objects, and so looks at all of them, is looked at
    /// once for all changes: an owner, a namespace, a definition.
    fn follow(&mut self, work: &Work, waiting: &mut BTreeSet<Key>) {
        self.look_at(&work.key);
        let previous = work.previous.clone();
        let Some(previous) = previous.filter(|_| work.kind != ChangeKind::Added) else { return };
        if work.kind == ChangeKind::Deleted {
            if let Some(uid) = object::uid(&previous) {
                for dependent in self.store.dependents(uid) {
                    self.look_at(&dependent);
                }
            }
            self.after_deletion(&work.key, &previous, waiting);
        }
        // An owner may wait for this object.
        waiting.extend(object::owner_uids(&previous).filter_map(|owner| self.store.key_of(owner)).cloned());
    }

    fn after_deletion(&mut self, key: &Key, previous: &Value, waiting: &mut BTreeSet<Key>) {
        match &*key.resource {
            DEFINITIONS => {
                let plural = text_at(previous, &["spec", "names", "plural"]);
                let id = crate::error::qualified(plural, text_at(previous, &["spec", "group"]));
                self.registry.remove(&id);
            }
            "pods" => {
                let claims: Vec<String> = claims_of(previous).map(str::to_owned).collect();
                for name in claims {
                    let resource = "persistentvolumeclaims".into();
                    self.look_at(&Key { resource, namespace: key.namespace.clone(), name });
                }
            }
            CLUSTER_ROLES => authorize::aggregate::run(self),
            "persistentvolumeclaims" => {
                let resource = "persistentvolumes".into();
                let name = text_at(previous, &["spec", "volumeName"]).to_owned();
                self.look_at(&Key { resource, namespace: String::new(), name });
            }
            _ => {}
        }
        if matches!(&*key.resource, "persistentvolumeclaims" | "persistentvolumes") {
            let classes = self.store.list(ATTRIBUTES_CLASSES, None).filter(|(_, class)| object::is_deleting(class));
            let names: Vec<String> = classes.map(|(_, class)| object::name(class).to_owned()).collect();
            for name in names {
                self.look_at(&Key { resource: ATTRIBUTES_CLASSES.into(), namespace: String::new(), name });
            }
        }
        if !key.namespace.is_empty() {
            let name = key.namespace.clone();
            // The last object of a namespace that is going may have been this one.
            waiting.insert(Key { resource: "namespaces".into(), namespace: String::new(), name });
        }
        waiting.extend(self.definition_of(&key.resource));
    }

    fn definition_of(&self, resource: &str) -> Option<Key> {
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
                self.orphan_dependents(&object);
                self.release(key, ORPHAN);
            }
            if finalizers.iter().any(|found| found == FOREGROUND) {
                self.delete_dependents(&object);
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

    fn orphan_dependents(&mut self, owner: &Value) {
        let uid = object::uid(owner).unwrap_or_default().to_owned();
        for key in self.dependents_of(owner) {
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
    }

    fn delete_dependents(&mut self, owner: &Value) {
        for key in self.dependents_of(owner) {
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
            custom::on_stored(self, definition);
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
            let deleting = self.store.get(object).is_some_and(|object| object::is_deleting(object));
            if !deleting {
                self.delete_key(object, Some(Propagation::Background));
            }
        }
        if self.store.list(&id, None).next().is_none() {
            self.release(key, custom::CLEANUP);
        }
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
