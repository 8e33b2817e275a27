//! What is inside a pod, and the workloads around it.

use holm_core::Stack;
use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Probe};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{deployment, problems, show};

#[test]
fn half_filled_structs_are_refused() {
    let named = |name: &str| ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add(Deployment { metadata: named("empty"), spec: DeploymentSpec::default(), ..Deployment::default() });
    let container = Container { liveness_probe: Some(Probe::default()), ..Container::default() };
    let pod = PodSpec { containers: vec![container], ..PodSpec::default() };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some([("app".to_owned(), "x".to_owned())].into()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    };
    stack.add(Deployment {
        metadata: named("half"),
        spec: DeploymentSpec { template: template.clone(), ..DeploymentSpec::default() },
        ..Deployment::default()
    });
    stack.add(Job { metadata: named("job"), spec: Some(JobSpec { template, ..JobSpec::default() }), ..Job::default() });
    assert_snapshot!(show(&stack.build().unwrap_err()), @r#"
        Deployment/ns/empty: spec.selector: the selector is empty, so that the pods could not be told from others
        Deployment/ns/empty: spec.template.spec.containers: a pod needs at least one container
        Deployment/ns/half: spec.selector: the selector is empty, so that the pods could not be told from others
          hint: select the pods' labels: app=x
        Deployment/ns/half: spec.template.spec.containers[0].image: the container has no image
        Deployment/ns/half: spec.template.spec.containers[0].livenessProbe: the probe does nothing; give it one of exec, httpGet, tcpSocket, grpc
        Deployment/ns/half: spec.template.spec.containers[0].name: the container name is missing
        Job/ns/job: spec.template.spec.containers[0].image: the container has no image
        Job/ns/job: spec.template.spec.containers[0].livenessProbe: the probe does nothing; give it one of exec, httpGet, tcpSocket, grpc
        Job/ns/job: spec.template.spec.containers[0].name: the container name is missing
        Job/ns/job: spec.template.spec.restartPolicy: the pods of a Job need a restartPolicy: "OnFailure" or "Never"
    "#);
}

#[test]
fn a_problem_shows_the_line_of_the_program() {
    let stack = Stack::new("test", "default", Some("ns"));
    let metadata = ObjectMeta { name: Some("A".to_owned()), ..ObjectMeta::default() };
    let deployment = Deployment { metadata, ..Deployment::default() };
    let line = line!() + 1;
    stack.add(deployment);
    let problems = stack.build().unwrap_err();
    assert!(problems.to_string().contains(&format!("at crates/holm-core/tests/check/pods.rs:{line}\n")), "{problems}");
}

#[test]
fn a_selector_selects_its_own_pods() {
    let text = deployment("", "").replacen("{app: web}", "{app: wob, tier: front}", 1);
    assert_snapshot!(problems(&text), @"Deployment/ns/web: spec.selector: the selector app=wob,tier=front does not match the pods' labels app=web");
    let expressions =
        "{matchExpressions: [{key: app, operator: In, values: [web, other]}, {key: old, operator: DoesNotExist}]}";
    assert_snapshot!(problems(&deployment("", "").replacen("{matchLabels: {app: web}}", expressions, 1)), @"");
    assert_snapshot!(problems("
apiVersion: batch/v1
kind: Job
metadata: {name: a}
spec:
  manualSelector: true
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: b}}
    spec: {restartPolicy: Never, containers: [{name: a, image: a}]}
"), @"Job/ns/a: spec.selector: the selector app=a does not match the pods' labels app=b");
}

#[test]
fn mounts_have_volumes() {
    let container = "volumeMounts: [{name: dta, mountPath: /data}, {name: tmp, mountPath: /data}, {name: tmp}]";
    assert_snapshot!(problems(&deployment(container, "volumes: [{name: data, emptyDir: {}}, {name: tmp}]")), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].volumeMounts[dta].name: mounts the volume "dta", which the pod does not have
          hint: did you mean "data"?
        Deployment/ns/web: spec.template.spec.containers[web].volumeMounts[1]: there is another mount "/data"
        Deployment/ns/web: spec.template.spec.containers[web].volumeMounts[2].mountPath: the mount has no mountPath
    "#);
}

#[test]
fn names_inside_a_pod_are_unique() {
    let container = "
env: [{name: A, value: x}, {name: B}, {name: A, value: b}]
ports: [{name: http, containerPort: 80}, {name: http, containerPort: 81}, {containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]
";
    let pod = "
volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]
initContainers: [{name: web, image: x}]
";
    assert_snapshot!(problems(&deployment(container, pod)), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].env[2]: there is another variable "A"
        Deployment/ns/web: spec.template.spec.containers[web].ports[1].name: the container has another port "http"
        Deployment/ns/web: spec.template.spec.containers[web].ports[2]: there is another port "80/TCP"
        Deployment/ns/web: spec.template.spec.initContainers[web].name: the pod has another container "web"
        Deployment/ns/web: spec.template.spec.volumes[1]: there is another volume "a"
    "#);
}

#[test]
fn variables_have_one_source() {
    let container = "
env:
- {name: NUMBER, value: 5432}
- {name: EMPTY, valueFrom: {}}
- {name: BOTH, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: 'A=B', value: x}
- {value: x}
";
    assert_snapshot!(problems(&deployment(container, "")), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].env[name=A=B].name: "A=B" is no valid variable name: it must consist of printable ASCII characters other than '='
        Deployment/ns/web: spec.template.spec.containers[web].env[BOTH]: the variable has both a value and a valueFrom
        Deployment/ns/web: spec.template.spec.containers[web].env[EMPTY].valueFrom: the variable has no source; give one of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef
        Deployment/ns/web: spec.template.spec.containers[web].env[NUMBER].value: the value must be text and is a number; put it in quotes
        Deployment/ns/web: spec.template.spec.containers[web].env[4].name: the variable has no name
    "#);
}

#[test]
fn ports_and_probes_are_checked() {
    let container = "
ports: [{name: Web_Port, containerPort: 70000}, {name: metrics, containerPort: 9090, hostPort: 0}, {name: a-name-that-is-too-long, containerPort: 1, protocol: tcp}]
startupProbe: {initialDelaySeconds: 5}
readinessProbe: {httpGet: {port: metric}, tcpSocket: {port: 9090}}
livenessProbe: {tcpSocket: {port: '9090'}}
";
    assert_snapshot!(problems(&deployment(container, "")), @r#"
        Deployment/ns/web: spec.template.spec.containers[web].livenessProbe.tcpSocket.port: the port 9090 is text, which would be a name; give it as a number
        Deployment/ns/web: spec.template.spec.containers[web].ports[Web_Port].containerPort: "70000" is no valid port: it must be between 1 and 65535
        Deployment/ns/web: spec.template.spec.containers[web].ports[Web_Port].name: "Web_Port" is no valid port name: it must consist of lower-case letters, digits and single '-' between them, with at least one letter
        Deployment/ns/web: spec.template.spec.containers[web].ports[a-name-that-is-too-long].name: "a-name-that-is-too-long" is no valid port name: it has 23 characters, and at most 15 are allowed
        Deployment/ns/web: spec.template.spec.containers[web].ports[a-name-that-is-too-long].protocol: "tcp" is no valid protocol: it must be one of TCP, UDP, SCTP
          hint: did you mean "TCP"?
        Deployment/ns/web: spec.template.spec.containers[web].readinessProbe: the probe has several handlers: httpGet, tcpSocket
        Deployment/ns/web: spec.template.spec.containers[web].readinessProbe.httpGet.port: names the port "metric", which the container does not have
          hint: did you mean "metrics"?
        Deployment/ns/web: spec.template.spec.containers[web].startupProbe: the probe does nothing; give it one of exec, httpGet, tcpSocket, grpc
    "#);
    let container = "
ports: [{name: http, containerPort: 80}]
startupProbe: {httpGet: {port: http}}
readinessProbe: {grpc: {port: 9000}}
livenessProbe: {exec: {command: [x]}}
";
    assert_snapshot!(problems(&deployment(container, "")), @"");
}

#[test]
fn pods_restart_as_their_kind_asks() {
    assert_snapshot!(problems(&deployment("", "restartPolicy: OnFailure")), @r#"Deployment/ns/web: spec.template.spec.restartPolicy: "OnFailure" is no valid restart policy: it must be "Always" for this kind, or left out"#);
    assert_snapshot!(problems("
apiVersion: batch/v1
kind: Job
metadata: {name: a}
spec: {template: {spec: {restartPolicy: Always, containers: [{name: a, image: a}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: b}
spec: {schedule: 0 24 * * *, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: a}]}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: c}
spec: {containers: []}
"), @r#"
        Pod/ns/c: spec.containers: a pod needs at least one container
        CronJob/ns/b: spec.jobTemplate.spec.template.spec.restartPolicy: the pods of a Job need a restartPolicy: "OnFailure" or "Never"
        CronJob/ns/b: spec.schedule: "0 24 * * *" is no valid schedule: the hour: end of range (24) above maximum (23): 24
        Job/ns/a: spec.template.spec.restartPolicy: "Always" is no valid restart policy: it must be "OnFailure" or "Never", because the pods of a Job come to an end
    "#);
}
