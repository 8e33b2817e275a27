//! The data file and what is read from it.
//!
//! Each line of the file is one group or one type with its JSON, which is read when it is asked for: most programs need few of them,
//! and a program that is not optimised takes tens of milliseconds for all.

use std::sync::{Arc, LazyLock, OnceLock};

use holm_structured_merge::{GroupVersionKind, ObjectType, Schema, SchemaError};
use serde_json::Value;
use thiserror::Error;

use crate::discovery::{ApiGroup, GroupVersionResource, Resource, read_group};
use crate::types::Type;

static KUBERNETES_1_37: &str = include_str!("../data/kubernetes-1.37.txt");

/// The schema of one Kubernetes version.
#[derive(Debug)]
pub struct Pack {
    version: &'static str,
    /// By name.
    types: Vec<Line<Value>>,
    /// In the order of the server.
    groups: Vec<Line<ApiGroup>>,
    all_groups: OnceLock<Vec<ApiGroup>>,
    /// The positions of the types that describe kinds.
    of_kinds: Vec<usize>,
    merge_schema: OnceLock<Arc<Schema>>,
}

/// A line of the file, whose text is read when it is asked for.
#[derive(Debug)]
struct Line<T> {
    name: &'static str,
    /// The kinds that a type describes, as `GROUP/VERSION/KIND`.
    kinds: &'static str,
    text: &'static str,
    value: OnceLock<Result<T, PackError>>,
}

/// A data file that cannot be read.
#[derive(Clone, Debug, Error)]
pub enum PackError {
    /// A line is not one of a group or a type.
    #[error("line {line} of the schema pack is neither a group nor a type")]
    Line {
        /// The line, from 1.
        line: usize,
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
    // A test reads all of it with `Pack::read`.
    static PACK: LazyLock<Result<Pack, PackError>> = LazyLock::new(|| Pack::index(KUBERNETES_1_37));
    PACK.as_ref().map_err(Clone::clone)
}

impl<T> Line<T> {
    fn new(name: &'static str, kinds: &'static str, text: &'static str) -> Self {
        Self { name, kinds, text, value: OnceLock::new() }
    }

    fn read(&self, read: impl FnOnce(Value) -> Result<T, PackError>) -> Result<&T, &PackError> {
        let value = self.value.get_or_init(|| {
            let value = serde_json::from_str(self.text);
            read(value.map_err(|error| PackError::Json { problem: error.to_string() })?)
        });
        value.as_ref()
    }
}

impl Pack {
    /// Reads a data file that the generator made, all of it.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(text: &'static str) -> Result<Self, PackError> {
        let pack = Self::index(text)?;
        for line in &pack.types {
            line.read(Ok).map_err(Clone::clone)?;
        }
        for line in &pack.groups {
            line.read(|value| read_group(&value)).map_err(Clone::clone)?;
        }
        let schema = Arc::new(Schema::from_openapi(pack.openapi(), false)?);
        // It is empty: nobody has asked for it yet.
        let _ = pack.merge_schema.set(schema);
        Ok(pack)
    }

    /// Finds the lines of a data file.
    fn index(text: &'static str) -> Result<Self, PackError> {
        let mut lines = text.lines();
        let version = lines.next().filter(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        let version = version.ok_or(PackError::Field { field: "kubernetes" })?;
        let (mut types, mut groups) = (Vec::new(), Vec::new());
        for (position, line) in lines.enumerate() {
            let mut words = line.splitn(4, '\t');
            let mut word = || words.next().ok_or(PackError::Line { line: position + 2 });
            let (what, name, kinds, text) = (word()?, word()?, word()?, word()?);
            match what {
                "group" => groups.push(Line::new(name, kinds, text)),
                "type" => types.push(Line::new(name, kinds, text)),
                _ => return Err(PackError::Line { line: position + 2 }),
            }
        }
        let types: Vec<Line<Value>> = types;
        let of_kinds = (0..types.len()).filter(|position| !types[*position].kinds.is_empty()).collect();
        Ok(Self { version, types, groups, all_groups: OnceLock::new(), of_kinds, merge_schema: OnceLock::new() })
    }

    /// The version of Kubernetes: `1.37.2`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version
    }

    /// The API groups, the core group first.
    #[must_use]
    pub fn groups(&self) -> &[ApiGroup] {
        self.all_groups.get_or_init(|| self.groups.iter().filter_map(group_of).cloned().collect())
    }

    /// The API group with this name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&ApiGroup> {
        self.groups.iter().find(|group| group.name == name).and_then(group_of)
    }

    /// All resources of all groups and versions.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.groups().iter().flat_map(|group| &group.versions).flat_map(|version| &version.resources)
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
        self.merge_schema.get_or_init(|| {
            let schema = Schema::from_openapi(self.openapi(), false);
            Arc::new(schema.expect("`read` makes it itself, and a test reads the pack that is only indexed"))
        })
    }

    /// The type of objects of this kind as server-side apply needs it.
    #[must_use]
    pub fn object_type(&self, kind: &GroupVersionKind) -> Option<ObjectType> {
        ObjectType::named(self.merge_schema(), self.type_name(kind)?)
    }

    /// The name of the schema of a kind: `io.k8s.api.apps.v1.Deployment`.
    #[must_use]
    pub fn type_name(&self, kind: &GroupVersionKind) -> Option<&str> {
        let is_it = |name: &&str| {
            let mut words = name.split('/');
            [&kind.group, &kind.version, &kind.kind].into_iter().all(|word| words.next() == Some(word))
        };
        let lines = self.of_kinds.iter().filter_map(|position| self.types.get(*position));
        lines.into_iter().find(|line| line.kinds.split(' ').any(|name| is_it(&name))).map(|line| line.name)
    }

    /// The type of objects of this kind.
    #[must_use]
    pub fn type_of_kind(&self, kind: &GroupVersionKind) -> Option<Type<'_>> {
        self.type_named(self.type_name(kind)?)
    }

    /// The type with this name.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<Type<'_>> {
        self.schema(name).map(|schema| Type::new(self, schema))
    }

    /// The OpenAPI v3 schemas by name, for a server that publishes them or a custom resource that refers to them.
    pub fn openapi(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.types.iter().filter_map(|line| Some((line.name, line.read(Ok).ok()?)))
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&Value> {
        let position = self.types.binary_search_by(|line| line.name.cmp(name)).ok()?;
        self.types.get(position)?.read(Ok).ok()
    }

    fn api_version(&self, group: &str, version: &str) -> Option<&[Resource]> {
        let group = self.group(group)?;
        let version = group.versions.iter().find(|found| found.version == version)?;
        Some(&version.resources)
    }
}

fn group_of(line: &Line<ApiGroup>) -> Option<&ApiGroup> {
    line.read(|value| read_group(&value)).ok()
}
