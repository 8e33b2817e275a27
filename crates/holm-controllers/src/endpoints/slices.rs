//! EndpointSlices: the addresses behind a service, at most a hundred in each.
//!
//! From `k8s.io/endpointslice`, `{reconciler,utils}.go`. Hints of topology and traffic distribution are not given.

use std::collections::BTreeMap;
use std::sync::Arc;

use holm_apiserver::DeleteOptions;
use serde_json::{Value, json};

use super::trigger::{mark, trigger};
use super::{HEADLESS_LABEL, find_port, host_name, is_headless, pods_of, selects};
use crate::context::Context;
use crate::error::{Failure, Outcome, is_namespace_terminating, is_not_found};
use crate::event::Said;
use crate::fields::{
    at, controller_reference, flag, is_controlled_by, is_deleting, items, label, name, namespace, pairs, set, text, uid,
};
use crate::index::Term;
use crate::kind::Kind;
use crate::pods::is_ready;
use crate::queue::Key;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const COMPONENT: &str = "endpoint-slice-controller";
const MAX_ENDPOINTS: usize = 100;

/// Brings the slices of a service to what its pods are.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let term = Term::Label(key.namespace.clone(), SERVICE_LABEL.to_owned(), key.name.clone());
    let mut slices = context.find(Kind::EndpointSlice, term);
    slices.retain(|slice| label(slice, MANAGED_BY_LABEL) == Some(CONTROLLER) && !is_deleting(slice));
    let Some(service) = context.get(Kind::Service, &key.namespace, &key.name) else {
        context.triggers.forget(key);
        return Ok(());
    };
    if !selects(&service) || is_deleting(&service) {
        return Ok(());
    }
    let time = trigger(context, key, &service);
    let (own, foreign): (Vec<Arc<Value>>, Vec<Arc<Value>>) =
        slices.into_iter().partition(|slice| is_controlled_by(slice, &service));
    let (wanted, skipped) = wanted(context, &service);
    let mut by_ports: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
    for slice in own {
        by_ports.entry(ports_key(&slice)).or_default().push(slice);
    }
    let mut left: Vec<Arc<Value>> = foreign;
    let mut count = 0;
    for group in wanted.into_values() {
        let known = by_ports.remove(&ports_key(&group.slice)).unwrap_or_default();
        count += group.endpoints.len().max(1);
        place(context, &service, group, known, &mut left, time.as_deref())?;
    }
    left.extend(by_ports.into_values().flatten());
    if count == 0 {
        // A service without pods has one slice with nothing in it.
        let empty = Group { slice: json!({"ports": []}), endpoints: Vec::new() };
        let position = left.iter().position(|slice| {
            is_controlled_by(slice, &service) && items(slice, "/endpoints").next().is_none() && ports_key(slice) == "[]"
        });
        let known = position.map(|position| left.remove(position)).into_iter().collect();
        place(context, &service, empty, known, &mut left, time.as_deref())?;
    }
    for slice in left {
        match context.delete(Kind::EndpointSlice, namespace(&slice), name(&slice), &DeleteOptions::default()) {
            Err(error) if !is_not_found(&error) => return Err(error.into()),
            _ => {}
        }
    }
    if skipped.is_empty() {
        return Ok(());
    }
    let problems = skipped.join(", ");
    let problems = if skipped.len() > 1 { format!("[{problems}]") } else { problems };
    let message = format!("Error updating Endpoint Slices for Service {}/{}: {problems}", key.namespace, key.name);
    let reason = "FailedToUpdateEndpointSlices";
    context.say(&service, Kind::Service, Said { component: COMPONENT, warning: true, reason, message: &message });
    Err(Failure::NotYet(message))
}

/// Endpoints that have the same ports.
struct Group {
    /// A slice with those ports.
    slice: Value,
    /// By pod, with the addresses in order.
    endpoints: Vec<Value>,
}

fn ports_key(slice: &Value) -> String {
    let mut ports: Vec<String> = items(slice, "/ports").map(Value::to_string).collect();
    ports.sort();
    format!("[{}]", ports.join(","))
}

/// The endpoints that there should be, and why some pods have none.
fn wanted(context: &Context, service: &Value) -> (BTreeMap<String, Group>, Vec<String>) {
    let (mut groups, mut skipped): (BTreeMap<String, Group>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for pod in pods_of(context, service, true) {
        let slice = json!({"ports": ports(service, &pod)});
        let group = groups.entry(ports_key(&slice)).or_insert(Group { slice, endpoints: Vec::new() });
        let node_name = text(&pod, "/spec/nodeName");
        let node = context.get(Kind::Node, "", node_name);
        if node.is_none() && !flag(service, "/spec/publishNotReadyAddresses") {
            let place = format!("{}/{}", namespace(service), name(service));
            skipped.push(format!("skipping Pod {} for Service {place}: Node {node_name} Not Found", name(&pod)));
            continue;
        }
        group.endpoints.push(endpoint(service, &pod, node.as_deref()));
    }
    (groups, skipped)
}

fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let make = |port: &Value| {
        let mut made = json!({
            "name": text(port, "/name"), "port": find_port(pod, port)?, "protocol": text(port, "/protocol"),
        });
        if let Some(protocol) = at(port, "/appProtocol") {
            made["appProtocol"] = protocol.clone();
        }
        Some(made)
    };
    items(service, "/spec/ports").filter_map(make).collect()
}

fn endpoint(service: &Value, pod: &Value, node: Option<&Value>) -> Value {
    let (serving, terminating) = (is_ready(pod), is_deleting(pod));
    let ready = flag(service, "/spec/publishNotReadyAddresses") || serving && !terminating;
    let mut endpoint = json!({
        "addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)},
    });
    let zone = node.and_then(|node| label(node, "topology.kubernetes.io/zone"));
    let node_name = Some(text(pod, "/spec/nodeName")).filter(|name| !name.is_empty());
    for (field, value) in [("nodeName", node_name), ("zone", zone), ("hostname", host_name(pod, service))] {
        if let Some(value) = value {
            endpoint[field] = json!(value);
        }
    }
    endpoint
}

/// Puts endpoints into the slices that have their ports: those that are there stay where they are.
fn place(
    context: &mut Context,
    service: &Value,
    group: Group,
    known: Vec<Arc<Value>>,
    left: &mut Vec<Arc<Value>>,
    time: Option<&str>,
) -> Outcome {
    let mut missing = group.endpoints;
    let mut kept: Vec<(Arc<Value>, Vec<Value>)> = Vec::new();
    for slice in known {
        let mut endpoints = Vec::new();
        for old in items(&slice, "/endpoints") {
            if let Some(position) = missing.iter().position(|new| is_same(new, old)) {
                endpoints.push(missing.remove(position));
            }
        }
        kept.push((slice, endpoints));
    }
    for (_, endpoints) in &mut kept {
        let room = MAX_ENDPOINTS.saturating_sub(endpoints.len()).min(missing.len());
        endpoints.extend(missing.drain(..room));
    }
    // A slice that has become empty goes, unless it is the only one.
    let mut is_first = missing.is_empty();
    for (slice, endpoints) in kept {
        if endpoints.is_empty() && !is_first {
            left.push(slice);
            continue;
        }
        is_first = false;
        write(context, service, &slice, endpoints, time)?;
    }
    let mut parts: Vec<Vec<Value>> = missing.chunks(MAX_ENDPOINTS).map(<[Value]>::to_vec).collect();
    if is_first {
        parts.push(Vec::new());
    }
    for endpoints in parts {
        let mut slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "generateName": prefix(name(service)), "namespace": namespace(service), "labels": labels(service),
                "ownerReferences": [controller_reference(service, Kind::Service)],
            },
            "addressType": address_type(service), "endpoints": endpoints,
            "ports": group.slice["ports"],
        });
        mark(&mut slice, time);
        match context.create(Kind::EndpointSlice, slice) {
            Err(error) if !is_namespace_terminating(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether two endpoints are the same pod at the same address.
fn is_same(left: &Value, right: &Value) -> bool {
    ["/targetRef/uid", "/addresses/0"].iter().all(|path| text(left, path) == text(right, path))
}

fn write(
    context: &mut Context,
    service: &Value,
    slice: &Arc<Value>,
    endpoints: Vec<Value>,
    time: Option<&str>,
) -> Outcome {
    let mut changed = Value::clone(slice);
    let old: Vec<Value> = items(slice, "/endpoints").cloned().collect();
    if old != endpoints {
        set(&mut changed, "/endpoints", endpoints);
    }
    set(&mut changed, "/metadata/labels", labels(service));
    if changed == **slice {
        return Ok(());
    }
    mark(&mut changed, time);
    context.update(Kind::EndpointSlice, changed)?;
    Ok(())
}

fn prefix(service: &str) -> String {
    // A generated name has at most 63 characters, five of which are the suffix.
    let short: String = service.chars().take(57).collect();
    format!("{short}-")
}

fn address_type(service: &Value) -> &str {
    match items(service, "/spec/ipFamilies").next().and_then(Value::as_str) {
        Some(family) => family,
        None => "IPv4",
    }
}

fn labels(service: &Value) -> Value {
    let mut labels = json!({});
    for (key, value) in pairs(service, "/metadata/labels") {
        if ![SERVICE_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL].contains(&key) {
            labels[key] = json!(value);
        }
    }
    if is_headless(service) {
        labels[HEADLESS_LABEL] = json!("");
    }
    labels[SERVICE_LABEL] = json!(name(service));
    labels[MANAGED_BY_LABEL] = json!(CONTROLLER);
    labels
}
