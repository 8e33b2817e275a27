//! Endpoints.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`validateEndpointSubsets`).

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::{Checks, endpoint_ip, ip};
use crate::validate::{items, names};

/// Checks Endpoints.
pub(in crate::validate) fn endpoints(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (path, subset) in items(object, &["subsets"], "subsets") {
        let count = |list: &str| at(subset, &[list]).and_then(Value::as_array).map_or(0, Vec::len);
        if count("addresses") == 0 && count("notReadyAddresses") == 0 {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(path.as_str(), detail));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (path, address) in items(subset, &[list], &format!("{path}.{list}")) {
                let text = text_at(address, &["ip"]);
                let wrong = ip(text);
                let problems = if wrong.is_empty() { endpoint_ip(text) } else { wrong };
                errors.all(format!("{path}.ip"), &json!(text), problems);
                errors.text_unless_empty(address, "hostname", &path, names::label);
            }
        }
        let named = count("ports") > 1;
        for (path, port) in items(subset, &["ports"], &format!("{path}.ports")) {
            if named && text_at(port, &["name"]).is_empty() {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            }
            errors.text_unless_empty(port, "name", &path, names::label);
            errors.port(at(port, &["port"]), format!("{path}.port"));
            errors.one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"]);
        }
    }
    errors
}
