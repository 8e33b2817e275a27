//! What makes a Secret different: its values leave the declared object, and are sent as `data`.
//!
//! `stringData` is write-only: under server-side apply, a key that leaves it stays in `data` for ever
//! (kubernetes/kubernetes#108008), so a declaration's `stringData` is turned into `data` here.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::graph::Graph;
use crate::id::ResourceId;
use crate::input::{Input, Resolve, Resolved, Transform};
use crate::path::{FieldPath, Segment, scalar_text};
use crate::references::by_name;
use crate::resource::Resource;
use crate::sensitive::Sensitive;
use holm_redact::Redactor;

/// The most bytes of an annotation of a Secret that is taken for harmless.
const LONGEST_ANNOTATION: usize = 256;

/// A value that must not be shown, and the field that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The field.
    pub path: FieldPath,
    /// The value, decoded where it was base64.
    pub value: Sensitive<Vec<u8>>,
}

impl Held {
    fn new(path: &FieldPath, value: impl Into<Vec<u8>>) -> Self {
        Self { path: path.clone(), value: Sensitive::new(value.into()) }
    }

    /// Teaches the value to a redactor.
    pub fn teach(&self, redactor: &mut Redactor) {
        redactor.learn_at(&self.path, self.value.expose());
    }
}

/// An object as `Debug` may show it: of a Secret, only what it is.
pub(crate) struct Glimpse<'a>(pub(crate) &'a Value);

impl fmt::Debug for Glimpse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get("kind").and_then(Value::as_str) {
            Some("Secret") => f.write_str("Secret (sensitive)"),
            _ => write!(f, "{}", self.0),
        }
    }
}

/// Returns whether this is a core Secret.
pub fn is_secret(id: &ResourceId) -> bool {
    id.is("", "Secret")
}

/// Returns whether a field of a Secret must not be shown: everything except metadata that is known to be harmless. An annotation
/// may be a copy of the whole Secret, such as that of `kubectl apply`, and an unknown field may be a mistyped `data`.
pub fn is_masked(path: &FieldPath, value: &Value) -> bool {
    let names: Vec<&str> = path.segments().iter().map_while(name).collect();
    match names.as_slice() {
        ["apiVersion" | "kind" | "type" | "immutable", ..] => value.is_object() || value.is_array(),
        ["metadata", "annotations", key, ..] => is_copy(key, value),
        ["metadata", ..] => false,
        _ => true,
    }
}

/// Returns the values of an object that must not be shown: all of a Secret, and those at these paths of any other.
pub fn held(id: &ResourceId, object: &Value, sensitive: &[FieldPath]) -> Vec<Held> {
    let mut held = Vec::new();
    if is_secret(id) {
        let data = FieldPath::of(["data"]);
        for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
            hold_encoded(&data.field(key), value, &mut held);
        }
    }
    for path in sensitive {
        if let Some(value) = path.get(object) {
            hold(path, value, &mut held);
        }
    }
    held
}

/// Returns the values of a declaration that must not be shown, as far as `source` can resolve them.
pub fn declared(graph: &Graph, source: &dyn Resolve) -> Vec<Held> {
    let mut held = Vec::new();
    for resource in graph.resources() {
        for (path, input) in &resource.inputs {
            let path = &by_name(path, &resource.object);
            input.visit(&mut |part| {
                if let Input::Sensitive(value) = part {
                    held.push(Held::new(path, value.expose().as_str()));
                }
            });
            if let Resolved::Known { value, sensitive: true } = input.resolve(source) {
                if is_secret(&resource.id) {
                    hold_encoded(path, &value, &mut held);
                } else {
                    hold(path, &value, &mut held);
                }
            }
        }
    }
    held
}

/// Returns the paths of a resource's declared values that must not be shown. List items are addressed by name where they have
/// one, even where the program gives an index: the live object may have another item at that index.
pub fn sensitive_paths(resource: &Resource) -> Vec<FieldPath> {
    let sensitive = resource.inputs.iter().filter(|(_, input)| input.is_sensitive());
    sensitive.map(|(path, _)| by_name(path, &resource.object)).collect()
}

/// Moves the values of a Secret out of its object: `data` as it is (base64), `stringData` encoded, and inputs that were
/// given for `stringData` likewise; and annotations that may be copies of them.
///
/// What is not a map of text stays in the object to be reported: such a Secret is never sent.
pub(crate) fn lift_values(id: &ResourceId, object: &mut Value, inputs: &mut BTreeMap<FieldPath, Input>) {
    if !is_secret(id) {
        return;
    }
    lift_annotations(object, inputs);
    let Some(fields) = object.as_object_mut() else { return };
    let data = FieldPath::of(["data"]);
    for (section, is_encoded) in [("data", true), ("stringData", false)] {
        let Some(entries) = fields.get_mut(section).and_then(Value::as_object_mut) else {
            if fields.get(section).is_some_and(Value::is_null) {
                fields.remove(section);
            }
            continue;
        };
        let mut misfits = serde_json::Map::new();
        for (key, value) in std::mem::take(entries) {
            let Value::String(text) = value else {
                misfits.insert(key, value);
                continue;
            };
            let input = Input::Sensitive(Sensitive::new(text));
            inputs.insert(data.field(&key), if is_encoded { input } else { input.base64() });
        }
        if misfits.values().all(Value::is_null) {
            fields.remove(section);
        } else {
            *entries = misfits;
        }
    }
    let is_of_strings = |path: &FieldPath| match path.segments() {
        [Segment::Field(section), Segment::Field(_)] => section == "stringData",
        _ => false,
    };
    let moved: Vec<FieldPath> = inputs.keys().filter(|path| is_of_strings(path)).cloned().collect();
    for path in moved {
        if let (Some(input), Some(last)) = (inputs.remove(&path), path.segments().last()) {
            inputs.insert(data.join(last.clone()), input.base64());
        }
    }
}

/// The name of the generated value that is the whole of this Secret entry.
pub(crate) fn generated_home(id: &ResourceId, path: &FieldPath, input: &Input) -> Option<String> {
    let Input::Transformed(inner, Transform::Base64) = input else { return None };
    let Input::Generated(generated) = inner.as_ref() else { return None };
    (is_secret(id) && path.starts_with(&FieldPath::of(["data"]))).then(|| generated.name.clone())
}

fn lift_annotations(object: &mut Value, inputs: &mut BTreeMap<FieldPath, Input>) {
    let annotations = FieldPath::of(["metadata", "annotations"]);
    let Some(entries) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) else { return };
    entries.retain(|key, value| match value {
        Value::String(text) if is_copy(key, &Value::from(text.as_str())) => {
            inputs.insert(annotations.field(key), Input::Sensitive(Sensitive::from(text.as_str())));
            false
        }
        _ => true,
    });
}

/// Returns whether an annotation of a Secret may hold a copy of its values.
fn is_copy(key: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or("{");
    key.contains("last-applied") || text.len() > LONGEST_ANNOTATION || text.trim_start().starts_with(['{', '['])
}

fn hold(path: &FieldPath, value: &Value, held: &mut Vec<Held>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| hold(&path.field(name), value, held)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| hold(&path.index(index), item, held));
        }
        scalar => held.extend(scalar_text(scalar).map(|text| Held::new(path, text))),
    }
}

/// Adds a value of `data`, and its base64 where decoding a text would not find it.
fn hold_encoded(path: &FieldPath, value: &Value, held: &mut Vec<Held>) {
    let Some(encoded) = value.as_str() else { return hold(path, value, held) };
    let joined: String = encoded.split_ascii_whitespace().collect();
    let decoded = STANDARD.decode(joined).ok();
    if decoded.as_ref().is_none_or(|decoded| decoded.len() < holm_redact::SHORTEST) {
        held.push(Held::new(path, encoded));
    }
    held.extend(decoded.map(|decoded| Held::new(path, decoded)));
}

fn name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Field(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret() -> ResourceId {
        ResourceId::new("", "Secret", Some("n"), "s")
    }

    #[test]
    fn only_harmless_metadata_of_a_secret_may_be_shown() {
        let text = json!("text");
        for (path, value, expected) in [
            ("kind", &text, false),
            ("type", &text, false),
            ("type", &json!({"a": "b"}), true),
            ("metadata.name", &text, false),
            (r#"metadata.labels["app.kubernetes.io/name"]"#, &text, false),
            (r#"metadata.annotations["example.com/team"]"#, &text, false),
            (r#"metadata.annotations["example.com/original"]"#, &json!(" {\"data\": {}}"), true),
            (r#"metadata.annotations["example.com/blob"]"#, &json!("x".repeat(300)), true),
            (r#"metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]"#, &text, true),
            ("data.a", &text, true),
            ("stringdata.a", &text, true),
            ("stringdata", &text, true),
            ("spec.password", &text, true),
        ] {
            assert_eq!(is_masked(&path.parse().expect("well formed"), value), expected, "{path} {value}");
        }
    }

    #[test]
    fn values_leave_a_secret_and_what_is_no_map_of_text_stays() {
        let mut inputs = BTreeMap::from([
            (FieldPath::of(["stringData", "b"]), Input::from("b")),
            (FieldPath::of(["stringData"]), Input::from("x")),
        ]);
        let annotation = "kubectl.kubernetes.io/last-applied-configuration";
        let mut object = json!({
            "metadata": {"annotations": {annotation: "{}", "team": "a"}},
            "data": {"a": "YQ==", "n": null}, "stringData": {"c": "c", "d": 1},
        });
        lift_values(&secret(), &mut object, &mut inputs);
        assert_eq!(object, json!({"metadata": {"annotations": {"team": "a"}}, "stringData": {"d": 1}}));
        let paths: Vec<String> = inputs.keys().map(ToString::to_string).collect();
        let expected = ["data.a", "data.b", "data.c", &format!("metadata.annotations[\"{annotation}\"]"), "stringData"];
        assert_eq!(paths, expected);
        for section in [json!("text"), json!([{"name": "a"}]), json!(1)] {
            let mut object = json!({"data": section, "stringData": section});
            let before = object.clone();
            lift_values(&secret(), &mut object, &mut BTreeMap::new());
            assert_eq!(object, before);
        }
    }

    #[test]
    fn what_an_object_holds_is_decoded_and_found_at_its_path() {
        let object = json!({"data": {"text": "aHVudGVyMg==", "short": "MTI=", "bad": "no base64!"}});
        let texts = |held: Vec<Held>| -> Vec<(String, String)> {
            let text = |held: &Held| String::from_utf8_lossy(held.value.expose()).into_owned();
            held.iter().map(|held| (held.path.to_string(), text(held))).collect()
        };
        let pair = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let expected = [
            pair("data.bad", "no base64!"),
            pair("data.short", "MTI="),
            pair("data.short", "12"),
            pair("data.text", "hunter2"),
        ];
        assert_eq!(texts(held(&secret(), &object, &[])), expected);
        let id = ResourceId::new("", "ConfigMap", Some("n"), "c");
        let live = json!({"data": {"a": "x"}, "items": [{"name": "i", "value": {"port": 5}}]});
        let paths: Vec<FieldPath> =
            ["data.a", "items[i].value", "gone"].map(|path| path.parse().expect("well formed")).into();
        assert_eq!(texts(held(&id, &live, &paths)), [pair("data.a", "x"), pair("items[i].value.port", "5")]);
        assert_eq!(held(&id, &live, &[]), []);
        assert!(!format!("{:?}", held(&id, &live, &paths)).contains("\"x\""));
    }
}
