//! Every built-in kind, in each of the ways in which an object can be added.

use std::collections::BTreeSet;

use holm_e2e::{ControlPlane, Program, Session, is_embedded, yaml};
use serde_json::{Value, json};

/// Kinds of which a person cannot make an object, or which are another name of one that is here.
const LEFT_OUT: [(&str, &str); 2] = [
    ("events", "the same objects as events.k8s.io"),
    ("podcertificaterequests.certificates.k8s.io", "only a node may make one, for a pod of its own"),
];

/// The kind that the embedded cluster does not have: it has no aggregated APIs.
const ONLY_REAL: (&str, &str) = ("APIService", "apiservices.apiregistration.k8s.io");

const NAMESPACE: &str = "every-kind";

/// One object of each kind that the cluster serves.
fn objects() -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/data/kinds.yaml", env!("CARGO_MANIFEST_DIR")));
    let mut objects = yaml(&text.expect("the file is part of the tests"));
    if is_embedded() {
        let (all, (left_out, _)) = (objects.len(), ONLY_REAL);
        objects.retain(|object| object["kind"] != left_out);
        assert_eq!(objects.len(), all - 1, "{left_out} is in the file");
    }
    // A pod whose node goes before it is collected after 40 seconds only, so none may come to this one.
    let node = objects.iter_mut().find(|object| object["kind"] == "Node").expect("the file has a node");
    node["spec"] = json!({"unschedulable": true});
    objects
}

fn workspace(session: &Session, arguments: &[&str], source: &str) -> Program {
    let file = session.home().join("kinds.yaml");
    if !file.exists() {
        // JSON is YAML.
        let documents: Vec<String> = objects().iter().map(Value::to_string).collect();
        std::fs::write(&file, documents.join("\n---\n")).expect("the home can be written to");
    }
    session.workspace("kinds", arguments).config("file", &file.display().to_string()).config("source", source)
}

/// Writes the status of the one object of a kind, as its controller would.
fn report(session: &Session, kind: &str, status: &Value) {
    session.cluster.patch_status(kind, "", "every-kind", status);
}

#[test]
fn one_object_of_every_kind_applies_and_then_plans_empty_however_it_was_added() {
    let session = Session::new(ControlPlane::shared("kinds"), NAMESPACE);

    let objects = objects();
    let served = session.cluster.api_resources(&["create", "list", "patch", "delete"]);
    let mut left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(name, _)| *name).collect();
    if is_embedded() {
        left_out.insert(ONLY_REAL.1);
    }
    let asked = served.iter().filter(|name| !left_out.contains(name.as_str())).count();
    assert_eq!(asked, objects.len(), "the file has one object of each of {served:#?}");

    // The three ways declare the same.
    let plan = |source: &str| {
        let plan = session.run(&workspace(&session, &["plan", "--output", "json"], source));
        plan.expect_code(0);
        let mut document = plan.plan().value;
        for change in document["changes"].as_array_mut().expect("a list") {
            // The lines of the program differ.
            change.as_object_mut().expect("a map").remove("site");
        }
        document
    };
    let first = plan("types");
    assert_eq!(plan("manifests"), first);
    assert_eq!(plan("yaml"), first);

    let mut applying = workspace(&session, &["apply", "--yes", "--timeout", "60s"], "types").start();
    // Two kinds are done only when a controller says so that is no part of Kubernetes: a CSI attacher, and a migrator.
    applying.wait_for("the volume is not attached yet");
    report(&session, "volumeattachment", &json!({"attached": true}));
    applying.wait_for("StorageVersionMigration/every-kind");
    let succeeded = json!({"conditions": [{
        "type": "Succeeded", "status": "True", "reason": "Done", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]});
    report(&session, "storageversionmigration", &succeeded);
    let applied = session.keep(applying.wait());
    applied.expect_code(0);
    let deprecated = applied.stderr.lines().filter(|line| line.contains("v1 Endpoints is deprecated")).count();
    assert_eq!(deprecated, 1, "what the server warns of is said once\n{applied}");
    applied.expect_line(&["warning:", "Endpoints/every-endpoints", "deprecated"]);
    for source in ["types", "manifests", "yaml"] {
        for arguments in [&["plan", "--detailed-exitcode"][..], &["plan", "--detailed-exitcode", "--thorough"]] {
            session.run(&workspace(&session, arguments, source)).expect_code(0).expect("No changes");
        }
    }
    let audit = session.audit();
    session.run(&workspace(&session, &["apply", "--yes"], "types")).expect_code(0);
    audit.assert_nothing_mutated();

    // And all of it goes again.
    let objects = objects.iter().map(|object| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
    });
    let consent = objects.chain([format!("Namespace/{NAMESPACE}")]).collect::<Vec<_>>().join(",");
    let destroyed = session.run(&workspace(
        &session,
        // The garbage collector stands still for a while when a definition has just gone.
        &["destroy", "--yes", "--allow-delete", &consent, "--timeout", "5m"],
        "yaml",
    ));
    destroyed.expect_code(0);
    assert_eq!(session.cluster.get("namespace", "", NAMESPACE), None);
}
