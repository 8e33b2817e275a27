//! A server in memory: objects with managed fields, the defaults and spellings of the real one that matter to a plan, and an
//! inventory. It answers dry-runs and carries plans out, up to a kill.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::{Graph, Password, ResourceId, Sensitive, Strength};
use holm_planner::inventory::{Inventory, InventoryPlace, PART_OF_LABEL, Phase};
use holm_planner::observe::{self, DryRun, FieldConflict, Live, Observed, Refusal, RefusalCause};
use holm_planner::plan::{self, Action, Change, Plan, PlanOptions, Question, may_overrule, survey};
use holm_planner::schedule::Schedule;
use holm_structured_merge::{FieldTracker, GroupVersionKind, SingleVersion, Timestamp, TrackError};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::stacks::Meddling;

/// The server.
#[derive(Default)]
pub(crate) struct Server {
    objects: BTreeMap<ResourceId, Value>,
    inventory: Inventory,
    made: u64,
    passwords: u64,
    /// How many dry-runs the last plan needed.
    pub(crate) asked: usize,
}

fn place() -> InventoryPlace {
    InventoryPlace::of("test", "default", Some("n"))
}

impl Server {
    /// Observes, asks and plans, as the cluster crate does.
    pub(crate) fn plan(&mut self, graph: &Graph, options: &PlanOptions) -> Plan {
        let mut observed = Observed { inventory: self.inventory.clone(), ..Observed::default() };
        for id in observe::targets(graph, &self.inventory).into_keys() {
            let live = self.objects.get(&id).map_or(Live::Absent, Live::found);
            observed.live.insert(id, live);
        }
        let mut fresh = |_: &Password| {
            self.passwords += 1;
            Sensitive::new(format!("password-{}", self.passwords))
        };
        observed.generated =
            observe::generated(graph, &self.inventory, &observed.live, &options.regenerate, &mut fresh);
        let surveyed = survey(graph, &observed, &place(), options);
        self.asked = surveyed.questions.len();
        for question in surveyed.questions {
            let answer = self.answer(&question);
            observed.dry_runs.insert(question.id, answer);
        }
        (observed.proven, observed.wanted) = (surveyed.proven, surveyed.wanted);
        plan::plan(graph, &observed, &place(), options)
    }

    /// Carries a plan out, but is killed after `steps` writes and deletes; a killed run records nothing.
    pub(crate) fn apply(&mut self, plan: &Plan, steps: usize) {
        let mut left = steps;
        let mut record = plan.intent.clone();
        if plan.has_changes() {
            self.inventory = plan.intent.clone();
        }
        let mut writes = Schedule::writes(plan);
        while let Some(id) = writes.next() {
            let change = plan.get(&id).unwrap();
            if change.action.is_write() {
                if left == 0 {
                    return;
                }
                left -= 1;
                self.write(change);
            }
            let mut entry = change.entry.clone().unwrap();
            entry.uid = self.objects[&id]["metadata"]["uid"].as_str().map(str::to_owned);
            record.entries.insert(id.clone(), entry);
            writes.reached(&id, Strength::Ready);
        }
        assert!(writes.is_done(), "every write had its turn");
        let mut deletes = Schedule::deletes(plan);
        while let Some(id) = deletes.next() {
            if left == 0 {
                return;
            }
            left -= 1;
            let change = plan.get(&id).unwrap();
            if change.action == Action::Delete {
                self.objects.remove(&id);
            } else if let Some(object) = self.objects.get_mut(&id).filter(|_| change.uid.is_some()) {
                release(object);
            }
            record.entries.remove(&id);
            deletes.reached(&id, Strength::Ready);
        }
        assert!(deletes.is_done(), "every delete had its turn");
        record.phase = Phase::Recorded;
        self.inventory = record;
    }

    /// Does to an object what somebody else would.
    pub(crate) fn meddle(&mut self, meddling: &Meddling) {
        let (Meddling::Label(number) | Meddling::Edit(number, _) | Meddling::Delete(number)) = meddling;
        let ids: Vec<ResourceId> =
            self.objects.keys().filter(|id| id.kind != "Namespace" && id.kind != "Secret").cloned().collect();
        let Some(id) = (!ids.is_empty()).then(|| ids[number % ids.len()].clone()) else { return };
        let live = self.objects[&id].clone();
        match meddling {
            Meddling::Label(_) => {
                let mut new = live.clone();
                new["metadata"]["labels"]["theirs"] = json!("x");
                self.store(&id, update(&live, new, "controller"));
            }
            Meddling::Edit(_, field) => {
                let mut new = live.clone();
                let mut scalars = Vec::new();
                collect_scalars(&mut new, &mut scalars, "");
                if scalars.is_empty() {
                    return;
                }
                let position = field % scalars.len();
                let scalar = &mut *scalars[position];
                *scalar = match scalar {
                    Value::Number(_) => json!(9),
                    _ => json!("meddled"),
                };
                self.store(&id, update(&live, new, "kubectl-edit"));
            }
            Meddling::Delete(_) => {
                self.objects.remove(&id);
            }
        }
    }

    /// Adds what another client made under the names of declared objects, and returns which.
    pub(crate) fn add_strangers(&mut self, strangers: &[Value]) -> BTreeMap<ResourceId, Value> {
        let mut added = BTreeMap::new();
        for (number, object) in strangers.iter().enumerate() {
            let text = |field: &str| object[field].as_str().unwrap().to_owned();
            let group = text("apiVersion").split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap();
            let id = ResourceId::new(&group, &text("kind"), Some("n"), name);
            let empty = json!({"apiVersion": object["apiVersion"], "kind": object["kind"]});
            let mut stored = update(&empty, object.clone(), "kubectl-create");
            stored["metadata"]["uid"] = json!(format!("stranger-{number}"));
            respell(&mut stored);
            self.objects.insert(id.clone(), stored.clone());
            added.insert(id, stored);
        }
        added
    }

    /// The object as it is now.
    pub(crate) fn object(&self, id: &ResourceId) -> Option<&Value> {
        self.objects.get(id)
    }

    /// Adds an object of somebody else.
    pub(crate) fn add_foreign(&mut self, name: &str) {
        let id = ResourceId::new("", "ConfigMap", Some("elsewhere"), name);
        self.objects
            .insert(id, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "uid": "foreign"}}));
    }

    /// The objects that carry our label.
    pub(crate) fn ours(&self) -> BTreeSet<ResourceId> {
        let has_label = |live: &Value| live["metadata"]["labels"][PART_OF_LABEL] == json!(place().set_id);
        self.objects.iter().filter(|(_, live)| has_label(live)).map(|(id, _)| id.clone()).collect()
    }

    /// The objects that the inventory names.
    pub(crate) fn recorded(&self) -> BTreeSet<ResourceId> {
        self.inventory.entries.keys().cloned().collect()
    }

    /// The objects with a label of others.
    pub(crate) fn foreign_labels(&self) -> BTreeSet<ResourceId> {
        self.objects
            .iter()
            .filter(|(_, live)| live["metadata"]["labels"]["theirs"] == json!("x"))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// How many objects there are.
    pub(crate) fn count(&self) -> usize {
        self.objects.len()
    }

    /// The password as the Secret has it.
    pub(crate) fn password(&self) -> Value {
        self.objects[&ResourceId::new("", "Secret", Some("n"), "s")]["data"]["password"].clone()
    }

    fn answer(&self, question: &Question) -> DryRun {
        let empty = json!({"apiVersion": question.kind.api_version(), "kind": question.kind.kind});
        let live = self.objects.get(&question.id).unwrap_or(&empty);
        let object = &question.object.open();
        if let Some(refusal) = immutable(live, object) {
            return DryRun::Refused(refusal);
        }
        match apply(live, object, false) {
            Ok(object) => DryRun::Accepted { object: object.into(), overruled: Vec::new() },
            Err(conflicts) if may_overrule(question.policy, &conflicts) => {
                let object = apply(live, object, true).unwrap();
                DryRun::Accepted { object: object.into(), overruled: conflicts }
            }
            Err(conflicts) => DryRun::Conflicts(conflicts),
        }
    }

    fn write(&mut self, change: &Change) {
        if change.action == Action::Replace {
            self.objects.remove(&change.id);
        }
        let object = change.desired.as_ref().unwrap().open();
        let empty = json!({"apiVersion": change.kind.api_version(), "kind": change.kind.kind});
        let live = self.objects.get(&change.id).unwrap_or(&empty);
        let stored = apply(live, &object, !change.overruled.is_empty()).unwrap();
        self.store(&change.id, stored);
    }

    fn store(&mut self, id: &ResourceId, mut object: Value) {
        if object["metadata"]["uid"].is_null() {
            self.made += 1;
            object["metadata"]["uid"] = json!(format!("uid-{}", self.made));
        }
        self.objects.insert(id.clone(), object);
    }
}

/// Takes the stack's marks off an object and leaves its values.
fn release(object: &mut Value) {
    if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
        labels.remove(PART_OF_LABEL);
    }
    if let Some(entries) = object["metadata"]["managedFields"].as_array_mut() {
        entries.retain(|entry| entry["manager"] != json!(place().field_manager));
    }
}

/// Refuses what cannot change in place, as the real server does.
fn immutable(live: &Value, object: &Value) -> Option<Refusal> {
    let cause = |field: &str, message: &str| RefusalCause {
        reason: "FieldValueInvalid".to_owned(),
        field: field.to_owned(),
        message: message.to_owned(),
    };
    let selector = |object: &Value| object["spec"]["selector"].clone();
    let cause = if live["kind"] == json!("Deployment") && !live["spec"].is_null() && selector(live) != selector(object)
    {
        cause("spec.selector", "field is immutable")
    } else if live["immutable"] == json!(true) && live["data"] != object["data"] {
        cause("data", "field is immutable when `immutable` is set")
    } else {
        return None;
    };
    Some(Refusal { code: 422, reason: "Invalid".to_owned(), message: "is invalid".to_owned(), causes: vec![cause] })
}

fn tracker(object: &Value) -> FieldTracker {
    let kind = GroupVersionKind::of(object);
    let object_type = holm_schema::built_in().unwrap().object_type(&kind).unwrap();
    let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
    FieldTracker::new(kind, Arc::new(versions))
}

fn apply(live: &Value, object: &Value, force: bool) -> Result<Value, Vec<FieldConflict>> {
    match tracker(object).apply(live, object, &place().field_manager, force, Timestamp(0)) {
        Ok(mut stored) => {
            respell(&mut stored);
            Ok(stored)
        }
        Err(TrackError::Conflicts(conflicts)) => Err(conflicts
            .causes()
            .iter()
            .map(|cause| FieldConflict { field: cause.field.clone(), manager: manager_in(&cause.message) })
            .collect()),
        Err(error) => unreachable!("the objects of these tests are valid: {error}"),
    }
}

/// The manager's name between the quotes of `conflict with "kubectl-edit" using v1`.
fn manager_in(message: &str) -> String {
    message.split('"').nth(1).unwrap_or_default().to_owned()
}

fn update(live: &Value, new: Value, manager: &str) -> Value {
    tracker(live).update(live, new, manager, Timestamp(1)).unwrap()
}

/// What the real server does to an object after the merge: quantities in one spelling, empty values left out, defaults.
fn respell(object: &mut Value) {
    if object["kind"] == json!("Service") {
        for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
            default(port, "protocol", json!("TCP"));
            let number = port["port"].clone();
            default(port, "targetPort", number);
        }
    }
    if object["kind"] != json!("Deployment") {
        return;
    }
    default(&mut object["spec"], "replicas", json!(1));
    let pod = &mut object["spec"]["template"]["spec"];
    for toleration in pod["tolerations"].as_array_mut().into_iter().flatten() {
        default(toleration, "operator", json!("Equal"));
    }
    for container in pod["containers"].as_array_mut().into_iter().flatten() {
        default(container, "imagePullPolicy", json!("IfNotPresent"));
        default(container, "resources", json!({}));
        for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            default(port, "protocol", json!("TCP"));
        }
        if container["resources"]["requests"]["cpu"] == json!("1000m") {
            container["resources"]["requests"]["cpu"] = json!("1");
        } else if container["resources"]["requests"]["cpu"] == json!("0.5") {
            container["resources"]["requests"]["cpu"] = json!("500m");
        }
        let fields = container.as_object_mut().unwrap();
        fields.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    }
    prune_nulls(object);
}

fn default(object: &mut Value, field: &str, value: Value) {
    if object.get(field).is_none_or(Value::is_null) && object.is_object() {
        object[field] = value;
    }
}

/// Indexing for a write makes nulls on the way; the server stores none.
fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune_nulls);
            let is_hollow = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            if fields.get("requests").is_some_and(is_hollow) {
                fields.remove("requests");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

/// The scalars that somebody may edit without breaking the object: no keys of lists, no selectors, no identity.
fn collect_scalars<'a>(value: &'a mut Value, scalars: &mut Vec<&'a mut Value>, name: &str) {
    const LEFT_ALONE: [&str; 11] = [
        "metadata",
        "selector",
        "name",
        "containerPort",
        "protocol",
        "port",
        "apiVersion",
        "kind",
        "labels",
        "cpu",
        "targetPort",
    ];
    if LEFT_ALONE.contains(&name) {
        return;
    }
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| collect_scalars(value, scalars, name)),
        Value::Array(items) => items.iter_mut().for_each(|item| collect_scalars(item, scalars, "")),
        scalar => scalars.push(scalar),
    }
}
