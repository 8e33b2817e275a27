//! The objects that every cluster has.
//!
//! From `k8s.io/kubernetes`, `pkg/controlplane/controller/systemnamespaces`, `pkg/controlplane/controller/kubernetesservice`,
//! `pkg/controller/serviceaccount` and `pkg/controller/certificates/rootcacertpublisher`.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::options::WriteOptions;
use crate::state::State;
use crate::write::Draft;

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// The certificate that clients inside the cluster would trust. There is none; the text says so.
const NO_CERTIFICATE: &str = "the embedded cluster has no certificate authority\n";

/// Makes the first objects of a new cluster.
pub(crate) fn run(state: &mut State) -> Result<(), ApiError> {
    for name in NAMESPACES {
        create(
            state,
            "namespaces",
            "",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            "kube-apiserver",
        )?;
    }
    for (name, value, description) in [
        (
            "system-cluster-critical",
            2_000_000_000_i64,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ] {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value, "description": description});
        create(state, "priorityclasses.scheduling.k8s.io", "", class, "kube-apiserver")?;
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    });
    create(state, "services", "default", service, "kube-apiserver")
}

/// Gives a namespace what every namespace has.
pub(crate) fn fill_namespace(state: &mut State, namespace: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    let certificate = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-root-ca.crt", "annotations": {"kubernetes.io/description":
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal \
             service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
        "data": {"ca.crt": NO_CERTIFICATE},
    });
    for (resource, object) in [("serviceaccounts", account), ("configmaps", certificate)] {
        let name = crate::object::name(&object).to_owned();
        if state.find(resource, namespace, &name).is_none() {
            // The namespace is there and the objects are right, so nothing can refuse them.
            let _ = create(state, resource, namespace, object, "kube-controller-manager");
        }
    }
}

fn create(state: &mut State, resource: &str, namespace: &str, object: Value, manager: &str) -> Result<(), ApiError> {
    let Some(resource) = state.registry.by_id(resource).cloned() else { return Err(ApiError::no_resource()) };
    state.create(&resource, namespace, Draft::of(object), &WriteOptions::by(manager)).map(|_| ())
}
