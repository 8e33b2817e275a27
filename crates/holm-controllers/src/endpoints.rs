//! The addresses behind services: EndpointSlices, and Endpoints for those who still read them.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/{endpoint,endpointslice}`, and `k8s.io/endpointslice`.

mod legacy;
mod slices;
mod trigger;

use std::sync::Arc;

use holm_values::Selector;
use serde_json::Value;

use crate::context::Context;
use crate::fields::{at, items, name, namespace, text};
use crate::pods;

pub(crate) use legacy::reconcile as reconcile_endpoints;
pub(crate) use slices::reconcile as reconcile_slices;
pub(crate) use trigger::Triggers;

const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// Whether the addresses of a service are those of pods that it selects.
fn selects(service: &Value) -> bool {
    text(service, "/spec/type") != "ExternalName" && at(service, "/spec/selector").is_some()
}

/// The pods that a service selects and that have an address. Those that are going count only with `going`.
fn pods_of(context: &Context, service: &Value, going: bool) -> Vec<Arc<Value>> {
    let selector = Selector::of_labels(at(service, "/spec/selector"));
    let mut pods = context.selected_pods(namespace(service), &selector);
    pods.retain(|pod| {
        !pods::is_terminal(pod) && !text(pod, "/status/podIP").is_empty() && (going || !crate::fields::is_deleting(pod))
    });
    pods
}

/// Whether a service has no address of its own.
fn is_headless(service: &Value) -> bool {
    matches!(text(service, "/spec/clusterIP"), "None" | "")
}

/// The number of a service's port on a pod: the target, or the port of that name of a container.
///
/// From `k8s.io/endpointslice`, `utils.go` (`FindPort`).
fn find_port(pod: &Value, port: &Value) -> Option<i64> {
    match at(port, "/targetPort") {
        Some(Value::String(wanted)) => {
            let protocol = text(port, "/protocol");
            let sidecars = items(pod, "/spec/initContainers").filter(|found| text(found, "/restartPolicy") == "Always");
            let containers = items(pod, "/spec/containers").chain(sidecars);
            let mut ports = containers.flat_map(|container| items(container, "/ports"));
            let found = ports.find(|found| text(found, "/name") == wanted && text(found, "/protocol") == protocol)?;
            at(found, "/containerPort")?.as_i64()
        }
        Some(target) => target.as_i64(),
        None => at(port, "/port")?.as_i64(),
    }
}

/// The host name by which a pod is found below the service.
fn host_name<'a>(pod: &'a Value, service: &Value) -> Option<&'a str> {
    let host = text(pod, "/spec/hostname");
    (!host.is_empty() && text(pod, "/spec/subdomain") == name(service)).then_some(host)
}
