//! Addresses and ports that services get.
//!
//! From `k8s.io/kubernetes`, `pkg/registry/core/service/storage/{storage,alloc}.go`: one address family (IPv4), cluster IPs from
//! `10.96.0.0/16`, node ports from 30000 to 32767. A dry run allocates nothing: what it shows is free, and not reserved.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::error::{ApiError, FieldError};
use crate::object::{self, at, copy_at, remove_at, set_at, text_at};
use crate::registry::ResourceType;
use crate::state::State;

const FIRST_NODE_PORT: u32 = 30_000;
const NODE_PORTS: u32 = 2_768;

/// Gives a new service its addresses and ports.
pub(crate) fn on_create(state: &mut State, resource: &ResourceType, object: &mut Value) -> Result<(), ApiError> {
    if !resource.is("services") {
        return Ok(());
    }
    families(object);
    addresses(state, object)?;
    node_ports(state, object)
}

/// Keeps what a changed service has, and gives it what it lacks.
pub(crate) fn on_update(state: &mut State, resource: &ResourceType, object: &mut Value) -> Result<(), ApiError> {
    if !resource.is("services") {
        return Ok(());
    }
    families(object);
    addresses(state, object)?;
    node_ports(state, object)
}

/// What a change leaves out and the service keeps, before it is validated (`patchAllocatedValues`).
pub(crate) fn keep(live: &Value, object: &mut Value) {
    let kind = |object: &Value| text_at(object, &["spec", "type"]).to_owned();
    let (before, after) = (kind(live), kind(object));
    let has_address = |kind: &str| kind != "ExternalName";
    let has_node_ports = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if has_address(&before) && has_address(&after) {
        // Whoever changes the one address means the first of all.
        let (one, all) = (["spec", "clusterIP"], ["spec", "clusterIPs"]);
        if let Some(address) = at(object, &one).cloned()
            && at(live, &one) != Some(&address)
            && address != json!("")
            && at(object, &all) == at(live, &all)
            && let Some(first) =
                object::at_mut(object, &all).and_then(Value::as_array_mut).and_then(|all| all.first_mut())
        {
            *first = address;
        }
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if at(object, &["spec", field]).is_none() {
                copy_at(live, object, &["spec", field]);
            }
        }
    }
    if has_node_ports(&before) && has_node_ports(&after) {
        let old = at(live, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default();
        for port in object::at_mut(object, &["spec", "ports"]).and_then(Value::as_array_mut).into_iter().flatten() {
            if at(port, &["nodePort"]).is_some() {
                continue;
            }
            let same = |found: &&Value| ["port", "protocol"].iter().all(|field| found.get(field) == port.get(field));
            if let Some(number) = old.iter().find(same).and_then(|found| at(found, &["nodePort"]).cloned()) {
                set_at(port, &["nodePort"], number);
            }
        }
    }
    if has_node_ports(&before) && !has_node_ports(&after) {
        // The old ports go with the old type, unless the client says otherwise itself.
        let old = at(live, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default();
        for port in object::at_mut(object, &["spec", "ports"]).and_then(Value::as_array_mut).into_iter().flatten() {
            if old.iter().any(|found| found.get("nodePort") == port.get("nodePort")) {
                remove_at(port, &["nodePort"]);
            }
        }
    }
    // Whether it is alive is asked only of a load balancer that keeps traffic on its node.
    let is_checked = |object: &Value| {
        text_at(object, &["spec", "type"]) == "LoadBalancer"
            && text_at(object, &["spec", "externalTrafficPolicy"]) == "Local"
    };
    let port = ["spec", "healthCheckNodePort"];
    if is_checked(live) && !is_checked(object) && at(live, &port) == at(object, &port) {
        remove_at(object, &port);
    }
    // From `dropTypeDependentFields`: what the new type has no use for goes, unless the client has just set it.
    let external = |object: &Value| {
        let addresses = at(object, &["spec", "externalIPs"]).and_then(Value::as_array);
        has_node_ports(&kind(object)) || (kind(object) == "ClusterIP" && addresses.is_some_and(|all| !all.is_empty()))
    };
    let balances = |kind: &str| kind == "LoadBalancer";
    let mut dropped: Vec<&str> = Vec::new();
    if has_address(&before) && !has_address(&after) {
        dropped.extend(["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]);
    }
    if external(live) && !external(object) {
        dropped.push("externalTrafficPolicy");
    }
    if balances(&before) && !balances(&after) {
        dropped.extend(["healthCheckNodePort", "allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    for field in dropped {
        if at(live, &["spec", field]) == at(object, &["spec", field]) {
            remove_at(object, &["spec", field]);
        }
    }
}

fn families(object: &mut Value) {
    if text_at(object, &["spec", "type"]) == "ExternalName" {
        return;
    }
    let headless = text_at(object, &["spec", "clusterIP"]) == "None";
    let selects = at(object, &["spec", "selector"]).and_then(Value::as_object).is_some_and(|labels| !labels.is_empty());
    if headless && !selects {
        default(object, "ipFamilyPolicy", json!("RequireDualStack"));
        default(object, "ipFamilies", json!(["IPv4", "IPv6"]));
    } else {
        default(object, "ipFamilyPolicy", json!("SingleStack"));
        default(object, "ipFamilies", json!(["IPv4"]));
    }
}

fn default(object: &mut Value, field: &str, value: Value) {
    if at(object, &["spec", field]).is_none() {
        set_at(object, &["spec", field], value);
    }
}

fn addresses(state: &mut State, object: &mut Value) -> Result<(), ApiError> {
    if text_at(object, &["spec", "type"]) == "ExternalName" {
        return Ok(());
    }
    let wanted = text_at(object, &["spec", "clusterIP"]).to_owned();
    if wanted == "None" {
        default(object, "clusterIPs", json!(["None"]));
        return Ok(());
    }
    let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
    let others = state
        .store
        .list("services", None)
        .filter(|((other_namespace, other), _)| (other_namespace, other) != (&namespace, &name));
    let used: HashSet<String> =
        others.map(|(_, service)| text_at(service, &["spec", "clusterIP"]).to_owned()).collect();
    let address = if wanted.is_empty() {
        let free = (0..4096_u32).map(|_| {
            let number = 256 + state.random.below(65_000);
            format!("10.96.{}.{}", number / 256, number % 256)
        });
        let mut free = free.filter(|address| !used.contains(address) && !address.ends_with(".0"));
        free.next().ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?
    } else {
        let refused = |problem: String| {
            let errors = [FieldError::invalid("spec.clusterIPs", json!([wanted]), problem)];
            Err(ApiError::invalid("", "Service", &name, &errors))
        };
        if wanted.parse::<std::net::Ipv4Addr>().is_err() {
            return refused("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned());
        }
        if !wanted.starts_with("10.96.") {
            return refused(format!(
                "failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range"
            ));
        }
        if used.contains(&wanted) {
            return refused(format!("failed to allocate IP {wanted}: provided IP is already allocated"));
        }
        wanted.clone()
    };
    set_at(object, &["spec", "clusterIP"], json!(address));
    set_at(object, &["spec", "clusterIPs"], json!([address]));
    Ok(())
}

fn node_ports(state: &mut State, object: &mut Value) -> Result<(), ApiError> {
    let kind = text_at(object, &["spec", "type"]).to_owned();
    let wants = kind == "NodePort"
        || (kind == "LoadBalancer" && at(object, &["spec", "allocateLoadBalancerNodePorts"]) != Some(&json!(false)));
    if !wants {
        return Ok(());
    }
    let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
    let mut used: HashSet<(String, u64)> = HashSet::new();
    let port_of = |port: &Value| {
        let number = at(port, &["nodePort"]).and_then(Value::as_u64)?;
        Some((text_at(port, &["protocol"]).to_owned(), number))
    };
    for ((other_namespace, other), service) in state.store.list("services", None) {
        if (other_namespace, other) != (&namespace, &name) {
            let ports = at(service, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
            used.extend(ports.filter_map(port_of));
        }
    }
    let local = kind == "LoadBalancer" && text_at(object, &["spec", "externalTrafficPolicy"]) == "Local";
    let mut ports = at(object, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default();
    for (position, port) in ports.iter_mut().enumerate() {
        let path = format!("spec.ports[{position}].nodePort");
        if let Some(wanted) = port_of(port) {
            let in_range = (u64::from(FIRST_NODE_PORT)..u64::from(FIRST_NODE_PORT + NODE_PORTS)).contains(&wanted.1);
            if !in_range || used.contains(&wanted) {
                let problem = if in_range {
                    "provided port is already allocated".to_owned()
                } else {
                    format!(
                        "provided port is not in the valid range. The range of valid ports is {FIRST_NODE_PORT}-{}",
                        FIRST_NODE_PORT + NODE_PORTS - 1
                    )
                };
                let errors = [FieldError::invalid(path, wanted.1, problem)];
                return Err(ApiError::invalid("", "Service", &name, &errors));
            }
            used.insert(wanted);
            continue;
        }
        let protocol = text_at(port, &["protocol"]).to_owned();
        let free = free_port(state, &protocol, &used)?;
        used.insert((protocol, free));
        set_at(port, &["nodePort"], json!(free));
    }
    set_at(object, &["spec", "ports"], json!(ports));
    if local && at(object, &["spec", "healthCheckNodePort"]).is_none() {
        let free = free_port(state, "TCP", &used)?;
        set_at(object, &["spec", "healthCheckNodePort"], json!(free));
    }
    Ok(())
}

fn free_port(state: &mut State, protocol: &str, used: &HashSet<(String, u64)>) -> Result<u64, ApiError> {
    let mut free = (0..100_000).map(|_| u64::from(FIRST_NODE_PORT + state.random.below(NODE_PORTS)));
    free.find(|port| !used.contains(&(protocol.to_owned(), *port)))
        .ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))
}
