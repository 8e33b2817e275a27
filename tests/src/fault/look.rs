//! What is really in the cluster, read without holm's own eyes, and what must not be there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holm_core::{Graph, ResourceId};
use holm_planner::inventory::{Inventory, InventoryPlace, PART_OF_LABEL, Root};
use http::Request;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

/// What a stack under trial may have, as group, kind and plural.
const KINDS: [(&str, &str, &str); 8] = [
    ("", "ConfigMap", "configmaps"),
    ("", "Secret", "secrets"),
    ("", "ServiceAccount", "serviceaccounts"),
    ("", "Service", "services"),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("", "Pod", "pods"),
    ("apps", "Deployment", "deployments"),
    ("apps", "ReplicaSet", "replicasets"),
];

/// How long the server may take to finish the deletion of a namespace by itself.
const SERVERS_TURN: Duration = Duration::from_secs(30);

/// The objects of one namespace, the namespace itself, and whatever else carries the label of the stack.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    objects: BTreeMap<ResourceId, Value>,
}

impl Picture {
    /// Takes it.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn take(client: &kube::Client, place: &InventoryPlace) -> Result<Self, String> {
        let namespace = &place.namespace;
        let within = KINDS.map(|(group, kind, plural)| {
            let path = format!("{}/namespaces/{namespace}/{plural}", root(group));
            async move { Ok::<_, String>((group, kind, list(client, &path).await?)) }
        });
        let label = format!("?labelSelector={PART_OF_LABEL}%3D{}", place.set_id);
        let marked = KINDS.into_iter().chain([("", "Namespace", "namespaces")]).map(|(group, kind, plural)| {
            let path = format!("{}/{plural}{label}", root(group));
            async move { Ok::<_, String>((group, kind, list(client, &path).await?)) }
        });
        let lists =
            futures::future::try_join(futures::future::try_join_all(within), futures::future::try_join_all(marked));
        let (within, marked) = lists.await?;
        let mut objects = BTreeMap::new();
        for (group, kind, items) in within.into_iter().chain(marked) {
            for item in items {
                let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
                let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name").unwrap_or_default());
                objects.insert(ResourceId::new(group, kind, namespace, name), item);
            }
        }
        Ok(Self { objects })
    }

    /// What is wrong with the values and identities of objects that are in both pictures, of which this is the later one.
    /// `replaced` says whether an object may be another one.
    pub fn faults_since(&self, earlier: &Self, replaced: impl Fn(&ResourceId) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        for (id, before) in &earlier.objects {
            let Some(after) = self.objects.get(id).filter(|_| is_declarable(id)) else { continue };
            if id.kind == "Secret" && before.get("data") != after.get("data") {
                faults.push(format!("the values of {id} changed"));
            }
            if uid(before) != uid(after) && !replaced(id) {
                faults.push(format!("{id} was deleted and made anew"));
            }
        }
        faults
    }

    /// Takes it at the end of a trial. A run that was killed after it had asked for the deletion of the namespace leaves
    /// nothing to its successor but to see that nothing is recorded any more: the server goes on by itself.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn final_one(client: &kube::Client, place: &InventoryPlace, is_destroyed: bool) -> Result<Self, String> {
        let namespace = ResourceId::new("", "Namespace", None, &place.namespace);
        let begun = Instant::now();
        loop {
            let picture = Self::take(client, place).await?;
            let object = picture.objects.get(&namespace);
            let is_going = object.is_some_and(|object| object.pointer("/metadata/deletionTimestamp").is_some());
            if !is_destroyed || !is_going || begun.elapsed() > SERVERS_TURN {
                return Ok(picture);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What is wrong with a stack that is applied and of which the inventory is the only list.
    pub fn faults_of_what_is_recorded(&self, place: &InventoryPlace) -> Vec<String> {
        self.faults_of_what_is_recorded_of(&BTreeSet::new(), place)
    }

    fn faults_of_what_is_recorded_of(&self, finished: &BTreeSet<&ResourceId>, place: &InventoryPlace) -> Vec<String> {
        let inventory_id = ResourceId::new("", "ConfigMap", Some(&place.namespace), &place.name);
        match self.objects.get(&inventory_id).map(|root| read(root, place)) {
            Some(Ok(inventory)) => self.faults_among(&inventory.entries.keys().collect(), finished, place),
            _ => vec!["there is no inventory that can be read".to_owned()],
        }
    }

    /// The objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&ResourceId, &Value)> {
        self.objects.iter()
    }

    /// The same without some objects.
    pub(crate) fn without(&self, is_left_out: impl Fn(&ResourceId) -> bool) -> Self {
        let kept = self.objects.iter().filter(|(id, _)| !is_left_out(id));
        Self { objects: kept.map(|(id, object)| (id.clone(), object.clone())).collect() }
    }

    /// What is wrong with a stack that is applied, and may still have what only goes with consent.
    pub(crate) fn faults_after_race(&self, graph: &Graph, place: &InventoryPlace) -> Vec<String> {
        let declared: BTreeSet<&ResourceId> = graph.resources().iter().map(|resource| &resource.id).collect();
        let mut faults = self.faults_of_what_is_recorded_of(&declared, place);
        let inventory_id = ResourceId::new("", "ConfigMap", Some(&place.namespace), &place.name);
        let Some(Ok(inventory)) = self.objects.get(&inventory_id).map(|root| read(root, place)) else {
            return faults;
        };
        let is_recorded = |id: &&&ResourceId| inventory.entries.contains_key(**id);
        let missing = declared.iter().filter(|id| !is_recorded(id));
        faults.extend(missing.map(|id| format!("the inventory does not name {id}")));
        let needs_consent = |id: &ResourceId| matches!(id.kind.as_str(), "Secret" | "Namespace");
        let left = inventory.entries.keys().filter(|id| !declared.contains(id) && !needs_consent(id));
        faults.extend(left.map(|id| format!("the inventory names {id}, which is not declared")));
        faults
    }

    /// What is wrong with a stack that is applied.
    pub fn faults_when_applied(&self, graph: &Graph, place: &InventoryPlace) -> Vec<String> {
        let declared = graph.resources().iter().map(|resource| &resource.id).collect();
        self.faults_among(&declared, &declared, place)
    }

    fn faults_among(
        &self,
        declared: &BTreeSet<&ResourceId>,
        finished: &BTreeSet<&ResourceId>,
        place: &InventoryPlace,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let inventory_id = ResourceId::new("", "ConfigMap", Some(&place.namespace), &place.name);
        for (id, object) in &self.objects {
            let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(PART_OF_LABEL));
            let is_marked = label.and_then(Value::as_str) == Some(place.set_id.as_str());
            let is_declared = declared.contains(id);
            if is_marked != is_declared {
                let what = if is_marked { "is marked as ours and not declared" } else { "is declared and not marked" };
                faults.push(format!("{id} {what}"));
            }
            let is_made_by_others = matches!(id.name.as_str(), "kube-root-ca.crt" | "default");
            if is_declarable(id) && !is_declared && *id != inventory_id && !is_made_by_others {
                faults.push(format!("{id} is an orphan"));
            }
            if !is_declarable(id) && self.is_without_owner(object) {
                faults.push(format!("{id} has an owner that is gone"));
            }
            if object.pointer("/metadata/deletionTimestamp").is_some() && is_declarable(id) {
                faults.push(format!("{id} is being deleted"));
            }
        }
        for id in declared.iter().filter(|id| !self.objects.contains_key(id)) {
            faults.push(format!("{id} is declared and not there"));
        }
        match self.objects.get(&inventory_id).map(|root| read(root, place)) {
            None => faults.push("there is no inventory".to_owned()),
            Some(Err(error)) => faults.push(format!("the inventory cannot be read: {error}")),
            Some(Ok(inventory)) => faults.extend(self.faults_of_inventory(&inventory, declared, finished)),
        }
        faults
    }

    /// What is wrong with a stack that is destroyed.
    pub fn faults_when_destroyed(&self) -> Vec<String> {
        self.objects.keys().map(|id| format!("{id} is left")).collect()
    }

    /// What is wrong with the rows. Those of `finished` must have a digest: what is kept without being declared may be left
    /// by a run that was killed, and nobody knows its declaration.
    fn faults_of_inventory(
        &self,
        inventory: &Inventory,
        declared: &BTreeSet<&ResourceId>,
        finished: &BTreeSet<&ResourceId>,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        for (id, entry) in &inventory.entries {
            if !declared.contains(id) {
                faults.push(format!("the inventory names {id}, which is not declared"));
            }
            if entry.uid.as_deref() != self.objects.get(id).and_then(uid) {
                faults.push(format!(
                    "the inventory has {} as the uid of {id}",
                    entry.uid.as_deref().unwrap_or("nothing")
                ));
            }
        }
        let unfinished = declared.iter().filter(|id| {
            finished.contains(**id) && inventory.entries.get(**id).is_some_and(|entry| entry.digest.is_empty())
        });
        faults.extend(unfinished.map(|id| format!("the inventory has no digest of {id}")));
        let missing = declared.iter().filter(|id| !inventory.entries.contains_key(id));
        faults.extend(missing.map(|id| format!("the inventory does not name {id}")));
        faults
    }

    /// Whether what made an object is gone, while the object is not going itself.
    fn is_without_owner(&self, object: &Value) -> bool {
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return false;
        }
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let uids: BTreeSet<&str> = self.objects.values().filter_map(uid).collect();
        owners.into_iter().flatten().any(|owner| owner["uid"].as_str().is_some_and(|owner| !uids.contains(owner)))
    }
}

/// Whether the object is of a kind that the stacks declare, rather than of one that controllers make.
fn is_declarable(id: &ResourceId) -> bool {
    !matches!(id.kind.as_str(), "Pod" | "ReplicaSet")
}

fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}

fn root(group: &str) -> String {
    if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") }
}

async fn list(client: &kube::Client, path: &str) -> Result<Vec<Value>, String> {
    let mut list = request(client, Request::get(path)).await?.ok_or_else(|| format!("{path} is not served"))?;
    match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// Deletes a namespace and everything in it, and waits until it is gone.
///
/// # Errors
/// When the server does not answer as it should, or it is not gone after a minute.
pub async fn wipe(client: &kube::Client, namespace: &str) -> Result<(), String> {
    let path = format!("/api/v1/namespaces/{namespace}");
    request(client, Request::delete(&path)).await?;
    for _ in 0..600 {
        if request(client, Request::get(&path)).await?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("the namespace {namespace} is not gone after a minute"))
}

/// The JSON of an answer; none where there is no such thing.
async fn request(client: &kube::Client, request: http::request::Builder) -> Result<Option<Value>, String> {
    let request = request.body(Body::empty()).map_err(|error| error.to_string())?;
    let response = client.send(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = response.into_body().collect_bytes().await.map_err(|error| error.to_string())?;
    if status == http::StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !status.is_success() && status != http::StatusCode::CONFLICT {
        return Err(format!("the server answered {status}: {}", String::from_utf8_lossy(&body)));
    }
    serde_json::from_slice(&body).map(Some).map_err(|error| error.to_string())
}

/// The inventory of a stack that is too small for shards.
fn read(root: &Value, place: &InventoryPlace) -> Result<Inventory, String> {
    match Inventory::read_root(root, place).map_err(|error| error.to_string())? {
        Root::Whole(inventory) => Ok(*inventory),
        Root::Shards(names) => Err(format!("it is spread over {}", names.join(", "))),
    }
}
