//! NetworkPolicies.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/networking/validation/validation.go` (`ValidateNetworkPolicySpec`).

use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, cidr, contains, network};

/// Checks a NetworkPolicy.
pub(in crate::validate) fn policy(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    errors.selector(at(&spec, &["podSelector"]), "spec.podSelector");
    let kinds = at(&spec, &["policyTypes"]).cloned().unwrap_or_else(|| json!([]));
    if kinds.as_array().is_some_and(|kinds| kinds.len() > 2) {
        let detail = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid("spec.policyTypes", kinds, detail));
    } else {
        for (path, kind) in items(&spec, &["policyTypes"], "spec.policyTypes") {
            if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
                errors.push(FieldError::not_supported(path, kind.clone(), &["Ingress", "Egress"]));
            }
        }
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (path, rule) in items(&spec, &[direction], &format!("spec.{direction}")) {
            for (path, port) in items(rule, &["ports"], &format!("{path}.ports")) {
                ports(port, &path, &mut errors);
            }
            for (path, other) in items(rule, &[peers], &format!("{path}.{peers}")) {
                peer(other, &path, &mut errors);
            }
        }
    }
    errors
}

fn ports(port: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.one_of(port, "protocol", path, &["TCP", "UDP", "SCTP"]);
    let first = at(port, &["port"]);
    if let Some(found) = first {
        errors.port(Some(found), format!("{path}.port"));
    }
    let Some(last) = at(port, &["endPort"]) else { return };
    let detail = match first {
        None => "may not be specified when `port` is not specified",
        Some(Value::String(_)) => "may not be specified when `port` is non-numeric",
        Some(first) => {
            errors.port(Some(last), format!("{path}.endPort"));
            if last.as_i64() >= first.as_i64() {
                return;
            }
            "must be greater than or equal to `port`"
        }
    };
    errors.push(FieldError::invalid(format!("{path}.endPort"), last.clone(), detail));
}

/// From `ValidateNetworkPolicyPeer`.
fn peer(peer: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in ["podSelector", "namespaceSelector"] {
        errors.selector(at(peer, &[field]), &format!("{path}.{field}"));
    }
    let selects = at(peer, &["podSelector"]).is_some() || at(peer, &["namespaceSelector"]).is_some();
    let Some(block) = at(peer, &["ipBlock"]) else {
        if !selects {
            errors.push(FieldError::required(path, "must specify a peer"));
        }
        return;
    };
    let below = format!("{path}.ipBlock");
    if errors.filled(block, "cidr", &below) {
        errors.text(block, "cidr", &below, cidr);
    }
    // Of a network that cannot be read nothing else is looked at.
    let outer = network(text_at(block, &["cidr"]));
    for (path, except) in items(block, &["except"], &format!("{below}.except")) {
        let Some(outer) = outer else { break };
        let text = except.as_str().unwrap_or_default();
        errors.all(path.clone(), except, cidr(text));
        if network(text).is_some_and(|inner| !contains(outer, inner)) {
            errors.push(FieldError::invalid(path, text, "must be a strict subset of `cidr`"));
        }
    }
    if selects {
        errors.push(FieldError::forbidden(path, "may not specify both ipBlock and another peer"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(check: impl Fn(&mut Vec<FieldError>)) -> Vec<String> {
        let mut errors = Vec::new();
        check(&mut errors);
        field_error::told(&errors, |field| field)
    }

    #[test]
    fn the_last_port_of_a_range_is_one_and_not_before_the_first() {
        for (port, wrong) in [
            (json!({"port": 80, "endPort": 90}), 0),
            (json!({"port": 80, "endPort": 70}), 1),
            (json!({"port": 80, "endPort": -1}), 2),
            (json!({"port": 0, "endPort": 70_000}), 2),
            (json!({"endPort": -1}), 1),
        ] {
            assert_eq!(told(|errors| ports(&port, "p", errors)).len(), wrong, "{port}");
        }
    }

    #[test]
    fn the_exceptions_of_a_network_are_looked_at_if_it_can_be_read() {
        for (block, wrong) in [
            (json!({"except": ["x"]}), vec!["Required p.ipBlock.cidr"]),
            (json!({"cidr": "x", "except": ["x"]}), vec!["Invalid p.ipBlock.cidr"]),
            (json!({"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]}), vec!["Invalid p.ipBlock.cidr"]),
            (
                json!({"cidr": "10.0.0.0/8", "except": ["x", "11.0.0.1/16"]}),
                vec!["Invalid p.ipBlock.except[0]", "Invalid p.ipBlock.except[1]", "Invalid p.ipBlock.except[1]"],
            ),
        ] {
            assert_eq!(told(|errors| peer(&json!({"ipBlock": block}), "p", errors)), wrong, "{block}");
        }
    }
}
