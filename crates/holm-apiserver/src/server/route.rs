//! What a path names: a collection, an object, or a part of an object.

use std::sync::Arc;

use holm_schema::GroupVersionResource;

use crate::error::ApiError;
use crate::registry::{Registry, ResourceType};

/// A path within a resource.
#[derive(Debug)]
pub(crate) struct Route {
    pub resource: Arc<ResourceType>,
    /// The resource in the version in which its objects are stored and written.
    pub stored: Arc<ResourceType>,
    /// One namespace, or none: all, or a resource without namespaces.
    pub namespace: Option<String>,
    /// One object, or none: the collection.
    pub name: Option<String>,
    /// A part of the object; empty for the object itself.
    pub subresource: String,
    /// Whether the path is of the old form that watches.
    pub watch: bool,
}

/// Parts of objects that exist in Kubernetes and not here.
const UNSUPPORTED: &[&str] = &["attach", "exec", "portforward", "proxy"];

impl Route {
    /// Finds what a path names.
    pub fn find(registry: &Registry, segments: &[&str]) -> Result<Self, ApiError> {
        let (group, version, rest) = match segments {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(ApiError::no_path()),
        };
        let (watch, rest) = match rest {
            ["watch", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        // A namespace is itself an object, and its parts are those of an object.
        let (namespace, rest) = match rest {
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let [plural, rest @ ..] = rest else { return Err(ApiError::no_resource()) };
        let wanted = GroupVersionResource::new(group, version, plural);
        let Some(resource) = registry.get(&wanted) else {
            let known = holm_schema::built_in().ok().and_then(|pack| pack.resource(&wanted)).is_some();
            return Err(if known {
                ApiError::not_supported(format!("{plural} in {group}/{version}"))
            } else if registry.of_version(group, version).next().is_none() {
                ApiError::no_path()
            } else {
                ApiError::no_resource()
            });
        };
        if let Some(problem) = &resource.unconvertible {
            return Err(ApiError::internal(problem));
        }
        let (name, subresource) = match rest {
            [] => (None, ""),
            [name] => (Some(*name), ""),
            [name, subresource] => (Some(*name), *subresource),
            _ => return Err(ApiError::no_resource()),
        };
        if namespace.is_some() && !resource.is_namespaced() {
            let custom = matches!(resource.schema, holm_validation::TypeSchema::Custom(_));
            return Err(if custom { ApiError::no_path() } else { ApiError::no_resource() });
        }
        if resource.is_namespaced() && namespace.is_none() && name.is_some() {
            return Err(ApiError::no_resource());
        }
        if !subresource.is_empty() && resource.discovery.subresource(subresource).is_none() {
            let unsupported = UNSUPPORTED.contains(&subresource);
            let what = format!("{subresource} of {}, as no containers run in it", resource.id);
            return Err(if unsupported { ApiError::not_supported(what) } else { ApiError::no_resource() });
        }
        Ok(Self {
            resource: Arc::clone(resource),
            stored: resource
                .view
                .and_then(|view| registry.by_id(view.stored_as()))
                .map_or_else(|| Arc::clone(resource), |stored| Arc::new(stored.through(resource))),
            namespace,
            name: name.map(str::to_owned),
            subresource: subresource.to_owned(),
            watch,
        })
    }

    /// The namespace, empty if there is none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}
