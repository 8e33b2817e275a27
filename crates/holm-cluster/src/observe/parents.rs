//! Finds the stacks that manage the objects of others.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::ResourceId;
use holm_planner::inventory::{InventoryPlace, PART_OF_LABEL, SET_ID_LABEL};
use holm_planner::observe::Live;
use holm_planner::ownership::{SetParent, part_of};
use serde_json::Value;

use crate::error::ClusterError;
use crate::inventory::config_map_kind;
use crate::transport::{Call, Query, Transport};

/// Finds the parents of all sets other than our own that live objects are members of. Most are inferred from the objects
/// themselves; the others cost a list of ConfigMaps each.
pub(super) async fn find(
    transport: &Transport,
    live: &BTreeMap<ResourceId, Live>,
    place: &InventoryPlace,
) -> Result<BTreeMap<String, SetParent>, ClusterError> {
    let mut parents = BTreeMap::new();
    for (id, live) in live {
        let Live::Found(packed) = live else { continue };
        // Nearly every object is our own, so that the text is searched before any is opened.
        if packed.text().contains(&place.set_id) || !packed.text().contains(PART_OF_LABEL) {
            continue;
        }
        let object = packed.open();
        let Some(set_id) = part_of(&object).filter(|set| !parents.contains_key(*set)) else { continue };
        let mut namespaces = BTreeSet::from([place.namespace.as_str(), "default"]);
        namespaces.extend(id.namespace.as_deref());
        if id.is("", "Namespace") {
            namespaces.insert(&id.name);
        }
        let namespaces: Vec<&str> = namespaces.into_iter().collect();
        let parent = match SetParent::inferred(&object, set_id, &namespaces) {
            Some(parent) => parent,
            None => listed(transport, set_id, &namespaces).await?,
        };
        parents.insert(set_id.to_owned(), parent);
    }
    Ok(parents)
}

/// Looks for the ConfigMap with the label of the set: everywhere, or, without the right to, where the object is.
async fn listed(transport: &Transport, set_id: &str, namespaces: &[&str]) -> Result<SetParent, ClusterError> {
    for namespace in std::iter::once(None).chain(namespaces.iter().map(|namespace| Some(*namespace))) {
        let query = Query::collection(&config_map_kind(), namespace)
            .with("labelSelector", &format!("{SET_ID_LABEL}={set_id}"))
            .with("limit", "1");
        match transport.json::<Value>(&Call::get(query.into_string())).await {
            Ok(list) => {
                if let Some(found) = list.pointer("/items/0") {
                    return Ok(SetParent::of_config_map(found, set_id));
                }
                if namespace.is_none() {
                    break;
                }
            }
            Err(error) if error.is_about_the_connection() => return Err(ClusterError::Request(error)),
            Err(_) => {}
        }
    }
    Ok(SetParent::Unknown(set_id.to_owned()))
}
