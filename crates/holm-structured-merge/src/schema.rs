//! The types that server-side apply knows: which lists are granular, by which keys, and which values are one leaf.
//!
//! A [`Schema`] is an immutable table of types. A type is named by a [`TypeId`], an index into the table, so a walk over an
//! object never looks a name up and never copies a type. Definitions come in with names and nested definitions (see
//! [`SchemaBuilder`]) or straight from OpenAPI documents (see [`Schema::from_openapi`]).
//!
//! The rules are those of `structured-merge-diff/v6`, `schema/elements.go`, and of KEP-555 (server-side apply).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::{Relationship, SchemaBuilder};
use crate::error::SchemaError;

/// The name of the type whose shape is deduced from each value: maps are granular, lists are atomic.
///
/// Kubernetes uses it for fields that preserve unknown content and for custom resources without a schema.
pub const DEDUCED: &str = "__untyped_deduced_";

/// The name of the type that accepts anything and is always one leaf.
pub const UNTYPED: &str = "__untyped_atomic_";

/// A type within one [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(crate) u32);

/// An immutable table of types.
#[derive(Debug, Default)]
pub struct Schema {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) names: HashMap<Arc<str>, TypeId>,
}

/// What a value of a type may be: a scalar, a list, a map, or several of these for types that are deduced from the value.
#[derive(Clone, Debug, Default)]
pub struct Atom {
    /// How the value is checked when it is a scalar.
    pub scalar: Option<Scalar>,
    /// The elements and their relationship when the value is a list.
    pub list: Option<List>,
    /// The fields and their relationship when the value is a map.
    pub map: Option<Map>,
}

/// The scalars that a type accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// Integers and floating point numbers.
    Numeric,
    /// Strings.
    String,
    /// `true` and `false`.
    Boolean,
    /// Any scalar: quantities, times, int-or-string.
    Untyped,
}

/// A list type.
#[derive(Clone, Debug)]
pub struct List {
    /// The type of the elements.
    pub element: TypeId,
    /// Whether elements are owned one by one (associative) or the list as a whole (atomic).
    pub relationship: Relationship,
    /// The fields that identify an element; empty for atomic lists and for sets.
    pub keys: Vec<ListKey>,
}

/// One key field of an associative list.
#[derive(Clone, Debug)]
pub struct ListKey {
    /// The name of the field.
    pub name: Arc<str>,
    /// The value that stands in for an absent field: `protocol: TCP` of a container port.
    pub default: Option<Value>,
}

/// A map type: a struct with fields, a free map with elements, or both.
#[derive(Clone, Debug)]
pub struct Map {
    /// The declared fields, sorted by name.
    fields: Vec<Field>,
    /// The type of fields that are not declared; `None` refuses them.
    pub element: Option<TypeId>,
    /// Whether fields are owned one by one (separable) or the map as a whole (atomic).
    pub relationship: Relationship,
    /// Whether the map declares nothing and deduces everything; such maps are never adapted to a changed schema.
    pub(crate) free_form: bool,
}

/// A declared field of a map type.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name of the field.
    pub name: Arc<str>,
    /// The type of its value.
    pub kind: TypeId,
    /// The default that the schema declares.
    pub default: Option<Value>,
}

/// A type together with the schema that it belongs to.
#[derive(Clone, Debug)]
pub struct ObjectType {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The type.
    pub kind: TypeId,
}

impl Schema {
    /// Starts an empty schema.
    #[must_use]
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder::default()
    }

    /// Converts OpenAPI v3 schemas, by name, with Kubernetes' extensions (`x-kubernetes-list-type` and the others).
    ///
    /// With `preserve_unknown_fields` every object accepts undeclared fields, which is what a custom resource definition's
    /// `spec.preserveUnknownFields` asks for.
    ///
    /// # Errors
    /// If an extension has a value that Kubernetes does not know, or a reference leads nowhere.
    pub fn from_openapi<'a>(
        schemas: impl IntoIterator<Item = (&'a str, &'a Value)>,
        preserve_unknown_fields: bool,
    ) -> Result<Self, SchemaError> {
        let mut builder = Self::builder();
        builder.add_openapi(schemas, preserve_unknown_fields)?;
        builder.build()
    }

    /// The schema that knows only the deduced type, for custom resources without a schema.
    #[must_use]
    pub fn deduced() -> Self {
        Self::builder().build().unwrap_or_default()
    }

    /// The type with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// What values of a type may be.
    #[must_use]
    pub fn atom(&self, kind: TypeId) -> &Atom {
        // A TypeId is made only by the builder of its own schema; one of another schema may be out of range, and is empty.
        static EMPTY: Atom = Atom { scalar: None, list: None, map: None };
        self.atoms.get(kind.0 as usize).unwrap_or(&EMPTY)
    }

    /// The names of all named types, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(AsRef::as_ref)
    }
}

impl Map {
    pub(crate) fn new(
        mut fields: Vec<Field>,
        element: Option<TypeId>,
        relationship: Relationship,
        free_form: bool,
    ) -> Self {
        fields.sort_by(|left, right| left.name.cmp(&right.name));
        Self { fields, element, relationship, free_form }
    }

    /// The declared field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        let found = self.fields.binary_search_by(|field| field.name.as_ref().cmp(name)).ok()?;
        self.fields.get(found)
    }

    /// The declared fields, sorted by name.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The type of a field, declared or not; `None` when the map does not accept it.
    #[must_use]
    pub fn kind_of(&self, name: &str) -> Option<TypeId> {
        self.field(name).map(|field| field.kind).or(self.element)
    }
}

impl ObjectType {
    /// The type named `name` in `schema`.
    #[must_use]
    pub fn named(schema: &Arc<Schema>, name: &str) -> Option<Self> {
        let kind = schema.find(name)?;
        Some(Self { schema: Arc::clone(schema), kind })
    }

    /// The type that is deduced from each value, for custom resources without a schema.
    #[must_use]
    pub fn deduced() -> Self {
        let schema = Arc::new(Schema::deduced());
        // The builder of every schema adds the deduced type; without it nothing would be accepted, and nothing panics.
        let kind = schema.find(DEDUCED).unwrap_or(TypeId(u32::MAX));
        Self { schema, kind }
    }
}
