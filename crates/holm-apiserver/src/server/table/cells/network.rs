//! Services, and what leads to and from them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Shown, or, plain};
use crate::object::{self, at, text_at};

pub(super) fn cells(resource: &str, shown: Shown<'_>) -> Option<Vec<Value>> {
    Some(match resource {
        "services" => {
            let ports = shown.items(&["spec", "ports"]).map(|port| {
                let number = |field: &str| plain(at(port, &[field]));
                let node = number("nodePort").map(|node| format!(":{node}")).unwrap_or_default();
                format!("{}{node}/{}", number("port").unwrap_or_default(), text_at(port, &["protocol"]))
            });
            let ports: Vec<String> = ports.collect();
            let own = shown.items(&["spec", "clusterIPs"]).next().and_then(Value::as_str).unwrap_or_default();
            vec![
                shown.name(),
                shown.shown(&["spec", "type"]),
                json!(or(own, "<none>")),
                json!(external(shown)),
                json!(or(&ports.join(","), "<none>")),
                shown.age(),
                shown.labels(&["spec", "selector"]),
            ]
        }
        "endpoints" => vec![shown.name(), json!(addresses(shown)), shown.age()],
        "endpointslices.discovery.k8s.io" => {
            let ports = shown
                .items(&["ports"])
                .map(|port| plain(at(port, &["port"])).unwrap_or_else(|| or(text_at(port, &["name"]), "*")));
            let ends = shown.items(&["endpoints"]).flat_map(|end| object::texts(at(end, &["addresses"])));
            vec![
                shown.name(),
                shown.shown(&["addressType"]),
                json!(first_three(ports, "<unset>")),
                json!(first_three(ends, "<unset>")),
                shown.age(),
            ]
        }
        "ingresses.networking.k8s.io" => {
            let hosts: Vec<&str> = shown.items(&["spec", "rules"]).map(|rule| text_at(rule, &["host"])).collect();
            let mut named: Vec<&str> = hosts.iter().copied().filter(|host| !host.is_empty()).collect();
            // Rules without a host count when there are more than fit.
            let more = hosts.len() > 3 && named.len() >= 3;
            named.truncate(3);
            let listed = or(&named.join(","), "*");
            let tls = shown.count(&["spec", "tls"]) > 0;
            vec![
                shown.name(),
                shown.or(&["spec", "ingressClassName"], "<none>"),
                json!(if more { format!("{listed} + {} more...", hosts.len() - 3) } else { listed }),
                json!(balancer(shown)),
                json!(if tls { "80, 443" } else { "80" }),
                shown.age(),
            ]
        }
        "ingressclasses.networking.k8s.io" => {
            let default = object::annotation(shown.object, "ingressclass.kubernetes.io/is-default-class");
            let name = object::name(shown.object);
            let parameters = at(shown.object, &["spec", "parameters"]).map(|found| {
                let kind = crate::error::qualified(text_at(found, &["kind"]), text_at(found, &["apiGroup"]));
                format!("{kind}/{}", text_at(found, &["name"]))
            });
            vec![
                json!(if default == Some("true") { format!("{name} (default)") } else { name.to_owned() }),
                shown.shown(&["spec", "controller"]),
                json!(parameters.unwrap_or_else(|| "<none>".to_owned())),
                shown.age(),
            ]
        }
        "networkpolicies.networking.k8s.io" => {
            vec![shown.name(), shown.selector(&["spec", "podSelector"]), shown.age()]
        }
        "servicecidrs.networking.k8s.io" => {
            let ranges = object::texts(at(shown.object, &["spec", "cidrs"])).join(",");
            vec![shown.name(), json!(ranges), shown.age()]
        }
        "ipaddresses.networking.k8s.io" => {
            let parent = at(shown.object, &["spec", "parentRef"]).map(|parent| {
                let text = |field: &str| text_at(parent, &[field]);
                let resource = crate::error::qualified(text("resource"), text("group")).to_lowercase();
                let place =
                    if text("namespace").is_empty() { String::new() } else { format!("/{}", text("namespace")) };
                format!("{resource}{place}/{}", text("name"))
            });
            vec![shown.name(), json!(parent.unwrap_or_else(|| "<none>".to_owned()))]
        }
        _ => return None,
    })
}

/// Three of the texts, and how many there are beside them.
fn first_three(texts: impl Iterator<Item = String>, none: &str) -> String {
    let texts: Vec<String> = texts.collect();
    let shown = texts.iter().take(3).cloned().collect::<Vec<_>>().join(",");
    match texts.len() {
        0 => none.to_owned(),
        count if count > 3 => format!("{shown} + {} more...", count - 3),
        _ => shown,
    }
}

fn addresses(shown: Shown<'_>) -> String {
    let mut all = Vec::new();
    for subset in shown.items(&["subsets"]) {
        let list = |field: &str| at(subset, &[field]).and_then(Value::as_array).cloned().unwrap_or_default();
        let ports = list("ports");
        let addresses = list("addresses");
        let address = |found: &Value| text_at(found, &["ip"]).to_owned();
        if ports.is_empty() {
            all.extend(addresses.iter().map(address));
        }
        for port in &ports {
            let port = plain(at(port, &["port"])).unwrap_or_default();
            all.extend(addresses.iter().map(|found| format!("{}:{port}", address(found))));
        }
    }
    first_three(all.into_iter(), "<none>")
}

/// The addresses that a load balancer has given.
fn balancer(shown: Shown<'_>) -> String {
    let given: BTreeSet<&str> = shown
        .items(&["status", "loadBalancer", "ingress"])
        .map(|found| match text_at(found, &["ip"]) {
            "" => text_at(found, &["hostname"]),
            address => address,
        })
        .filter(|found| !found.is_empty())
        .collect();
    given.into_iter().collect::<Vec<_>>().join(",")
}

fn external(shown: Shown<'_>) -> String {
    let own = object::texts(at(shown.object, &["spec", "externalIPs"]));
    match shown.text(&["spec", "type"]) {
        "ExternalName" => shown.text(&["spec", "externalName"]).to_owned(),
        "LoadBalancer" => {
            let given = Some(balancer(shown)).filter(|given| !given.is_empty());
            or(&given.into_iter().chain(own).collect::<Vec<_>>().join(","), "<pending>")
        }
        _ => or(&own.join(","), "<none>"),
    }
}
