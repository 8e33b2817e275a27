//! Whether values are what a program asks for.

use std::collections::BTreeMap;

use holm_values::did_you_mean;
use serde_json::Value;

use crate::file::kind_of;
use crate::key::Key;
use crate::problem::{Origin, Problem, ProblemKind};
use crate::schema::{Schema, allowed, alternatives, expected, types};

/// Returns everything that is wrong with the values.
pub(crate) fn check(schema: &Schema, values: &Value, origins: &BTreeMap<Key, Origin>) -> Vec<Problem> {
    let mut check = Check { schema, origins, problems: Vec::new() };
    check.value(&Key::default(), schema.root(), values);
    check.problems
}

struct Check<'a> {
    schema: &'a Schema,
    origins: &'a BTreeMap<Key, Origin>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn value(&mut self, key: &Key, schema: &Value, value: &Value) {
        let schema = self.schema.concrete(schema);
        let allowed = allowed(schema);
        if !allowed.is_empty() {
            if !allowed.contains(&value) {
                let words: Vec<String> = allowed.iter().map(ToString::to_string).collect();
                let texts = allowed.iter().filter_map(|value| value.as_str());
                let hint = value.as_str().and_then(|given| did_you_mean(given, texts));
                self.problem(ProblemKind::NotAllowed { key: key.clone(), allowed: words }, hint);
            }
            return;
        }
        // Which of several forms is meant is the program's to decide.
        if !alternatives(schema).is_empty() {
            return;
        }
        let types = types(schema);
        if !types.is_empty() && !types.iter().any(|name| is_a(value, name)) {
            let kind = ProblemKind::WrongType { key: key.clone(), expected: expected(schema), found: kind_of(value) };
            return self.problem(kind, None);
        }
        if let Some(bound) = broken_bound(schema, value) {
            self.problem(ProblemKind::OutOfBounds { key: key.clone(), bound }, None);
        }
        match value {
            Value::Object(entries) => self.table(key, schema, entries),
            Value::Array(items) => {
                if let Some(of_items) = schema.get("items") {
                    items.iter().enumerate().for_each(|(index, item)| {
                        self.value(&key.join(&index.to_string()), of_items, item);
                    });
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, key: &Key, schema: &Value, entries: &serde_json::Map<String, Value>) {
        let Some(properties) = schema["properties"].as_object() else {
            if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
                entries.iter().for_each(|(name, value)| self.value(&key.join(name), others, value));
            }
            return;
        };
        for (name, value) in entries {
            match (properties.get(name), schema.get("additionalProperties")) {
                (Some(property), _) => self.value(&key.join(name), property, value),
                (None, Some(Value::Bool(true))) => {}
                (None, Some(others @ Value::Object(_))) => self.value(&key.join(name), others, value),
                (None, _) => {
                    let hint = did_you_mean(name, properties.keys().map(String::as_str));
                    self.problem(ProblemKind::UnknownKey { key: key.join(name) }, hint);
                }
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let property = properties.get(name).unwrap_or(&Value::Null);
            if !entries.contains_key(name) && property.get("default").is_none() {
                self.missing(&key.join(name), property);
            }
        }
    }

    /// A missing table is told by the values in it that are missing.
    fn missing(&mut self, key: &Key, schema: &Value) {
        let inner = self.schema.concrete(schema);
        let is_table = inner["properties"].is_object();
        let required = inner["required"].as_array().filter(|names| is_table && !names.is_empty());
        match required {
            Some(_) if key.names().len() < 32 => self.table(key, inner, &serde_json::Map::new()),
            _ => {
                let about = schema.get("description").or_else(|| inner.get("description")).and_then(Value::as_str);
                let hint = about.map(|about| format!("it is {}: {}", expected(inner), about.replace('\n', " ")));
                self.problem(ProblemKind::Missing { key: key.clone() }, hint);
            }
        }
    }

    fn problem(&mut self, kind: ProblemKind, hint: Option<String>) {
        let origin = match &kind {
            ProblemKind::Missing { .. } => None,
            ProblemKind::UnknownKey { key }
            | ProblemKind::WrongType { key, .. }
            | ProblemKind::NotAllowed { key, .. }
            | ProblemKind::OutOfBounds { key, .. } => origin(self.origins, key),
            _ => None,
        };
        self.problems.push(Problem::new(kind).at(origin).hint(hint));
    }
}

/// Where a value comes from: its own origin, or that of what it lies in.
pub(crate) fn origin(origins: &BTreeMap<Key, Origin>, key: &Key) -> Option<Origin> {
    let names = key.names();
    (1..=names.len()).rev().find_map(|length| origins.get(&Key::of(names.iter().take(length).cloned()))).cloned()
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn broken_bound(schema: &Value, value: &Value) -> Option<String> {
    let number = |name: &str| schema[name].as_f64();
    if let Some(given) = value.as_f64() {
        let written = |name: &str| schema[name].to_string();
        return match () {
            () if number("minimum").is_some_and(|least| given < least) => {
                Some(format!("be at least {}", written("minimum")))
            }
            () if number("maximum").is_some_and(|most| given > most) => {
                Some(format!("be at most {}", written("maximum")))
            }
            () if number("exclusiveMinimum").is_some_and(|least| given <= least) => {
                Some(format!("be more than {}", written("exclusiveMinimum")))
            }
            () if number("exclusiveMaximum").is_some_and(|most| given >= most) => {
                Some(format!("be less than {}", written("exclusiveMaximum")))
            }
            // What a Rust type of this width holds.
            () => match schema["format"].as_str() {
                Some("uint8") if given > f64::from(u8::MAX) => Some("be at most 255".to_owned()),
                Some("uint16") if given > f64::from(u16::MAX) => Some("be at most 65535".to_owned()),
                Some("uint32") if given > f64::from(u32::MAX) => Some("be at most 4294967295".to_owned()),
                Some("int32") if given.abs() > f64::from(i32::MAX) => Some("fit in 32 bits".to_owned()),
                _ => None,
            },
        };
    }
    let (length, unit, least, most) = match value {
        Value::String(text) => (text.chars().count(), "characters", "minLength", "maxLength"),
        Value::Array(items) => (items.len(), "items", "minItems", "maxItems"),
        _ => return None,
    };
    let count = |name: &str| schema[name].as_u64().and_then(|count| usize::try_from(count).ok());
    if let Some(least) = count(least).filter(|least| length < *least) {
        return Some(format!("have at least {least} {unit}"));
    }
    count(most).filter(|most| length > *most).map(|most| format!("have at most {most} {unit}"))
}
