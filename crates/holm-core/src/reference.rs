//! Proof that a resource was added, or exists outside the stack.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;

use crate::id::ResourceId;
use crate::input::{FieldReference, Input};
use crate::path::FieldPath;
use crate::resource::Kind;

/// A resource of kind `K` that was added to the stack or named with [`Stack::external`](crate::Stack::external).
///
/// Names in Kubernetes are chosen by the program, so a reference knows its resource's name, namespace and declared fields
/// at once; only what the server makes is left for later, as an [`Input`].
pub struct Ref<K: Kind> {
    id: ResourceId,
    object: Arc<Value>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Ref<K> {
    /// A reference to `id`, declared as `object`.
    pub(crate) fn new(id: ResourceId, object: Arc<Value>) -> Self {
        Self { id, object, kind: PhantomData }
    }

    /// The same resource as one of another kind, where this crate knows it better than the type of what was added.
    pub(crate) fn retyped<T: Kind>(self) -> Ref<T> {
        Ref { id: self.id, object: self.object, kind: PhantomData }
    }

    /// The identity.
    pub fn id(&self) -> &ResourceId {
        &self.id
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// The namespace; none for a cluster-scoped resource.
    pub fn namespace(&self) -> Option<&str> {
        self.id.namespace.as_deref()
    }

    /// The object as it was declared; `null` for an external one. Holds no secret values.
    pub fn declared(&self) -> &Value {
        &self.object
    }

    /// A field of this resource as the server has it, such as `status.loadBalancer.ingress[0].ip`. Whoever uses it depends
    /// on this resource being ready.
    pub fn field(&self, path: &str) -> Input {
        match path.parse::<FieldPath>() {
            Ok(path) => Input::Field(FieldReference { id: self.id.clone(), path }),
            Err(error) => Input::Invalid(error.to_string()),
        }
    }
}

impl<K: Kind> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), object: Arc::clone(&self.object), kind: PhantomData }
    }
}

impl<K: Kind> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({})", self.id)
    }
}
