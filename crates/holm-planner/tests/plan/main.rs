//! What a plan says, case by case: a declaration, what the cluster holds, and the decision.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod externals;
mod filled;
mod generated;
mod ownership;
mod serving;

use std::collections::BTreeSet;

use holm_core::{FieldPath, Graph, Input, Manifest, Password, ResourceId, ResourceOptions as _, Sensitive, Stack};
use holm_planner::inventory::{Entry, Inventory, InventoryPlace, PART_OF_LABEL};
use holm_planner::observe::{DryRun, FieldConflict, GeneratedState, Live, Observed, Refusal, RefusalCause};
use holm_planner::ownership::SetParent;
use holm_planner::plan::{Action, Adoption, BlockerKind, Plan, PlanOptions, Reason, Shown, plan, survey};
use serde_json::{Map, Value, json};

fn place() -> InventoryPlace {
    InventoryPlace::of("test", "default", Some("n"))
}

fn stack() -> Stack {
    let stack = Stack::new("test", "default", None);
    stack.in_namespace("n");
    stack
}

fn config_map(name: &str, value: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}}))
}

fn claim(class: &str) -> Manifest {
    Manifest::new(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}},
    }))
}

/// The field set of an apply in which every list is atomic.
fn field_set(value: &Value) -> Value {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            Value::Object(fields.iter().map(|(name, value)| (format!("f:{name}"), field_set(value))).collect())
        }
        _ => Value::Object(Map::new()),
    }
}

/// The object as the server keeps it after an apply by `manager`.
fn applied(object: &Value, manager: &str, uid: &str) -> Value {
    let mut fields = object.clone();
    for path in ["apiVersion", "kind", "metadata.name", "metadata.namespace"] {
        path.parse::<FieldPath>().unwrap().remove(&mut fields);
    }
    let mut live = object.clone();
    live["metadata"]["uid"] = json!(uid);
    live["metadata"]["managedFields"] = json!([
        {"manager": manager, "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": field_set(&fields)}
    ]);
    live
}

/// What a settled cluster holds after the stack was applied.
fn settled(graph: &Graph) -> Observed {
    let mut observed = Observed::default();
    for name in graph.generated().keys() {
        observed.generated.insert(name.clone(), GeneratedState::Found("made-before".into()));
    }
    for resource in graph.resources() {
        observed.live.insert(resource.id.clone(), Live::Absent);
    }
    let first = plan(graph, &observed, &place(), &PlanOptions { skip_create_checks: true, ..PlanOptions::default() });
    let mut inventory = Inventory { stored_in: first.intent.stored_in.clone(), ..Inventory::default() };
    for change in &first.changes {
        let uid = format!("uid-{}", change.id.name);
        let live = applied(&change.desired.as_ref().unwrap().open(), &place().field_manager, &uid);
        observed.live.insert(change.id.clone(), Live::found(&live));
        inventory.entries.insert(change.id.clone(), Entry { uid: Some(uid), ..change.entry.clone().unwrap() });
    }
    observed.inventory = inventory;
    observed
}

fn edit(observed: &mut Observed, id: &ResourceId, edit: impl FnOnce(&mut Value)) {
    let mut live = observed.object(id).unwrap();
    edit(&mut live);
    observed.live.insert(id.clone(), Live::found(&live));
}

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::new("", kind, Some("n"), name)
}

fn run(graph: &Graph, observed: &mut Observed, options: &PlanOptions) -> Plan {
    let surveyed = survey(graph, observed, &place(), options);
    (observed.proven, observed.wanted) = (surveyed.proven, surveyed.wanted);
    plan(graph, observed, &place(), options)
}

fn lines(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        text += &format!("{} {}: {:?}", change.action.symbol(), change.id, change.reason);
        if let Some(unchecked) = &change.unchecked {
            text += &format!(" (unchecked: {unchecked})");
        }
        text += "\n";
        for field in &change.fields {
            text += &format!("    {}: {:?} -> {:?}", field.path, field.before, field.after);
            if let Some(writer) = &field.drift {
                text += &format!(" by {:?}", writer.manager);
            }
            text += "\n";
        }
        for note in &change.notes {
            text += &format!("    note: {note}\n");
        }
    }
    for blocker in &plan.blockers {
        text += &format!("! {}: {}\n", blocker.id, blocker.kind);
    }
    text
}

#[test]
fn an_empty_cluster_gets_everything_in_dependency_order() {
    let stack = Stack::new("test", "default", None);
    stack.namespace("n");
    stack.add(config_map("a", "1"));
    let graph = stack.build().unwrap();
    let mut observed = Observed::default();
    for resource in graph.resources() {
        observed.live.insert(resource.id.clone(), Live::Absent);
    }
    let namespace = ResourceId::new("", "Namespace", None, "n");
    let asked = survey(&graph, &observed, &place(), &PlanOptions::default());
    assert_eq!(asked.questions.iter().map(|question| &question.id).collect::<Vec<_>>(), [&namespace]);
    let accepted = DryRun::Accepted { object: json!({}).into(), overruled: Vec::new() };
    observed.dry_runs.insert(namespace, accepted);
    insta::assert_snapshot!(lines(&run(&graph, &mut observed, &PlanOptions::default())), @r"
    + Namespace/n: NotInCluster
    + ConfigMap/n/a: NotInCluster (unchecked: namespace n is new in this plan)
    ");
}

#[test]
fn a_settled_stack_asks_nothing_and_changes_nothing() {
    let stack = stack();
    stack.add(config_map("a", "1"));
    stack.add(claim("fast"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    assert!(survey(&graph, &observed, &place(), &PlanOptions::default()).questions.is_empty());
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert!(!plan.has_changes(), "{}", lines(&plan));
    let thorough = PlanOptions { thorough: true, ..PlanOptions::default() };
    assert_eq!(survey(&graph, &observed, &place(), &thorough).questions.len(), 2);
}

#[test]
fn a_foreign_label_is_left_alone_and_asks_nothing() {
    let stack = stack();
    stack.add(config_map("a", "1"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    edit(&mut observed, &id("ConfigMap", "a"), |live| {
        live["metadata"]["labels"]["theirs"] = json!("x");
        live["metadata"]["managedFields"].as_array_mut().unwrap().push(json!(
            {"manager": "them", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}}
        ));
    });
    assert!(!run(&graph, &mut observed, &PlanOptions::default()).has_changes());
}

/// What `kubectl edit` leaves behind: the new value, ours no longer.
fn edited_by_kubectl(observed: &mut Observed, id: &ResourceId) {
    edit(observed, id, |live| {
        live["data"]["key"] = json!("edited");
        live["metadata"]["managedFields"][0]["fieldsV1"].as_object_mut().unwrap().remove("f:data");
        live["metadata"]["managedFields"].as_array_mut().unwrap().push(json!(
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:data": {"f:key": {}}}}
        ));
    });
}

#[test]
fn an_edit_in_the_cluster_is_drift_with_its_writer() {
    let stack = stack();
    let resource = stack.add(config_map("a", "1"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    let after = observed.object(resource.id()).unwrap();
    edited_by_kubectl(&mut observed, resource.id());
    let conflict = FieldConflict { field: ".data.key".into(), manager: "kubectl-edit".into() };
    observed
        .dry_runs
        .insert(resource.id().clone(), DryRun::Accepted { object: after.into(), overruled: vec![conflict] });
    insta::assert_snapshot!(lines(&run(&graph, &mut observed, &PlanOptions::default())), @r#"
    ~ ConfigMap/n/a: Drift
        data.key: Value(String("edited")) -> Value(String("1")) by "kubectl-edit"
    "#);
}

#[test]
fn a_conflict_with_a_controller_stands_in_the_way() {
    let stack = stack();
    let resource = stack.add(config_map("a", "1"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    edited_by_kubectl(&mut observed, resource.id());
    let conflict = FieldConflict { field: ".data.key".into(), manager: "some-controller".into() };
    observed.dry_runs.insert(resource.id().clone(), DryRun::Conflicts(vec![conflict]));
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    insta::assert_snapshot!(lines(&plan).lines().last().unwrap(), @r#"! ConfigMap/n/a: .data.key is owned by "some-controller" with another value"#);
}

#[test]
fn a_deleted_object_is_made_again() {
    let stack = stack();
    stack.add(config_map("gone", "1"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    observed.live.insert(id("ConfigMap", "gone"), Live::Absent);
    let options = PlanOptions { skip_create_checks: true, ..PlanOptions::default() };
    let plan = run(&graph, &mut observed, &options);
    assert_eq!(plan.changes[0].action, Action::Create);
    assert_eq!(format!("{:?}", plan.changes[0].reason), "DeletedFromCluster");
}

#[test]
fn a_job_that_its_time_to_live_removed_is_not_run_again() {
    let job = |ttl: Value| {
        Manifest::new(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "spec": {"ttlSecondsAfterFinished": ttl, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}},
        }))
    };
    let with = |ttl: Value, completed: bool| {
        let stack = stack();
        let reference = stack.add(job(ttl));
        let graph = stack.build().unwrap();
        let mut observed = settled(&graph);
        observed.live.insert(reference.id().clone(), Live::Absent);
        observed.inventory.entries.get_mut(reference.id()).unwrap().completed = completed;
        (graph, observed)
    };
    let decided = |(graph, mut observed): (Graph, Observed)| {
        run(&graph, &mut observed, &PlanOptions::default()).changes[0].action
    };
    assert_eq!(decided(with(json!(60), true)), Action::Unchanged);
    assert_eq!(decided(with(json!(60), false)), Action::Create, "it was deleted before it completed");
    assert_eq!(decided(with(Value::Null, true)), Action::Create, "it does not go by itself");
    let (_, observed) = with(json!(60), true);
    let changed = stack();
    changed.add(job(json!(61)));
    assert_eq!(decided((changed.build().unwrap(), observed)), Action::Create, "the declaration is another one");
}

fn immutable() -> DryRun {
    DryRun::Refused(Refusal {
        code: 422,
        reason: "Invalid".into(),
        message: "is invalid".into(),
        causes: vec![RefusalCause {
            reason: "FieldValueForbidden".into(),
            field: "spec".into(),
            message: "Forbidden: spec is immutable after creation except resources.requests".into(),
        }],
    })
}

#[test]
fn a_claim_is_replaced_only_with_consent() {
    let before = stack();
    before.add(claim("fast"));
    let mut observed = settled(&before.build().unwrap());
    let after = stack();
    let resource = after.add(claim("slow"));
    let graph = after.build().unwrap();
    observed.dry_runs.insert(resource.id().clone(), immutable());
    let refused = run(&graph, &mut observed, &PlanOptions::default());
    insta::assert_snapshot!(lines(&refused), @r#"
    -/+ PersistentVolumeClaim/n/data: Immutable([RefusalCause { reason: "FieldValueForbidden", field: "spec", message: "Forbidden: spec is immutable after creation except resources.requests" }]) (unchecked: the old object must go first)
        spec.storageClassName: Value(String("fast")) -> Value(String("slow"))
    ! PersistentVolumeClaim/n/data: the change needs a replacement, which would lose its data: spec: Forbidden: spec is immutable after creation except resources.requests
    "#);
    let allow_delete = BTreeSet::from(["PersistentVolumeClaim/data".to_owned()]);
    let consented = run(&graph, &mut observed, &PlanOptions { allow_delete, ..PlanOptions::default() });
    assert!(consented.blockers.is_empty());
    assert_eq!(consented.intent.entries[resource.id()].uid, None, "the label tells whose the new one is");
}

#[test]
fn a_replacement_that_was_interrupted_is_taken_up_and_another_deletion_stands_in_the_way() {
    let stack = stack();
    stack.add(config_map("m", "first"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    let m = id("ConfigMap", "m");
    edit(&mut observed, &m, |live| live["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"));
    let blocked = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!((blocked.blockers.len(), blocked.get(&m).unwrap().action), (1, Action::Unknown));
    observed.inventory.entries.get_mut(&m).unwrap().uid = None;
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    let change = plan.get(&m).unwrap();
    assert_eq!((plan.blockers.len(), change.action), (0, Action::Replace));
    assert_eq!(change.uid.as_deref(), Some("uid-m"), "only the object that is going is waited for");
    assert!(change.desired.is_some() && change.entry.as_ref().unwrap().uid.is_none());
}

#[test]
fn an_invalid_object_is_refused_and_never_replaced() {
    let before = stack();
    before.add(config_map("a", "1"));
    let mut observed = settled(&before.build().unwrap());
    let after = stack();
    let resource = after.add(config_map("a", "2"));
    let graph = after.build().unwrap();
    let cause =
        RefusalCause { reason: "FieldValueInvalid".into(), field: "data".into(), message: "must be short".into() };
    let refusal =
        Refusal { code: 422, reason: "Invalid".into(), message: "data: must be short".into(), causes: vec![cause] };
    observed.dry_runs.insert(resource.id().clone(), DryRun::Refused(refusal));
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(plan.changes[0].action, Action::Update);
    assert!(lines(&plan).contains("! ConfigMap/n/a: the server refuses it (422 Invalid): data: must be short"));
}

fn whole_stack() -> Stack {
    let stack = Stack::new("test", "default", None);
    stack.namespace("n");
    stack.add(claim("fast"));
    stack.add(config_map("a", "1"));
    stack
}

#[test]
fn destroy_keeps_data_and_what_it_lives_in_until_consent() {
    let graph = whole_stack().build().unwrap();
    let mut observed = settled(&graph);
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    insta::assert_snapshot!(lines(&run(&graph.emptied(), &mut observed, &destroy)), @r#"
    = PersistentVolumeClaim/n/data: NoConsent
    - ConfigMap/n/a: Destroyed
    = Namespace/n: NoConsent
    "#);
    let allow_delete: BTreeSet<String> = ["Namespace/n".to_owned()].into();
    let halfway = PlanOptions { allow_delete, ..destroy.clone() };
    let plan = run(&graph.emptied(), &mut observed, &halfway);
    assert!(lines(&plan).contains("= Namespace/n: KeptFor("), "{}", lines(&plan));
    let allow_delete: BTreeSet<String> = ["Namespace/n".to_owned(), "PersistentVolumeClaim/n/data".to_owned()].into();
    let consented = PlanOptions { allow_delete, ..destroy };
    let plan = run(&graph.emptied(), &mut observed, &consented);
    assert_eq!(plan.count(Action::Delete), 3, "{}", lines(&plan));
    assert_eq!(plan.changes.last().unwrap().id.kind, "Namespace", "the namespace goes last");
}

#[test]
fn what_cannot_be_read_is_said_and_never_deleted() {
    let graph = whole_stack().build().unwrap();
    let mut observed = settled(&graph);
    observed.live.insert(id("ConfigMap", "a"), Live::Unreadable("forbidden".into()));
    let declared = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(declared.get(&id("ConfigMap", "a")).unwrap().action, Action::Unknown);
    assert!(declared.blockers.iter().all(|blocker| blocker.kind.forbids_only_apply()));
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    let plan = run(&graph.emptied(), &mut observed, &destroy);
    assert_eq!(plan.get(&id("ConfigMap", "a")).unwrap().action, Action::Unknown);
}

#[test]
fn ignored_fields_keep_their_live_value() {
    let stack = stack();
    let resource = stack.add(config_map("a", "1").ignore_changes("data.key"));
    let graph = stack.build().unwrap();
    let mut observed = settled(&graph);
    edit(&mut observed, resource.id(), |live| live["data"]["key"] = json!("2"));
    assert!(!run(&graph, &mut observed, &PlanOptions::default()).has_changes(), "ours alone: sent as it is live");
    edited_by_kubectl(&mut observed, resource.id());
    let asked = survey(&graph, &observed, &place(), &PlanOptions::default());
    let sent = asked.questions.first().map(|question| question.object.open());
    assert_eq!(sent.unwrap()["data"], json!({}), "theirs: left out");
}

#[test]
fn a_note_is_shown_when_its_field_changes_and_only_then() {
    let noted = |value: &str| config_map("a", value).note_on_change_of("data", "reaches only an empty volume");
    let before = stack();
    before.add(noted("1"));
    let mut observed = settled(&before.build().unwrap());
    let after = stack();
    let resource = after.add(noted("2"));
    let graph = after.build().unwrap();
    let mut dry_run = observed.object(resource.id()).unwrap();
    dry_run["data"]["key"] = json!("2");
    let accepted = DryRun::Accepted { object: dry_run.into(), overruled: Vec::new() };
    observed.dry_runs.insert(resource.id().clone(), accepted);
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert_eq!(plan.changes[0].notes, ["reaches only an empty volume"]);
    observed.live.insert(resource.id().clone(), Live::Absent);
    let plan = run(&graph, &mut observed, &PlanOptions::default());
    assert!(plan.changes[0].notes.is_empty(), "a first creation reaches it all the same");
}
