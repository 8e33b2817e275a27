//! The few fields of an object's head that ownership looks at.

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};

/// Group, version and kind of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl GroupVersionKind {
    /// The kind in this group and version.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// What an object says it is; empty where it says nothing, and all empty if its `apiVersion` is malformed.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        match text("apiVersion").split('/').collect::<Vec<_>>().as_slice() {
            [version] => Self::new("", version, text("kind")),
            ["", ""] => Self::new("", "", text("kind")),
            [group, version] => Self::new(group, version, text("kind")),
            _ => Self::default(),
        }
    }

    /// The `apiVersion` of objects of this kind.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl Display for GroupVersionKind {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

/// An object as messages name it: `namespace/name; group/version, Kind=Kind`.
pub(crate) struct Named<'a>(pub &'a Value);

impl Display for Named<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let text = |field| metadata(self.0, field).and_then(Value::as_str).unwrap_or_default();
        write!(out, "{}/{}; {}", text("namespace"), text("name"), GroupVersionKind::of(self.0))
    }
}

pub(crate) fn metadata<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get("metadata")?.get(field)
}

pub(crate) fn remove_metadata(object: &mut Value, field: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove(field);
    }
}

/// Sets a metadata field, and makes the metadata if the object has none.
pub(crate) fn set_metadata(object: &mut Value, field: &str, value: Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert(field.to_owned(), value);
    }
}

pub(crate) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    metadata(object, "annotations")?.get(name)?.as_str()
}
