//! What the composition itself promises: its first objects, its clock, its end.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use holm_embedded::{Clock, Cluster, ClusterError, ClusterOptions, NODE_NAME, Timestamp};
use kube::Client;
use serde_json::Value;

const START: i64 = 1_800_000_000;

async fn held() -> Cluster {
    let clock = Clock::held_at(Timestamp(START));
    Cluster::start(ClusterOptions { clock, in_background: false, ..ClusterOptions::default() }).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_new_cluster_has_a_node_and_two_storage_classes() {
    let cluster = held().await;
    let client = cluster.client();
    let node = get(&client, &format!("/api/v1/nodes/{NODE_NAME}")).await;
    assert_eq!(node["status"]["allocatable"]["cpu"], "64", "{node:#}");
    let classes = get(&client, "/apis/storage.k8s.io/v1/storageclasses").await;
    let modes: Vec<_> = classes["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| (class["metadata"]["name"].as_str().unwrap(), class["volumeBindingMode"].as_str().unwrap()))
        .collect();
    assert_eq!(modes, [("immediate", "Immediate"), ("standard", "WaitForFirstConsumer")]);
}

#[tokio::test]
async fn a_held_clock_goes_exactly_as_far_as_it_is_advanced() {
    let cluster = held().await;
    cluster.advance(Duration::from_millis(90_500)).await.unwrap();
    assert_eq!(cluster.clock().now_milliseconds(), START * 1000 + 90_500);
}

#[tokio::test]
async fn the_clock_of_the_machine_cannot_be_advanced() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    assert!(matches!(cluster.advance(Duration::from_secs(1)).await, Err(ClusterError::ClockRuns)));
}

#[test]
fn without_a_runtime_there_is_no_cluster() {
    let starting = Cluster::start(ClusterOptions::default());
    let started = futures::FutureExt::now_or_never(starting).unwrap();
    assert!(matches!(started, Err(ClusterError::NoRuntime)));
}

#[tokio::test]
async fn a_load_balancer_gets_an_address_unless_it_asks_for_none() {
    let cluster = held().await;
    let client = cluster.client();
    let path = "/api/v1/namespaces/default/services";
    for (name, asks) in [("plain", None), ("given", Some("203.0.113.7")), ("none", Some("false"))] {
        let mut service = serde_json::json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        });
        if let Some(asks) = asks {
            service["metadata"]["annotations"] = serde_json::json!({"holm.dev/load-balancer": asks});
        }
        let request = http::Request::post(path).body(service.to_string().into_bytes()).unwrap();
        client.request::<Value>(request).await.unwrap();
    }
    cluster.settle().await.unwrap();
    for (name, address) in [("plain", Some("198.51.100.1")), ("given", Some("203.0.113.7")), ("none", None)] {
        let service = get(&client, &format!("{path}/{name}")).await;
        let found = service.pointer("/status/loadBalancer/ingress/0/ip").and_then(Value::as_str);
        assert_eq!(found, address, "{name}: {service:#}");
    }
}
