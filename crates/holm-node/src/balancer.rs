//! Gives addresses to Services of type LoadBalancer, as a cloud's load balancers do through the service controller
//! (`k8s.io/cloud-provider`, `controllers/service`).

use serde_json::{Value, json};

use crate::action::{Action, Decision};
use crate::event::{Event, Source};
use crate::object::{annotation, is_deleting, list, name, namespace, text, uid};
use crate::options::LoadBalancers;
use crate::resource::Resource;
use crate::world::World;

/// The annotation by which a Service asks for an address: `true`, or the address; or for none: `false`.
pub(crate) const ANNOTATION: &str = "holm.dev/load-balancer";

/// Decides what to do for a Service.
pub(crate) fn decide(service: &Value, balancers: LoadBalancers, world: &World) -> Decision {
    if is_deleting(service) || balancers == LoadBalancers::Off {
        return Decision::default();
    }
    let asked = annotation(service, ANNOTATION);
    let is_meant = text(service, &["spec", "type"]) == "LoadBalancer"
        // A class names somebody else's load balancer.
        && text(service, &["spec", "loadBalancerClass"]).is_empty()
        && asked != "false"
        && (balancers == LoadBalancers::All || !asked.is_empty());
    let has_address = list(service, &["status", "loadBalancer", "ingress"]).next().is_some();
    if !is_meant || has_address {
        return Decision::default();
    }
    let address = match asked {
        "" | "true" => match text(service, &["spec", "loadBalancerIP"]) {
            "" => free_address(world),
            wanted => Some(wanted.to_owned()),
        },
        wanted => Some(wanted.to_owned()),
    };
    let Some(address) = address else { return Decision::default() };
    let event = |reason: &'static str, message: &str| {
        let source = Source::Controller { component: "service-controller".to_owned() };
        Action::Event(Event::about("Service", service, source, reason, message))
    };
    let is_name = address.parse::<std::net::IpAddr>().is_err();
    let ingress = if is_name { json!({"hostname": address}) } else { json!({"ip": address, "ipMode": "VIP"}) };
    Decision::act(vec![
        event("EnsuringLoadBalancer", "Ensuring load balancer"),
        Action::Patch {
            resource: Resource::Services,
            namespace: namespace(service).to_owned(),
            name: name(service).to_owned(),
            uid: uid(service).to_owned(),
            subresource: "status",
            body: json!({"status": {"loadBalancer": {"ingress": [ingress]}}}),
            manager: "service-controller".to_owned(),
        },
        event("EnsuredLoadBalancer", "Ensured load balancer"),
    ])
}

/// The first address of 198.51.100.0/24, which RFC 5737 keeps for documentation, that no Service has.
fn free_address(world: &World) -> Option<String> {
    let taken: Vec<&str> = world
        .all(Resource::Services)
        .flat_map(|(_, service)| list(service, &["status", "loadBalancer", "ingress"]))
        .map(|ingress| text(ingress, &["ip"]))
        .collect();
    (1..=254).map(|last| format!("198.51.100.{last}")).find(|address| !taken.contains(&address.as_str()))
}
