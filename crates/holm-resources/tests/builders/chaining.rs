//! Options and methods of a builder chain in any order, calls nest, and values convert by themselves.

use std::time::Duration;

use holm_core::{IntoResource, Ref, ResourceOptions, Stack, Strength};
use holm_resources::{
    Builder, ConfigMap, Container, Deployment, Percent, PersistentVolumeClaim, PodOptions, Port, Probe, Service, kind,
};

use super::{Given, lowered};

#[test]
fn options_come_before_between_and_after_the_methods_of_a_builder() {
    let first = PersistentVolumeClaim::new("data").protect().read_write_once().retain_on_delete().request("5Gi");
    let last = PersistentVolumeClaim::new("data").read_write_once().request("5Gi").protect().retain_on_delete();
    let (first, last) = (first.into_declaration(), last.into_declaration());
    assert_eq!((&first.object, &first.options), (&last.object, &last.options));
    assert!(first.options.protect && first.options.retain_on_delete);
}

#[test]
fn options_chain_in_a_function_that_takes_any_resource() {
    fn kept<R: IntoResource>(resource: R) -> R::Configured {
        resource.protect().retain_on_delete().note_on_change("look twice")
    }
    let given = Given::new();
    let built =
        kept(ConfigMap::new("a").depends_on(&given.data, Strength::Ready)).entry("mode", "fast").into_declaration();
    let plain = kept(kind::ConfigMap::default()).into_declaration();
    for declaration in [&built, &plain] {
        assert!(declaration.options.protect && declaration.options.retain_on_delete);
        assert_eq!(declaration.options.notes.len(), 1);
    }
    assert_eq!(built.options.depends_on.len(), 1);
}

#[test]
fn an_option_that_cannot_be_read_is_a_problem_wherever_it_stands() {
    let problems = ConfigMap::new("a").ignore_changes("data..x").label("a", "b").into_declaration().problems;
    assert_eq!(problems.len(), 1);
}

#[test]
fn calls_nest() {
    let stack = Stack::new("shop", "dev", Some("shop"));
    let http = Port::tcp("http", 8080);
    let web = |name| Deployment::new(name).container(Container::new(name, "example.org/shop:1").port(&http));
    let service: Ref<kind::Service> = stack.add(Service::to(&stack.add(web("web")), &http));
    assert_eq!(service.name(), "web");
    assert_eq!(stack.build().expect("no problems").to_string(), "Service/web selects Deployment/web");
}

#[test]
fn numbers_and_booleans_are_text_where_kubernetes_takes_text() {
    let name = String::from("shop");
    let names = ["shop"];
    let container = Container::new("shop", "example.org/shop:1")
        .env("PORT", 8080)
        .env("MAX", u64::MAX)
        .env("DEBUG", false)
        .env("NAME", &name)
        .env("SAME", names.first().unwrap())
        .args(["--workers", "2"]);
    let deployment = Deployment::new("shop").container(container).pod_annotation("holm.dev/number", 7);
    insta::assert_snapshot!(lowered(deployment), @r#"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      labels:
        app: shop
      name: shop
    spec:
      selector:
        matchLabels:
          app: shop
      template:
        metadata:
          annotations:
            holm.dev/number: "7"
          labels:
            app: shop
        spec:
          containers:
          - args:
            - --workers
            - "2"
            env:
            - name: PORT
              value: "8080"
            - name: MAX
              value: "18446744073709551615"
            - name: DEBUG
              value: "false"
            - name: NAME
              value: shop
            - name: SAME
              value: shop
            image: example.org/shop:1
            name: shop
    "#);
    insta::assert_snapshot!(lowered(ConfigMap::new("a").entry("on", true).entry("count", 3_i64).entry("name", &name)), @r#"
    apiVersion: v1
    data:
      count: "3"
      name: shop
      "on": "true"
    kind: ConfigMap
    metadata:
      name: a
    "#);
}

#[test]
fn rolling_updates_take_numbers_and_percentages() {
    let deployment = Deployment::new("shop").max_unavailable(0).max_surge(Percent(25)).into_declaration();
    insta::assert_snapshot!(deployment.object["spec"]["strategy"], @r#"{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":0},"type":"RollingUpdate"}"#);
    let recreated = Deployment::new("shop").max_surge(1).recreate().into_declaration();
    insta::assert_snapshot!(recreated.object["spec"]["strategy"], @r#"{"type":"Recreate"}"#);
}

#[test]
fn a_duration_that_is_not_whole_seconds_is_a_problem_with_its_field() {
    let http = Port::tcp("http", 80);
    let probe = Probe::tcp(&http).period(Duration::from_millis(1500)).timeout(Duration::MAX);
    let container = Container::new("shop", "example.org/shop:1").port(&http).liveness(probe);
    let deployment = Deployment::new("shop")
        .container(container)
        .termination_grace_period(Duration::from_millis(1))
        .progress_deadline(Duration::from_nanos(1));
    let problems = deployment.into_declaration().problems;
    let lines: Vec<String> = problems.into_iter().map(|(path, kind)| format!("{path}: {kind}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    spec.template.spec.containers[shop].livenessProbe.periodSeconds: "1.5s" is no valid duration: Kubernetes counts it in whole seconds, at most 68 years of them
    spec.template.spec.containers[shop].livenessProbe.timeoutSeconds: "18446744073709551615.999999999s" is no valid duration: Kubernetes counts it in whole seconds, at most 68 years of them
    spec.template.spec.terminationGracePeriodSeconds: "1ms" is no valid duration: Kubernetes counts it in whole seconds, at most 68 years of them
    spec.progressDeadlineSeconds: "1ns" is no valid duration: Kubernetes counts it in whole seconds, at most 68 years of them
    "#);
}
