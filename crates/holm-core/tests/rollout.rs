//! A workload that opts in has a digest of exactly what its pods read.
#![allow(clippy::unwrap_used)]

use holm_core::path::FieldPath;
use holm_core::{Graph, Input, Manifest, Password, ResourceOptions as _, Stack};
use serde_json::{Value, json};

fn map(name: &str, data: &Value) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}))
}

fn workload(kind: &str, pod: &Value) -> Manifest {
    Manifest::new(json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        },
    }))
}

/// Pods that read one key of `settings`, and all of `files`.
fn pod() -> Value {
    json!({
        "containers": [{
            "name": "c", "image": "web:1",
            "env": [{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }],
        "volumes": [{"name": "v", "configMap": {"name": "files"}}],
    })
}

fn digest(graph: &Graph) -> Option<&Input> {
    let path = FieldPath::of(["spec", "template", "metadata", "annotations", "holm.dev/config-digest"]);
    graph.resources().iter().find(|resource| resource.id.group == "apps").unwrap().inputs.get(&path)
}

fn digest_of(settings: &Value, files: &Value) -> String {
    let stack = Stack::new("shop", "default", Some("shop"));
    stack.add(map("settings", settings));
    stack.add(map("files", files));
    stack.add(workload("Deployment", &pod()).roll_on_change());
    digest(&stack.build().unwrap()).unwrap().text().unwrap()
}

#[test]
fn the_digest_changes_with_the_keys_that_are_read_and_with_no_others() {
    let first = digest_of(&json!({"mode": "fast", "other": "1"}), &json!({"a": "1"}));
    assert_eq!(first.len(), 32);
    assert_eq!(digest_of(&json!({"mode": "fast", "other": "2"}), &json!({"a": "1"})), first);
    assert_ne!(digest_of(&json!({"mode": "slow", "other": "1"}), &json!({"a": "1"})), first);
    assert_ne!(digest_of(&json!({"mode": "fast", "other": "1"}), &json!({"a": "2"})), first);
    assert_ne!(digest_of(&json!({"mode": "fast", "other": "1"}), &json!({"a": "1", "b": ""})), first);
    // The same characters at another place are another content.
    assert_ne!(
        digest_of(&json!({"mode": "f"}), &json!({"a": "12"})),
        digest_of(&json!({"mode": "f"}), &json!({"a1": "2"}))
    );
}

#[test]
fn a_secret_value_is_part_of_the_digest_and_never_shown() {
    let stack = Stack::new("shop", "default", Some("shop"));
    let password = stack.generated("password", Password::alphanumeric(8));
    let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}));
    stack.add(secret.with_input("data.password", password.base64()));
    let pod = json!({"containers": [{"name": "c", "image": "web:1", "envFrom": [{"secretRef": {"name": "login"}}]}]});
    stack.roll_on_change();
    stack.add(workload("StatefulSet", &pod));
    let graph = stack.build().unwrap();
    let digest = digest(&graph).unwrap();
    assert!(digest.is_sensitive());
    assert_eq!(digest.to_string(), "(sensitive)");
    assert_eq!(graph.warnings(), []);
    let note = &graph.resources().iter().find(|resource| resource.id.group == "apps").unwrap().options.notes[0];
    assert_eq!(note.text, "the pods are replaced, because what they read changed: Secret/login");
}

#[test]
fn who_did_not_opt_in_or_reads_nothing_or_runs_once_has_none() {
    let stack = Stack::new("shop", "default", Some("shop"));
    stack.add(map("settings", &json!({"mode": "fast"})));
    stack.add(map("files", &json!({})));
    stack.add(workload("Deployment", &pod()));
    assert_eq!(digest(&stack.build().unwrap()), None);

    let stack = Stack::new("shop", "default", Some("shop"));
    stack.roll_on_change();
    stack.add(workload("DaemonSet", &json!({"containers": [{"name": "c", "image": "web:1"}]})));
    stack.add(Manifest::new(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "web:1"}]}}},
    })));
    let graph = stack.build().unwrap();
    assert!(graph.resources().iter().all(|resource| resource.inputs.is_empty()));
}
