//! Mistakes that types do not stop are reported with their field.

use holm_core::IntoResource;
use holm_resources::{Builder, ClaimTemplate, Container, Deployment, PodOptions, Port, Service, kind};

use super::Given;

fn problems(resource: impl IntoResource) -> String {
    let problems = resource.into_declaration().problems;
    let lines: Vec<String> = problems.into_iter().map(|(path, kind)| format!("{path}: {kind}")).collect();
    lines.join("\n")
}

#[test]
fn a_claim_template_outside_a_stateful_set() {
    let container = Container::new("server", "example.org/shop:1").mount("/data", ClaimTemplate::new("data"));
    insta::assert_snapshot!(problems(Deployment::new("shop").container(container)), @r#"spec.template.spec.volumes: mounts the claim template "data", but only a StatefulSet makes a claim for each pod; add a PersistentVolumeClaim to the stack and mount that"#);
}

#[test]
fn a_service_to_a_workload_whose_labels_are_unknown() {
    let given = Given::new();
    let outside = given.stack.external::<kind::Deployment>("legacy");
    let port = Port::tcp("http", 8080);
    insta::assert_snapshot!(problems(Service::to(&outside, &port)), @"spec.selector: the pod labels of Deployment/shop/legacy are not known here; give them with Service::new(NAME).selector([(KEY, VALUE)])");
    assert_eq!(problems(Service::to(&outside, &port).selector([("app", "legacy")])), "");
}

#[test]
fn a_patch_that_takes_the_place_of_a_value_away() {
    let volume = Given::new().data.field("spec.volumeName");
    let container = Container::new("server", "example.org/shop:1").env("VOLUME", volume);
    let deployment = Deployment::new("shop").container(container);
    insta::assert_snapshot!(problems(deployment.patch(|deployment| deployment.spec.template.spec = None)), @"spec.template.spec.containers[server].env[VOLUME].value: a patch took the place away that this value goes to");
}
