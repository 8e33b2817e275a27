//! Deployments and Jobs as a whole, and that a builder says what a plain struct says.

use std::time::Duration;

use holm_core::{IntoResource, ResourceOptions};
use holm_resources::{Builder, Container, CronJob, Deployment, Job, JobOptions, Keyed, PodOptions, Port, Probe};
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Given, lowered};

#[test]
fn a_builder_and_a_plain_struct_declare_the_same() {
    let given = Given::new();
    let port = Port::tcp("http", 8080);
    let container = Container::new("server", "example.org/shop:1")
        .port(&port)
        .env("PASSWORD", given.credentials.key("password"))
        .mount("/data", &given.data)
        .readiness(Probe::http("/ready", &port));
    let built = Deployment::new("shop").replicas(2).recreate().container(container);

    let labels = || Some([("app".to_owned(), "shop".to_owned())].into());
    let password = core::SecretKeySelector { name: "credentials".into(), key: "password".into(), optional: None };
    let data = core::PersistentVolumeClaimVolumeSource { claim_name: "data".into(), read_only: None };
    let ready = core::HTTPGetAction {
        path: Some("/ready".into()),
        port: IntOrString::String("http".into()),
        ..Default::default()
    };
    let server = core::Container {
        name: "server".into(),
        image: Some("example.org/shop:1".into()),
        ports: Some(vec![core::ContainerPort {
            name: Some("http".into()),
            container_port: 8080,
            protocol: Some("TCP".into()),
            ..Default::default()
        }]),
        env: Some(vec![core::EnvVar {
            name: "PASSWORD".into(),
            value_from: Some(core::EnvVarSource { secret_key_ref: Some(password), ..Default::default() }),
            ..Default::default()
        }]),
        volume_mounts: Some(vec![core::VolumeMount {
            name: "data".into(),
            mount_path: "/data".into(),
            ..Default::default()
        }]),
        readiness_probe: Some(core::Probe { http_get: Some(ready), ..Default::default() }),
        ..Default::default()
    };
    let volume = core::Volume { name: "data".into(), persistent_volume_claim: Some(data), ..Default::default() };
    let pod = core::PodSpec { containers: vec![server], volumes: Some(vec![volume]), ..Default::default() };
    let plain = apps::Deployment {
        metadata: ObjectMeta { name: Some("shop".into()), labels: labels(), ..Default::default() },
        spec: apps::DeploymentSpec {
            replicas: Some(2),
            strategy: Some(apps::DeploymentStrategy { type_: Some("Recreate".into()), rolling_update: None }),
            selector: LabelSelector { match_labels: labels(), ..Default::default() },
            template: core::PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: labels(), ..Default::default() }),
                spec: Some(pod),
            },
            ..Default::default()
        },
        ..Default::default()
    };
    let (built, plain) = (built.into_declaration(), plain.into_declaration());
    assert_eq!(built.object, plain.object);
    assert_eq!(built.kind, plain.kind);
    assert!(built.inputs.is_empty() && built.problems.is_empty());
}

#[test]
fn a_selector_is_read_from_the_labels_of_the_pods() {
    let deployment = Deployment::new("shop")
        .selector([("app.kubernetes.io/name", "shop")])
        .pod_label("version", "1")
        .pod_label("app.kubernetes.io/name", "store")
        .label("team", "sales")
        .namespace("sales")
        .max_surge(1)
        .max_unavailable(0)
        .min_ready(Duration::from_secs(5))
        .revision_history_limit(2);
    insta::assert_snapshot!(lowered(deployment), @r#"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      labels:
        app: shop
        team: sales
      name: shop
      namespace: sales
    spec:
      minReadySeconds: 5
      revisionHistoryLimit: 2
      selector:
        matchLabels:
          app.kubernetes.io/name: store
      strategy:
        rollingUpdate:
          maxSurge: 1
          maxUnavailable: 0
        type: RollingUpdate
      template:
        metadata:
          labels:
            app.kubernetes.io/name: store
            version: "1"
        spec:
          containers: []
    "#);
}

#[test]
fn a_job_makes_new_pods_rather_than_restarting_containers() {
    let job = Job::new("migrate")
        .backoff_limit(2)
        .active_deadline(Duration::from_secs(600))
        .completions(1)
        .container(Container::new("migrate", "example.org/migrate:1"));
    insta::assert_snapshot!(lowered(job), @"
    apiVersion: batch/v1
    kind: Job
    metadata:
      labels:
        app: migrate
      name: migrate
    spec:
      activeDeadlineSeconds: 600
      backoffLimit: 2
      completions: 1
      template:
        metadata:
          labels:
            app: migrate
        spec:
          containers:
          - image: example.org/migrate:1
            name: migrate
          restartPolicy: Never
    ");
}

#[test]
fn a_cron_job_makes_jobs() {
    let container = Container::new("dump", "example.org/dump:1").env("HOST", Given::new().data.field("metadata.uid"));
    let nightly = CronJob::new("dump", "0 3 * * *")
        .time_zone("Europe/Athens")
        .forbid_overlap()
        .starting_deadline(Duration::from_secs(3600))
        .history(1, 3)
        .suspend(false)
        .restart_on_failure()
        .ttl_after_finished(Duration::from_secs(60))
        .parallelism(1)
        .container(container);
    insta::assert_snapshot!(lowered(nightly), @"
    apiVersion: batch/v1
    kind: CronJob
    metadata:
      labels:
        app: dump
      name: dump
    spec:
      concurrencyPolicy: Forbid
      failedJobsHistoryLimit: 3
      jobTemplate:
        spec:
          parallelism: 1
          template:
            metadata:
              labels:
                app: dump
            spec:
              containers:
              - env:
                - name: HOST
                image: example.org/dump:1
                name: dump
              restartPolicy: OnFailure
          ttlSecondsAfterFinished: 60
      schedule: 0 3 * * *
      startingDeadlineSeconds: 3600
      successfulJobsHistoryLimit: 1
      suspend: false
      timeZone: Europe/Athens
    later spec.jobTemplate.spec.template.spec.containers[dump].env[HOST].value: (known after apply)
    ");
}

#[test]
fn patches_run_last_and_in_order() {
    let deployment = Deployment::new("shop")
        .patch(|deployment| deployment.spec.replicas = deployment.spec.replicas.map(|replicas| replicas * 10))
        .patch(|deployment| deployment.spec.replicas = deployment.spec.replicas.map(|replicas| replicas + 1))
        .patch_pod(|pod| pod.containers[0].image = Some("example.org/other:1".into()))
        .container(Container::new("server", "example.org/shop:1"))
        .replicas(2);
    let object = deployment.into_declaration().object;
    assert_eq!(object["spec"]["replicas"], 21);
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/other:1");
}

#[test]
fn a_note_belongs_to_its_field() {
    let declaration = Deployment::new("shop")
        .note_on_change("restarts the shop")
        .note_on_change_of("spec.template.spec.containers[server].image", "a new version")
        .into_declaration();
    let notes: Vec<String> =
        declaration.options.notes.iter().map(|note| format!("{}: {}", note.path, note.text)).collect();
    assert_eq!(notes, [": restarts the shop", "spec.template.spec.containers[server].image: a new version"]);
}
