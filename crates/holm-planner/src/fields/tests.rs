use serde_json::json;

use super::*;

#[test]
fn values_are_those_of_the_fields_and_no_others() {
    let set = json!({
        "f:data": {".": {}, "f:a": {}},
        "f:spec": {"f:ports": {"k:{\"port\":80}": {".": {}, "f:name": {}}}, "f:finalizers": {"v:\"x\"": {}}},
    });
    let object = json!({
        "data": {"a": "1", "theirs": "2"},
        "spec": {"ports": [{"port": 81, "name": "other"}, {"port": 80, "name": "web"}], "finalizers": ["y", "x"]},
    });
    let read = |object: &Value| values(set.as_object().expect("a map"), object);
    assert_eq!(read(&object), [json!("1"), json!("x"), json!("web")]);
    assert_eq!(read(&json!({})), [Value::Null, Value::Null, Value::Null]);
}

fn declared() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {"app": "d"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "d"}},
            "template": {"spec": {"containers": [{
                "name": "a", "image": "x:1", "args": ["-v"],
                "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
                "resources": {"requests": {"cpu": "1000m"}},
            }]}},
        },
    })
}

fn live() -> Value {
    let mut live = declared();
    live["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]);
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("1");
    live["spec"]["revisionHistoryLimit"] = json!(10);
    live["metadata"]["managedFields"] = json!([
        {"manager": "ours", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": {
                        "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
                        "k:{\"containerPort\":80,\"protocol\":\"UDP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}},
                    },
                    "f:resources": {"f:requests": {"f:cpu": {}}},
                }}}},
            },
        }},
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {
            "f:spec": {"f:paused": {}},
        }},
    ]);
    live
}

#[test]
fn exactly_our_fields_are_a_proof_up_to_spelling() {
    let path = "spec.template.spec.containers[a].resources.requests.cpu".parse().expect("well formed");
    assert_eq!(prove(&declared(), &live(), "ours"), Proof::Owned(vec![path]));
    assert_eq!(prove(&declared(), &live(), "another"), Proof::Different);
}

#[test]
fn a_changed_value_is_a_difference_and_a_changed_set_is_no_proof() {
    let mut changed = declared();
    changed["spec"]["replicas"] = json!(3);
    assert_eq!(prove(&changed, &live(), "ours"), Proof::Different);

    type Edit = fn(&mut Value);
    let edits: [Edit; 6] = [
        |object| object["metadata"]["labels"]["new"] = json!("x"),
        |object| object["spec"]["paused"] = json!(true),
        |object| object["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]),
        |object| object["spec"]["template"]["spec"]["containers"][0]["name"] = json!("b"),
        |object| {
            object["spec"].as_object_mut().expect("a map").remove("replicas");
        },
        |object| object["spec"]["template"]["spec"]["containers"][0]["args"] = json!(null),
    ];
    for (number, edit) in edits.iter().enumerate() {
        let mut changed = declared();
        edit(&mut changed);
        assert_eq!(prove(&changed, &live(), "ours"), Proof::Different, "edit {number}");
    }
}

#[test]
fn another_order_of_keyed_items_is_no_proof() {
    let mut changed = declared();
    let ports = &mut changed["spec"]["template"]["spec"]["containers"][0]["ports"];
    ports.as_array_mut().expect("a list").reverse();
    assert_eq!(prove(&changed, &live(), "ours"), Proof::Different);
    // Items of others between ours change nothing.
    let mut injected = live();
    let ports = injected["spec"]["template"]["spec"]["containers"][0]["ports"].as_array_mut().expect("a list");
    ports.insert(1, json!({"containerPort": 9, "protocol": "TCP"}));
    ports.insert(0, json!({"containerPort": 8, "protocol": "TCP"}));
    assert!(matches!(prove(&declared(), &injected, "ours"), Proof::Owned(_)));
}

#[test]
fn another_version_of_the_record_is_no_proof() {
    let mut live = live();
    live["metadata"]["managedFields"][0]["apiVersion"] = declared()["apiVersion"].clone();
    assert!(matches!(prove(&declared(), &live, "ours"), Proof::Owned(_)));
    live["metadata"]["managedFields"][0]["apiVersion"] = json!("apps/v1beta2");
    assert_eq!(prove(&declared(), &live, "ours"), Proof::Different);
}

#[test]
fn the_last_writer_is_the_newest_other_owner() {
    let path = |text: &str| text.parse::<FieldPath>().expect("well formed");
    let writer = last_writer(&live(), &path("spec.paused"), "ours").expect("somebody owns it");
    assert_eq!(writer.manager, "kubectl-edit");
    assert_eq!(last_writer(&live(), &path("spec.replicas"), "ours"), None);
    assert_eq!(last_writer(&live(), &path("spec.replicas"), "x").map(|writer| writer.manager), Some("ours".into()));
    // A selector is owned as a whole, so what is below it is owned too.
    let ours = applied_by(&live(), "ours").expect("ours").clone();
    assert!(contains(&ours, &path("spec.selector.matchLabels.app")));
    assert!(contains(&ours, &path("spec.template.spec.containers[a].image")));
    assert!(!contains(&ours, &path("spec.template.spec.containers[b].image")));
    assert!(!contains(&ours, &path("spec.paused")));
}

#[test]
fn list_keys_are_learned_from_the_sets() {
    let mut shapes = ListShapes::default();
    shapes.learn(&live());
    let place = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(shapes.get(&place("spec.template.spec.containers")), Some(&Shape::Keys(vec!["name".into()])));
    assert_eq!(
        shapes.get(&place("spec.template.spec.containers.[].ports")),
        Some(&Shape::Keys(vec!["containerPort".into(), "protocol".into()]))
    );
}
