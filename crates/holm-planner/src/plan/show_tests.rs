use serde_json::json;

use super::*;
use holm_core::sensitive::Sensitive;
use holm_core::{Configured, Declaration, IntoResource, Manifest, ResourceOption, Stack, Untyped};

fn place() -> InventoryPlace {
    InventoryPlace::of("test", "default", Some("n"))
}

fn graph(object: Value, secrets: &[(&str, &str)]) -> Graph {
    let stack = Stack::new("test", "default", Some("n"));
    let mut declaration = Manifest::new(object).into_declaration();
    for (path, value) in secrets {
        declaration.inputs.insert(path.parse().expect("well formed"), Sensitive::from(*value).into());
    }
    stack.add(Declared(declaration));
    stack.build().unwrap_or_else(|problems| unreachable!("{problems}"))
}

struct Declared(Declaration);

impl IntoResource for Declared {
    type Kind = Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        self.0
    }
}

fn deployment(env: Value, args: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "x:1", "env": env, "args": args}]},
            },
        },
    })
}

/// The differences from `live` to `after` as lines, where these paths were sensitive before.
fn lines(graph: &Graph, formerly: &[&str], live: &Value, after: &Value) -> String {
    let resource = &graph.resources()[0];
    let formerly: Vec<FieldPath> = formerly.iter().map(|path| path.parse().expect("well formed")).collect();
    let mut redactor = Redactor::default();
    for held in secret::held(&resource.id, live, &formerly) {
        held.teach(&mut redactor);
    }
    let masks = Masks::of(resource, &formerly, &redactor);
    let fields = masks.changes(&resource.id, live, after, Extent::Full, &place(), false);
    let text = |shown: &Shown| match shown {
        Shown::Value(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    fields.iter().map(|field| format!("{}: {} -> {}\n", field.path, text(&field.before), text(&field.after))).collect()
}

const TOKEN: &str = "spec.template.spec.containers[c].env[TOKEN].value";

#[test]
fn what_was_sensitive_stays_masked_when_it_leaves_moves_or_becomes_plain() {
    let live = deployment(json!([{"name": "TOKEN", "value": "old-token-1"}, {"name": "A", "value": "1"}]), json!([]));
    let left = deployment(json!([{"name": "A", "value": "old-token-1 as well"}]), json!([]));
    let graph = graph(left.clone(), &[]);
    insta::assert_snapshot!(lines(&graph, &[TOKEN], &live, &left), @r#"
        spec.template.spec.containers[c].env[A].value: "1" -> "(sensitive) as well"
        spec.template.spec.containers[c].env[TOKEN].name: "TOKEN" -> Absent
        spec.template.spec.containers[c].env[TOKEN].value: Sensitive -> Absent
        "#);
    let plain = deployment(json!([{"name": "TOKEN", "value": "plain"}, {"name": "A", "value": "1"}]), json!([]));
    insta::assert_snapshot!(lines(&graph, &[TOKEN], &live, &plain), @"spec.template.spec.containers[c].env[TOKEN].value: Sensitive -> Sensitive");
    let moved = deployment(
        json!([{"name": "A", "value": "1"}, {"name": "KEY", "value": "old-token-1"}]),
        json!(["old-token-1"]),
    );
    insta::assert_snapshot!(lines(&graph, &[TOKEN], &live, &moved), @r#"
        spec.template.spec.containers[c].args[0]: Absent -> "(sensitive)"
        spec.template.spec.containers[c].env[KEY].name: Absent -> "KEY"
        spec.template.spec.containers[c].env[KEY].value: Absent -> "(sensitive)"
        spec.template.spec.containers[c].env[TOKEN].name: "TOKEN" -> Absent
        spec.template.spec.containers[c].env[TOKEN].value: Sensitive -> Absent
        "#);
}

#[test]
fn a_sensitive_value_is_masked_however_its_item_is_addressed() {
    let env = |pin: &str| json!([{"name": "SIDECAR", "value": "1"}, {"name": "PIN", "value": pin}]);
    let path = "spec.template.spec.containers[0].env[1].value";
    let graph = graph(deployment(env("7"), json!(["--pin", "7"])), &[(path, "7")]);
    let live = deployment(env("6"), json!(["--pin", "6"]));
    let after = deployment(env("7"), json!(["--pin", "7", "--more"]));
    let arguments = "spec.template.spec.containers[c].args[1]";
    insta::assert_snapshot!(lines(&graph, &[arguments], &live, &after), @r#"
        spec.template.spec.containers[c].args[1]: Sensitive -> Sensitive
        spec.template.spec.containers[c].args[2]: Absent -> "--more"
        spec.template.spec.containers[c].env[PIN].value: Sensitive -> Sensitive
        "#);
}

#[test]
fn an_item_that_is_declared_by_its_position_is_found_behind_one_that_was_injected() {
    let path = "spec.template.spec.containers[0].env[0].value";
    let graph = graph(deployment(json!([{"name": "PIN"}]), json!([])), &[(path, "7")]);
    let after = deployment(json!([{"name": "PIN", "value": "7"}]), json!([]));
    let mut live = deployment(json!([{"name": "INJECTED", "value": "1"}, {"name": "PIN", "value": "6"}]), json!([]));
    let containers = live["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a list");
    containers.insert(0, json!({"name": "sidecar", "image": "s:1", "env": [{"name": "OTHER", "value": "5"}]}));
    let mut with_both = live.clone();
    with_both["spec"]["template"]["spec"]["containers"][1] = after["spec"]["template"]["spec"]["containers"][0].clone();
    with_both["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("4");
    insta::assert_snapshot!(lines(&graph, &[], &live, &with_both), @r#"
        spec.template.spec.containers[sidecar].env[OTHER].value: "5" -> "4"
        spec.template.spec.containers[c].env[PIN].value: Sensitive -> Sensitive
        spec.template.spec.containers[c].env[INJECTED].name: "INJECTED" -> Absent
        spec.template.spec.containers[c].env[INJECTED].value: "1" -> Absent
        "#);
}

#[test]
fn a_sensitive_item_is_masked_in_a_list_that_is_shown_as_a_whole() {
    let live = deployment(json!([]), json!(["--pin", "6"]));
    let mut after = live.clone();
    after["spec"]["template"]["spec"]["containers"][0].as_object_mut().expect("a container").remove("args");
    let graph = graph(after.clone(), &[]);
    insta::assert_snapshot!(lines(&graph, &["spec.template.spec.containers[c].args[1]"], &live, &after), @r#"spec.template.spec.containers[c].args: ["--pin","(sensitive)"] -> Absent"#);
}

#[test]
fn the_address_of_an_item_is_no_way_around_the_mask() {
    let object = |finalizers: Value| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": finalizers,
            "managedFields": [{"manager": "other", "operation": "Update", "fieldsV1": {"f:metadata": {"f:finalizers":
                {".": {}, "v:\"example.org/a-secret-7\"": {}}}}}]}})
    };
    let graph = graph(object(json!([])), &[]);
    let live = object(json!(["example.org/a-secret-7"]));
    insta::assert_snapshot!(lines(&graph, &["metadata.finalizers[0]"], &live, &object(json!(["example.org/b"]))), @r#"
        metadata.finalizers[="example.org/b"]: Absent -> Sensitive
        metadata.finalizers[="(sensitive)"]: Sensitive -> Absent
        "#);
}

#[test]
fn the_values_of_live_objects_are_known_wherever_they_turn_up() {
    let object = deployment(json!([{"name": "TOKEN"}]), json!([]));
    let graph = graph(object, &[(TOKEN, "new-token-2")]);
    let id = graph.resources()[0].id.clone();
    let live = deployment(json!([{"name": "TOKEN", "value": "old-token-1"}]), json!([]));
    let mut observed = Observed::default();
    observed.live.insert(id, crate::observe::Live::found(&live));
    observed.generated.insert("p".into(), GeneratedState::Found("made-before".into()));
    let redactor = redactor(&graph, &observed);
    let text = "was old-token-1, is new-token-2, made-before and other";
    assert_eq!(redactor.scrub(text), "was (sensitive), is (sensitive), (sensitive) and other");
}
