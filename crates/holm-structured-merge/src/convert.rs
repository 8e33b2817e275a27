//! The types and versions of the objects of one group, as the server that stores them knows them.

use serde_json::Value;
use thiserror::Error;

use crate::schema::ObjectType;

/// What ownership needs to know about the versions of a kind.
///
/// Field sets are named in the version through which they were written, so objects have to be seen in that version. From
/// `k8s.io/apimachinery`, `pkg/util/managedfields/internal/versionconverter.go`.
pub trait Versions: Send + Sync {
    /// The type of an object, by its `apiVersion` and `kind`; none if no such kind is served.
    fn object_type(&self, object: &Value) -> Option<ObjectType>;

    /// The object in another version. It is called only with versions other than the object's own.
    ///
    /// # Errors
    /// [`ConversionError::NotServed`] makes the managers of that version lose their fields silently, as in Kubernetes when a
    /// version is removed; any other error refuses the write.
    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConversionError>;
}

/// An object has no form in some version.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConversionError {
    /// The version is not served.
    #[error("no kind is registered for version {api_version:?}")]
    NotServed {
        /// The version.
        api_version: String,
    },
    /// The version is served, but this object cannot be written in it.
    #[error("failed to convert object to {api_version}: {problem}")]
    Failed {
        /// The version.
        api_version: String,
        /// What stands in the way.
        problem: String,
    },
}

/// A kind that is served in one version, with one type.
#[derive(Clone, Debug)]
pub struct SingleVersion {
    /// The `apiVersion` of the kind.
    pub api_version: String,
    /// The `kind`.
    pub kind: String,
    /// Its type.
    pub object_type: ObjectType,
}

impl Versions for SingleVersion {
    fn object_type(&self, object: &Value) -> Option<ObjectType> {
        let is = |field: &str, expected: &str| object.get(field).and_then(Value::as_str) == Some(expected);
        (is("apiVersion", &self.api_version) && is("kind", &self.kind)).then(|| self.object_type.clone())
    }

    fn convert(&self, _object: &Value, api_version: &str) -> Result<Value, ConversionError> {
        Err(ConversionError::NotServed { api_version: api_version.to_owned() })
    }
}

/// A kind whose versions differ only in `apiVersion`, as those of a custom resource with conversion strategy `None`.
#[derive(Clone, Debug)]
pub struct RelabelledVersions {
    /// The `kind`.
    pub kind: String,
    /// The served versions and the type of each.
    pub versions: Vec<(String, ObjectType)>,
}

impl Versions for RelabelledVersions {
    fn object_type(&self, object: &Value) -> Option<ObjectType> {
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        let api_version = text("apiVersion").filter(|_| text("kind") == Some(&self.kind))?;
        self.versions.iter().find(|(served, _)| served == api_version).map(|(_, kind)| kind.clone())
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConversionError> {
        if !self.versions.iter().any(|(served, _)| served == api_version) {
            return Err(ConversionError::NotServed { api_version: api_version.to_owned() });
        }
        let mut converted = object.clone();
        if let Some(fields) = converted.as_object_mut() {
            fields.insert("apiVersion".to_owned(), Value::from(api_version));
        }
        Ok(converted)
    }
}
