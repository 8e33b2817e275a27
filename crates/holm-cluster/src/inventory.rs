//! Reads the inventory from its ConfigMaps.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use holm_core::{ApiKind, ResourceId};
use holm_planner::inventory::{Inventory, InventoryError, InventoryPlace, Root, signature};
use serde_json::Value;

use crate::error::{ClusterError, RequestError};
use crate::observe::get;
use crate::transport::Transport;

/// How often an inventory is read again whose shards were exchanged while it was read.
const READ_AGAIN: usize = 3;
/// How many shards are read at the same time.
const AT_ONCE: usize = 8;

/// The inventory as it is stored.
pub(crate) struct Found {
    /// Its ConfigMap; of a large one, the root.
    pub(crate) root: Value,
    /// What it holds.
    pub(crate) inventory: Inventory,
}

/// Reads the inventory; none where there is none yet.
pub(crate) async fn read(transport: &Transport, place: &InventoryPlace) -> Result<Option<Found>, ClusterError> {
    let root_id = place.id();
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(root) = read_one(transport, &root_id, place).await? else { return Ok(None) };
        let names = match Inventory::read_root(&root, place)? {
            Root::Whole(inventory) => return Ok(Some(Found { root, inventory: *inventory })),
            Root::Shards(names) => names,
        };
        let shards: BTreeMap<String, Value> = stream::iter(names)
            .map(|name| async move {
                let id = ResourceId::new("", "ConfigMap", Some(&place.namespace), &name);
                Ok::<_, ClusterError>(read_one(transport, &id, place).await?.map(|shard| (name, shard)))
            })
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|shard| async move { Ok(shard) })
            .try_collect()
            .await?;
        match Inventory::read_shards(&root, &shards, place) {
            Ok(inventory) => return Ok(Some(Found { root, inventory })),
            // Another run may have exchanged them: the root names others then.
            Err(error @ InventoryError::Incomplete { .. }) => {
                let newer = read_one(transport, &root_id, place).await?;
                if tries >= READ_AGAIN || newer.as_ref().and_then(signature) == signature(&root) {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn read_one(
    transport: &Transport,
    id: &ResourceId,
    place: &InventoryPlace,
) -> Result<Option<Value>, ClusterError> {
    get(transport, &config_map_kind(), id).await.map_err(|source| unreadable(source, place))
}

fn unreadable(source: Box<RequestError>, place: &InventoryPlace) -> ClusterError {
    let (namespace, name) = (place.namespace.clone(), place.name.clone());
    ClusterError::InventoryUnreadable { namespace, name, source }
}

/// The kind of the inventory's ConfigMap.
pub(crate) fn config_map_kind() -> ApiKind {
    ApiKind::core("ConfigMap", "configmaps")
}
