//! The kinds that objects can be of: the built-in ones, and those that definitions make.

use std::collections::HashMap;
use std::sync::Arc;

use holm_schema::{GroupVersionKind, Pack, PackError, built_in};
use serde_json::Value;

use crate::complete::complete;
use crate::custom;
use crate::kind::ResourceKind;
use crate::object::text_at;
use crate::shape::Stage;

/// All kinds that are known.
#[derive(Clone, Debug)]
pub struct Kinds {
    pack: &'static Pack,
    custom: HashMap<GroupVersionKind, Arc<ResourceKind>>,
}

impl Kinds {
    /// Returns the built-in kinds of Kubernetes 1.37.
    ///
    /// # Errors
    /// Only if the schema that this crate was built with is damaged.
    pub fn built_in() -> Result<Self, PackError> {
        Ok(Self { pack: built_in()?, custom: HashMap::new() })
    }

    /// Adds the kinds that a CustomResourceDefinition makes.
    pub fn define(&mut self, definition: &Value) {
        let mut definition = definition.clone();
        if let Some(kind) = self.of(&definition) {
            complete(&kind, &mut definition, Stage::Given);
        }
        for kind in custom::kinds(&definition) {
            self.custom.insert(kind.kind.clone(), Arc::new(kind));
        }
    }

    /// Returns the kind that an object says it is of.
    #[must_use]
    pub fn of(&self, object: &Value) -> Option<Arc<ResourceKind>> {
        let api_version = text_at(object, &["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.get(&GroupVersionKind::new(group, version, text_at(object, &["kind"])))
    }

    /// Returns a kind.
    #[must_use]
    pub fn get(&self, kind: &GroupVersionKind) -> Option<Arc<ResourceKind>> {
        if let Some(found) = self.custom.get(kind) {
            return Some(Arc::clone(found));
        }
        let mut found = ResourceKind::built_in(self.pack, self.pack.resource_of_kind(kind)?.clone())?;
        if !self.is_first(kind, &found.discovery.name) {
            // Defaults and rules are written for one version, and found by its id.
            found.id = format!("{}/{}", found.id, kind.version).into();
        }
        Some(Arc::new(found))
    }

    /// Returns whether this is the version of a built-in resource that its defaults and rules are written for: the preferred one
    /// of the stable ones.
    fn is_first(&self, kind: &GroupVersionKind, resource: &str) -> bool {
        let group = self.pack.group(&kind.group);
        let stable = |version: &&holm_schema::ApiVersion| is_stable(&version.version);
        let mut versions = group.into_iter().flat_map(|group| &group.versions).filter(stable);
        let first = versions.find(|version| version.resources.iter().any(|found| found.name == resource));
        first.is_some_and(|first| first.version == kind.version)
    }
}

/// Returns whether a version is like `v1`, and not like `v1beta1`.
fn is_stable(version: &str) -> bool {
    version.strip_prefix('v').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
