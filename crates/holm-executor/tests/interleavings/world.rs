//! A cluster in memory: objects with Kubernetes' own server-side apply, and an inventory that is kept by versions, as
//! `holm-cluster` keeps it. Every request is one step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holm_core::{ApiKind, Password, ResourceId, Sensitive};
use holm_executor::event::Failure;
use holm_executor::{Lost, Release, Removal, Seen, Write, Written};
use holm_planner::inventory::{Entry, Inventory, InventoryPlace, PART_OF_LABEL, Phase};
use holm_planner::observe::{self, DryRun, Live, Observed};
use holm_planner::plan::{Change, Plan, plan, survey};
use holm_structured_merge::{FieldTracker, GroupVersionKind, SingleVersion, Timestamp};
use serde_json::{Value, json};

use crate::run::Wish;

pub(crate) fn place() -> InventoryPlace {
    InventoryPlace::of("test", "default", Some("n"))
}

/// The cluster.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) objects: BTreeMap<ResourceId, Value>,
    pub(crate) stored: Option<Stored>,
    version: u64,
    made: u64,
    /// Milliseconds.
    pub(crate) now: u64,
    /// Every change of an object, in order, for watches.
    pub(crate) log: Vec<(u64, ResourceId, Value, bool)>,
    /// The uids of what runs of the stack made.
    pub(crate) ours: BTreeSet<String>,
    /// The objects that another client made or deleted.
    pub(crate) meddled: BTreeSet<ResourceId>,
    /// What happened, where that is wanted.
    pub(crate) trace: Option<Vec<String>>,
    /// What is wrong already.
    pub(crate) violations: Vec<String>,
}

/// The inventory as it is stored.
#[derive(Clone)]
pub(crate) struct Stored {
    uid: u64,
    version: u64,
    pub(crate) inventory: Inventory,
}

/// What a run knows of the inventory.
pub(crate) type Known = Option<Stored>;

/// A failure with these words.
pub(crate) fn broken(message: &str) -> Box<Failure> {
    Box::new(Failure { message: message.to_owned(), sources: Vec::new(), cause: None, hint: None })
}

impl World {
    /// Returns a cluster with nothing but the namespace, at this time in milliseconds.
    pub(crate) fn at(now: u64) -> Self {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "uid": "namespace"}});
        let objects = BTreeMap::from([(ResourceId::new("", "Namespace", None, "n"), namespace)]);
        Self { now, objects, ..Self::default() }
    }

    /// Writes down what happened.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now} {}", text()));
        }
    }

    pub(crate) fn inventory(&self) -> Inventory {
        self.stored.as_ref().map(|stored| stored.inventory.clone()).unwrap_or_default()
    }

    pub(crate) fn live(&self, id: &ResourceId) -> Live {
        self.objects.get(id).map_or(Live::Absent, Live::found)
    }

    /// A request that writes the object of a change.
    pub(crate) fn write(&mut self, change: &Change, write: &Write) -> Result<Written, Box<Failure>> {
        let body: Value = serde_json::from_slice(&write.body).unwrap();
        let id = &change.id;
        let live = self.objects.get(id).cloned();
        if let Some(wanted) = body["metadata"]["uid"].as_str()
            && live.as_ref().is_none_or(|live| live["metadata"]["uid"] != json!(wanted))
        {
            return Err(broken("uid mismatch"));
        }
        if change.is_exclusive && live.is_some() {
            return Err(broken("exists already"));
        }
        let Some(mut object) = self.applied(id, &body) else { return Err(broken("conflict")) };
        if let (Some(live), "Secret") = (&live, id.kind.as_str())
            && live["data"] != object["data"]
        {
            self.violations.push("a password was overwritten".to_owned());
        }
        let was_there = live.is_some() && write.creates;
        if live.is_none() {
            self.made += 1;
            let uid = format!("uid-{}", self.made);
            self.ours.insert(uid.clone());
            object["metadata"]["uid"] = json!(uid);
        }
        if id.kind == "Deployment" {
            let generation = live.as_ref().and_then(|live| live["metadata"]["generation"].as_u64()).unwrap_or(0);
            let is_changed = live.as_ref().is_none_or(|live| live["spec"] != object["spec"]);
            object["metadata"]["generation"] = json!(generation + u64::from(is_changed));
        }
        if live.as_ref().is_none_or(|live| without_version(live) != without_version(&object)) {
            self.store(id, object);
        }
        Ok(Written { object: self.objects[id].clone(), was_there })
    }

    /// The object as it would be after our apply; none where another manager is in conflict.
    fn applied(&self, id: &ResourceId, body: &Value) -> Option<Value> {
        let empty = json!({"apiVersion": body["apiVersion"], "kind": body["kind"]});
        let live = self.objects.get(id).unwrap_or(&empty);
        let seconds = Timestamp(i64::try_from(self.now / 1000).unwrap());
        tracker(&empty).apply(live, body, &place().field_manager, false, seconds).ok()
    }

    /// The plan of a run that has read this inventory and reads the objects now.
    pub(crate) fn plan(&self, wish: Wish, inventory: Inventory, number: usize) -> Plan {
        let graph = wish.graph();
        let mut observed = Observed { inventory, ..Observed::default() };
        for id in observe::targets(graph, &observed.inventory).into_keys() {
            let live = self.live(&id);
            observed.live.insert(id, live);
        }
        let options = wish.options();
        let mut fresh = |_: &Password| Sensitive::new(format!("made-{number}"));
        observed.generated =
            observe::generated(graph, &observed.inventory, &observed.live, &options.regenerate, &mut fresh);
        let surveyed = survey(graph, &observed, &place(), &options);
        for question in surveyed.questions {
            let answer = match self.applied(&question.id, &question.object.open()) {
                Some(object) => DryRun::Accepted { object: object.into(), overruled: Vec::new() },
                None => DryRun::Conflicts(Vec::new()),
            };
            observed.dry_runs.insert(question.id, answer);
        }
        (observed.proven, observed.wanted) = (surveyed.proven, surveyed.wanted);
        plan(graph, &observed, &place(), &options)
    }

    /// What is not as a run wanted it.
    pub(crate) fn untrue(&self, wish: Wish) -> Vec<String> {
        let graph = wish.graph();
        let mut untrue = Vec::new();
        for resource in graph.resources() {
            let live = self.objects.get(&resource.id);
            let is_as_declared = live.is_some_and(|live| {
                let parts = ["/data/value", "/spec/template/spec/containers/0/image"];
                parts
                    .iter()
                    .all(|part| resource.object.pointer(part).is_none_or(|value| live.pointer(part) == Some(value)))
            });
            if !is_as_declared && !self.meddled.contains(&resource.id) {
                untrue.push(format!("{} is not as declared", resource.id));
            }
        }
        for id in self.marked() {
            if graph.get(&id).is_none() && !self.meddled.contains(&id) {
                untrue.push(format!("{id} is still there"));
            }
        }
        untrue
    }

    /// A request that deletes the object of a change, after a look whether it is the one that is meant.
    pub(crate) fn remove(&mut self, change: &Change) -> Removal {
        let Some(live) = self.objects.get(&change.id).cloned() else { return Removal::Gone };
        let uid = live["metadata"]["uid"].as_str().unwrap().to_owned();
        let is_marked = live["metadata"]["labels"][PART_OF_LABEL] == json!(place().set_id);
        if change.uid.as_deref() != Some(uid.as_str()) || (change.must_be_marked && !is_marked) {
            return Removal::NotOurs;
        }
        if !self.ours.contains(&uid) {
            self.violations.push(format!("{} of others was deleted", change.id));
        }
        if change.id.kind == "Deployment" {
            // It goes after its pods.
            let mut object = live;
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            object["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
            self.store(&change.id, object.clone());
            return Removal::Pending(self.objects[&change.id].clone());
        }
        self.take_away(&change.id);
        Removal::Gone
    }

    /// A request that releases the object of a change.
    pub(crate) fn release(&mut self, change: &Change) -> Release {
        let Some(mut live) = self.objects.get(&change.id).cloned() else { return Release::Done };
        let Some(planned) = &change.uid else { return Release::Appeared };
        if live["metadata"]["uid"] != json!(planned) || live["metadata"].get("deletionTimestamp").is_some() {
            return Release::Done;
        }
        if let Some(labels) = live["metadata"]["labels"].as_object_mut() {
            labels.remove(PART_OF_LABEL);
        }
        if let Some(entries) = live["metadata"]["managedFields"].as_array_mut() {
            entries.retain(|entry| entry["manager"] != json!(place().field_manager));
        }
        self.store(&change.id, live);
        Release::Done
    }

    /// What controllers do to an object: a Deployment becomes ready, or goes at last.
    pub(crate) fn reconcile(&mut self, id: &ResourceId) {
        let Some(mut object) = self.objects.get(id).cloned() else { return };
        if object["metadata"].get("deletionTimestamp").is_some() {
            return self.take_away(id);
        }
        let generation = object["metadata"]["generation"].clone();
        if id.kind != "Deployment" || object["status"]["observedGeneration"] == generation {
            return;
        }
        object["status"] = json!({
            "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}],
        });
        self.store(id, object);
    }

    /// What another client does: it makes an object, or deletes one.
    pub(crate) fn meddle(&mut self, id: &ResourceId, kind: &ApiKind) {
        self.note(|| format!("another client makes or deletes {id}"));
        self.meddled.insert(id.clone());
        if self.objects.contains_key(id) {
            return self.take_away(id);
        }
        let empty = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
        let mut object = empty.clone();
        object["metadata"] = json!({"name": id.name, "namespace": "n"});
        object["data"] = json!({"theirs": "x"});
        let made = tracker(&empty).update(&empty, object, "kubectl-create", Timestamp(0));
        let Ok(mut object) = made else { return };
        self.made += 1;
        object["metadata"]["uid"] = json!(format!("foreign-{}", self.made));
        self.store(id, object);
    }

    fn store(&mut self, id: &ResourceId, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.log.push((self.version, id.clone(), object.clone(), false));
        self.objects.insert(id.clone(), object);
    }

    fn take_away(&mut self, id: &ResourceId) {
        self.version += 1;
        if let Some(mut object) = self.objects.remove(id) {
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.log.push((self.version, id.clone(), object, true));
        }
    }

    /// The next event after a version of a watch for these objects, and the version that it brings the watch to.
    pub(crate) fn next_event(&self, after: u64, kind: &str) -> Option<(u64, Seen)> {
        let found = self.log.iter().find(|(version, id, ..)| *version > after && id.kind == kind)?;
        let (version, _, object, is_gone) = found.clone();
        Some((version, if is_gone { Seen::Deleted(object) } else { Seen::Changed(object) }))
    }

    pub(crate) fn write_inventory(&mut self, known: &mut Known, inventory: &Inventory) -> Result<(), Lost> {
        self.follow(known)?;
        self.version += 1;
        let uid = known.as_ref().map_or(self.version, |known| known.uid);
        *known = Some(Stored { uid, version: self.version, inventory: inventory.clone() });
        self.stored.clone_from(known);
        Ok(())
    }

    pub(crate) fn check_inventory(&mut self, known: &mut Known) -> Result<(), Lost> {
        self.follow(known)
    }

    pub(crate) fn delete_inventory(&mut self, known: &mut Known) -> Result<(), Lost> {
        if known.is_none() {
            return Ok(());
        }
        if self.stored.is_some() {
            self.follow(known)?;
        }
        self.stored = None;
        Ok(())
    }

    /// Makes sure that what is stored is what a run knows; an equal epoch with another content is an addition.
    fn follow(&self, known: &mut Known) -> Result<(), Lost> {
        match (&self.stored, &mut *known) {
            (None, None) => Ok(()),
            (Some(stored), Some(known)) if stored.uid == known.uid => {
                if stored.version == known.version {
                    return Ok(());
                }
                let is_same_epoch = stored.inventory.epoch == known.inventory.epoch;
                if !is_same_epoch {
                    return Err(Lost::Moved);
                }
                *known = stored.clone();
                Err(Lost::Added(Box::new(stored.inventory.clone())))
            }
            _ => Err(Lost::Moved),
        }
    }

    /// Adds rows of a run that lost the inventory to whatever there is now.
    pub(crate) fn add_rows(&mut self, rows: &BTreeMap<ResourceId, Entry>, epoch: u64) {
        let mut inventory = match &self.stored {
            Some(stored) => stored.inventory.clone(),
            None => Inventory { phase: Phase::Intended, epoch: epoch + 1, ..Inventory::default() },
        };
        let mut is_changed = false;
        for (id, entry) in rows {
            match inventory.entries.get_mut(id) {
                None => {
                    inventory.entries.insert(id.clone(), entry.clone());
                    is_changed = true;
                }
                Some(known) if known.uid.is_none() || known.uid == entry.uid => {}
                Some(known) => {
                    (known.uid, known.digest) = (None, String::new());
                    is_changed = true;
                }
            }
        }
        if is_changed {
            self.version += 1;
            let uid = self.stored.as_ref().map_or(self.version, |stored| stored.uid);
            self.stored = Some(Stored { uid, version: self.version, inventory });
        }
    }

    /// The objects that carry the stack's label.
    pub(crate) fn marked(&self) -> BTreeSet<ResourceId> {
        let is_marked = |live: &Value| live["metadata"]["labels"][PART_OF_LABEL] == json!(place().set_id);
        self.objects.iter().filter(|(_, live)| is_marked(live)).map(|(id, _)| id.clone()).collect()
    }
}

fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        // A write that changes nothing leaves its time as it was.
        for entry in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            entry["time"] = Value::Null;
        }
    }
    object
}

fn tracker(object: &Value) -> FieldTracker {
    let kind = GroupVersionKind::of(object);
    let object_type = holm_schema::built_in().unwrap().object_type(&kind).unwrap();
    let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
    FieldTracker::new(kind, Arc::new(versions))
}
