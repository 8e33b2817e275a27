//! Bodies in protobuf, which typed clients in Go send: read into the JSON that the rest of the server works on.
//!
//! The envelope is that of `k8s.io/apimachinery`, `pkg/runtime/serializer/protobuf/protobuf.go`: four bytes, and then a message
//! that says what kind of object its bytes are. Which number a field has is data, made from the Go types by
//! `data/generator/wire`. A field that is no pointer is always written in Go; as in JSON, it is left out here when it is zero.

mod types;
mod wire;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holm_schema::GroupVersionKind;
use holm_values::{MicroTime, Timestamp};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use types::{Field, Kind, Many};
use wire::{Content, Reader};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may be in each other; schemas of custom resources are the deepest.
const DEPTH: usize = 128;

/// Reads an object. What does not say what it is, is of the kind `expected`.
pub(crate) fn decode(body: &[u8], expected: &GroupVersionKind) -> Result<Value, ApiError> {
    let problem = |text: &str| ApiError::bad_request(format!("the object provided is unrecognized: {text}"));
    let message =
        body.strip_prefix(MAGIC).ok_or_else(|| problem("it does not begin as protobuf of Kubernetes does"))?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut reader = Reader::new(message);
    while let Some((number, content)) = reader.next().map_err(problem)? {
        match (number, content) {
            (1, Content::Bytes(head)) => {
                let mut head = Reader::new(head);
                while let Some((number, content)) = head.next().map_err(problem)? {
                    match number {
                        1 => api_version = content.text(),
                        2 => kind = content.text(),
                        _ => {}
                    }
                }
            }
            (2, Content::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    if kind.is_empty() {
        (api_version, kind) = (expected.api_version(), expected.kind.clone());
    }
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let pack = holm_schema::built_in().map_err(|error| ApiError::internal(error.to_string()))?;
    let known = GroupVersionKind::new(group, version, &kind);
    let name = pack.type_name(&known).and_then(types::of);
    let fields = name.ok_or_else(|| problem(&format!("no kind {kind:?} is registered for version {api_version:?}")))?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), Value::from(kind));
    object.insert("apiVersion".to_owned(), Value::from(api_version));
    message_into(&mut object, fields, raw, DEPTH).map_err(problem)?;
    Ok(Value::Object(object))
}

/// Adds the fields of a message to an object.
fn message_into(
    object: &mut Map<String, Value>,
    fields: &[Field],
    bytes: &[u8],
    depth: usize,
) -> Result<(), &'static str> {
    let depth = depth.checked_sub(1).ok_or("messages are too deep in each other")?;
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        // A field of a later version is left out, as a Go program would.
        let Some(field) = fields.iter().find(|field| field.number == number) else { continue };
        if let (true, Kind::Message(name)) = (field.is_inline(), &field.kind) {
            message_into(object, known(name)?, content.bytes()?, depth)?;
            continue;
        }
        match field.many {
            Many::One => {
                let value = single(&field.kind, content, depth)?;
                if !is_zero(&value) {
                    object.insert(field.json.to_owned(), value);
                }
            }
            Many::Pointer => {
                object.insert(field.json.to_owned(), single(&field.kind, content, depth)?);
            }
            Many::List => {
                let list = object.entry(field.json.to_owned()).or_insert_with(|| json!([]));
                let value = single(&field.kind, content, depth)?;
                if let Some(list) = list.as_array_mut() {
                    list.push(value);
                }
            }
            Many::Map => {
                let (key, value) = entry(&field.kind, content.bytes()?, depth)?;
                let map = object.entry(field.json.to_owned()).or_insert_with(|| json!({}));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, value);
                }
            }
        }
    }
    Ok(())
}

fn known(name: &str) -> Result<&'static [Field], &'static str> {
    types::of(name).ok_or("a message of an unknown type")
}

/// What Go leaves out of JSON, or sets to the same again.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) => false,
    }
}

/// An entry of a map is a message of a key and a value.
fn entry(kind: &Kind, bytes: &[u8], depth: usize) -> Result<(String, Value), &'static str> {
    let (mut key, mut value) = (String::new(), None);
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        match number {
            1 => key = content.text(),
            2 => value = Some(single(kind, content, depth)?),
            _ => {}
        }
    }
    let value = match value {
        Some(value) => value,
        None => single(kind, Content::Bytes(&[]), depth)?,
    };
    Ok((key, value))
}

fn single(kind: &Kind, content: Content<'_>, depth: usize) -> Result<Value, &'static str> {
    Ok(match kind {
        Kind::Text => Value::from(content.text()),
        Kind::Flag => Value::from(content.integer()? != 0),
        Kind::Integer => Value::from(content.integer()?),
        Kind::Double => Value::from(content.double()?),
        Kind::Bytes => Value::from(STANDARD.encode(content.bytes()?)),
        Kind::Time => time(content.bytes()?, false)?,
        Kind::MicroTime => time(content.bytes()?, true)?,
        Kind::Quantity => match first_text(content.bytes()?)? {
            text if text.is_empty() => Value::from("0"),
            text => Value::from(text),
        },
        Kind::IntOrString => int_or_string(content.bytes()?)?,
        Kind::Json => embedded(content.bytes()?)?,
        Kind::Texts => {
            let mut texts = Vec::new();
            let mut reader = Reader::new(content.bytes()?);
            while let Some((number, content)) = reader.next()? {
                if number == 1 {
                    texts.push(Value::from(content.text()));
                }
            }
            Value::Array(texts)
        }
        Kind::Message(name) if name.contains(".JSONSchemaPropsOr") => schema_or(name, content.bytes()?, depth)?,
        Kind::Message(name) => {
            let mut object = Map::new();
            message_into(&mut object, known(name)?, content.bytes()?, depth)?;
            Value::Object(object)
        }
    })
}

/// A message with one text in it.
fn first_text(bytes: &[u8]) -> Result<String, &'static str> {
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        if number == 1 {
            return Ok(content.text());
        }
    }
    Ok(String::new())
}

/// The zero time is an empty message.
fn time(bytes: &[u8], micro: bool) -> Result<Value, &'static str> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        match number {
            1 => seconds = content.integer()?,
            2 => nanos = content.integer()?,
            _ => {}
        }
    }
    Ok(Value::from(if micro {
        MicroTime(seconds.saturating_mul(1_000_000).saturating_add(nanos / 1000)).to_string()
    } else {
        Timestamp(seconds).to_string()
    }))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, &'static str> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    let mut reader = Reader::new(bytes);
    while let Some((field, content)) = reader.next()? {
        match field {
            1 => is_text = content.integer()? == 1,
            2 => number = content.integer()?,
            3 => text = content.text(),
            _ => {}
        }
    }
    Ok(if is_text { Value::from(text) } else { Value::from(number) })
}

/// JSON as it is, in a message with one field.
fn embedded(bytes: &[u8]) -> Result<Value, &'static str> {
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        if number == 1 {
            return serde_json::from_slice(content.bytes()?).map_err(|_| "an embedded value is not JSON");
        }
    }
    Ok(Value::Null)
}

/// A schema, or something else in its place.
fn schema_or(name: &str, bytes: &[u8], depth: usize) -> Result<Value, &'static str> {
    let fields = known(name)?;
    let (mut list, mut flag) = (Vec::new(), false);
    let mut reader = Reader::new(bytes);
    while let Some((number, content)) = reader.next()? {
        let Some(field) = fields.iter().find(|field| field.number == number) else { continue };
        let value = single(&field.kind, content, depth.checked_sub(1).ok_or("schemas are too deep in each other")?)?;
        match (field.many, value) {
            (Many::Pointer, value) => return Ok(value),
            (Many::List, value) => list.push(value),
            (_, value) => flag = value == Value::Bool(true),
        }
    }
    Ok(if name.ends_with("OrBool") { Value::from(flag) } else { Value::Array(list) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A field of bytes.
    fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
        let mut all = vec![u8::try_from(number << 3 | 2).unwrap(), u8::try_from(bytes.len()).unwrap()];
        all.extend(bytes);
        all
    }

    fn object(kind: (&str, &str), raw: &[u8]) -> Vec<u8> {
        let head = [field(1, kind.0.as_bytes()), field(2, kind.1.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &head), field(2, raw)].concat()
    }

    #[test]
    fn an_object_is_read_as_its_json() {
        let entry = [field(1, b"key"), field(2, &[0, 255])].concat();
        let metadata = [field(1, b"s"), field(2, b""), field(8, b"")].concat();
        // Number 99 is none that a Secret has.
        let unknown = [0x98, 0x06, 0x01].to_vec();
        let raw = [field(1, &metadata), field(2, &entry), field(3, b"Opaque"), unknown].concat();
        let expected = GroupVersionKind::new("", "v1", "Secret");
        assert_eq!(
            decode(&object(("v1", "Secret"), &raw), &expected).unwrap(),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "AP8="}, "type": "Opaque"})
        );
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let expected = GroupVersionKind::new("", "v1", "Secret");
        let whole = object(("v1", "Secret"), &field(1, &field(1, b"name")));
        for length in [0, 3, 5, whole.len() - 1] {
            assert_eq!(decode(whole.get(..length).unwrap(), &expected).unwrap_err().code, 400, "{length}");
        }
        assert_eq!(decode(&object(("v1", "Nothing"), b""), &expected).unwrap_err().code, 400);
    }
}
