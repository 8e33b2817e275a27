//! Nothing that the cluster accepts keeps its controllers and its node from coming to rest, or other work from being done.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::time::Duration;

use holm_embedded::{Client, Clock, Cluster, ClusterError, ClusterOptions, Place, Timestamp};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

async fn held() -> Cluster {
    let clock = Clock::held_at(Timestamp(1_800_000_000));
    Cluster::start(ClusterOptions { clock, in_background: false, ..ClusterOptions::default() }).await.unwrap()
}

async fn send(client: &Client, method: &str, path: &str, body: Value) -> Value {
    let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", content);
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    client.request(request.body(body).unwrap()).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Value {
    send(client, "GET", path, Value::Null).await
}

/// A pod that runs until it is deleted, and then stays until its finalizer is gone.
fn held_pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "finalizers": ["example.com/held"]},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "registry.test/j:job-hang"}]},
    });
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    pod
}

/// Controllers and node still do other work: a Deployment gets its pods.
async fn assert_controllers_work(cluster: &Cluster, name: &str) {
    let client = cluster.client();
    let labels = json!({"app": name});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}}},
    });
    send(&client, "POST", "/apis/apps/v1/namespaces/default/deployments", deployment).await;
    cluster.advance(Duration::from_secs(5)).await.unwrap();
    let found = get(&client, &format!("/apis/apps/v1/namespaces/default/deployments/{name}")).await;
    assert_eq!(found["status"]["readyReplicas"], 2, "{found:#}");
}

#[tokio::test]
async fn a_deleted_pod_that_a_finalizer_holds_is_left_to_it() {
    let specs = [
        ("never", json!({"restartPolicy": "Never"})),
        ("always", json!({"restartPolicy": "Always"})),
        ("default-grace", json!({"terminationGracePeriodSeconds": 30})),
        ("no-grace", json!({"terminationGracePeriodSeconds": 0})),
        (
            "slow",
            json!({"terminationGracePeriodSeconds": 30, "containers": [{"name": "c", "image": "r.test/j:slow-stop"}]}),
        ),
        (
            "waits",
            json!({"containers": [{"name": "c", "image": "r.test/j:1", "envFrom": [{"configMapRef": {"name": "none"}}]}]}),
        ),
    ];
    for (name, spec) in specs {
        let cluster = held().await;
        let client = cluster.client();
        send(&client, "POST", PODS, held_pod(name, spec)).await;
        cluster.advance(Duration::from_secs(5)).await.unwrap();
        let path = format!("{PODS}/{name}");
        send(&client, "DELETE", &path, Value::Null).await;
        cluster.advance(Duration::from_secs(40)).await.unwrap();
        let pod = get(&client, &path).await;
        assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 0, "{name}: {pod:#}");
        assert_eq!(pod["metadata"]["finalizers"], json!(["example.com/held"]), "{name}");
        assert_controllers_work(&cluster, "other").await;
        send(&client, "PATCH", &path, json!({"metadata": {"finalizers": null}})).await;
        cluster.advance(Duration::from_secs(5)).await.unwrap();
        let left = get(&client, PODS).await;
        assert!(left["items"].as_array().unwrap().iter().all(|pod| pod["metadata"]["name"] != name), "{name}");
    }
}

#[tokio::test]
async fn the_pods_of_a_job_that_counts_them_can_be_deleted() {
    let jobs = [
        ("replaces", json!({"podReplacementPolicy": "Failed"})),
        (
            "ignores",
            json!({"podFailurePolicy": {"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}}),
        ),
    ];
    for (name, policy) in jobs {
        let cluster = held().await;
        let client = cluster.client();
        let mut job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never", "containers": [
                {"name": "c", "image": "registry.test/j:job-hang"}]}}},
        });
        for (field, value) in policy.as_object().unwrap() {
            job["spec"][field] = value.clone();
        }
        send(&client, "POST", "/apis/batch/v1/namespaces/default/jobs", job).await;
        cluster.advance(Duration::from_secs(5)).await.unwrap();
        let pods = get(&client, PODS).await;
        let first = pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
        send(&client, "DELETE", &format!("{PODS}/{first}"), Value::Null).await;
        cluster.advance(Duration::from_secs(60)).await.unwrap();
        let pods = get(&client, PODS).await;
        let names: Vec<&str> =
            pods["items"].as_array().unwrap().iter().map(|pod| pod["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 1, "{name}: {names:?}");
        assert_ne!(names[0], first, "{name}");
        assert_controllers_work(&cluster, "other").await;
    }
}

/// Workloads that ask for more pods than any cluster has room for.
fn endless() -> Vec<(&'static str, Value)> {
    let pod = json!({"containers": [{"name": "c", "image": "web:1"}]});
    let labels = json!({"app": "endless"});
    let template = json!({"metadata": {"labels": labels}, "spec": pod});
    let workload = |kind: &str, spec: Value| {
        let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "endless"}});
        object["spec"] = json!({"replicas": 2_000_000, "selector": {"matchLabels": labels}, "template": template});
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        object
    };
    let ending = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "r.test/j:job-hang"}]});
    let job = |spec: Value| {
        let mut object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "endless"}});
        object["spec"] = spec;
        object["spec"]["template"] = json!({"spec": ending});
        object
    };
    let apps = "/apis/apps/v1/namespaces/default";
    let parallel = json!({"serviceName": "s", "podManagementPolicy": "Parallel"});
    let indexed = json!({"parallelism": 100_000, "completions": 100_000, "completionMode": "Indexed"});
    vec![
        ("deployments", workload("Deployment", json!({}))),
        ("replicasets", workload("ReplicaSet", json!({}))),
        ("statefulsets", workload("StatefulSet", parallel)),
        ("jobs", job(json!({"parallelism": 1_000_000, "completions": 2_000_000}))),
        ("jobs", job(indexed)),
    ]
    .into_iter()
    .map(|(plural, object)| {
        let root = if plural == "jobs" { "/apis/batch/v1/namespaces/default" } else { apps };
        (&*format!("{root}/{plural}").leak(), object)
    })
    .collect()
}

#[tokio::test]
async fn settling_gives_up_and_names_what_does_not_come_to_an_end() {
    for (number, (path, object)) in endless().into_iter().enumerate() {
        let clock = Clock::held_at(Timestamp(1_800_000_000));
        let options = ClusterOptions { clock, in_background: false, settle_limit: 300, ..ClusterOptions::default() };
        let cluster = Cluster::start(options).await.unwrap();
        send(&cluster.client(), "POST", path, object.clone()).await;
        // It goes on where it stopped, and ends again.
        for _ in 0..if number == 0 { 2 } else { 1 } {
            let Err(ClusterError::Unsettled { acted, busiest }) = cluster.settle().await else {
                panic!("{path} is done")
            };
            assert!(acted >= 300 && busiest.contains("default/endless"), "{path}: {acted}, {busiest}");
        }
    }
}

#[tokio::test]
async fn a_workload_without_end_keeps_no_request_waiting_and_no_one_who_opens_the_cluster_again() {
    for (number, (path, object)) in endless().into_iter().enumerate() {
        let directory = std::env::temp_dir().join(format!("holm-embedded-endless-{number}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let place = Place::in_directory(&directory, "endless").unwrap();
        let mut before = 0;
        for life in 0..2 {
            let cluster = Cluster::open(&place, "the test", ClusterOptions::default()).await.unwrap();
            let client = cluster.client();
            if life == 0 {
                send(&client, "POST", path, object.clone()).await;
            }
            // The work goes on while requests are answered: this runtime has one thread.
            while cluster.api().len() < before + 200 {
                get(&client, "/api/v1/namespaces/default").await;
            }
            before = cluster.api().len();
        }
        fs::remove_dir_all(directory).unwrap();
    }
}

#[tokio::test]
async fn thousands_of_objects_go_with_their_owner_or_namespace_and_after_a_restart_too() {
    let directory = std::env::temp_dir().join(format!("holm-embedded-many-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    let place = Place::in_directory(&directory, "many").unwrap();
    let options = || ClusterOptions { in_background: false, ..ClusterOptions::default() };
    let cluster = Cluster::open(&place, "the test", options()).await.unwrap();
    let client = cluster.client();
    let config_maps = cluster.api().find("ConfigMap").unwrap();
    let count =
        |cluster: &Cluster, namespace: &str| cluster.api().find("ConfigMap").unwrap().list(Some(namespace)).items.len();
    let by = holm_embedded::WriteOptions::by("test");
    for namespace in ["owned", "orphaned", "ended", "cut"] {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        send(&client, "POST", "/api/v1/namespaces", body).await;
        let owner = config_maps.create(json!({"metadata": {"name": "owner", "namespace": namespace}}), &by).unwrap();
        let reference =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]});
        for number in 0..2_500 {
            let metadata =
                json!({"name": format!("c{number}"), "namespace": namespace, "ownerReferences": [reference]});
            config_maps.create(json!({"metadata": metadata}), &by).unwrap();
        }
    }
    let owner = |namespace: &str| format!("/api/v1/namespaces/{namespace}/configmaps/owner");
    send(&client, "DELETE", &owner("owned"), json!({"propagationPolicy": "Foreground"})).await;
    // What every namespace has.
    assert_eq!(count(&cluster, "owned"), 1);
    send(&client, "DELETE", &owner("orphaned"), json!({"propagationPolicy": "Orphan"})).await;
    assert_eq!(count(&cluster, "orphaned"), 2_501);
    send(&client, "DELETE", "/api/v1/namespaces/ended", Value::Null).await;
    assert!(
        client
            .request::<Value>(http::Request::get("/api/v1/namespaces/ended").body(Vec::new()).unwrap())
            .await
            .is_err()
    );
    // Without a request that waits for it, a part is left to be done in the next life.
    let options_of_delete = holm_embedded::DeleteOptions::default();
    config_maps.delete("cut", "owner", &options_of_delete).unwrap();
    assert!(count(&cluster, "cut") > 1);
    drop((client, config_maps, cluster));
    let again = Cluster::open(&place, "the test", options()).await.unwrap();
    assert_eq!((count(&again, "cut"), count(&again, "orphaned")), (1, 2_501));
    drop(again);
    fs::remove_dir_all(directory).unwrap();
}
