use std::time::Duration;

use holm_cluster::Identity;
use holm_core::event::{Event, SkipReason};
use holm_core::plan::Action;

use crate::diagnostic::{Diagnostic, Kind};
use crate::render::sample;

use super::*;

fn checked(text: String) -> String {
    assert!(!text.contains(sample::CANARY), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    text
}

fn identity() -> Identity {
    Identity {
        context: Some("holm-dev".into()),
        server: "https://127.0.0.1:6443".into(),
        version: "v1.37.2".into(),
        ..Identity::default()
    }
}

#[test]
fn the_plan_document_is_this() {
    insta::assert_snapshot!(checked(plan::plan(&sample::busy_plan(), &[], &identity(), Form::Indented)), @r#"
    {
      "schema": "holm.plan/v1",
      "program": "holm-pg",
      "stack": "default",
      "namespace": "holm",
      "cluster": {
        "context": "holm-dev",
        "server": "https://127.0.0.1:6443",
        "version": "v1.37.2"
      },
      "has_changes": true,
      "summary": {
        "adopt": 1,
        "delete": 1,
        "forget": 1,
        "keep": 2,
        "replace": 1,
        "unchanged": 1,
        "unknown": 1,
        "update": 3
      },
      "changes": [
        {
          "resource": {
            "group": "",
            "kind": "Namespace",
            "name": "holm"
          },
          "version": "v1",
          "action": "unchanged",
          "reason": {
            "code": "as_declared",
            "message": "as declared"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "Secret",
            "namespace": "holm",
            "name": "postgres-secret"
          },
          "version": "v1",
          "action": "update",
          "reason": {
            "code": "drift",
            "message": "drift, last written by kubectl-edit at 2026-11-23T20:00:00Z"
          },
          "fields": [
            {
              "path": "data.password",
              "before": {
                "state": "sensitive"
              },
              "after": {
                "state": "sensitive"
              },
              "drift": {
                "manager": "kubectl-edit",
                "time": "2026-11-23T20:00:00Z"
              }
            },
            {
              "path": "data.extra",
              "before": {
                "state": "sensitive"
              },
              "after": {
                "state": "absent"
              },
              "drift": {
                "manager": "kubectl-edit",
                "time": "2026-11-23T20:00:00Z"
              }
            }
          ],
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "postgres-init"
          },
          "version": "v1",
          "action": "update",
          "reason": {
            "code": "declaration",
            "message": "declaration changed"
          },
          "fields": [
            {
              "path": "data[\"init.sql\"]",
              "before": {
                "state": "value",
                "value": "CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\n"
              },
              "after": {
                "state": "value",
                "value": "CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\nCREATE DATABASE backups OWNER holm;\n"
              }
            }
          ],
          "notes": [
            "the script runs only on an empty volume"
          ],
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "namespace": "holm",
            "name": "postgres"
          },
          "version": "v1",
          "action": "update",
          "reason": {
            "code": "declaration_and_drift",
            "message": "declaration changed, and drift"
          },
          "fields": [
            {
              "path": "spec.template.spec.containers[postgres].image",
              "before": {
                "state": "value",
                "value": "postgres:15-alpine"
              },
              "after": {
                "state": "value",
                "value": "postgres:16-alpine"
              }
            },
            {
              "path": "spec.replicas",
              "before": {
                "state": "value",
                "value": 3
              },
              "after": {
                "state": "value",
                "value": 1
              },
              "drift": {
                "manager": "kubectl-scale",
                "time": "2026-11-23T20:00:00Z"
              }
            },
            {
              "path": "spec.template.spec.containers[sidecar]",
              "before": {
                "state": "absent"
              },
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
              }
            },
            {
              "path": "spec.template.spec.containers[postgres].args",
              "before": {
                "state": "value",
                "value": [
                  "-c",
                  "a=1"
                ]
              },
              "after": {
                "state": "absent"
              }
            },
            {
              "path": "spec.template.metadata.annotations[\"holm/address\"]",
              "before": {
                "state": "absent"
              },
              "after": {
                "state": "unknown"
              }
            }
          ],
          "overruled": [
            {
              "field": ".spec.strategy.type",
              "manager": "helm"
            },
            {
              "field": ".spec.replicas",
              "manager": "kubectl-scale"
            },
            {
              "field": ".spec.paused",
              "manager": "helm"
            }
          ],
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "namespace": "holm",
            "name": "exporter"
          },
          "version": "v1",
          "action": "replace",
          "reason": {
            "code": "immutable",
            "message": "cannot be changed in place",
            "causes": [
              "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"pg\"}}: field is immutable"
            ]
          },
          "fields": [
            {
              "path": "spec.selector.matchLabels.app",
              "before": {
                "state": "value",
                "value": "exporter"
              },
              "after": {
                "state": "value",
                "value": "pg-exporter"
              }
            }
          ],
          "unchecked": {
            "code": "replacement",
            "message": "the old object must go first"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "Service",
            "namespace": "holm",
            "name": "postgres"
          },
          "version": "v1",
          "action": "adopt",
          "reason": {
            "code": "not_ours",
            "message": "exists, and is not of this stack"
          },
          "unchecked": {
            "code": "forbidden",
            "message": "forbidden: services \"postgres\" is forbidden: User \"reader\" cannot patch"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "old"
          },
          "version": "v1",
          "action": "delete",
          "reason": {
            "code": "left_program",
            "message": "no longer in the program"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "retained"
          },
          "version": "v1",
          "action": "forget",
          "reason": {
            "code": "retained",
            "message": "stays in the cluster: retain_on_delete"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "namespace": "holm",
            "name": "postgres-pvc"
          },
          "version": "v1",
          "action": "keep",
          "reason": {
            "code": "no_consent",
            "message": "stays: protected, or holds data"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "Namespace",
            "name": "old"
          },
          "version": "v1",
          "action": "keep",
          "reason": {
            "code": "kept_for",
            "message": "stays: PersistentVolumeClaim/postgres-pvc could not live without it"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "Secret",
            "namespace": "holm",
            "name": "hidden"
          },
          "version": "v1",
          "action": "unknown",
          "reason": {
            "code": "unreadable",
            "message": "could not be read: secrets is forbidden"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        }
      ],
      "blockers": []
    }
    "#);
}

#[test]
fn the_blockers_of_a_plan_are_in_its_document() {
    insta::assert_snapshot!(checked(plan::plan(&sample::blocked_plan(), &[], &identity(), Form::Indented)), @r#"
    {
      "schema": "holm.plan/v1",
      "program": "holm-pg",
      "stack": "default",
      "namespace": "holm",
      "cluster": {
        "context": "holm-dev",
        "server": "https://127.0.0.1:6443",
        "version": "v1.37.2"
      },
      "has_changes": true,
      "summary": {
        "create": 1
      },
      "changes": [
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "big"
          },
          "version": "v1",
          "action": "create",
          "reason": {
            "code": "not_in_cluster",
            "message": "not in the cluster"
          },
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 30
          }
        }
      ],
      "blockers": [
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "big"
          },
          "code": "refused",
          "message": "the server refuses it (413 RequestEntityTooLarge): Request entity too large: limit is 3145728",
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 12
          },
          "hint": "split the object up: the API server takes at most about 1.5 MiB"
        },
        {
          "resource": {
            "group": "apps",
            "kind": "Deployment",
            "namespace": "holm",
            "name": "postgres"
          },
          "code": "conflicts",
          "message": ".spec.replicas is owned by \"autoscaler\" with another value",
          "site": {
            "file": "examples/holm-pg/main.rs",
            "line": 12
          }
        }
      ]
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
    let lines: Vec<String> = events.iter().map(|event| super::event::event(event, Duration::from_secs(2))).collect();
    insta::assert_snapshot!(lines.concat(), @r#"
    {"schema":"holm.event/v1","type":"started","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"action":"create"}
    {"schema":"holm.event/v1","type":"written","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"action":"create","seconds":1.234}
    {"schema":"holm.event/v1","type":"waiting","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"readiness":{"state":"InProgress","reason":"Progressing","message":"0 of 1 replicas are available"}}
    {"schema":"holm.event/v1","type":"ready","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"seconds":1.234}
    {"schema":"holm.event/v1","type":"deleted","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"seconds":1.234}
    {"schema":"holm.event/v1","type":"forgotten","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"}}
    {"schema":"holm.event/v1","type":"failed","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"action":"create","failure":{"message":"did not become ready","diagnosis":{"summary":"container postgres ends with exit code 137 again and again","hint":"the last lines of its log say why","is_final":true,"chain":[{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},{"group":"","kind":"ReplicaSet","namespace":"holm","name":"postgres-6b7c9"},{"group":"","kind":"Pod","namespace":"holm","name":"postgres-6b7c9-x2x4z"}],"container":{"name":"postgres","is_init":false,"image":"postgres:15-alpine","reason":"CrashLoopBackOff","message":"back-off 20s restarting failed container","exit_code":137,"exit_meaning":"killed by SIGKILL","restarts":3,"log":["initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty","initdb: \u001b[31mhint\u001b[0m: use a subdirectory"],"log_is_previous":true},"events":[{"reason":"BackOff","message":"Back-off restarting failed container postgres in pod postgres-6b7c9-x2x4z","count":7,"about":{"group":"","kind":"Pod","namespace":"holm","name":"postgres-6b7c9-x2x4z"}}]}}}
    {"schema":"holm.event/v1","type":"skipped","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"action":"delete","because":{"code":"dependency_failed","resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"}}}
    {"schema":"holm.event/v1","type":"warning","elapsed":2.0,"message":"v1 Endpoints is deprecated"}
    {"schema":"holm.event/v1","type":"retrying","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"seconds":1.234,"message":"too many requests"}
    {"schema":"holm.event/v1","type":"stopping","elapsed":2.0}
    "#);
}

#[test]
fn the_report_document_is_this() {
    insta::assert_snapshot!(checked(event::report(&sample::failed_report(), 31)), @r#"{"schema":"holm.report/v1","outcome":"failed","seconds":66.0,"requests":31,"results":[{"resource":{"group":"","kind":"Namespace","name":"holm"},"action":"create","outcome":"done","seconds":1.0},{"resource":{"group":"","kind":"Secret","namespace":"holm","name":"postgres-secret"},"action":"unchanged","outcome":"done","seconds":0.0},{"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"action":"create","outcome":"failed","seconds":64.0,"failure":{"message":"did not become ready","diagnosis":{"summary":"container postgres ends with exit code 137 again and again","hint":"the last lines of its log say why","is_final":true,"chain":[{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},{"group":"","kind":"ReplicaSet","namespace":"holm","name":"postgres-6b7c9"},{"group":"","kind":"Pod","namespace":"holm","name":"postgres-6b7c9-x2x4z"}],"container":{"name":"postgres","is_init":false,"image":"postgres:15-alpine","reason":"CrashLoopBackOff","message":"back-off 20s restarting failed container","exit_code":137,"exit_meaning":"killed by SIGKILL","restarts":3,"log":["initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty","initdb: \u001b[31mhint\u001b[0m: use a subdirectory"],"log_is_previous":true},"events":[{"reason":"BackOff","message":"Back-off restarting failed container postgres in pod postgres-6b7c9-x2x4z","count":7,"about":{"group":"","kind":"Pod","namespace":"holm","name":"postgres-6b7c9-x2x4z"}}]}}},{"resource":{"group":"","kind":"Job","namespace":"holm","name":"migrate"},"action":"create","outcome":"skipped","seconds":0.0,"because":{"code":"dependency_failed","resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"}}},{"resource":{"group":"","kind":"ConfigMap","namespace":"holm","name":"old"},"action":"delete","outcome":"skipped","seconds":0.0,"because":{"code":"nothing_pruned_after_failure"}}]}"#);
}

#[test]
fn the_error_document_is_this() {
    let diagnostic = Diagnostic::new(Kind::NotConfirmed, "nobody is there to ask").hint("give --yes");
    insta::assert_snapshot!(checked(error(&diagnostic)), @r#"{"schema":"holm.error/v1","kind":"not_confirmed","message":"nobody is there to ask","hint":"give --yes"}"#);
}

#[test]
fn the_graph_and_outputs_documents_are_these() {
    let graph = sample::graph();
    insta::assert_snapshot!(checked(status::graph(&graph)), @r#"
    {
      "schema": "holm.graph/v1",
      "program": "holm-pg",
      "stack": "default",
      "resources": [
        {
          "resource": {
            "group": "",
            "kind": "Secret",
            "namespace": "holm",
            "name": "postgres-secret"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 252
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "namespace": "holm",
            "name": "postgres-pvc"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 259
          }
        },
        {
          "resource": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "postgres-init"
          },
          "site": {
            "file": "crates/holm-cli/src/render/sample.rs",
            "line": 267
          }
        }
      ],
      "dependencies": [
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "postgres-init"
          },
          "on": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "namespace": "holm",
            "name": "postgres-pvc"
          },
          "strength": "exists",
          "origin": "depends_on"
        },
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "postgres-init"
          },
          "on": {
            "group": "",
            "kind": "PersistentVolumeClaim",
            "namespace": "holm",
            "name": "postgres-pvc"
          },
          "strength": "ready",
          "origin": "data.address"
        },
        {
          "dependent": {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "holm",
            "name": "postgres-init"
          },
          "on": {
            "group": "",
            "kind": "Secret",
            "namespace": "holm",
            "name": "postgres-secret"
          },
          "strength": "ready",
          "origin": "depends_on"
        }
      ],
      "selections": [],
      "externals": [
        {
          "group": "",
          "kind": "Namespace",
          "name": "holm"
        }
      ]
    }
    "#);
    let outputs = std::collections::BTreeMap::from([
        ("host".to_owned(), holm_cluster::Output::Plain("postgres.holm.svc".into())),
        ("password".to_owned(), holm_cluster::Output::Sensitive),
        ("address".to_owned(), holm_cluster::Output::Unknown("status.address of Service/holm/postgres".into())),
    ]);
    insta::assert_snapshot!(checked(status::outputs(&graph, &outputs, None)), @r#"
    {
      "schema": "holm.outputs/v1",
      "program": "holm-pg",
      "stack": "default",
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
      }
    }
    "#);
}
