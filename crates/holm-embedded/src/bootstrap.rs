//! The objects that the cluster has from the start: storage classes and the node, as the tests' real control plane has them.

use holm_apiserver::{ApiError, ApiServer, GroupVersionResource, WriteOptions};
use serde_json::{Value, json};

/// The name of the node.
pub const NODE_NAME: &str = "holm-node";

/// Who makes them.
const MANAGER: &str = "holm-embedded";

/// Makes the first objects of a new cluster. One that was there before is left as its user wants it.
pub(crate) fn run(api: &ApiServer) -> Result<(), ApiError> {
    let nodes = api.objects(&GroupVersionResource::new("", "v1", "nodes"))?;
    if nodes.get("", NODE_NAME).is_some() {
        return Ok(());
    }
    let options = WriteOptions::by(MANAGER);
    let classes = api.objects(&GroupVersionResource::new("storage.k8s.io", "v1", "storageclasses"))?;
    for class in classes_of_the_tests() {
        let name = class["metadata"]["name"].as_str().unwrap_or_default();
        if classes.get("", name).is_none() {
            classes.create(class, &options)?;
        }
    }
    // Last, because it tells that all is there.
    nodes.create(node(), &options)?;
    Ok(())
}

fn classes_of_the_tests() -> [Value; 2] {
    let class = |name: &str, mode: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/host-path",
            "volumeBindingMode": mode,
        })
    };
    let (mut standard, mut immediate) = (class("standard", "WaitForFirstConsumer"), class("immediate", "Immediate"));
    standard["metadata"]["annotations"] = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    immediate["allowVolumeExpansion"] = Value::Bool(true);
    [standard, immediate]
}

/// A node as its kubelet registers it, but for its conditions and addresses, which the simulated kubelet reports.
fn node() -> Value {
    let capacity = json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "10k"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": NODE_NAME, "labels": {
            "kubernetes.io/hostname": NODE_NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        }},
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64", "osImage": "simulated",
                "kubeletVersion": "v1.37.2", "containerRuntimeVersion": "containerd://2.2.0",
            },
        },
    })
}
