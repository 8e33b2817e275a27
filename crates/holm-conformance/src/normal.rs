//! What of an answer counts: not the uids, times, addresses and suffixes, which differ from run to run, and not the texts.

use serde_json::{Map, Value, json};

use crate::Answer;

/// Managers whose writes happen some time later, and what they write.
const CONTROLLERS: [&str; 5] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kube-apiserver",
    "api-priority-and-fairness-config-consumer-v1",
];

/// Objects whose status their controllers write while the case runs.
const CONTROLLED: [&str; 9] = [
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Pod",
    "Namespace",
    "HorizontalPodAutoscaler",
];

/// The answer in the form that is compared. A step's `show` is empty for everything, `code` for the code alone, `text` for the
/// message too, `names` for the names of a list, `events` for the events of a watch, `media` for the media type and the text.
pub fn answer(answer: &Answer, namespace: &str, plural: &str, show: &str) -> Value {
    let body = &answer.body;
    let mut normal = json!({"code": answer.code});
    if !answer.warnings.is_empty() {
        normal["warnings"] = json!(answer.warnings);
    }
    match show {
        "code" if body["kind"] != "Status" => {}
        "media" => {
            normal["media_type"] = json!(answer.media_type);
            normal["text"] = json!(answer.text);
        }
        "events" if body["kind"] != "Status" => {
            // A bookmark without a mark comes when the server finds the time.
            let is_marked =
                |event: &&Value| event["type"] != "BOOKMARK" || !event["object"]["metadata"]["annotations"].is_null();
            normal["events"] = answer.lines.iter().filter(is_marked).map(event).collect();
        }
        _ if body["kind"] == "Status" => status(&mut normal, body, show),
        "names" => {
            let items = body["items"].as_array().cloned().unwrap_or_default();
            normal["names"] = items.iter().map(|item| item["metadata"]["name"].clone()).collect();
            normal["more"] = json!(body.pointer("/metadata/continue").is_some());
            normal["remaining"] = body.pointer("/metadata/remainingItemCount").cloned().unwrap_or_default();
        }
        _ => normal["object"] = object(body),
    }
    let text = normal.to_string().replace(namespace, "NAMESPACE").replace(plural, "PLURAL");
    let text = mask_uids(&text);
    serde_json::from_str(&text).expect("names are replaced by names")
}

fn event(event: &Value) -> Value {
    let object = &event["object"];
    let what = if object["kind"] == "Status" { object["code"].clone() } else { object["metadata"]["name"].clone() };
    json!([event["type"], what, object["metadata"]["annotations"]])
}

fn status(normal: &mut Value, body: &Value, show: &str) {
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
}

/// An object without what is different in every run.
pub fn object(value: &Value) -> Value {
    let mut value = value.clone();
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    if CONTROLLED.contains(&kind.as_str()) {
        remove(&mut value, "status");
        if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove("deployment.kubernetes.io/revision");
            if annotations.is_empty() {
                remove(&mut value["metadata"], "annotations");
            }
        }
    }
    // Hashes of versions, and prose.
    for (list, field) in [("resources", "storageVersionHash"), ("columnDefinitions", "description")] {
        for item in value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            remove(item, field);
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
                // They are sorted by their times first, which are full seconds.
                items.sort_by_key(|entry| {
                    ["operation", "manager", "subresource", "apiVersion"].map(|field| entry[field].to_string())
                });
            }
            let name = if name == "cells" { "" } else { name };
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
                | "timeAdded"
                | "lastPhaseTransitionTime" => "TIME",
                "clusterIP" | "clusterIPs" if text != "None" => "ADDRESS",
                "name" if text.starts_with("generated-") => "GENERATED",
                "name" if text.starts_with("kube-api-access-") => "kube-api-access-GENERATED",
                "" if is_age(text) => "AGE",
                "" if text.len() == 20 && text.ends_with('Z') && text.contains('T') => "TIME",
                _ => return,
            };
            *text = shape.to_owned();
        }
        Value::Number(_) if name == "nodePort" || name == "healthCheckNodePort" => *value = json!("PORT"),
        _ => {}
    }
}

/// Puts `UID` where a uid is: 32 digits in five groups, in values and in the keys of owned fields.
pub(crate) fn mask_uids(text: &str) -> String {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let length = |text: &str| {
        let mut rest = text;
        for (position, size) in GROUPS.into_iter().enumerate() {
            rest = if position == 0 { rest } else { rest.strip_prefix('-')? };
            let (group, behind) = rest.split_at_checked(size)?;
            rest = behind;
            group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(())?;
        }
        Some(text.len() - rest.len())
    };
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let (shown, used) = length(rest).map_or((first.to_string(), first.len_utf8()), |used| ("UID".to_owned(), used));
        masked.push_str(&shown);
        rest = rest.get(used..).unwrap_or_default();
    }
    masked
}

/// How long something has been there, in a cell of a table.
fn is_age(text: &str) -> bool {
    text.strip_suffix('s').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
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
