//! Ownership across the scale subresource.
//!
//! A Scale has its own kind and its own path to the replicas, so the managed fields of the parent are translated for it and
//! back. From `k8s.io/apimachinery`, `pkg/util/managedfields/scalehandler.go`.

use std::collections::BTreeMap;

use crate::field_set::FieldSet;
use crate::identity::{ManagerIdentity, Operation};
use crate::managed_fields::{Managed, ManagedFieldsEntry};
use crate::path::Path;
use crate::update::OwnedFields;

/// The `apiVersion` of a Scale.
pub const SCALE_API_VERSION: &str = "autoscaling/v1";

/// Where the replicas of a kind are, by version. A version without a path is served without a scale subresource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScaleMapping {
    paths: BTreeMap<String, Option<Path>>,
}

impl ScaleMapping {
    /// A mapping of no version.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a version.
    #[must_use]
    pub fn with(mut self, api_version: impl Into<String>, replicas: Option<Path>) -> Self {
        self.paths.insert(api_version.into(), replicas);
        self
    }

    /// The managed fields of the Scale: the owners of the parent's replicas.
    #[must_use]
    pub fn to_scale(&self, parent: &[ManagedFieldsEntry]) -> Vec<ManagedFieldsEntry> {
        let parent = Managed::from_entries(parent.to_vec());
        let mut scale = Managed::default();
        for (manager, owned) in &parent.ownership {
            let Some(Some(path)) = self.paths.get(&owned.api_version) else { continue };
            if owned.fields.contains(&path.0) {
                let fields = scale_replicas();
                let owned = OwnedFields { fields, api_version: SCALE_API_VERSION.to_owned(), applied: owned.applied };
                insert(&mut scale, &parent, manager, owned);
            }
        }
        scale.entries()
    }

    /// The managed fields of the parent after the Scale was written through `api_version` of the parent: who no longer owns
    /// the replicas of the Scale loses those of the parent, and who owns them now gets them.
    #[must_use]
    pub fn to_parent(
        &self,
        parent: &[ManagedFieldsEntry],
        scale: &[ManagedFieldsEntry],
        api_version: &str,
    ) -> Vec<ManagedFieldsEntry> {
        let parent = Managed::from_entries(parent.to_vec());
        let mut scale = Managed::from_entries(scale.to_vec());
        let mut merged = Managed::default();
        for (manager, owned) in &parent.ownership {
            // Entries of versions that are not served go.
            let Some(path) = self.paths.get(&owned.api_version) else { continue };
            let path = path.as_ref().filter(|path| owned.fields.contains(&path.0));
            match path {
                Some(path) if scale.ownership.remove(manager).is_none() => {
                    let fields = owned.fields.difference(&[path.clone()].iter().collect());
                    if !fields.is_empty() {
                        insert(&mut merged, &parent, manager, OwnedFields { fields, ..owned.clone() });
                    }
                }
                _ => insert(&mut merged, &parent, manager, owned.clone()),
            }
        }
        let replicas = self.paths.get(api_version).cloned().flatten();
        let scale_replicas = Path::fields(&["spec", "replicas"]);
        for (manager, owned) in scale.ownership.iter().filter(|(_, owned)| owned.fields.contains(&scale_replicas.0)) {
            let fields = replicas.iter().collect();
            let owned = OwnedFields { fields, api_version: api_version.to_owned(), applied: owned.applied };
            insert(&mut merged, &parent, manager, owned);
        }
        merged.entries()
    }
}

/// Times are those of the parent; a manager that the parent does not know yet has none.
fn insert(target: &mut Managed, parent: &Managed, manager: &ManagerIdentity, owned: OwnedFields) {
    if let Some(time) = parent.times.get(manager) {
        target.times.insert(manager.clone(), *time);
    }
    target.ownership.insert(manager.clone(), owned);
}

fn scale_replicas() -> FieldSet {
    [Path::fields(&["spec", "replicas"])].iter().collect()
}

impl ManagedFieldsEntry {
    /// The entry of a manager that updates the replicas through the scale subresource.
    #[must_use]
    pub fn scaled_by(manager: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            operation: Operation::Update,
            api_version: SCALE_API_VERSION.to_owned(),
            time: None,
            fields: scale_replicas(),
            subresource: "scale".to_owned(),
        }
    }
}
