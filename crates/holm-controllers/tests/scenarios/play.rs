//! Playing a scenario.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};

use crate::cluster::{CLUSTER_RESOURCES, Cluster, RESOURCES};
use crate::normal;

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// What stands beside the verb of a step.
const BESIDE: [&str; 5] = ["of", "most", "policy", "refused", "at-once"];

pub struct Scenario {
    pub name: String,
    steps: Vec<Value>,
    bases: Map<String, Value>,
}

/// Reads the scenarios of a file.
pub fn read(file: &str, text: &str) -> Vec<Scenario> {
    let content: Value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let bases = content["bases"].as_object().cloned().unwrap_or_default();
    let scenarios = content["scenarios"].as_object().unwrap();
    let read = |(name, steps): (&String, &Value)| Scenario {
        name: format!("{file}: {name}"),
        steps: steps.as_array().unwrap_or_else(|| panic!("{file}: {name} has no steps")).clone(),
        bases: bases.clone(),
    };
    scenarios.iter().map(read).collect()
}

struct Player<'a> {
    cluster: &'a mut Cluster,
    namespace: String,
    shown: Vec<Value>,
}

impl Scenario {
    /// What is there at the end, and at each step that says `show`.
    pub async fn play(&self, cluster: &mut Cluster) -> Value {
        let slug: String = self
            .name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .collect();
        let namespace = format!("{}-x", slug.replace("--", "-").chars().take(50).collect::<String>());
        if cluster.is_real() {
            // From an earlier time.
            clean_up(cluster, &namespace).await;
            let path = format!("/api/v1/namespaces/{namespace}");
            while cluster.send(Method::GET, &path, JSON, None).await["kind"] == "Namespace" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let made = cluster.send(Method::POST, "/api/v1/namespaces", JSON, Some(&body)).await;
        assert_eq!(made["kind"], "Namespace", "{made}");
        if cluster.is_real() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        } else {
            // Those of the tests' control plane.
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "holm-node", "labels": {"kubernetes.io/os": "linux"}}});
            cluster.send(Method::POST, "/api/v1/nodes", JSON, Some(&node)).await;
            let ready = json!({"spec": {"taints": null}});
            cluster.send(Method::PATCH, "/api/v1/nodes/holm-node", MERGE, Some(&ready)).await;
        }
        let mut player = Player { cluster, namespace: namespace.clone(), shown: Vec::new() };
        for step in &self.steps {
            let step = self.expand(step);
            player.step(&step).await;
        }
        player.show().await;
        let shown = player.shown;
        if cluster.is_real() {
            clean_up(cluster, &namespace).await;
        }
        if shown.len() == 1 { shown.into_iter().next().unwrap() } else { json!(shown) }
    }

    /// Fills in the bases: `$use: NAME` is the base, changed by what stands beside it.
    fn expand(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut expanded = match fields.get("$use") {
                    Some(base) => self.expand(&self.bases[base.as_str().unwrap()]),
                    None => json!({}),
                };
                for (name, value) in fields.iter().filter(|(name, _)| *name != "$use") {
                    let value = self.expand(value);
                    merge(&mut expanded[name], &value);
                }
                expanded
            }
            Value::Array(items) => items.iter().map(|item| self.expand(item)).collect(),
            other => other.clone(),
        }
    }
}

/// Deletes what a scenario has left on a real cluster.
async fn clean_up(cluster: &Cluster, namespace: &str) {
    cluster.send(Method::DELETE, &format!("/api/v1/namespaces/{namespace}"), JSON, None).await;
    for list in ["/apis/storage.k8s.io/v1/storageclasses", "/api/v1/persistentvolumes"] {
        for object in cluster.list(list).await {
            let name = object["metadata"]["name"].as_str().unwrap();
            if name.ends_with(namespace) {
                let path = format!("{list}/{name}");
                cluster.send(Method::DELETE, &path, JSON, None).await;
                let free = json!({"metadata": {"finalizers": null}});
                cluster.send(Method::PATCH, &path, MERGE, Some(&free)).await;
            }
        }
    }
}

fn merge(into: &mut Value, value: &Value) {
    match (&mut *into, value) {
        (Value::Object(fields), Value::Object(more)) => {
            for (name, value) in more {
                merge(fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        _ => *into = value.clone(),
    }
}

impl Player<'_> {
    async fn step(&mut self, step: &Value) {
        let text = step.to_string().replace("$NAMESPACE", &self.namespace);
        let text = text.replace("$NOW", &self.cluster.now());
        let step: Value = serde_json::from_str(&text).unwrap();
        let verbs = step.as_object().unwrap().iter().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
        let (verb, what) = verbs.into_iter().next().unwrap();
        match verb.as_str() {
            "create" => {
                let path = self.path(what["kind"].as_str().unwrap(), "");
                let made = self.cluster.send(Method::POST, &path, JSON, Some(what)).await;
                let reason = step.get("refused").cloned().unwrap_or_default();
                assert_eq!(made["reason"], reason, "{made}");
                if what.get("status").is_some() && reason.is_null() {
                    let path = format!("{path}/{}/status", made["metadata"]["name"].as_str().unwrap());
                    let answer =
                        self.cluster.send(Method::PATCH, &path, MERGE, Some(&json!({"status": what["status"]}))).await;
                    assert_ne!(answer["kind"], "Status", "{answer}");
                }
            }
            // merge: {KIND/NAME: patch}
            "merge" | "status" => {
                let (target, patch) = what.as_object().unwrap().iter().next().unwrap();
                let mut path = self.target(target);
                if verb == "status" {
                    path.push_str("/status");
                }
                let answer = self.cluster.send(Method::PATCH, &path, MERGE, Some(patch)).await;
                assert_ne!(answer["kind"], "Status", "{target}: {answer}");
            }
            "delete" => {
                let path = self.target(what.as_str().unwrap());
                let policy = step.get("policy").and_then(Value::as_str).unwrap_or("Background");
                let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
                self.cluster.send(Method::DELETE, &path, JSON, Some(&options)).await;
            }
            // pods: ready, {label: value}, at most so many
            "pods" => {
                let most = step.get("most").and_then(Value::as_u64).unwrap_or(u64::MAX);
                self.pods(what.as_str().unwrap(), step.get("of"), most).await;
            }
            // Plays the kubelet until nothing changes.
            "run" => {
                for _ in 0..12 {
                    self.cluster.settle(&self.namespace).await;
                    if self.pods(what.as_str().unwrap(), step.get("of"), u64::MAX).await == 0 {
                        break;
                    }
                }
            }
            "advance" => self.cluster.advance(Duration::from_secs(what.as_u64().unwrap())).await,
            // Goes on without waiting.
            "show" => {
                self.show().await;
                return;
            }
            "events" | "nothing" => {}
            other => panic!("no such step: {other}"),
        }
        if step.get("at-once").is_none() {
            self.cluster.settle(&self.namespace).await;
        }
    }

    fn path(&self, kind: &str, name: &str) -> String {
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        if let Some((_, prefix, plural)) = RESOURCES.iter().find(|(found, ..)| *found == kind) {
            return format!("{prefix}/namespaces/{}/{plural}{name}", self.namespace);
        }
        let (_, prefix, plural) =
            CLUSTER_RESOURCES.iter().find(|(found, ..)| *found == kind).unwrap_or_else(|| panic!("{kind}"));
        format!("{prefix}/{plural}{name}")
    }

    fn target(&self, target: &str) -> String {
        let (kind, name) = target.split_once('/').unwrap();
        self.path(kind, name)
    }

    /// Puts pods into a state, and says how many were not in it.
    async fn pods(&mut self, state: &str, of: Option<&Value>, most: u64) -> u64 {
        let mut pods = self.cluster.list(&self.path("Pod", "")).await;
        pods.sort_by_key(|pod| pod["metadata"]["name"].to_string());
        let mut changed = 0;
        for pod in pods {
            let is_meant =
                of.and_then(Value::as_object).into_iter().flatten().all(|(field, wanted)| match field.as_str() {
                    "name" => pod["metadata"]["name"] == *wanted,
                    "image" => pod["spec"]["containers"][0]["image"] == *wanted,
                    label => pod["metadata"]["labels"][label] == *wanted,
                });
            let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            if !is_meant || is_over || changed >= most || pod["metadata"].get("deletionTimestamp").is_some() {
                continue;
            }
            let now = self.cluster.now();
            let condition = |kind: &str, status: bool| json!({"type": kind, "status": if status { "True" } else { "False" }, "lastTransitionTime": now});
            let number = changed + 2;
            let running = |ready: bool| {
                json!({
                    "phase": "Running", "podIP": format!("10.0.0.{number}"), "podIPs": [{"ip": format!("10.0.0.{number}")}],
                    "conditions": [condition("Ready", ready), condition("ContainersReady", ready)],
                })
            };
            let ended = |phase: &str, code: i64| {
                json!({
                    "phase": phase, "conditions": [condition("Ready", false)],
                    "containerStatuses": [{
                        "name": pod["spec"]["containers"][0]["name"], "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                        "state": {"terminated": {"exitCode": code, "startedAt": now, "finishedAt": now}},
                    }],
                })
            };
            let ready = |pod: &Value| {
                let conditions = pod["status"]["conditions"].as_array();
                conditions
                    .into_iter()
                    .flatten()
                    .find(|found| found["type"] == "Ready")
                    .map(|found| found["status"] == "True")
            };
            let status = match state {
                "ready" if ready(&pod) == Some(true) => continue,
                "ready" => running(true),
                "unready" if ready(&pod) == Some(false) => continue,
                "unready" => running(false),
                "succeeded" => ended("Succeeded", 0),
                "failed" => ended("Failed", 1),
                other => panic!("no such state: {other}"),
            };
            let path = format!("{}/status", self.path("Pod", pod["metadata"]["name"].as_str().unwrap()));
            let answer = self.cluster.send(Method::PATCH, &path, MERGE, Some(&json!({"status": status}))).await;
            assert_ne!(answer["kind"], "Status", "{answer}");
            changed += 1;
        }
        changed
    }

    async fn show(&mut self) {
        let mut all = Vec::new();
        for (kind, ..) in RESOURCES {
            let items = self.cluster.list(&self.path(kind, "")).await;
            all.extend(items.into_iter().map(|mut item| {
                item["kind"] = json!(kind);
                item
            }));
        }
        for mut volume in self.cluster.list("/api/v1/persistentvolumes").await {
            if volume.to_string().contains(&self.namespace) {
                volume["kind"] = json!("PersistentVolume");
                all.push(volume);
            }
        }
        self.shown.push(normal::normal(all, &self.namespace));
    }
}
