//! What the schema says about a type and its fields.

use serde_json::{Map, Value};

use crate::pack::Pack;

/// A type, or the use of a type by a field, which may add to what the type itself says.
#[derive(Clone, Copy, Debug)]
pub struct Type<'p> {
    pack: &'p Pack,
    /// The schema where the type is used.
    site: &'p Value,
    /// The schema of the type that the site refers to, or the site itself.
    target: &'p Value,
}

/// The JSON type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// A map or struct.
    Object,
    /// A list.
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A whole number or a string, such as a target port.
    IntOrString,
    /// Anything.
    Any,
}

/// How the items of a list are owned under server-side apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListType {
    /// The list has one owner.
    Atomic,
    /// Each value has its owners.
    Set,
    /// Each item, identified by its keys, has its owners.
    Map,
}

/// How a strategic merge patch treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PatchStrategy {
    /// List items are merged by the merge key, or by value; otherwise a list is replaced.
    pub merge: bool,
    /// Keys of a map that the patch does not name are removed.
    pub retain_keys: bool,
}

impl<'p> Type<'p> {
    pub(crate) fn new(pack: &'p Pack, site: &'p Value) -> Self {
        let target = reference(site).and_then(|name| pack.type_named(name)).map_or(site, |named| named.target);
        Self { pack, site, target }
    }

    /// The name of the type: `io.k8s.api.core.v1.Container`; none if it is defined where it is used.
    #[must_use]
    pub fn name(&self) -> Option<&'p str> {
        reference(self.site)
    }

    /// The JSON type.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        if self.format() == Some("int-or-string") {
            return DataType::IntOrString;
        }
        match self.target.get("type").and_then(Value::as_str) {
            Some("object") => DataType::Object,
            Some("array") => DataType::Array,
            Some("string") => DataType::String,
            Some("integer") => DataType::Integer,
            Some("number") => DataType::Number,
            Some("boolean") => DataType::Boolean,
            _ => DataType::Any,
        }
    }

    /// The format: `int32`, `byte`, `date-time`.
    #[must_use]
    pub fn format(&self) -> Option<&'p str> {
        self.text("format")
    }

    /// Whether the type is a quantity, such as `500m` or `5Gi`.
    #[must_use]
    pub fn is_quantity(&self) -> bool {
        self.name() == Some("io.k8s.apimachinery.pkg.api.resource.Quantity")
    }

    /// The field with this name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<Self> {
        Some(Self::new(self.pack, self.declared()?.get(name)?))
    }

    /// All declared fields with their names, in alphabetical order.
    pub fn properties(&self) -> impl Iterator<Item = (&'p str, Self)> + use<'p> {
        let pack = self.pack;
        self.declared().into_iter().flatten().map(move |(name, site)| (name.as_str(), Self::new(pack, site)))
    }

    /// The fields that must be there.
    pub fn required(&self) -> impl Iterator<Item = &'p str> + use<'p> {
        texts(self.target.get("required"))
    }

    /// The type of the items of a list.
    #[must_use]
    pub fn items(&self) -> Option<Self> {
        Some(Self::new(self.pack, self.target.get("items")?))
    }

    /// The type of the values of a free map, such as labels.
    #[must_use]
    pub fn values(&self) -> Option<Self> {
        let values = self.target.get("additionalProperties").filter(|values| values.is_object())?;
        Some(Self::new(self.pack, values))
    }

    /// The default as the schema has it.
    #[must_use]
    pub fn default_value(&self) -> Option<&'p Value> {
        self.extension("default")
    }

    /// The default, unless it is only the zero value of its type.
    #[must_use]
    pub fn server_default(&self) -> Option<&'p Value> {
        self.default_value().filter(|value| match value {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        })
    }

    /// How the items of a list are owned; none if the schema does not say, which makes the patch strategy decide.
    #[must_use]
    pub fn list_type(&self) -> Option<ListType> {
        match self.text("x-kubernetes-list-type")? {
            "atomic" => Some(ListType::Atomic),
            "set" => Some(ListType::Set),
            "map" => Some(ListType::Map),
            _ => None,
        }
    }

    /// The fields that identify the items of a list of type [`ListType::Map`].
    pub fn list_keys(&self) -> impl Iterator<Item = &'p str> + use<'p> {
        texts(self.extension("x-kubernetes-list-map-keys"))
    }

    /// Whether a map or struct has one owner.
    #[must_use]
    pub fn is_atomic_map(&self) -> bool {
        self.text("x-kubernetes-map-type") == Some("atomic")
    }

    /// How a strategic merge patch treats the field.
    #[must_use]
    pub fn patch_strategy(&self) -> PatchStrategy {
        let strategy = self.text("x-kubernetes-patch-strategy").unwrap_or_default();
        let has = |word: &str| strategy.split(',').any(|found| found == word);
        PatchStrategy { merge: has("merge"), retain_keys: has("retainKeys") }
    }

    /// The field by which a strategic merge patch identifies list items.
    #[must_use]
    pub fn patch_merge_key(&self) -> Option<&'p str> {
        self.text("x-kubernetes-patch-merge-key")
    }

    /// The schema itself, as OpenAPI v3.
    #[must_use]
    pub fn openapi(&self) -> &'p Value {
        self.site
    }

    fn declared(&self) -> Option<&'p Map<String, Value>> {
        self.target.get("properties")?.as_object()
    }

    /// What the site says goes before what the type says.
    fn extension(&self, name: &str) -> Option<&'p Value> {
        self.site.get(name).or_else(|| self.target.get(name))
    }

    fn text(&self, name: &str) -> Option<&'p str> {
        self.extension(name)?.as_str()
    }
}

/// The name that a schema refers to, directly or as the only member of `allOf`.
fn reference(schema: &Value) -> Option<&str> {
    let wrapped = || schema.get("allOf")?.as_array()?.first()?.get("$ref");
    schema.get("$ref").or_else(wrapped)?.as_str()?.rsplit('/').next()
}

fn texts<'p>(list: Option<&'p Value>) -> impl Iterator<Item = &'p str> + use<'p> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
