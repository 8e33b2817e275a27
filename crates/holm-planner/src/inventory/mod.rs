//! What a stack owns, as the cluster keeps it.
//!
//! The inventory is a ConfigMap that is also the parent of an ApplySet (KEP-3659), so that `kubectl` understands whose the
//! objects are: every member carries the label `applyset.kubernetes.io/part-of` with the set's id. The intent is written
//! before the first change and the list shrinks only after pruning succeeded, so that a kill at any moment leaves neither an
//! orphan nor an object that is deleted by mistake.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use holm_core::FieldReference;
use holm_core::id::{ApiKind, ResourceId};
use holm_core::path::FieldPath;

mod config_map;
mod document;
mod error;

pub use config_map::{Root, SIGNATURE, Stored, shard_names, signature};
pub use error::InventoryError;

/// The label of every member, with the set's id as its value.
pub const PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";

/// The label of the inventory's ConfigMap, with the set's id as its value.
pub const SET_ID_LABEL: &str = "applyset.kubernetes.io/id";

/// The format that this version writes. It reads this one and format 1.
pub const FORMAT: u32 = 2;

/// What a stack owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The objects by identity.
    pub entries: BTreeMap<ResourceId, Entry>,
    /// Where each generated value was kept last.
    pub stored_in: BTreeMap<String, FieldReference>,
    /// How often the stack was applied.
    pub revision: u64,
    /// How often a run took the inventory over to write to the cluster.
    pub epoch: u64,
    /// Whether the run that wrote it has ended.
    pub phase: Phase,
    /// The format that it was read in; [`FORMAT`] for a new one.
    pub format: u32,
}

/// Whether the run that wrote an inventory has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It has, and the inventory is what it did.
    #[default]
    Recorded,
    /// It is under way, or was killed: the inventory is everything that was owned and everything that will be.
    Intended,
}

/// One object that a stack owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its kind as the server served it.
    pub kind: ApiKind,
    /// Its uid; none while its creation is intended and not yet recorded.
    pub uid: Option<String>,
    /// A digest of its declaration, without secret values; empty while it is intended.
    pub digest: String,
    /// Whether deleting it needs consent because the program said so, or because it keeps a generated value.
    pub protect: bool,
    /// Whether it is released rather than deleted.
    pub retain_on_delete: bool,
    /// What it depends on, sorted and each once, so that removed objects are deleted in order.
    pub depends_on: Vec<ResourceId>,
    /// Whether another client made it and this stack adopted it: it is released rather than deleted.
    pub adopted: bool,
    /// The paths of values that were sensitive when it was applied, sorted; never the values.
    pub sensitive: Vec<FieldPath>,
    /// Whether it is a Job that completed for this declaration, so that its absence is no drift.
    pub completed: bool,
}

impl Entry {
    /// Returns an entry for an object of a kind that is intended: no uid, no digest, nothing special about it.
    pub fn of(kind: ApiKind) -> Self {
        Self {
            kind,
            uid: None,
            digest: String::new(),
            protect: false,
            retain_on_delete: false,
            depends_on: Vec::new(),
            adopted: false,
            sensitive: Vec::new(),
            completed: false,
        }
    }
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            stored_in: BTreeMap::new(),
            revision: 0,
            epoch: 0,
            phase: Phase::Recorded,
            format: FORMAT,
        }
    }
}

/// Where the inventory of a stack is, and what its members are known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryPlace {
    /// The namespace of the ConfigMap.
    pub namespace: String,
    /// The name of the ConfigMap.
    pub name: String,
    /// The ApplySet id, the value of [`PART_OF_LABEL`].
    pub set_id: String,
    /// The field manager of all writes of the stack.
    pub field_manager: String,
}

impl InventoryPlace {
    /// Returns the place for a stack whose resources live in `namespace`; without one it is `default`.
    pub fn of(program: &str, stack: &str, namespace: Option<&str>) -> Self {
        let namespace = namespace.unwrap_or("default").to_owned();
        // Program and stack are DNS labels, so the dots cannot be mistaken.
        let name = format!("holm.{program}.{stack}");
        let set_id = set_id(&name, &namespace, "ConfigMap", "");
        let field_manager = name.clone();
        Self { namespace, name, set_id, field_manager }
    }

    /// Returns the program and the stack whose inventory a ConfigMap is, with its place; none where it is something else, such as a
    /// copy under another name.
    pub fn of_config_map(object: &Value) -> Option<(String, String, Self)> {
        let metadata = object.get("metadata")?;
        let name = metadata.get("name")?.as_str()?;
        let (program, stack) = name.strip_prefix("holm.")?.split_once('.')?;
        let place = Self::of(program, stack, metadata.get("namespace")?.as_str());
        let id = metadata.get("labels")?.get(SET_ID_LABEL)?.as_str()?;
        (place.name == name && place.set_id == id).then(|| (program.to_owned(), stack.to_owned(), place))
    }

    /// Returns the identity of the ConfigMap.
    pub fn id(&self) -> ResourceId {
        ResourceId::new("", "ConfigMap", Some(&self.namespace), &self.name)
    }
}

/// Returns the id of the ApplySet whose parent this is (KEP-3659, `kubectl/pkg/cmd/apply/applyset.go`).
pub fn set_id(name: &str, namespace: &str, kind: &str, group: &str) -> String {
    let digest = Sha256::digest(format!("{name}.{namespace}.{kind}.{group}"));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
}

impl Inventory {
    /// Returns whether both record the same of the same objects, whatever their revisions and epochs. Dependencies on what is
    /// not recorded do not count, because the ConfigMap does not keep them. An intent, or an inventory of an older format,
    /// never records the same as a record.
    pub fn records_the_same(&self, other: &Self) -> bool {
        let is_same = |one: &Entry, another: &Entry| {
            let ours = one.depends_on.iter().filter(|id| self.entries.contains_key(*id));
            let theirs = another.depends_on.iter().filter(|id| other.entries.contains_key(*id));
            let without = |entry: &Entry| Entry { depends_on: Vec::new(), ..entry.clone() };
            ours.eq(theirs) && without(one) == without(another)
        };
        (self.phase, self.format) == (other.phase, other.format)
            && self.stored_in == other.stored_in
            && self.entries.len() == other.entries.len()
            && self
                .entries
                .iter()
                .zip(&other.entries)
                .all(|((id, entry), (other_id, other_entry))| id == other_id && is_same(entry, other_entry))
    }

    /// Returns whether there is none yet: no run has recorded anything.
    pub fn is_new(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether the run that wrote it may still be writing to the cluster.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Intended
    }
}

#[cfg(test)]
mod tests;
