//! The resources of the API: what a server lists in its discovery documents.

use holm_structured_merge::GroupVersionKind;
use serde_json::Value;

use crate::pack::PackError;

/// An API group with its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiGroup {
    /// The name; empty for the core group.
    pub name: String,
    /// The versions, the preferred one first.
    pub versions: Vec<ApiVersion>,
}

/// One version of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion {
    /// `v1`.
    pub version: String,
    /// The resources that it serves.
    pub resources: Vec<Resource>,
}

/// A resource: the collection of the objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The plural name, as in URLs: `deployments`.
    pub name: String,
    /// The singular name: `deployment`.
    pub singular: String,
    /// The kind of its objects.
    pub kind: GroupVersionKind,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it: `get`, `list`, `watch`, `create` and so on.
    pub verbs: Vec<String>,
    /// What `kubectl` accepts instead of the name: `deploy`.
    pub short_names: Vec<String>,
    /// The categories that it belongs to: `all`.
    pub categories: Vec<String>,
    /// The parts of its objects that are written on their own.
    pub subresources: Vec<Subresource>,
}

/// A part of an object with a URL of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subresource {
    /// The last segment of the URL: `status`.
    pub name: String,
    /// The kind that is read and written there, which may be another than the object's: `autoscaling/v1` `Scale`.
    pub kind: GroupVersionKind,
    /// What can be done with it.
    pub verbs: Vec<String>,
}

/// Group, version and plural name of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// The plural name.
    pub resource: String,
}

impl GroupVersionResource {
    /// The resource in this group and version.
    #[must_use]
    pub fn new(group: &str, version: &str, resource: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), resource: resource.to_owned() }
    }
}

impl Resource {
    /// Whether the resource has this verb.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|allowed| allowed == verb)
    }

    /// The subresource with this name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether `name` is one of the names by which people ask for the resource.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.name, &self.singular].into_iter().chain(&self.short_names).any(|own| own == name)
            || self.kind.kind.eq_ignore_ascii_case(name)
    }
}

/// Reads a group of the data file, which the generator wrote in this form.
pub(crate) fn read_group(group: &Value) -> Result<ApiGroup, PackError> {
    let name = text(group, "name")?;
    let versions = list(group, "versions")?.iter().map(|version| read_version(&name, version));
    Ok(ApiGroup { versions: versions.collect::<Result<_, _>>()?, name })
}

fn read_version(group: &str, value: &Value) -> Result<ApiVersion, PackError> {
    let version = text(value, "version")?;
    let resources = list(value, "resources")?.iter().map(|resource| read_resource(group, &version, resource));
    Ok(ApiVersion { resources: resources.collect::<Result<_, _>>()?, version })
}

fn read_resource(group: &str, version: &str, value: &Value) -> Result<Resource, PackError> {
    let subresources = optional_list(value, "subresources").iter().map(|subresource| {
        Ok(Subresource {
            name: text(subresource, "name")?,
            kind: read_kind(group, version, subresource)?,
            verbs: texts(subresource, "verbs"),
        })
    });
    Ok(Resource {
        name: text(value, "name")?,
        singular: text(value, "singular")?,
        kind: read_kind(group, version, value)?,
        namespaced: value.get("namespaced").and_then(Value::as_bool).unwrap_or_default(),
        verbs: texts(value, "verbs"),
        short_names: texts(value, "shortNames"),
        categories: texts(value, "categories"),
        subresources: subresources.collect::<Result<_, PackError>>()?,
    })
}

/// A kind is of the group and version that lists it unless it says otherwise.
fn read_kind(group: &str, version: &str, value: &Value) -> Result<GroupVersionKind, PackError> {
    let own = |field: &str, listed: &str| value.get(field).and_then(Value::as_str).unwrap_or(listed).to_owned();
    Ok(GroupVersionKind { group: own("group", group), version: own("version", version), kind: text(value, "kind")? })
}

fn list<'a>(value: &'a Value, field: &'static str) -> Result<&'a [Value], PackError> {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).ok_or(PackError::Field { field })
}

fn optional_list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, field: &'static str) -> Result<String, PackError> {
    value.get(field).and_then(Value::as_str).map(str::to_owned).ok_or(PackError::Field { field })
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    optional_list(value, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
