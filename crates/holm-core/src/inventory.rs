//! What a stack owns, as the cluster keeps it.
//!
//! The inventory is a ConfigMap that is also the parent of an ApplySet (KEP-3659), so that `kubectl` understands whose the
//! objects are: every member carries the label `applyset.kubernetes.io/part-of` with the set's id. The intent is written
//! before the first change and the list shrinks only after pruning succeeded, so that a kill at any moment leaves neither an
//! orphan nor an object that is deleted by mistake.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::id::{ApiKind, GroupKind, ResourceId, Scope};
use crate::input::FieldReference;

/// The label of every member, with the set's id as its value.
pub const PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";
const ID_LABEL: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// The key of the ConfigMap's data.
const DATA_KEY: &str = "inventory.json";
/// The format that this version writes. It reads this one and older ones.
const FORMAT: u32 = 1;

/// What a stack owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The objects by identity.
    pub entries: BTreeMap<ResourceId, Entry>,
    /// Where each generated value was kept last.
    pub homes: BTreeMap<String, FieldReference>,
    /// How often the stack was applied.
    pub revision: u64,
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
}

/// An inventory that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// It is no JSON, or of another shape.
    #[error("the inventory ConfigMap {namespace}/{name} cannot be read")]
    Malformed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// It was written by a newer version.
    #[error("the inventory ConfigMap {namespace}/{name} has format {found}, and this version reads up to {FORMAT}")]
    Newer {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The format found.
        found: u32,
    },
    /// The ConfigMap belongs to another tool.
    #[error(
        "the ConfigMap {namespace}/{name} is in the place of the inventory but is the parent of another tool's set: {tooling}"
    )]
    Foreign {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The other tool.
        tooling: String,
    },
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
    /// The place for a stack whose resources live in `namespace`; without one it is `default`.
    pub fn of(program: &str, stack: &str, namespace: Option<&str>) -> Self {
        let namespace = namespace.unwrap_or("default").to_owned();
        // Program and stack are DNS labels, so the dots cannot be mistaken.
        let name = format!("holm.{program}.{stack}");
        let set_id = set_id(&name, &namespace, "ConfigMap", "");
        let field_manager = name.clone();
        Self { namespace, name, set_id, field_manager }
    }
}

/// The id of the ApplySet whose parent this is (KEP-3659, `kubectl/pkg/cmd/apply/applyset.go`).
fn set_id(name: &str, namespace: &str, kind: &str, group: &str) -> String {
    let digest = Sha256::digest(format!("{name}.{namespace}.{kind}.{group}"));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
}

impl Inventory {
    /// Whether the live object is the one that this inventory owns: the recorded uid, or, while the creation is recorded
    /// only as intended, our label on it.
    pub fn owns(&self, id: &ResourceId, live: &Value, set_id: &str) -> bool {
        let label =
            live.pointer("/metadata/labels").and_then(|labels| labels.get(PART_OF_LABEL)).and_then(Value::as_str);
        match self.entries.get(id) {
            Some(Entry { uid: Some(uid), .. }) => live.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid),
            Some(Entry { uid: None, .. }) | None => label == Some(set_id),
        }
    }

    /// Whether both record the same of the same objects, whatever their revisions. Dependencies on what is not recorded do
    /// not count, because the ConfigMap does not keep them.
    pub fn records_the_same(&self, other: &Self) -> bool {
        let is_same = |one: &Entry, another: &Entry| {
            let ours = one.depends_on.iter().filter(|id| self.entries.contains_key(*id));
            let theirs = another.depends_on.iter().filter(|id| other.entries.contains_key(*id));
            one.kind == another.kind
                && one.uid == another.uid
                && one.digest == another.digest
                && (one.protect, one.retain_on_delete) == (another.protect, another.retain_on_delete)
                && ours.eq(theirs)
        };
        self.homes == other.homes
            && self.entries.len() == other.entries.len()
            && self
                .entries
                .iter()
                .zip(&other.entries)
                .all(|((id, entry), (other_id, other_entry))| id == other_id && is_same(entry, other_entry))
    }

    /// The ConfigMap that holds this, ready for server-side apply.
    pub fn to_config_map(&self, place: &InventoryPlace, tooling: &str) -> Value {
        let group_kinds: BTreeSet<String> = self.entries.keys().map(|id| id.group_kind().to_string()).collect();
        let namespaces: BTreeSet<&str> = self
            .entries
            .keys()
            .filter_map(|id| id.namespace.as_deref())
            .filter(|namespace| *namespace != place.namespace)
            .collect();
        let group_kinds: Vec<String> = group_kinds.into_iter().collect();
        let namespaces: Vec<&str> = namespaces.into_iter().collect();
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": place.name,
                "namespace": place.namespace,
                "labels": {ID_LABEL: place.set_id},
                "annotations": {
                    TOOLING: tooling,
                    GROUP_KINDS: group_kinds.join(","),
                    NAMESPACES: namespaces.join(","),
                },
            },
            "data": {DATA_KEY: self.to_json().to_string()},
        })
    }

    /// Reads the ConfigMap.
    ///
    /// # Errors
    /// When it was written by something else, by a newer version, or is damaged.
    pub fn from_config_map(object: &Value) -> Result<Self, InventoryError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let tooling = object.pointer("/metadata/annotations").and_then(|all| all.get(TOOLING)).and_then(Value::as_str);
        if let Some(tooling) = tooling.filter(|tooling| tooling.split('/').next() != Some("holm")) {
            return Err(InventoryError::Foreign { namespace, name, tooling: tooling.to_owned() });
        }
        let Some(data) = object.pointer("/data").and_then(|data| data.get(DATA_KEY)).and_then(Value::as_str) else {
            return Ok(Self::default());
        };
        let malformed = |source| InventoryError::Malformed { namespace: namespace.clone(), name: name.clone(), source };
        let Versioned { format } = serde_json::from_str(data).map_err(malformed)?;
        if format > FORMAT {
            return Err(InventoryError::Newer { namespace, name, found: format });
        }
        let document: Document = serde_json::from_str(data).map_err(malformed)?;
        Ok(document.into())
    }

    fn to_json(&self) -> Value {
        let mut kinds: BTreeMap<&ApiKind, usize> = BTreeMap::new();
        for entry in self.entries.values() {
            let next = kinds.len();
            kinds.entry(&entry.kind).or_insert(next);
        }
        let positions: BTreeMap<&ResourceId, usize> =
            self.entries.keys().enumerate().map(|(position, id)| (id, position)).collect();
        let mut rows: Vec<(usize, &ApiKind)> = kinds.iter().map(|(kind, position)| (*position, *kind)).collect();
        rows.sort_unstable_by_key(|(position, _)| *position);
        let kind_rows: Vec<Value> = rows
            .iter()
            .map(|(_, kind)| json!([kind.group, kind.version, kind.kind, kind.plural, kind.scope == Scope::Namespaced]))
            .collect();
        let objects: Vec<ObjectRow> = self
            .entries
            .iter()
            .map(|(id, entry)| ObjectRow {
                kind: kinds[&entry.kind],
                namespace: id.namespace.clone(),
                name: id.name.clone(),
                uid: entry.uid.clone(),
                digest: entry.digest.clone(),
                protect: entry.protect,
                retain: entry.retain_on_delete,
                needs: entry.depends_on.iter().filter_map(|id| positions.get(id).copied()).collect(),
            })
            .collect();
        let homes: BTreeMap<&String, Value> = self
            .homes
            .iter()
            .map(|(name, home)| {
                let row = json!([home.id.namespace, home.id.group, home.id.kind, home.id.name, home.path.to_string()]);
                (name, row)
            })
            .collect();
        json!({"format": FORMAT, "revision": self.revision, "kinds": kind_rows, "objects": objects, "generated": homes})
    }
}

/// Only the format, so that a newer document is told apart from a damaged one.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

/// The document as it is stored: kinds once, objects as rows that name their kind and what they need by position.
#[derive(Deserialize)]
struct Document {
    revision: u64,
    kinds: Vec<(String, String, String, String, bool)>,
    objects: Vec<ObjectRow>,
    #[serde(default)]
    generated: BTreeMap<String, (Option<String>, String, String, String, String)>,
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
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    needs: Vec<usize>,
}

impl From<Document> for Inventory {
    fn from(document: Document) -> Self {
        let kinds: Vec<ApiKind> = document
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
        let ids: Vec<Option<ResourceId>> = document
            .objects
            .iter()
            .map(|row| {
                let GroupKind { group, kind } = kinds.get(row.kind)?.group_kind();
                Some(ResourceId { namespace: row.namespace.clone(), group, kind, name: row.name.clone() })
            })
            .collect();
        let mut entries = BTreeMap::new();
        for (row, id) in document.objects.into_iter().zip(&ids) {
            let (Some(id), Some(kind)) = (id, kinds.get(row.kind)) else { continue };
            let needs = row.needs.iter().filter_map(|position| ids.get(*position)?.clone());
            let depends_on = needs.collect();
            let entry = Entry {
                kind: kind.clone(),
                uid: row.uid,
                digest: row.digest,
                protect: row.protect,
                retain_on_delete: row.retain,
                depends_on,
            };
            entries.insert(id.clone(), entry);
        }
        let homes = document.generated.into_iter().filter_map(|(name, (namespace, group, kind, object, path))| {
            let id = ResourceId { namespace, group, kind, name: object };
            Some((name, FieldReference { id, path: path.parse().ok()? }))
        });
        Self { entries, homes: homes.collect(), revision: document.revision }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_ids_are_those_of_kubectl() {
        // The first is from kubectl's own apply_test.go; the others follow from the same rule.
        assert_eq!(set_id("my-set", "test", "Secret", ""), "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1");
        assert_eq!(
            set_id("my-set", "", "ApplySet", "company.com"),
            "applyset-rhp1a-HVAVT_dFgyEygyA1BEB82HPp2o10UiFTpqtAs-v1"
        );
        assert_eq!(set_id("postgres", "holm", "Secret", ""), "applyset-0ixxXwC0CtoI2hoURq9fRcDvf2ftD4sPNixzztRNBBA-v1");
    }

    fn sample() -> Inventory {
        let kind = |group: &str, kind: &str, plural: &str| ApiKind {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            plural: plural.into(),
            scope: Scope::Namespaced,
        };
        let secret = ResourceId::new("", "Secret", Some("holm"), "credentials");
        let deployment = ResourceId::new("apps", "Deployment", Some("other"), "postgres");
        let entry = |kind, uid: Option<&str>| Entry {
            kind,
            uid: uid.map(str::to_owned),
            digest: "d1".into(),
            protect: false,
            retain_on_delete: false,
            depends_on: Vec::new(),
        };
        let mut inventory = Inventory { revision: 3, ..Inventory::default() };
        inventory.entries.insert(secret.clone(), entry(kind("", "Secret", "secrets"), Some("u1")));
        let mut second = entry(kind("apps", "Deployment", "deployments"), None);
        second.depends_on.push(secret.clone());
        second.protect = true;
        inventory.entries.insert(deployment, second);
        let home = FieldReference { id: secret, path: r#"data["a.b"]"#.parse().expect("well formed") };
        inventory.homes.insert("password".into(), home);
        inventory
    }

    #[test]
    fn an_inventory_reads_back_as_it_was_written() {
        let place = InventoryPlace::of("holm-pg", "default", Some("holm"));
        let object = sample().to_config_map(&place, "holm/v0.1.0");
        assert_eq!(Inventory::from_config_map(&object).expect("our own"), sample());
        assert_eq!(
            object.pointer("/metadata/annotations/applyset.kubernetes.io~1contains-group-kinds"),
            Some(&json!("Deployment.apps,Secret"))
        );
        assert_eq!(
            object.pointer("/metadata/annotations/applyset.kubernetes.io~1additional-namespaces"),
            Some(&json!("other"))
        );
    }

    #[test]
    fn what_is_recorded_is_compared_without_revisions_and_what_the_config_map_does_not_keep() {
        let place = InventoryPlace::of("holm-pg", "default", Some("holm"));
        let mut inventory = sample();
        let outside = ResourceId::new("", "Secret", Some("holm"), "outside");
        for entry in inventory.entries.values_mut() {
            entry.depends_on.push(outside.clone());
        }
        let stored = Inventory::from_config_map(&inventory.to_config_map(&place, "holm/v0.1.0")).expect("our own");
        inventory.revision += 1;
        assert!(inventory.records_the_same(&stored) && stored.records_the_same(&inventory));
        let changes: [fn(&mut Entry); 4] = [
            |entry| entry.uid = Some("another".to_owned()),
            |entry| entry.digest = String::new(),
            |entry| entry.protect = !entry.protect,
            |entry| entry.retain_on_delete = !entry.retain_on_delete,
        ];
        for change in changes {
            let mut other = inventory.clone();
            change(other.entries.values_mut().next().expect("it has entries"));
            assert!(!other.records_the_same(&stored));
        }
        let mut fewer = inventory.clone();
        fewer.entries.pop_last();
        assert!(!fewer.records_the_same(&stored) && !stored.records_the_same(&fewer));
        inventory.homes.clear();
        assert!(!inventory.records_the_same(&stored));
    }

    #[test]
    fn newer_and_foreign_inventories_are_refused() {
        let object = |tooling: &str, data: &str| json!({"metadata": {"name": "n", "namespace": "ns", "annotations": {TOOLING: tooling}}, "data": {DATA_KEY: data}});
        let error = |object: Value| Inventory::from_config_map(&object).expect_err("refused").to_string();
        assert!(error(object("holm/v9", r#"{"format": 99}"#)).contains("format 99"));
        assert!(error(object("kubectl/v1.37", "{}")).contains("kubectl/v1.37"));
        assert!(error(object("holm/v1", "{")).contains("cannot be read"));
    }

    #[test]
    fn ownership_goes_by_uid_and_by_label_only_while_intended() {
        let inventory = sample();
        let live = |uid: &str, label: &str| json!({"metadata": {"uid": uid, "labels": {PART_OF_LABEL: label}}});
        let ids: Vec<&ResourceId> = inventory.entries.keys().collect();
        let (recorded, intended) = (ids[0], ids[1]);
        assert!(inventory.owns(recorded, &live("u1", "-"), "set"));
        assert!(!inventory.owns(recorded, &live("u2", "set"), "set"));
        assert!(inventory.owns(intended, &live("u9", "set"), "set"));
        assert!(!inventory.owns(intended, &live("u9", "another"), "set"));
    }
}
