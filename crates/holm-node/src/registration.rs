//! The Node object and its lease.

use serde_json::{Map, Value, json};

use crate::action::{Action, Decision};
use crate::object::{self, at, list, name, text, timestamp, uid};
use crate::options::NodeOptions;
use crate::resource::Resource;

const MANAGER: &str = "kubelet";

/// The conditions of a node that is well, with the words of a kubelet: `pkg/kubelet/nodestatus/setters.go`.
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Makes the node, or makes it ready.
pub(crate) fn decide(node: Option<&Value>, options: &NodeOptions, now: i64) -> Decision {
    let Some(node) = node else {
        return Decision::act(vec![Action::Create {
            resource: Resource::Nodes,
            object: new_node(options, now),
            manager: MANAGER.to_owned(),
        }]);
    };
    let is_ready = object::condition(node, "Ready").is_some_and(|ready| text(ready, &["status"]) == "True");
    if is_ready {
        return if options.schedules { taint(node, now) } else { Decision::default() };
    }
    let mut status = json!({"conditions": conditions(now)});
    if list(node, &["status", "addresses"]).next().is_none() {
        status["addresses"] = addresses(name(node), options);
    }
    if at(node, &["status", "capacity"]).is_none() {
        status["capacity"] = capacity();
        status["allocatable"] = capacity();
    }
    if let Some(port) = options.kubelet_port {
        status["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": port}});
    }
    Decision::act(vec![Action::Patch {
        resource: Resource::Nodes,
        namespace: String::new(),
        name: name(node).to_owned(),
        uid: uid(node).to_owned(),
        subresource: "status",
        body: json!({"status": status}),
        manager: MANAGER.to_owned(),
    }])
}

/// The taint that the API server gives to new nodes, until they are ready.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of a node that is cordoned.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Brings the taints of a node that is ready into line with its state. On a real control plane its node lifecycle controller does
/// (`k8s.io/kubernetes`, `pkg/controller/nodelifecycle`, `doNoScheduleTaintingPass`).
fn taint(node: &Value, now: i64) -> Decision {
    let is_cordoned = at(node, &["spec", "unschedulable"]) == Some(&Value::Bool(true));
    let is_stale = |taint: &&Value| {
        text(taint, &["effect"]) == "NoSchedule"
            && match text(taint, &["key"]) {
                NOT_READY => true,
                UNSCHEDULABLE => !is_cordoned,
                _ => false,
            }
    };
    let present = || list(node, &["spec", "taints"]);
    let has_cordon =
        present().any(|taint| text(taint, &["key"]) == UNSCHEDULABLE && text(taint, &["effect"]) == "NoSchedule");
    let is_missing = is_cordoned && !has_cordon;
    if !is_missing && !present().any(|taint| is_stale(&taint)) {
        return Decision::default();
    }
    let mut taints: Vec<Value> = present().filter(|taint| !is_stale(taint)).cloned().collect();
    if is_missing {
        taints.push(json!({"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": timestamp(now)}));
    }
    let taints = if taints.is_empty() { Value::Null } else { json!(taints) };
    Decision::act(vec![Action::Patch {
        resource: Resource::Nodes,
        namespace: String::new(),
        name: name(node).to_owned(),
        uid: uid(node).to_owned(),
        subresource: "",
        body: json!({"spec": {"taints": taints}}),
        manager: "kube-controller-manager".to_owned(),
    }])
}

fn new_node(options: &NodeOptions, now: i64) -> Value {
    let mut labels = Map::new();
    labels.insert("kubernetes.io/hostname".to_owned(), json!(options.name));
    // The old names are kept in step with the new ones by every cluster.
    for prefix in ["kubernetes.io", "beta.kubernetes.io"] {
        labels.insert(format!("{prefix}/os"), json!("linux"));
        labels.insert(format!("{prefix}/arch"), json!("amd64"));
    }
    labels.extend(options.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": options.name, "labels": labels},
        "status": {
            "capacity": capacity(), "allocatable": capacity(), "conditions": conditions(now),
            "addresses": addresses(&options.name, options),
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.2.0", "kernelVersion": "",
                "kubeProxyVersion": "", "kubeletVersion": "v1.37.2", "machineID": "", "operatingSystem": "linux",
                "osImage": "simulated", "systemUUID": "",
            },
        },
    });
    if !options.annotations.is_empty() {
        let annotations: Map<String, Value> =
            options.annotations.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        node["metadata"]["annotations"] = Value::Object(annotations);
    }
    if !options.taints.is_empty() {
        node["spec"] = json!({"taints": options.taints});
    }
    if let Some(port) = options.kubelet_port {
        node["status"]["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": port}});
    }
    node
}

fn capacity() -> Value {
    json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "10k"})
}

fn addresses(name: &str, options: &NodeOptions) -> Value {
    json!([{"type": "InternalIP", "address": options.address}, {"type": "Hostname", "address": name}])
}

fn conditions(now: i64) -> Vec<Value> {
    let now = timestamp(now);
    let condition = |&(kind, status, reason, message): &(&str, &str, &str, &str)| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    CONDITIONS.iter().map(condition).collect()
}

/// How often a node says that it lives, in milliseconds: a quarter of how long that counts, as a kubelet does.
pub(crate) const HEARTBEAT: i64 = 10_000;

/// The namespace of the nodes' leases.
pub(crate) const LEASES: &str = "kube-node-lease";

/// The lease by which the node says that it lives.
pub(crate) fn lease(options: &NodeOptions, node: Option<&Value>, now: i64) -> Value {
    let mut lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"namespace": LEASES, "name": options.name},
        "spec": {
            "holderIdentity": options.name, "leaseDurationSeconds": 40, "renewTime": object::micro_timestamp(now),
        },
    });
    if let Some(node) = node {
        lease["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Node", "name": name(node), "uid": uid(node)}]);
    }
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The taints that a node gets, as its key and effect; none where they stay as they are.
    fn tainted(spec: Value) -> Option<Vec<String>> {
        let node = json!({"metadata": {"name": "n"}, "spec": spec, "status": {"conditions": conditions(0)}});
        let options = NodeOptions { schedules: true, ..NodeOptions::default() };
        let decision = decide(Some(&node), &options, 0);
        let [Action::Patch { body, .. }] = decision.actions.as_slice() else { return None };
        let taints = list(body, &["spec", "taints"]);
        Some(taints.map(|taint| format!("{}:{}", text(taint, &["key"]), text(taint, &["effect"]))).collect())
    }

    #[test]
    fn the_taints_of_a_node_follow_its_state() {
        let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
        let cordon = taint(UNSCHEDULABLE, "NoSchedule");
        let own = taint("dedicated", "NoSchedule");
        assert_eq!(tainted(json!({})), None);
        assert_eq!(
            tainted(json!({"taints": [own, taint(NOT_READY, "NoSchedule")]})),
            Some(vec!["dedicated:NoSchedule".into()])
        );
        assert_eq!(tainted(json!({"taints": [taint(NOT_READY, "NoExecute")]})), None);
        let cordoned = tainted(json!({"unschedulable": true, "taints": [own]}));
        assert_eq!(cordoned, Some(vec!["dedicated:NoSchedule".into(), format!("{UNSCHEDULABLE}:NoSchedule")]));
        assert_eq!(tainted(json!({"unschedulable": true, "taints": [cordon]})), None);
        assert_eq!(tainted(json!({"taints": [cordon]})), Some(Vec::new()));
    }
}
