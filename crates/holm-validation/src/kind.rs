//! The kinds of objects: what they are called, what they look like, and how their names are validated.

use std::sync::Arc;

use holm_schema::{GroupVersionKind, GroupVersionResource, Pack, Resource, Type};
use serde_json::Value;

use crate::custom::CustomType;
use crate::decode::{self, Mismatch};

/// The kind of the objects of one resource in one version.
#[derive(Clone, Debug)]
pub struct ResourceKind {
    /// The resource in all its versions: `deployments.apps`.
    pub id: Arc<str>,
    /// The resource in this version.
    pub resource: GroupVersionResource,
    /// The kind.
    pub kind: GroupVersionKind,
    /// Names, verbs, scope and subresources, as discovery gives them.
    pub discovery: Resource,
    /// How the names of its objects are validated.
    pub names: NameRule,
    /// What its objects look like.
    pub schema: TypeSchema,
}

/// What the objects of a kind look like.
#[derive(Clone, Debug)]
pub enum TypeSchema {
    /// As Kubernetes defines them.
    BuiltIn {
        /// The type.
        schema: Type<'static>,
        /// The name of the type.
        name: &'static str,
    },
    /// As a CustomResourceDefinition defines them.
    Custom(Arc<CustomType>),
}

/// The rules for names, from `k8s.io/apimachinery`, `pkg/api/validation/path` and `pkg/util/validation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// Labels of RFC 1123 with dots between them.
    Subdomain,
    /// One label of RFC 1123.
    Label,
    /// Anything that can be a segment of a path.
    PathSegment,
}

impl NameRule {
    /// Returns the rule of a built-in resource.
    #[must_use]
    pub fn of(group: &str, resource: &str) -> Self {
        match (group, resource) {
            // Of budgets nothing looks at the name but what looks at every name.
            ("rbac.authorization.k8s.io", _) | ("policy", "poddisruptionbudgets") => Self::PathSegment,
            ("", "namespaces" | "services") | ("apps", "statefulsets") => Self::Label,
            _ => Self::Subdomain,
        }
    }
}

impl ResourceKind {
    /// Returns the kind of a built-in resource; none where the pack has no schema of it.
    #[must_use]
    pub fn built_in(pack: &'static Pack, discovery: Resource) -> Option<Self> {
        let kind = &discovery.kind;
        let schema = TypeSchema::BuiltIn { schema: pack.type_of_kind(kind)?, name: pack.type_name(kind)? };
        let names = NameRule::of(&kind.group, &discovery.name);
        Some(Self::new(discovery, names, schema))
    }

    /// Returns the kind of a custom resource.
    #[must_use]
    pub fn custom(discovery: Resource, custom: CustomType) -> Self {
        Self::new(discovery, NameRule::Subdomain, TypeSchema::Custom(Arc::new(custom)))
    }

    fn new(discovery: Resource, names: NameRule, schema: TypeSchema) -> Self {
        let kind = discovery.kind.clone();
        let id =
            if kind.group.is_empty() { discovery.name.clone() } else { format!("{}.{}", discovery.name, kind.group) };
        let resource = GroupVersionResource::new(&kind.group, &kind.version, &discovery.name);
        Self { id: id.into(), resource, kind, discovery, names, schema }
    }

    /// Returns the API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.resource.group
    }

    /// Returns the plural name.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.resource.resource
    }

    /// Returns whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.discovery.namespaced
    }

    /// Returns whether the resource is this built-in one.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        &*self.id == id && !self.is_custom()
    }

    /// Returns whether a definition makes it.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        matches!(self.schema, TypeSchema::Custom(_))
    }

    /// Returns whether its objects have a status that is written apart.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.discovery.subresource("status").is_some()
    }

    /// Drops the fields of an object that its kind does not have, whose paths are added to `unknown`. `keeps_nulls` says that an
    /// apply made the object, which keeps the nulls of a custom resource.
    ///
    /// # Errors
    /// The first value that does not fit its type.
    pub fn decode(&self, object: &mut Value, keeps_nulls: bool, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
        match &self.schema {
            TypeSchema::BuiltIn { schema, .. } => decode::prune(object, *schema, "", unknown),
            TypeSchema::Custom(custom) => custom.prune(object, keeps_nulls, unknown),
        }
    }
}
