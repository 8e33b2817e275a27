//! Pods that get no node.

use serde_json::{Value, json};

use crate::cluster::condition;
use crate::normal::story;
use crate::{Cluster, on_both, pod, pod_becomes, pod_until};

fn is_refused(pod: &Value) -> bool {
    condition(pod, "PodScheduled") == "False"
}

/// The pods that get no node, and what is said of each.
async fn refused(cluster: &mut Cluster, pods: Vec<Value>) -> Value {
    let mut all = serde_json::Map::new();
    for pod in pods {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut seen = pod_until(cluster, pod, "it gets no node", is_refused).await;
        // The real scheduler writes its Events later.
        seen.as_object_mut().expect("an object").remove("events");
        // It knows beforehand where a pod will be whose volumes are being made.
        seen["status"].as_object_mut().expect("a status").remove("nominatedNodeName");
        all.insert(name, seen);
    }
    Value::Object(all)
}

/// Why each pod got no node.
fn reasons(seen: &Value) -> String {
    let reason = |(name, seen): (&String, &Value)| {
        let condition = &seen["status"]["conditions"][0];
        format!("{name}: {} {}", condition["reason"], condition["message"])
    };
    seen.as_object().expect("pods").iter().map(reason).collect::<Vec<_>>().join("\n")
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
    let seen = on_both!("nowhere", async |mut cluster: Cluster| refused(&mut cluster, pods.clone()).await);
    insta::assert_snapshot!(reasons(&seen), @r#"
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

#[tokio::test]
async fn pods_that_others_keep_away() {
    let with = |name: &str, container: Value| {
        let mut pod = pod(name, "");
        pod["metadata"]["labels"] = json!({"app": "first"});
        for (key, value) in container.as_object().expect("fields") {
            pod["spec"]["containers"][0][key] = value.clone();
        }
        pod
    };
    let cpu = json!({"requests": {"cpu": "40"}});
    let port = json!([{"containerPort": 80, "hostPort": 8080}]);
    let mut apart = with("apart", json!({}));
    apart["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "first"}}},
    ]);
    let first = with("first", json!({"resources": cpu, "ports": port}));
    let pods = vec![apart, with("cpu", json!({"resources": cpu})), with("port", json!({"ports": port}))];
    let seen = on_both!("apart", async |mut cluster: Cluster| {
        let ready = |pod: &Value| condition(pod, "Ready") == "True";
        pod_until(&mut cluster, first.clone(), "the first is ready", ready).await;
        let path = cluster.path("pods/first");
        let seen = refused(&mut cluster, pods.clone()).await;
        // It makes room for other scenarios.
        cluster.delete(&path).await;
        seen
    });
    insta::assert_snapshot!(reasons(&seen), @r#"
    apart: "Unschedulable" "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod anti-affinity rules. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    cpu: "Unschedulable" "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    port: "Unschedulable" "0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    "#);
}

#[tokio::test]
async fn a_pod_that_is_ordered_to_get_no_node() {
    let mut cluster = Cluster::embedded("unschedulable").await;
    let seen = refused(&mut cluster, vec![pod("ordered", "unschedulable")]).await;
    insta::assert_snapshot!(reasons(&seen), @r#"
    ordered: "Unschedulable" "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    "#);
}
