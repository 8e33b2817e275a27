//! ConfigMaps, Secrets and claims.

use holm_core::{Manifest, ResourceOptions as _, Stack};
use insta::assert_snapshot;
use serde_json::json;

use crate::{problems, show};

#[test]
fn keys_and_values_of_a_config_map_are_checked() {
    assert_snapshot!(problems("
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {port: 5432, 'a b': x, ok.txt: x, both: x}
binaryData: {both: eA==, wrong: '!'}
"), @r#"
        ConfigMap/ns/a: binaryData.both: the key "both" stands under data as well
        ConfigMap/ns/a: binaryData.wrong: the value of binaryData is not base64; give text under data
        ConfigMap/ns/a: data["a b"]: "a b" is no valid key: it must consist of letters, digits, '-', '_' and '.'
        ConfigMap/ns/a: data.port: the value must be text and is a number; put it in quotes
    "#);
}

#[test]
fn two_mebibytes_are_too_much_for_one_config_map() {
    let text =
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{dump: {}}}}}", "x".repeat(2 << 20));
    assert_snapshot!(problems(&text), @"ConfigMap/ns/a: data: the data of the ConfigMap is 2097152 bytes, and the API server takes at most 1048576");
    let exactly =
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{dump: {}}}}}", "x".repeat(1 << 20));
    assert_snapshot!(problems(&exactly), @"");
    let secret = format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, stringData: {{dump: {}}}}}",
        "x".repeat((1 << 20) + 1)
    );
    assert_snapshot!(problems(&secret), @"Secret/ns/a: data: the data of the Secret is 1048577 bytes, and the API server takes at most 1048576");
}

#[test]
fn a_secret_is_checked_and_no_value_of_it_is_shown() {
    let text = problems(
        "
apiVersion: v1
kind: Secret
metadata: {name: a}
type: kubernetes.io/tls
data: {tls.crt: hunter2!, fine: aHVudGVyMg==}
stringData: {port: 54321, 'bad key': hunter2}
",
    );
    assert!(!text.contains("hunter2") && !text.contains("54321"), "{text}");
    assert_snapshot!(text, @r#"
        Secret/ns/a: data: a Secret of the type kubernetes.io/tls needs the key "tls.crt" and "tls.key"
        Secret/ns/a: data["bad key"]: "bad key" is no valid key: it must consist of letters, digits, '-', '_' and '.'
        Secret/ns/a: data["tls.crt"]: the value is not base64, as data asks for; give text under stringData
        Secret/ns/a: stringData.port: the value must be text and is a number; put it in quotes
    "#);
    assert_snapshot!(problems("
{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/basic-auth, stringData: {password: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: b}, type: kubernetes.io/service-account-token}
---
{apiVersion: v1, kind: Secret, metadata: {name: c}, type: example.com/any}
"), @r#"Secret/ns/b: metadata.annotations["kubernetes.io/service-account.name"]: a token Secret needs the name of its ServiceAccount"#);
}

#[test]
fn values_that_come_later_are_not_judged() {
    let stack = Stack::new("test", "default", Some("ns"));
    let later = stack.generated("password", holm_core::Password::alphanumeric(20));
    stack.add(
        Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}))
            .with_input("stringData.password", &later),
    );
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "labels": {}}, "data": {}});
    stack.add(Manifest::new(map).with_input("data.copy", &later).with_input("metadata.labels.x", "not a label"));
    assert_snapshot!(show(&stack.build().unwrap_err()), @r#"ConfigMap/ns/b: metadata.labels.x: "not a label" is no valid label value: it must be empty, or consist of letters, digits, '-', '_' and '.', and start and end with a letter or digit"#);
}

#[test]
fn a_claim_says_how_it_is_used_and_how_large_it_is() {
    assert_snapshot!(problems("
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: b}, spec: {accessModes: [readwriteonce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: db, volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce]}
"), @r#"
        PersistentVolumeClaim/ns/a: spec.accessModes: the claim has no access mode, such as "ReadWriteOnce"
        PersistentVolumeClaim/ns/a: spec.resources.requests.storage: the claim does not say how much storage it needs
        PersistentVolumeClaim/ns/b: spec.accessModes: "readwriteonce" is no valid access mode: it must be one of ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod
          hint: did you mean "ReadWriteOnce"?
        StatefulSet/ns/db: spec.volumeClaimTemplates[data].spec.resources.requests.storage: the claim does not say how much storage it needs
    "#);
}

#[test]
fn a_claim_for_one_node_is_not_rolled_over() {
    let claim = "
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
";
    let rolling = crate::deployment("", "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]") + claim;
    assert_snapshot!(problems(&rolling), @r#"
    warning: Deployment/ns/web: spec.template.spec.volumes[data].persistentVolumeClaim.claimName: a rolling update would start a new pod while the old one still holds the ReadWriteOnce claim PersistentVolumeClaim/ns/data
      hint: set spec.strategy.type to "Recreate" (.recreate() on the builder)
    "#);
    for strategy in ["{type: Recreate}", "{rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"] {
        let text = rolling.replacen("spec:\n", &format!("spec:\n  strategy: {strategy}\n"), 1);
        assert_eq!(problems(&text), "", "{strategy}");
    }
    assert_eq!(problems(&rolling.replace("ReadWriteOnce", "ReadWriteMany")), "");
}

#[test]
fn a_section_that_is_no_map_is_a_problem_and_nothing_of_it_is_dropped_or_shown() {
    for section in ["|\n  password: hunter2", "[{name: password, value: aHVudGVyMg==}]", "hunter2", "7", "true"] {
        let of = |kind: &str, field: &str| {
            problems(&format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n{field}: {section}\n"))
        };
        for (kind, field) in
            [("Secret", "data"), ("Secret", "stringData"), ("ConfigMap", "data"), ("ConfigMap", "binaryData")]
        {
            let text = of(kind, field);
            assert!(text.contains(&format!("{kind}/ns/a: {field}: the value must be a map")), "{section}: {text}");
            assert!(!text.contains("hunter2") && !text.contains("aHVu"), "{text}");
        }
        for field in ["labels", "annotations"] {
            let inner = section.replace('\n', "\n    ");
            let text = problems(&format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  {field}: {inner}\nstringData: {{a: b}}\n"
            ));
            assert!(text.contains(&format!("metadata.{field}: the value must be a map")), "{section}: {text}");
        }
    }
    assert_snapshot!(problems("
{apiVersion: v1, kind: Secret, metadata: {name: a, labels: null, annotations: ~}, data: null, stringData: {}}
"), @"");
}

#[test]
fn a_value_of_a_secret_goes_to_a_key() {
    let stack = Stack::new("test", "default", Some("ns"));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    let secret = Manifest::new(secret).with_input("stringData", "hunter2").with_input("data.a.b", "hunter2");
    stack.add(secret.with_input("stringData.c[0]", "hunter2").with_input("stringData.fine", "x"));
    assert_snapshot!(show(&stack.build().unwrap_err()), @"
        Secret/ns/a: data.a.b: a Secret takes values at data.KEY and stringData.KEY only
        Secret/ns/a: stringData: a Secret takes values at data.KEY and stringData.KEY only
        Secret/ns/a: stringData.c[0]: a Secret takes values at data.KEY and stringData.KEY only
        ");
}
