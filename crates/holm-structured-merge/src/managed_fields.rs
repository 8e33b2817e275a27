//! `metadata.managedFields`: the ownership of an object's fields as the object carries it.
//!
//! Reading, writing, order and the cap follow `k8s.io/apimachinery`, `pkg/util/managedfields/internal/managedfields.go` and
//! `capmanagers.go`; [`keep_times_of_unchanged`] follows `k8s.io/apiserver`,
//! `pkg/endpoints/handlers/fieldmanager/equality.go`.

use std::collections::BTreeMap;

use holm_values::Timestamp;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::error::FieldsError;
use crate::field_set::FieldSet;
use crate::identity::{ManagerIdentity, Operation};
use crate::object::{metadata, remove_metadata, set_metadata};
use crate::text::Quoted;
use crate::update::{OwnedFields, Ownership};
use crate::value;

/// The manager that the oldest updaters are merged into when there are too many.
pub const ANCIENT_CHANGES: &str = "ancient-changes";

/// One entry of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedFieldsEntry {
    /// The name of the manager.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The version in which the fields are named.
    pub api_version: String,
    /// When it last changed its fields.
    pub time: Option<Timestamp>,
    /// The fields that it owns.
    pub fields: FieldSet,
    /// The subresource through which it wrote; empty for the object itself.
    pub subresource: String,
}

/// Managed fields that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ManagedFieldsError {
    /// The operation of an entry is missing or unknown.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// An entry has no version.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// An entry does not say how its fields are written.
    #[error("missing fieldsType in managed fields entry {index}")]
    MissingFieldsType {
        /// The position of the entry.
        index: usize,
    },
    /// An entry has fields in an unknown notation.
    #[error("invalid fieldsType {} in managed fields entry {index}", Quoted(.fields_type))]
    FieldsType {
        /// The notation.
        fields_type: String,
        /// The position of the entry.
        index: usize,
    },
    /// The fields of an entry are malformed.
    #[error("error decoding versioned set of {manager}: error decoding set: {error}")]
    Fields {
        /// The manager of the entry.
        manager: String,
        /// What is wrong.
        error: FieldsError,
    },
}

impl ManagedFieldsEntry {
    /// Reads the entries of an object; none if it has none, or none that Kubernetes would recognise.
    ///
    /// # Errors
    /// If an entry is incomplete or its fields are malformed.
    pub fn of(object: &Value) -> Result<Vec<Self>, ManagedFieldsError> {
        let entries = raw_entries(object).unwrap_or_default();
        entries.into_iter().enumerate().map(|(index, entry)| entry.decode(index)).collect()
    }

    /// The entry as it stands in the object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut entry = Map::new();
        let mut text = |name: &str, text: &str| {
            if !text.is_empty() {
                entry.insert(name.to_owned(), Value::from(text));
            }
        };
        text("manager", &self.manager);
        text("operation", self.operation.as_str());
        text("apiVersion", &self.api_version);
        text("subresource", &self.subresource);
        text("fieldsType", "FieldsV1");
        if let Some(time) = self.time {
            entry.insert("time".to_owned(), Value::from(time.to_string()));
        }
        entry.insert("fieldsV1".to_owned(), self.fields.to_fields_v1_value());
        Value::Object(entry)
    }

    fn identity(&self) -> ManagerIdentity {
        ManagerIdentity::new(&self.manager, self.operation, &self.api_version, &self.subresource)
    }
}

/// Puts back the times of managed fields if times are all that `new` changes, so that a write that changes nothing is none.
///
/// An API server does this after admission, before it compares what is to be stored with what is stored.
pub fn keep_times_of_unchanged(old: &Value, new: &mut Value) {
    let managed = |object: &Value| metadata(object, "managedFields").and_then(Value::as_array).cloned();
    let (Some(old_entries), Some(new_entries)) = (managed(old), managed(new)) else { return };
    let without_time = |entry: &Value| {
        let mut entry = entry.clone();
        entry.as_object_mut().map(|entry| entry.remove("time"));
        entry
    };
    let same_entries = old_entries.len() == new_entries.len()
        && old_entries.iter().zip(&new_entries).all(|(old, new)| value::equal(&without_time(old), &without_time(new)));
    if same_entries && equal_but_managed_fields(old, new) {
        set_metadata(new, "managedFields", Value::Array(old_entries));
    }
}

fn equal_but_managed_fields(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (left.as_object(), right.as_object()) else { return false };
    fn same(
        left: &Map<String, Value>,
        right: &Map<String, Value>,
        compare: impl Fn(&str, &Value, &Value) -> bool,
    ) -> bool {
        left.len() == right.len()
            && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| compare(name, value, other)))
    }
    same(left, right, |name, left, right| match (name, left, right) {
        ("metadata", Value::Object(left), Value::Object(right)) => {
            same(left, right, |name, left, right| name == "managedFields" || value::equal(left, right))
        }
        _ => value::equal(left, right),
    })
}

/// Ownership with the time of each manager's last change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managed {
    pub ownership: Ownership,
    pub times: BTreeMap<ManagerIdentity, Timestamp>,
}

impl Managed {
    pub(crate) fn of(object: &Value) -> Result<Self, ManagedFieldsError> {
        Ok(Self::from_entries(ManagedFieldsEntry::of(object)?))
    }

    pub(crate) fn from_entries(entries: Vec<ManagedFieldsEntry>) -> Self {
        let mut managed = Self::default();
        for entry in entries {
            let identity = entry.identity();
            if let Some(time) = entry.time {
                managed.times.insert(identity.clone(), time);
            }
            let applied = entry.operation == Operation::Apply;
            let owned = OwnedFields { fields: entry.fields, api_version: entry.api_version, applied };
            managed.ownership.insert(identity, owned);
        }
        managed
    }

    /// The entries: applies before updates, then by time, name, version and subresource.
    pub(crate) fn entries(&self) -> Vec<ManagedFieldsEntry> {
        let mut entries: Vec<ManagedFieldsEntry> =
            self.ownership.iter().map(|(identity, owned)| self.entry(identity, owned)).collect();
        let seconds = |entry: &ManagedFieldsEntry| entry.time.map_or(0, |time| time.0);
        entries.sort_by(|left, right| {
            (left.operation.cmp(&right.operation))
                .then_with(|| seconds(left).cmp(&seconds(right)))
                .then_with(|| left.manager.cmp(&right.manager))
                .then_with(|| left.api_version.cmp(&right.api_version))
                .then_with(|| left.subresource.cmp(&right.subresource))
        });
        entries
    }

    /// Writes the entries into the object, or removes the field if there are none.
    pub(crate) fn write_to(&self, object: &mut Value) {
        if self.ownership.is_empty() {
            remove_metadata(object, "managedFields");
            return;
        }
        set_metadata(object, "managedFields", self.entries().iter().map(ManagedFieldsEntry::to_value).collect());
    }

    /// Merges the oldest updaters of the same version until at most `limit` are left.
    pub(crate) fn cap_updaters(&mut self, limit: usize) {
        let mut updaters: Vec<ManagerIdentity> =
            self.ownership.iter().filter(|(_, owned)| !owned.applied).map(|(identity, _)| identity.clone()).collect();
        let mut count = updaters.len();
        if count <= limit {
            return;
        }
        updaters.sort_by_key(|identity| (self.times.get(identity).map_or(0, |time| time.0), identity.clone()));
        let mut first_of_version: BTreeMap<String, ManagerIdentity> = BTreeMap::new();
        for updater in updaters {
            if count <= limit {
                return;
            }
            let Some(owned) = self.ownership.get(&updater).cloned() else { continue };
            let Some(first) = first_of_version.get(&owned.api_version).cloned() else {
                first_of_version.insert(owned.api_version, updater);
                continue;
            };
            let bucket = ManagerIdentity::new(ANCIENT_CHANGES, Operation::Update, &owned.api_version, "");
            if !self.ownership.contains_key(&bucket)
                && let Some(first) = self.ownership.remove(&first)
            {
                self.ownership.insert(bucket.clone(), first);
            }
            let before = self.ownership.get(&bucket).map(|bucket| bucket.fields.clone()).unwrap_or_default();
            let time = self.times.get(&updater).copied();
            self.ownership.insert(bucket.clone(), OwnedFields { fields: owned.fields.union(&before), ..owned });
            self.ownership.remove(&updater);
            count -= 1;
            // The merged updater is the more recent one.
            match time {
                Some(time) => self.times.insert(bucket, time),
                None => self.times.remove(&bucket),
            };
        }
    }

    fn entry(&self, identity: &ManagerIdentity, owned: &OwnedFields) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: identity.manager().to_owned(),
            operation: if owned.applied { Operation::Apply } else { identity.operation() },
            api_version: owned.api_version.clone(),
            time: self.times.get(identity).copied(),
            fields: owned.fields.clone(),
            subresource: identity.subresource().to_owned(),
        }
    }
}

/// Whether an update asks for the managed fields to be forgotten: with an empty list, or a list of one empty entry.
pub(crate) fn is_reset(object: &Value) -> bool {
    match metadata(object, "managedFields").and_then(Value::as_array).map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => *only == json!({}),
        _ => false,
    }
}

/// Whether the object carries entries at all, be it an empty list.
pub(crate) fn has_entries(object: &Value) -> bool {
    raw_entries(object).is_some()
}

/// An entry as it was sent, of which nothing is known but the types of its fields.
#[derive(Default)]
struct RawEntry<'a> {
    manager: &'a str,
    operation: &'a str,
    api_version: &'a str,
    fields_type: &'a str,
    subresource: &'a str,
    time: Option<Timestamp>,
    fields: Option<&'a Value>,
}

/// The entries of an object; none if there is no list of them, or one entry has a field of a wrong type.
fn raw_entries(object: &Value) -> Option<Vec<RawEntry<'_>>> {
    metadata(object, "managedFields")?.as_array()?.iter().map(RawEntry::of).collect()
}

impl<'a> RawEntry<'a> {
    fn of(entry: &'a Value) -> Option<Self> {
        let entry = entry.as_object()?;
        let value = |name: &str| entry.get(name).filter(|value| !value.is_null());
        let text = |name: &str| value(name).map_or(Some(""), Value::as_str);
        Some(Self {
            manager: text("manager")?,
            operation: text("operation")?,
            api_version: text("apiVersion")?,
            fields_type: text("fieldsType")?,
            subresource: text("subresource")?,
            time: match value("time") {
                None => None,
                Some(time) => Some(time.as_str()?.parse().ok()?),
            },
            fields: value("fieldsV1"),
        })
    }

    fn decode(self, index: usize) -> Result<ManagedFieldsEntry, ManagedFieldsError> {
        let operation = match self.operation {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err(ManagedFieldsError::Operation),
        };
        if self.api_version.is_empty() {
            return Err(ManagedFieldsError::ApiVersion);
        }
        match self.fields_type {
            "FieldsV1" => {}
            "" => return Err(ManagedFieldsError::MissingFieldsType { index }),
            other => return Err(ManagedFieldsError::FieldsType { fields_type: other.to_owned(), index }),
        }
        let fields = self.fields.map(FieldSet::from_fields_v1_value).transpose();
        let fields = fields.map_err(|error| ManagedFieldsError::Fields { manager: self.manager.to_owned(), error })?;
        Ok(ManagedFieldsEntry {
            manager: self.manager.to_owned(),
            operation,
            api_version: self.api_version.to_owned(),
            time: self.time,
            fields: fields.unwrap_or_default(),
            subresource: self.subresource.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(entries: Value) -> Value {
        json!({"metadata": {"managedFields": entries}})
    }

    fn entry(change: Value) -> Value {
        let mut entry = json!({
            "manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "time": "2024-02-29T12:34:56Z", "fieldsV1": {"f:data": {"f:a": {}}}
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            entry[name] = value.clone();
        }
        entry
    }

    #[test]
    fn an_entry_is_written_as_it_was_read() {
        let object = object(json!([entry(json!({"subresource": "status"}))]));
        let mut written = json!({});
        Managed::of(&object).expect("the entry is well formed").write_to(&mut written);
        assert_eq!(written, object);
    }

    #[test]
    fn incomplete_entries_are_refused_with_the_servers_texts() {
        let problem = |change| Managed::of(&object(json!([entry(change)]))).expect_err("it is incomplete").to_string();
        assert_eq!(problem(json!({"operation": "Patch"})), "operation must be `Apply` or `Update`");
        assert_eq!(problem(json!({"apiVersion": ""})), "apiVersion must not be empty");
        assert_eq!(problem(json!({"fieldsType": null})), "missing fieldsType in managed fields entry 0");
        assert_eq!(
            problem(json!({"fieldsType": "FieldsV2"})),
            "invalid fieldsType \"FieldsV2\" in managed fields entry 0"
        );
        assert!(problem(json!({"fieldsV1": {"data": {}}})).contains("parsing key"));
    }

    #[test]
    fn entries_of_a_wrong_type_count_as_none() {
        for entries in [json!([1]), json!("x"), json!([{"manager": 1}]), json!([entry(json!({"time": "noon"}))])] {
            let object = object(entries);
            assert!(!has_entries(&object));
            assert!(Managed::of(&object).expect("there is nothing to read").ownership.is_empty());
        }
    }

    #[test]
    fn only_an_empty_list_or_one_empty_entry_is_a_reset() {
        assert!(is_reset(&object(json!([]))) && is_reset(&object(json!([{}]))));
        for entries in [json!(null), json!([{}, {}]), json!([entry(json!({}))])] {
            assert!(!is_reset(&object(entries)));
        }
    }
}
