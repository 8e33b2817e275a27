//! What of an answer counts: not the uids, times, addresses and suffixes, which differ from run to run, and not the texts.

use serde_json::{Map, Value, json};

use crate::Answer;

/// Managers whose writes happen some time later, and what they write.
const CONTROLLERS: [&str; 4] = ["kube-controller-manager", "kube-scheduler", "kwok", "kube-apiserver"];

/// The answer in the form that is compared. `show` is empty for everything, `code` for the code alone, `text` for the message
/// too, `names` for the names of a list, `events` for the events of a watch.
pub fn answer(answer: &Answer, namespace: &str, plural: &str, show: &str) -> Value {
    let body = &answer.body;
    let mut normal = json!({"code": answer.code});
    if !answer.warnings.is_empty() {
        normal["warnings"] = json!(answer.warnings);
    }
    if body.get("kind") == Some(&json!("Status")) {
        for field in ["reason", "status"] {
            normal[field] = body.get(field).cloned().unwrap_or_default();
        }
        let mut details = body.get("details").cloned().unwrap_or_default();
        if let Some(details) = details.as_object_mut() {
            details.remove("uid");
            details.remove("retryAfterSeconds");
        }
        if let Some(causes) = details.get_mut("causes").and_then(Value::as_array_mut) {
            for cause in causes.iter_mut().filter_map(Value::as_object_mut).filter(|_| show != "text") {
                cause.remove("message");
            }
            causes.sort_by_key(Value::to_string);
        }
        normal["details"] = details;
        if show == "text" {
            normal["message"] = body["message"].clone();
        }
    } else {
        match show {
            "code" => {}
            "names" => {
                let items = body["items"].as_array().cloned().unwrap_or_default();
                normal["names"] = items.iter().map(|item| item["metadata"]["name"].clone()).collect();
                normal["more"] = json!(body.pointer("/metadata/continue").is_some());
                normal["remaining"] = body.pointer("/metadata/remainingItemCount").cloned().unwrap_or_default();
            }
            "events" => {
                let event = |event: &Value| {
                    let object = &event["object"];
                    let what = if object["kind"] == "Status" {
                        object["code"].clone()
                    } else {
                        object["metadata"]["name"].clone()
                    };
                    json!([event["type"], what, object["metadata"]["annotations"]])
                };
                normal["events"] = answer.lines.iter().map(event).collect();
            }
            _ => normal["object"] = object(body),
        }
    }
    let text = normal.to_string().replace(namespace, "NAMESPACE").replace(plural, "PLURAL");
    serde_json::from_str(&text).expect("names are replaced by names")
}

/// An object without what is different in every run.
pub fn object(value: &Value) -> Value {
    let mut value = value.clone();
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "Pod" | "Namespace")
    {
        // Their controllers work on them while the case runs.
        remove(&mut value, "status");
        if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove("deployment.kubernetes.io/revision");
            if annotations.is_empty() {
                remove(&mut value["metadata"], "annotations");
            }
        }
    }
    let uid = value.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
    mask(&mut value, "");
    if uid.is_empty() {
        return value;
    }
    serde_json::from_str(&value.to_string().replace(&uid, "UID")).expect("a uid is a part of texts")
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

fn mask(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields.iter_mut() {
                mask(value, field);
            }
        }
        Value::Array(items) => {
            if name == "managedFields" {
                items.retain(|entry| !CONTROLLERS.contains(&entry["manager"].as_str().unwrap_or_default()));
            }
            items.iter_mut().for_each(|item| mask(item, name));
        }
        Value::String(text) => {
            let shape = match name {
                "uid" => "UID",
                "resourceVersion" => "VERSION",
                "time"
                | "creationTimestamp"
                | "deletionTimestamp"
                | "lastTransitionTime"
                | "lastPhaseTransitionTime" => "TIME",
                "clusterIP" | "clusterIPs" if text != "None" => "ADDRESS",
                "name" if text.starts_with("generated-") => "GENERATED",
                _ => return,
            };
            *text = shape.to_owned();
        }
        Value::Number(_) if name == "nodePort" || name == "healthCheckNodePort" => *value = json!("PORT"),
        _ => {}
    }
}

/// Where two normalised answers differ.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk(expected, found, "", &mut lines);
    lines
}

fn walk(expected: &Value, found: &Value, path: &str, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let names: Map<String, Value> =
                left.iter().chain(right).map(|(name, _)| (name.clone(), Value::Null)).collect();
            for name in names.keys() {
                let below = format!("{path}.{name}");
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => walk(left, right, &below, lines),
                    (Some(left), None) => lines.push(format!("{below}: expected {left}, found nothing")),
                    (None, Some(right)) => lines.push(format!("{below}: expected nothing, found {right}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (position, (left, right)) in left.iter().zip(right).enumerate() {
                walk(left, right, &format!("{path}[{position}]"), lines);
            }
        }
        _ if expected != found => lines.push(format!("{path}: expected {expected}, found {found}")),
        _ => {}
    }
}
