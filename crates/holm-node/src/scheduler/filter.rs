//! Whether a node is fit for a pod: one rule after the other, and the first that says no is the reason.
//!
//! From `k8s.io/kubernetes`, `pkg/scheduler/framework/plugins/*`.

use serde_json::Value;

use super::affinity;
use super::requests::Requests;
use crate::object::{at, is_true, list, name, number, text};
use crate::resource::Resource;
use crate::world::World;

pub(super) const AFFINITY: &str = "node(s) didn't match Pod's node affinity/selector";

/// Why a node is not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub reasons: Vec<String>,
    /// Whether the end of other pods would not help.
    pub is_final: bool,
}

impl Refusal {
    pub(super) fn final_one(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], is_final: true }
    }

    fn passing(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], is_final: false }
    }
}

/// Why a node is not fit for a pod; none if it is.
pub(super) fn refusal(pod: &Value, node: &Value, world: &World) -> Option<Refusal> {
    unschedulable(pod, node)
        .or_else(|| taints(pod, node))
        .or_else(|| (!affinity::node_matches(pod, node)).then(|| Refusal::final_one(AFFINITY)))
        .or_else(|| ports(pod, node, world))
        .or_else(|| resources(pod, node, world))
        .or_else(|| {
            affinity::pods_refuse(pod, node, world)
                .map(|(reason, is_final)| Refusal { reasons: vec![reason.to_owned()], is_final })
        })
}

/// `nodeunschedulable`: a node that was cordoned takes only pods that tolerate it.
fn unschedulable(pod: &Value, node: &Value) -> Option<Refusal> {
    let taint = serde_json::json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    let refused = is_true(node, &["spec", "unschedulable"]) && !is_tolerated(pod, &taint);
    refused.then(|| Refusal::final_one("node(s) were unschedulable"))
}

/// `tainttoleration`
fn taints(pod: &Value, node: &Value) -> Option<Refusal> {
    let mut taints =
        list(node, &["spec", "taints"]).filter(|taint| matches!(text(taint, &["effect"]), "NoSchedule" | "NoExecute"));
    taints
        .any(|taint| !is_tolerated(pod, taint))
        .then(|| Refusal::final_one("node(s) had taints that the pod didn't tolerate"))
}

/// `k8s.io/api/core/v1/toleration.go` (`ToleratesTaint`)
fn is_tolerated(pod: &Value, taint: &Value) -> bool {
    list(pod, &["spec", "tolerations"]).any(|toleration| {
        let field = |name: &str| text(toleration, &[name]);
        let effect = field("effect").is_empty() || field("effect") == text(taint, &["effect"]);
        let key = field("key").is_empty() || field("key") == text(taint, &["key"]);
        let value = field("value") == text(taint, &["value"]);
        let number = |text: &str| text.parse::<i64>().ok();
        let compare = |holds: fn(i64, i64) -> bool| {
            number(text(taint, &["value"])).zip(number(field("value"))).is_some_and(|(own, wanted)| holds(own, wanted))
        };
        effect
            && key
            && match field("operator") {
                "" | "Equal" => value,
                "Exists" => true,
                "Lt" => compare(|own, wanted| own < wanted),
                "Gt" => compare(|own, wanted| own > wanted),
                _ => false,
            }
    })
}

/// `nodeports`
fn ports(pod: &Value, node: &Value, world: &World) -> Option<Refusal> {
    let wanted = host_ports(pod);
    if wanted.is_empty() {
        return None;
    }
    let others = world.all(Resource::Pods).map(|(_, other)| other).filter(|other| {
        text(other, &["spec", "nodeName"]) == name(node)
            && !matches!(text(other, &["status", "phase"]), "Succeeded" | "Failed")
    });
    let mut taken = others.flat_map(|other| host_ports(other));
    let clash = |one: &HostPort<'_>, other: &HostPort<'_>| {
        let everywhere = |address: &str| matches!(address, "" | "0.0.0.0");
        one.port == other.port
            && one.protocol == other.protocol
            && (everywhere(one.address) || everywhere(other.address) || one.address == other.address)
    };
    let taken = taken.any(|taken| wanted.iter().any(|wanted| clash(wanted, &taken)));
    taken.then(|| Refusal::passing("node(s) didn't have free ports for the requested pod ports"))
}

struct HostPort<'a> {
    port: i64,
    protocol: &'a str,
    address: &'a str,
}

fn host_ports(pod: &Value) -> Vec<HostPort<'_>> {
    list(pod, &["spec", "containers"])
        .flat_map(|container| list(container, &["ports"]))
        .filter_map(|port| {
            Some(HostPort {
                port: number(port, &["hostPort"]).filter(|port| *port > 0)?,
                protocol: Some(text(port, &["protocol"])).filter(|protocol| !protocol.is_empty()).unwrap_or("TCP"),
                address: text(port, &["hostIP"]),
            })
        })
        .collect()
}

/// `noderesources/fit.go` (`fitsRequest`)
fn resources(pod: &Value, node: &Value, world: &World) -> Option<Refusal> {
    let room = at(node, &["status", "allocatable"]).or_else(|| at(node, &["status", "capacity"]));
    let room = Requests::of(room);
    let used = world.used(name(node)).cloned().unwrap_or_default();
    let mut reasons = Vec::new();
    let mut is_final = false;
    for (resource, wanted) in Requests::of_pod(pod).iter() {
        if wanted == 0 || wanted <= room.amount(resource) - used.amount(resource) {
            continue;
        }
        reasons.push(if resource == "pods" { "Too many pods".to_owned() } else { format!("Insufficient {resource}") });
        // What the node does not have when it is empty, nobody can make room for.
        is_final |= wanted > room.amount(resource);
    }
    (!reasons.is_empty()).then_some(Refusal { reasons, is_final })
}
