//! What is whose: objects that other clients or other stacks made are neither deleted nor replaced nor adopted without consent,
//! and what was adopted is released with every value that it has.

use holm_e2e::{ControlPlane, Finished, Session};
use serde_json::{Value, json};

const SET: &str = "applyset.kubernetes.io/part-of";

/// A session whose namespace another client made.
fn begun(name: &str) -> Session {
    let session = Session::new(ControlPlane::shared("ownership"), name);
    session.cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    session
}

/// Runs a verb on a stack of these objects, which does not declare its namespace.
fn run(session: &Session, arguments: &[&str], objects: &[Value]) -> Finished {
    let file = session.home().join("objects.yaml");
    let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
    std::fs::write(&file, documents.join("\n---\n")).expect("the home can be written");
    let program = session.workspace("manifests", arguments).config("new", "no");
    session.run(&program.config("file", &file.to_string_lossy()))
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn deployment(app: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
}

fn job(image: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mig"}, "spec": {"suspend": true,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}}})
}

fn secret(kind: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "type": kind, "data": data})
}

fn in_namespace(mut object: Value, session: &Session) -> Value {
    object["metadata"]["namespace"] = json!(session.namespace);
    object
}

fn uid(session: &Session, kind: &str, name: &str) -> Value {
    session.cluster.must_get(kind, &session.namespace, name)["metadata"]["uid"].clone()
}

#[test]
fn what_another_client_made_is_never_replaced_without_its_name() {
    let session = begun("foreign-replace");
    let mut shared = config_map("shared", json!({"precious": "x"}));
    shared["immutable"] = json!(true);
    for object in [deployment("theirs"), job("theirs:1"), secret("Opaque", json!({"key": "b25seSBjb3B5"})), shared] {
        session.cluster.create(&in_namespace(object, &session));
    }
    let mut mine = config_map("shared", json!({"mine": "x"}));
    mine["immutable"] = json!(true);
    let tls = secret("kubernetes.io/tls", json!({"tls.crt": "Yw==", "tls.key": "aw=="}));
    let objects = [deployment("mine"), job("mine:1"), tls, mine];
    let kinds = [("deployment", "web"), ("job", "mig"), ("secret", "tls"), ("configmap", "shared")];
    let before = kinds.map(|(kind, name)| uid(&session, kind, name));
    let audit = session.audit();
    for consent in [&["apply", "--yes"][..], &["apply", "--yes", "--adopt", "all"], &["plan"]] {
        let refused = run(&session, consent, &objects);
        refused.expect_code(1).expect("not managed by this stack").expect_not("-/+");
    }
    audit.assert_nothing_mutated();
    assert_eq!(kinds.map(|(kind, name)| uid(&session, kind, name)), before);
    // Named, one of them is.
    let consent = ["apply", "--yes", "--allow-delete", "ConfigMap/shared"];
    run(&session, &consent, &objects[3..]).expect_code(0).expect("because that was agreed to by its name");
    assert_eq!(session.cluster.must_get("configmap", "foreign-replace", "shared")["data"], json!({"mine": "x"}));
}

#[test]
fn what_is_adopted_is_released_with_every_value() {
    let session = begun("adopted-released");
    let theirs = config_map("theirs", json!({"ours": "old", "precious": "x"}));
    session.cluster.create(&in_namespace(theirs, &session));
    let objects = [config_map("theirs", json!({"ours": "new"})), config_map("made", json!({"a": "1"}))];
    let refused = run(&session, &["apply", "--yes"], &objects);
    refused.expect_code(1).expect("ConfigMap/adopted-released/theirs is not managed by this stack");
    refused.expect("--adopt ConfigMap/theirs");
    assert!(session.cluster.get("configmap", "adopted-released", "made").is_none(), "nothing was changed");
    run(&session, &["apply", "--yes", "--adopt", "ConfigMap/theirs"], &objects).expect_code(0).expect("1 adopted");
    run(&session, &["plan", "--detailed-exitcode"], &objects).expect_code(0);

    let destroyed = run(&session, &["destroy", "--yes"], &objects);
    destroyed.expect_code(0).expect("1 deleted, 1 released");
    let left = session.cluster.must_get("configmap", "adopted-released", "theirs");
    assert_eq!(left["data"], json!({"ours": "new", "precious": "x"}));
    assert!(left["metadata"].get("labels").is_none(), "{left}");
    let managers = left["metadata"]["managedFields"].to_string();
    assert!(!managers.contains("holm."), "{managers}");
    // Released, it is another client's again.
    run(&session, &["apply", "--yes"], &objects).expect_code(1).expect("is not managed by this stack");
}

#[test]
fn an_object_that_only_this_stack_applied_is_released_with_every_value_too() {
    let session = begun("released-alone");
    let objects = [config_map("only", json!({"a": "1"}))];
    run(&session, &["apply", "--yes"], &objects).expect_code(0);
    // A row of an adopted object, as if another client had made it.
    let name = "holm.manifests.default";
    let inventory = session.cluster.must_get("configmap", "released-alone", name);
    let text = inventory["data"]["inventory.json"].as_str().expect("it is small");
    let mut document: Value = serde_json::from_str(text).expect("it is JSON");
    document["objects"][0]["adopted"] = json!(true);
    session.cluster.patch(
        "configmap",
        "released-alone",
        name,
        &json!({"data": {"inventory.json": document.to_string()}}),
    );
    run(&session, &["destroy", "--yes"], &objects).expect_code(0).expect("1 released").expect_not("deleted");
    let left = session.cluster.must_get("configmap", "released-alone", "only");
    assert_eq!((&left["data"], left["metadata"].get("labels")), (&json!({"a": "1"}), None));
    assert!(!left["metadata"]["managedFields"].to_string().contains("holm."), "{left}");
}

#[test]
fn a_row_or_a_label_alone_deletes_nothing() {
    let session = begun("one-sign");
    let namespace = session.namespace.clone();
    let objects = [config_map("kept", json!({"a": "1"})), config_map("unlabelled", json!({"a": "1"}))];
    run(&session, &["apply", "--yes"], &objects).expect_code(0);
    session.cluster.patch("configmap", &namespace, "unlabelled", &json!({"metadata": {"labels": {SET: null}}}));
    // An object of others gets our label, and another one a row with its true uid.
    let set = session.cluster.must_get("configmap", &namespace, "kept")["metadata"]["labels"][SET].clone();
    let mut labelled = config_map("labelled", json!({"a": "1"}));
    labelled["metadata"]["labels"] = json!({SET: set});
    session.cluster.create(&in_namespace(labelled, &session));
    session.cluster.create(&in_namespace(config_map("forged", json!({"a": "1"})), &session));
    let inventory = session.cluster.must_get("configmap", &namespace, "holm.manifests.default");
    let text = inventory["data"]["inventory.json"].as_str().expect("it is small");
    let mut document: Value = serde_json::from_str(text).expect("it is JSON");
    let row =
        |name: &str, uid: Value| json!({"kind": 0, "namespace": namespace, "name": name, "uid": uid, "digest": "d"});
    let rows = document["objects"].as_array_mut().expect("rows");
    rows.push(row("forged", uid(&session, "configmap", "forged")));
    rows.push(row("labelled", json!("another")));
    let patch = json!({"data": {"inventory.json": document.to_string()}});
    session.cluster.patch("configmap", &namespace, "holm.manifests.default", &patch);

    run(&session, &["destroy", "--yes"], &objects).expect_code(0).expect("1 deleted, 3 released");
    for name in ["unlabelled", "labelled", "forged"] {
        assert_eq!(session.cluster.must_get("configmap", &namespace, name)["data"], json!({"a": "1"}), "{name}");
    }
    assert!(session.cluster.get("configmap", &namespace, "kept").is_none());
}

#[test]
fn a_lost_inventory_is_recovered_without_any_consent() {
    let session = begun("recovered");
    let objects = [config_map("a", json!({"a": "1"})), deployment("web")];
    run(&session, &["apply", "--yes"], &objects).expect_code(0);
    session.cluster.delete("configmap", "recovered", "holm.manifests.default");
    run(&session, &["apply", "--yes"], &objects).expect_code(0).expect_not("adopt");
    run(&session, &["destroy", "--yes"], &objects).expect_code(0).expect("2 deleted");
}

#[test]
fn the_objects_of_another_stack_are_refused_once_with_its_name() {
    let session = begun("two-stacks");
    let objects = ["a", "b", "c"].map(|name| config_map(name, json!({"a": "1"})));
    run(&session, &["apply", "--yes"], &objects).expect_code(0);
    let typo = run(&session, &["apply", "--yes", "--stack", "typo"], &objects);
    typo.expect_code(1).expect("plan blocked by 1 error");
    typo.expect("are managed by manifests/default, inventory ConfigMap two-stacks/holm.manifests.default");
    typo.expect_not("applyset-");
    let status = run(&session, &["status", "--stack", "typo"], &objects);
    status.expect_code(1).expect("3 not managed by this stack").expect("managed by manifests/default");
    run(&session, &["destroy", "--yes", "--stack", "typo"], &objects).expect_code(0);
    run(&session, &["status", "--detailed-exitcode"], &objects).expect_code(0).expect("3 Current");
}

#[test]
fn a_config_map_with_the_name_of_the_inventory_is_not_written() {
    let session = begun("not-inventory");
    let theirs = config_map("holm.manifests.default", json!({"precious": "x"}));
    session.cluster.create(&in_namespace(theirs, &session));
    let objects = [config_map("a", json!({"a": "1"}))];
    for verb in [&["apply", "--yes"][..], &["destroy", "--yes"], &["plan"], &["status"]] {
        run(&session, verb, &objects).expect_code(1).expect("has the name of the inventory but is not one");
    }
    let left = session.cluster.must_get("configmap", "not-inventory", "holm.manifests.default");
    assert_eq!(left["data"], json!({"precious": "x"}));
}

#[test]
fn a_generated_value_that_is_lost_is_made_anew_only_by_name() {
    let session = Session::new(ControlPlane::shared("ownership"), "lost-value");
    let many = |arguments: &[&str]| {
        session.run(&session.workspace("many", arguments).config("count", "1").config("secrets", "1"))
    };
    many(&["apply", "--yes"]).expect_code(0);
    let first = session.secret("lost-value", "secret-000", "value");
    session.cluster.delete("secret", "lost-value", "secret-000");
    let refused = many(&["apply", "--yes"]);
    refused.expect_code(1).expect("the generated value \"value-000\" is lost").expect("--regenerate value-000");
    assert!(session.cluster.get("secret", "lost-value", "secret-000").is_none());
    many(&["apply", "--yes", "--regenerate", "value-00"]).expect_code(1).expect("no generated value of that name");
    many(&["apply", "--yes", "--regenerate", "value-000"]).expect_code(0);
    let second = session.secret("lost-value", "secret-000", "value");
    assert_ne!(first, second);
    // The same flag rotates a value that is there.
    many(&["apply", "--yes", "--regenerate", "value-000"]).expect_code(0).expect("1 updated");
    let third = session.secret("lost-value", "secret-000", "value");
    assert_ne!(second, third);
    many(&["plan", "--detailed-exitcode"]).expect_code(0);
    // One that a person changed is kept, and the person is named.
    session.cluster.patch("secret", "lost-value", "secret-000", &json!({"data": {"value": "Y2hhbmdlZA=="}}));
    many(&["plan"]).expect_code(0).expect("the generated value \"value-000\"").expect("was changed by kubectl");
    many(&["apply", "--yes"]).expect_code(0);
    assert_eq!(session.secret("lost-value", "secret-000", "value"), "changed");
}
