//! The objects that the cluster has from the start: storage classes, as the tests' real control plane has them. The node registers
//! itself.

use holm_apiserver::{ApiError, ApiServer, GroupVersionResource, WriteOptions};
use serde_json::{Value, json};

/// The name of the node.
pub const NODE_NAME: &str = "holm-node";

/// The provisioner of the storage classes: the one that `kube-controller-manager` has for tests.
pub(crate) const PROVISIONER: &str = "kubernetes.io/host-path";

/// Who makes them.
const MANAGER: &str = "holm-embedded";

/// Makes the first objects of a new cluster. One in which the node was before is left as its user wants it.
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
    Ok(())
}

fn classes_of_the_tests() -> [Value; 2] {
    let class = |name: &str, mode: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": PROVISIONER,
            "volumeBindingMode": mode,
        })
    };
    let (mut standard, mut immediate) = (class("standard", "WaitForFirstConsumer"), class("immediate", "Immediate"));
    standard["metadata"]["annotations"] = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    immediate["allowVolumeExpansion"] = Value::Bool(true);
    [standard, immediate]
}
