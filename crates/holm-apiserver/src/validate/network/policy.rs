//! NetworkPolicies.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/networking/validation/validation.go` (`ValidateNetworkPolicySpec`).

use serde_json::{Value, json};

use crate::error::FieldError;
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
                errors.push(FieldError::not_supported(path, kind.clone(), &["Egress", "Ingress"]));
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
    errors.one_of(port, "protocol", path, &["SCTP", "TCP", "UDP"]);
    let first = at(port, &["port"]);
    if let Some(found) = first {
        errors.port(Some(found), format!("{path}.port"));
    }
    let Some(last) = at(port, &["endPort"]) else { return };
    let detail = match first {
        None => "may not be specified when `port` is not specified",
        Some(Value::String(_)) => "may not be specified when `port` is non-numeric",
        Some(first) if last.as_i64() < first.as_i64() => "must be greater than or equal to `port`",
        Some(_) => return errors.port(Some(last), format!("{path}.endPort")),
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
    let outer = network(text_at(block, &["cidr"]));
    for (path, except) in items(block, &["except"], &format!("{below}.except")) {
        let text = except.as_str().unwrap_or_default();
        match (outer, network(text)) {
            (_, None) => errors.all(path, except, cidr(text)),
            (Some(outer), Some(inner)) if !contains(outer, inner) => {
                let detail = "must be a strict subset of `cidr`";
                errors.push(FieldError::invalid(path, text, detail));
            }
            _ => {}
        }
    }
    if selects {
        errors.push(FieldError::forbidden(path, "may not specify both ipBlock and another peer"));
    }
}
