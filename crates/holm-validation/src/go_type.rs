//! How a Go program names a field whose value has a wrong type: the innermost struct, the path of names, and the type.
//!
//! From `encoding/json`, `UnmarshalTypeError`: embedded structs are part of the path, positions and keys of maps are not. Types of
//! texts that have a name of their own in Go, such as `v1.Protocol`, are called `string`; the schema does not know them.

use holm_schema::{DataType, Type};

use crate::place::Step;

/// Structs that others embed, with the fields of the outer struct that are its own; all others are of the embedded one.
const EMBEDDED: &[(&str, &str, &[&str])] = &[
    ("Volume", "VolumeSource", &["name"]),
    ("IngressRule", "IngressRuleValue", &["host"]),
    ("EphemeralContainer", "EphemeralContainerCommon", &["targetContainerName"]),
    ("ConfigMapEnvSource", "LocalObjectReference", &["optional"]),
    ("SecretEnvSource", "LocalObjectReference", &["optional"]),
    ("ConfigMapKeySelector", "LocalObjectReference", &["key", "optional"]),
    ("SecretKeySelector", "LocalObjectReference", &["key", "optional"]),
    ("ConfigMapProjection", "LocalObjectReference", &["items", "optional"]),
    ("SecretProjection", "LocalObjectReference", &["items", "optional"]),
    ("ConfigMapVolumeSource", "LocalObjectReference", &["items", "defaultMode", "optional"]),
];

/// The fields of the struct that a probe embeds.
const PROBE_HANDLERS: [&str; 4] = ["exec", "grpc", "httpGet", "tcpSocket"];

/// Returns `Struct.path of type T` of a place in an object of this type, whose full name is `root_name`.
pub(crate) fn describe(root: Type<'static>, root_name: &'static str, place: &[Step]) -> Option<String> {
    let last_word = root_name.rsplit('.').next().unwrap_or_default();
    let (mut kind, mut holder, mut path) = (root, last_word, Vec::<&str>::new());
    for step in place {
        kind = match step {
            Step::Item(_) => kind.items()?,
            Step::Field(field) => match kind.values() {
                Some(values) => values,
                None => {
                    let outer = if path.is_empty() { last_word } else { name(kind) };
                    holder = outer;
                    if let Some(inner) = embedded(outer, field) {
                        path.push(inner);
                        holder = inner;
                    }
                    path.push(field);
                    kind.property(field)?
                }
            },
        };
    }
    Some(format!("{holder}.{} of type {}", path.join("."), type_name(kind)))
}

fn embedded(outer: &str, field: &str) -> Option<&'static str> {
    if outer == "Probe" {
        return PROBE_HANDLERS.contains(&field).then_some("ProbeHandler");
    }
    let (_, inner, own) = EMBEDDED.iter().find(|(name, ..)| *name == outer)?;
    (!own.contains(&field)).then_some(*inner)
}

/// Returns the name of a struct; empty for what is none.
fn name(kind: Type<'static>) -> &'static str {
    kind.name().and_then(|name| name.rsplit('.').next()).unwrap_or_default()
}

fn type_name(kind: Type<'static>) -> String {
    match kind.data_type() {
        DataType::Integer if kind.format() == Some("int64") => "int64".to_owned(),
        DataType::Integer => "int32".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Number => "float64".to_owned(),
        DataType::String if kind.format() == Some("byte") => "[]uint8".to_owned(),
        DataType::Array => format!("[]{}", kind.items().map(type_name).unwrap_or_default()),
        DataType::Object => match (kind.values(), kind.name()) {
            (Some(values), _) => format!("map[string]{}", type_name(values)),
            (None, Some(full)) => {
                let mut words = full.rsplit('.');
                let (name, package) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                format!("{package}.{name}")
            }
            (None, None) => "struct".to_owned(),
        },
        _ => "string".to_owned(),
    }
}
