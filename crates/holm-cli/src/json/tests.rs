use std::time::Duration;

use holm_cluster::Identity;
use holm_core::event::{Event, SkipReason};
use holm_core::plan::Action;

use crate::diagnostic::{Diagnostic, Kind};
use crate::render::sample;

use super::*;

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).expect("it is JSON already");
    assert!(!text.contains(sample::CANARY), "{text}");
    text
}

fn identity() -> Identity {
    Identity { context: Some("holm-dev".into()), server: "https://127.0.0.1:6443".into(), version: "v1.37.2".into(), ..Identity::default() }
}

#[test]
fn the_plan_document_is_this() {
    insta::assert_snapshot!(pretty(&plan::plan(&sample::busy_plan(), &[], &identity())), @r#"
    {
      "blockers": [],
      "changes": [
        {
          "action": "unchanged",
          "reason": {
            "code": "as_declared",
            "message": "as declared"
          },
          "resource": {
            "group": "",
            "kind": "Namespace",
            "name": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "update",
          "fields": [
            {
              "after": {
                "state": "sensitive"
              },
              "before": {
                "state": "sensitive"
              },
              "drift": {
                "manager": "kubectl-edit",
                "time": "2026-11-23T20:00:00Z"
              },
              "path": "data.password"
            },
            {
              "after": {
                "state": "absent"
              },
              "before": {
                "state": "sensitive"
              },
              "drift": {
                "manager": "kubectl-edit",
                "time": "2026-11-23T20:00:00Z"
              },
              "path": "data.extra"
            }
          ],
          "reason": {
            "code": "drift",
            "message": "drift, last written by kubectl-edit at 2026-11-23T20:00:00Z"
          },
          "resource": {
            "group": "",
            "kind": "Secret",
            "name": "postgres-secret",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "update",
          "fields": [
            {
              "after": {
                "state": "value",
                "value": "CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\nCREATE DATABASE backups OWNER holm;\n"
              },
              "before": {
                "state": "value",
                "value": "CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\n"
              },
              "path": "data[\"init.sql\"]"
            }
          ],
          "notes": [
            "the script runs only on an empty volume"
          ],
          "reason": {
            "code": "declaration",
            "message": "declaration changed"
          },
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "postgres-init",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "update",
          "fields": [
            {
              "after": {
                "state": "value",
                "value": "postgres:16-alpine"
              },
              "before": {
                "state": "value",
                "value": "postgres:15-alpine"
              },
              "path": "spec.template.spec.containers[postgres].image"
            },
            {
              "after": {
                "state": "value",
                "value": 1
              },
              "before": {
                "state": "value",
                "value": 3
              },
              "drift": {
                "manager": "kubectl-scale",
                "time": "2026-11-23T20:00:00Z"
              },
              "path": "spec.replicas"
            },
            {
              "after": {
                "state": "value",
                "value": {
                  "args": [
                    "--listen",
                    "0.0.0.0:9187"
                  ],
                  "image": "example.org/sidecar:1.2.3",
                  "name": "sidecar"
                }
              },
              "before": {
                "state": "absent"
              },
              "path": "spec.template.spec.containers[sidecar]"
            },
            {
              "after": {
                "state": "absent"
              },
              "before": {
                "state": "value",
                "value": [
                  "-c",
                  "a=1"
                ]
              },
              "path": "spec.template.spec.containers[postgres].args"
            },
            {
              "after": {
                "state": "unknown"
              },
              "before": {
                "state": "absent"
              },
              "path": "spec.template.metadata.annotations[\"holm/address\"]"
            }
          ],
          "overruled": [
            {
              "field": ".spec.replicas",
              "manager": "kubectl-scale"
            }
          ],
          "reason": {
            "code": "declaration_and_drift",
            "message": "declaration changed, and drift"
          },
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "name": "postgres",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "replace",
          "fields": [
            {
              "after": {
                "state": "value",
                "value": "pg-exporter"
              },
              "before": {
                "state": "value",
                "value": "exporter"
              },
              "path": "spec.selector.matchLabels.app"
            }
          ],
          "reason": {
            "causes": [
              "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"pg\"}}: field is immutable"
            ],
            "code": "immutable",
            "message": "cannot be changed in place"
          },
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "name": "exporter",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "unchecked": {
            "code": "replacement",
            "message": "the old object must go first"
          },
          "version": "v1"
        },
        {
          "action": "adopt",
          "reason": {
            "code": "not_ours",
            "message": "exists, and is not of this stack"
          },
          "resource": {
            "group": "",
            "kind": "Service",
            "name": "postgres",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "unchecked": {
            "code": "forbidden",
            "message": "forbidden: services \"postgres\" is forbidden: User \"reader\" cannot patch"
          },
          "version": "v1"
        },
        {
          "action": "delete",
          "reason": {
            "code": "left_program",
            "message": "no longer in the program"
          },
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "old",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "forget",
          "reason": {
            "code": "retained",
            "message": "stays in the cluster: retain_on_delete"
          },
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "retained",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "keep",
          "reason": {
            "code": "no_consent",
            "message": "stays: it is protected or holds data, and nobody consented"
          },
          "resource": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "name": "postgres-pvc",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "keep",
          "reason": {
            "code": "kept_for",
            "message": "stays: PersistentVolumeClaim/postgres-pvc could not live without it"
          },
          "resource": {
            "group": "",
            "kind": "Namespace",
            "name": "old"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        },
        {
          "action": "unknown",
          "reason": {
            "code": "unreadable",
            "message": "could not be read: secrets is forbidden"
          },
          "resource": {
            "group": "",
            "kind": "Secret",
            "name": "hidden",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        }
      ],
      "cluster": {
        "context": "holm-dev",
        "server": "https://127.0.0.1:6443",
        "version": "v1.37.2"
      },
      "has_changes": true,
      "namespace": "holm",
      "program": "holm-pg",
      "schema": "holm.plan/v1",
      "stack": "default",
      "summary": {
        "adopt": 1,
        "delete": 1,
        "forget": 1,
        "keep": 2,
        "replace": 1,
        "unchanged": 1,
        "unknown": 1,
        "update": 3
      }
    }
    "#);
}

#[test]
fn the_blockers_of_a_plan_are_in_its_document() {
    insta::assert_snapshot!(pretty(&plan::plan(&sample::blocked_plan(), &[], &identity())), @r#"
    {
      "blockers": [
        {
          "code": "refused",
          "hint": "split the object up: the API server takes at most about 1.5 MiB",
          "message": "the server refuses it (413 RequestEntityTooLarge): Request entity too large: limit is 3145728",
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "big",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 12
          }
        },
        {
          "code": "conflicts",
          "message": ".spec.replicas is owned by \"autoscaler\" with another value",
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "name": "postgres",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 12
          }
        }
      ],
      "changes": [
        {
          "action": "create",
          "reason": {
            "code": "not_in_cluster",
            "message": "not in the cluster"
          },
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "big",
            "namespace": "holm"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          },
          "version": "v1"
        }
      ],
      "cluster": {
        "context": "holm-dev",
        "server": "https://127.0.0.1:6443",
        "version": "v1.37.2"
      },
      "has_changes": true,
      "namespace": "holm",
      "program": "holm-pg",
      "schema": "holm.plan/v1",
      "stack": "default",
      "summary": {
        "create": 1
      }
    }
    "#);
}

#[test]
fn the_event_lines_are_these() {
    let id = sample::id("Deployment", "postgres");
    let after = Duration::from_millis(1234);
    let events = [
        Event::Started { id: id.clone(), action: Action::Create },
        Event::Written { id: id.clone(), action: Action::Create, after },
        Event::Waiting {
            id: id.clone(),
            readiness: holm_core::readiness::Readiness {
                state: holm_core::readiness::State::InProgress,
                reason: "Progressing".into(),
                message: "0 of 1 replicas are available".into(),
            },
        },
        Event::Ready { id: id.clone(), after },
        Event::Deleted { id: id.clone(), after },
        Event::Forgotten { id: id.clone() },
        Event::Failed { id: id.clone(), action: Action::Create, failure: sample::crash_loop() },
        Event::Skipped { id: id.clone(), action: Action::Delete, because: SkipReason::DependencyFailed(id.clone()) },
        Event::Warning { id: None, text: "v1 Endpoints is deprecated".into() },
        Event::Retrying { id, error: "too many requests".into(), after },
        Event::Stopping,
    ];
    let lines: Vec<String> =
        events.iter().map(|event| super::event::event(event, Duration::from_secs(2)).to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"action":"create","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","type":"started"}
    {"action":"create","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","seconds":1.234,"type":"written"}
    {"elapsed":2.0,"readiness":{"message":"0 of 1 replicas are available","reason":"Progressing","state":"InProgress"},"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","type":"waiting"}
    {"elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","seconds":1.234,"type":"ready"}
    {"elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","seconds":1.234,"type":"deleted"}
    {"elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","type":"forgotten"}
    {"action":"create","elapsed":2.0,"failure":{"diagnosis":{"chain":[{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},{"group":"","kind":"ReplicaSet","name":"postgres-6b7c9","namespace":"holm"},{"group":"","kind":"Pod","name":"postgres-6b7c9-x2x4z","namespace":"holm"}],"container":{"exit_code":137,"exit_meaning":"killed by SIGKILL","image":"postgres:15-alpine","is_init":false,"log":["initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty","initdb: \u001b[31mhint\u001b[0m: use a subdirectory"],"log_is_previous":true,"message":"back-off 20s restarting failed container","name":"postgres","reason":"CrashLoopBackOff","restarts":3},"events":[{"about":{"group":"","kind":"Pod","name":"postgres-6b7c9-x2x4z","namespace":"holm"},"count":7,"message":"Back-off restarting failed container postgres in pod postgres-6b7c9-x2x4z","reason":"BackOff"}],"hint":"the last lines of its log say why","is_final":true,"summary":"container postgres ends with exit code 137 again and again"},"message":"did not become ready"},"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","type":"failed"}
    {"action":"delete","because":{"code":"dependency_failed","resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"}},"elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","type":"skipped"}
    {"elapsed":2.0,"message":"v1 Endpoints is deprecated","schema":"holm.event/v1","type":"warning"}
    {"elapsed":2.0,"message":"too many requests","resource":{"group":"apps","kind":"Deployment","name":"postgres","namespace":"holm"},"schema":"holm.event/v1","seconds":1.234,"type":"retrying"}
    {"elapsed":2.0,"schema":"holm.event/v1","type":"stopping"}
    "#);
}

#[test]
fn the_report_document_is_this() {
    insta::assert_snapshot!(pretty(&event::report(&sample::failed_report(), 31)), @r#"
    {
      "outcome": "failed",
      "requests": 31,
      "results": [
        {
          "action": "create",
          "outcome": "done",
          "resource": {
            "group": "",
            "kind": "Namespace",
            "name": "holm"
          },
          "seconds": 1.0
        },
        {
          "action": "unchanged",
          "outcome": "done",
          "resource": {
            "group": "",
            "kind": "Secret",
            "name": "postgres-secret",
            "namespace": "holm"
          },
          "seconds": 0.0
        },
        {
          "action": "create",
          "failure": {
            "diagnosis": {
              "chain": [
                {
                  "group": "apps",
                  "kind": "Deployment",
                  "name": "postgres",
                  "namespace": "holm"
                },
                {
                  "group": "",
                  "kind": "ReplicaSet",
                  "name": "postgres-6b7c9",
                  "namespace": "holm"
                },
                {
                  "group": "",
                  "kind": "Pod",
                  "name": "postgres-6b7c9-x2x4z",
                  "namespace": "holm"
                }
              ],
              "container": {
                "exit_code": 137,
                "exit_meaning": "killed by SIGKILL",
                "image": "postgres:15-alpine",
                "is_init": false,
                "log": [
                  "initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty",
                  "initdb: \u001b[31mhint\u001b[0m: use a subdirectory"
                ],
                "log_is_previous": true,
                "message": "back-off 20s restarting failed container",
                "name": "postgres",
                "reason": "CrashLoopBackOff",
                "restarts": 3
              },
              "events": [
                {
                  "about": {
                    "group": "",
                    "kind": "Pod",
                    "name": "postgres-6b7c9-x2x4z",
                    "namespace": "holm"
                  },
                  "count": 7,
                  "message": "Back-off restarting failed container postgres in pod postgres-6b7c9-x2x4z",
                  "reason": "BackOff"
                }
              ],
              "hint": "the last lines of its log say why",
              "is_final": true,
              "summary": "container postgres ends with exit code 137 again and again"
            },
            "message": "did not become ready"
          },
          "outcome": "failed",
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "name": "postgres",
            "namespace": "holm"
          },
          "seconds": 64.0
        },
        {
          "action": "create",
          "because": {
            "code": "dependency_failed",
            "resource": {
              "group": "apps",
              "kind": "Deployment",
              "name": "postgres",
              "namespace": "holm"
            }
          },
          "outcome": "skipped",
          "resource": {
            "group": "",
            "kind": "Job",
            "name": "migrate",
            "namespace": "holm"
          },
          "seconds": 0.0
        },
        {
          "action": "delete",
          "because": {
            "code": "nothing_pruned_after_failure"
          },
          "outcome": "skipped",
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "old",
            "namespace": "holm"
          },
          "seconds": 0.0
        }
      ],
      "schema": "holm.report/v1",
      "seconds": 66.0
    }
    "#);
}

#[test]
fn the_error_document_is_this() {
    let diagnostic = Diagnostic::new(Kind::NotConfirmed, "nobody is there to ask").hint("give --yes");
    insta::assert_snapshot!(pretty(&error(&diagnostic)), @r#"
    {
      "hint": "give --yes",
      "kind": "not_confirmed",
      "message": "nobody is there to ask",
      "schema": "holm.error/v1"
    }
    "#);
}

#[test]
fn the_graph_and_outputs_documents_are_these() {
    let graph = sample::graph();
    insta::assert_snapshot!(pretty(&status::graph(&graph)), @r#"
    {
      "dependencies": [
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "name": "postgres-init",
            "namespace": "holm"
          },
          "on": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "name": "postgres-pvc",
            "namespace": "holm"
          },
          "origin": "depends_on",
          "strength": "exists"
        },
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "name": "postgres-init",
            "namespace": "holm"
          },
          "on": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "name": "postgres-pvc",
            "namespace": "holm"
          },
          "origin": "data.address",
          "strength": "ready"
        },
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "name": "postgres-init",
            "namespace": "holm"
          },
          "on": {
            "group": "",
            "kind": "Secret",
            "name": "postgres-secret",
            "namespace": "holm"
          },
          "origin": "depends_on",
          "strength": "ready"
        }
      ],
      "externals": [
        {
          "group": "",
          "kind": "Namespace",
          "name": "holm"
        }
      ],
      "program": "holm-pg",
      "resources": [
        {
          "resource": {
            "group": "",
            "kind": "Secret",
            "name": "postgres-secret",
            "namespace": "holm"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 227
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "name": "postgres-pvc",
            "namespace": "holm"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 234
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "name": "postgres-init",
            "namespace": "holm"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 242
          }
        }
      ],
      "schema": "holm.graph/v1",
      "selections": [],
      "stack": "default"
    }
    "#);
    let outputs = std::collections::BTreeMap::from([
        ("host".to_owned(), holm_cluster::Output::Plain("postgres.holm.svc".into())),
        ("password".to_owned(), holm_cluster::Output::Sensitive),
        ("address".to_owned(), holm_cluster::Output::Unknown("status.address of Service/holm/postgres".into())),
    ]);
    insta::assert_snapshot!(pretty(&status::outputs(&graph, &outputs)), @r#"
    {
      "outputs": {
        "address": {
          "state": "unknown",
          "waits_for": "status.address of Service/holm/postgres"
        },
        "host": {
          "state": "value",
          "value": "postgres.holm.svc"
        },
        "password": {
          "state": "sensitive"
        }
      },
      "program": "holm-pg",
      "schema": "holm.outputs/v1",
      "stack": "default"
    }
    "#);
}
