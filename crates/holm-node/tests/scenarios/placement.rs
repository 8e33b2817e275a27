//! Pods that get no node.

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, on_both, pod, pod_becomes, pod_until};

fn is_refused(pod: &Value) -> bool {
    condition(pod, "PodScheduled") == "False"
}

/// The pods that get no node, and what is said of each.
async fn refused(mut cluster: Cluster, pods: Vec<Value>) -> Value {
    let mut all = serde_json::Map::new();
    for pod in pods {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut seen = pod_until(&mut cluster, pod, "it gets no node", is_refused).await;
        // The real scheduler writes its Events later.
        seen.as_object_mut().expect("an object").remove("events");
        // It knows beforehand where a pod will be whose volumes are being made.
        seen["status"].as_object_mut().expect("a status").remove("nominatedNodeName");
        all.insert(name, seen);
    }
    Value::Object(all)
}

#[tokio::test]
async fn pods_that_fit_nowhere() {
    let with = |name: &str, spec: Value| {
        let mut pod = pod(name, "");
        for (key, value) in spec.as_object().expect("fields") {
            pod["spec"][key] = value.clone();
        }
        pod
    };
    let container =
        |resources: Value| json!([{"name": "main", "image": "registry.test/app:1", "resources": resources}]);
    let terms =
        json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]});
    let pods = vec![
        with("selector", json!({"nodeSelector": {"disk": "ssd"}})),
        with(
            "affinity",
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}),
        ),
        with("cpu", json!({"containers": container(json!({"requests": {"cpu": "65", "memory": "257Gi"}}))})),
        with("claim", json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nobody"}}]})),
        with("gated", json!({"schedulingGates": [{"name": "example.com/gate"}]})),
    ];
    let seen = on_both!("nowhere", async |cluster: Cluster| refused(cluster, pods.clone()).await);
    let reasons: Vec<String> = seen
        .as_object()
        .expect("pods")
        .iter()
        .map(|(name, seen)| {
            let conditions = &seen["status"]["conditions"][0];
            format!("{name}: {} {}", conditions["reason"], conditions["message"])
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    affinity: "Unschedulable" "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    claim: "Unschedulable" "0/2 nodes are available: persistentvolumeclaim \"nobody\" not found. not found"
    cpu: "Unschedulable" "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    gated: "SchedulingGated" "Scheduling is blocked due to non-empty scheduling gates"
    selector: "Unschedulable" "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    "#);
}

#[tokio::test]
async fn a_pod_that_is_refused_is_tried_again_when_a_node_changes() {
    let seen = on_both!("retried", async |mut cluster: Cluster| {
        let mut pod = pod("retried", "");
        let label = format!("example.com/{}", cluster.namespace);
        pod["spec"]["nodeSelector"][&label] = json!("yes");
        cluster.create(&cluster.path("pods"), pod).await;
        let refused = async |cluster: &Cluster| {
            let found = cluster.get(&cluster.path("pods/retried")).await;
            found.filter(is_refused).map(|_| ())
        };
        cluster.until("it gets no node", refused).await;
        let node = format!("/api/v1/nodes/{}", crate::NODE);
        cluster.patch(&node, json!({"metadata": {"labels": {label.as_str(): "yes"}}})).await;
        let ready = |pod: &Value| condition(pod, "Ready") == "True";
        let seen = pod_becomes(&mut cluster, "retried", "it is ready", ready).await;
        cluster.patch(&node, json!({"metadata": {"labels": {label: null}}})).await;
        seen
    });
    insta::assert_snapshot!(story(&seen), @r#"
    Running
    + ContainersReady
    + Initialized
    + PodReadyToStartContainers
    + PodScheduled
    + Ready
    * main ready 0 running
    Normal Created kubelet spec.containers{main} Container created
    Normal Pulled kubelet spec.containers{main} Container image "registry.test/app:1" already present on machine and can be accessed by the pod
    Normal Scheduled default-scheduler - Successfully assigned NAMESPACE/retried to scenario-node
    Normal Started kubelet spec.containers{main} Container started
    Warning FailedScheduling default-scheduler - 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
    "#);
}
