//! What the simulated node does, in scenarios that run on the embedded API server and, when `HOLM_TEST_KUBECONFIG` names one, on a
//! real control plane: the statuses and Events of the pods must be the same on both.

#![allow(clippy::panic, clippy::print_stderr)]

mod cluster;
mod engine;
mod failures;
mod kubectl;
mod needs;
mod normal;
mod placement;
mod recorded;
mod running;
mod workloads;

use cluster::{Cluster, NODE};
use serde_json::{Value, json};

/// Runs a scenario on both clusters, compares what it gives, and gives that of the embedded one.
macro_rules! on_both {
    ($name:literal, $scenario:expr) => {{
        let embedded = $scenario($crate::cluster::Cluster::embedded($name).await).await;
        if let Some(real) = $crate::cluster::Cluster::real($name).await {
            let real = $scenario(real).await;
            assert_eq!($crate::pretty(&embedded), $crate::pretty(&real), "left: embedded, right: real");
        }
        embedded
    }};
}
use on_both;

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

/// A pod of one container on the node of the scenarios.
fn pod(name: &str, mode: &str) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": NODE},
            "containers": [{"name": "main", "image": "registry.test/app:1"}],
        },
    });
    if !mode.is_empty() {
        pod["metadata"]["annotations"] = json!({"holm.dev/simulate": mode});
    }
    pod
}

/// Creates a pod and waits until it is as told.
async fn pod_until(cluster: &mut Cluster, pod: Value, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    cluster.create(&cluster.path("pods"), pod).await;
    pod_becomes(cluster, &name, what, holds).await
}

/// Waits until a pod is as told, and all Events have been written that belong to it.
async fn pod_becomes(cluster: &mut Cluster, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let path = cluster.path(&format!("pods/{name}"));
    let found = cluster.until(what, async |cluster| cluster.get(&path).await.filter(|pod| holds(pod))).await;
    if found["spec"]["nodeName"] == cluster.node {
        // A scheduler writes its Event after it has bound the pod.
        let uid = found["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let scheduled = |events: &[Value]| {
            events.iter().any(|event| event.as_str().is_some_and(|event| event.contains(" Scheduled ")))
        };
        let events = async |cluster: &Cluster| {
            Some(normal::events(cluster, name, &uid).await).filter(|events| scheduled(events))
        };
        cluster.until("there is the Event about the binding", events).await;
    }
    normal::pod(cluster, name).await
}

/// Why a container waits.
fn waits_for<'a>(pod: &'a Value, statuses: &str, index: usize) -> &'a str {
    pod["status"][statuses][index]["state"]["waiting"]["reason"].as_str().unwrap_or_default()
}
