//! Where the values of Secrets and ConfigMaps go that are not known when they are declared.

use holm_core::{FieldPath, Input, IntoResource, Password, Sensitive, Stack, Transform};
use holm_resources::{Builder, ConfigMap, Secret};

#[test]
fn a_generated_value_is_the_whole_value_of_its_key() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let password = stack.generated("password", Password::alphanumeric(32));
    let url = Input::template("db://shop:{password}@db", [("password", password.clone().url_encode())]);
    let secret = Secret::opaque("credentials").entry("password", &password).entry("tls.url", url);
    let inputs = secret.into_declaration().inputs;
    let home = inputs.get(&FieldPath::of(["data", "password"])).unwrap();
    assert_eq!(*home, Input::Transformed(Box::new(password), Transform::Base64));
    assert!(inputs.get(&FieldPath::of(["data", "tls.url"])).unwrap().is_sensitive());
}

#[test]
fn the_text_of_a_secret_is_never_plain() {
    let secret = Secret::opaque("credentials").entry("password", "hunter2").bytes("key", *b"hunter2");
    let declaration = secret.into_declaration();
    assert!(declaration.inputs.values().all(Input::is_sensitive));
    let shown = format!("{declaration:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn known_text_goes_straight_into_a_config_map() {
    let given = super::Given::new();
    let config = ConfigMap::new("settings")
        .entry("mode", Input::template("{speed}-mode", [("speed", Input::from("fast"))]))
        .entry("volume", given.data.field("spec.volumeName"))
        .entry("token", Sensitive::from("hunter2"))
        .annotation("example.org/volume", given.data.field("spec.volumeName"));
    insta::assert_snapshot!(super::lowered(config), @r#"
    apiVersion: v1
    data:
      mode: fast-mode
    kind: ConfigMap
    metadata:
      name: settings
    later data.token: (sensitive)
    later data.volume: (known after apply)
    later metadata.annotations["example.org/volume"]: (known after apply)
    "#);
}
