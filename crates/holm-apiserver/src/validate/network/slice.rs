//! EndpointSlices.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/discovery/validation/validation.go`.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::{Checks, endpoint_ip, ip};
use crate::validate::{items, names};

/// Checks an EndpointSlice.
pub(in crate::validate) fn slice(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if errors.filled(object, "addressType", "") {
        errors.one_of(object, "addressType", "", &["FQDN", "IPv4", "IPv6"]);
    }
    let kind = text_at(object, &["addressType"]);
    // Endpoints that stay as they are may stay.
    let same = live.is_some_and(|live| at(live, &["endpoints"]) == at(object, &["endpoints"]));
    for (path, endpoint) in items(object, &["endpoints"], "endpoints").filter(|_| !same) {
        if at(endpoint, &["addresses"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
            let detail = "must contain at least 1 address";
            errors.push(FieldError::required(format!("{path}.addresses"), detail));
        }
        for (below, address) in items(endpoint, &["addresses"], &format!("{path}.addresses")) {
            let text = address.as_str().unwrap_or_default();
            match kind {
                "IPv4" | "IPv6" => {
                    let wrong = ip(text);
                    if wrong.is_empty() && text.contains(':') != (kind == "IPv6") {
                        let detail = format!("must be an {kind} address");
                        errors.push(FieldError::invalid(format!("{path}.addresses"), text, detail));
                    }
                    errors.all(below, address, endpoint_ip(text));
                }
                "FQDN" => errors.all(below, address, names::subdomain(text)),
                _ => {}
            }
        }
        errors.text(endpoint, "hostname", &path, names::label);
    }
    let mut seen = HashSet::new();
    for (path, port) in items(object, &["ports"], "ports") {
        let name = text_at(port, &["name"]);
        if !name.is_empty() {
            errors.text(port, "name", &path, names::label);
        }
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), json!(name)));
        }
        if errors.filled(port, "protocol", &path) {
            errors.one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"]);
        }
        errors.text(port, "appProtocol", &path, names::qualified_name);
    }
    errors
}
