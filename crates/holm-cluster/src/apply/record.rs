//! Keeps the inventory in its ConfigMaps, so that two runs notice each other.
//!
//! The first write is a plain create, which fails where there is one already; every later one names the uid and
//! resourceVersion that it replaces. Each write has a signature of its own, so that what is stored is always known to be this
//! write or another one. A run that takes the inventory over raises its epoch; a run that lost it adds what it wrote to the
//! other run's record without raising it. So an equal epoch with other content is an addition, and another epoch is another run.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use holm_core::ResourceId;
use holm_planner::inventory::{Entry, Inventory, InventoryPlace, Phase, Stored, shard_names, signature};
use http::Method;
use serde_json::{Value, json};

use crate::error::{ClusterError, RequestError, Trouble};
use crate::inventory::{Found, config_map_kind, read};
use crate::observe::get;
use crate::transport::{APPLY, Call, JSON, Query, Transport};

/// Who writes the inventory, as KEP-3659 wants it: the tool's name and version.
const TOOLING: &str = concat!("holm/v", env!("CARGO_PKG_VERSION"));
/// How often a write is tried that meets changes of others beside the inventory.
const TRIES: u32 = 4;
/// How many shards are written or deleted at the same time.
const AT_ONCE: usize = 8;
/// Asks for metadata only.
const ONLY_METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

/// The inventory's place, and which version of it is known.
pub(super) struct Store<'a> {
    transport: &'a Transport,
    place: &'a InventoryPlace,
    /// What is stored; none while nothing is.
    known: Option<Known>,
}

/// What is stored, as far as this run knows.
struct Known {
    uid: String,
    version: String,
    signature: Option<String>,
    /// `data` and `binaryData`.
    content: Value,
    epoch: u64,
    shards: Vec<String>,
}

/// Why the inventory could not be written, or is not what this run wrote.
pub(super) enum RecordError {
    /// Another run took it over.
    Moved,
    /// A run that lost the inventory to this one added what it had written, or has recorded the same epoch.
    Added(Box<Inventory>),
    /// The request failed.
    Request(Box<RequestError>),
    /// What is stored cannot be read.
    Unreadable(Box<ClusterError>),
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Moved => f.write_str("another run took the inventory over"),
            Self::Added(_) => f.write_str("another run added to the inventory"),
            Self::Request(error) => error.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

impl From<Box<RequestError>> for RecordError {
    fn from(error: Box<RequestError>) -> Self {
        Self::Request(error)
    }
}

impl From<ClusterError> for RecordError {
    fn from(error: ClusterError) -> Self {
        Self::Unreadable(Box::new(error))
    }
}

impl<'a> Store<'a> {
    /// Returns the store as it was observed: the root ConfigMap and the epoch of the inventory in it.
    pub(super) fn new(transport: &'a Transport, place: &'a InventoryPlace, root: Option<&Value>, epoch: u64) -> Self {
        let known = root.and_then(|root| Known::of(root, epoch));
        Self { transport, place, known }
    }

    /// Writes the inventory over the version that is known.
    pub(super) async fn write(&mut self, inventory: &Inventory) -> Result<(), RecordError> {
        let signature = getrandom::u64().map(|number| format!("{number:016x}")).unwrap_or_default();
        let Stored { root, shards } = inventory.to_config_maps(self.place, TOOLING, &signature);
        if shards.is_empty() {
            return self.write_root(root, inventory.epoch).await;
        }
        if self.known.is_none() {
            // The shards name their owner, so that they go with it.
            let empty = Inventory { phase: Phase::Intended, epoch: inventory.epoch, ..Inventory::default() };
            let root = empty.to_config_maps(self.place, TOOLING, &signature).root;
            self.write_root(root, inventory.epoch).await?;
        }
        self.write_shards(shards).await?;
        self.write_root(root, inventory.epoch).await
    }

    /// Makes sure that what is stored is still what this run knows. Costs one read of metadata.
    pub(super) async fn check(&mut self) -> Result<(), RecordError> {
        let path = Query::object(&config_map_kind(), &self.place.id()).into_string();
        let call = Call { accept: ONLY_METADATA, ..Call::get(path) };
        let found: Value = match self.transport.json(&call).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => {
                return if self.known.is_none() { Ok(()) } else { Err(RecordError::Moved) };
            }
            Err(error) => return Err(error.into()),
        };
        let Some(known) = &mut self.known else { return Err(RecordError::Moved) };
        let Some((uid, version)) = identity(&found) else { return Err(RecordError::Moved) };
        if uid != known.uid {
            return Err(RecordError::Moved);
        }
        if version == known.version {
            return Ok(());
        }
        if known.signature.is_some() && known.signature.as_deref() == signature(&found) {
            // Another client changed something else, such as a label.
            known.version = version;
            return Ok(());
        }
        let Some(found) = read(self.transport, self.place).await? else { return Err(RecordError::Moved) };
        self.follow(found, 0)
    }

    /// Deletes the inventory, which has nothing in it any more. Its shards are collected with it.
    pub(super) async fn delete(&mut self) -> Result<(), RecordError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Some(known) = &self.known else { return Ok(()) };
            let options = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": {"uid": known.uid, "resourceVersion": known.version},
            });
            let path = Query::object(&config_map_kind(), &self.place.id()).into_string();
            let call = Call::send(Method::DELETE, path, JSON, options.to_string().into_bytes());
            match self.transport.call(&call).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if matches!(error.trouble, Trouble::Conflict(_)) => {
                    let found = read(self.transport, self.place).await?.ok_or(RecordError::Moved)?;
                    self.follow(found, tries)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn write_root(&mut self, mut root: Value, epoch: u64) -> Result<(), RecordError> {
        let mut tries = 0;
        let stored: Value = loop {
            tries += 1;
            let call = self.write_call(&mut root);
            match self.transport.json(&call).await {
                Ok(stored) => break stored,
                Err(error) => match error.trouble {
                    Trouble::AlreadyExists(_) | Trouble::Conflict(_) => {
                        let found = get(self.transport, &config_map_kind(), &self.place.id()).await?;
                        let found = found.ok_or(RecordError::Moved)?;
                        // What this very write stored without its answer arriving.
                        if content(&found) == content(&root) {
                            break found;
                        }
                        let found = read(self.transport, self.place).await?.ok_or(RecordError::Moved)?;
                        self.follow(found, tries)?;
                    }
                    Trouble::NotFound(_) if self.known.is_some() => return Err(RecordError::Moved),
                    _ => return Err(error.into()),
                },
            }
        };
        let before = self.known.take().map(|known| known.shards).unwrap_or_default();
        self.known = Known::of(&stored, epoch);
        let kept = self.known.as_ref().map(|known| known.shards.as_slice()).unwrap_or_default();
        let old: Vec<String> = before.into_iter().filter(|name| !kept.contains(name)).collect();
        self.delete_shards(old).await;
        Ok(())
    }

    fn write_call(&self, body: &mut Value) -> Call<'static> {
        let id = self.place.id();
        let manager = &self.place.field_manager;
        let Some(known) = &self.known else {
            let query = Query::collection(&config_map_kind(), id.namespace.as_deref()).with("fieldManager", manager);
            return Call::send(Method::POST, query.into_string(), JSON, body.to_string().into_bytes());
        };
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), Value::String(known.uid.clone()));
            metadata.insert("resourceVersion".to_owned(), Value::String(known.version.clone()));
        }
        // Forced, because the fields of the first create count as another manager's.
        let query = Query::object(&config_map_kind(), &id).with("fieldManager", manager).with("force", "true");
        Call::send(Method::PATCH, query.into_string(), APPLY, body.to_string().into_bytes())
    }

    async fn write_shards(&self, shards: Vec<Value>) -> Result<(), RecordError> {
        let owner = self
            .known
            .as_ref()
            .map(|known| json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": self.place.name, "uid": known.uid}]));
        let query = Query::collection(&config_map_kind(), Some(&self.place.namespace))
            .with("fieldManager", &self.place.field_manager)
            .into_string();
        stream::iter(shards)
            .map(|mut shard| {
                if let (Some(owner), Some(metadata)) = (&owner, shard["metadata"].as_object_mut()) {
                    metadata.insert("ownerReferences".to_owned(), owner.clone());
                }
                let call = Call::send(Method::POST, query.clone(), JSON, shard.to_string().into_bytes());
                async move {
                    match self.transport.call(&call).await {
                        Ok(_) => Ok(()),
                        // The names are those of this write alone.
                        Err(error) if matches!(error.trouble, Trouble::AlreadyExists(_)) => Ok(()),
                        Err(error) => Err(RecordError::Request(error)),
                    }
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }

    /// Deletes shards that the root does not name any more. What stays is collected with the root.
    async fn delete_shards(&self, names: Vec<String>) {
        stream::iter(names)
            .for_each_concurrent(AT_ONCE, |name| async move {
                let id = ResourceId::new("", "ConfigMap", Some(&self.place.namespace), &name);
                let path = Query::object(&config_map_kind(), &id).into_string();
                let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
                let call = Call::send(Method::DELETE, path, JSON, options.to_string().into_bytes());
                drop(self.transport.call(&call).await);
            })
            .await;
    }

    /// Takes the version over that was found after a conflict, where what it holds is what this run knows: then another client
    /// changed something else, such as a label.
    fn follow(&mut self, found: Found, tries: u32) -> Result<(), RecordError> {
        let Some(known) = &self.known else { return Err(RecordError::Moved) };
        let Some(stored) = Known::of(&found.root, found.inventory.epoch) else {
            return Err(RecordError::Moved);
        };
        if tries >= TRIES || stored.uid != known.uid {
            return Err(RecordError::Moved);
        }
        let is_same = stored.content == known.content;
        let is_same_epoch = stored.epoch == known.epoch;
        match (is_same, is_same_epoch) {
            (true, _) => {
                self.known = Some(stored);
                Ok(())
            }
            (false, true) => {
                self.known = Some(stored);
                Err(RecordError::Added(Box::new(found.inventory)))
            }
            (false, false) => Err(RecordError::Moved),
        }
    }
}

/// Adds rows to whatever inventory there is now, where it does not have them or has them with another uid: what a run wrote
/// that lost the inventory to another one. What has another uid counts as intended, so that the next apply finds all of it,
/// whichever is there by then.
pub(super) async fn add(
    transport: &Transport,
    place: &InventoryPlace,
    rows: &BTreeMap<ResourceId, Entry>,
    epoch: u64,
) -> Result<(), RecordError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let found = read(transport, place).await?;
        let mut inventory = match &found {
            Some(found) => found.inventory.clone(),
            None => Inventory { phase: Phase::Intended, epoch: epoch + 1, ..Inventory::default() },
        };
        let missing: Vec<(ResourceId, Entry)> = rows
            .iter()
            .filter_map(|(id, entry)| match inventory.entries.get(id) {
                None => Some((id.clone(), entry.clone())),
                Some(known) if known.uid.is_none() || known.uid == entry.uid => None,
                Some(known) => Some((id.clone(), Entry { uid: None, digest: String::new(), ..known.clone() })),
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        inventory.entries.extend(missing);
        let mut store = Store::new(transport, place, found.as_ref().map(|found| &found.root), inventory.epoch);
        match store.write(&inventory).await {
            Err(RecordError::Moved | RecordError::Added(_)) if tries < TRIES => {}
            ended => return ended,
        }
    }
}

impl Known {
    fn of(root: &Value, epoch: u64) -> Option<Self> {
        let (uid, version) = identity(root)?;
        let signature = signature(root).map(str::to_owned);
        Some(Self { uid, version, signature, content: content(root), epoch, shards: shard_names(root) })
    }
}

/// What a ConfigMap holds.
fn content(object: &Value) -> Value {
    json!([object.get("data"), object.get("binaryData")])
}

fn identity(object: &Value) -> Option<(String, String)> {
    let text = |field: &str| object.get("metadata")?.get(field)?.as_str().map(str::to_owned);
    Some((text("uid")?, text("resourceVersion")?))
}
