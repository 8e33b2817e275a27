//! What is compared of a pod: its status and its Events, without what differs from one cluster or run to the next.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cluster::Cluster;

/// The status of a pod and the Events about it.
pub async fn pod(cluster: &Cluster, name: &str) -> Value {
    let found = cluster.get(&cluster.path(&format!("pods/{name}"))).await.expect("the pod");
    let uid = found["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let status = blurred(&found["status"], &uid, &cluster.namespace);
    json!({"status": status, "events": events(cluster, name, &uid).await})
}

/// The Events about an object, each once: type, reason, who, where, text.
pub async fn events(cluster: &Cluster, name: &str, uid: &str) -> Vec<Value> {
    let path = cluster.path(&format!("events?fieldSelector=involvedObject.name={name}"));
    let listed = cluster.get(&path).await.unwrap_or_default();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let told: BTreeSet<String> = items
        .iter()
        .map(|event| {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            let part = event["involvedObject"]["fieldPath"].as_str().unwrap_or("-");
            let line = [text("type"), text("reason"), text("reportingComponent"), part.to_owned(), text("message")];
            blurred_text(&line.join(" "), uid, &cluster.namespace)
        })
        .collect();
    told.into_iter().map(Value::from).collect()
}

/// A pod in few lines: phase, conditions that do not hold, containers, Events.
pub fn story(seen: &Value) -> String {
    let status = &seen["status"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut told = word(&status["phase"]);
    for condition in items(&status["conditions"]) {
        if condition["status"] == "True" {
            let _ = write!(told, "\n+ {}", word(&condition["type"]));
        } else {
            let (kind, reason, message) = (&condition["type"], &condition["reason"], &condition["message"]);
            let _ = write!(told, "\n- {} {} {}", word(kind), word(reason), word(message));
        }
    }
    for container in items(&status["initContainerStatuses"]).into_iter().chain(items(&status["containerStatuses"])) {
        let (state, details) = container["state"].as_object().and_then(|states| states.iter().next()).expect("a state");
        let ready = if container["ready"] == true { "ready" } else { "not ready" };
        let _ = write!(told, "\n* {} {ready} {} {state}", word(&container["name"]), container["restartCount"]);
        for field in ["exitCode", "reason", "message"] {
            match &details[field] {
                Value::Null => {}
                Value::String(text) => drop(write!(told, " {}", text.trim_end())),
                other => drop(write!(told, " {other}")),
            }
        }
        if let Some(last) = container["lastState"]["terminated"].as_object() {
            let _ = write!(told, ", before: {} {}", last["exitCode"], word(&last["reason"]));
        }
    }
    for event in items(&seen["events"]) {
        let _ = write!(told, "\n{}", word(&event));
    }
    told
}

fn blurred(value: &Value, uid: &str, namespace: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    (_, Value::Null) => Value::Null,
                    ("lastTransitionTime" | "startTime" | "startedAt" | "finishedAt", _) => json!("TIME"),
                    ("containerID", _) => json!("CONTAINER"),
                    ("podIP" | "ip", Value::String(ip)) if ip.starts_with("10.245.") => json!("10.245.X"),
                    _ => blurred(value, uid, namespace),
                };
                (key.clone(), value)
            });
            Value::Object(fields.filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| blurred(item, uid, namespace)).collect();
            if items.iter().all(|item| item.get("type").is_some()) {
                items.sort_by_key(|item| item["type"].as_str().unwrap_or_default().to_owned());
            }
            Value::Array(items)
        }
        Value::String(text) => json!(blurred_text(text, uid, namespace)),
        other => other.clone(),
    }
}

fn blurred_text(text: &str, uid: &str, namespace: &str) -> String {
    let text = if uid.is_empty() { text.to_owned() } else { text.replace(uid, "UID") };
    text.replace(namespace, "NAMESPACE")
}
