//! What cannot change in place: the plan says so, shows what changes and not what the server repeats, and replaces only what may go.

use serde_json::{Value, json};

use super::Case;

fn job(spec: &str, image: &str) -> String {
    format!(
        "---\n{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{spec} template: {{metadata: {{creationTimestamp: null, \
         annotations: {{note: {}}}}}, spec: {{restartPolicy: Never, containers: [{{name: c, image: '{image}'}}]}}}}}}}}\n",
        "x".repeat(500)
    )
}

#[test]
fn a_job_is_replaced_for_its_template_and_changed_in_place_for_the_rest() {
    let case = Case::new("case-job");
    case.settle(&job("", "x:1"));
    let planned = case.plan(&job("", "x:2"));
    planned
        .expect_code(2)
        .expect("-/+ Job/j")
        .expect("because spec.template: Invalid value: {...}: field is immutable");
    planned.expect(r#"spec.template.spec.containers[c].image: "x:1" -> "x:2""#).expect_not(&"x".repeat(60));
    let before = case.live("job", "j")["metadata"]["uid"].clone();
    case.settle(&job("", "x:2"));
    let replaced = case.live("job", "j")["metadata"]["uid"].clone();
    assert_ne!(replaced, before);
    case.plan(&job("backoffLimit: 3,", "x:2")).expect("~ Job/j").expect("spec.backoffLimit: 6 -> 3");
    case.settle(&job("backoffLimit: 3,", "x:2"));
    case.settle(&job("ttlSecondsAfterFinished: 1000,", "x:2"));
    case.plan(&job("suspend: true,", "x:2")).expect("spec.suspend: false -> true");
    assert_eq!(case.live("job", "j")["metadata"]["uid"], replaced);
}

/// Objects of kinds that have a field which cannot change, in the variant `n`.
fn objects(n: usize, immutable: &str) -> String {
    let kind = |api_version: &str, kind: &str, name: &str, rest: &str| {
        format!("---\n{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: {name}}}, {rest}}}\n")
    };
    let role = ["r1", "r2"][n];
    let labels = format!("{{app: d{n}}}");
    let rbac = "rbac.authorization.k8s.io";
    kind("v1", "ConfigMap", "cm", &format!("{immutable} data: {{a: '{n}'}}"))
        + &kind(
            "v1",
            "Secret",
            "sec",
            &format!("type: 'example.com/type-{n}', stringData: {{password: immutable-secret-value}}"),
        )
        + &kind("v1", "Service", "s", &format!("spec: {{clusterIP: {}, ports: [{{port: 80}}]}}", ["''", "None"][n]))
        + &kind(&format!("{rbac}/v1"), "Role", "r1", "rules: []")
        + &kind(&format!("{rbac}/v1"), "Role", "r2", "rules: []")
        + &kind(
            &format!("{rbac}/v1"),
            "RoleBinding",
            "rb",
            &format!(
                "roleRef: {{apiGroup: {rbac}, kind: Role, name: {role}}}, subjects: [{{kind: ServiceAccount, name: default}}]"
            ),
        )
        + &kind("scheduling.k8s.io/v1", "PriorityClass", "case-immutable", &format!("value: 1{n}"))
        + &kind(
            "storage.k8s.io/v1",
            "StorageClass",
            "case-immutable",
            &format!("provisioner: x/y, parameters: {{a: '{n}'}}"),
        )
        + &kind(
            "apps/v1",
            "Deployment",
            "d",
            &format!(
                "spec: {{replicas: 0, selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, spec: \
                 {{containers: [{{name: c, image: 'x:1'}}]}}}}}}"
            ),
        )
}

#[test]
fn immutable_fields_of_seven_kinds_are_replaced_and_then_settled() {
    let case = Case::new("case-immutable");
    case.settle(&objects(0, "immutable: true,"));
    let after = objects(1, "immutable: true,");
    let planned = case.plan(&after);
    planned.expect_code(2).expect("7 to replace").expect_not("error:");
    planned.expect(r#"roleRef.name: "r1" -> "r2""#).expect(r#"spec.selector.matchLabels.app: "d0" -> "d1""#);
    planned.expect("value: 10 -> 11").expect(r#"parameters.a: "0" -> "1""#).expect(r#"data.a: "0" -> "1""#);
    case.settle(&after);
    // What leaves the declaration is shown although the server was not heard about the rest.
    let planned = case.plan(&objects(1, ""));
    planned.expect_code(2).expect("-/+ ConfigMap/cm").expect("- immutable: true").expect("1 to replace");
    case.remove_files();
    case.session.assert_never_shown("immutable-secret-value");
}

fn storage(template: &str, claim: &str, version: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: loki}}, spec: {{clusterIP: None, selector: {{app: loki}}, ports: \
         [{{port: 80}}]}}}}\n---\n{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: loki}}, spec: {{replicas: 0, serviceName: \
         loki, selector: {{matchLabels: {{app: loki}}}}, template: {{metadata: {{labels: {{app: loki}}, annotations: {{v: \
         '{version}'}}}}, spec: {{containers: [{{name: c, image: 'x:1'}}]}}}}, volumeClaimTemplates: [{{apiVersion: v1, kind: \
         PersistentVolumeClaim, metadata: {{name: storage, creationTimestamp: null}}, spec: {{accessModes: [ReadWriteOnce], resources: \
         {{requests: {{storage: {template}}}}}}}}}]}}}}\n---\n{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: p}}, spec: \
         {{storageClassName: {claim}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}\n"
    )
}

#[test]
fn what_holds_data_is_never_replaced_for_another_spelling_and_only_with_consent() {
    let case = Case::new("case-claims");
    case.settle(&storage("1024Mi", "immediate", "1"));
    case.settle(&storage("1Gi", "immediate", "2"));
    assert_eq!(case.live("statefulset", "loki")["spec"]["template"]["metadata"]["annotations"]["v"], "2");
    let blocked = case.plan(&storage("2Gi", "other", "2"));
    blocked.expect_code(1).expect("blocked by 2 errors").expect("--allow-delete StatefulSet/loki");
    blocked.expect("--allow-delete PersistentVolumeClaim/p").expect_not("volumeClaimTemplates: Invalid value: [{");
    blocked.expect(r#"spec.storageClassName: "immediate" -> "other""#);
    let refused = case.run(&["apply", "--yes", "--timeout", "5s"], &storage("2Gi", "other", "2"));
    refused.expect_code(1);
    let sizes: Value = case.live("statefulset", "loki")["spec"]["volumeClaimTemplates"][0]["spec"]["resources"].clone();
    assert_eq!(sizes["requests"]["storage"], json!("1Gi"));
    case.expect_nothing(&storage("1Gi", "immediate", "2"));
}
