//! What a client should know of a pod although nothing is wrong.
//!
//! From `k8s.io/kubernetes`, `pkg/api/pod/warnings.go`.

use std::collections::HashMap;

use serde_json::Value;

use crate::object::{at, text_at};
use crate::quantity::Quantity;
use crate::validate::items;

/// Adds the warnings for the pod spec at a path.
pub(in crate::validate) fn warnings(object: &Value, path: &[&str], warnings: &mut Vec<String>) {
    let Some(spec) = at(object, path) else { return };
    let shown = path.join(".");
    let mut pulls: Vec<&str> = Vec::new();
    for (path, secret) in items(spec, &["imagePullSecrets"], &format!("{shown}.imagePullSecrets")) {
        let name = text_at(secret, &["name"]);
        if name.is_empty() {
            warnings.push(format!("{path}.name: invalid empty name \"\""));
        } else if pulls.contains(&name) {
            warnings.push(format!("{path}.name: duplicate name {name:?}"));
        }
        pulls.push(name);
    }
    for (_, volume) in items(spec, &["volumes"], "") {
        let sources = at(volume, &["projected", "sources"]).and_then(Value::as_array).map_or(0, Vec::len);
        if at(volume, &["projected"]).is_some() && sources == 0 {
            warnings.push(format!("volume {:?} (Projected) has no sources provided", text_at(volume, &["name"])));
        } else if let Some(sources) = at(volume, &["projected", "sources"]).and_then(Value::as_array)
            && sources.iter().all(|source| source.as_object().is_some_and(serde_json::Map::is_empty))
        {
            warnings.push(format!("volume {:?} (Projected) has no sources provided", text_at(volume, &["name"])));
        }
    }
    for list in ["initContainers", "containers"] {
        let mut seen: HashMap<(i64, i64, String, String), String> = HashMap::new();
        for (path, container) in items(spec, &[list], &format!("{shown}.{list}")) {
            environment(container, &path, warnings);
            amounts(container, &path, warnings);
            for (path, port) in items(container, &["ports"], &format!("{path}.ports")) {
                let number = |field: &str| at(port, &[field]).and_then(Value::as_i64).unwrap_or_default();
                let text = |field: &str| text_at(port, &[field]).to_owned();
                let identity = (number("containerPort"), number("hostPort"), text("protocol"), text("hostIP"));
                match seen.get(&identity) {
                    Some(other) => warnings.push(format!("{path}: duplicate port definition with {other}")),
                    None => drop(seen.insert(identity, path)),
                }
            }
        }
    }
}

/// Names that occur twice.
fn environment(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        let name = text_at(variable, &["name"]);
        if seen.contains(&name) {
            warnings
                .push(format!("{path}: hides previous definition of {name:?}, which may be dropped when using apply"));
        } else {
            seen.push(name);
        }
    }
}

/// Parts of bytes.
fn amounts(container: &Value, path: &str, warnings: &mut Vec<String>) {
    for part in ["limits", "requests"] {
        for (name, amount) in at(container, &["resources", part]).and_then(Value::as_object).into_iter().flatten() {
            let in_bytes = matches!(name.as_str(), "memory" | "ephemeral-storage");
            if in_bytes && Quantity::of(amount).is_some_and(|amount| !amount.is_whole()) {
                let amount = amount.as_str().unwrap_or_default();
                warnings.push(format!(
                    "{path}.resources.{part}[{name}]: fractional byte value {amount:?} is invalid, must be an integer"
                ));
            }
        }
    }
}
