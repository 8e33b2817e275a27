use std::time::Duration;

use holm_cluster::Identity;
use holm_executor::event::{Event, SkipReason};
use holm_planner::plan::Action;

use crate::diagnostic::{Diagnostic, Kind};
use crate::render::sample;

use super::*;

mod plan_document;

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
fn the_event_lines_are_these() {
    let id = sample::id("Deployment", "postgres");
    let after = Duration::from_millis(1234);
    let events = [
        Event::Started { id: id.clone(), action: Action::Create },
        Event::Written { id: id.clone(), action: Action::Create, after },
        Event::Waiting {
            id: id.clone(),
            readiness: holm_readiness::Readiness {
                state: holm_readiness::State::InProgress,
                reason: "Progressing".into(),
                message: "0 of 1 replicas are available".into(),
            },
        },
        Event::Ready { id: id.clone(), after, note: None },
        Event::Ready { id: id.clone(), after, note: Some("no pod has changed".into()) },
        Event::Log { id: id.clone(), pod: "postgres-1".into(), container: "c".into(), line: "starting".into() },
        Event::Deleted { id: id.clone(), after },
        Event::Released { id: id.clone() },
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
    {"schema":"holm.event/v1","type":"ready","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"seconds":1.234,"message":"no pod has changed"}
    {"schema":"holm.event/v1","type":"log","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"message":"starting","pod":"postgres-1","container":"c"}
    {"schema":"holm.event/v1","type":"deleted","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"},"seconds":1.234}
    {"schema":"holm.event/v1","type":"released","elapsed":2.0,"resource":{"group":"apps","kind":"Deployment","namespace":"holm","name":"postgres"}}
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

/// The document without the numbers of the sample's own lines, each of which is one.
fn without_lines(document: &str) -> String {
    let line = |line: &str| match line.split_once("\"line\": ") {
        Some((before, number)) => {
            assert!(number.parse::<u32>().is_ok_and(|number| number > 0), "{line}");
            format!("{before}\"line\": (a line)")
        }
        None => line.to_owned(),
    };
    document.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_graph_and_outputs_documents_are_these() {
    let graph = sample::graph();
    insta::assert_snapshot!(without_lines(&checked(status::graph(&graph))), @r#"
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
            "line": (a line)
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
            "line": (a line)
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
            "line": (a line)
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
