//! Direct access to the objects of one resource, for controllers and tests: no HTTP, no waiting.
//!
//! Every write goes through the same steps as one over HTTP, so nothing can be stored that the API would refuse.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::options::{DeleteOptions, WriteOptions};
use crate::patch::Patch;
use crate::registry::ResourceType;
use crate::selector::Selection;
use crate::watch::{Watch, WatchStart};
use crate::write::delete::Deleted;
use crate::write::update::Target;
use crate::write::{Draft, Written};

/// The objects of one resource. Namespaces of cluster-scoped objects are empty.
#[derive(Clone)]
pub struct Objects {
    cluster: ApiServer,
    resource: Arc<ResourceType>,
}

/// A list, and the revision at which it was read.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The objects by namespace and name.
    pub items: Vec<Arc<Value>>,
    /// Where a watch goes on.
    pub revision: u64,
}

impl Objects {
    pub(crate) fn new(cluster: ApiServer, resource: Arc<ResourceType>) -> Self {
        Self { cluster, resource }
    }

    /// Whether the objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.resource.is_namespaced()
    }

    /// Reads one object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let state = self.cluster.read();
        state.store.get(&state.key(&self.resource, namespace, name)).cloned()
    }

    /// Reads all objects, or those of one namespace.
    #[must_use]
    pub fn list(&self, namespace: Option<&str>) -> Listed {
        let state = self.cluster.read();
        let items = state.store.list(&self.resource.id, namespace).map(|(_, object)| Arc::clone(object)).collect();
        Listed { items, revision: state.store.revision() }
    }

    /// Watches the changes after a revision.
    #[must_use]
    pub fn watch(&self, namespace: Option<&str>, after: u64) -> Watch {
        let selection = Selection::everything(namespace);
        Watch::new(&self.cluster, Arc::clone(&self.resource), selection, WatchStart::After(after))
    }

    /// Creates an object; its namespace and name are in it.
    ///
    /// # Errors
    /// As the API refuses.
    pub fn create(&self, object: Value, options: &WriteOptions) -> Result<Arc<Value>, ApiError> {
        let namespace = crate::object::namespace(&object).to_owned();
        self.written(|state| state.create(&self.resource, &namespace, Draft::of(object), options))
    }

    /// Replaces an object. If it has a `resourceVersion`, that must be the current one.
    ///
    /// # Errors
    /// As the API refuses: 404, 409, 422.
    pub fn update(&self, object: Value, options: &WriteOptions) -> Result<Arc<Value>, ApiError> {
        self.replace(object, "", options)
    }

    /// Replaces the status of an object, and leaves the rest as it is.
    ///
    /// # Errors
    /// As the API refuses: 404, 409, 422.
    pub fn update_status(&self, object: Value, options: &WriteOptions) -> Result<Arc<Value>, ApiError> {
        self.replace(object, "status", options)
    }

    fn replace(&self, object: Value, subresource: &str, options: &WriteOptions) -> Result<Arc<Value>, ApiError> {
        let (namespace, name) = (crate::object::namespace(&object).to_owned(), crate::object::name(&object).to_owned());
        let target = Target { namespace: &namespace, name: &name, subresource };
        self.written(|state| state.replace(&self.resource, target, Draft::of(object), options))
    }

    /// Changes an object by a JSON merge patch, or its status if `subresource` says so.
    ///
    /// # Errors
    /// As the API refuses: 404, 409, 422.
    pub fn merge(
        &self,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
        options: &WriteOptions,
    ) -> Result<Arc<Value>, ApiError> {
        let patch = Patch::parse("application/merge-patch+json", &self.resource, patch.to_string().as_bytes())?;
        let target = Target { namespace, name, subresource };
        self.written(|state| state.patch(&self.resource, target, &patch, options))
    }

    /// Sets the number of replicas through the scale subresource, and gives the scale.
    ///
    /// # Errors
    /// As the API refuses: 404, 422.
    pub fn scale(&self, namespace: &str, name: &str, replicas: i64, options: &WriteOptions) -> Result<Value, ApiError> {
        let scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": replicas}});
        let target = Target { namespace, name, subresource: "scale" };
        self.cluster.write(|state| crate::write::scale::replace(state, &self.resource, target, &scale, options))
    }

    /// Deletes an object. The answer is the object as it was, or as it is while it waits for its finalizers.
    ///
    /// # Errors
    /// As the API refuses: 404, 409.
    pub fn delete(&self, namespace: &str, name: &str, options: &DeleteOptions) -> Result<Arc<Value>, ApiError> {
        let deleted = self.cluster.write(|state| state.delete(&self.resource, namespace, name, options))?;
        Ok(match deleted {
            Deleted::Gone(object) | Deleted::Marked(object) => object,
        })
    }

    fn written(
        &self,
        write: impl FnOnce(&mut crate::state::State) -> Result<Written, ApiError>,
    ) -> Result<Arc<Value>, ApiError> {
        self.cluster.write(write).map(|written| written.object)
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Objects({})", self.resource.id)
    }
}
