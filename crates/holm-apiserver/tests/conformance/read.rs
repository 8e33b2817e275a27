//! Cases: what is sent, and how it is written down.

use serde_json::{Value, json};

/// A sequence of requests in a namespace of its own.
pub struct Case {
    /// What part of the API it is about.
    pub area: String,
    pub name: String,
    /// Why the embedded server cannot do this.
    pub unsupported: Option<String>,
    /// The requests, whose bodies are written in full.
    pub steps: Vec<Value>,
}

/// Reads a file of cases.
///
/// `area` names what they are about, `objects` are bases that bodies refer to by `$use` besides those of `shared`, `cases` the
/// cases. A step is one
/// request: `do` has the method and the path. A body is its base with the other fields merged into it; a field that starts with
/// a slash is a JSON pointer at which the value is set, or removed if it is null. A step with `each` stands for as many
/// requests as it has bodies.
pub fn read(text: &str, shared: &str) -> Vec<Case> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let mut bases: Value = serde_saphyr::from_str(shared).unwrap();
    for (name, object) in file.get("objects").and_then(Value::as_object).into_iter().flatten() {
        bases[name] = object.clone();
    }
    let area = file["area"].as_str().unwrap();
    let cases = file["cases"].as_array().unwrap().iter().map(|case| Case {
        area: area.to_owned(),
        name: case["case"].as_str().unwrap().to_owned(),
        unsupported: case.get("unsupported").and_then(Value::as_str).map(str::to_owned),
        steps: case["steps"].as_array().unwrap().iter().flat_map(|step| steps(step, &bases)).collect(),
    });
    cases.collect()
}

fn steps(step: &Value, bases: &Value) -> Vec<Value> {
    let with = |step: &Value, body: Option<&Value>| {
        let mut step = step.clone();
        if let Some(body) = body {
            step["body"] = expand(body, bases);
        }
        step
    };
    let Some(bodies) = step.get("each").and_then(Value::as_array) else {
        return vec![with(step, step.get("body"))];
    };
    let mut shared = step.clone();
    let shared_fields = shared.as_object_mut().unwrap();
    shared_fields.remove("each");
    let base = shared_fields.remove("use");
    let bodies = bodies.iter().map(|body| {
        let mut body = body.clone();
        if let Some(base) = &base {
            body["$use"] = base.clone();
        }
        with(&shared, Some(&body))
    });
    bodies.collect()
}

/// A body: a base with changes.
fn expand(body: &Value, bases: &Value) -> Value {
    let Some(base) = body.get("$use").and_then(Value::as_str) else { return body.clone() };
    let mut object = expand(&bases[base], bases);
    assert!(object.is_object(), "there is no object {base}");
    let mut merged = body.as_object().unwrap().clone();
    merged.remove("$use");
    let pointers: Vec<String> = merged.keys().filter(|name| name.starts_with('/')).cloned().collect();
    let set: Vec<(String, Value)> =
        pointers.into_iter().map(|pointer| (pointer.clone(), merged.remove(&pointer).unwrap())).collect();
    json_patch::merge(&mut object, &Value::Object(merged));
    for (pointer, value) in set {
        set_at(&mut object, &pointer, value);
    }
    object
}

/// Sets what a JSON pointer points at, and makes the maps on the way.
pub fn set_at(object: &mut Value, pointer: &str, value: Value) {
    let (parents, last) = pointer.rsplit_once('/').unwrap();
    let mut current = object;
    for name in parents.split('/').skip(1) {
        current = match current {
            Value::Array(items) => {
                let position: usize = name.parse().unwrap();
                &mut items[position]
            }
            Value::Object(fields) => fields.entry(name.replace("~1", "/")).or_insert_with(|| json!({})),
            other => panic!("{pointer} leads through {other}"),
        };
    }
    match current {
        Value::Array(items) => match last.parse::<usize>() {
            Ok(position) if value.is_null() => drop(items.remove(position)),
            Ok(position) if position < items.len() => items[position] = value,
            _ => items.push(value),
        },
        Value::Object(fields) if value.is_null() => drop(fields.remove(&last.replace("~1", "/"))),
        Value::Object(fields) => drop(fields.insert(last.replace("~1", "/"), value)),
        other => panic!("{pointer} leads through {other}"),
    }
}
