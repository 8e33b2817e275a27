//! What may be meant and is likely a mistake.

use holm_core::{Input, Manifest, Password, ResourceOptions as _, Sensitive, Stack};
use insta::assert_snapshot;
use serde_json::json;

fn config_map(name: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
}

fn warnings(declare: impl FnOnce(&mut Stack)) -> String {
    let mut stack = Stack::new("test", "default", Some("ns"));
    declare(&mut stack);
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
