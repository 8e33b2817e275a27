//! Who owns which field: reading `metadata.managedFields`.
//!
//! The server keeps, for every field manager, the set of fields that it applied or wrote last (KEP-555, `FieldsV1` of
//! k8s.io/apimachinery `meta/v1`; the path elements `f:`, `k:`, `v:` and `.` of structured-merge-diff). Two questions are
//! answered from it without asking the server: whether an object is exactly as we applied it, and who wrote a field last.

use std::collections::BTreeMap;

use holm_values::Quantity;
use serde_json::{Map, Value};

use crate::plan::Writer;
use holm_core::path::{FieldPath, Segment, scalar_text};

/// What managedFields say about a declaration that we may have applied before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// We own exactly the declared fields, and their values are the declared ones. The paths are those where the server
    /// spells a value another way: a quantity, an empty value that it leaves out, or defaults inside a value that is owned
    /// as a whole. For these, only the same declaration as before is proof.
    Owned(Vec<FieldPath>),
    /// We own other fields than the declared ones, or nothing, or a value differs.
    Different,
}

/// One entry of managedFields.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Managed<'a> {
    /// The manager's name.
    pub manager: &'a str,
    /// Whether it applied (server-side apply) rather than wrote.
    pub is_apply: bool,
    /// The subresource that it wrote through; empty for the object itself.
    pub subresource: &'a str,
    /// When, in RFC 3339; empty where the server does not say.
    pub time: &'a str,
    /// The `apiVersion` in which the fields are recorded.
    pub api_version: &'a str,
    /// The set of fields.
    pub fields: &'a Map<String, Value>,
}

/// The entries of an object's managedFields.
pub fn managed(object: &Value) -> impl Iterator<Item = Managed<'_>> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        Some(Managed {
            manager: text("manager"),
            is_apply: text("operation") == "Apply",
            subresource: text("subresource"),
            time: text("time"),
            api_version: text("apiVersion"),
            fields: entry.get("fieldsV1")?.as_object()?,
        })
    })
}

/// The fields that `manager` applied to the object itself.
pub fn applied_by<'a>(object: &'a Value, manager: &str) -> Option<&'a Map<String, Value>> {
    applied(object, manager).map(|entry| entry.fields)
}

/// Returns the `apiVersion` in which `manager` applied to the object itself.
pub fn applied_version<'a>(object: &'a Value, manager: &str) -> Option<&'a str> {
    applied(object, manager).map(|entry| entry.api_version)
}

fn applied<'a>(object: &'a Value, manager: &str) -> Option<Managed<'a>> {
    managed(object).find(|entry| entry.is_apply && entry.subresource.is_empty() && entry.manager == manager)
}

/// Returns whether `manager` applied or created the object itself.
pub fn is_written_by(object: &Value, manager: &str) -> bool {
    managed(object).any(|entry| entry.subresource.is_empty() && entry.manager == manager)
}

/// Returns whether another client may have made the object: a field manager other than `ours` owns fields of it that no
/// subresource and no controller of the control plane wrote.
pub fn is_made_by_another(object: &Value, ours: &str) -> bool {
    managed(object)
        .any(|entry| entry.manager != ours && entry.subresource.is_empty() && !entry.manager.starts_with("kube-"))
}

/// Returns whether `manager` created the object and still has that entry beside its applies. A field that leaves the
/// declaration would stay because of it.
pub fn has_created_entry(object: &Value, manager: &str) -> bool {
    managed(object).any(|entry| entry.subresource.is_empty() && entry.manager == manager && !entry.is_apply)
}

/// Compares a declaration with what `manager` owns of the live object.
pub fn prove(declared: &Value, live: &Value, manager: &str) -> Proof {
    let (Some(applied), Some(declared)) = (applied(live, manager), declared.as_object()) else {
        return Proof::Different;
    };
    // What is recorded in a version that is served no longer can be neither read nor changed.
    let version = declared.get("apiVersion").and_then(Value::as_str);
    if !applied.api_version.is_empty() && version.is_some_and(|version| version != applied.api_version) {
        return Proof::Different;
    }
    let owned = applied.fields;
    let mut walk = Walk { differences: Vec::new(), path: Vec::new() };
    if walk.root(declared, live, owned) { Proof::Owned(walk.differences) } else { Proof::Different }
}

/// Returns the values of an object at the fields of a set, in the order of the set; null where there is none.
pub fn values(fields: &Map<String, Value>, object: &Value) -> Vec<Value> {
    let mut values = Vec::new();
    collect(fields, Some(object), &mut values);
    values
}

fn collect(fields: &Map<String, Value>, value: Option<&Value>, values: &mut Vec<Value>) {
    let items = || value.and_then(Value::as_array).into_iter().flatten();
    let mut is_leaf = true;
    for (element, below) in fields {
        let (kind, rest) = element.split_once(':').unwrap_or((element, ""));
        let read = || serde_json::from_str::<Value>(rest).unwrap_or_default();
        let found = match kind {
            "f" => value.and_then(|value| value.get(rest)),
            "k" => {
                let key = read();
                let has_key = |item: &&Value| {
                    key.as_object().is_some_and(|key| key.iter().all(|(field, value)| item.get(field) == Some(value)))
                };
                items().find(has_key)
            }
            "v" => {
                let wanted = read();
                items().find(|item| **item == wanted)
            }
            "i" => rest.parse().ok().and_then(|index: usize| value?.get(index)),
            // The field itself.
            _ => continue,
        };
        is_leaf = false;
        if let Some(below) = below.as_object() {
            collect(below, found, values);
        }
    }
    if is_leaf {
        values.push(value.cloned().unwrap_or_default());
    }
}

/// Whether this set holds the field, or holds it as part of a value that is owned as a whole.
pub fn contains(fields: &Map<String, Value>, path: &FieldPath) -> bool {
    let mut node = fields;
    for segment in path.segments() {
        let Some(child) = child(node, segment) else {
            // A leaf covers what lies below it, but the root covers nothing by itself.
            return is_leaf(node) && !std::ptr::eq(node, fields);
        };
        node = child;
    }
    true
}

/// Who, other than `ours`, owns the field and wrote it last.
pub fn last_writer(live: &Value, path: &FieldPath, ours: &str) -> Option<Writer> {
    managed(live)
        .filter(|entry| entry.manager != ours && contains(entry.fields, path))
        .max_by_key(|entry| entry.time)
        .map(|entry| Writer { manager: entry.manager.to_owned(), time: entry.time.to_owned() })
}

/// How the lists of a kind are keyed, as far as the field sets of some objects show it.
#[derive(Clone, Debug, Default)]
pub struct ListShapes {
    shapes: BTreeMap<Vec<String>, Shape>,
}

/// How the items of one list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By the values of these fields.
    Keys(Vec<String>),
    /// By their own value.
    Set,
}

impl ListShapes {
    /// Learns from every field set of an object.
    pub fn learn(&mut self, object: &Value) {
        for entry in managed(object) {
            self.read(entry.fields, &mut Vec::new());
        }
    }

    /// How the list at this place is keyed; `place` has the names of the fields on the way, and `[]` for every item.
    pub fn get(&self, place: &[String]) -> Option<&Shape> {
        self.shapes.get(place)
    }

    fn read(&mut self, node: &Map<String, Value>, place: &mut Vec<String>) {
        for (element, child) in node {
            let Some(child) = child.as_object() else { continue };
            let step = match element.split_once(':') {
                Some(("f", name)) => name.to_owned(),
                Some(("k", keys)) => {
                    if !self.shapes.contains_key(place.as_slice()) {
                        let keys: Option<Map<String, Value>> = serde_json::from_str(keys).ok();
                        let mut names: Vec<String> = keys.into_iter().flatten().map(|(name, _)| name).collect();
                        names.sort();
                        self.shapes.insert(place.clone(), Shape::Keys(names));
                    }
                    "[]".to_owned()
                }
                Some(("v", _)) => {
                    self.shapes.insert(place.clone(), Shape::Set);
                    continue;
                }
                _ => continue,
            };
            place.push(step);
            self.read(child, place);
            place.pop();
        }
    }
}

/// Compares the declaration with the field set, step by step.
struct Walk {
    differences: Vec<FieldPath>,
    path: Vec<Segment>,
}

impl Walk {
    /// The root leaves out what is never owned: type and identity (apimachinery `managedfields/internal/stripmeta.go`).
    fn root(&mut self, declared: &Map<String, Value>, live: &Value, owned: &Map<String, Value>) -> bool {
        let nothing = Map::new();
        let mut expected = 0;
        for (field, value) in declared {
            let child = owned.get(&format!("f:{field}")).and_then(Value::as_object);
            match field.as_str() {
                "apiVersion" | "kind" => continue,
                "metadata" => {
                    let Some(metadata) = value.as_object() else { return false };
                    let rest: Map<String, Value> = metadata
                        .iter()
                        .filter(|(field, _)| !matches!(field.as_str(), "name" | "namespace"))
                        .map(|(field, value)| (field.clone(), value.clone()))
                        .collect();
                    if rest.is_empty() && child.is_none() {
                        continue;
                    }
                    expected += 1;
                    self.path.push(Segment::Field(field.clone()));
                    let same = self.map(&rest, &live[field], child.unwrap_or(&nothing));
                    self.path.pop();
                    if !same {
                        return false;
                    }
                }
                _ => {
                    expected += 1;
                    let Some(child) = child else { return false };
                    self.path.push(Segment::Field(field.clone()));
                    let same = self.value(value, &live[field], child);
                    self.path.pop();
                    if !same {
                        return false;
                    }
                }
            }
        }
        expected == children(owned)
    }

    fn value(&mut self, declared: &Value, live: &Value, node: &Map<String, Value>) -> bool {
        match declared {
            Value::Object(fields) if !is_leaf(node) => self.map(fields, live, node),
            Value::Array(items) if !is_leaf(node) => self.list(items, live, node),
            Value::Null => false,
            _ if is_leaf(node) => {
                if declared != live {
                    self.differences.push(self.here());
                }
                may_be_respelled(declared, live)
            }
            _ => false,
        }
    }

    fn map(&mut self, declared: &Map<String, Value>, live: &Value, node: &Map<String, Value>) -> bool {
        let mut expected = 0;
        for (field, value) in declared {
            let Some(child) = node.get(&format!("f:{field}")).and_then(Value::as_object) else {
                // A keyed list without items leaves nothing to own.
                if value.as_array().is_some_and(Vec::is_empty) && is_empty(&live[field]) {
                    continue;
                }
                // An empty map is owned only once it is applied to an object that has it.
                if value.as_object().is_some_and(Map::is_empty) && live[field].is_object() {
                    continue;
                }
                return false;
            };
            expected += 1;
            self.path.push(Segment::Field(field.clone()));
            let same = self.value(value, &live[field], child);
            self.path.pop();
            if !same {
                return false;
            }
        }
        expected == children(node)
    }

    fn list(&mut self, declared: &[Value], live: &Value, node: &Map<String, Value>) -> bool {
        if declared.len() != children(node) {
            return false;
        }
        let nothing = Vec::new();
        let live = live.as_array().unwrap_or(&nothing);
        let mut elements: Vec<(Segment, &Map<String, Value>)> = Vec::with_capacity(declared.len());
        for (element, child) in node {
            if element == "." {
                continue;
            }
            let (Some(segment), Some(child)) = (segment_of(element), child.as_object()) else { return false };
            elements.push((segment, child));
        }
        let mut before = None;
        for item in declared {
            // A key with a default (`protocol`) stands in the set although the declaration leaves it out.
            let Some(position) = elements.iter().position(|(segment, _)| declares(item, segment)) else { return false };
            let (segment, child) = elements.swap_remove(position);
            let position = live.iter().position(|candidate| matches_fully(candidate, &segment));
            let in_live = position.and_then(|position| live.get(position)).unwrap_or(&Value::Null);
            let is_member = matches!(segment, Segment::Member(_));
            // The order of keyed items means something, such as which container starts first; that of a set does not.
            if !is_member && position.is_some() && before >= position {
                return false;
            }
            before = position.or(before);
            self.path.push(segment);
            let same = if is_member {
                !in_live.is_null()
            } else {
                match item.as_object() {
                    Some(fields) => self.map(fields, in_live, child),
                    None => false,
                }
            };
            self.path.pop();
            if !same {
                return false;
            }
        }
        true
    }

    fn here(&self) -> FieldPath {
        self.path.iter().fold(FieldPath::root(), |path, segment| path.join(segment.clone()))
    }
}

/// Whether two texts are one quantity in two spellings. Texts without digits are quantities too, but are hardly meant as ones.
fn is_same_quantity(one: &str, other: &str) -> bool {
    let read = |text: &str| text.parse::<Quantity>().ok().filter(|_| text.contains(|c: char| c.is_ascii_digit()));
    read(one).is_some_and(|one| read(other) == Some(one))
}

/// Whether the live value may be what the server makes of the declared one: equal, a quantity in another spelling, an empty
/// value left out, or, inside a value that is owned as a whole, with defaults filled in.
fn may_be_respelled(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::String(declared), Value::String(live)) => declared == live || is_same_quantity(declared, live),
        // A number may be a quantity, which the server writes as text, and the other way round for ports.
        (Value::Number(declared), Value::String(live)) => is_same_quantity(&declared.to_string(), live),
        (Value::Object(declared), Value::Object(live)) => {
            declared.iter().all(|(field, value)| may_be_respelled(value, live.get(field).unwrap_or(&Value::Null)))
        }
        (Value::Array(declared), Value::Array(live)) => {
            declared.len() == live.len() && declared.iter().zip(live).all(|(one, other)| may_be_respelled(one, other))
        }
        (Value::Object(declared), Value::Null) => declared.values().all(|value| may_be_respelled(value, &Value::Null)),
        (Value::Array(declared), Value::Null) => declared.is_empty(),
        (Value::String(declared), Value::Null) => declared.is_empty(),
        (Value::Bool(declared), Value::Null) => !declared,
        _ => declared == live,
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn children(node: &Map<String, Value>) -> usize {
    node.len() - usize::from(node.contains_key("."))
}

fn is_leaf(node: &Map<String, Value>) -> bool {
    children(node) == 0
}

/// Whether a declared item is the one of this path element: no key that it states is another one.
pub(crate) fn declares(item: &Value, segment: &Segment) -> bool {
    match segment {
        Segment::Item(keys) => {
            keys.iter().all(|(key, text)| match item.get(key) {
                Some(value) => scalar_text(value).as_ref() == Some(text),
                None => may_be_default(key, text),
            }) && keys.keys().any(|key| item.get(key).is_some())
        }
        Segment::Member(text) => scalar_text(item).as_ref() == Some(text),
        Segment::Field(_) | Segment::Index(_) => false,
    }
}

/// Whether the server may have filled this value in for a key that the declaration leaves out.
pub(crate) fn may_be_default(key: &str, text: &str) -> bool {
    // The only key of the built-in kinds that has a default.
    key != "protocol" || text == "TCP"
}

/// Whether a live item, in which defaults are filled in, is the one of this path element.
fn matches_fully(item: &Value, segment: &Segment) -> bool {
    match segment {
        Segment::Item(keys) => {
            keys.iter().all(|(key, text)| item.get(key).and_then(scalar_text).as_ref() == Some(text))
        }
        Segment::Member(text) => scalar_text(item).as_ref() == Some(text),
        Segment::Field(_) | Segment::Index(_) => false,
    }
}

/// The path segment that an element of `FieldsV1` stands for.
pub(crate) fn segment_of(element: &str) -> Option<Segment> {
    let (kind, rest) = element.split_once(':')?;
    match kind {
        "f" => Some(Segment::Field(rest.to_owned())),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
            let keys: Option<BTreeMap<String, String>> =
                keys.iter().map(|(key, value)| Some((key.clone(), scalar_text(value)?))).collect();
            Some(Segment::Item(keys?))
        }
        "v" => Some(Segment::Member(scalar_text(&serde_json::from_str(rest).ok()?)?)),
        "i" => Some(Segment::Index(rest.parse().ok()?)),
        _ => None,
    }
}

fn child<'a>(node: &'a Map<String, Value>, segment: &Segment) -> Option<&'a Map<String, Value>> {
    if let Segment::Field(name) = segment {
        return node.get(&format!("f:{name}"))?.as_object();
    }
    let wanted = |element: &str| match (segment_of(element), segment) {
        (Some(Segment::Item(found)), Segment::Item(keys)) => {
            keys.iter().all(|(key, text)| found.get(key) == Some(text)) && !keys.is_empty()
        }
        (Some(found), segment) => found == *segment,
        (None, _) => false,
    };
    node.iter().find(|(element, _)| wanted(element)).and_then(|(_, child)| child.as_object())
}

#[cfg(test)]
mod tests;
