//! What an object uses of that which quotas limit.
//!
//! From `k8s.io/kubernetes`, `pkg/quota/v1/evaluator/core`, and `k8s.io/component-helpers`, `resource/helpers.go` (`PodRequests`).

use std::collections::{BTreeMap, BTreeSet};

use holm_values::{Quantity, Timestamp};
use serde_json::Value;

use super::Amounts;
use crate::object::{self, at, text_at};
use crate::validate::resources::COMPUTE;

/// Of these every container must say what it needs, once a quota limits them.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
/// Resources that have a name of their own for the number of their objects.
const ALIASES: [&str; 4] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];
const OF_CLASSES: &str = ".storageclass.storage.k8s.io/";
const OF_CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
const OF_SERVICES: [&str; 3] = ["services", "services.nodeports", "services.loadbalancers"];

/// Whether a name of a quota limits something that objects of a resource use.
pub(super) fn is_of(resource: &str, name: &str) -> bool {
    if name.strip_prefix("count/") == Some(resource) {
        return true;
    }
    match resource {
        // Resources with other names are `requests.` and theirs.
        "pods" => name == "pods" || COMPUTE.contains(&name) || name.starts_with("hugepages-") || is_extended(name),
        "services" => OF_SERVICES.contains(&name),
        "persistentvolumeclaims" => {
            let of_class = name.split_once(OF_CLASSES).map(|(_, rest)| rest);
            OF_CLAIMS.contains(&of_class.unwrap_or(name))
        }
        _ => ALIASES.contains(&resource) && name == resource,
    }
}

/// `requests.` and a resource that is not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.strip_prefix("requests.").is_some_and(|rest| {
        let is_native = !rest.contains('/') || rest.contains("kubernetes.io/");
        rest.starts_with("hugepages-") || rest.starts_with("deviceclass.resource.kubernetes.io/") || !is_native
    })
}

/// The resources of which a name of a quota may limit something.
pub(super) fn resources_of(name: &str) -> Vec<String> {
    let counted = name.strip_prefix("count/").map(str::to_owned);
    let known = ["pods", "services", "persistentvolumeclaims"].into_iter().chain(ALIASES);
    counted.into_iter().chain(known.filter(|resource| is_of(resource, name)).map(str::to_owned)).collect()
}

/// What an object uses.
pub(super) fn of(resource: &str, object: &Value, now: Timestamp) -> Amounts {
    let mut amounts = Amounts::from([(format!("count/{resource}"), Quantity::whole(1))]);
    match resource {
        "pods" if has_ended(object, now) => {}
        "pods" => amounts.extend(of_pod(object)),
        "services" => amounts.extend(of_service(object)),
        "persistentvolumeclaims" => amounts.extend(of_claim(object)),
        _ if ALIASES.contains(&resource) => {
            amounts.insert(resource.to_owned(), Quantity::whole(1));
        }
        _ => {}
    }
    amounts
}

/// A pod that has ended, or should have, is counted as an object only.
fn has_ended(pod: &Value, now: Timestamp) -> bool {
    let is_over = matches!(text_at(pod, &["status", "phase"]), "Succeeded" | "Failed");
    let deleted = object::metadata_text(pod, "deletionTimestamp").parse::<Timestamp>().ok();
    let grace = object::metadata(pod, "deletionGracePeriodSeconds").and_then(Value::as_i64);
    is_over || deleted.zip(grace).is_some_and(|(deleted, grace)| now.0 > deleted.0 + grace)
}

fn of_pod(pod: &Value) -> Amounts {
    let mut amounts = renamed(&total(pod, "requests"), &total(pod, "limits"));
    amounts.insert("pods".to_owned(), Quantity::whole(1));
    amounts
}

/// Requests and limits by the names that quotas have for them (`podComputeUsageHelper`).
fn renamed(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut amounts = Amounts::new();
    for (name, amount) in requests {
        let is_plain =
            matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if is_plain {
            amounts.insert(name.clone(), *amount);
        }
        let requested = format!("requests.{name}");
        if is_plain || is_extended(&requested) {
            amounts.insert(requested, *amount);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            amounts.insert(format!("limits.{name}"), *amount);
        }
    }
    amounts
}

fn resources(holder: &Value, part: &str) -> Amounts {
    let list = at(holder, &["resources", part]).and_then(Value::as_object).into_iter().flatten();
    list.filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount)?))).collect()
}

/// What a pod needs: the sum of its containers and sidecars, or more where an init container needs more with the sidecars that
/// are there before it; what the pod says itself instead; and its overhead.
fn total(pod: &Value, part: &str) -> Amounts {
    let list = |name: &str| at(pod, &["spec", name]).and_then(Value::as_array).into_iter().flatten();
    let mut sum = Amounts::new();
    list("containers").for_each(|container| add(&mut sum, &resources(container, part)));
    let (mut sidecars, mut most) = (Amounts::new(), Amounts::new());
    for container in list("initContainers") {
        let own = resources(container, part);
        if text_at(container, &["restartPolicy"]) == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            raise(&mut most, &sidecars);
        } else {
            let mut with_sidecars = sidecars.clone();
            add(&mut with_sidecars, &own);
            raise(&mut most, &with_sidecars);
        }
    }
    raise(&mut sum, &most);
    if let Some(spec) = pod.get("spec") {
        sum.extend(resources(spec, part));
        let overhead = spec.get("overhead").and_then(Value::as_object).into_iter().flatten();
        for (name, amount) in overhead.filter_map(|(name, amount)| Some((name, Quantity::of(amount)?))) {
            // A limit is raised by it, and none comes of it.
            if part == "requests" || sum.contains_key(name) {
                add(&mut sum, &BTreeMap::from([(name.clone(), amount)]));
            }
        }
    }
    sum
}

fn add(sum: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        let total = sum.get(name).map_or(*amount, |total| total.plus(*amount));
        sum.insert(name.clone(), total);
    }
}

fn raise(most: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        if most.get(name).is_none_or(|known| amount > known) {
            most.insert(name.clone(), *amount);
        }
    }
}

/// What the containers of a pod do not say although a quota limits it, as the message has it.
pub(super) fn missing(pod: &Value, restricted: &[&str]) -> Option<String> {
    let says = |part: &str| {
        at(pod, &["spec", "resources", part]).and_then(Value::as_object).is_some_and(|list| !list.is_empty())
    };
    if says("requests") || says("limits") {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for container in at(pod, &["spec", list]).and_then(Value::as_array).into_iter().flatten() {
            let said = renamed(&resources(container, "requests"), &resources(container, "limits"));
            for name in restricted.iter().filter(|name| REQUIRED.contains(name) && !said.contains_key(**name)) {
                missing.entry(name).or_default().insert(text_at(container, &["name"]));
            }
        }
    }
    let texts = missing.iter().map(|(name, containers)| {
        let containers: Vec<&str> = containers.iter().copied().collect();
        format!("{name} for: {}", containers.join(","))
    });
    (!missing.is_empty()).then(|| texts.collect::<Vec<_>>().join("; "))
}

fn of_service(service: &Value) -> Amounts {
    let ports = at(service, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let count = |number: usize| Quantity::whole(i64::try_from(number).unwrap_or(i64::MAX));
    let allocates = at(service, &["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false));
    let (node_ports, balancers) = match text_at(service, &["spec", "type"]) {
        "NodePort" => (ports.len(), 0),
        "LoadBalancer" if allocates => (ports.len(), 1),
        // The ports that somebody has named are taken all the same.
        "LoadBalancer" => {
            let named = |port: &&Value| at(port, &["nodePort"]).and_then(Value::as_i64).is_some_and(|port| port != 0);
            (ports.iter().filter(named).count(), 1)
        }
        _ => (0, 0),
    };
    let named = OF_SERVICES.into_iter().zip([Quantity::whole(1), count(node_ports), count(balancers)]);
    named.map(|(name, amount)| (name.to_owned(), amount)).collect()
}

fn of_claim(claim: &Value) -> Amounts {
    let quantity = |path: &[&str]| at(claim, path).and_then(Quantity::of);
    let asked = quantity(&["spec", "resources", "requests", "storage"]);
    let given = quantity(&["status", "allocatedResources", "storage"]);
    let storage = asked.map(|asked| given.filter(|given| *given > asked).unwrap_or(asked).rounded());
    let class = match object::annotation(claim, "volume.beta.kubernetes.io/storage-class") {
        Some(class) => class,
        None => text_at(claim, &["spec", "storageClassName"]),
    };
    let [claims, requests] = OF_CLAIMS;
    let mut amounts = Amounts::new();
    for (name, amount) in [(claims, Some(Quantity::whole(1))), (requests, storage)] {
        let Some(amount) = amount else { continue };
        amounts.insert(name.to_owned(), amount);
        if !class.is_empty() {
            amounts.insert(format!("{class}{OF_CLASSES}{name}"), amount);
        }
    }
    amounts
}
