//! What a program asks for, as the JSON Schema of the type that it reads its configuration into.

use serde_json::{Map, Value, json};

use crate::key::Key;

/// References are followed so far; a schema that refers to itself without end says nothing.
const DEEPEST: usize = 32;

/// The JSON Schema of a configuration, as `schemars` makes it of a Rust type.
///
/// Of the schema language it knows what such types come to: types, properties, required ones, lists, maps, enumerations, bounds,
/// optional values and references within the document. What it does not know, it lets pass: the program's own reading decides.
/// A value whose schema has `writeOnly` is secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Value);

/// One value that a program asks for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// Its key.
    pub key: Key,
    /// What it must be, such as `an integer`.
    pub expected: String,
    /// What it is for, in the words of the type's documentation; empty where there is none.
    pub description: String,
    /// What holds where nobody gives it, where the type says so.
    pub default: Option<Value>,
    /// Whether it must be given.
    pub is_required: bool,
    /// Whether it is secret.
    pub is_secret: bool,
    /// The values that are allowed, as JSON; empty where that is no list.
    pub allowed: Vec<String>,
}

impl Schema {
    /// Makes a schema of a JSON Schema document.
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// Returns the values that the program asks for, in the order of their keys; of a table that may hold any names, the table.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        self.collect(&Key::default(), &self.0, true, 0, &mut fields);
        fields
    }

    /// Returns whether the value at this key is secret, or lies in one that is.
    pub fn is_secret(&self, key: &Key) -> bool {
        (1..=key.names().len()).any(|length| {
            let outer = Key::of(key.names().iter().take(length).cloned());
            self.at(&outer).is_some_and(|schema| is_secret(schema) || is_secret(self.concrete(schema)))
        })
    }

    /// Returns the JSON Schema of a whole configuration file, for editors. Nothing is required in it, because a value may come
    /// from elsewhere.
    pub fn of_file(&self) -> Value {
        let mut config = self.0.clone();
        let definitions = config.as_object_mut().and_then(|root| root.remove("$defs"));
        let dialect = config.as_object_mut().and_then(|root| root.remove("$schema"));
        let mut document = json!({
            "$schema": dialect.unwrap_or_else(|| "https://json-schema.org/draft/2020-12/schema".into()),
            "title": "The configuration of a workspace",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "config": {"$ref": "#/$defs/Configuration"},
                "stack": {"type": "object", "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "context": {"type": "string", "description": "The context of the kubeconfig that this stack lives in"},
                        "namespace": {"type": "string", "description": "The namespace of resources that name none"},
                        "config": {"$ref": "#/$defs/Configuration"},
                    },
                }},
            },
            "$defs": definitions.unwrap_or_else(|| json!({})),
        });
        if let Some(definitions) = document["$defs"].as_object_mut() {
            definitions.insert("Configuration".to_owned(), config);
            definitions.values_mut().for_each(require_nothing);
        }
        document
    }

    pub(crate) fn root(&self) -> &Value {
        &self.0
    }

    /// The schema of the value at a key, references followed; none where the program does not ask for it.
    pub(crate) fn at(&self, key: &Key) -> Option<&Value> {
        key.names().iter().try_fold(&self.0, |schema, name| {
            let schema = self.concrete(schema);
            schema["properties"].get(name).or_else(|| {
                let others = schema.get("additionalProperties")?;
                others.is_object().then_some(others)
            })
        })
    }

    /// What stands behind references, and behind "this or nothing".
    pub(crate) fn concrete<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            schema = if let Some(target) = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
                let Some(target) = self.0.pointer(target) else { return schema };
                target
            } else if let [only] = alternatives(schema).as_slice() {
                *only
            } else {
                return schema;
            };
        }
        schema
    }

    fn collect(&self, key: &Key, schema: &Value, is_required: bool, depth: usize, fields: &mut Vec<Field>) {
        let inner = self.concrete(schema);
        let of_either = |name: &str| schema.get(name).or_else(|| inner.get(name));
        match inner["properties"].as_object().filter(|_| depth < DEEPEST) {
            Some(properties) => {
                let required =
                    |name: &str| inner["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
                for (name, property) in properties {
                    self.collect(&key.join(name), property, is_required && required(name), depth + 1, fields);
                }
            }
            None => fields.push(Field {
                key: key.clone(),
                expected: expected(inner),
                description: of_either("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " "),
                default: of_either("default").cloned(),
                is_required: is_required && of_either("default").is_none(),
                is_secret: is_secret(schema) || is_secret(inner),
                allowed: allowed(inner).iter().map(ToString::to_string).collect(),
            }),
        }
    }
}

/// The schemas of which one must hold, but for "nothing".
pub(crate) fn alternatives(schema: &Value) -> Vec<&Value> {
    let lists = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| schema[name].as_array());
    lists.flatten().filter(|one| one["type"] != "null").collect()
}

/// The values that a schema lists; nothing where it lists none.
pub(crate) fn allowed(schema: &Value) -> Vec<&Value> {
    if let Some(constant) = schema.get("const") {
        return vec![constant];
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter(|value| !value.is_null()).collect();
    }
    let lists: Vec<Vec<&Value>> = alternatives(schema).into_iter().map(allowed).collect();
    if lists.iter().any(Vec::is_empty) { Vec::new() } else { lists.into_iter().flatten().collect() }
}

/// The types that a schema lets through; nothing where it does not say.
pub(crate) fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a value of this schema is, in words.
pub(crate) fn expected(schema: &Value) -> String {
    let word = |name: &&str| match *name {
        "boolean" => Some("a boolean"),
        "integer" => Some("an integer"),
        "number" => Some("a number"),
        "string" => Some("a text"),
        "array" => Some("a list"),
        "object" => Some("a table"),
        _ => None,
    };
    let words: Vec<&str> = types(schema).iter().filter_map(word).collect();
    if words.is_empty() { "a value".to_owned() } else { words.join(" or ") }
}

fn is_secret(schema: &Value) -> bool {
    schema["writeOnly"] == true
}

fn require_nothing(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            if entries.get("required").is_some_and(Value::is_array) {
                entries.remove("required");
            }
            close(entries);
            entries.values_mut().for_each(require_nothing);
        }
        Value::Array(items) => items.iter_mut().for_each(require_nothing),
        _ => {}
    }
}

/// Names that the program does not ask for are errors, so editors should say so, too.
fn close(schema: &mut Map<String, Value>) {
    if schema.get("properties").is_some_and(Value::is_object) && schema.get("type").is_some_and(|kind| kind == "object")
    {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}
