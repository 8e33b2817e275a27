//! The data file and the tables that are built from it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use holm_structured_merge::{GroupVersionKind, ObjectType, Schema, SchemaError};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::discovery::{ApiGroup, GroupVersionResource, Resource, read_groups};
use crate::types::Type;

static KUBERNETES_1_37: &[u8] = include_bytes!("../data/kubernetes-1.37.json.zlib");

/// The schema of one Kubernetes version.
#[derive(Debug)]
pub struct Pack {
    version: String,
    schemas: Map<String, Value>,
    groups: Vec<ApiGroup>,
    /// The schema of each kind.
    kinds: HashMap<GroupVersionKind, String>,
    merge_schema: Arc<Schema>,
}

/// A data file that cannot be read.
#[derive(Clone, Debug, Error)]
pub enum PackError {
    /// It is not compressed as it should be.
    #[error("the schema pack cannot be decompressed: {problem}")]
    Compression {
        /// What the decompressor says.
        problem: String,
    },
    /// It is not JSON.
    #[error("the schema pack is not JSON: {problem}")]
    Json {
        /// What the parser says.
        problem: String,
    },
    /// A field is missing or of a wrong type.
    #[error("the schema pack has no usable field {field:?}")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// The schemas do not fit together.
    #[error("the schemas of the pack cannot be used: {0}")]
    Schema(#[from] SchemaError),
}

/// The pack of Kubernetes 1.37, read on first use.
///
/// # Errors
/// Only if the data file that this crate was built with is damaged.
pub fn built_in() -> Result<&'static Pack, PackError> {
    static PACK: LazyLock<Result<Pack, PackError>> = LazyLock::new(|| Pack::read(KUBERNETES_1_37));
    PACK.as_ref().map_err(Clone::clone)
}

impl Pack {
    /// Reads a data file that the generator made.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(compressed: &[u8]) -> Result<Self, PackError> {
        let text = miniz_oxide::inflate::decompress_to_vec_zlib(compressed)
            .map_err(|error| PackError::Compression { problem: error.to_string() })?;
        let mut value: Value =
            serde_json::from_slice(&text).map_err(|error| PackError::Json { problem: error.to_string() })?;
        let version =
            value.get("kubernetes").and_then(Value::as_str).ok_or(PackError::Field { field: "kubernetes" })?;
        let version = version.to_owned();
        let groups = read_groups(&value)?;
        let Some(Value::Object(schemas)) = value.get_mut("schemas").map(Value::take) else {
            return Err(PackError::Field { field: "schemas" });
        };
        let merge_schema = Schema::from_openapi(schemas.iter().map(|(name, schema)| (name.as_str(), schema)), false)?;
        let kinds =
            schemas.iter().flat_map(|(name, schema)| kinds_of(schema).map(|kind| (kind, name.clone()))).collect();
        Ok(Self { version, groups, kinds, merge_schema: Arc::new(merge_schema), schemas })
    }

    /// The version of Kubernetes: `1.37.2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The API groups, the core group first.
    #[must_use]
    pub fn groups(&self) -> &[ApiGroup] {
        &self.groups
    }

    /// All resources of all groups and versions.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.groups.iter().flat_map(|group| &group.versions).flat_map(|version| &version.resources)
    }

    /// The resource whose objects are of this kind.
    #[must_use]
    pub fn resource_of_kind(&self, kind: &GroupVersionKind) -> Option<&Resource> {
        // A few kinds, such as the reviews of authorization, are only the body of a subresource: they have no resource.
        let version = self.api_version(&kind.group, &kind.version)?;
        version.iter().find(|resource| resource.kind == *kind)
    }

    /// The resource with this plural name.
    #[must_use]
    pub fn resource(&self, resource: &GroupVersionResource) -> Option<&Resource> {
        self.api_version(&resource.group, &resource.version)?.iter().find(|found| found.name == resource.resource)
    }

    /// The resources that people may mean by `name`: plural, singular, short name or kind, preferred versions first.
    pub fn resources_called<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources().filter(move |resource| resource.is_called(name))
    }

    /// The types of this version as server-side apply needs them.
    #[must_use]
    pub fn merge_schema(&self) -> &Arc<Schema> {
        &self.merge_schema
    }

    /// The type of objects of this kind as server-side apply needs it.
    #[must_use]
    pub fn object_type(&self, kind: &GroupVersionKind) -> Option<ObjectType> {
        ObjectType::named(&self.merge_schema, self.kinds.get(kind)?)
    }

    /// The name of the schema of a kind: `io.k8s.api.apps.v1.Deployment`.
    #[must_use]
    pub fn type_name(&self, kind: &GroupVersionKind) -> Option<&str> {
        self.kinds.get(kind).map(String::as_str)
    }

    /// The type of objects of this kind.
    #[must_use]
    pub fn type_of_kind(&self, kind: &GroupVersionKind) -> Option<Type<'_>> {
        self.type_named(self.kinds.get(kind)?)
    }

    /// The type with this name.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<Type<'_>> {
        self.schemas.get(name).map(|schema| Type::new(self, schema))
    }

    /// The OpenAPI v3 schemas by name, for a server that publishes them or a custom resource that refers to them.
    pub fn openapi(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.schemas.iter().map(|(name, schema)| (name.as_str(), schema))
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&Value> {
        self.schemas.get(name)
    }

    fn api_version(&self, group: &str, version: &str) -> Option<&[Resource]> {
        let group = self.groups.iter().find(|found| found.name == group)?;
        let version = group.versions.iter().find(|found| found.version == version)?;
        Some(&version.resources)
    }
}

/// The kinds that a schema says it describes.
fn kinds_of(schema: &Value) -> impl Iterator<Item = GroupVersionKind> {
    let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
    kinds.into_iter().flatten().filter_map(|kind| {
        let text = |field: &str| kind.get(field).and_then(Value::as_str);
        Some(GroupVersionKind::new(text("group")?, text("version")?, text("kind")?))
    })
}
