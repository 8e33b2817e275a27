//! The document of a plan.

use holm_planner::plan::FieldChange;

use super::*;
use crate::json::plan::PlanDocument;

#[test]
fn the_plan_document_is_this() {
    insta::assert_snapshot!(checked(PlanDocument::of(&sample::busy_plan(), &[], &[], &identity()).to_json(Form::Indented)), @r#"
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
        "keep": 2,
        "release": 1,
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
          "secrets": [
            {
              "path": "data.extra",
              "action": "remove"
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
            "code": "not_managed",
            "message": "not managed by this stack"
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
          "action": "release",
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
    insta::assert_snapshot!(checked(PlanDocument::of(&sample::blocked_plan(), &[], &[], &identity()).to_json(Form::Indented)), @r#"
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
fn the_warnings_of_a_declaration_are_in_its_document() {
    let graph = sample::graph();
    let document = PlanDocument::of(&sample::busy_plan(), &[], graph.warnings(), &identity()).to_json(Form::Indented);
    let mut document: serde_json::Value = serde_json::from_str(&document).expect("a document is JSON");
    // The line of the sample moves with the sample.
    let line = document["warnings"][0]["site"]["line"].take();
    assert!(line.as_u64().is_some_and(|line| line > 1), "{line}");
    insta::assert_snapshot!(format!("{:#}", document["warnings"]), @r#"
        [
          {
            "code": "secret_in_plain_text",
            "field": "data.token",
            "hint": "keep the value in a Secret, or call .in_plain_text() on it if this is intended",
            "message": "a sensitive value is stored in plain text; everyone who can read the ConfigMap can read it",
            "resource": {
              "group": "",
              "kind": "ConfigMap",
              "name": "postgres-init",
              "namespace": "holm"
            },
            "site": {
              "file": "crates/holm-cli/src/render/sample.rs",
              "line": null
            }
          }
        ]
        "#);
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let mut plans = [sample::first_plan(), sample::busy_plan(), sample::blocked_plan()];
    plans[1].changes[0].fields.push(FieldChange::new(
        "spec.nothing".parse().expect("a path"),
        Shown::Value(Value::Null),
        Shown::Absent,
    ));
    for plan in &plans {
        let document = PlanDocument::of(plan, &[], sample::graph().warnings(), &identity());
        for form in [Form::Line, Form::Indented] {
            assert_eq!(PlanDocument::parse(&checked(document.to_json(form))).expect("it is read"), document);
        }
        // What a later version adds is let pass.
        let more = document.to_json(Form::Line).replacen('{', "{\"added\":[1],", 1);
        assert_eq!(PlanDocument::parse(&more).expect("it is read"), document);
    }
    let newer = PlanDocument::of(&plans[0], &[], &[], &identity()).to_json(Form::Line).replace("plan/v1", "plan/v2");
    let error = PlanDocument::parse(&newer).expect_err("it is another schema").to_string();
    assert_eq!(error, "the document is of the schema \"holm.plan/v2\", and this version reads holm.plan/v1");
    assert!(PlanDocument::parse("{").is_err());
}

#[test]
fn of_secret_values_only_the_path_and_what_becomes_of_it_is_written() {
    let path = |text: &str| text.parse().expect("a path");
    let field = |text: &str, before, after| FieldChange::new(path(text), before, after);
    let mut plan = sample::busy_plan();
    plan.changes.truncate(1);
    let change = &mut plan.changes[0];
    change.secrets = ["data.kept", "data.changed", "data.new"].map(path).to_vec();
    change.fields = vec![
        field("data.changed", Shown::Sensitive, Shown::Sensitive),
        field("data.new", Shown::Absent, Shown::Sensitive),
        field("data.old", Shown::Sensitive, Shown::Absent),
    ];
    let actions = |plan: &holm_planner::plan::Plan| -> Vec<String> {
        let document = PlanDocument::of(plan, &[], &[], &identity());
        document.changes[0].secrets.iter().map(|secret| format!("{} {}", secret.path, secret.action)).collect()
    };
    assert_eq!(actions(&plan), ["data.kept keep", "data.changed change", "data.new create", "data.old remove"]);
    plan.changes[0].action = Action::Create;
    plan.changes[0].fields.clear();
    assert_eq!(actions(&plan), ["data.kept create", "data.changed create", "data.new create"]);
}
