//! How the node sees what happens: watches that expire, clocks that run, many pods, the same again.

use std::time::{Duration, Instant};

use holm_apiserver::{ApiServer, Clock, GroupVersionResource, Timestamp, WriteOptions};
use holm_node::{Node, NodeOptions};
use serde_json::{Value, json};

use crate::cluster::condition;

const START: i64 = 1_800_000_000;

fn held(history: usize) -> (ApiServer, Node) {
    let clock = Clock::held_at(Timestamp(START));
    let server = ApiServer::builder().clock(clock.clone()).seed(3).history(history).build().expect("an API server");
    let node = Node::new(server.client(), NodeOptions::default().clock(move || clock.now_milliseconds()));
    (server, node)
}

fn create(server: &ApiServer, resource: &str, name: &str, mut object: Value) {
    object["metadata"] = json!({"name": name, "namespace": "default"});
    let objects = server.objects(&GroupVersionResource::new("", "v1", resource)).expect("a resource");
    objects.create(object, &WriteOptions::by("test")).expect("an object");
}

fn create_pod(server: &ApiServer, name: &str) {
    create(server, "pods", name, json!({"spec": {"containers": [{"name": "main", "image": "registry.test/app:1"}]}}));
}

fn all(server: &ApiServer, resource: &str) -> Vec<Value> {
    let objects = server.objects(&GroupVersionResource::new("", "v1", resource)).expect("a resource");
    objects.list(None).items.iter().map(|item| Value::clone(item)).collect()
}

#[tokio::test]
async fn a_node_whose_watch_has_expired_lists_again() {
    let (server, mut node) = held(64);
    create_pod(&server, "gone");
    node.settle().await.expect("a settled node");
    let pods = server.objects(&GroupVersionResource::new("", "v1", "pods")).expect("pods");
    let at_once = holm_apiserver::DeleteOptions { grace_period_seconds: Some(0), ..Default::default() };
    pods.delete("default", "gone", &at_once).expect("the pod");
    for number in 0..100 {
        create(&server, "configmaps", &format!("filler-{number}"), json!({}));
    }
    create_pod(&server, "late");
    node.settle().await.expect("a settled node");
    let seen = all(&server, "pods");
    let names: Vec<_> = seen.iter().map(|pod| (&pod["metadata"]["name"], condition(pod, "Ready"))).collect();
    assert_eq!(names, [(&json!("late"), "True")]);
}

#[tokio::test]
async fn the_same_writes_at_the_same_times_give_the_same_objects() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (server, mut node) = held(10_000);
        for number in 0..30 {
            create_pod(&server, &format!("pod-{number}"));
        }
        let settled = node.settle().await.expect("a settled node");
        let objects: Vec<Value> =
            ["nodes", "pods", "events"].iter().flat_map(|resource| all(&server, resource)).collect();
        runs.push((settled, objects));
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].1.len() > 100, "a node, 30 pods, and Events of each");
}

#[tokio::test]
async fn a_node_that_has_settled_has_nothing_more_to_do() {
    let (server, mut node) = held(10_000);
    create_pod(&server, "pod");
    let first = node.settle().await.expect("a settled node");
    assert!(first.acted > 0);
    let revision = server.revision();
    let second = node.settle().await.expect("a settled node");
    assert_eq!((second.acted, second.next, server.revision()), (0, None, revision));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_runs_by_itself() {
    let server = ApiServer::builder().build().expect("an API server");
    let node = tokio::spawn(Node::new(server.client(), NodeOptions::default()).run());
    create_pod(&server, "pod");
    let begun = Instant::now();
    while !all(&server, "pods").iter().all(|pod| condition(pod, "Ready") == "True") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the pod does not become ready: {:?}", all(&server, "pods"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let leases = server.objects(&GroupVersionResource::new("coordination.k8s.io", "v1", "leases")).expect("leases");
    let lease = leases.get("kube-node-lease", "holm-node").expect("the lease of the node");
    assert_eq!(lease["spec"]["holderIdentity"], "holm-node");
    node.abort();
}

/// What a pod costs must not grow with their number; it takes a while, so it is run by hand.
#[tokio::test]
#[ignore = "measures; run it by name with --nocapture in a release build"]
async fn five_thousand_pods() {
    let (server, mut node) = held(1_000_000);
    node.settle().await.expect("a settled node");
    for thousand in 0..5 {
        for number in 0..1_000 {
            create_pod(&server, &format!("pod-{thousand}-{number}"));
        }
        let begun = Instant::now();
        let settled = node.settle().await.expect("a settled node");
        eprintln!("{} actions for 1,000 pods more: {:?}", settled.acted, begun.elapsed());
    }
    create_pod(&server, "last");
    let begun = Instant::now();
    node.settle().await.expect("a settled node");
    eprintln!("one pod more: {:?}", begun.elapsed());
}
