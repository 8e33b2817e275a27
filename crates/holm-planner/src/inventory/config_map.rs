//! The inventory in ConfigMaps.
//!
//! A ConfigMap holds 1 MiB of data (`MaxSecretSize`, `pkg/apis/core/types.go`), and etcd takes about 1.5 MiB in one request.
//! A small inventory stands in its ConfigMap as text, for people. A large one is compressed, and one that is too large for that
//! is spread over further ConfigMaps, the shards, which the root ConfigMap names. Shards are written under new names before
//! the root is, and the old ones are deleted afterwards, so that the root always names a whole inventory.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::inventory::document::{Document, Writer};
use crate::inventory::{FORMAT, Inventory, InventoryError, InventoryPlace, SET_ID_LABEL};

/// The annotation with which each write of the inventory is signed.
pub const SIGNATURE: &str = "holm/signature";
/// The label of a shard, with the id of the set as its value.
const SHARD_LABEL: &str = "holm/inventory-shard-of";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// The key of the document, or of what says where it is.
const DOCUMENT: &str = "inventory.json";
/// The key of a compressed document, or of a piece of one.
const COMPRESSED: &str = "inventory.json.zlib";
/// Up to this size, in bytes, a document is stored as text.
const TEXT_LIMIT: usize = 256 * 1024;
/// The size of one piece of a compressed document, in bytes.
const PIECE: usize = 768 * 1024;
/// No inventory is larger than this, in bytes, before compression. It bounds what reading a damaged one may take.
const LARGEST: usize = 256 * 1024 * 1024;
/// Names of kinds and namespaces are listed up to this size in bytes: all annotations of an object share 256 KiB
/// (`TotalAnnotationSizeLimitB`, apimachinery `pkg/api/validation/objectmeta.go`).
const LIST_LIMIT: usize = 64 * 1024;

/// An inventory ready to be stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The ConfigMap of the inventory, for server-side apply.
    pub root: Value,
    /// Further ConfigMaps, which must exist before the root is written.
    pub shards: Vec<Value>,
}

/// What the ConfigMap of an inventory holds.
#[derive(Debug)]
pub enum Root {
    /// All of it.
    Whole(Box<Inventory>),
    /// Only the names of its shards, in order.
    Shards(Vec<String>),
}

/// What stands in the place of a document that is stored elsewhere.
#[derive(Serialize, Deserialize)]
struct Elsewhere {
    format: u32,
    writer: Writer,
    /// The size of the document in bytes.
    size: usize,
    /// The SHA-256 of the compressed document.
    sha256: String,
    /// The ConfigMaps that have the pieces; empty where this one has the only piece.
    shards: Vec<String>,
}

/// Only the format, so that a newer document is told apart from a damaged one.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
    #[serde(default)]
    sha256: Option<String>,
}

/// Returns the signature of a stored inventory, which is another one after each write.
pub fn signature(root: &Value) -> Option<&str> {
    root.pointer("/metadata/annotations")?.get(SIGNATURE)?.as_str()
}

/// Returns the names of the shards that a stored inventory names; none where it has none, or cannot be read.
pub fn shard_names(root: &Value) -> Vec<String> {
    #[derive(Deserialize)]
    struct Names {
        shards: Vec<String>,
    }
    let text = root.get("data").and_then(|data| data.get(DOCUMENT)).and_then(Value::as_str);
    text.and_then(|text| serde_json::from_str::<Names>(text).ok()).map(|names| names.shards).unwrap_or_default()
}

impl Inventory {
    /// Returns the ConfigMaps that hold this, ready for server-side apply. `tooling` names the tool and its version
    /// (`holm/v0.1.0`), and `signature` tells this write from every other one; it is part of the shards' names, so it must be
    /// a valid DNS label.
    pub fn to_config_maps(&self, place: &InventoryPlace, tooling: &str, signature: &str) -> Stored {
        let document = Document::of(self, signature);
        // A document has only strings, numbers and lists, which always serialize.
        let text = serde_json::to_string(&document).unwrap_or_default();
        if text.len() <= TEXT_LIMIT {
            let root = self.root(place, tooling, signature, json!({DOCUMENT: text}), None);
            return Stored { root, shards: Vec::new() };
        }
        let compressed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
        let pieces: Vec<&[u8]> = compressed.chunks(PIECE).collect();
        let names: Vec<String> = match pieces.len() {
            0 | 1 => Vec::new(),
            count => (0..count).map(|number| format!("{}.{signature}.{number}", place.name)).collect(),
        };
        let elsewhere = json!({
            "format": FORMAT, "writer": document.writer(), "size": text.len(), "sha256": sha256(&compressed), "shards": names,
        });
        let data = json!({DOCUMENT: elsewhere.to_string()});
        if names.is_empty() {
            let binary = json!({COMPRESSED: STANDARD.encode(&compressed)});
            return Stored { root: self.root(place, tooling, signature, data, Some(binary)), shards: Vec::new() };
        }
        let shards = names.iter().zip(pieces).map(|(name, piece)| {
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": place.namespace, "labels": {SHARD_LABEL: place.set_id}},
                "binaryData": {COMPRESSED: STANDARD.encode(piece)},
                "immutable": true,
            })
        });
        Stored { shards: shards.collect(), root: self.root(place, tooling, signature, data, None) }
    }

    fn root(
        &self,
        place: &InventoryPlace,
        tooling: &str,
        signature: &str,
        data: Value,
        binary: Option<Value>,
    ) -> Value {
        let group_kinds: BTreeSet<String> = self.entries.keys().map(|id| id.group_kind().to_string()).collect();
        let namespaces = self.entries.keys().filter_map(|id| id.namespace.clone());
        let namespaces: BTreeSet<String> = namespaces.filter(|namespace| *namespace != place.namespace).collect();
        let mut root = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": place.name,
                "namespace": place.namespace,
                "labels": {SET_ID_LABEL: place.set_id},
                "annotations": {
                    TOOLING: tooling,
                    GROUP_KINDS: listed(group_kinds),
                    NAMESPACES: listed(namespaces),
                    SIGNATURE: signature,
                },
            },
            "data": data,
        });
        if let (Some(binary), Some(fields)) = (binary, root.as_object_mut()) {
            fields.insert("binaryData".to_owned(), binary);
        }
        root
    }

    /// Reads the ConfigMap of the inventory.
    ///
    /// # Errors
    /// When it belongs to another client or stack, was written by a newer version, or is damaged.
    pub fn read_root(root: &Value, place: &InventoryPlace) -> Result<Root, InventoryError> {
        let read = Reading::of(place);
        let text = read.document(root)?;
        if let Versioned { sha256: None, .. } = read.versioned(text)? {
            return read.document_of(text).map(|inventory| Root::Whole(Box::new(inventory)));
        }
        let elsewhere = read.elsewhere(text)?;
        if !elsewhere.shards.is_empty() {
            return Ok(Root::Shards(elsewhere.shards));
        }
        let piece = read.piece(root)?;
        read.compressed(&elsewhere, &piece).map(|inventory| Root::Whole(Box::new(inventory)))
    }

    /// Reads an inventory that is spread over `shards`, which [`read_root`](Self::read_root) named.
    ///
    /// # Errors
    /// When a shard is missing or damaged.
    pub fn read_shards(
        root: &Value,
        shards: &BTreeMap<String, Value>,
        place: &InventoryPlace,
    ) -> Result<Self, InventoryError> {
        let read = Reading::of(place);
        let elsewhere = read.elsewhere(read.document(root)?)?;
        let mut compressed = Vec::new();
        for name in &elsewhere.shards {
            let shard = shards.get(name).ok_or_else(|| read.incomplete(format!("ConfigMap/{name} does not exist")))?;
            compressed.extend(read.piece(shard)?);
        }
        read.compressed(&elsewhere, &compressed)
    }
}

/// The names with commas between them; none where there are too many to list.
fn listed(names: BTreeSet<String>) -> String {
    let list = names.into_iter().collect::<Vec<_>>().join(",");
    if list.len() <= LIST_LIMIT { list } else { String::new() }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads one inventory, and names it in what is wrong.
struct Reading<'a> {
    place: &'a InventoryPlace,
}

impl<'a> Reading<'a> {
    fn of(place: &'a InventoryPlace) -> Self {
        Self { place }
    }

    /// The text of the document, if the ConfigMap is the inventory of this stack.
    fn document<'r>(&self, root: &'r Value) -> Result<&'r str, InventoryError> {
        let annotation = |name: &str| root.pointer("/metadata/annotations")?.get(name)?.as_str();
        let set_id =
            root.pointer("/metadata/labels").and_then(|labels| labels.get(SET_ID_LABEL)).and_then(Value::as_str);
        match annotation(TOOLING) {
            Some(tooling) if tooling.split('/').next() == Some("holm") => {}
            Some(tooling) => return Err(self.foreign(format!("it is the parent of another tool's set: {tooling}"))),
            None => return Err(self.foreign(format!("it does not have the annotation {TOOLING}"))),
        }
        match set_id {
            Some(set_id) if set_id == self.place.set_id => {}
            Some(_) => {
                return Err(self
                    .foreign(format!("its label {SET_ID_LABEL} is that of another stack or namespace, as of a copy")));
            }
            None => return Err(self.foreign(format!("it does not have the label {SET_ID_LABEL}"))),
        }
        let text = root.get("data").and_then(|data| data.get(DOCUMENT)).and_then(Value::as_str);
        text.ok_or_else(|| self.damaged(format!("it does not have the key {DOCUMENT}")))
    }

    fn versioned(&self, text: &str) -> Result<Versioned, InventoryError> {
        let versioned: Versioned = serde_json::from_str(text).map_err(|source| self.malformed(source))?;
        match versioned.format {
            0 => Err(self.damaged("there is no format 0".to_owned())),
            1..=FORMAT => Ok(versioned),
            found => {
                let (namespace, name) = self.name();
                Err(InventoryError::Newer { namespace, name, found })
            }
        }
    }

    fn elsewhere(&self, text: &str) -> Result<Elsewhere, InventoryError> {
        serde_json::from_str(text).map_err(|source| self.malformed(source))
    }

    fn piece(&self, object: &Value) -> Result<Vec<u8>, InventoryError> {
        let text = object.get("binaryData").and_then(|data| data.get(COMPRESSED)).and_then(Value::as_str);
        let text = text.ok_or_else(|| self.incomplete(format!("the key {COMPRESSED} does not exist")))?;
        STANDARD.decode(text).map_err(|error| self.incomplete(error.to_string()))
    }

    fn compressed(&self, elsewhere: &Elsewhere, compressed: &[u8]) -> Result<Inventory, InventoryError> {
        if sha256(compressed) != elsewhere.sha256 {
            return Err(self.incomplete("its pieces are not those that were written together".to_owned()));
        }
        let size = elsewhere.size.min(LARGEST);
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(compressed, size);
        let bytes = bytes.map_err(|error| self.incomplete(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| self.damaged(error.to_string()))?;
        self.versioned(&text)?;
        self.document_of(&text)
    }

    fn document_of(&self, text: &str) -> Result<Inventory, InventoryError> {
        let document: Document = serde_json::from_str(text).map_err(|source| self.malformed(source))?;
        document.into_inventory().map_err(|reason| self.damaged(reason))
    }

    fn name(&self) -> (String, String) {
        (self.place.namespace.clone(), self.place.name.clone())
    }

    fn malformed(&self, source: serde_json::Error) -> InventoryError {
        let (namespace, name) = self.name();
        InventoryError::Malformed { namespace, name, source }
    }

    fn damaged(&self, reason: String) -> InventoryError {
        let (namespace, name) = self.name();
        InventoryError::Damaged { namespace, name, reason }
    }

    fn incomplete(&self, reason: String) -> InventoryError {
        let (namespace, name) = self.name();
        InventoryError::Incomplete { namespace, name, reason }
    }

    fn foreign(&self, reason: String) -> InventoryError {
        let (namespace, name) = self.name();
        InventoryError::Foreign { namespace, name, reason }
    }
}
