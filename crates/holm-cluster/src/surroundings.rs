//! What an object's readiness depends on beside itself: asked once each, and remembered.

use std::collections::BTreeMap;
use std::sync::Mutex;

use holm_core::readiness::Surroundings;
use holm_core::{ApiKind, ResourceId, Scope, catalog};
use holm_executor::Surround;
use serde::Deserialize;
use serde_json::Value;

use crate::observe::get;
use crate::transport::{Call, Query, Transport, locked};

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unknown {
    /// Whether claims of this storage class wait for their first consumer.
    WaitsForFirstConsumer(String),
    /// Whether a custom resource has a status of its own: API group and version as in the path, and plural.
    HasStatus(String, String),
}

/// What is known so far. None for what could not be found out.
#[derive(Default)]
pub(crate) struct Knowledge(Mutex<BTreeMap<Unknown, Option<bool>>>);

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<ServedResource>,
}

#[derive(Deserialize)]
struct ServedResource {
    name: String,
}

impl Knowledge {
    /// What is known about the surroundings of an object, and what should be found out first.
    pub(crate) fn known(&self, kind: &ApiKind, object: &Value) -> (Surroundings, Option<Unknown>) {
        let mut surroundings = Surroundings::default();
        let Some(unknown) = needed(kind, object) else { return (surroundings, None) };
        let Some(answer) = locked(&self.0).get(&unknown).copied() else { return (surroundings, Some(unknown)) };
        match unknown {
            Unknown::WaitsForFirstConsumer(_) => surroundings.waits_for_first_consumer = answer,
            Unknown::HasStatus(..) => surroundings.has_status_subresource = answer,
        }
        (surroundings, None)
    }

    /// Finds out what is not known yet about the surroundings of an object, and remembers it.
    pub(crate) async fn find_out(&self, transport: &Transport, kind: &ApiKind, object: &Value) {
        let (_, Some(unknown)) = self.known(kind, object) else { return };
        let answer = match &unknown {
            Unknown::WaitsForFirstConsumer(class) => waits_for_first_consumer(transport, class).await,
            Unknown::HasStatus(group_version, plural) => has_status(transport, group_version, plural).await,
        };
        locked(&self.0).insert(unknown, answer);
    }
}

impl Surround for Knowledge {
    fn about(&self, kind: &ApiKind, object: &Value) -> (Surroundings, Option<String>) {
        let (surroundings, unknown) = self.known(kind, object);
        (surroundings, unknown.map(|unknown| format!("{unknown:?}")))
    }
}

fn needed(kind: &ApiKind, object: &Value) -> Option<Unknown> {
    if kind.group.is_empty() && kind.kind == "PersistentVolumeClaim" {
        let is_pending = object.pointer("/status/phase").and_then(Value::as_str) == Some("Pending");
        let class = object.pointer("/spec/storageClassName").and_then(Value::as_str).filter(|class| !class.is_empty());
        return class.filter(|_| is_pending).map(|class| Unknown::WaitsForFirstConsumer(class.to_owned()));
    }
    let is_custom = catalog::find(&kind.api_version(), &kind.kind).is_none();
    let has_no_status = object.get("status").is_none_or(Value::is_null);
    (is_custom && has_no_status && !kind.group.is_empty())
        .then(|| Unknown::HasStatus(kind.api_version(), kind.plural.clone()))
}

async fn waits_for_first_consumer(transport: &Transport, class: &str) -> Option<bool> {
    let kind = ApiKind {
        group: "storage.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "StorageClass".to_owned(),
        plural: "storageclasses".to_owned(),
        scope: Scope::Cluster,
    };
    let id = ResourceId::new(&kind.group, &kind.kind, None, class);
    let object = get(transport, &kind, &id).await.ok()??;
    Some(object.get("volumeBindingMode").and_then(Value::as_str) == Some("WaitForFirstConsumer"))
}

async fn has_status(transport: &Transport, group_version: &str, plural: &str) -> Option<bool> {
    let call = Call::get(Query::path(&format!("/apis/{group_version}")).into_string());
    let list: ResourceList = transport.json(&call).await.ok()?;
    let status = format!("{plural}/status");
    Some(list.resources.iter().any(|resource| resource.name == status))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::core_kind;

    #[test]
    fn only_a_pending_claim_with_a_class_needs_its_class() {
        let kind = core_kind("PersistentVolumeClaim", "persistentvolumeclaims", Scope::Namespaced);
        let claim = |phase: &str, class: &str| json!({"spec": {"storageClassName": class}, "status": {"phase": phase}});
        let class = Some(Unknown::WaitsForFirstConsumer("fast".into()));
        assert_eq!(needed(&kind, &claim("Pending", "fast")), class);
        assert_eq!(needed(&kind, &claim("Bound", "fast")), None);
        assert_eq!(needed(&kind, &claim("Pending", "")), None);
        let knowledge = Knowledge::default();
        assert_eq!(knowledge.known(&kind, &claim("Pending", "fast")).1, class);
    }
}
