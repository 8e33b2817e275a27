//! What of a cluster counts: not the uids, times, hashes and suffixes, which differ from run to run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The letters of generated names.
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";

/// What is there, by kind and name. Objects that have the same normal name are in a list.
pub fn normal(objects: Vec<Value>, namespace: &str) -> Value {
    let names = names(&objects, namespace);
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut events: BTreeMap<String, u64> = BTreeMap::new();
    for mut object in objects {
        let kind = object["kind"].as_str().unwrap().to_owned();
        if kind == "Event" {
            let line = format!(
                "{} {} {}: {} {} ({})",
                object["involvedObject"]["kind"].as_str().unwrap(),
                object["involvedObject"]["name"].as_str().unwrap(),
                object["type"].as_str().unwrap(),
                object["reason"].as_str().unwrap(),
                object["message"].as_str().unwrap_or_default(),
                object["reportingComponent"].as_str().unwrap_or_default(),
            );
            // The simulated node and the scheduler of a real cluster say things, too.
            let source = object["source"]["component"].as_str().unwrap_or_default();
            if !["default-scheduler", "kubelet", "kwok", "holm-node", "scheduler"].contains(&source) {
                let count = object["count"].as_u64().unwrap_or(1);
                let total = events.entry(without_suffixes(&replaced(&line, &names))).or_default();
                // What fails, or waits, is tried again as often as there is time.
                let is_repeated =
                    object["type"] == "Warning" || object["involvedObject"]["kind"] == "PersistentVolumeClaim";
                *total = if is_repeated { 1 } else { *total + count };
            }
            continue;
        }
        let name = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        reduce(&mut object, &kind);
        mask(&mut object, "");
        let object: Value = serde_json::from_str(&replaced(&object.to_string(), &names)).unwrap();
        all.entry(replaced(&name, &names)).or_default().push(object);
    }
    let mut shown = Map::new();
    for (name, mut objects) in all {
        objects.sort_by_key(Value::to_string);
        let object = if objects.len() == 1 { objects.pop().unwrap() } else { json!(objects) };
        shown.insert(name, object);
    }
    shown.insert("events".to_owned(), json!(events));
    Value::Object(shown)
}

/// Texts that differ from run to run, and what stands for them; long ones first.
fn names(objects: &[Value], namespace: &str) -> Vec<(String, String)> {
    let text = |object: &Value, path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut names = vec![(namespace.to_owned(), "NAMESPACE".to_owned())];
    let mut hashed: Vec<(i64, String, String)> = Vec::new();
    for object in objects {
        let (name, generate) = (text(object, "/metadata/name"), text(object, "/metadata/generateName"));
        if !generate.is_empty() {
            names.push((name.clone(), format!("{}*", without_minute(&generate))));
        }
        if object["kind"] == "Job" {
            names.push((name.clone(), without_minute(&name)));
        }
        let uid = text(object, "/metadata/uid");
        names.push((uid, "UID".to_owned()));
        let kind = text(object, "/kind");
        let revision =
            |path: &str| object.pointer(path).and_then(|found| found.as_i64().or_else(|| found.as_str()?.parse().ok()));
        if kind == "ReplicaSet"
            && let Some(revision) = revision("/metadata/annotations/deployment.kubernetes.io~1revision")
        {
            hashed.push((revision, "RS".to_owned(), text(object, "/metadata/labels/pod-template-hash")));
        }
        if kind == "ControllerRevision" {
            let hash = name.rsplit('-').next().unwrap_or_default().to_owned();
            hashed.push((revision("/revision").unwrap_or_default(), "CR".to_owned(), hash));
        }
    }
    // ReplicaSets that are gone are only in events.
    for event in objects.iter().filter(|object| object["kind"] == "Event") {
        let name = text(event, "/involvedObject/name");
        let hash = name.rsplit('-').next().unwrap_or_default();
        let is_hash = (8..=10).contains(&hash.len()) && hash.chars().all(|letter| LETTERS.contains(letter));
        if text(event, "/involvedObject/kind") == "ReplicaSet" && is_hash && !hashed.iter().any(|known| known.2 == hash)
        {
            hashed.push((i64::MAX, "GONE".to_owned(), hash.to_owned()));
        }
    }
    hashed.sort();
    hashed.dedup();
    for (number, (revision, kind, hash)) in hashed.into_iter().enumerate() {
        names.push((hash, if revision == i64::MAX { kind } else { format!("{kind}{number}") }));
    }
    names.retain(|(text, _)| !text.is_empty());
    names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    names
}

/// Jobs of a CronJob have the minute in their name.
fn without_minute(name: &str) -> String {
    let is_minute = |part: &str| part.len() == 8 && part.bytes().all(|digit| digit.is_ascii_digit());
    name.split('-').map(|part| if is_minute(part) { "MINUTE" } else { part }).collect::<Vec<_>>().join("-")
}

fn replaced(text: &str, names: &[(String, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The text of an event; pods that are gone are only in such texts.
fn without_suffixes(text: &str) -> String {
    let is_suffix = |part: &str| part.len() == 5 && part.chars().all(|letter| LETTERS.contains(letter));
    let word = |word: &str| match word.rsplit_once('-') {
        Some((stem, suffix)) if is_suffix(suffix) => format!("{stem}-*"),
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Leaves out what the API server and the test itself write.
fn reduce(object: &mut Value, kind: &str) {
    for field in ["apiVersion", "kind"] {
        object.as_object_mut().unwrap().remove(field);
    }
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["name", "generateName", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata.remove(field);
    }
    match kind {
        "Pod" => {
            metadata.remove("managedFields");
            metadata.remove("generation");
            object.as_object_mut().unwrap().remove("status");
            let spec = object["spec"].as_object_mut().unwrap();
            spec.retain(|field, _| {
                matches!(field.as_str(), "hostname" | "subdomain" | "affinity" | "volumes" | "tolerations" | "nodeName")
            });
            if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
                volumes.retain(|volume| volume.get("projected").is_none());
            }
        }
        "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            object["spec"].as_object_mut().unwrap().remove("template");
        }
        "CronJob" => {
            object["spec"].as_object_mut().unwrap().remove("jobTemplate");
        }
        "ControllerRevision" => {
            object.as_object_mut().unwrap().remove("data");
        }
        "EndpointSlice" => {
            // It depends on how fast a pod gets ready.
            metadata.remove("generation");
        }
        "PersistentVolumeClaim" => {
            // The tests' control plane gives a claim what it asks for, also when its volume is larger.
            if let Some(status) = object["status"].as_object_mut() {
                status.remove("capacity");
            }
        }
        "Service" => {
            object.as_object_mut().unwrap().remove("spec");
        }
        _ => {}
    }
    if kind != "Pod"
        && let Some(managed) = object["metadata"].get_mut("managedFields").and_then(Value::as_array_mut)
    {
        managed.retain(|entry| entry["manager"] == "kube-controller-manager");
        for entry in managed.iter_mut() {
            entry.as_object_mut().unwrap().remove("time");
            let fields = entry["fieldsV1"].clone();
            let mut owned = owned(&fields);
            owned.retain(|path| !path.starts_with("f:status f:capacity"));
            entry["fieldsV1"] = json!(owned);
        }
        managed.sort_by_key(Value::to_string);
    }
}

/// The paths of the fields that are owned, down to the third level, which is as deep as it gets the same in every run.
fn owned(fields: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    for (first, below) in fields.as_object().into_iter().flatten() {
        for (second, below) in below.as_object().into_iter().flatten() {
            if second == "f:template" {
                paths.push(format!("{first} {second}"));
                continue;
            }
            let thirds: Vec<&String> = below.as_object().into_iter().flatten().map(|(name, _)| name).collect();
            if thirds.is_empty() {
                paths.push(format!("{first} {second}"));
            }
            paths.extend(thirds.into_iter().map(|third| format!("{first} {second} {third}")));
        }
    }
    paths
}

fn mask(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(field, value)| mask(value, field)),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, name)),
        Value::String(text) => {
            let is_time = text.len() >= 20 && text.get(10..11) == Some("T") && text.ends_with('Z');
            if is_time {
                *text = "TIME".to_owned();
            } else if matches!(name, "podIP" | "ip") || text.starts_with("10.0.") || text.starts_with("10.244.") {
                *text = "ADDRESS".to_owned();
            } else if name == "uid" {
                *text = "UID".to_owned();
            } else if name == "resourceVersion" {
                *text = "VERSION".to_owned();
            } else if matches!(name, "batch.kubernetes.io/controller-uid" | "controller-uid") {
                *text = "UID".to_owned();
            }
        }
        _ => {}
    }
}

/// Where two normalised clusters differ.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk(expected, found, "", &mut lines);
    lines
}

fn walk(expected: &Value, found: &Value, path: &str, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let below = format!("{path}.{name}");
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => walk(left, right, &below, lines),
                    (Some(left), None) => lines.push(format!("    {below}: expected {left}, found nothing")),
                    (None, Some(right)) => lines.push(format!("    {below}: expected nothing, found {right}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (position, (left, right)) in left.iter().zip(right).enumerate() {
                walk(left, right, &format!("{path}[{position}]"), lines);
            }
        }
        _ if expected != found => lines.push(format!("    {path}: expected {expected}, found {found}")),
        _ => {}
    }
}
