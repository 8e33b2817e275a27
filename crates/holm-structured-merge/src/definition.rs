//! Building a [`Schema`] out of definitions that refer to each other by name.
//!
//! The rule for a reference that overrides the relationship of the type it names is that of `structured-merge-diff/v6`,
//! `schema/elements.go` (`Schema.Resolve`): the override applies to the map of the type, else to its list.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::error::SchemaError;
use crate::schema::{Atom, DEDUCED, Field, List, ListKey, Map, Scalar, Schema, TypeId, UNTYPED};

/// How the elements of a list or the fields of a map relate to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relationship {
    /// The elements of a list are identified by keys, or by their value, and owned one by one.
    Associative,
    /// The list or map is one leaf with one owner.
    Atomic,
    /// The fields of a map are owned one by one.
    Separable,
}

/// A type as it is written down: nested, with references by name.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// The scalars it accepts, if any.
    pub scalar: Option<Scalar>,
    /// The list it accepts, if any.
    pub list: Option<ListDefinition>,
    /// The map it accepts, if any.
    pub map: Option<MapDefinition>,
}

/// A list type as it is written down.
#[derive(Clone, Debug)]
pub struct ListDefinition {
    /// The type of the elements.
    pub element: Box<Reference>,
    /// Associative or atomic.
    pub relationship: Relationship,
    /// The key fields of an associative list of maps.
    pub keys: Vec<String>,
}

/// A map type as it is written down.
#[derive(Clone, Debug)]
pub struct MapDefinition {
    /// The declared fields.
    pub fields: Vec<FieldDefinition>,
    /// The type of fields that are not declared; `None` refuses them.
    pub element: Option<Box<Reference>>,
    /// Separable or atomic.
    pub relationship: Relationship,
}

/// A field as it is written down.
#[derive(Clone, Debug)]
pub struct FieldDefinition {
    /// The name of the field.
    pub name: String,
    /// The type of its value.
    pub kind: Reference,
    /// The declared default.
    pub default: Option<Value>,
}

/// A use of a type: by name or in place.
#[derive(Clone, Debug)]
pub enum Reference {
    /// A named type, possibly with another relationship than the type itself declares.
    Named(String, Option<Relationship>),
    /// A type defined where it is used.
    Inline(Definition),
}

/// Collects definitions and resolves them into a [`Schema`].
#[derive(Debug, Default)]
pub struct SchemaBuilder {
    definitions: Vec<(String, Definition)>,
}

impl Reference {
    /// Whether values behind the reference declare nothing about their relationships.
    fn is_free_form(&self) -> bool {
        match self {
            Self::Named(name, _) => name == DEDUCED,
            Self::Inline(definition) => definition.scalar == Some(Scalar::Untyped),
        }
    }
}

impl SchemaBuilder {
    /// Defines a named type. A later definition of the same name replaces the earlier one.
    pub fn define(&mut self, name: impl Into<String>, definition: Definition) -> &mut Self {
        self.definitions.push((name.into(), definition));
        self
    }

    /// Resolves every reference. The deduced and the untyped type are always there.
    ///
    /// # Errors
    /// If a reference names a type that is not defined, or overrides the relationship of a type that is only a scalar.
    pub fn build(self) -> Result<Schema, SchemaError> {
        let mut definitions = common_definitions();
        definitions.extend(self.definitions);
        let mut resolver = Resolver::default();
        for (name, _) in &definitions {
            resolver.reserve(name);
        }
        for (name, definition) in &definitions {
            let atom = resolver.atom(definition)?;
            let kind = resolver.reserve(name);
            resolver.fill(kind, atom);
        }
        resolver.finish()
    }
}

fn common_definitions() -> Vec<(String, Definition)> {
    let common = |map_element: &str, relationship| Definition {
        scalar: Some(Scalar::Untyped),
        list: Some(ListDefinition {
            element: Box::new(Reference::Named(UNTYPED.to_owned(), None)),
            relationship: Relationship::Atomic,
            keys: Vec::new(),
        }),
        map: Some(MapDefinition {
            fields: Vec::new(),
            element: Some(Box::new(Reference::Named(map_element.to_owned(), None))),
            relationship,
        }),
    };
    vec![
        (UNTYPED.to_owned(), common(UNTYPED, Relationship::Atomic)),
        (DEDUCED.to_owned(), common(DEDUCED, Relationship::Separable)),
    ]
}

#[derive(Default)]
struct Resolver {
    schema: Schema,
    /// Types made for references that override a relationship; their atoms are filled in at the end.
    overrides: HashMap<(TypeId, Relationship), TypeId>,
}

impl Resolver {
    fn reserve(&mut self, name: &str) -> TypeId {
        if let Some(kind) = self.schema.find(name) {
            return kind;
        }
        let kind = self.push(Atom::default());
        self.schema.names.insert(Arc::from(name), kind);
        kind
    }

    fn push(&mut self, atom: Atom) -> TypeId {
        // Four thousand million types do not fit in memory, so the index always fits.
        let kind = TypeId(u32::try_from(self.schema.atoms.len()).unwrap_or(u32::MAX));
        self.schema.atoms.push(atom);
        kind
    }

    fn fill(&mut self, kind: TypeId, atom: Atom) {
        if let Some(slot) = self.schema.atoms.get_mut(kind.0 as usize) {
            *slot = atom;
        }
    }

    fn reference(&mut self, reference: &Reference) -> Result<TypeId, SchemaError> {
        match reference {
            Reference::Inline(definition) => {
                let atom = self.atom(definition)?;
                Ok(self.push(atom))
            }
            Reference::Named(name, relationship) => {
                let kind = self.schema.find(name).ok_or_else(|| SchemaError::UnknownType { name: name.clone() })?;
                let Some(relationship) = *relationship else { return Ok(kind) };
                if let Some(found) = self.overrides.get(&(kind, relationship)) {
                    return Ok(*found);
                }
                let made = self.push(Atom::default());
                self.overrides.insert((kind, relationship), made);
                Ok(made)
            }
        }
    }

    fn atom(&mut self, definition: &Definition) -> Result<Atom, SchemaError> {
        let list = match &definition.list {
            None => None,
            Some(list) => Some(List {
                element: self.reference(&list.element)?,
                relationship: list.relationship,
                keys: list.keys.iter().map(|key| ListKey { name: Arc::from(key.as_str()), default: None }).collect(),
            }),
        };
        let map = match &definition.map {
            None => None,
            Some(map) => {
                let mut fields = Vec::with_capacity(map.fields.len());
                for field in &map.fields {
                    let kind = self.reference(&field.kind)?;
                    fields.push(Field { name: Arc::from(field.name.as_str()), kind, default: field.default.clone() });
                }
                let element = map.element.as_deref().map(|element| self.reference(element)).transpose()?;
                let free_form = fields.is_empty() && map.element.as_deref().is_some_and(Reference::is_free_form);
                Some(Map::new(fields, element, map.relationship, free_form))
            }
        };
        Ok(Atom { scalar: definition.scalar, list, map })
    }

    /// Fills in what needs all types to be known: overridden relationships, then the defaults of list keys.
    fn finish(mut self) -> Result<Schema, SchemaError> {
        for ((kind, relationship), made) in std::mem::take(&mut self.overrides) {
            let mut atom = self.schema.atom(kind).clone();
            match (&mut atom.map, &mut atom.list) {
                (Some(map), _) => map.relationship = relationship,
                (None, Some(list)) => list.relationship = relationship,
                (None, None) => return Err(SchemaError::OverriddenScalar { name: self.name_of(kind) }),
            }
            self.fill(made, atom);
        }
        let defaults: Vec<Vec<Option<Value>>> = self.schema.atoms.iter().map(|atom| self.key_defaults(atom)).collect();
        for (atom, defaults) in self.schema.atoms.iter_mut().zip(defaults) {
            let Some(list) = &mut atom.list else { continue };
            for (key, default) in list.keys.iter_mut().zip(defaults) {
                key.default = default;
            }
        }
        Ok(self.schema)
    }

    fn key_defaults(&self, atom: &Atom) -> Vec<Option<Value>> {
        let Some(list) = &atom.list else { return Vec::new() };
        let element = self.schema.atom(list.element);
        let default = |key: &ListKey| element.map.as_ref()?.field(&key.name)?.default.clone();
        list.keys.iter().map(default).collect()
    }

    fn name_of(&self, kind: TypeId) -> String {
        let found = self.schema.names.iter().find(|(_, candidate)| **candidate == kind);
        found.map_or_else(|| "an inlined type".to_owned(), |(name, _)| name.to_string())
    }
}
