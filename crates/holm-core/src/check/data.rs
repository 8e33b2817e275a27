//! The contents of ConfigMaps and Secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::field::{entries, is_unknown, text};
use super::metadata::wrong_type;
use super::{Declared, Report, name};
use crate::input::{FieldReference, Input, Resolve, Resolved, Transform};
use crate::path::{FieldPath, Segment};
use crate::problem::ProblemKind;
use crate::secret::is_secret;
use crate::sensitive::Sensitive;

/// All values of a ConfigMap or Secret together, in bytes (`MaxSecretSize` of the server).
const DATA_LIMIT: usize = 1024 * 1024;

/// What the server asks of a Secret's type: it has all keys of one of these lists.
const TYPES: [(&str, &[&[&str]]); 5] = [
    ("kubernetes.io/tls", &[&["tls.crt", "tls.key"]]),
    ("kubernetes.io/dockerconfigjson", &[&[".dockerconfigjson"]]),
    ("kubernetes.io/dockercfg", &[&[".dockercfg"]]),
    ("kubernetes.io/ssh-auth", &[&["ssh-privatekey"]]),
    ("kubernetes.io/basic-auth", &[&["username"], &["password"]]),
];

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>) {
    if declared.is("", "ConfigMap") {
        check_config_map(report, declared.object);
    } else if is_secret(&declared.resource.id) {
        check_secret(report, declared);
    }
}

/// The keys of a ConfigMap or Secret.
pub(super) fn keys<'a>(declared: &Declared<'a>) -> Vec<&'a str> {
    let of_object = ["data", "binaryData"].into_iter().flat_map(|section| entries(declared.object, section));
    let mut keys: Vec<&str> = of_object.map(|(key, _)| key).collect();
    if is_secret(&declared.resource.id) {
        keys.extend(values(declared).map(|(key, _)| key));
    }
    keys.sort_unstable();
    keys
}

/// The values of a Secret, which stand beside its object.
fn values<'a>(declared: &Declared<'a>) -> impl Iterator<Item = (&'a str, &'a Input)> {
    declared.resource.inputs.iter().filter_map(|(path, input)| match path.segments() {
        [Segment::Field(section), Segment::Field(key)] if section == "data" => Some((key.as_str(), input)),
        _ => None,
    })
}

fn check_config_map(report: &mut Report<'_>, object: &Value) {
    let mut size = 0;
    for section in ["data", "binaryData"] {
        report.map(FieldPath::of([section]), object.get(section));
        for (key, value) in entries(object, section) {
            let path = FieldPath::of([section, key]);
            report.rule(path.clone(), "key", key, name::data_key(key));
            match value {
                _ if is_unknown(value) => {}
                Value::String(value) if section == "data" => size += value.len(),
                Value::String(value) => match decoded_size(value) {
                    Some(decoded) => size += decoded,
                    None => report.unfit(path, "the value of binaryData is not base64; give text under data"),
                },
                Value::Null => {}
                other => wrong_type(report, path, other),
            }
        }
    }
    for (key, _) in
        entries(object, "data").filter(|(key, _)| entries(object, "binaryData").any(|(other, _)| other == *key))
    {
        report.unfit(FieldPath::of(["binaryData", key]), format!("the key \"{key}\" stands under data as well"));
    }
    if size > DATA_LIMIT {
        report.add(
            FieldPath::of(["data"]),
            ProblemKind::TooLarge { what: "data of the ConfigMap", size, limit: DATA_LIMIT },
        );
    }
}

fn check_secret(report: &mut Report<'_>, declared: &Declared<'_>) {
    let data = FieldPath::of(["data"]);
    let mut size = 0;
    for (key, input) in values(declared) {
        let path = data.field(key);
        report.rule(path.clone(), "key", key, name::data_key(key));
        let Resolved::Known { value: Value::String(encoded), .. } = input.resolve(&Nothing) else { continue };
        match decoded_size(&encoded) {
            Some(decoded) => size += decoded,
            None if matches!(input, Input::Transformed(_, Transform::Base64)) => {}
            None => report.unfit(path, "the value is not base64, as data asks for; give text under stringData"),
        }
    }
    if size > DATA_LIMIT {
        report.add(data.clone(), ProblemKind::TooLarge { what: "data of the Secret", size, limit: DATA_LIMIT });
    }
    // What is no text stayed in the object when the values were taken out of it.
    for section in ["data", "stringData"] {
        report.map(FieldPath::of([section]), declared.object.get(section));
        for (key, value) in entries(declared.object, section).filter(|(_, value)| !value.is_null()) {
            wrong_type(report, FieldPath::of([section, key]), value);
        }
    }
    for path in declared.resource.inputs.keys().filter(|path| is_misplaced(path)) {
        report.unfit(path.clone(), "a Secret takes values at data.KEY and stringData.KEY only");
    }
    let Some(secret_type) = text(declared.object, "type") else { return };
    let keys = keys(declared);
    if let Some((_, choices)) = TYPES.iter().find(|(name, _)| *name == secret_type)
        && !choices.iter().any(|needed| needed.iter().all(|key| keys.contains(key)))
    {
        let needed: Vec<String> = choices.iter().map(|keys| keys.join("\" and \"")).collect();
        let needed = needed.join("\" or \"");
        report.incomplete(data, format!("a Secret of the type {secret_type} needs the key \"{needed}\""));
    }
    if secret_type == "kubernetes.io/service-account-token" {
        let path = FieldPath::of(["metadata", "annotations", "kubernetes.io/service-account.name"]);
        if path.get(declared.object).is_none() {
            report.incomplete(path, "a token Secret needs the name of its ServiceAccount");
        }
    }
}

/// Returns whether a value is given for a whole section, or for a part of an entry.
fn is_misplaced(path: &FieldPath) -> bool {
    let [Segment::Field(section), rest @ ..] = path.segments() else { return false };
    ["data", "stringData"].contains(&section.as_str()) && !matches!(rest, [Segment::Field(_)])
}

/// How many bytes this base64 stands for. The server skips line breaks.
fn decoded_size(encoded: &str) -> Option<usize> {
    let joined: String = encoded.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(joined).ok().map(|bytes| bytes.len())
}

/// Knows nothing beyond the inputs themselves.
struct Nothing;

impl Resolve for Nothing {
    fn field(&self, _: &FieldReference) -> Option<(Value, bool)> {
        None
    }

    fn generated(&self, _: &str) -> Option<Sensitive<String>> {
        None
    }
}
