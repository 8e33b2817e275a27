//! What a changed service keeps although the change does not say so.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{EXTERNAL_NAME, kind, texts};
use crate::object::{self, at, copy_at, remove_at, set_at, text_at};

fn has_node_ports(service: &Value) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}

/// Whether a load balancer keeps traffic on its node, so that it is asked which nodes are alive.
pub(super) fn is_checked(service: &Value) -> bool {
    kind(service) == "LoadBalancer" && text_at(service, &["spec", "externalTrafficPolicy"]) == "Local"
}

pub(super) fn node_ports(service: &Value) -> HashSet<i64> {
    let ports = at(service, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
    ports.filter_map(|port| at(port, &["nodePort"])?.as_i64()).filter(|number| *number != 0).collect()
}

pub(super) fn ports_of(service: &mut Value) -> impl Iterator<Item = &mut Value> {
    object::at_mut(service, &["spec", "ports"]).and_then(Value::as_array_mut).into_iter().flatten()
}

/// What a change leaves out and the service keeps: `patchAllocatedValues`.
pub(super) fn allocated(live: &Value, object: &mut Value) {
    if kind(live) != EXTERNAL_NAME && kind(object) != EXTERNAL_NAME {
        if text_at(object, &["spec", "clusterIP"]).is_empty() {
            copy_at(live, object, &["spec", "clusterIP"]);
        }
        if texts(object, "clusterIPs").is_empty() {
            copy_at(live, object, &["spec", "clusterIPs"]);
        }
    }
    if has_node_ports(live) && has_node_ports(object) {
        let used: HashSet<i64> = node_ports(live).intersection(&node_ports(object)).copied().collect();
        let ports = at(live, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
        let named: HashMap<&str, i64> =
            ports.filter_map(|port| Some((text_at(port, &["name"]), at(port, &["nodePort"])?.as_i64()?))).collect();
        for port in ports_of(object) {
            if at(port, &["nodePort"]).and_then(Value::as_i64).unwrap_or_default() != 0 {
                continue;
            }
            if let Some(number) = named.get(text_at(port, &["name"])).filter(|number| !used.contains(*number)) {
                set_at(port, &["nodePort"], json!(number));
            }
        }
    }
    let port = ["spec", "healthCheckNodePort"];
    if is_checked(live) && is_checked(object) && at(object, &port).is_none_or(|port| *port == 0) {
        copy_at(live, object, &port);
    }
}

/// Whoever changes the one address means all, and whoever takes it away too: `normalizeClusterIPs`.
pub(super) fn one_and_all(live: &Value, object: &mut Value) {
    let one = |service: &Value| text_at(service, &["spec", "clusterIP"]).to_owned();
    let (before, after) = (one(live), one(object));
    if !texts(live, "clusterIPs").is_empty() && texts(object, "clusterIPs").is_empty() && before == after {
        copy_at(live, object, &["spec", "clusterIPs"]);
    }
    if before == after || texts(live, "clusterIPs") != texts(object, "clusterIPs") {
        return;
    }
    if after.is_empty() && !before.is_empty() {
        remove_at(object, &["spec", "clusterIPs"]);
    } else {
        set_at(object, &["spec", "clusterIPs"], json!([after]));
    }
}

/// What the new type of a service has no use for goes, unless the client has just set it: `dropTypeDependentFields`.
pub(crate) fn drop_of_type(live: &Value, object: &mut Value) {
    let same = |object: &Value, field: &str| at(live, &["spec", field]) == at(object, &["spec", field]);
    let mut dropped: Vec<&str> = Vec::new();
    if kind(live) != EXTERNAL_NAME && kind(object) == EXTERNAL_NAME {
        if same(object, "clusterIP") && same(object, "clusterIPs") {
            dropped.extend(["clusterIP", "clusterIPs"]);
        }
        dropped.extend(
            ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"].into_iter().filter(|field| same(object, field)),
        );
    }
    if has_node_ports(live) && !has_node_ports(object) && node_ports(live).is_superset(&node_ports(object)) {
        ports_of(object).for_each(|port| {
            remove_at(port, &["nodePort"]);
        });
    }
    if is_checked(live) && !is_checked(object) && same(object, "healthCheckNodePort") {
        dropped.push("healthCheckNodePort");
    }
    let balances = |service: &Value| kind(service) == "LoadBalancer";
    if balances(live) && !balances(object) {
        let of_balancers = ["allocateLoadBalancerNodePorts", "loadBalancerClass"];
        dropped.extend(of_balancers.into_iter().filter(|field| same(object, field)));
    }
    let is_outside = |service: &Value| {
        has_node_ports(service) || (kind(service) == "ClusterIP" && !texts(service, "externalIPs").is_empty())
    };
    if is_outside(live) && !is_outside(object) && same(object, "externalTrafficPolicy") {
        dropped.push("externalTrafficPolicy");
    }
    for field in dropped {
        remove_at(object, &["spec", field]);
    }
    if !balances(object) {
        set_at(object, &["status", "loadBalancer"], json!({}));
    }
}
