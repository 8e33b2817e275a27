//! Services.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidateService`).

use std::collections::HashSet;

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{annotation, at, text_at, texts};
use crate::validate::items;
use crate::validate::rules::{Checks, cidr, endpoint_ip, ip};

/// A day: the longest time that a client stays with its pod.
const MAX_AFFINITY: i64 = 86_400;

/// Annotations that say where traffic goes: one name is older than the other.
const TOPOLOGY: [&str; 2] = ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];

/// Checks a Service.
pub(in crate::validate) fn service(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let spec = at(object, &["spec"]).unwrap_or(&empty);
    let kind = text_at(spec, &["type"]);
    let headless = at(spec, &["clusterIPs"]) == Some(&json!(["None"]));
    if let [Some(hints), Some(mode)] = TOPOLOGY.map(|name| annotation(object, name))
        && hints != mode
    {
        let [older, newer] = TOPOLOGY;
        let detail = format!("must match annotations[{older}] when both are specified");
        errors.push(FieldError::invalid(format!("metadata.annotations[{newer}]"), mode, detail));
    }
    errors.one_of(spec, "type", "spec", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    match kind {
        "ExternalName" => external_name(spec, &mut errors),
        "NodePort" | "LoadBalancer" if headless => {
            let detail = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid("spec.clusterIPs[0]", "None", detail));
        }
        _ => {}
    }
    ports(spec, kind, headless, &mut errors);
    errors.labels(at(spec, &["selector"]), "spec.selector");
    affinity(spec, &mut errors);
    let known = |list: &str| live.map(|live| texts(at(live, &["spec", list]))).unwrap_or_default();
    let known_addresses = known("externalIPs");
    for (path, address) in items(spec, &["externalIPs"], "spec.externalIPs") {
        let text = address.as_str().unwrap_or_default();
        // What was an address by older rules still is one.
        let wrong = if known_addresses.iter().any(|known| known == text) { Vec::new() } else { ip(text) };
        let problems = if wrong.is_empty() { endpoint_ip(text) } else { wrong };
        errors.all(path, address, problems);
    }
    traffic(spec, kind, &mut errors);
    balancer(spec, kind, &mut errors);
    ranges(object, kind, live, &mut errors);
    addresses(spec, &mut errors);
    errors
}

/// From `validateClientIPAffinityConfig`: only of clients that stay with their pods.
fn affinity(spec: &Value, errors: &mut Vec<FieldError>) {
    if !errors.filled(spec, "sessionAffinity", "spec") {
        return;
    }
    errors.one_of(spec, "sessionAffinity", "spec", &["ClientIP", "None"]);
    let seconds = at(spec, &["sessionAffinityConfig", "clientIP", "timeoutSeconds"]);
    if let Some(seconds) = seconds.filter(|_| text_at(spec, &["sessionAffinity"]) == "ClientIP")
        && !seconds.as_i64().is_some_and(|seconds| (1..=MAX_AFFINITY).contains(&seconds))
    {
        let path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
        let detail = format!("must be greater than 0 and less than {MAX_AFFINITY}");
        errors.push(FieldError::invalid(path, seconds.clone(), detail));
    }
}

/// What is wrong with the addresses of a Service and their families.
pub fn service_addresses(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    addresses(at(object, &["spec"]).unwrap_or(&Value::Null), &mut errors);
    errors
}

fn external_name(spec: &Value, errors: &mut Vec<FieldError>) {
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if at(spec, &[field]).is_some_and(|value| value != &json!([])) {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden(format!("spec.{field}"), detail));
        }
    }
    let name = text_at(spec, &["externalName"]);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    } else {
        errors.all("spec.externalName".to_owned(), &json!(name), names::subdomain(name));
    }
}

fn ports(spec: &Value, kind: &str, headless: bool, errors: &mut Vec<FieldError>) {
    let count = at(spec, &["ports"]).and_then(Value::as_array).map_or(0, Vec::len);
    if count == 0 && !headless && kind != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    let (mut seen_names, mut seen_ports, mut seen_node_ports) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (path, port) in items(spec, &["ports"], "spec.ports") {
        let name = text_at(port, &["name"]);
        if name.is_empty() {
            if count > 1 {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            }
        } else {
            errors.text(port, "name", &path, names::label);
            if !seen_names.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
        }
        errors.port(at(port, &["port"]), format!("{path}.port"));
        let protocol = text_at(port, &["protocol"]);
        if errors.filled(port, "protocol", &path) {
            errors.one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"]);
        }
        errors.port(at(port, &["targetPort"]), format!("{path}.targetPort"));
        errors.text(port, "appProtocol", &path, names::label_key);
        let number = |field: &str| at(port, &[field]).and_then(Value::as_i64).unwrap_or_default();
        if !seen_ports.insert((number("port"), protocol)) {
            errors.push(FieldError::duplicate(path.clone(), port.clone()));
        }
        let node_port = number("nodePort");
        if node_port == 0 {
            continue;
        }
        if kind == "ClusterIP" {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(format!("{path}.nodePort"), detail));
        }
        if !seen_node_ports.insert((node_port, protocol)) {
            errors.push(FieldError::duplicate(format!("{path}.nodePort"), node_port));
        }
    }
}

/// From `validateServiceExternalTrafficPolicy` and its neighbours.
fn traffic(spec: &Value, kind: &str, errors: &mut Vec<FieldError>) {
    let outside = matches!(kind, "NodePort" | "LoadBalancer")
        || (kind == "ClusterIP" && items(spec, &["externalIPs"], "").next().is_some());
    let external = text_at(spec, &["externalTrafficPolicy"]);
    if !outside && !external.is_empty() {
        let detail = "may only be set for externally-accessible services";
        errors.push(FieldError::invalid("spec.externalTrafficPolicy", external, detail));
    } else {
        errors.one_of(spec, "externalTrafficPolicy", "spec", &["Cluster", "Local"]);
    }
    let checked = kind == "LoadBalancer" && external == "Local";
    let port = at(spec, &["healthCheckNodePort"]).filter(|port| port != &&json!(0));
    if let Some(port) = port.filter(|_| !checked) {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid("spec.healthCheckNodePort", port.clone(), detail));
    }
    errors.one_of(spec, "internalTrafficPolicy", "spec", &["Cluster", "Local"]);
    errors.one_of(spec, "trafficDistribution", "spec", &["PreferClose", "PreferSameZone", "PreferSameNode"]);
}

/// What only a load balancer has.
fn balancer(spec: &Value, kind: &str, errors: &mut Vec<FieldError>) {
    if kind == "LoadBalancer" {
        errors.text(spec, "loadBalancerClass", "spec", names::label_key);
        return;
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if at(spec, &[field]).is_some() {
            errors.push(FieldError::forbidden(format!("spec.{field}"), FOR_BALANCERS));
        }
    }
}

const FOR_BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";
const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Where clients of a load balancer may be: in a list, or in an annotation where there is no list. The path of the list is written like
/// this there too.
fn ranges(object: &Value, kind: &str, live: Option<&Value>, errors: &mut Vec<FieldError>) {
    let path = ["spec", "loadBalancerSourceRanges"];
    let known = live.map(|live| texts(at(live, &path))).unwrap_or_default();
    let mut listed = items(object, &path, "spec.LoadBalancerSourceRanges").peekable();
    if listed.peek().is_some() {
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", FOR_BALANCERS));
        }
        for (path, range) in listed {
            let text = range.as_str().unwrap_or_default().trim();
            if !known.iter().any(|known| known.trim() == text) {
                errors.all(path, &json!(text), cidr(text));
            }
        }
    } else if let Some(text) = annotation(object, RANGES) {
        let path = format!("metadata.annotations[{RANGES}]");
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden(path.as_str(), FOR_BALANCERS));
        }
        let same = live.is_some_and(|live| annotation(live, RANGES) == Some(text));
        if !same && !text.trim().is_empty() {
            for range in text.split(',').map(str::trim) {
                errors.all(path.clone(), &json!(range), cidr(range));
            }
        }
    }
}

/// From `ValidateServiceClusterIPsRelatedFields`.
fn addresses(spec: &Value, errors: &mut Vec<FieldError>) {
    if text_at(spec, &["type"]) == "ExternalName" {
        return;
    }
    let all: Vec<&str> = items(spec, &["clusterIPs"], "").map(|(_, ip)| ip.as_str().unwrap_or_default()).collect();
    let value = at(spec, &["clusterIPs"]).cloned().unwrap_or_default();
    let refuse = |detail: &str| FieldError::invalid("spec.clusterIPs", value.clone(), detail);
    let one = text_at(spec, &["clusterIP"]);
    if !one.is_empty() && all.is_empty() {
        errors.push(FieldError::required("spec.clusterIPs", ""));
    } else if one.is_empty() && !all.is_empty() {
        errors.push(refuse("must be empty when `clusterIP` is not specified"));
    } else if !one.is_empty() && all.first().is_some_and(|first| *first != one) {
        errors.push(refuse("first value must match `clusterIP`"));
    }
    let mut families: Vec<&str> = Vec::new();
    for (path, family) in items(spec, &["ipFamilies"], "spec.ipFamilies") {
        let family = family.as_str().unwrap_or_default();
        if !matches!(family, "IPv4" | "IPv6") {
            errors.push(FieldError::not_supported(path.clone(), family, &["IPv4", "IPv6"]));
        }
        if families.contains(&family) {
            errors.push(FieldError::duplicate(path, family));
        }
        families.push(family);
    }
    errors.one_of(spec, "ipFamilyPolicy", "spec", &["PreferDualStack", "RequireDualStack", "SingleStack"]);
    let mut wrong = false;
    for (position, address) in all.iter().enumerate() {
        if position == 0 && *address == "None" {
            if all.len() > 1 {
                wrong = true;
                errors.push(refuse("'None' must be the first and only value"));
            }
            continue;
        }
        let problems = ip(address);
        wrong |= !problems.is_empty();
        errors.all(format!("spec.clusterIPs[{position}]"), &json!(address), problems);
    }
    if all.len() > 2 {
        errors.push(refuse("may only hold up to 2 values"));
    }
    if wrong {
        return;
    }
    let v6 = all.iter().filter(|address| address.contains(':')).count();
    if all.len() > 1 && (v6 == 0 || v6 == all.len()) {
        errors.push(refuse("may specify no more than one IP for each IP family"));
    }
    for (position, (address, family)) in all.iter().zip(&families).enumerate() {
        let is_other = (*family == "IPv6") != address.contains(':');
        if *address != "None" && matches!(*family, "IPv4" | "IPv6") && is_other {
            let detail = format!("expected an {family} value as indicated by `ipFamilies[{position}]`");
            errors.push(FieldError::invalid(format!("spec.clusterIPs[{position}]"), *address, detail));
        }
    }
}

/// What a client should know of a Service, from `pkg/api/service/warnings.go`.
pub(in crate::validate) fn warnings(object: &Value, warnings: &mut Vec<String>) {
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let (kind, headless) = (text_at(&spec, &["type"]), text_at(&spec, &["clusterIP"]) == "None");
    let has_external = items(&spec, &["externalIPs"], "").next().is_some();
    if headless {
        if has_external {
            warnings.push("spec.externalIPs is ignored for headless services".to_owned());
        }
        if text_at(&spec, &["sessionAffinity"]) != "None" {
            warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
    }
    if has_external && !headless && kind != "ExternalName" {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    if has_external && kind == "ExternalName" {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind != "ExternalName" && !text_at(&spec, &["externalName"]).is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if text_at(&spec, &["trafficDistribution"]) == "PreferClose" {
        let text = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(spec: &Value, annotations: &Value, live: Option<&Value>) -> Vec<String> {
        let mut spec = spec.clone();
        for (field, value) in [("type", json!("ClusterIP")), ("sessionAffinity", json!("None"))] {
            if spec.get(field).is_none() {
                spec[field] = value;
            }
        }
        if spec.get("ports").is_none() {
            spec["ports"] = json!([{"port": 80, "targetPort": 80, "protocol": "TCP"}]);
        }
        let errors = service(&json!({"metadata": {"annotations": annotations}, "spec": spec}), live);
        field_error::told(&errors, |field| field)
    }

    #[test]
    fn what_a_service_says_is_looked_at_where_it_counts() {
        let ports = json!([
            {"name": "a", "port": 1, "targetPort": 1, "protocol": "TCP", "nodePort": 30000},
            {"name": "b", "port": 2, "targetPort": 2, "protocol": "TCP", "nodePort": 30000},
        ]);
        let config = json!({"clientIP": {"timeoutSeconds": 0}});
        let path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
        for (spec, wrong) in [
            (json!({"type": "NodePort", "ports": ports}), vec!["Duplicate spec.ports[1].nodePort".to_owned()]),
            (json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": config}), vec![format!("Invalid {path}")]),
            (
                json!({"sessionAffinity": "Bogus", "sessionAffinityConfig": config}),
                vec!["NotSupported spec.sessionAffinity".to_owned()],
            ),
            (json!({"externalIPs": ["::ffff:192.0.2.1"]}), vec!["Invalid spec.externalIPs[0]".to_owned()]),
            (
                json!({"type": "LoadBalancer", "loadBalancerSourceRanges": [" 10.0.0.0/8 ", "10.0.0.1/8"]}),
                vec!["Invalid spec.LoadBalancerSourceRanges[1]".to_owned()],
            ),
            (json!({"loadBalancerClass": ""}), vec!["Forbidden spec.loadBalancerClass".to_owned()]),
        ] {
            assert_eq!(told(&spec, &json!({}), None), wrong, "{spec}");
        }
    }

    #[test]
    fn ranges_of_an_annotation_count_where_there_is_no_list() {
        let annotations = json!({RANGES: "10.0.0.0/8, x"});
        let (balancer, path) = (json!({"type": "LoadBalancer"}), format!("metadata.annotations[{RANGES}]"));
        assert_eq!(told(&balancer, &annotations, None), [format!("Invalid {path}")]);
        let live = json!({"metadata": {"annotations": annotations}});
        assert_eq!(told(&balancer, &annotations, Some(&live)), Vec::<String>::new());
        assert_eq!(told(&json!({}), &annotations, Some(&live)), [format!("Forbidden {path}")]);
        let listed = json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]});
        assert_eq!(told(&listed, &annotations, None), Vec::<String>::new());
    }
}
