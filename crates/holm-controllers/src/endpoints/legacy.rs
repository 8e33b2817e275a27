//! Endpoints: the addresses behind a service in one object of its name.
//!
//! From `pkg/controller/endpoint/endpoints_controller.go` and `pkg/api/v1/endpoints/util.go` (`RepackSubsets`).

use std::collections::BTreeMap;

use holm_apiserver::DeleteOptions;
use serde_json::{Value, json};

use super::trigger::{mark, trigger};
use super::{HEADLESS_LABEL, find_port, host_name, is_headless, pods_of, selects};
use crate::context::Context;
use crate::error::{Outcome, is_namespace_terminating, is_not_found};
use crate::fields::{annotate, at, flag, is_deleting, items, name, namespace, remove, set, text, uid};
use crate::kind::Kind;
use crate::pods::is_ready;
use crate::queue::Key;

const MANAGED_BY_LABEL: &str = "endpoints.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpoint-controller";
const CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MAX_ADDRESSES: usize = 1000;

/// Brings the Endpoints of a service to what its pods are.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(service) = context.get(Kind::Service, &key.namespace, &key.name) else {
        context.triggers.forget(key);
        if context.get(Kind::Endpoints, &key.namespace, &key.name).is_some() {
            match context.delete(Kind::Endpoints, &key.namespace, &key.name, &DeleteOptions::default()) {
                Err(error) if !is_not_found(&error) => return Err(error.into()),
                _ => {}
            }
        }
        return Ok(());
    };
    if !selects(&service) || is_deleting(&service) {
        return Ok(());
    }
    let time = trigger(context, key, &service);
    let subsets = subsets(context, &service);
    let total: usize = subsets.iter().map(|subset| items(subset, "/addresses").count()).sum();
    let known = context.get(Kind::Endpoints, &key.namespace, &key.name);
    let mut endpoints = known.as_deref().cloned().unwrap_or_else(|| {
        json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": key.name, "namespace": key.namespace},
        })
    });
    let mut labels = at(&service, "/metadata/labels").cloned().unwrap_or_else(|| json!({}));
    if is_headless(&service) {
        labels[HEADLESS_LABEL] = json!("");
    }
    labels[MANAGED_BY_LABEL] = json!(CONTROLLER);
    set(&mut endpoints, "/metadata/labels", labels);
    if subsets.is_empty() {
        remove(&mut endpoints, "/subsets");
    } else {
        set(&mut endpoints, "/subsets", subsets);
    }
    if total > MAX_ADDRESSES {
        annotate(&mut endpoints, CAPACITY, "truncated");
    } else {
        remove(&mut endpoints, &format!("/metadata/annotations/{}", CAPACITY.replace('/', "~1")));
    }
    if known.as_deref() == Some(&endpoints) {
        return Ok(());
    }
    mark(&mut endpoints, time.as_deref());
    let written = match known {
        Some(_) => context.update(Kind::Endpoints, endpoints),
        None => context.create(Kind::Endpoints, endpoints),
    };
    match written {
        Err(error) if !is_namespace_terminating(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The addresses that are ready, and the others, both by their text.
type Addresses = [BTreeMap<String, Value>; 2];

/// Addresses with the same ports are together; ports are in the order of their numbers, addresses in that of their text.
fn subsets(context: &Context, service: &Value) -> Vec<Value> {
    let tolerates = flag(service, "/spec/publishNotReadyAddresses");
    let mut groups: BTreeMap<String, (Vec<Value>, Addresses)> = BTreeMap::new();
    for pod in pods_of(context, service, tolerates) {
        let make = |port: &Value| {
            let mut made = json!({"port": find_port(&pod, port)?, "protocol": text(port, "/protocol")});
            for field in ["name", "appProtocol"] {
                if let Some(value) = at(port, &format!("/{field}")).filter(|value| *value != "") {
                    made[field] = value.clone();
                }
            }
            Some(made)
        };
        let mut ports: Vec<Value> = items(service, "/spec/ports").filter_map(make).collect();
        if ports.is_empty() && (items(service, "/spec/ports").next().is_some() || !is_headless(service)) {
            continue;
        }
        ports.sort_by_key(|port| (text(port, "/name").to_owned(), crate::fields::count(port, "/port")));
        let mut address = json!({
            "ip": text(&pod, "/status/podIP"), "nodeName": text(&pod, "/spec/nodeName"),
            "targetRef": {"kind": "Pod", "namespace": namespace(&pod), "name": name(&pod), "uid": uid(&pod)},
        });
        if let Some(host) = host_name(&pod, service) {
            address["hostname"] = json!(host);
        }
        let key = json!(ports).to_string();
        let (_, addresses) = groups.entry(key).or_insert_with(|| (ports, Default::default()));
        let [ready, others] = addresses;
        let list = if tolerates || is_ready(&pod) { ready } else { others };
        list.insert(format!("{}/{}", text(&address, "/ip"), uid(&pod)), address);
    }
    let make = |(ports, [ready, others]): (Vec<Value>, Addresses)| {
        let mut subset = json!({});
        for (field, list) in [("addresses", ready), ("notReadyAddresses", others)] {
            if !list.is_empty() {
                subset[field] = list.into_values().collect();
            }
        }
        if !ports.is_empty() {
            subset["ports"] = json!(ports);
        }
        subset
    };
    groups.into_values().map(make).collect()
}
