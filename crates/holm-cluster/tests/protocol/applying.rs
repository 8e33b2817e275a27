//! Applying: the order of requests, and what comes of every fault on the way.

use holm_cluster::{ApplyOptions, ClusterError, stop};
use holm_core::{Graph, Manifest, ResourceId, ResourceOptions, Stack, Strength, Timeouts};
use holm_executor::event::{Event, Outcome, SkipReason};
use holm_planner::inventory::{Inventory, Phase, Root};
use holm_planner::plan::{Action, PlanOptions, plan};
use holm_readiness::State;
use serde_json::{Value, json};

use crate::server::{Order, Server, status};
use crate::{HOME, INVENTORY, apply, cluster, config_map, graph, id, observe, place, planned, run, run_with, server};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/ns/deployments";

fn deployment(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 1, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

fn deployment_id(name: &str) -> ResourceId {
    ResourceId::new("apps", "Deployment", Some("ns"), name)
}

fn available(generation: u64) -> Value {
    json!({"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
        "availableReplicas": 1, "conditions": [
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]})
}

/// The writes and deletes so far, without dry-runs, each as `METHOD path`.
fn mutations(server: &Server) -> Vec<String> {
    let lines = server.lines().into_iter().filter(|line| !line.starts_with("GET") && !line.contains("dryRun"));
    lines.map(|line| line.split('?').next().unwrap_or_default().to_owned()).collect()
}

/// The inventory as it is stored.
fn inventory(server: &Server) -> Inventory {
    let object = server.object(INVENTORY).expect("there is an inventory");
    match Inventory::read_root(&object, &place()).expect("it is ours") {
        Root::Whole(inventory) => *inventory,
        Root::Shards(names) => panic!("it is spread over {names:?}"),
    }
}

fn recorded(server: &Server) -> Vec<(String, Option<String>)> {
    inventory(server).entries.into_iter().map(|(id, entry)| (id.name, entry.uid)).collect()
}

/// `second` needs `first`; `third` needs nothing.
fn chain() -> Graph {
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    let first = stack.add(Manifest::new(config_map("first")));
    stack.add(Manifest::new(config_map("second")).depends_on(&first, Strength::Ready));
    stack.add(Manifest::new(config_map("third")));
    stack.build().unwrap()
}

#[tokio::test]
async fn the_intent_is_written_first_and_the_record_last() {
    let server = server().await;
    let ran = apply(&cluster(&server), &chain()).await;
    assert!(ran.report.is_success());
    let writes = mutations(&server);
    assert_eq!(writes.first().map(String::as_str), Some("POST /api/v1/namespaces/ns/configmaps"));
    assert_eq!(writes.last().map(String::as_str), Some(&*format!("PATCH {INVENTORY}")));
    let at = |name: &str| writes.iter().position(|line| line.ends_with(name)).expect("it was written");
    assert!(at("/first") < at("/second"));
    let uids = recorded(&server);
    assert_eq!(uids.len(), 3);
    assert!(uids.iter().all(|(_, uid)| uid.is_some()), "{uids:?}");
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changes() {
    let server = server().await;
    let (cluster, graph) = (cluster(&server), chain());
    apply(&cluster, &graph).await;
    server.forget_requests();
    // The test's server keeps no managedFields, so the dry-run is what shows that nothing changes.
    let mut plan = planned(&cluster, &graph).await;
    for change in &mut plan.changes {
        change.action = Action::Unchanged;
    }
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.report.is_success());
    assert_eq!(mutations(&server), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_namespace_of_the_inventory_comes_before_the_intent_and_goes_last() {
    let server = Server::start().await;
    let cluster = cluster(&server);
    let stack = Stack::new("program", "default", None);
    stack.namespace("ns");
    stack.add(Manifest::new(config_map("m")));
    let graph = stack.build().unwrap();
    assert!(apply(&cluster, &graph).await.report.is_success());
    assert_eq!(mutations(&server)[..2], ["PATCH /api/v1/namespaces/ns", "POST /api/v1/namespaces/ns/configmaps"]);

    server.forget_requests();
    let (options, empty) = (
        PlanOptions { destroy: true, allow_delete: ["Namespace/ns".to_owned()].into(), ..PlanOptions::default() },
        graph.emptied(),
    );
    let observed = cluster.observe(&empty, &place(), &options).await.unwrap();
    let plan = plan(&empty, &observed, &place(), &options);
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.report.is_success(), "{:?}", ran.report);
    let deletes = mutations(&server);
    assert_eq!(deletes.last().map(String::as_str), Some("DELETE /api/v1/namespaces/ns"), "{deletes:#?}");
    assert_eq!(server.object("/api/v1/namespaces/ns"), None);
}

#[tokio::test]
async fn a_failed_write_stops_what_needs_it_and_all_deletes_and_nothing_else() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph([config_map("old")])).await;
    server.forget_requests();
    let causes =
        json!({"name": "first", "causes": [{"reason": "FieldValueInvalid", "field": "data", "message": "bad"}]});
    let plan = planned(&cluster, &chain()).await;
    server.order(
        "PATCH",
        "/first?fieldManager",
        9,
        Order::Answer(422, status(422, "Invalid", "data is bad", causes), ""),
    );
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.failure(&id("ConfigMap", "first")).contains("data is bad"));
    let skipped = Outcome::Skipped(SkipReason::DependencyFailed(id("ConfigMap", "first")));
    assert_eq!(*ran.outcome(&id("ConfigMap", "second")), skipped);
    assert_eq!(*ran.outcome(&id("ConfigMap", "third")), Outcome::Done);
    assert_eq!(*ran.outcome(&id("ConfigMap", "old")), Outcome::Skipped(SkipReason::NothingPrunedAfterFailure));
    let names: Vec<(String, bool)> = recorded(&server).into_iter().map(|(name, uid)| (name, uid.is_some())).collect();
    let expected = [("first", false), ("old", true), ("second", false), ("third", true)];
    assert_eq!(names, expected.map(|(name, has_uid)| (name.to_owned(), has_uid)));
}

#[tokio::test]
async fn what_left_the_program_is_deleted_with_its_uid_and_what_is_another_object_stays() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph(["keep", "old", "other"].map(config_map))).await;
    let plan = planned(&cluster, &graph([config_map("keep")])).await;
    // Between plan and apply somebody deletes one of them and makes another object of the same name.
    server.state().objects.remove(&format!("{HOME}/configmaps/other"));
    server.write(&format!("{HOME}/configmaps/other"), config_map("other"));
    let uid = server.object(&format!("{HOME}/configmaps/old")).unwrap()["metadata"]["uid"].clone();
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.failure(&id("ConfigMap", "other")).starts_with("not deleted: after the plan was made"));
    assert_eq!(server.object(&format!("{HOME}/configmaps/old")), None);
    assert!(server.object(&format!("{HOME}/configmaps/other")).is_some());
    let delete = server.state().requests.iter().find(|request| request.method == "DELETE").cloned().unwrap();
    assert_eq!(delete.body["preconditions"]["uid"], uid);
    assert_eq!(recorded(&server).len(), 2, "the next plan decides about the other one");
}

#[tokio::test]
async fn an_update_never_turns_into_a_create() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph([config_map("m")])).await;
    let mut changed = config_map("m");
    changed["data"]["key"] = json!("another");
    let plan = planned(&cluster, &graph([changed.clone()])).await;
    assert_eq!(plan.get(&id("ConfigMap", "m")).map(|change| change.action), Some(Action::Update));
    server.state().objects.remove(&format!("{HOME}/configmaps/m"));
    let ran = run(&cluster, &plan).await.unwrap();
    assert_eq!(ran.failure(&id("ConfigMap", "m")), "another client deleted or replaced it after the plan was made");
    assert_eq!(server.object(&format!("{HOME}/configmaps/m")), None);
}

#[tokio::test]
async fn answers_that_are_lost_make_no_duplicate_and_no_failure() {
    let lost = [("POST", "/configmaps"), ("PATCH", "/m?fieldManager"), ("PATCH", "holm.program.default?")];
    for (method, part) in lost {
        for order in [Order::CloseBefore, Order::CloseAfter] {
            let server = server().await;
            let cluster = cluster(&server);
            let graph = graph([config_map("m")]);
            let plan = planned(&cluster, &graph).await;
            server.order(method, part, 1, order);
            let ran = run(&cluster, &plan).await.unwrap();
            assert!(ran.report.is_success(), "{method} {part}: {:?}", ran.report);
            let uid = server.object(&format!("{HOME}/configmaps/m")).unwrap()["metadata"]["uid"].clone();
            assert_eq!(recorded(&server), [("m".to_owned(), uid.as_str().map(str::to_owned))], "{method} {part}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_delete_is_no_failure() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph(["keep", "old"].map(config_map))).await;
    server.order("DELETE", "/old", 1, Order::CloseAfter);
    let ran = apply(&cluster, &graph([config_map("keep")])).await;
    assert_eq!(*ran.outcome(&id("ConfigMap", "old")), Outcome::Done);
    assert_eq!(recorded(&server).len(), 1);
}

#[tokio::test]
async fn a_conflict_that_is_not_about_the_identity_does_not_orphan_what_is_deleted() {
    for (times, is_success) in [(1, true), (99, false)] {
        let server = server().await;
        let cluster = cluster(&server);
        apply(&cluster, &graph(["keep", "old"].map(config_map))).await;
        let conflict = status(409, "Conflict", "Operation cannot be fulfilled on configmaps", json!({"name": "old"}));
        server.order("DELETE", "/old", times, Order::Answer(409, conflict, ""));
        let ran = apply(&cluster, &graph([config_map("keep")])).await;
        assert_eq!(ran.report.is_success(), is_success);
        assert_eq!(server.object(&format!("{HOME}/configmaps/old")).is_none(), is_success);
        assert_eq!(recorded(&server).len(), if is_success { 1 } else { 2 }, "what is still there stays recorded");
    }
}

#[tokio::test]
async fn what_a_killed_run_could_not_record_is_recorded_although_nothing_changes() {
    let server = server().await;
    let (cluster, graph) = (cluster(&server), chain());
    apply(&cluster, &graph).await;
    let uids = recorded(&server);
    let mut stored = server.object(INVENTORY).unwrap();
    let mut inventory = inventory(&server);
    inventory.phase = Phase::Intended;
    for entry in inventory.entries.values_mut() {
        (entry.uid, entry.digest) = (None, String::new());
    }
    stored["data"] = inventory.to_config_maps(&place(), "holm/v0", "s1").root["data"].clone();
    server.write(INVENTORY, stored);
    let mut plan = planned(&cluster, &graph).await;
    for change in &mut plan.changes {
        change.action = Action::Unchanged;
    }
    assert!(run(&cluster, &plan).await.unwrap().report.is_success());
    assert_eq!(recorded(&server), uids);
}

#[tokio::test]
async fn a_label_that_somebody_puts_on_the_inventory_is_no_other_run() {
    let server = server().await;
    let cluster = cluster(&server);
    apply(&cluster, &graph([config_map("m")])).await;
    let graph = graph(["m", "n"].map(config_map));
    let plan = planned(&cluster, &graph).await;
    let mut stored = server.object(INVENTORY).unwrap();
    stored["metadata"]["labels"]["team"] = json!("storage");
    server.write(INVENTORY, stored);
    assert!(run(&cluster, &plan).await.unwrap().report.is_success());
    assert_eq!(recorded(&server).len(), 2);
}

#[tokio::test]
async fn of_two_runs_at_once_the_second_changes_nothing() {
    for is_first in [true, false] {
        let server = server().await;
        let (one, two) = (cluster(&server), cluster(&server));
        if !is_first {
            apply(&one, &graph([config_map("before")])).await;
        }
        let graph = graph([config_map("m")]);
        let plan = planned(&two, &graph).await;
        apply(&one, &graph).await;
        server.forget_requests();
        let Err(error) = run(&two, &plan).await else { panic!("both ran") };
        assert!(matches!(error, ClusterError::AnotherRun { .. }), "{error}");
        assert_eq!(mutations(&server).len(), 1, "only the intent was tried");
    }
}

#[tokio::test]
async fn a_cut_watch_is_taken_up_again_and_an_expired_one_begins_with_a_list() {
    let expired = json!({"type": "ERROR", "object": status(410, "Expired", "too old", json!({}))});
    for (lines, lists) in [(vec![], 0), (vec![expired], 1), (vec![json!("no event")], 1)] {
        let server = server().await;
        server.order("GET", "watch=true", 1, Order::Lines(lines));
        let cluster = cluster(&server);
        let graph = graph([deployment("d")]);
        let plan = planned(&cluster, &graph).await;
        let other = server.clone();
        tokio::spawn(async move {
            while other.count("GET", "watch=true") < 2 {
                tokio::task::yield_now().await;
            }
            let path = format!("{DEPLOYMENTS}/d");
            let mut object = other.object(&path).unwrap();
            object["status"] = available(2);
            other.write(&path, object);
        });
        let ran = run(&cluster, &plan).await.unwrap();
        assert!(ran.report.is_success(), "{:?}", ran.report);
        assert_eq!(*ran.outcome(&deployment_id("d")), Outcome::Done);
        assert_eq!(
            server.count("GET", "/deployments?labelSelector="),
            lists + 2,
            "two watches, and the lists between them"
        );
    }
}

#[tokio::test]
async fn without_the_right_to_watch_the_object_is_read() {
    let server = server().await;
    server.order("GET", "watch=true", 99, Order::Answer(403, status(403, "Forbidden", "no", json!({})), ""));
    let cluster = cluster(&server);
    let graph = graph([deployment("d")]);
    let plan = planned(&cluster, &graph).await;
    let other = server.clone();
    tokio::spawn(async move {
        let path = format!("{DEPLOYMENTS}/d");
        while other.object(&path).is_none() {
            tokio::task::yield_now().await;
        }
        let mut object = other.object(&path).unwrap();
        object["status"] = available(2);
        other.write(&path, object);
    });
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.report.is_success(), "{:?}", ran.report);
    assert_eq!(server.count("GET", "watch=true"), 1, "a watch that is forbidden is not asked for again");
}

#[tokio::test]
async fn an_object_that_is_not_ready_in_time_fails_and_is_recorded_all_the_same() {
    let server = server().await;
    let cluster = cluster(&server);
    let graph = graph([deployment("d")]);
    let plan = planned(&cluster, &graph).await;
    let options = ApplyOptions { timeout: std::time::Duration::from_millis(300), ..ApplyOptions::default() };
    let ran = run_with(&cluster, &plan, &options, holm_cluster::Stop::never()).await.unwrap();
    let message = ran.failure(&deployment_id("d"));
    assert!(message.starts_with("it is not ready after 300 ms"), "{message}");
    assert!(recorded(&server)[0].1.is_some());
    let is_told =
        |event: &Event| matches!(event, Event::Waiting { readiness, .. } if readiness.state == State::InProgress);
    assert!(ran.events.iter().any(is_told));
}

#[tokio::test]
async fn a_resource_may_have_a_time_limit_of_its_own() {
    let server = server().await;
    let cluster = cluster(&server);
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    let ready = Some(std::time::Duration::from_millis(300));
    stack.add(Manifest::new(deployment("d")).timeouts(Timeouts { ready, ..Timeouts::default() }));
    let ran = apply(&cluster, &stack.build().unwrap()).await;
    let message = ran.failure(&deployment_id("d"));
    assert!(message.starts_with("it is not ready after 300 ms"), "{message}");
}

#[tokio::test]
async fn when_the_time_of_the_whole_run_is_up_it_ends_and_records_what_it_did() {
    let server = server().await;
    let cluster = cluster(&server);
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    let first = stack.add(Manifest::new(deployment("d")));
    stack.add(Manifest::new(config_map("after")).depends_on(&first, Strength::Ready));
    let graph = stack.build().unwrap();
    let plan = planned(&cluster, &graph).await;
    let options = ApplyOptions { total: Some(std::time::Duration::from_millis(300)), ..ApplyOptions::default() };
    let ran = run_with(&cluster, &plan, &options, holm_cluster::Stop::never()).await.unwrap();
    let message = ran.failure(&deployment_id("d"));
    assert!(
        message.starts_with("it was written, but the time of the whole run was up before it was ready"),
        "{message}"
    );
    assert!(matches!(ran.outcome(&id("ConfigMap", "after")), Outcome::Skipped(_)));
    assert!(!ran.report.is_success());
    let uids: Vec<(String, bool)> = recorded(&server).into_iter().map(|(name, uid)| (name, uid.is_some())).collect();
    assert_eq!(uids, [("after".to_owned(), false), ("d".to_owned(), true)]);
}

#[tokio::test]
async fn somebody_who_deletes_what_is_waited_for_is_noticed() {
    let server = server().await;
    let cluster = cluster(&server);
    let graph = graph([deployment("d")]);
    let plan = planned(&cluster, &graph).await;
    let other = server.clone();
    tokio::spawn(async move {
        while other.count("GET", "watch=true") < 1 {
            tokio::task::yield_now().await;
        }
        let client = other.client();
        let request = http::Request::delete(format!("{DEPLOYMENTS}/d")).body(kube::client::Body::empty()).unwrap();
        client.send(request).await.unwrap();
    });
    let ran = run(&cluster, &plan).await.unwrap();
    assert_eq!(ran.failure(&deployment_id("d")), "another client deleted it while this run waited for it");
}

#[tokio::test]
async fn stopping_once_records_and_twice_does_not() {
    for times in [1, 2] {
        let server = server().await;
        let cluster = cluster(&server);
        let graph = graph([deployment("d")]);
        let plan = planned(&cluster, &graph).await;
        let (stopper, stop) = stop();
        let other = server.clone();
        tokio::spawn(async move {
            while other.count("GET", "watch=true") < 1 {
                tokio::task::yield_now().await;
            }
            (0..times).for_each(|_| {
                stopper.escalate();
            });
            std::future::pending::<()>().await;
        });
        let ran = run_with(&cluster, &plan, &ApplyOptions::default(), stop).await.unwrap();
        assert!(ran.report.interrupted && !ran.report.is_success());
        assert_eq!(recorded(&server)[0].1.is_some(), times == 1);
    }
}

#[tokio::test]
async fn a_released_object_stays_without_our_label() {
    let server = server().await;
    let cluster = cluster(&server);
    let stack = Stack::new("program", "default", None);
    stack.in_namespace("ns");
    stack.add(Manifest::new(config_map("keep")));
    stack.add(Manifest::new(config_map("mine")).retain_on_delete());
    apply(&cluster, &stack.build().unwrap()).await;
    let graph = graph([config_map("keep")]);
    let plan = planned(&cluster, &graph).await;
    assert_eq!(plan.get(&id("ConfigMap", "mine")).map(|change| change.action), Some(Action::Release));
    let ran = run(&cluster, &plan).await.unwrap();
    assert!(ran.report.is_success());
    let left = server.object(&format!("{HOME}/configmaps/mine")).unwrap();
    assert_eq!((&left["metadata"]["labels"], &left["metadata"]["managedFields"]), (&Value::Null, &json!([{}])));
    assert_eq!(left["data"], config_map("mine")["data"]);
    assert_eq!(recorded(&server).len(), 1);
    observe(&cluster, &graph).await.unwrap();
}
