//! Where a stack was before its namespace changed.

use holm_planner::inventory::{InventoryPlace, SET_ID_LABEL};
use serde_json::Value;

use crate::Cluster;
use crate::inventory::config_map_kind;
use crate::transport::{Call, Query};

/// Asks for names and labels only.
const ONLY_METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

impl Cluster {
    /// Returns the other namespaces in which a stack of this name has an inventory, sorted: the same stack before its namespace
    /// changed, or one that lives beside it. Costs one list, and finds nothing without the right to it.
    pub async fn inventories_elsewhere(&self, place: &InventoryPlace) -> Vec<String> {
        let query = Query::collection(&config_map_kind(), None)
            .with("labelSelector", SET_ID_LABEL)
            .with("fieldSelector", &format!("metadata.name={}", place.name));
        let call = Call { accept: ONLY_METADATA, ..Call::get(query.into_string()) };
        let Ok(list) = self.transport.json::<Value>(&call).await else { return Vec::new() };
        let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
        let mut namespaces: Vec<String> = items
            .filter_map(|item| item.pointer("/metadata/namespace")?.as_str())
            .filter(|namespace| *namespace != place.namespace)
            .map(str::to_owned)
            .collect();
        namespaces.sort();
        namespaces
    }
}
