//! Reading a JSON body: duplicate fields, unknown fields, values of a wrong type.
//!
//! From `k8s.io/apimachinery`, `pkg/runtime/serializer/json` and `sigs.k8s.io/json`: unknown and duplicate fields are dropped;
//! depending on `fieldValidation` the request is refused, answered with a warning each, or served silently. A value of another
//! JSON type is always refused. A repeated field has the last value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holm_schema::{DataType, Type};
use holm_values::Quantity;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads JSON, and the paths of the fields that occur twice.
///
/// # Errors
/// When the body is not JSON.
pub fn parse(body: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut duplicates = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Seed { path: String::new(), duplicates: &mut duplicates }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))?;
    Ok((value, duplicates))
}

struct Seed<'d> {
    path: String,
    duplicates: &'d mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // 3.0 is an integer to a Go program.
        #[allow(clippy::cast_possible_truncation)]
        let whole = value as i64;
        #[allow(clippy::cast_precision_loss)]
        let is_whole = whole as f64 == value && value.abs() < 9e15;
        Ok(if is_whole { Value::from(whole) } else { Value::from(value) })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, list.len());
            match items.next_element_seed(Seed { path, duplicates: self.duplicates })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = child(&self.path, &name);
            if map.contains_key(&name) {
                self.duplicates.push(path.clone());
            }
            let value = fields.next_value_seed(Seed { path, duplicates: self.duplicates })?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value that does not fit its type.
#[derive(Debug)]
pub struct Mismatch {
    /// What there is, in Go's words.
    pub found: String,
    /// The field.
    pub path: String,
    /// What is expected.
    pub expected: &'static str,
    /// What the parser of the type says, which stands for all of that.
    pub own: Option<String>,
}

impl Mismatch {
    /// Returns the text as a Go program words it, as far as it does not name Go types of the server.
    #[must_use]
    pub fn text(&self, kind: &str) -> String {
        if let Some(own) = &self.own {
            return own.clone();
        }
        format!(
            "json: cannot unmarshal {} into Go struct field {kind}.{} of type {}",
            self.found, self.path, self.expected
        )
    }
}

/// Drops the fields that the type does not have, whose paths are added to `unknown`, and checks the types of the others.
///
/// # Errors
/// The first value that does not fit its type.
pub fn prune(value: &mut Value, kind: Type<'_>, path: &str, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
    if value.is_null() {
        return Ok(());
    }
    let mismatch = |expected: &'static str, value: &Value| {
        let found = match value {
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if number.is_f64() => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            _ => "object".to_owned(),
        };
        Err(Mismatch { found, path: path.to_owned(), expected, own: None })
    };
    if kind.is_quantity() {
        return Quantity::read(value).map(|_| ()).map_err(|error| Mismatch {
            found: value.to_string(),
            path: path.to_owned(),
            expected: "resource.Quantity",
            own: Some(error.to_string()),
        });
    }
    match (kind.data_type(), &mut *value) {
        (DataType::Any, _) | (DataType::Boolean, Value::Bool(_)) | (DataType::Number, Value::Number(_)) => Ok(()),
        (DataType::IntOrString, Value::String(_)) => Ok(()),
        (DataType::Integer | DataType::IntOrString, Value::Number(number)) if !number.is_f64() => {
            let limited = kind.format() == Some("int32") || kind.data_type() == DataType::IntOrString;
            let fits = number.as_i64().is_some_and(|number| !limited || i32::try_from(number).is_ok());
            if fits { Ok(()) } else { mismatch("int32", value) }
        }
        (DataType::String, Value::String(text)) => {
            if kind.format() == Some("byte") && STANDARD.decode(text.as_bytes()).is_err() {
                return Err(Mismatch {
                    found: "illegal base64 data".to_owned(),
                    path: path.to_owned(),
                    expected: "[]byte",
                    own: None,
                });
            }
            if kind.name().is_some_and(|name| name.ends_with(".MicroTime")) && !has_microseconds(text) {
                return mismatch("MicroTime", value);
            }
            if kind.format() == Some("date-time") && text.parse::<holm_values::Timestamp>().is_err() {
                return mismatch("Time", value);
            }
            Ok(())
        }
        (DataType::Object, Value::Object(fields)) => prune_fields(fields, kind, path, unknown),
        (DataType::Array, Value::Array(items)) => {
            let Some(items_kind) = kind.items() else { return Ok(()) };
            for (position, item) in items.iter_mut().enumerate() {
                if item.is_null() {
                    *item = zero(items_kind);
                }
                prune(item, items_kind, &format!("{path}[{position}]"), unknown)?;
            }
            Ok(())
        }
        (DataType::Object, _) => mismatch("struct", value),
        (DataType::Array, _) => mismatch("slice", value),
        (DataType::String, _) => mismatch("string", value),
        (DataType::Integer, _) => mismatch("int32", value),
        (DataType::Boolean, _) => mismatch("bool", value),
        (DataType::Number, _) => mismatch("float64", value),
        (DataType::IntOrString, _) => mismatch("intstr.IntOrString", value),
    }
}

fn prune_fields(
    fields: &mut Map<String, Value>,
    kind: Type<'_>,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), Mismatch> {
    if let Some(values) = kind.values() {
        for (name, value) in fields.iter_mut() {
            if value.is_null() && values.data_type() == DataType::String {
                // To a Go program a text that is null is an empty one.
                *value = Value::from("");
            }
            if value.is_null() && values.is_quantity() {
                // And a quantity is none.
                *value = Value::from("0");
            }
            prune(value, values, &child(path, name), unknown)?;
        }
        return Ok(());
    }
    if kind.properties().next().is_none() {
        return Ok(());
    }
    let mut dropped = Vec::new();
    for (name, value) in fields.iter_mut() {
        match kind.property(name) {
            Some(property) => prune(value, property, &child(path, name), unknown)?,
            None => dropped.push(name.clone()),
        }
    }
    for name in dropped {
        fields.remove(&name);
        unknown.push(child(path, &name));
    }
    Ok(())
}

/// What an item that is null is to a Go program.
fn zero(kind: Type<'_>) -> Value {
    match kind.data_type() {
        _ if kind.is_quantity() => Value::from("0"),
        DataType::Object if kind.values().is_none() => Value::Object(Map::new()),
        DataType::String => Value::from(""),
        DataType::Integer | DataType::Number | DataType::IntOrString => Value::from(0),
        DataType::Boolean => Value::from(false),
        _ => Value::Null,
    }
}

/// Cuts numbers down to the 32 bits of their fields. A merged object becomes a Go struct without a look at the sizes of its numbers
/// (`k8s.io/apimachinery`, `pkg/runtime/converter.go`), unlike a body that is read.
pub fn wrap_integers(value: &mut Value, kind: Type<'_>) {
    match value {
        Value::Number(number) if kind.data_type() == DataType::Integer && kind.format() == Some("int32") => {
            if let Some(whole) = number.as_i64() {
                #[allow(clippy::cast_possible_truncation, reason = "the lower 32 bits are what is wanted")]
                let wrapped = whole as i32;
                *value = Value::from(wrapped);
            }
        }
        Value::Array(items) => {
            if let Some(kind) = kind.items() {
                items.iter_mut().for_each(|item| wrap_integers(item, kind));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(kind) = kind.values().or_else(|| kind.property(name)) {
                    wrap_integers(value, kind);
                }
            }
        }
        _ => {}
    }
}

/// Some times are written with exactly six digits behind the seconds.
fn has_microseconds(text: &str) -> bool {
    let digits = text.split_once('.').map_or("", |(_, rest)| rest.trim_end_matches(['Z', 'z']));
    let digits = digits.split(['+', '-']).next().unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
}
