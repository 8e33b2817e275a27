//! What may be meant and is likely a mistake.

use holm_core::{Input, Manifest, Password, ReadyWhen, ResourceOptions as _, Sensitive, Stack, WarningLevel, options};
use insta::assert_snapshot;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::json;

use crate::{deployment, problems, show, show_warnings};

fn config_map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
}

fn warnings(declare: impl FnOnce(&Stack)) -> String {
    let stack = Stack::new("test", "default", Some("ns"));
    declare(&stack);
    let graph = stack.build().expect("the test's own stack has no problems");
    assert!(graph.warnings().iter().all(|warning| warning.site.is_some() && warning.hint.is_some()));
    assert!(graph.emptied().warnings().is_empty());
    let lines: Vec<String> =
        graph.warnings().iter().map(|warning| format!("{warning} ({})", warning.kind.code())).collect();
    lines.join("\n")
}

#[test]
fn a_secret_value_outside_of_a_secret_is_warned_of() {
    assert_snapshot!(warnings(|stack| {
        let password = stack.generated("password", Password::alphanumeric(20));
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        let secret = stack.add(Manifest::new(secret).with_input("stringData.password", &password));
        let url = Input::template("postgres://u:{p}@h", [("p", password.clone().url_encode())]);
        stack.add(config_map("url").with_input("data.url", url));
        stack.add(config_map("token").with_input("metadata.annotations.token", Sensitive::from("hunter2")));
        stack.add(config_map("copy").with_input("data.copy", secret.field("data.password").base64_decode()));
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "c", "image": "x:1", "env": [{"name": "PASSWORD"}]}]}});
        stack.add(Manifest::new(pod).with_input("spec.containers[c].env[PASSWORD].value", &password));
    }), @r#"
        ConfigMap/ns/url: data.url: the generated value "password" is stored in plain text; everyone who can read the ConfigMap can read it (secret_in_plain_text)
        ConfigMap/ns/token: metadata.annotations.token: a sensitive value is stored in plain text; everyone who can read the ConfigMap can read it (secret_in_plain_text)
        ConfigMap/ns/copy: data.copy: a value of Secret/ns/s is stored in plain text; everyone who can read the ConfigMap can read it (secret_in_plain_text)
        Pod/ns/p: spec.containers[c].env[PASSWORD].value: the generated value "password" is stored in plain text; everyone who can read the Pod can read it (secret_in_plain_text)
        "#);
}

#[test]
fn what_is_no_secret_or_is_meant_is_not_warned_of() {
    assert_snapshot!(warnings(|stack| {
        let password = stack.generated("password", Password::alphanumeric(20));
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        let secret = Manifest::new(secret)
            .with_input("stringData.password", &password)
            .with_input("stringData[\"ca.crt\"]", "certificate")
            .with_input("metadata.annotations.token", Sensitive::from("hunter2"));
        let secret = stack.add(secret);
        let meant = Input::template("u:{p}", [("p", password.clone().in_plain_text())]);
        stack.add(config_map("meant").with_input("data.url", meant).with_input("data.b", password.base64().in_plain_text()));
        stack.add(config_map("public").with_input("data.ca", secret.field("data[\"ca.crt\"]").base64_decode()));
        stack.add(config_map("name").with_input("data.uid", secret.field("metadata.uid")));
    }), @"");
}

const ENVIRONMENT: &str = "env:
- {name: A, valueFrom: {secretKeyRef: {name: made, key: token}}}
- {name: B, valueFrom: {configMapKeyRef: {name: filled, key: mode}}}
";
const FILLED: &str = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: filled}}\n";

/// What comes of the text with whatever else the program says.
fn outcome(text: &str, declare: impl FnOnce(&Stack)) -> String {
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add_yaml(text);
    declare(&stack);
    match stack.build() {
        Ok(graph) => show_warnings(&graph),
        Err(problems) => show(&problems),
    }
}

#[test]
fn what_a_text_names_may_be_made_at_run_time() {
    let text = deployment(ENVIRONMENT, "serviceAccountName: web") + FILLED;
    assert_snapshot!(problems(&text), @r#"
    warning: Deployment/ns/web: spec.template.spec.containers[web].env[A].valueFrom.secretKeyRef.name: refers to Secret/ns/made, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    warning: Deployment/ns/web: spec.template.spec.containers[web].env[B].valueFrom.configMapKeyRef.key: references key "mode", which ConfigMap/ns/filled does not declare
      hint: it has no keys
    warning: Deployment/ns/web: spec.template.spec.serviceAccountName: refers to ServiceAccount/ns/web, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    "#);
    let silent = |stack: &Stack| {
        stack.made_at_run_time::<Secret>("made");
        stack.warnings("undeclared_key", WarningLevel::Allow);
        stack.configure("Deployment/web", options().allow_warnings("not_in_stack"));
    };
    assert_eq!(outcome(&text, silent), "");
    assert_snapshot!(outcome(&text, |stack| stack.warnings("all", WarningLevel::Deny)), @r#"
    Deployment/ns/web: spec.template.spec.containers[web].env[A].valueFrom.secretKeyRef.name: refers to Secret/ns/made, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    Deployment/ns/web: spec.template.spec.containers[web].env[B].valueFrom.configMapKeyRef.key: references key "mode", which ConfigMap/ns/filled does not declare
      hint: it has no keys
    Deployment/ns/web: spec.template.spec.serviceAccountName: refers to ServiceAccount/ns/web, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    "#);
    // The program's own resources are held to what the program declares.
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [
        {"name": "c", "image": "x:1", "envFrom": [{"secretRef": {"name": "made"}}]}]}});
    let add = |stack: &Stack| drop(stack.add(Manifest::new(pod.clone())));
    assert_snapshot!(outcome("", add), @"
    Pod/ns/p: spec.containers[c].envFrom[0].secretRef.name: names Secret/ns/made, which is neither in this stack nor declared external
      hint: add it to the stack, or declare it with stack.external if it exists outside, or with stack.made_at_run_time if something creates it at run time
    ");
    assert_eq!(
        outcome("", |stack| {
            add(stack);
            stack.made_at_run_time::<Secret>("made");
        }),
        ""
    );
    // What is made at run time has no fields to read when the stack is planned.
    assert_snapshot!(outcome("", |stack| {
        let made = stack.made_at_run_time::<ConfigMap>("made");
        stack.add(config_map("copy").with_input("data.copy", made.field("data.mode")));
    }), @"
    ConfigMap/ns/copy: data.copy: ConfigMap/ns/made is made at run time, so its fields cannot be read when the stack is planned
      hint: refer to it by name, or declare it with stack.external once it exists
    ");
}

#[test]
fn levels_and_options_name_what_is_there() {
    assert_snapshot!(outcome("", |stack| {
        stack.warnings("not_in_stak", WarningLevel::Deny);
        stack.configure("ConfigMap/sttings", options().protect());
        stack.add(config_map("settings").allow_warnings("everything"));
    }), @r#"
    "not_in_stak" is not a code of warnings
      hint: did you mean "not_in_stack"?
    "ConfigMap/sttings" is not a resource of this stack
      hint: did you mean "ConfigMap/settings"?
    ConfigMap/ns/settings: "everything" is not a code of warnings
      hint: the codes are secret_in_plain_text, not_in_stack, undeclared_key, selects_nothing, undeclared_port, rolling_claim, ignored_namespace, unknown_path, overlapping_selectors, autoscaled_replicas, all
    "#);
}

#[test]
fn objects_of_a_text_take_the_options_of_code() {
    let stack = Stack::new("test", "default", Some("ns"));
    stack.configure("ConfigMap/a", options().protect().ready_when(ReadyWhen::Exists).ignore_changes("data.x"));
    stack.configure("ConfigMap/other/a", options().retain_on_delete());
    stack.configure("ConfigMap/a", options().with_input("data.y", "z"));
    let map = |namespace: &str| {
        format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, namespace: {namespace}}}}}\n")
    };
    stack.add_yaml(&(map("ns") + &map("other")));
    let graph = stack.build().expect("it has no problems");
    let shown: Vec<String> = graph
        .resources()
        .iter()
        .map(|resource| {
            let of = &resource.options;
            format!(
                "{} {} {} {:?} {}",
                resource.id,
                of.protect,
                of.retain_on_delete,
                of.ready_when,
                resource.inputs.len()
            )
        })
        .collect();
    assert_snapshot!(shown.join("\n"), @"
    ConfigMap/ns/a true false Some(Exists) 1
    ConfigMap/other/a true true Some(Exists) 1
    ");
}

#[test]
fn what_is_unusual_is_warned_of_and_never_blocks() {
    let set = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: nowhere
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db}]}
";
    assert_snapshot!(problems(set), @"
    warning: StatefulSet/ns/db: spec.serviceName: refers to Service/ns/nowhere, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    ");
    let role = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects: [{kind: ServiceAccount, name: default, namespace: ns}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: kube-system}}
";
    assert_eq!(problems(role), "");
    let ingress = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: ssl-redirect, port: {name: use-annotation}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: ssl-redirect}, spec: {ports: [{port: 80}]}}
";
    assert_eq!(problems(ingress), "");
    assert_snapshot!(problems(ingress.split("---").next().unwrap()), @"
    warning: Ingress/ns/web: spec.rules[0].http.paths[path=/].backend.service.name: refers to Service/ns/ssl-redirect, which is neither in this stack nor declared external
      hint: if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with stack.external
    ");
    let described = ingress.replace(
        "{name: web}\nspec",
        "{name: web, annotations: {alb.ingress.kubernetes.io/actions.ssl-redirect: '{}'}}\nspec",
    );
    assert_eq!(problems(described.split("---").next().unwrap()), "");
    let cluster_scoped =
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, namespace: x}, rules: []}";
    assert_snapshot!(problems(cluster_scoped), @r#"
    warning: ClusterRole/a: metadata.namespace: ClusterRole is cluster-scoped; metadata.namespace "x" is ignored
      hint: remove the field
    "#);
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add_yaml(cluster_scoped);
    assert!(stack.build().unwrap().resources()[0].object.pointer("/metadata/namespace").is_none());
}
