//! What the server fills in: the defaults of the built-in kinds.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/*/v1/defaults.go`. The schema has almost none of them. Defaults that are allocated, such as
//! a cluster IP, are set elsewhere: they are not the same every time.

mod pod;
mod workload;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kind::ResourceKind;
use crate::object::{self, at, at_mut, set_at, text_at};

/// Turns fields that are only written into those that are stored: `stringData` of a Secret into `data`.
///
/// From `pkg/apis/core/v1/conversion.go`.
pub fn convert(resource: &ResourceKind, object: &mut Value) {
    if !resource.is("secrets") {
        return;
    }
    let Some(Value::Object(texts)) = object::remove_at(object, &["stringData"]) else { return };
    for (key, text) in texts {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        set_at(object, &["data", &key], Value::from(encoded));
    }
}

/// Fills in the defaults of a kind.
pub fn fill(resource: &ResourceKind, object: &mut Value) {
    match &*resource.id {
        "secrets" => default_text(object, &["type"], "Opaque"),
        "namespaces" => {
            let name = object::name(object).to_owned();
            if !name.is_empty() {
                set_at(object, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
            }
            default_at(object, &["status", "phase"], json!("Active"));
        }
        "pods" => pod::fill_pod(object),
        "podtemplates" => pod::fill_template(object, &["template"]),
        "deployments.apps" => workload::deployment(object),
        "replicasets.apps" | "replicationcontrollers" => workload::replica_set(object),
        "statefulsets.apps" => workload::stateful_set(object),
        "daemonsets.apps" => {
            // The conversion from the internal form writes it, so whoever creates the object owns it.
            default_at(object, &["metadata", "annotations", "deprecated.daemonset.template.generation"], json!("0"));
            workload::daemon_set(object);
        }
        "jobs.batch" => workload::job(object),
        "cronjobs.batch" => workload::cron_job(object),
        "horizontalpodautoscalers.autoscaling" => workload::autoscaler(object),
        "persistentvolumeclaims" => claim(object),
        "persistentvolumes" => volume(object),
        "services" => service(object),
        "endpoints" | "endpointslices.discovery.k8s.io" => endpoints(object),
        "networkpolicies.networking.k8s.io" => network_policy(object),
        "ingressclasses.networking.k8s.io" if at(object, &["spec", "parameters"]).is_some() => {
            default_at(object, &["spec", "parameters", "scope"], json!("Cluster"));
        }
        "storageclasses.storage.k8s.io" => {
            default_at(object, &["reclaimPolicy"], json!("Delete"));
            default_at(object, &["volumeBindingMode"], json!("Immediate"));
        }
        "csidrivers.storage.k8s.io" => csi_driver(object),
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => binding(object),
        "priorityclasses.scheduling.k8s.io" => {
            default_at(object, &["preemptionPolicy"], json!("PreemptLowerPriority"));
        }
        "limitranges" => limit_range(object),
        "flowschemas.flowcontrol.apiserver.k8s.io" => default_number(object, &["spec", "matchingPrecedence"], 1000),
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" => priority_level(object),
        "resourceclaims.resource.k8s.io" => device_requests(object, &["spec", "devices", "requests"]),
        "resourceclaimtemplates.resource.k8s.io" => {
            device_requests(object, &["spec", "spec", "devices", "requests"]);
        }
        "validatingadmissionpolicies.admissionregistration.k8s.io"
        | "mutatingadmissionpolicies.admissionregistration.k8s.io" => {
            default_at(object, &["spec", "failurePolicy"], json!("Fail"));
            match_resources(object, &["spec", "matchConstraints"]);
        }
        "validatingadmissionpolicybindings.admissionregistration.k8s.io"
        | "mutatingadmissionpolicybindings.admissionregistration.k8s.io" => {
            match_resources(object, &["spec", "matchResources"]);
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            let kind = text_at(object, &["spec", "names", "kind"]).to_owned();
            if !kind.is_empty() {
                default_at(object, &["spec", "names", "singular"], json!(kind.to_lowercase()));
                default_at(object, &["spec", "names", "listKind"], json!(format!("{kind}List")));
            }
            default_at(object, &["spec", "conversion"], json!({"strategy": "None"}));
        }
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => webhooks(resource, object),
        _ => {}
    }
}

/// Sets a value where there is none.
pub(crate) fn default_at(object: &mut Value, path: &[&str], value: Value) {
    if at(object, path).is_none() {
        set_at(object, path, value);
    }
}

/// Sets a text where there is none or an empty one.
fn default_text(object: &mut Value, path: &[&str], value: &str) {
    if text_at(object, path).is_empty() {
        set_at(object, path, json!(value));
    }
}

/// Sets a number where there is none or zero.
fn default_number(object: &mut Value, path: &[&str], value: i64) {
    if at(object, path).is_none_or(|found| found == &json!(0)) {
        set_at(object, path, json!(value));
    }
}

/// The items of a list, for writing.
fn each<'a>(object: &'a mut Value, path: &[&str]) -> impl Iterator<Item = &'a mut Value> {
    at_mut(object, path).and_then(Value::as_array_mut).into_iter().flatten()
}

pub(super) fn claim(object: &mut Value) {
    default_at(object, &["status", "phase"], json!("Pending"));
    claim_spec(object);
}

pub(super) fn claim_spec(object: &mut Value) {
    default_at(object, &["spec", "volumeMode"], json!("Filesystem"));
}

fn volume(object: &mut Value) {
    default_at(object, &["status", "phase"], json!("Pending"));
    default_at(object, &["spec", "persistentVolumeReclaimPolicy"], json!("Retain"));
    default_at(object, &["spec", "volumeMode"], json!("Filesystem"));
    if at(object, &["spec", "hostPath"]).is_some() {
        default_at(object, &["spec", "hostPath", "type"], json!(""));
    }
}

fn service(object: &mut Value) {
    default_text(object, &["spec", "sessionAffinity"], "None");
    if text_at(object, &["spec", "sessionAffinity"]) == "None" {
        object::remove_at(object, &["spec", "sessionAffinityConfig"]);
    } else {
        default_at(object, &["spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"], json!(10800));
    }
    default_text(object, &["spec", "type"], "ClusterIP");
    for port in each(object, &["spec", "ports"]) {
        default_text(port, &["protocol"], "TCP");
        let unset = match at(port, &["targetPort"]) {
            None => true,
            Some(target) => target == &json!(0) || target == &json!(""),
        };
        if unset && let Some(number) = at(port, &["port"]).cloned() {
            set_at(port, &["targetPort"], number);
        }
    }
    let kind = text_at(object, &["spec", "type"]).to_owned();
    let external = at(object, &["spec", "externalIPs"]).and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && external) {
        default_text(object, &["spec", "externalTrafficPolicy"], "Cluster");
    }
    if kind != "ExternalName" {
        default_at(object, &["spec", "internalTrafficPolicy"], json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        default_at(object, &["spec", "allocateLoadBalancerNodePorts"], json!(true));
        for ingress in each(object, &["status", "loadBalancer", "ingress"]) {
            if !text_at(ingress, &["ip"]).is_empty() {
                default_at(ingress, &["ipMode"], json!("VIP"));
            }
        }
    }
}

fn endpoints(object: &mut Value) {
    for subset in each(object, &["subsets"]) {
        for port in each(subset, &["ports"]) {
            default_text(port, &["protocol"], "TCP");
        }
    }
    for port in each(object, &["ports"]) {
        default_at(port, &["name"], json!(""));
        default_at(port, &["protocol"], json!("TCP"));
    }
}

fn network_policy(object: &mut Value) {
    for rules in [["spec", "ingress"], ["spec", "egress"]] {
        for rule in each(object, &rules) {
            for port in each(rule, &["ports"]) {
                default_at(port, &["protocol"], json!("TCP"));
            }
        }
    }
    let listed = at(object, &["spec", "policyTypes"]).and_then(Value::as_array).is_some_and(|types| !types.is_empty());
    if !listed {
        let egress = at(object, &["spec", "egress"]).and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
        let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        set_at(object, &["spec", "policyTypes"], types);
    }
}

fn csi_driver(object: &mut Value) {
    for (field, value) in [
        ("attachRequired", json!(true)),
        ("podInfoOnMount", json!(false)),
        ("storageCapacity", json!(false)),
        ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
        ("requiresRepublish", json!(false)),
        ("seLinuxMount", json!(false)),
        ("volumeLifecycleModes", json!(["Persistent"])),
        ("preventPodSchedulingIfMissing", json!(false)),
    ] {
        default_at(object, &["spec", field], value);
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

fn binding(object: &mut Value) {
    default_text(object, &["roleRef", "apiGroup"], RBAC);
    for subject in each(object, &["subjects"]) {
        if matches!(text_at(subject, &["kind"]), "User" | "Group") {
            default_text(subject, &["apiGroup"], RBAC);
        }
    }
}

fn limit_range(object: &mut Value) {
    for limit in each(object, &["spec", "limits"]) {
        if text_at(limit, &["type"]) != "Container" {
            continue;
        }
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let Some(amounts) = at(limit, &[from]).and_then(Value::as_object).cloned() else { continue };
            for (name, amount) in amounts {
                default_at(limit, &[to, &name], amount);
            }
        }
    }
}

/// From `pkg/apis/flowcontrol/v1/defaults.go`.
fn priority_level(object: &mut Value) {
    for (kind, shares) in [("exempt", 0), ("limited", 30)] {
        if at(object, &["spec", kind]).is_some() {
            default_at(object, &["spec", kind, "nominalConcurrencyShares"], json!(shares));
            default_at(object, &["spec", kind, "lendablePercent"], json!(0));
        }
    }
    let queuing = ["spec", "limited", "limitResponse", "queuing"];
    if let Some(queuing) = at_mut(object, &queuing) {
        for (field, value) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
            default_number(queuing, &[field], value);
        }
    }
}

/// From `pkg/apis/resource/v1/defaults.go`.
fn device_requests(object: &mut Value, path: &[&str]) {
    for request in each(object, path) {
        if let Some(exact) = at_mut(request, &["exactly"]) {
            device_request(exact);
        }
        each(request, &["firstAvailable"]).for_each(device_request);
    }
}

fn device_request(request: &mut Value) {
    default_text(request, &["allocationMode"], "ExactCount");
    if text_at(request, &["allocationMode"]) == "ExactCount" {
        default_number(request, &["count"], 1);
    }
}

/// What admission policies and their bindings match.
fn match_resources(object: &mut Value, path: &[&str]) {
    let Some(matched) = at_mut(object, path) else { return };
    default_at(matched, &["matchPolicy"], json!("Equivalent"));
    default_at(matched, &["namespaceSelector"], json!({}));
    default_at(matched, &["objectSelector"], json!({}));
    for rules in ["resourceRules", "excludeResourceRules"] {
        for rule in each(matched, &[rules]) {
            default_at(rule, &["scope"], json!("*"));
        }
    }
}

fn webhooks(resource: &ResourceKind, object: &mut Value) {
    let mutating = resource.plural().starts_with("mutating");
    for webhook in each(object, &["webhooks"]) {
        default_at(webhook, &["failurePolicy"], json!("Fail"));
        default_at(webhook, &["matchPolicy"], json!("Equivalent"));
        default_at(webhook, &["namespaceSelector"], json!({}));
        default_at(webhook, &["objectSelector"], json!({}));
        default_at(webhook, &["timeoutSeconds"], json!(10));
        if mutating {
            default_at(webhook, &["reinvocationPolicy"], json!("Never"));
        }
        for rule in each(webhook, &["rules"]) {
            default_at(rule, &["scope"], json!("*"));
        }
        if at(webhook, &["clientConfig", "service"]).is_some() {
            default_at(webhook, &["clientConfig", "service", "port"], json!(443));
        }
    }
}
