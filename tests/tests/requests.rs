//! What the API server knows of who sends its requests.

use std::collections::BTreeSet;

use holm_e2e::{Audit, ControlPlane, Session};

/// What the version of every crate of this workspace is.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: reports.requests.example.org}
spec:
  group: requests.example.org
  scope: Namespaced
  names: {plural: reports, singular: report, kind: Report, listKind: ReportList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
apiVersion: requests.example.org/v1
kind: Report
metadata: {name: weekly}
spec: {day: 1}
";

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("requests"), name)
}

/// Fails the test when a request names another sender, or when there was none of a kind that `kinds` names.
#[track_caller]
fn assert_all_sent_by(audit: &Audit, sender: &str, kinds: &[&str]) {
    let Some(requests) = audit.requests() else { return };
    let strangers: Vec<String> = requests
        .iter()
        .filter(|request| request.user_agent != sender)
        .map(|request| format!("{request} by {:?}", request.user_agent))
        .collect();
    assert!(strangers.is_empty(), "not sent by {sender}:\n{}", strangers.join("\n"));
    let seen: BTreeSet<String> = requests.counts().into_keys().collect();
    let missing: Vec<&&str> = kinds.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "there was no {missing:?} among {seen:#?}");
}

#[test]
fn every_request_names_the_program_and_the_stack() {
    let session = begun("senders");
    let run = |arguments: &[&str], image: &str| {
        let program = session.workspace("variant-pg", arguments).args(["--stack", "eu-west"]);
        session.run(&program.config("image", &format!("registry.test/postgres:{image}")))
    };
    let audit = session.audit();
    run(&["plan"], "15").expect_code(0);
    run(&["apply", "--yes", "--timeout", "60s"], "crash-loop").expect_code(1);
    run(&["apply", "--yes"], "15").expect_code(0);
    run(&["status"], "15").expect_code(0);
    run(&["outputs"], "15").expect_code(0);
    let consent = "PersistentVolumeClaim/postgres-pvc,Secret/postgres-secret,Namespace/senders";
    run(&["destroy", "--yes", "--allow-delete", consent], "15").expect_code(0);
    let kinds = [
        "get /version",
        "get namespaces",
        "list pods",
        "get pods",
        "list events",
        "watch deployments",
        "patch deployments",
        "patch deployments (dry run)",
        "create configmaps",
        "delete deployments",
        "delete namespaces",
    ];
    assert_all_sent_by(&audit, &format!("holm/{VERSION} (variant-pg/eu-west)"), &kinds);
}

#[test]
fn discovery_names_the_program_and_the_stack() {
    let session = begun("discoverers");
    let file = session.home().join("definition.yaml");
    std::fs::write(&file, DEFINITION).expect("the home can be written to");
    let audit = session.audit();
    let program = session.workspace("manifests", &["apply", "--yes", "--timeout", "60s"]);
    session.run(&program.config("file", &file.display().to_string())).expect_code(0);
    let kinds = ["get /version", "get /apis/requests.example.org/v1", "patch reports"];
    assert_all_sent_by(&audit, &format!("holm/{VERSION} (manifests/default)"), &kinds);
}

#[test]
fn a_name_that_is_no_name_sends_nothing() {
    let session = begun("nameless");
    let audit = session.audit();
    let program = session.workspace("variant-pg", &["plan", "--stack", "a) curl/8 (b"]);
    session.run(&program).expect_code(1).expect("stack name");
    assert_eq!(audit.requests().unwrap_or_default().len(), 0);
}
