//! The stacks of a program that a cluster has.

use std::collections::BTreeMap;

use holm_planner::inventory::{Inventory, InventoryPlace, Root, SET_ID_LABEL};
use serde_json::Value;

use crate::Cluster;
use crate::error::{ClusterError, RequestError};
use crate::inventory::{self, config_map_kind};
use crate::transport::{Call, Patience, Query};

const PAGE_SIZE: &str = "100";

/// A stack, as its inventory records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackRecord {
    /// Its name.
    pub stack: String,
    /// The namespace of its inventory.
    pub namespace: String,
    /// What the inventory contains; the reason where it cannot be read.
    pub contents: Result<StackContents, String>,
}

/// What the inventory of a stack contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackContents {
    /// How many objects the stack manages.
    pub objects: usize,
    /// How often it was applied.
    pub revision: u64,
    /// Whether a run is under way, or was killed.
    pub is_open: bool,
}

/// The stacks of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stacks {
    /// The stacks, by namespace and name.
    pub stacks: Vec<StackRecord>,
    /// The only namespace that was searched, where the cluster as a whole may not be; none where all of it was.
    pub only_in: Option<String>,
}

impl Cluster {
    /// Returns the stacks of `program`: of the whole cluster, or, without the right to list its ConfigMaps, of `namespace`.
    ///
    /// # Errors
    /// When neither may be listed, or the server is out of reach.
    pub async fn stacks(&self, program: &str, namespace: &str) -> Result<Stacks, ClusterError> {
        let (config_maps, only_in) = match self.inventories(None).await {
            Ok(found) => (found, None),
            Err(error) if error.is_forbidden() => {
                let found = self.inventories(Some(namespace)).await.map_err(ClusterError::Request)?;
                (found, Some(namespace.to_owned()))
            }
            Err(error) => return Err(ClusterError::Request(error)),
        };
        let mut stacks = BTreeMap::new();
        for config_map in config_maps {
            let Some((owner, stack, place)) = InventoryPlace::of_config_map(&config_map) else { continue };
            if owner != program {
                continue;
            }
            let contents = match self.contents(&config_map, &place).await {
                Ok(None) => continue,
                Ok(Some(inventory)) => Ok(StackContents {
                    objects: inventory.entries.len(),
                    revision: inventory.revision,
                    is_open: inventory.is_open(),
                }),
                Err(error) if error.request().is_some_and(RequestError::is_about_the_connection) => return Err(error),
                Err(error) => Err(error.to_string()),
            };
            let record = StackRecord { stack, namespace: place.namespace, contents };
            stacks.insert((record.namespace.clone(), record.stack.clone()), record);
        }
        Ok(Stacks { stacks: stacks.into_values().collect(), only_in })
    }

    /// What an inventory contains, of which `root` was read; none where it is gone by now.
    async fn contents(&self, root: &Value, place: &InventoryPlace) -> Result<Option<Inventory>, ClusterError> {
        match Inventory::read_root(root, place)? {
            Root::Whole(inventory) => Ok(Some(*inventory)),
            Root::Shards(_) => Ok(inventory::read(&self.transport, place).await?.map(|found| found.inventory)),
        }
    }

    /// The ConfigMaps that are inventories of any program.
    async fn inventories(&self, namespace: Option<&str>) -> Result<Vec<Value>, Box<RequestError>> {
        let base = Query::collection(&config_map_kind(), namespace)
            .with("labelSelector", SET_ID_LABEL)
            .with("limit", PAGE_SIZE);
        let mut found = Vec::new();
        let mut query = base.clone();
        loop {
            let list: Value = self.transport.json(&Call::get(query.into_string()).patience(Patience::PAGE)).await?;
            found.extend(list["items"].as_array().into_iter().flatten().cloned());
            match list["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => query = base.clone().with("continue", token),
                None => return Ok(found),
            }
        }
    }
}
