//! Policies find what breaks them, and nothing else.
#![allow(clippy::unwrap_used)]

use holm_core::policy::{self, Enforcement, PlannedChange, Policy};
use holm_core::{Graph, Input, Manifest, Password, ResourceId, ResourceOptions as _, Sensitive, Stack};
use serde_json::{Value, json};

fn deployment(name: &str, replicas: u32, pod: &Value) -> Manifest {
    Manifest::new(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }))
}

fn good_container() -> Value {
    json!({
        "name": "c", "image": "registry:5000/web:1.2",
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}},
        "readinessProbe": {"exec": {"command": ["true"]}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    })
}

fn stack() -> Stack {
    let stack = Stack::new("shop", "default", Some("shop"));
    stack.policies(policy::recommended());
    stack
}

fn found(graph: &Graph) -> String {
    let lines = policy::violations(graph, None).into_iter().map(|violation| {
        let kind = if violation.enforcement == Enforcement::Mandatory { "error" } else { "warning" };
        let (id, path) = (violation.resource.short(), violation.path);
        format!("{kind} {}: {id}: {path}: {}", violation.policy, violation.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_follows_the_recommended_policies_has_no_violation() {
    let stack = stack();
    stack.add(deployment("web", 2, &json!({"containers": [good_container()]})));
    stack.add(Manifest::new(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    })));
    assert_eq!(found(&stack.build().unwrap()), "");
}

#[test]
fn every_recommended_policy_finds_what_breaks_it() {
    let stack = stack();
    let pod = json!({
        "hostNetwork": true,
        "initContainers": [{"name": "i", "image": "registry:5000/init", "securityContext": {"privileged": true}}],
        "containers": [{"name": "c", "image": "web:latest"}],
        "volumes": [{"name": "h", "hostPath": {"path": "/"}}],
    });
    stack.add(deployment("web", 2, &pod));
    let map = Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}));
    stack.add(map.with_input("data.token", Input::from(Sensitive::from("hunter2"))));
    let graph = stack.build().unwrap();
    insta::assert_snapshot!(found(&graph), @r#"
    error no-latest-tag: Deployment/web: spec.template.spec.initContainers[i].image: the image "registry:5000/init" has no tag, which means latest
    error no-latest-tag: Deployment/web: spec.template.spec.containers[c].image: the image "web:latest" has the tag latest
    error requests-and-limits: Deployment/web: spec.template.spec.initContainers[i].resources: the container has no request of cpu, no request of memory, no limit of memory
    error requests-and-limits: Deployment/web: spec.template.spec.containers[c].resources: the container has no request of cpu, no request of memory, no limit of memory
    error no-privileged-pods: Deployment/web: spec.template.spec.hostNetwork: the pods use the node's own: hostNetwork
    error no-privileged-pods: Deployment/web: spec.template.spec.volumes[h].hostPath: the pods see files of the node
    error no-privileged-pods: Deployment/web: spec.template.spec.initContainers[i].securityContext.privileged: the container is privileged
    error restricted-pods: Deployment/web: spec.template.spec.initContainers[i].securityContext: the container lacks runAsNonRoot: true, a seccompProfile, allowPrivilegeEscalation: false, capabilities.drop: [ALL]
    error restricted-pods: Deployment/web: spec.template.spec.containers[c].securityContext: the container lacks runAsNonRoot: true, a seccompProfile, allowPrivilegeEscalation: false, capabilities.drop: [ALL]
    error no-plain-secrets: ConfigMap/settings: data.token: a sensitive value is stored in the ConfigMap
    warning readiness-probes: Deployment/web: spec.template.spec.containers[c]: the container has no readiness probe
    warning disruption-budgets: Deployment/web: spec.replicas: 2 replicas have no PodDisruptionBudget
    "#);
    assert!(!format!("{:?}", policy::violations(&graph, None)).contains("hunter2"));
}

#[test]
fn a_digest_and_a_generated_value_in_a_secret_break_nothing() {
    let stack = stack();
    let password = stack.generated("password", Password::alphanumeric(8));
    let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}));
    stack.add(secret.with_input("data.password", password.base64()));
    let mut container = good_container();
    container["image"] = "web@sha256:0123".into();
    container["envFrom"] = json!([{"secretRef": {"name": "login"}}]);
    stack.add(deployment("web", 1, &json!({"containers": [container]})).roll_on_change());
    assert_eq!(found(&stack.build().unwrap()), "");
}

#[test]
fn a_resource_may_be_exempt_and_a_policy_enforced_otherwise() {
    let stack = Stack::new("shop", "default", Some("shop"));
    stack.policies(policy::recommended().into_iter().map(|policy| policy.enforced(Enforcement::Advisory)));
    let pod = json!({"containers": [{"name": "c", "image": "web"}]});
    let exempt = ["no-latest-tag", "requests-and-limits", "restricted-pods"];
    let agent = exempt.iter().fold(deployment("agent", 1, &pod).protect(), |agent, policy| {
        agent.exempt_from(policy, "it is built in the cluster")
    });
    stack.add(agent);
    stack.add(deployment("web", 1, &json!({"containers": [good_container()]})));
    insta::assert_snapshot!(found(&stack.build().unwrap()), @"warning readiness-probes: Deployment/agent: spec.template.spec.containers[c]: the container has no readiness probe");
}

#[test]
fn policies_of_ones_own_see_resources_the_graph_and_the_plan() {
    let stack = Stack::new("shop", "default", Some("shop"));
    stack.policies([
        Policy::mandatory("one-map", "one is enough").on_graph(|graph, report| {
            for resource in graph.resources().iter().skip(1) {
                report.found(&resource.id, "", "is one too many");
            }
        }),
        Policy::advisory("no-deletes", "nothing goes on a Friday").on_plan(|changes, report| {
            for change in changes.iter().filter(|change| change.action == "delete") {
                report.found(&change.id, "", "would be deleted");
            }
        }),
    ]);
    for name in ["a", "b"] {
        stack.add(Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})));
    }
    let graph = stack.build().unwrap();
    let gone = ResourceId::new("", "Secret", Some("shop"), "gone");
    let plan = [PlannedChange { id: gone.clone(), action: "delete".into(), fields: Vec::new() }];
    let violations = policy::violations(&graph, Some(&plan));
    let lines: Vec<String> =
        violations.iter().map(|v| format!("{} {} {:?}", v.policy, v.resource.short(), v.site.is_some())).collect();
    assert_eq!(lines, ["one-map ConfigMap/b true", "no-deletes Secret/gone false"]);
    assert_eq!(policy::violations(&graph, None).len(), 1);
}
