//! What lies outside the stack: that it is there, and has what is used of it.

use holm_core::Ref;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};

use super::*;

/// A pod that reads a key of a Secret.
fn reader(name: &str, secret: &str, key: &str) -> Manifest {
    let source = json!({"secretKeyRef": {"name": secret, "key": key}});
    Manifest::new(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "PASSWORD", "valueFrom": source}]}]}}))
}

/// A plan over a cluster in which nothing exists but these objects.
fn planned(stack: Stack, live: &[Value], options: &PlanOptions) -> Plan {
    let graph = stack.build().unwrap();
    let mut observed = Observed::default();
    let resources = graph.resources().iter().map(|resource| &resource.id);
    for id in resources.chain(graph.externals().keys()) {
        observed.live.insert(id.clone(), Live::Absent);
    }
    for object in live {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        observed.live.insert(id(text("/kind"), text("/metadata/name")), Live::found(object));
    }
    let namespace = ResourceId::new("", "Namespace", None, "n");
    observed.live.insert(namespace, Live::found(&json!({"kind": "Namespace", "metadata": {"name": "n"}})));
    run(&graph, &mut observed, &PlanOptions { skip_create_checks: true, ..options.clone() })
}

fn blockers(plan: &Plan) -> String {
    let lines = plan.blockers.iter().map(|blocker| {
        let hint = blocker.hint.as_deref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("{}: {}{hint}", blocker.id, blocker.kind)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn secret(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "data": data})
}

#[test]
fn keys_of_an_external_secret_are_compared_by_name() {
    let declare = |key: &str| {
        let stack = stack();
        let credentials: Ref<Secret> = stack.external("credentials");
        stack.add(reader("one", credentials.name(), key));
        stack.add(reader("two", credentials.name(), key));
        stack
    };
    let live = secret(json!({"password": "c2VjcmV0LXZhbHVl", "username": "aG9sbQ=="}));
    let plan = planned(declare("pasword"), std::slice::from_ref(&live), &PlanOptions::default());
    insta::assert_snapshot!(blockers(&plan), @r#"
    Pod/n/one: key "pasword" of Secret/n/credentials does not exist; needed by Pod/n/one, Pod/n/two
      hint: did you mean "password"?
    "#);
    let plan = planned(declare("token"), &[secret(json!({}))], &PlanOptions::default());
    assert!(blockers(&plan).ends_with("hint: it has no keys"), "{}", blockers(&plan));
    assert_eq!(blockers(&planned(declare("password"), &[live], &PlanOptions::default())), "");
}

#[test]
fn optional_keys_may_be_missing() {
    let stack = stack();
    let _: Ref<ConfigMap> = stack.external("settings");
    let reference = json!({"name": "settings", "key": "missing", "optional": true});
    stack.add(Manifest::new(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [
        {"name": "c", "image": "i:1", "env": [{"name": "A", "valueFrom": {"configMapKeyRef": reference}}]}]}}),
    ));
    let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}});
    assert_eq!(blockers(&planned(stack, &[live], &PlanOptions::default())), "");
}

#[test]
fn an_external_that_is_missing_blocks_once_whoever_uses_it_and_also_where_nobody_does() {
    let stack = stack();
    let service: Ref<Service> = stack.external("postgress");
    let _: Ref<ConfigMap> = stack.external("nobody-uses-it");
    for name in ["a", "b"] {
        stack.add(config_map(name, "1").with_input("data.host", service.named("postgress.n.svc.cluster.local")));
    }
    let plan = planned(stack, &[], &PlanOptions::default());
    insta::assert_snapshot!(blockers(&plan), @"
    ConfigMap/n/nobody-uses-it: is declared external and does not exist
      hint: create it first, or add it to the stack
    ConfigMap/n/a: Service/n/postgress does not exist; needed by ConfigMap/n/a, ConfigMap/n/b
      hint: create it first, or add it to the stack
    ");
}

#[test]
fn of_what_is_not_a_target_nothing_is_demanded() {
    let declare = || {
        let stack = stack();
        let service: Ref<Service> = stack.external("gone");
        let _: Ref<ConfigMap> = stack.external("nobody-uses-it");
        stack.add(config_map("a", "1").with_input("data.host", service.name()));
        stack.add(config_map("b", "1"));
        stack
    };
    let only =
        |name: &str| PlanOptions { targets: Some(BTreeSet::from([id("ConfigMap", name)])), ..PlanOptions::default() };
    assert_eq!(blockers(&planned(declare(), &[], &only("b"))), "");
    assert!(blockers(&planned(declare(), &[], &only("a"))).contains("names Service/n/gone at data.host"));
}

#[test]
fn a_field_that_nothing_will_fill_in_blocks() {
    let stack = stack();
    let settings: Ref<ConfigMap> = stack.external("settings");
    stack.add(config_map("a", "1").with_input("data.region", settings.field("data.reigon")));
    let live =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"region": "eu"}});
    insta::assert_snapshot!(blockers(&planned(stack, &[live], &PlanOptions::default())), @r#"
    ConfigMap/n/a: needs data.reigon of ConfigMap/n/settings at data.region, which does not exist
      hint: did you mean "region"?
    "#);
}

#[test]
fn an_external_that_may_not_be_read_is_said_to_be_unknown() {
    let stack = stack();
    let credentials: Ref<Secret> = stack.external("credentials");
    stack.add(reader("one", credentials.name(), "password"));
    let graph = stack.build().unwrap();
    let mut observed = Observed::default();
    observed.live.insert(id("Pod", "one"), Live::Absent);
    observed.live.insert(id("Secret", "credentials"), Live::Unreadable("no right to get secrets".to_owned()));
    let plan = run(&graph, &mut observed, &PlanOptions { skip_create_checks: true, ..PlanOptions::default() });
    assert_eq!(blockers(&plan), "");
    assert_eq!(
        plan.changes[0].notes,
        ["Secret/n/credentials could not be read, so that it is not known whether it exists: no right to get secrets"]
    );
}
