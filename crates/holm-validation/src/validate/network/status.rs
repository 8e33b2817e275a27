//! Where a Service or an Ingress is reached from outside, which is told in its status.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go` and `pkg/apis/networking/validation/validation.go`.

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, ip, sloppy_ip};

/// The status, from `ValidateLoadBalancerStatus`.
pub(in crate::validate) fn service_status(object: &Value, live: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let field = "status.loadBalancer.ingress";
    let list = ["status", "loadBalancer", "ingress"];
    if items(object, &list, "").next().is_some() && text_at(object, &["spec", "type"]) != "LoadBalancer" {
        errors.push(FieldError::forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'"));
        return errors;
    }
    ingress(object, live, field, &mut errors);
    for (path, ingress) in items(object, &list, field) {
        match (at(ingress, &["ipMode"]).is_some(), !text_at(ingress, &["ip"]).is_empty()) {
            // The default is that of the type that the request names, though the status is that of the type which is stored.
            (false, true) => {
                let detail = "must be specified when `ip` is set";
                errors.push(FieldError::required(format!("{path}.ipMode"), detail));
            }
            (true, false) => {
                let detail = "may not be specified when `ip` is not set";
                errors.push(FieldError::forbidden(format!("{path}.ipMode"), detail));
            }
            _ => errors.one_of(ingress, "ipMode", &path, &["Proxy", "VIP"]),
        }
    }
    errors
}

/// The status of an Ingress, from `ValidateIngressLoadBalancerStatus`.
pub(in crate::validate) fn ingress_status(object: &Value, live: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    ingress(object, live, "status.loadBalancer.ingress", &mut errors);
    errors
}

fn ingress(object: &Value, live: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let list = ["status", "loadBalancer", "ingress"];
    let known: Vec<&str> = items(live, &list, "").map(|(_, ingress)| text_at(ingress, &["ip"])).collect();
    for (path, ingress) in items(object, &list, field) {
        let address = text_at(ingress, &["ip"]);
        if !address.is_empty() && !known.contains(&address) {
            errors.all(format!("{path}.ip"), &json!(address), ip(address));
        }
        errors.text_unless_empty(ingress, "hostname", &path, names::subdomain);
        let host = text_at(ingress, &["hostname"]);
        if sloppy_ip(host).is_some() {
            let detail = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid(format!("{path}.hostname"), host, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_mode_and_a_name_is_no_address() {
        for (ingress, wrong) in [
            (json!({"ip": "192.0.2.1", "ipMode": "VIP"}), vec![]),
            (json!({"ip": "192.0.2.1", "ipMode": "Bogus"}), vec!["ipMode"]),
            (json!({"ip": "192.0.2.1"}), vec!["ipMode"]),
            (json!({"hostname": "a.example.com", "ipMode": "VIP"}), vec!["ipMode"]),
            (json!({"ip": "x", "ipMode": "VIP"}), vec!["ip"]),
            (json!({"hostname": "192.0.2.1"}), vec!["hostname"]),
        ] {
            let of = |ingress: &Value| json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [ingress]}}});
            let errors = service_status(&of(&ingress), &of(&json!({})));
            let fields: Vec<&str> =
                errors.iter().map(|error| error.field.trim_start_matches("status.loadBalancer.ingress[0].")).collect();
            assert_eq!(fields, wrong, "{ingress}");
        }
        // What was told before may stay.
        let before = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.01"}]}}});
        assert!(ingress_status(&before, &before).is_empty());
    }
}
