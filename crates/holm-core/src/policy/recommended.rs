//! The policies that fit nearly every stack.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Policy, Report, ResourceReport};
use crate::graph::Graph;
use crate::references::POD_SPECS;
use crate::resource::Resource;
use crate::warning::WarningKind;

/// Returns the policies that fit nearly every stack: `stack.policies(policy::recommended())`.
///
/// Mandatory: `no-latest-tag`, `requests-and-limits`, `no-privileged-pods`, `restricted-pods`, `no-plain-secrets`. Advisory:
/// `readiness-probes`, `disruption-budgets`. [`Policy::enforced`] changes that, and
/// [`exempt_from`](crate::ResourceOptions::exempt_from) makes an exception of one resource.
pub fn recommended() -> Vec<Policy> {
    vec![
        Policy::mandatory("no-latest-tag", "the same declaration would run another program tomorrow")
            .remediation("name a version or a digest, such as postgres:15.4")
            .on_resources(no_latest_tag),
        Policy::mandatory("requests-and-limits", "one container could take what others on the node need")
            .remediation(
                "add .request(Cpu::millis(100), Memory::mebibytes(128)) and .limit_memory(Memory::mebibytes(256))",
            )
            .on_resources(requests_and_limits),
        Policy::mandatory("no-privileged-pods", "who breaks into such a pod has the node")
            .remediation("use a volume, a Service or a capability instead")
            .on_resources(no_privileged_pods),
        Policy::mandatory(
            "restricted-pods",
            "the Pod Security Standard \"restricted\" keeps an attacker within the pod",
        )
        .remediation("use SecurityContext::restricted() and PodSecurityContext::restricted()")
        .on_resources(restricted_pods),
        Policy::mandatory("no-plain-secrets", "everyone who can read the object can read the secret")
            .remediation("put the value into a Secret and refer to its key")
            .on_graph(no_plain_secrets),
        Policy::advisory("readiness-probes", "requests reach a pod before it can answer them")
            .remediation("add .readiness(Probe::http(PATH, &port))")
            .on_resources(readiness_probes),
        Policy::advisory("disruption-budgets", "draining a node may take all pods away at once")
            .remediation("add a PodDisruptionBudget::max_unavailable(&workload, 1)")
            .on_graph(disruption_budgets),
    ]
}

/// A container with its path in the object.
type Found<'v> = (String, &'v Value);

/// The pod spec of a workload with its path.
fn pod_spec(resource: &Resource) -> Option<Found<'_>> {
    let (.., place) = POD_SPECS.iter().find(|(group, kind, _)| resource.id.is(group, kind))?;
    let spec = resource.object.pointer(&format!("/{}", place.replace('.', "/")))?;
    Some(((*place).to_owned(), spec))
}

/// The containers of a workload's pods.
fn containers<'r>(resource: &'r Resource, lists: &[&str]) -> Vec<Found<'r>> {
    let Some((place, spec)) = pod_spec(resource) else { return Vec::new() };
    let of = |list: &str| {
        let containers = spec.get(list).and_then(Value::as_array).into_iter().flatten();
        containers
            .map(|container| (format!("{place}.{list}[{}]", container["name"].as_str().unwrap_or_default()), container))
            .collect::<Vec<_>>()
    };
    lists.iter().flat_map(|list| of(list)).collect()
}

const ALL: [&str; 2] = ["initContainers", "containers"];

fn no_latest_tag(resource: &Resource, report: &mut ResourceReport) {
    for (path, container) in containers(resource, &ALL) {
        let Some(image) = container["image"].as_str().filter(|image| !image.contains('@')) else { continue };
        let name = image.rsplit('/').next().unwrap_or_default();
        match name.split_once(':') {
            None => {
                report.found(&format!("{path}.image"), format!("the image \"{image}\" has no tag, which means latest"))
            }
            Some((_, "latest")) => {
                report.found(&format!("{path}.image"), format!("the image \"{image}\" has the tag latest"))
            }
            Some(_) => {}
        }
    }
}

fn requests_and_limits(resource: &Resource, report: &mut ResourceReport) {
    for (path, container) in containers(resource, &ALL) {
        let has = |of: &str, name: &str| !container["resources"][of][name].is_null();
        let mut missing = Vec::new();
        for name in ["cpu", "memory"] {
            if !has("requests", name) && !has("limits", name) {
                missing.push(format!("request of {name}"));
            }
        }
        if !has("limits", "memory") {
            missing.push("limit of memory".to_owned());
        }
        if !missing.is_empty() {
            report.found(&format!("{path}.resources"), format!("the container has no {}", missing.join(", no ")));
        }
    }
}

fn no_privileged_pods(resource: &Resource, report: &mut ResourceReport) {
    let Some((place, spec)) = pod_spec(resource) else { return };
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == true {
            report.found(&format!("{place}.{field}"), format!("the pods use the node's own: {field}"));
        }
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        if !volume["hostPath"].is_null() {
            let name = volume["name"].as_str().unwrap_or_default();
            report.found(&format!("{place}.volumes[{name}].hostPath"), "the pods see files of the node");
        }
    }
    for (path, container) in containers(resource, &ALL) {
        if container["securityContext"]["privileged"] == true {
            report.found(&format!("{path}.securityContext.privileged"), "the container is privileged");
        }
    }
}

fn restricted_pods(resource: &Resource, report: &mut ResourceReport) {
    let Some((_, spec)) = pod_spec(resource) else { return };
    for (path, container) in containers(resource, &ALL) {
        let (pod, own) = (&spec["securityContext"], &container["securityContext"]);
        let either = |field: &str| if own[field].is_null() { &pod[field] } else { &own[field] };
        let mut missing = Vec::new();
        if either("runAsNonRoot") != true {
            missing.push("runAsNonRoot: true");
        }
        if !matches!(either("seccompProfile")["type"].as_str(), Some("RuntimeDefault" | "Localhost")) {
            missing.push("a seccompProfile");
        }
        if own["allowPrivilegeEscalation"] != false {
            missing.push("allowPrivilegeEscalation: false");
        }
        let dropped = own["capabilities"]["drop"].as_array();
        if !dropped.is_some_and(|dropped| dropped.iter().any(|capability| capability == "ALL")) {
            missing.push("capabilities.drop: [ALL]");
        }
        if !missing.is_empty() {
            report.found(&format!("{path}.securityContext"), format!("the container lacks {}", missing.join(", ")));
        }
    }
}

/// The graph warns of them already, except for what is marked as meant.
fn no_plain_secrets(graph: &Graph, report: &mut Report) {
    for warning in graph.warnings() {
        if let WarningKind::SecretInPlainText(source, kind) = &warning.kind {
            report.found(&warning.resource, &warning.path.to_string(), format!("{source} is stored in the {kind}"));
        }
    }
}

fn readiness_probes(resource: &Resource, report: &mut ResourceReport) {
    if !["Deployment", "StatefulSet", "DaemonSet"].iter().any(|kind| resource.id.is("apps", kind)) {
        return;
    }
    for (path, container) in containers(resource, &["containers"]) {
        if container["readinessProbe"].is_null() {
            report.found(&path, "the container has no readiness probe");
        }
    }
}

fn disruption_budgets(graph: &Graph, report: &mut Report) {
    let is_budget = |id: &&crate::id::ResourceId| id.is("policy", "PodDisruptionBudget");
    let selections = graph.selections().iter().filter(|selection| is_budget(&&selection.selector));
    let covered: BTreeSet<_> = selections.map(|selection| &selection.workload).collect();
    for resource in graph.resources() {
        let is_workload = resource.id.is("apps", "Deployment") || resource.id.is("apps", "StatefulSet");
        let replicas = resource.object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        if is_workload && replicas > 1 && !covered.contains(&resource.id) {
            report.found(&resource.id, "spec.replicas", format!("{replicas} replicas have no PodDisruptionBudget"));
        }
    }
}
