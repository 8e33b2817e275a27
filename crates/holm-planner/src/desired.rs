//! The object that is sent for a resource: the declaration with its inputs filled in and our mark on it.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fields;
use crate::inventory::{InventoryPlace, PART_OF_LABEL};
use crate::packed::Packed;
use holm_core::path::FieldPath;
use holm_core::sensitive::Sensitive;
use holm_core::{Input, Resolve, Resolved, Resource, Unknown};

/// An object to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Desired {
    /// The object, without the fields whose value is unknown.
    pub object: Sensitive<Value>,
    /// The fields whose value is not there yet.
    pub unknown: Vec<(FieldPath, Unknown)>,
    /// The fields that hold secrets.
    pub sensitive: BTreeSet<FieldPath>,
    /// A digest of the object without secret values; empty while something is unknown.
    pub digest: String,
}

/// An object to send as a plan keeps it: many are there at once, and few are looked into.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Wanted {
    /// The object, without the fields whose value is unknown.
    pub object: Packed,
    /// The fields whose value is not there yet.
    pub unknown: Vec<(FieldPath, Unknown)>,
    /// A digest of the object without secret values; empty while something is unknown.
    pub digest: String,
}

impl From<Desired> for Wanted {
    fn from(desired: Desired) -> Self {
        let Desired { object, unknown, digest, .. } = desired;
        Self { object: Packed::of(object.expose()), unknown, digest }
    }
}

/// Fills the declaration in from `source`. With the live object at hand, `ignore_changes` are left to whoever owns them.
pub fn desired(resource: &Resource, place: &InventoryPlace, source: &dyn Resolve, live: Option<&Value>) -> Desired {
    fill_in(&resource.object, &resource.inputs, &resource.options.ignore_changes, place, source, live)
}

/// Does what [`desired`] does with the parts of a declaration that it needs: the object, what is filled in, and which fields are
/// left to others.
pub(crate) fn fill_in<'a>(
    declared: &Value,
    inputs: impl IntoIterator<Item = (&'a FieldPath, &'a Input)>,
    ignored: &[FieldPath],
    place: &InventoryPlace,
    source: &dyn Resolve,
    live: Option<&Value>,
) -> Desired {
    let mut object = declared.clone();
    let mut unknown = Vec::new();
    let mut sensitive = BTreeSet::new();
    let mut secrets = Vec::new();
    for (path, input) in inputs {
        match input.resolve(source) {
            Resolved::Known { value, sensitive: true } => {
                sensitive.insert(path.clone());
                secrets.push((path, value));
            }
            Resolved::Known { value, sensitive: false } => place_value(&mut object, path, value, &mut unknown),
            Resolved::Unknown(reason) => {
                if input.is_sensitive() {
                    sensitive.insert(path.clone());
                }
                unknown.push((path.clone(), reason));
            }
        }
    }
    mark(&mut object, place);
    // The digest is taken before the secrets go in, so that nobody can guess them from it, and before anything live does,
    // so that it tells about the declaration alone. Where secrets go is part of the declaration.
    let digest = if unknown.is_empty() { digest(&object, &sensitive) } else { String::new() };
    if let Some(live) = live {
        leave_to_others(&mut object, ignored, place, live);
    }
    for (path, value) in secrets {
        place_value(&mut object, path, value, &mut unknown);
    }
    Desired { object: Sensitive::new(object), unknown, sensitive, digest }
}

fn place_value(object: &mut Value, path: &FieldPath, value: Value, unknown: &mut Vec<(FieldPath, Unknown)>) {
    if !path.set(object, value) {
        let reason = format!("the object has no place for a value at {path}");
        unknown.push((path.clone(), Unknown::Malformed(reason)));
    }
}

/// Puts the label of our set on the object.
fn mark(object: &mut Value, place: &InventoryPlace) {
    let label = FieldPath::of(["metadata", "labels", PART_OF_LABEL]);
    label.set(object, Value::String(place.set_id.clone()));
}

/// Fields of `ignore_changes`: what only we own is sent as it is live, because leaving it out would delete it; everything
/// else is left out.
fn leave_to_others(object: &mut Value, ignored: &[FieldPath], place: &InventoryPlace, live: &Value) {
    let ours = fields::applied_by(live, &place.field_manager);
    for path in ignored {
        if path.get(object).is_none() {
            continue;
        }
        let is_ours = ours.is_some_and(|ours| fields::contains(ours, path));
        match path.get(live) {
            Some(value) if is_ours => {
                path.set(object, value.clone());
            }
            _ => {
                path.remove(object);
            }
        }
    }
}

/// A digest that does not depend on the order of map entries: the first 16 hexadecimal digits of a SHA-256.
fn digest(value: &Value, sensitive: &BTreeSet<FieldPath>) -> String {
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    for path in sensitive {
        let text = path.to_string();
        hasher.update([b'$']);
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let bytes = hasher.finalize();
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            hasher.update([b'{']);
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            for name in names {
                hasher.update((name.len() as u64).to_le_bytes());
                hasher.update(name);
                feed(&fields[name.as_str()], hasher);
            }
            hasher.update([b'}']);
        }
        Value::Array(items) => {
            hasher.update([b'[']);
            items.iter().for_each(|item| feed(item, hasher));
            hasher.update([b']']);
        }
        scalar => {
            let text = scalar.to_string();
            hasher.update([b':']);
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
}
