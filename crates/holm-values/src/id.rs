//! Names of kinds and of objects.
//!
//! An object is known by group, kind, namespace and name. The version is left out on purpose: moving a declaration from
//! `v1beta1` to `v1` addresses the same stored object, so it must not read as a replacement.

use std::fmt;

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Objects live in a namespace, such as a Secret.
    Namespaced,
    /// Objects live beside the namespaces, such as a ClusterRole or a Namespace itself.
    Cluster,
}

/// A kind as the API server serves it: what its URL is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The plural in the URL, such as `deployments`.
    pub plural: String,
    /// Whether objects live in a namespace.
    pub scope: Scope,
}

impl ApiKind {
    /// Returns a namespaced kind of the core group, such as `Pod` with its plural `pods`.
    pub fn core(kind: &str, plural: &str) -> Self {
        let (group, version) = (String::new(), "v1".to_owned());
        Self { group, version, kind: kind.to_owned(), plural: plural.to_owned(), scope: Scope::Namespaced }
    }

    /// The `apiVersion` of objects of this kind: `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind { group: self.group.clone(), kind: self.kind.clone() }
    }

    /// The URL path of the collection, in `namespace` for a namespaced kind and across all namespaces without one.
    pub fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// The URL path of one object.
    pub fn object_path(&self, id: &ResourceId) -> String {
        format!("{}/{}", self.collection_path(id.namespace.as_deref()), id.name)
    }
}

/// A kind without its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// A kind of `group`; the core group is empty.
    pub fn new(group: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), kind: kind.to_owned() }
    }
}

impl fmt::Display for GroupKind {
    /// Writes `Deployment.apps`, and the bare kind for the core group, as `kubectl` and KEP-3659 do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// The identity of one object in a cluster.
///
/// Ordered by namespace (cluster-scoped objects first), then group, kind and name, so that sorted ids read well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The namespace; none for cluster-scoped objects.
    pub namespace: Option<String>,
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl ResourceId {
    /// The identity of an object of `group` and `kind`.
    pub fn new(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            namespace: namespace.map(str::to_owned),
            group: group.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind { group: self.group.clone(), kind: self.kind.clone() }
    }

    /// Whether this is an object of the given group and kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// `Kind/name`, for output in which the namespace is known from the context.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Whether a text names this object, as `Kind/name` or `Kind/namespace/name`.
    pub fn is_named(&self, text: &str) -> bool {
        self.short() == text || self.to_string() == text
    }

    /// `Kind/name`, with the namespace in front of the name where it is another one than `home`.
    pub fn relative_to(&self, home: Option<&str>) -> String {
        match self.namespace.as_deref() {
            Some(namespace) if Some(namespace) != home => format!("{}/{}/{}", self.kind, namespace, self.name),
            _ => self.short(),
        }
    }
}

impl fmt::Display for ResourceId {
    /// Writes `Kind/name` or `Kind/namespace/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.relative_to(None))
    }
}
