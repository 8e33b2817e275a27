//! What excludes the declaration: fields of which an object may have only one.
//!
//! The sources are the unions of `k8s.io/api` 0.37 and what `pkg/apis/*/validation` says about them: "may not specify more than 1
//! handler type", "may not specify more than 1 volume type", "may not be specified when strategy `type` is 'Recreate'".

use serde_json::{Map, Value};

use super::{Taken, Why, is_takeable, sets};
use crate::fields::{self, ListShapes, Shape};
use holm_core::catalog;
use holm_core::path::Segment;

const HANDLERS: &[&str] = &["exec", "grpc", "httpGet", "sleep", "tcpSocket"];

/// The maps of which only one field may be given, by the name of the map or, with `[]`, of the list whose items they are.
const UNIONS: &[(&str, &[&str])] = &[
    ("livenessProbe", HANDLERS),
    ("readinessProbe", HANDLERS),
    ("startupProbe", HANDLERS),
    ("postStart", HANDLERS),
    ("preStop", HANDLERS),
    ("env[]", &["value", "valueFrom"]),
    ("valueFrom", &["configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"]),
];

/// Finds the live fields that exclude what is declared, as far as they are owned by people's tools, by us or by nobody.
pub(super) fn find(declared: &Value, live: &Value, manager: &str, taken: &mut Vec<Taken>) {
    let text = |field: &str| declared.get(field).and_then(Value::as_str).unwrap_or_default();
    let (group, _) = text("apiVersion").split_once('/').unwrap_or_default();
    if catalog::scope(group, text("kind")).is_none() {
        return;
    }
    let mut shapes = ListShapes::default();
    shapes.learn(live);
    let mut search = Search { live, manager, shapes, elements: Vec::new(), place: Vec::new(), taken };
    search.pair(declared, live);
    if text("kind") == "PodDisruptionBudget" && group == "policy" {
        search.union_at("spec", declared, &["maxUnavailable", "minAvailable"]);
    }
}

struct Search<'a> {
    live: &'a Value,
    manager: &'a str,
    shapes: ListShapes,
    elements: Vec<String>,
    /// The path as [`ListShapes`] asks for it.
    place: Vec<String>,
    taken: &'a mut Vec<Taken>,
}

impl Search<'_> {
    fn pair(&mut self, declared: &Value, live: &Value) {
        match (declared, live) {
            (Value::Object(declared), Value::Object(live)) => self.maps(declared, live),
            (Value::Array(declared), Value::Array(live)) => self.lists(declared, live),
            _ => {}
        }
    }

    fn maps(&mut self, declared: &Map<String, Value>, live: &Map<String, Value>) {
        for (name, value) in declared {
            let Some(there) = live.get(name) else { continue };
            self.elements.push(format!("f:{name}"));
            self.place.push(name.clone());
            if let (Some(value), Some(there)) = (value.as_object(), there.as_object()) {
                self.members(name, value, there);
            }
            self.pair(value, there);
            self.place.pop();
            self.elements.pop();
        }
    }

    /// Looks at one map, which is called so.
    fn members(&mut self, name: &str, declared: &Map<String, Value>, live: &Map<String, Value>) {
        if let Some((_, members)) = UNIONS.iter().find(|(union, _)| *union == name) {
            self.union(declared, live, members);
        }
        let kind = declared.get("type").and_then(Value::as_str);
        let excluded = match (name, kind) {
            ("strategy" | "updateStrategy", Some("Recreate" | "OnDelete")) => "rollingUpdate",
            ("seccompProfile" | "appArmorProfile", Some("RuntimeDefault" | "Unconfined")) => "localhostProfile",
            _ => return,
        };
        if !declared.contains_key(excluded) && live.contains_key(excluded) {
            self.take(&live[excluded], excluded);
        }
    }

    fn union_at(&mut self, name: &str, declared: &Value, members: &[&str]) {
        let maps = declared.get(name).and_then(Value::as_object).zip(self.live.get(name).and_then(Value::as_object));
        let Some((declared, live)) = maps else { return };
        self.elements.push(format!("f:{name}"));
        self.union(declared, live, members);
        self.elements.pop();
    }

    /// Takes the members that are only live where others are declared.
    fn union(&mut self, declared: &Map<String, Value>, live: &Map<String, Value>, members: &[&str]) {
        let is_given =
            |fields: &Map<String, Value>, member: &str| fields.get(member).is_some_and(|value| !value.is_null());
        if !members.iter().any(|member| is_given(declared, member)) {
            return;
        }
        for member in members.iter().filter(|member| !is_given(declared, member) && is_given(live, member)) {
            self.take(&live[*member], member);
        }
    }

    fn lists(&mut self, declared: &[Value], live: &[Value]) {
        let Some(Shape::Keys(keys)) = self.shapes.get(&self.place).cloned() else { return };
        let list = self.place.last().cloned().unwrap_or_default();
        let is_it = |item: &Value, there: &Value| {
            let fits = |key: &String| match (item.get(key), there.get(key)) {
                (None, there) => there.and_then(Value::as_str).is_none_or(|text| fields::may_be_default(key, text)),
                (declared, there) => declared == there,
            };
            keys.iter().all(fits) && keys.iter().any(|key| item.get(key).is_some())
        };
        for there in live {
            let Some(element) = sets::item_element(there, &keys) else { continue };
            self.elements.push(element);
            self.place.push("[]".to_owned());
            match declared.iter().find(|item| is_it(item, there)) {
                Some(item) => self.item(&list, item, there),
                None if is_in_the_way(&list, there, declared) => self.take_here(there),
                None => {}
            }
            self.place.pop();
            self.elements.pop();
        }
    }

    fn item(&mut self, list: &str, declared: &Value, live: &Value) {
        if let (Some(declared), Some(live)) = (declared.as_object(), live.as_object()) {
            if list == "volumes" {
                let sources: Vec<&str> =
                    declared.keys().chain(live.keys()).map(String::as_str).filter(|field| *field != "name").collect();
                self.union(declared, live, &sources);
            } else {
                self.members(&format!("{list}[]"), declared, live);
            }
        }
        self.pair(declared, live);
    }

    fn take(&mut self, value: &Value, field: &str) {
        self.elements.push(format!("f:{field}"));
        self.take_here(value);
        self.elements.pop();
    }

    /// Takes the field at the present place, unless a manager owns it that is not a person's tool.
    fn take_here(&mut self, value: &Value) {
        let mut from = Vec::new();
        for entry in fields::managed(self.live) {
            let is_ours = entry.manager == self.manager;
            if sets::at(entry.fields, &self.elements).is_none() || is_ours {
                continue;
            }
            if !is_takeable(&entry, self.manager) {
                return;
            }
            from.push(entry.manager.to_owned());
        }
        let ours = fields::applied_by(self.live, self.manager);
        let is_ours = ours.is_some_and(|ours| sets::at(ours, &self.elements).is_some());
        if is_ours && from.is_empty() {
            // The apply removes what is ours alone.
            return;
        }
        from.sort();
        from.dedup();
        let (elements, path) = (self.elements.clone(), sets::path_of(&self.elements));
        debug_assert!(matches!(path.segments().last(), Some(Segment::Field(_) | Segment::Item(_))), "{value}");
        self.taken.push(Taken { path, elements, from, why: Why::Excluded });
    }
}

/// Whether an item that is not declared has the name of a declared one, or none where each needs one.
fn is_in_the_way(list: &str, item: &Value, declared: &[Value]) -> bool {
    if list != "ports" || declared.is_empty() {
        return false;
    }
    let name = |item: &Value| item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_of_a_service = item.get("port").is_some();
    match name(item) {
        name_of_item if name_of_item.is_empty() => is_of_a_service,
        name_of_item => {
            let is_unnamed = is_of_a_service && declared.iter().any(|port| name(port).is_empty());
            is_unnamed || declared.iter().any(|port| name(port) == name_of_item)
        }
    }
}
