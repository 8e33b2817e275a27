//! What differs between two objects, field by field, with list items matched by key.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::fields::{ListShapes, Shape, may_be_default};
use holm_core::path::{FieldPath, Segment, scalar_text};

/// A field whose value differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference<'a> {
    /// The field.
    pub path: FieldPath,
    /// The value before; none where the field is new.
    pub before: Option<&'a Value>,
    /// The value after; none where the field is gone.
    pub after: Option<&'a Value>,
    /// Where the items of a keyed list stand in another order, what they are called, before and after. The values are the lists.
    pub order: Option<(Vec<String>, Vec<String>)>,
}

/// Which fields of the first object count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of both objects.
    Full,
    /// Only what the second object declares: whatever else the first has is left out, as are the first's further list
    /// items. For a prediction without the server.
    Declared,
}

/// The differences from `before` to `after`, in the order of the fields. What the server keeps for itself is left out: the
/// status, and the bookkeeping in the metadata.
pub fn differences<'a>(before: &'a Value, after: &'a Value, extent: Extent) -> Vec<Difference<'a>> {
    let mut shapes = ListShapes::default();
    shapes.learn(before);
    shapes.learn(after);
    let mut comparison = Comparison { shapes, extent, path: Vec::new(), place: Vec::new(), differences: Vec::new() };
    comparison.values(Some(before), Some(after));
    comparison.differences
}

/// Fields of the metadata that the server writes.
const BOOKKEEPING: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

struct Comparison<'a> {
    shapes: ListShapes,
    extent: Extent,
    path: Vec<Segment>,
    /// The path as [`ListShapes`] asks for it.
    place: Vec<String>,
    differences: Vec<Difference<'a>>,
}

impl<'a> Comparison<'a> {
    fn values(&mut self, before: Option<&'a Value>, after: Option<&'a Value>) {
        match (before, after) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => self.maps(before, after),
            (Some(Value::Array(before)), Some(Value::Array(after))) => self.lists(before, after),
            // A map or a list that is new, or gone, is shown leaf by leaf, so that keys and secrets are told apart.
            (None, Some(Value::Object(after))) if !after.is_empty() => self.maps(empty_map(), after),
            (Some(Value::Object(before)), None) if !before.is_empty() => self.maps(before, empty_map()),
            (None, Some(Value::Array(after))) if after.iter().any(Value::is_object) => self.lists(&[], after),
            (Some(Value::Array(before)), None) if before.iter().any(Value::is_object) => self.lists(before, &[]),
            (before, after) if before != after => self.record(before, after),
            _ => {}
        }
    }

    fn maps(&mut self, before: &'a Map<String, Value>, after: &'a Map<String, Value>) {
        let names: BTreeSet<&'a String> = match self.extent {
            Extent::Full => before.keys().chain(after.keys()).collect(),
            Extent::Declared => after.keys().collect(),
        };
        for name in names {
            let is_top = self.path.is_empty();
            let in_metadata = self.place.len() == 1 && self.place[0] == "metadata";
            if (is_top && name == "status") || (in_metadata && BOOKKEEPING.contains(&name.as_str())) {
                continue;
            }
            self.path.push(Segment::Field(name.clone()));
            self.place.push(name.clone());
            self.values(before.get(name), after.get(name));
            self.place.pop();
            self.path.pop();
        }
    }

    fn lists(&mut self, before: &'a [Value], after: &'a [Value]) {
        let keys = match self.shapes.get(&self.place) {
            Some(Shape::Set) => return self.sets(before, after),
            Some(Shape::Keys(keys)) => Some(keys.clone()),
            None => has_names(before, after).then(|| vec!["name".to_owned()]),
        };
        let is_scalar = |items: &[Value]| items.iter().all(|item| !item.is_object() && !item.is_array());
        match keys {
            Some(keys) => self.keyed(before, after, &keys),
            None if is_scalar(before) && is_scalar(after) => {
                if before != after {
                    self.whole_lists(before, after);
                }
            }
            None => {
                let length = match self.extent {
                    Extent::Full => before.len().max(after.len()),
                    Extent::Declared => after.len(),
                };
                for index in 0..length {
                    self.item(Segment::Index(index), before.get(index), after.get(index));
                }
            }
        }
    }

    fn keyed(&mut self, before: &'a [Value], after: &'a [Value], keys: &[String]) {
        // A declared item may leave a key with a default out; it then takes the one live item that fits.
        let fits = |live: &Value, declared: &Value| {
            keys.iter().all(|key| match (declared.get(key), live.get(key)) {
                (None, live) => live.and_then(Value::as_str).is_none_or(|text| may_be_default(key, text)),
                (declared, live) => declared == live,
            })
        };
        let mut rest: Vec<(usize, &'a Value)> = before.iter().enumerate().collect();
        let mut positions = Vec::new();
        let pairs: Vec<(Option<&'a Value>, &'a Value)> = after
            .iter()
            .map(|item| {
                let found = rest.iter().position(|(_, live)| fits(live, item)).map(|position| rest.remove(position));
                positions.extend(found.map(|(position, _)| position));
                (found.map(|(_, live)| live), item)
            })
            .collect();
        if !positions.is_sorted() {
            self.reordered(before, after, keys);
        }
        for (found, item) in pairs {
            self.item(item_segment(found.unwrap_or(item), keys), found, Some(item));
        }
        if self.extent == Extent::Full {
            for (_, item) in rest {
                self.item(item_segment(item, keys), Some(item), None);
            }
        }
    }

    fn sets(&mut self, before: &'a [Value], after: &'a [Value]) {
        for item in after.iter().filter(|item| !before.contains(item)) {
            self.item(Segment::Member(scalar_text(item).unwrap_or_default()), None, Some(item));
        }
        if self.extent == Extent::Full {
            for item in before.iter().filter(|item| !after.contains(item)) {
                self.item(Segment::Member(scalar_text(item).unwrap_or_default()), Some(item), None);
            }
        }
    }

    fn item(&mut self, segment: Segment, before: Option<&'a Value>, after: Option<&'a Value>) {
        self.path.push(segment);
        self.place.push("[]".to_owned());
        self.values(before, after);
        self.place.pop();
        self.path.pop();
    }

    fn record(&mut self, before: Option<&'a Value>, after: Option<&'a Value>) {
        self.differences.push(Difference { path: self.here(), before, after, order: None });
    }

    /// Records that the items which both lists have stand in another order.
    fn reordered(&mut self, before: &'a [Value], after: &'a [Value], keys: &[String]) {
        let names = |items: &[Value]| items.iter().map(|item| name_of(item, keys)).collect();
        let order = Some((names(before), names(after)));
        self.differences.push(Difference { path: self.here(), before: None, after: None, order });
    }

    /// Lists of scalars without keys are one value: positions say nothing to a reader of `args`.
    fn whole_lists(&mut self, before: &'a [Value], after: &'a [Value]) {
        for index in 0..before.len().max(after.len()) {
            if before.get(index) != after.get(index) {
                self.path.push(Segment::Index(index));
                self.record(before.get(index), after.get(index));
                self.path.pop();
            }
        }
    }

    fn here(&self) -> FieldPath {
        self.path.iter().fold(FieldPath::root(), |path, segment| path.join(segment.clone()))
    }
}

fn empty_map() -> &'static Map<String, Value> {
    static EMPTY: std::sync::OnceLock<Map<String, Value>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(Map::new)
}

/// What an item of a keyed list is called for a reader: its name where it has one, and else its keys.
fn name_of(item: &Value, keys: &[String]) -> String {
    let named = item.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let values = || keys.iter().filter_map(|key| item.get(key).and_then(scalar_text)).collect::<Vec<_>>().join("/");
    named.map_or_else(values, str::to_owned)
}

/// Whether all items of both lists have names of their own, so that these serve as keys where no field set tells.
fn has_names(before: &[Value], after: &[Value]) -> bool {
    let are_named = |items: &[Value]| {
        let names: BTreeSet<&str> = items.iter().filter_map(|item| item.get("name").and_then(Value::as_str)).collect();
        names.len() == items.len()
    };
    are_named(before) && are_named(after)
}

fn item_segment(item: &Value, keys: &[String]) -> Segment {
    let keys: BTreeMap<String, String> =
        keys.iter().filter_map(|key| Some((key.clone(), scalar_text(item.get(key)?)?))).collect();
    Segment::Item(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(before: Value, after: Value, extent: Extent) -> String {
        let show = |value: Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
        differences(&before, &after, extent)
            .iter()
            .map(|change| match &change.order {
                Some((before, after)) => format!("{}: order: {before:?} -> {after:?}\n", change.path),
                None => format!("{}: {} -> {}\n", change.path, show(change.before), show(change.after)),
            })
            .collect()
    }

    #[test]
    fn an_injected_item_in_front_changes_nothing_else() {
        let before = json!({"containers": [{"name": "sidecar", "image": "s"}, {"name": "a", "image": "x:1"}]});
        let after = json!({"containers": [{"name": "sidecar", "image": "s"}, {"name": "a", "image": "x:2"}]});
        insta::assert_snapshot!(lines(before.clone(), after, Extent::Full), @r#"containers[a].image: "x:1" -> "x:2""#);
        let declared = json!({"containers": [{"name": "a", "image": "x:2"}]});
        insta::assert_snapshot!(lines(before, declared, Extent::Declared), @r#"containers[a].image: "x:1" -> "x:2""#);
    }

    #[test]
    fn items_that_stand_in_another_order_are_a_change_of_the_list() {
        let list = |names: &[&str]| -> Value {
            json!({"env": names.iter().map(|name| json!({"name": name, "value": "x"})).collect::<Vec<_>>()})
        };
        insta::assert_snapshot!(lines(list(&["a", "b", "c"]), list(&["c", "a", "b"]), Extent::Full), @r#"env: order: ["a", "b", "c"] -> ["c", "a", "b"]"#);
        insta::assert_snapshot!(lines(list(&["a", "b", "c"]), list(&["c", "new", "a"]), Extent::Full), @r#"
        env: order: ["a", "b", "c"] -> ["c", "new", "a"]
        env[new].name: - -> "new"
        env[new].value: - -> "x"
        env[b].name: "b" -> -
        env[b].value: "x" -> -
        "#);
        // What another client put between them, or what is new or gone, changes no order.
        assert_eq!(lines(list(&["a", "x", "b"]), list(&["a", "b"]), Extent::Declared), "");
        assert!(!lines(list(&["a", "b"]), list(&["x", "a", "y", "b"]), Extent::Full).contains("order"));
        let ports = |ports: &[u16]| -> Value {
            let managed = json!([{"fieldsV1": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}}}}}]);
            let ports: Vec<Value> = ports.iter().map(|port| json!({"port": port, "protocol": "TCP"})).collect();
            json!({"ports": ports, "metadata": {"managedFields": managed}})
        };
        insta::assert_snapshot!(lines(ports(&[80, 81]), ports(&[81, 80]), Extent::Full), @r#"ports: order: ["80/TCP", "81/TCP"] -> ["81/TCP", "80/TCP"]"#);
    }

    #[test]
    fn new_and_removed_maps_are_shown_leaf_by_leaf() {
        let before = json!({"metadata": {"uid": "u", "labels": {"a": "1"}}, "status": {"x": 1}});
        let after = json!({"metadata": {"uid": "v"}, "data": {"k": "v"}, "list": [{"name": "n", "value": 1}], "status": {"x": 2}});
        insta::assert_snapshot!(lines(before, after, Extent::Full), @r#"
        data.k: - -> "v"
        list[n].name: - -> "n"
        list[n].value: - -> 1
        metadata.labels.a: "1" -> -
        "#);
    }

    #[test]
    fn a_prediction_sees_only_what_is_declared() {
        let live =
            json!({"spec": {"replicas": 1, "defaulted": true, "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2}]}});
        let declared = json!({"spec": {"replicas": 2, "ports": [{"port": 1}]}});
        insta::assert_snapshot!(lines(live, declared, Extent::Declared), @"spec.replicas: 1 -> 2");
    }

    #[test]
    fn lists_of_scalars_differ_by_position() {
        insta::assert_snapshot!(lines(json!({"args": ["a", "b"]}), json!({"args": ["a", "c", "d"]}), Extent::Full), @r#"
        args[1]: "b" -> "c"
        args[2]: - -> "d"
        "#);
    }
}
