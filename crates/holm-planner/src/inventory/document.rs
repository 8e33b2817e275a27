//! The inventory as a document: kinds once, objects as rows that name their kind and what they need by position.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inventory::{Entry, FORMAT, Inventory, Phase};
use holm_core::FieldReference;
use holm_core::id::{ApiKind, GroupKind, ResourceId, Scope};

/// A run cannot count that far: whoever wrote a larger number did not count.
const HIGHEST_COUNT: u64 = 1 << 53;

/// The document as it is stored. Format 1 has no writer and fewer fields in a row.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    format: u32,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    writer: Option<Writer>,
    kinds: Vec<(String, String, String, String, bool)>,
    objects: Vec<ObjectRow>,
    #[serde(default)]
    generated: BTreeMap<String, (Option<String>, String, String, String, String)>,
}

/// Who wrote it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Writer {
    pub(super) signature: String,
    epoch: u64,
    phase: PhaseName,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PhaseName {
    Intent,
    Record,
}

#[derive(Serialize, Deserialize)]
struct ObjectRow {
    kind: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    namespace: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    uid: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    digest: String,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    protect: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    retain: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    adopted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    completed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    sensitive: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    needs: Vec<usize>,
}

impl Document {
    /// Writes an inventory down.
    pub(super) fn of(inventory: &Inventory, signature: &str) -> Self {
        let mut kinds: BTreeMap<&ApiKind, usize> = BTreeMap::new();
        let mut kind_rows = Vec::new();
        for entry in inventory.entries.values() {
            kinds.entry(&entry.kind).or_insert_with(|| {
                let kind = entry.kind.clone();
                kind_rows.push((kind.group, kind.version, kind.kind, kind.plural, kind.scope == Scope::Namespaced));
                kind_rows.len() - 1
            });
        }
        let positions: BTreeMap<&ResourceId, usize> =
            inventory.entries.keys().enumerate().map(|(position, id)| (id, position)).collect();
        let objects = inventory.entries.iter().map(|(id, entry)| ObjectRow {
            kind: kinds[&entry.kind],
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            uid: entry.uid.clone(),
            digest: entry.digest.clone(),
            protect: entry.protect,
            retain: entry.retain_on_delete,
            adopted: entry.adopted,
            completed: entry.completed,
            sensitive: entry.sensitive.iter().map(ToString::to_string).collect(),
            needs: entry.depends_on.iter().filter_map(|id| positions.get(id).copied()).collect(),
        });
        let objects = objects.collect();
        let generated = inventory.stored_in.iter().map(|(name, field)| {
            let id = &field.id;
            let row =
                (id.namespace.clone(), id.group.clone(), id.kind.clone(), id.name.clone(), field.path.to_string());
            (name.clone(), row)
        });
        let phase = if inventory.is_open() { PhaseName::Intent } else { PhaseName::Record };
        Self {
            format: FORMAT,
            revision: inventory.revision,
            writer: Some(Writer { signature: signature.to_owned(), epoch: inventory.epoch, phase }),
            kinds: kind_rows,
            objects,
            generated: generated.collect(),
        }
    }

    /// Returns who writes it.
    pub(super) fn writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    /// Reads an inventory.
    ///
    /// # Errors
    /// What is wrong, where anything in it cannot be true. Nothing is dropped.
    pub(super) fn into_inventory(self) -> Result<Inventory, String> {
        let epoch = self.writer.as_ref().map_or(0, |writer| writer.epoch);
        let phase = match &self.writer {
            Some(Writer { phase: PhaseName::Intent, .. }) => Phase::Intended,
            Some(Writer { phase: PhaseName::Record, .. }) => Phase::Recorded,
            // Format 1 does not say. A row without a uid is left by a run that did not get to its record.
            None if self.objects.iter().any(|row| row.uid.is_none()) => Phase::Intended,
            None => Phase::Recorded,
        };
        for (name, count) in [("revision", self.revision), ("epoch", epoch)] {
            if count > HIGHEST_COUNT {
                return Err(format!("its {name} is {count}, which no run wrote"));
            }
        }
        let kinds: Vec<ApiKind> = self
            .kinds
            .into_iter()
            .map(|(group, version, kind, plural, is_namespaced)| ApiKind {
                group,
                version,
                kind,
                plural,
                scope: if is_namespaced { Scope::Namespaced } else { Scope::Cluster },
            })
            .collect();
        let mut ids: Vec<ResourceId> = Vec::with_capacity(self.objects.len());
        for row in &self.objects {
            let kind = kinds.get(row.kind).ok_or_else(|| {
                format!("the row of \"{}\" names kind {}, and there are {}", row.name, row.kind, kinds.len())
            })?;
            if row.name.is_empty() || row.namespace.is_some() != (kind.scope == Scope::Namespaced) {
                return Err(format!("the row of {}/{} does not name an object of that kind", kind.kind, row.name));
            }
            let GroupKind { group, kind } = kind.group_kind();
            ids.push(ResourceId { namespace: row.namespace.clone(), group, kind, name: row.name.clone() });
        }
        let mut entries = BTreeMap::new();
        for (row, id) in self.objects.into_iter().zip(&ids) {
            let depends_on = row.needs.iter().map(|position| {
                let needed = ids.get(*position).cloned();
                needed.ok_or_else(|| format!("{id} needs row {position}, and there are {}", ids.len()))
            });
            let sensitive = row.sensitive.iter().map(|path| {
                path.parse().map_err(|error| format!("\"{path}\" of {id} is not a valid field path: {error}"))
            });
            let entry = Entry {
                kind: kinds[row.kind].clone(),
                uid: row.uid,
                digest: row.digest,
                protect: row.protect,
                retain_on_delete: row.retain,
                depends_on: depends_on.collect::<Result<_, _>>()?,
                adopted: row.adopted,
                sensitive: sensitive.collect::<Result<_, _>>()?,
                completed: row.completed,
            };
            if entries.insert(id.clone(), entry).is_some() {
                return Err(format!("{id} has two rows"));
            }
        }
        let stored_in = self.generated.into_iter().map(|(name, (namespace, group, kind, object, path))| {
            let id = ResourceId { namespace, group, kind, name: object };
            match path.parse() {
                Ok(path) => Ok((name, FieldReference { id, path })),
                Err(error) => {
                    Err(format!("\"{path}\" of the generated value \"{name}\" is not a valid field path: {error}"))
                }
            }
        });
        let stored_in = stored_in.collect::<Result<_, _>>()?;
        Ok(Inventory { entries, stored_in, revision: self.revision, epoch, phase, format: self.format })
    }
}
