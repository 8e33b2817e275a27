//! The objects that the benchmark applies with every tool: applications of five objects each.

use base64::Engine as _;
use serde_json::{Value, json};

/// The namespace of the stack.
pub const NAMESPACE: &str = "benchmark";

/// `count` objects: for every five, a ConfigMap, a Secret, a ServiceAccount, a Service, and a Deployment without replicas
/// that names the others. With `is_changed`, one ConfigMap has another value.
pub fn objects(count: usize, is_changed: bool) -> Vec<Value> {
    (0..count / 5).flat_map(|number| application(number, is_changed && number == 0)).collect()
}

fn application(number: usize, is_changed: bool) -> [Value; 5] {
    let name = format!("app-{number:04}");
    let metadata = json!({"name": name, "labels": {"app": name, "tier": "benchmark"}});
    // Every application has a token of its own, as in life: what searches texts for secrets must know them all.
    let token = base64::engine::general_purpose::STANDARD.encode(format!("token-of-{name}"));
    let level = if is_changed { "debug" } else { "info" };
    let container = json!({
        "name": "app",
        "image": "registry.test/app:1.0",
        "args": ["--listen", ":8080"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": name, "key": "level"}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": "token"}}},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
    });
    [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"level": level, "number": number.to_string()}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {"token": token}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"serviceAccountName": name, "containers": [container]},
                },
            },
        }),
    ]
}
