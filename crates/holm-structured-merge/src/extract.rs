//! The configuration that a manager applied last, read back from the live object.
//!
//! From `k8s.io/apimachinery`, `pkg/util/managedfields/extract.go`, which Go clients use to change what they applied before.

use std::borrow::Cow;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::error::ValidationErrors;
use crate::identity::Operation;
use crate::managed_fields::{ManagedFieldsEntry, ManagedFieldsError};
use crate::schema::ObjectType;
use crate::typed::Duplicates;

/// The applied configuration cannot be read back.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExtractError {
    /// The managed fields of the object are malformed.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(ManagedFieldsError),
    /// The object does not fit its type.
    #[error("error converting obj to typed: {0}")]
    Invalid(ValidationErrors),
}

impl ObjectType {
    /// The fields of `object` that `manager` owns by applying them through `subresource`, with `apiVersion` and `kind` but
    /// without name and namespace, which nobody owns. None if the manager applied nothing that it still owns.
    ///
    /// # Errors
    /// If the object does not fit this type, or its managed fields are malformed.
    pub fn extract_applied(
        &self,
        object: &Value,
        manager: &str,
        subresource: &str,
    ) -> Result<Option<Value>, ExtractError> {
        let entries = ManagedFieldsEntry::of(object).map_err(ExtractError::ManagedFields)?;
        let applied = |entry: &&ManagedFieldsEntry| {
            entry.operation == Operation::Apply && entry.manager == manager && entry.subresource == subresource
        };
        let Some(entry) = entries.iter().find(applied) else { return Ok(None) };
        let typed = self.typed(Cow::Borrowed(object), Duplicates::Refused).map_err(ExtractError::Invalid)?;
        let mut extracted = match typed.extract_items(&entry.fields.leaves()).into_value() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        for name in ["apiVersion", "kind"] {
            if let Some(value) = object.get(name) {
                extracted.insert(name.to_owned(), value.clone());
            }
        }
        Ok(Some(Value::Object(extracted)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::{FieldTracker, GroupVersionKind, ObjectType, SingleVersion, Timestamp};

    #[test]
    fn what_was_applied_comes_back_and_what_others_set_does_not() {
        let kind = GroupVersionKind::new("example.com", "v1", "Widget");
        let object_type = ObjectType::deduced();
        let versions = SingleVersion {
            api_version: kind.api_version(),
            kind: kind.kind.clone(),
            object_type: object_type.clone(),
        };
        let tracker = FieldTracker::new(kind, Arc::new(versions));
        let head = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
        let applied = json!({
            "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "labels": {"a": "1"}},
            "spec": {"size": 1, "list": [1, 2]}
        });
        let live = tracker.apply(&head, &applied, "holm", false, Timestamp(1)).expect("it applies");
        let mut changed = live.clone();
        changed["spec"]["colour"] = json!("red");
        let live = tracker.update(&live, changed, "other", Timestamp(2)).expect("it updates");

        let extracted = object_type.extract_applied(&live, "holm", "").expect("the object is well formed");
        let expected = json!({
            "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"labels": {"a": "1"}},
            "spec": {"size": 1, "list": [1, 2]}
        });
        assert_eq!(extracted, Some(expected));
        assert_eq!(object_type.extract_applied(&live, "other", ""), Ok(None));
    }
}
