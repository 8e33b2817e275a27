//! Names, labels, annotations and quantities.

use insta::assert_snapshot;

use crate::problems;

#[test]
fn names_follow_the_rule_of_their_kind() {
    assert_snapshot!(problems("
{apiVersion: v1, kind: ConfigMap, metadata: {name: Bad_Name}}
---
{apiVersion: v1, kind: Service, metadata: {name: a.b}, spec: {clusterIP: None}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a/b}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}, spec: {group: g.io, names: {plural: things, kind: Thing}}}
"), @r#"
        Namespace/a.b: metadata.name: "a.b" is no valid name: it must consist of lower-case letters, digits and '-', and start and end with a letter or digit
        CustomResourceDefinition/x: metadata.name: "x" is no valid name: it must be "things.g.io", from spec.names.plural and spec.group
        ConfigMap/ns/Bad_Name: metadata.name: "Bad_Name" is no valid name: it must consist of lower-case letters, digits, '-' and '.', and each part between dots must start and end with a letter or digit
        Service/ns/a.b: metadata.name: "a.b" is no valid name: it must consist of lower-case letters, digits and '-', and start and end with a letter or digit
        Role/ns/a/b: metadata.name: "a/b" is no valid name: it must not be '.' or '..', nor hold '/' or '%'
    "#);
    assert_snapshot!(problems("
{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b}}
---
{apiVersion: v1, kind: Service, metadata: {name: 1a}, spec: {clusterIP: None}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:Any_thing'}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: Any_thing}, spec: {selector: {}}}
"), @"");
    let long = "a".repeat(53);
    let job = format!(
        "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: {long}}}, spec: {{schedule: '@daily', jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: b}}]}}}}}}}}}}}}"
    );
    assert_snapshot!(problems(&job), @r#"CronJob/ns/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: metadata.name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is no valid name: it has 53 characters, and at most 52 are allowed for this kind"#);
}

#[test]
fn labels_and_annotations_follow_their_grammar() {
    assert_snapshot!(problems("
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  labels: {app: 'a b', 'bad key': x, version: 1.5, 'x/y/z': ok, on: 'true'}
  annotations: {'UPPER.example.com/Key': '{\"any\": 1}', '-a': x, flag: true}
"), @r#"
        ConfigMap/ns/a: metadata.annotations.-a: "-a" is no valid annotation key: it must consist of letters, digits, '-', '_' and '.', start and end with a letter or digit, and may have a DNS subdomain and '/' in front
        ConfigMap/ns/a: metadata.annotations.flag: the value must be text and is a boolean; put it in quotes
        ConfigMap/ns/a: metadata.labels.app: "a b" is no valid label value: it must be empty, or consist of letters, digits, '-', '_' and '.', and start and end with a letter or digit
        ConfigMap/ns/a: metadata.labels["bad key"]: "bad key" is no valid label key: it must consist of letters, digits, '-', '_' and '.', start and end with a letter or digit, and may have a DNS subdomain and '/' in front
        ConfigMap/ns/a: metadata.labels.version: the value must be text and is a number; put it in quotes
        ConfigMap/ns/a: metadata.labels["x/y/z"]: "x/y/z" is no valid label key: it must consist of letters, digits, '-', '_' and '.', start and end with a letter or digit, and may have a DNS subdomain and '/' in front
    "#);
}

#[test]
fn labels_of_pods_are_checked_too() {
    let text = crate::deployment("", "").replace("labels: {app: web}", "labels: {app: web, tier: -x}");
    assert_snapshot!(problems(&text), @r#"Deployment/ns/web: spec.template.metadata.labels.tier: "-x" is no valid label value: it must be empty, or consist of letters, digits, '-', '_' and '.', and start and end with a letter or digit"#);
}

#[test]
fn annotations_have_a_limit_together() {
    let text = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, annotations: {{a: {}, b: x}}}}}}",
        "x".repeat(256 * 1024)
    );
    assert_snapshot!(problems(&text), @"ConfigMap/ns/a: metadata.annotations: the size of all annotations is 262147 bytes, and the API server takes at most 262144");
}

#[test]
fn quantities_are_read_as_the_server_reads_them() {
    let container = "
resources:
  requests: {cpu: 500m, memory: 5GB, ephemeral-storage: 2e3}
  limits: {cpu: .5, memory: 1Gi, memroy: 1Gi, example.com/gpu: 1}
";
    assert_snapshot!(problems(&crate::deployment(container, "volumes: [{name: cache, emptyDir: {sizeLimit: 1 Gi}}]")), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].resources.limits.memroy: "memroy" is no valid resource of a container: it must be cpu, memory, ephemeral-storage, hugepages-SIZE, or have a domain in front
          hint: did you mean "memory"?
        Deployment/ns/web: spec.template.spec.containers[web].resources.requests.memory: "5GB" is no valid quantity: a quantity is a number with an optional suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent
          hint: did you mean "5Gi"?
        Deployment/ns/web: spec.template.spec.volumes[cache].emptyDir.sizeLimit: "1 Gi" is no valid quantity: a quantity is a number with an optional suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent
          hint: did you mean "1Gi"?
    "#);
    assert_snapshot!(problems("
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: -5Gi}}}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: {hard: {pods: 10, requests.cpu: '1,5'}}}
"), @r#"
        PersistentVolumeClaim/ns/a: spec.resources.requests.storage: "-5Gi" is no valid quantity: it must not be negative
        ResourceQuota/ns/a: spec.hard["requests.cpu"]: "1,5" is no valid quantity: a quantity is a number with an optional suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent
    "#);
}

#[test]
fn requests_are_not_above_limits() {
    let container = "
resources:
  requests: {cpu: 1500m, memory: 1024Mi}
  limits: {cpu: 1, memory: 1Gi}
";
    assert_snapshot!(problems(&crate::deployment(container, "")), @r#"Deployment/ns/web: spec.template.spec.containers[web].resources.requests.cpu: "1500m" is no valid request: it is more than the limit of 1"#);
}

#[test]
fn names_that_yaml_takes_for_something_else_are_named_as_such() {
    assert_snapshot!(problems("{apiVersion: v1, kind: ConfigMap, metadata: {name: 1, namespace: on}}"), @r"
        ConfigMap/ns/: metadata.name: the value must be text; put it in quotes
        ConfigMap/ns/: metadata.namespace: the value must be text; put it in quotes
    ");
    assert_snapshot!(problems("{apiVersion: v1, kind: ConfigMap, metadata: {}}"), @"ConfigMap/ns/: metadata.name: the object has no metadata.name");
}
