//! Proof that a resource was added, or exists outside the stack.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};
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
    name: Name,
    object: Arc<Value>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Ref<K> {
    /// A reference to `id`, declared as `object`.
    pub(crate) fn new(id: ResourceId, object: Arc<Value>) -> Self {
        Self { name: Name { text: id.name.clone(), id }, object, kind: PhantomData }
    }

    /// The same resource as one of another kind, where this crate knows it better than the type of what was added.
    pub(crate) fn retyped<T: Kind>(self) -> Ref<T> {
        Ref { name: self.name, object: self.object, kind: PhantomData }
    }

    /// The identity.
    pub fn id(&self) -> &ResourceId {
        &self.name.id
    }

    /// The name. It reads as text, and whoever uses it as an [`Input`] depends on this resource.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Another text by which this resource is found, such as its name in the DNS or its port.
    pub fn named(&self, text: impl Into<String>) -> Name {
        Name { id: self.name.id.clone(), text: text.into() }
    }

    /// The namespace; none for a cluster-scoped resource.
    pub fn namespace(&self) -> Option<&str> {
        self.id().namespace.as_deref()
    }

    /// The object as it was declared; `null` for an external one. Holds no secret values.
    pub fn declared(&self) -> &Value {
        &self.object
    }

    /// A field of this resource as the server has it, such as `status.loadBalancer.ingress[0].ip`. Whoever uses it depends
    /// on this resource being ready.
    pub fn field(&self, path: &str) -> Input {
        match path.parse::<FieldPath>() {
            Ok(path) => Input::Field(FieldReference { id: self.id().clone(), path }),
            Err(error) => Input::Invalid(error.to_string()),
        }
    }
}

impl<K: Kind> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), object: Arc::clone(&self.object), kind: PhantomData }
    }
}

impl<K: Kind> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({})", self.id())
    }
}

/// A text by which a resource is found: its name, its name in the DNS, its port.
///
/// It reads as text. Used as an [`Input`], it also says that its user depends on the resource: that it is written first, and exists
/// where it lies outside of the stack. [`as_str`](Self::as_str) is the text alone.
///
/// ```
/// use holm_core::{Input, Manifest, ResourceOptions as _, Stack};
///
/// let config_map = |name: &str| {
///     Manifest::new(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
/// };
/// let mut stack = Stack::new("shop", "default", Some("shop"));
/// let settings = stack.add(config_map("settings"));
/// stack.add(config_map("pointer").with_input("data.settings", settings.name()));
/// assert_eq!(stack.build().unwrap().to_string(), "ConfigMap/pointer requires ConfigMap/settings");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    id: ResourceId,
    text: String,
}

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The resource that is found by it.
    pub fn id(&self) -> &ResourceId {
        &self.id
    }

    /// Names the other identity of the resource, which the cluster has told.
    pub(crate) fn rename(&mut self, before: &ResourceId, after: &ResourceId) {
        if self.id == *before {
            self.id = after.clone();
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.text
    }
}

impl From<&Name> for String {
    fn from(name: &Name) -> Self {
        name.text.clone()
    }
}

impl Serialize for Name {
    /// Writes the text alone, as in a manifest.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl From<Name> for Input {
    fn from(name: Name) -> Self {
        Self::Name(name)
    }
}

impl From<&Name> for Input {
    fn from(name: &Name) -> Self {
        Self::Name(name.clone())
    }
}
