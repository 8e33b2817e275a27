//! What is left out on the embedded cluster is told, and is left out for as long as it must be.

use holm_e2e::{ControlPlane, ONLY_REAL, is_embedded};
use serde_json::json;

#[test]
fn the_readme_lists_every_scenario_that_is_left_out_with_its_reason() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the file is there");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> =
        ONLY_REAL.iter().map(|(scenario, reason)| format!("| `{scenario}` | {reason} |")).collect();
    assert_eq!(rows, expected);
}

/// When this fails, the scenario that needs quotas is to be run on both.
#[test]
fn the_embedded_cluster_enforces_no_quota() {
    if !is_embedded() {
        return;
    }
    let cluster = ControlPlane::shared("limits");
    cluster.create(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-secrets", "namespace": "default"},
        "spec": {"hard": {"secrets": "0"}},
    }));
    cluster.create(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one", "namespace": "default"}}));
}
