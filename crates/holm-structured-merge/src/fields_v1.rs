//! The `FieldsV1` notation of field sets, byte for byte as Kubernetes writes it.
//!
//! A set is a JSON object: `f:name` is a field, `k:{...}` a list item by its keys, `v:...` a set item, `i:n` a position, and
//! `.` marks a node that is a member although it has children. Order and escaping follow `structured-merge-diff/v6`,
//! `fieldpath/serialize.go` and `serialize-pe.go`: entries are sorted as path elements, and strings inside keys and values
//! escape `<`, `>` and `&`.
//!
//! Numbers inside keys and values are read as floating point, as Kubernetes reads them.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::error::FieldsError;
use crate::field_set::{FieldSet, Node};
use crate::json::{write_json, write_string};
use crate::path::{KeyField, PathElement};

impl FieldSet {
    /// Writes the set as `FieldsV1` text.
    #[must_use]
    pub fn to_fields_v1(&self) -> String {
        let mut out = String::with_capacity(64 * self.nodes.len());
        self.write_fields_v1(&mut out, &mut String::new(), false);
        out
    }

    /// The set as a `FieldsV1` JSON value, for an object that is kept as JSON.
    ///
    /// # Caveats
    /// Unless `serde_json` preserves the order of keys, they come out in the order of their text; [`FieldSet::to_fields_v1`]
    /// keeps Kubernetes' order always.
    #[must_use]
    pub fn to_fields_v1_value(&self) -> Value {
        self.fields_v1_value(false)
    }

    /// Reads `FieldsV1` text.
    ///
    /// # Errors
    /// If the text is not JSON, or not a set.
    pub fn from_fields_v1(text: &str) -> Result<Self, FieldsError> {
        let value = serde_json::from_str(text).map_err(|error| FieldsError::Json { problem: error.to_string() })?;
        Self::from_fields_v1_value(&value)
    }

    /// Reads a `FieldsV1` JSON value. Kinds of path elements that are not known are skipped with all below them.
    ///
    /// # Errors
    /// If the value is not an object of objects, or a key is not a path element.
    pub fn from_fields_v1_value(value: &Value) -> Result<Self, FieldsError> {
        Ok(read_node(value)?.0)
    }

    fn write_fields_v1(&self, out: &mut String, key: &mut String, include_self: bool) {
        out.push('{');
        if include_self {
            out.push_str("\".\":{}");
        }
        for (position, node) in self.nodes.iter().enumerate() {
            if position > 0 || include_self {
                out.push(',');
            }
            key.clear();
            write_element(key, &node.element);
            write_string(out, key, false);
            out.push(':');
            if node.children.is_empty() {
                out.push_str("{}");
            } else {
                node.children.write_fields_v1(out, key, node.member);
            }
        }
        out.push('}');
    }

    fn fields_v1_value(&self, include_self: bool) -> Value {
        let mut object = Map::new();
        if include_self {
            object.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for node in &self.nodes {
            object.insert(node.element.to_fields_v1(), node.children.fields_v1_value(has_both(node)));
        }
        Value::Object(object)
    }
}

impl PathElement {
    /// The element as a key of `FieldsV1`.
    #[must_use]
    pub fn to_fields_v1(&self) -> String {
        let mut out = String::new();
        write_element(&mut out, self);
        out
    }

    /// Reads a key of `FieldsV1`; `None` for kinds of elements that are not known.
    ///
    /// # Errors
    /// If the key has no kind, or its content is not what the kind says.
    pub fn from_fields_v1(key: &str) -> Result<Option<Self>, FieldsError> {
        let malformed = |problem: &str| FieldsError::Element { key: key.to_owned(), problem: problem.to_owned() };
        if key.len() < 2 {
            return Err(malformed("key must be 2 characters long"));
        }
        let (Some(kind), Some(content)) = (key.get(..1), key.get(1..).and_then(|rest| rest.strip_prefix(':'))) else {
            return Err(malformed("missing colon"));
        };
        let json = |content| serde_json::from_str::<Value>(content).map_err(|error| malformed(&error.to_string()));
        Ok(Some(match kind {
            "f" => Self::field(content),
            "v" => Self::value(with_floats(json(content)?)),
            "k" => {
                let Value::Object(fields) = json(content)? else { return Err(malformed("keys must be an object")) };
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| KeyField { name: Arc::from(name), value: with_floats(value) });
                Self::key(fields)
            }
            "i" => Self::Index(content.parse().map_err(|_| malformed("an index must be a number"))?),
            _ => return Ok(None),
        }))
    }
}

fn has_both(node: &Node) -> bool {
    node.member && !node.children.is_empty()
}

fn write_element(out: &mut String, element: &PathElement) {
    match element {
        PathElement::Field(name) => {
            out.push_str("f:");
            out.push_str(name);
        }
        PathElement::Key(fields) => {
            out.push_str("k:{");
            for (position, field) in fields.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_string(out, &field.name, false);
                out.push(':');
                write_json(out, &field.value);
            }
            out.push('}');
        }
        PathElement::Value(value) => {
            out.push_str("v:");
            write_json(out, value);
        }
        PathElement::Index(index) => {
            out.push_str("i:");
            out.push_str(&index.to_string());
        }
    }
}

/// Reads the children of a node and whether the node is a member: marked with `.`, or without children.
fn read_node(value: &Value) -> Result<(FieldSet, bool), FieldsError> {
    let entries = match value {
        Value::Object(entries) => entries,
        Value::Null => return Ok((FieldSet::new(), true)),
        _ => return Err(FieldsError::NotAnObject),
    };
    let mut member = false;
    let mut nodes = Vec::with_capacity(entries.len());
    for (key, below) in entries {
        if key == "." {
            member = true;
            continue;
        }
        let Some(element) = PathElement::from_fields_v1(key)? else { continue };
        let (children, member) = read_node(below)?;
        nodes.push(Node { element, member, children });
    }
    let children = FieldSet::from_nodes(nodes);
    let member = member || children.is_empty();
    Ok((children, member))
}

fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number),
        Value::Array(items) => Value::Array(items.into_iter().map(with_floats).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, with_floats(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        FieldSet::from_fields_v1(text).expect("the text is a set").to_fields_v1()
    }

    #[test]
    fn text_survives_reading_and_writing() {
        let text = r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{}},"f:set":{"v:\"a\\u003cb\"":{},"v:1.5":{}},"f:list":{"i:3":{}}}}"#;
        // `list` sorts before `ports`.
        let sorted = r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:list":{"i:3":{}},"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{}},"f:set":{"v:1.5":{},"v:\"a\\u003cb\"":{}}}}"#;
        assert_eq!(rewritten(text), sorted);
    }

    #[test]
    fn the_value_and_the_text_are_the_same_set() {
        let set = FieldSet::from_fields_v1(r#"{"f:a":{".":{},"f:b":{}}}"#).expect("the text is a set");
        assert_eq!(FieldSet::from_fields_v1_value(&set.to_fields_v1_value()), Ok(set.clone()));
        assert_eq!(set.to_fields_v1_value().to_string(), r#"{"f:a":{".":{},"f:b":{}}}"#);
    }

    #[test]
    fn an_unknown_kind_of_element_is_skipped() {
        assert_eq!(rewritten(r#"{"f:a":{"x:later":{}},"y:more":{"f:b":{}}}"#), r#"{"f:a":{}}"#);
    }

    #[test]
    fn malformed_keys_are_refused() {
        for text in [
            r#"{"a":{}}"#,
            r#"{"fa":{}}"#,
            r#"{"k:1":{}}"#,
            r#"{"v:{":{}}"#,
            r#"{"i:x":{}}"#,
            r#"{"f:a":1}"#,
            "[]",
            "{",
        ] {
            assert!(FieldSet::from_fields_v1(text).is_err(), "{text}");
        }
    }
}
