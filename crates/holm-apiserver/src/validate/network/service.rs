//! Services.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`ValidateService`).

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::{Checks, cidr, endpoint_ip, ip};
use crate::validate::{items, names};

/// A day: the longest time that a client stays with its pod.
const MAX_AFFINITY: i64 = 86_400;

/// Checks a Service.
pub(in crate::validate) fn service(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let spec = at(object, &["spec"]).unwrap_or(&empty);
    let kind = text_at(spec, &["type"]);
    let headless = at(spec, &["clusterIPs"]) == Some(&json!(["None"]));
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
    if errors.filled(spec, "sessionAffinity", "spec") {
        errors.one_of(spec, "sessionAffinity", "spec", &["ClientIP", "None"]);
    }
    if let Some(config) = at(spec, &["sessionAffinityConfig", "clientIP"]) {
        errors.between(config, "timeoutSeconds", "spec.sessionAffinityConfig.clientIP", 1, MAX_AFFINITY);
    }
    for (path, address) in items(spec, &["externalIPs"], "spec.externalIPs") {
        errors.all(path, address, endpoint_ip(address.as_str().unwrap_or_default()));
    }
    traffic(spec, kind, &mut errors);
    balancer(spec, kind, &mut errors);
    addresses(spec, &mut errors);
    errors
}

/// What is wrong with the addresses of a Service and their families.
pub(crate) fn service_addresses(object: &Value) -> Vec<FieldError> {
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
    let (mut seen_names, mut seen_ports) = (HashSet::new(), HashSet::new());
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
        if errors.filled(port, "protocol", &path) {
            errors.one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"]);
        }
        errors.port(at(port, &["targetPort"]), format!("{path}.targetPort"));
        errors.text(port, "appProtocol", &path, names::qualified_name);
        if !seen_ports.insert((at(port, &["port"]).map(ToString::to_string), text_at(port, &["protocol"]))) {
            errors.push(FieldError::duplicate(path.clone(), port.clone()));
        }
        if at(port, &["nodePort"]).is_some() && kind == "ClusterIP" {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(format!("{path}.nodePort"), detail));
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
    errors.one_of(spec, "trafficDistribution", "spec", &["PreferClose", "PreferSameNode", "PreferSameZone"]);
}

/// The status, from `ValidateLoadBalancerStatus`.
pub(in crate::validate) fn status(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let field = "status.loadBalancer.ingress";
    let any =
        at(object, &["status", "loadBalancer", "ingress"]).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    if any && text_at(object, &["spec", "type"]) != "LoadBalancer" {
        errors.push(FieldError::forbidden(field, "may only be used when `spec.type` is LoadBalancer"));
        return errors;
    }
    ingress(object, field, &mut errors);
    errors
}

/// The status of an Ingress, from `ValidateIngressLoadBalancerStatus`.
pub(in crate::validate) fn ingress_status(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    ingress(object, "status.loadBalancer.ingress", &mut errors);
    errors
}

fn ingress(object: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (path, ingress) in items(object, &["status", "loadBalancer", "ingress"], field) {
        let address = text_at(ingress, &["ip"]);
        if !address.is_empty() {
            errors.all(format!("{path}.ip"), &json!(address), ip(address));
        }
        errors.text_unless_empty(ingress, "hostname", &path, names::subdomain);
        let host = text_at(ingress, &["hostname"]);
        if host.parse::<std::net::IpAddr>().is_ok() {
            let detail = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid(format!("{path}.hostname"), host, detail));
        }
    }
}

/// What only a load balancer has. The path of the ranges is written like this there too.
fn balancer(spec: &Value, kind: &str, errors: &mut Vec<FieldError>) {
    let ranges = "spec.LoadBalancerSourceRanges";
    if kind != "LoadBalancer" {
        for (field, path, detail) in [
            (
                "allocateLoadBalancerNodePorts",
                "spec.allocateLoadBalancerNodePorts",
                "may only be used when `type` is 'LoadBalancer'",
            ),
            ("loadBalancerClass", "spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"),
            ("loadBalancerSourceRanges", ranges, "may only be used when `type` is 'LoadBalancer'"),
        ] {
            if at(spec, &[field]).is_some_and(|value| value != &json!([])) {
                errors.push(FieldError::forbidden(path, detail));
            }
        }
    }
    for (path, range) in items(spec, &["loadBalancerSourceRanges"], ranges) {
        errors.all(path, range, cidr(range.as_str().unwrap_or_default().trim()));
    }
    if kind != "LoadBalancer" {
        return;
    }
    errors.text(spec, "loadBalancerClass", "spec", names::qualified_name);
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
