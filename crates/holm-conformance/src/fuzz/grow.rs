//! Objects grown from a smallest one, rightly and wrongly.

use serde_json::{Map, Value, json};

use super::kinds::{Kind, Place};
use super::random::Random;

/// An object with a few more fields. Of a hundred, `wrong` get a wrong value as well.
pub fn object(random: &mut Random, kind: &Kind, name: &str, wrong: usize) -> Value {
    let mut object = kind.object(name);
    for _ in 0..random.below(4) {
        let (path, value) = right(random, kind);
        set(&mut object, &path, value);
    }
    if random.chance(wrong) {
        if random.chance(75) {
            let (path, value) = wrongly(random, kind);
            set(&mut object, &path, value);
        } else {
            spoil(random, &mut object);
        }
    }
    object
}

/// A place of the kind with a right value.
pub fn right(random: &mut Random, kind: &Kind) -> (String, Value) {
    place(random, kind, |group| &group.fields)
}

/// A place of the kind with a wrong value.
pub fn wrongly(random: &mut Random, kind: &Kind) -> (String, Value) {
    let (path, value) = place(random, kind, |group| &group.wrong);
    // What is in no namespace is seen by all sequences, so that a name that is right for some kind belongs to one.
    match value.as_str() {
        Some(name) if path == "metadata/name" && kind.is_cluster_scoped && name.contains(['.', '_']) => {
            (path, json!(format!("${{ns}}-{name}")))
        }
        _ => (path, value),
    }
}

fn place(random: &mut Random, kind: &Kind, places: impl Fn(&super::kinds::Group) -> &Vec<Place>) -> (String, Value) {
    loop {
        let group = places(random.pick(&kind.groups));
        if !group.is_empty() {
            let (path, values) = random.pick(group);
            return (path.clone(), random.pick(values).clone());
        }
    }
}

/// The parts of a path.
pub fn parts(path: &str) -> Vec<String> {
    path.split('/').map(|part| part.replace("~1", "/")).collect()
}

/// Sets a value, and makes what is above it where it can be made.
pub fn set(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for part in parts(path) {
        if let Ok(position) = part.parse::<usize>() {
            if !place.is_array() {
                *place = json!([]);
            }
            let Some(items) = place.as_array_mut() else { return };
            while items.len() <= position {
                items.push(json!({}));
            }
            place = &mut items[position];
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            let Some(fields) = place.as_object_mut() else { return };
            place = fields.entry(part).or_insert(Value::Null);
        }
    }
    *place = value;
}

/// What keeps controllers quiet, and what an object is.
const KEPT: [&str; 7] = ["suspend", "paused", "replicas", "nodeSelector", "apiVersion", "kind", "name"];

/// Damages some place of an object.
pub fn spoil(random: &mut Random, object: &mut Value) {
    let mut paths = Vec::new();
    collect(object, &mut Vec::new(), &mut paths);
    if paths.is_empty() {
        return;
    }
    let path = random.pick(&paths).clone();
    let choice = random.below(8);
    let Some((last, above)) = path.split_last() else { return };
    let mut place = object;
    for part in above {
        place = match place {
            Value::Array(items) => &mut items[part.parse::<usize>().unwrap_or_default()],
            other => &mut other[part.as_str()],
        };
    }
    match place {
        Value::Array(items) => {
            let position = last.parse::<usize>().unwrap_or_default();
            match choice {
                0 => {
                    items.remove(position);
                }
                1 => {
                    let copy = items[position].clone();
                    items.push(copy);
                }
                _ => items[position] = spoiled(&items[position], choice),
            }
        }
        Value::Object(fields) => match choice {
            0 => {
                fields.remove(last);
            }
            1 => {
                fields.insert("unknown".to_owned(), json!("x"));
            }
            _ => {
                let value = spoiled(&fields[last.as_str()], choice);
                fields.insert(last.clone(), value);
            }
        },
        _ => {}
    }
}

fn spoiled(value: &Value, choice: usize) -> Value {
    match (value, choice) {
        (_, 2) => Value::Null,
        (Value::Number(_), 3) => json!(-1),
        (Value::Number(_), 4) => json!("x"),
        (Value::Number(_), 5) => json!(1.5),
        (Value::Number(_), _) => json!(99_999_999_999_i64),
        (Value::String(_), 3) => json!(""),
        (Value::String(_), 4) => json!(5),
        (Value::String(_), 5) => json!(true),
        (Value::String(text), 6) => json!(format!("{text}!")),
        (Value::String(text), _) => json!(text.repeat(40)),
        (Value::Bool(_), _) => json!("true"),
        (Value::Array(_), 3 | 4) => json!([]),
        (Value::Array(_), 5) => json!({}),
        (Value::Array(_), _) => json!("x"),
        (Value::Object(_), 3 | 4) => json!({}),
        (Value::Object(_), 5) => json!([]),
        (Value::Object(_), _) => json!("x"),
        (Value::Null, _) => json!("x"),
    }
}

fn collect(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if KEPT.contains(&name.as_str()) && path.len() < 5 {
                    continue;
                }
                path.push(name.clone());
                paths.push(path.clone());
                collect(value, path, paths);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                path.push(position.to_string());
                paths.push(path.clone());
                collect(value, path, paths);
                path.pop();
            }
        }
        _ => {}
    }
}

/// A merge patch, or a strategic one, that sets a few places. Lists are given as far as the kind of patch needs them.
pub fn patch(random: &mut Random, kind: &Kind, wrong: usize, strategic: bool) -> Value {
    let mut patch = Value::Object(Map::new());
    for _ in 0..=random.below(2) {
        let (path, value) = if random.chance(wrong) { wrongly(random, kind) } else { right(random, kind) };
        let parts = parts(&path);
        let list = parts.iter().position(|part| part.parse::<usize>().is_ok());
        let Some(list) = list else {
            let value = if random.chance(15) { Value::Null } else { value };
            set(&mut patch, &path, value);
            continue;
        };
        // A merge patch replaces lists as a whole; a strategic one finds the item by its key.
        let mut grown = kind.object("a");
        set(&mut grown, &path, value);
        let pointer: String = parts[..list].iter().map(|part| format!("/{}", part.replace('/', "~1"))).collect();
        let mut items = grown.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        if strategic {
            let position = parts[list].parse::<usize>().unwrap_or_default();
            items = items.into_iter().skip(position).take(1).collect();
            if random.chance(12) {
                let key = items.first().and_then(|item| item.get("name")).cloned().unwrap_or_default();
                items = vec![json!({"$patch": "delete", "name": key})];
            } else if random.chance(6) {
                items.push(json!({"$patch": "replace"}));
            }
        }
        set(&mut patch, &parts[..list].join("/"), Value::Array(items));
    }
    // A list and what goes from it are two fields of a map, which a real server takes in any order.
    if strategic && random.chance(6) && patch.pointer("/metadata/finalizers").is_none() {
        set(&mut patch, "metadata/$deleteFromPrimitiveList~1finalizers", json!(["example.com/f"]));
    }
    patch
}

/// A JSON patch of a few operations.
pub fn json_patch(random: &mut Random, kind: &Kind, wrong: usize) -> Value {
    let mut operations = Vec::new();
    for _ in 0..=random.below(2) {
        let (path, value) = if random.chance(wrong) { wrongly(random, kind) } else { right(random, kind) };
        let path: String = parts(&path).iter().map(|part| format!("/{}", part.replace('/', "~1"))).collect();
        operations.push(match random.below(10) {
            0 | 1 => json!({"op": "remove", "path": path}),
            2 | 3 => json!({"op": "replace", "path": path, "value": value}),
            4 => json!({"op": "test", "path": path, "value": value}),
            _ => json!({"op": "add", "path": path, "value": value}),
        });
    }
    Value::Array(operations)
}
