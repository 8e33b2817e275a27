//! Security contexts of pods and containers.

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::Checks;
use crate::validate::{items, names};

/// From `validatePodSpecSecurityContext`.
pub(super) fn check_pod(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = at(spec, &["securityContext"]) else { return };
    let path = format!("{shown}.securityContext");
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        errors.between(context, field, &path, 0, i64::from(i32::MAX));
    }
    for (path, group) in items(context, &["supplementalGroups"], &format!("{path}.supplementalGroups")) {
        if group.as_i64().is_some_and(|group| group < 0) {
            let detail = format!("must be between 0 and {}, inclusive", i32::MAX);
            errors.push(FieldError::invalid(path, group.clone(), detail));
        }
    }
    for (path, setting) in items(context, &["sysctls"], &format!("{path}.sysctls")) {
        if errors.filled(setting, "name", &path) {
            errors.text(setting, "name", &path, names::kernel_setting);
        }
    }
    errors.one_of(context, "fsGroupChangePolicy", &path, &["Always", "OnRootMismatch"]);
    errors.one_of(context, "supplementalGroupsPolicy", &path, &["Merge", "Strict"]);
    profiles(context, &path, errors);
}

/// From `ValidateSecurityContext`.
pub(super) fn check_container(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = at(container, &["securityContext"]) else { return };
    let path = format!("{path}.securityContext");
    for field in ["runAsUser", "runAsGroup"] {
        errors.between(context, field, &path, 0, i64::from(i32::MAX));
    }
    errors.one_of(context, "procMount", &path, &["Default", "Unmasked"]);
    if at(context, &["allowPrivilegeEscalation"]) == Some(&json!(false)) {
        let added = crate::object::texts(at(context, &["capabilities", "add"]));
        let refuse = |errors: &mut Vec<FieldError>, what: &str| {
            let detail = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
            errors.push(FieldError::invalid(path.clone(), context.clone(), detail));
        };
        if at(context, &["privileged"]) == Some(&json!(true)) {
            refuse(errors, "`privileged` to true");
        }
        if added.iter().any(|capability| capability == "CAP_SYS_ADMIN") {
            refuse(errors, "`capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    profiles(context, &path, errors);
}

/// From `validateSeccompProfileField` and `ValidateAppArmorProfileField`.
fn profiles(context: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for kind in ["seccompProfile", "appArmorProfile"] {
        let Some(profile) = at(context, &[kind]) else { continue };
        let path = format!("{path}.{kind}");
        let local = text_at(profile, &["localhostProfile"]);
        match text_at(profile, &["type"]) {
            "Localhost" => {
                if local.is_empty() {
                    let detail = "must be set when profile type is Localhost";
                    errors.push(FieldError::required(format!("{path}.localhostProfile"), detail));
                }
            }
            "RuntimeDefault" | "Unconfined" => {
                if at(profile, &["localhostProfile"]).is_some() {
                    let detail = "can only be set when profile type is Localhost";
                    errors.push(FieldError::invalid(format!("{path}.localhostProfile"), local, detail));
                }
            }
            "" => errors.push(FieldError::required(format!("{path}.type"), "type is required when profile is set")),
            other => {
                let supported = &["Localhost", "RuntimeDefault", "Unconfined"];
                errors.push(FieldError::not_supported(format!("{path}.type"), other, supported));
            }
        }
    }
}
