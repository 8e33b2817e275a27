//! Transforms see every object and keep what references rely on.
#![allow(clippy::unwrap_used)]

use holm_core::{Manifest, Stack, transform};
use serde_json::{Value, json};

fn map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
}

fn cron_job(container: &Value) -> Manifest {
    let pod = json!({"restartPolicy": "Never", "containers": [container], "initContainers": [{"name": "i", "image": "busybox"}]});
    Manifest::new(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "dump"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }))
}

fn stack() -> Stack {
    Stack::new("shop", "default", Some("shop"))
}

#[test]
fn a_label_is_set_on_everything_declared_before_and_after_and_replaces_none() {
    let stack = stack();
    stack.add(map("before"));
    stack.transform(transform::label("team", "shop"));
    stack.add(Manifest::new(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "after", "labels": {"team": "other"}}}),
    ));
    stack.add(Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": null}})));
    let graph = stack.build().unwrap();
    let labels: Vec<&Value> =
        graph.resources().iter().map(|resource| &resource.object["metadata"]["labels"]["team"]).collect();
    assert_eq!(labels, ["shop", "other", "shop"]);
}

#[test]
fn images_and_security_reach_the_pods_of_a_cron_job_and_leave_what_is_given() {
    let stack = stack();
    stack.transform(transform::registry_mirror("docker.io", "mirror.example.org/hub"));
    stack.transform(transform::restricted_pods());
    let context = json!({"allowPrivilegeEscalation": true, "capabilities": {"add": ["CHOWN"]}});
    stack.add(cron_job(&json!({"name": "c", "image": "postgres:15", "securityContext": context})));
    let graph = stack.build().unwrap();
    let pod = graph.resources()[0].object.pointer("/spec/jobTemplate/spec/template/spec").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(pod).unwrap(), @r#"
    {
      "containers": [
        {
          "image": "mirror.example.org/hub/library/postgres:15",
          "name": "c",
          "securityContext": {
            "allowPrivilegeEscalation": true,
            "capabilities": {
              "add": [
                "CHOWN"
              ],
              "drop": [
                "ALL"
              ]
            }
          }
        }
      ],
      "initContainers": [
        {
          "image": "mirror.example.org/hub/library/busybox",
          "name": "i",
          "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {
              "drop": [
                "ALL"
              ]
            }
          }
        }
      ],
      "restartPolicy": "Never",
      "securityContext": {
        "runAsNonRoot": true,
        "seccompProfile": {
          "type": "RuntimeDefault"
        }
      }
    }
    "#);
}

#[test]
fn transforms_run_in_order_and_know_what_they_change() {
    let stack = stack();
    stack.transform(|object| object.annotation("first", "1"));
    stack.transform(|object| {
        assert_eq!(object.object()["metadata"]["annotations"]["first"], "1");
        let component = object.component().unwrap_or("none").to_owned();
        object.annotation("component", &component);
    });
    stack.component("web", |stack| stack.add(map("a")));
    let graph = stack.build().unwrap();
    assert_eq!(graph.resources()[0].object["metadata"]["annotations"]["component"], "web");
}

#[test]
fn a_changed_identity_is_a_problem_and_a_secret_value_stays_secret() {
    let stack = stack();
    stack.transform(|object| object.object_mut()["metadata"]["name"] = "other".into());
    stack.add(map("a"));
    let problems = stack.build().unwrap_err().to_string();
    assert!(problems.contains("a transform changed"), "{problems}");

    let stack = self::stack();
    stack.transform(|object| object.object_mut()["stringData"] = json!({"token": "hunter2"}));
    stack.add(Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})));
    let graph = stack.build().unwrap();
    assert!(!format!("{:?} {}", graph.resources(), graph.resources()[0].object).contains("hunter2"));
}
