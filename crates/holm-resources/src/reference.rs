//! What references are good for: keys, pod labels, addresses.

use std::collections::BTreeMap;

use holm_core::{FieldPath, Input, Kind, Name, Ref, ResourceId};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use crate::env::{ConfigKey, SecretKey};
use crate::kind;

/// References to what holds values by key: Secrets and ConfigMaps.
pub trait Keyed {
    /// What stands for one key.
    type Key;

    /// One key, for an environment variable. That the key exists is checked when the graph is built.
    fn key(&self, key: &str) -> Self::Key;
}

impl Keyed for Ref<kind::Secret> {
    type Key = SecretKey;

    fn key(&self, key: &str) -> SecretKey {
        SecretKey { name: self.name().to_string(), key: key.to_owned(), optional: None }
    }
}

impl Keyed for Ref<kind::ConfigMap> {
    type Key = ConfigKey;

    fn key(&self, key: &str) -> ConfigKey {
        ConfigKey { name: self.name().to_string(), key: key.to_owned(), optional: None }
    }
}

/// References to what runs pods, such as a Deployment.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not a reference to a workload",
    label = "not a reference to a Deployment, StatefulSet or the like",
    note = "a builder has to be added to the stack first: `let web = stack.add(Deployment::new(\"web\"))`, then pass `&web`"
)]
pub trait Workload {
    /// The identity of the workload.
    fn id(&self) -> &ResourceId;

    /// The labels of its pods, as declared; none for a workload outside the stack.
    fn pod_labels(&self) -> BTreeMap<String, String>;

    /// The selector of its pods, for a PodDisruptionBudget or a NetworkPolicy: its own, or else the labels of its pods.
    fn pod_selector(&self) -> LabelSelector;
}

impl<K: RunsPods> Workload for Ref<K> {
    fn id(&self) -> &ResourceId {
        Ref::id(self)
    }

    fn pod_labels(&self) -> BTreeMap<String, String> {
        let labels = self.declared().pointer(K::LABELS).and_then(Value::as_object);
        labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    fn pod_selector(&self) -> LabelSelector {
        let selector = self.declared().pointer("/spec/selector");
        selector
            .and_then(|selector| serde_json::from_value(selector.clone()).ok())
            .unwrap_or_else(|| LabelSelector { match_labels: Some(self.pod_labels()), ..LabelSelector::default() })
    }
}

/// The kinds that run pods.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` runs no pods",
    label = "no workload",
    note = "the pods of a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or Pod can be selected"
)]
pub trait RunsPods: Kind {
    /// The JSON pointer to the labels of the pods.
    #[doc(hidden)]
    const LABELS: &'static str = "/spec/template/metadata/labels";
}

impl RunsPods for kind::Deployment {}
impl RunsPods for kind::StatefulSet {}
impl RunsPods for kind::DaemonSet {}
impl RunsPods for kind::ReplicaSet {}
impl RunsPods for kind::Job {}
impl RunsPods for kind::Pod {
    const LABELS: &'static str = "/metadata/labels";
}

/// The address of a Service. Whoever uses it depends on the Service.
pub trait ServiceAddress {
    /// The name in the cluster's DNS: `NAME.NAMESPACE.svc.cluster.local`.
    fn dns_name(&self) -> Name;

    /// The number of its first port: as declared, or as the server has it where the Service is outside the stack. It is text where
    /// text is needed, such as in an environment variable, and a number where a number is.
    fn port(&self) -> Input;
}

impl ServiceAddress for Ref<kind::Service> {
    fn dns_name(&self) -> Name {
        self.named(format!("{}.{}.svc.cluster.local", self.name(), self.namespace().unwrap_or("default")))
    }

    fn port(&self) -> Input {
        let path = "spec.ports[0].port";
        let declared =
            path.parse::<FieldPath>().ok().and_then(|path| path.get(self.declared()).and_then(Value::as_u64));
        declared.map_or_else(|| self.field(path), |port| self.named(port.to_string()).into())
    }
}
