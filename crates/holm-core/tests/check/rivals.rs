//! Workloads that select each other's pods, and autoscalers beside a declared number of replicas.

use holm_core::{Manifest, ResourceOptions as _, Stack};
use insta::assert_snapshot;
use serde_json::json;

use crate::problems;

fn workload(kind: &str, name: &str, selector: &str, labels: &str, more: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{more} selector: {{{selector}}}, template: \
         {{metadata: {{labels: {{{labels}}}}}, spec: {{containers: [{{name: c, image: 'i:1'}}]}}}}}}\n"
    )
}

#[test]
fn workloads_that_select_each_others_pods_are_found_once() {
    let same = workload("Deployment", "a", "matchLabels: {app: x}", "app: x", "")
        + &workload("StatefulSet", "b", "matchLabels: {app: x}", "app: x", "serviceName: '',");
    assert_snapshot!(problems(&same), @"
    warning: Deployment/ns/a: spec.selector: selector app=x also selects the pods of StatefulSet/ns/b
      hint: give each workload a label of its own, and select by it
    ");
    let one_way = workload("Deployment", "a", "matchLabels: {app: x, tier: web}", "app: x, tier: web", "")
        + &workload("Deployment", "b", "matchExpressions: [{key: app, operator: Exists}]", "app: x", "");
    assert_snapshot!(problems(&one_way), @"
    warning: Deployment/ns/b: spec.selector: selector app also selects the pods of Deployment/ns/a
      hint: give each workload a label of its own, and select by it
    ");
}

#[test]
fn workloads_that_keep_apart_are_fine() {
    let fine = [
        // Another value, another namespace, and a Job, whose pods no ReplicaSet adopts.
        workload("Deployment", "b", "matchLabels: {app: z}", "app: z", ""),
        workload("Deployment", "a", "matchLabels: {app: x}", "app: x", "").replace("{name: a}", "{name: a, namespace: other}"),
        "---\n{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {metadata: {labels: {app: x}}, spec: \
         {restartPolicy: Never, containers: [{name: c, image: 'i:1'}]}}}}"
            .to_owned(),
    ];
    for other in fine {
        let text = workload("Deployment", "a", "matchLabels: {app: x}", "app: x", "") + &other;
        assert_eq!(problems(&text), "", "{other}");
    }
}

const SCALER: &str = "---\n{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {maxReplicas: 3, \
                      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}}}";

#[test]
fn an_autoscaler_beside_declared_replicas_is_found() {
    let text = |more: &str| workload("Deployment", "a", "matchLabels: {app: x}", "app: x", more) + SCALER;
    assert_snapshot!(problems(&text("replicas: 2,")), @r#"
    warning: Deployment/ns/a: spec.replicas: the number of replicas is declared, and HorizontalPodAutoscaler/ns/h sets it too
      hint: leave spec.replicas out, or declare it with ignore_changes("spec.replicas")
    "#);
    assert_eq!(problems(&text("")), "");
    // An autoscaler leaves what is scaled to nothing alone.
    assert_eq!(problems(&text("replicas: 0,")), "");
}

#[test]
fn replicas_that_are_left_to_the_autoscaler_may_be_declared() {
    let stack = Stack::new("test", "default", Some("ns"));
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 2,
        "selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
    stack.add(Manifest::new(deployment).ignore_changes("spec.replicas"));
    stack.add_yaml(SCALER);
    assert_eq!(stack.build().unwrap().warnings(), []);
}

#[test]
fn a_policy_is_shown_with_the_pods_that_it_selects() {
    let policy = |selector: &str| {
        format!(
            "---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {{podSelector: {selector}}}}}"
        )
    };
    let pods = workload("Deployment", "a", "matchLabels: {app: x}", "app: x", "")
        + &workload("Deployment", "b", "matchLabels: {app: z}", "app: z", "");
    let selections = |selector: &str| {
        let graph = crate::build(&(pods.clone() + &policy(selector))).unwrap();
        graph.selections().iter().map(|selection| selection.workload.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(selections("{matchLabels: {app: x}}"), ["a"]);
    assert_eq!(selections("{matchExpressions: [{key: app, operator: In, values: [x, z]}]}"), ["a", "b"]);
    assert_eq!(selections("{}"), ["a", "b"]);
}
