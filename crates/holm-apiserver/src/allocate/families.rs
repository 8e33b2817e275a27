//! The families of a service's addresses: `initIPFamilyFields`.

use holm_validation::FieldError;
use serde_json::{Value, json};

use super::{EXTERNAL_NAME, invalid, kind, texts};
use crate::error::ApiError;
use crate::object::{at, set_at, text_at};
use crate::validate;

const POLICY: [&str; 2] = ["spec", "ipFamilyPolicy"];
const FAMILIES: [&str; 2] = ["spec", "ipFamilies"];
const PREFER_DUAL: &str = "PreferDualStack";
const REQUIRE_DUAL: &str = "RequireDualStack";
const SINGLE: &str = "SingleStack";

/// Whether a service that takes what it can get has what it had: then nothing is done about its families and addresses.
pub(super) fn are_settled(live: &Value, object: &Value) -> bool {
    let prefers = |service: &Value| at(service, &POLICY).is_none_or(|policy| policy == PREFER_DUAL);
    at(object, &POLICY).is_some()
        && kind(live) == kind(object)
        && matches!(kind(object), "ClusterIP" | "NodePort" | "LoadBalancer")
        && prefers(live)
        && prefers(object)
        && ["clusterIPs", "ipFamilies"].iter().all(|field| texts(live, field) == texts(object, field))
}

/// Fills in the families and the policy, and refuses what this cluster does not have.
pub(super) fn complete(live: Option<&Value>, object: &mut Value) -> Result<(), ApiError> {
    if kind(object) == EXTERNAL_NAME || live.is_some_and(|live| are_settled(live, object)) {
        return Ok(());
    }
    let headless = text_at(object, &["spec", "clusterIP"]) == "None";
    let selects = at(object, &["spec", "selector"]).and_then(Value::as_object).is_some_and(|labels| !labels.is_empty());
    if at(object, &POLICY).is_none() {
        let before = live.and_then(|live| at(live, &POLICY)).cloned();
        let chosen = if headless && !selects { REQUIRE_DUAL } else { SINGLE };
        set_at(object, &POLICY, before.unwrap_or_else(|| json!(chosen)));
    }
    let errors = validate::service_addresses(object);
    if !errors.is_empty() {
        return Err(invalid(object, &errors));
    }
    let policy = text_at(object, &POLICY).to_owned();
    let refuse = |detail: &str| FieldError::invalid("spec.ipFamilyPolicy", policy.as_str(), detail);
    let mut errors = Vec::new();
    if let Some(live) = live {
        if policy == SINGLE {
            for field in ["clusterIPs", "ipFamilies"] {
                let all = texts(object, field);
                if texts(live, field) == all && all.len() > 1 {
                    set_at(object, &["spec", field], json!(all.get(..1)));
                }
            }
        } else {
            let reduced = |field: &str| {
                let left = texts(object, field).len();
                left > 0 && left < texts(live, field).len()
            };
            if reduced("clusterIPs") {
                errors.push(refuse("must be 'SingleStack' to release the secondary cluster IP"));
            }
            if reduced("ipFamilies") {
                errors.push(refuse("must be 'SingleStack' to release the secondary IP family"));
            }
        }
    }
    if policy == SINGLE {
        for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
            if texts(object, field).len() == 2 {
                errors.push(refuse(&format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                )));
            }
        }
    }
    let mut families = texts(object, "ipFamilies");
    for (position, address) in texts(object, "clusterIPs").iter().enumerate().take_while(|(_, ip)| *ip != "None") {
        if position < families.len() {
            continue;
        }
        if address.contains(':') {
            let field = format!("spec.clusterIPs[{position}]");
            errors.push(FieldError::invalid(field, address.as_str(), "IPv6 is not configured on this cluster"));
        } else {
            families.push("IPv4".to_owned());
        }
    }
    if !errors.is_empty() {
        return Err(invalid(object, &errors));
    }
    if headless && !selects {
        // Whoever finds its pods otherwise may name families that the cluster does not have.
        if families.is_empty() {
            families.push("IPv4".to_owned());
        }
        if families.len() < 2 && policy != SINGLE {
            let other = if families.first().is_some_and(|first| first == "IPv4") { "IPv6" } else { "IPv4" };
            families.push(other.to_owned());
        }
        set_at(object, &FAMILIES, json!(families));
        return Ok(());
    }
    if policy == REQUIRE_DUAL {
        errors.push(refuse("this cluster is not configured for dual-stack services"));
    }
    for (position, family) in families.iter().enumerate().filter(|(_, family)| *family != "IPv4") {
        let field = format!("spec.ipFamilies[{position}]");
        errors.push(FieldError::invalid(field, family.as_str(), "not configured on this cluster"));
    }
    if !errors.is_empty() {
        return Err(invalid(object, &errors));
    }
    if families.is_empty() {
        families.push("IPv4".to_owned());
    }
    set_at(object, &FAMILIES, json!(families));
    Ok(())
}
