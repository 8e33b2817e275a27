//! Endpoints.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` (`validateEndpointSubsets`).

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, endpoint_ip, ip};

/// Checks Endpoints.
pub(in crate::validate) fn endpoints(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    // Subsets that stay as they are may stay.
    if live.is_some_and(|live| at(live, &["subsets"]) == at(object, &["subsets"])) {
        return errors;
    }
    for (path, subset) in items(object, &["subsets"], "subsets") {
        let count = |list: &str| at(subset, &[list]).and_then(Value::as_array).map_or(0, Vec::len);
        if count("addresses") == 0 && count("notReadyAddresses") == 0 {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(path.as_str(), detail));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (path, address) in items(subset, &[list], &format!("{path}.{list}")) {
                let text = text_at(address, &["ip"]);
                errors.all(format!("{path}.ip"), &json!(text), ip(text));
                errors.text_unless_empty(address, "hostname", &path, names::label);
                errors.text(address, "nodeName", &path, names::subdomain);
                // What is no address is told a second time, in other words.
                errors.all(format!("{path}.ip"), &json!(text), endpoint_ip(text));
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
            errors.text(port, "appProtocol", &path, names::label_key);
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_told_twice() {
        for (address, wrong) in [
            ("192.0.2.1", vec![]),
            ("x", vec!["ip", "ip"]),
            ("127.0.0.1", vec!["ip"]),
            ("::ffff:192.0.2.1", vec!["ip"]),
        ] {
            let object = json!({"subsets": [{"addresses": [{"ip": address}]}]});
            let errors = endpoints(&object, None);
            let fields: Vec<&str> =
                errors.iter().map(|error| error.field.trim_start_matches("subsets[0].addresses[0].")).collect();
            assert_eq!(fields, wrong, "{address}");
            assert!(endpoints(&object, Some(&object)).is_empty(), "{address}");
        }
        let object = json!({"subsets": [{"addresses": [{"ip": "192.0.2.1", "nodeName": ""}]}]});
        assert_eq!(endpoints(&object, None).len(), 1);
    }
}
