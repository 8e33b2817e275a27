//! Names of resources as values: they carry the edge, and are text.

use holm_core::{Input, Manifest, Ref, ResourceOptions as _, Stack};
use insta::assert_snapshot;
use k8s_openapi::api::core::v1::{Secret, Service};
use serde_json::json;

use crate::{edges, show};

fn config_map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
}

#[test]
fn a_name_that_is_used_as_a_value_is_an_edge() {
    let stack = Stack::new("test", "default", Some("ns"));
    let settings = stack.add(config_map("settings"));
    let url = Input::template("http://{host}/", [("host", settings.named("settings.example").into())]);
    stack.add(config_map("name").with_input("data.name", settings.name()));
    stack.add(config_map("url").with_input("data.url", url));
    stack.add(config_map("text").with_input("data.text", settings.name().as_str()));
    stack.add(config_map("other").with_input("data.encoded", Input::from(settings.name()).base64()));
    let graph = stack.build().unwrap();
    assert_snapshot!(edges(&graph), @"
    ConfigMap/name -> ConfigMap/settings (Exists: data.name)
    ConfigMap/other -> ConfigMap/settings (Exists: data.encoded)
    ConfigMap/url -> ConfigMap/settings (Exists: data.url)
    ");
}

#[test]
fn a_name_reads_as_text() {
    let stack = Stack::new("test", "default", Some("ns"));
    let secret: Ref<Secret> = stack.external("credentials");
    let name = secret.name();
    assert_eq!((name.len(), name.starts_with("cred")), (11, true));
    assert_eq!(format!("{name}-copy"), "credentials-copy");
    assert_eq!(*name, "credentials");
    assert_eq!(json!({"secretName": name}), json!({"secretName": "credentials"}));
    assert_eq!(Input::from(name).text().as_deref(), Some("credentials"));
    assert_eq!(String::from(name), "credentials");
}

#[test]
fn names_of_others_are_uses_of_what_is_outside() {
    let stack = Stack::new("test", "default", Some("ns"));
    let service: Ref<Service> = stack.external("database");
    let made = stack.made_at_run_time::<Secret>("certificate");
    stack.add(config_map("a").with_input("data.host", service.named("database.ns.svc")));
    stack.add(config_map("b").with_input("data.secret", made.name()));
    stack.export("host", service.name());
    let graph = stack.build().unwrap();
    assert_snapshot!(graph, @"ConfigMap/a requires Service/database (external)");
}

#[test]
fn a_reference_of_another_stack_leads_nowhere() {
    let other = Stack::new("test", "other", Some("ns"));
    let foreign = other.add(config_map("foreign"));
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add(config_map("a").with_input("data.name", foreign.name()));
    stack.export("name", foreign.name());
    assert_snapshot!(show(&stack.build().unwrap_err()), @"
    ConfigMap/ns/a: data.name: names ConfigMap/ns/foreign, which is neither in this stack nor declared external
    names ConfigMap/ns/foreign, which is neither in this stack nor declared external
    ");
}

#[test]
fn a_secret_in_another_namespace_is_named_as_that() {
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add(Manifest::new(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "other"},
        "stringData": {"password": "x"}}),
    ));
    let source = json!({"secretKeyRef": {"name": "db", "key": "password"}});
    stack.add(Manifest::new(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "i:1", "env": [{"name": "A", "valueFrom": source}]}]}})));
    assert_snapshot!(show(&stack.build().unwrap_err()), @"
    Pod/ns/web: spec.containers[web].env[A].valueFrom.secretKeyRef.name: names Secret/ns/db, which is neither in this stack nor declared external
      hint: Secret/other/db is in another namespace; the reference is to namespace ns
    ");
}
