//! Security contexts of pods and containers.

use holm_values::names;
use serde_json::{Value, json};

use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, descending_path};

/// From `validatePodSpecSecurityContext`.
pub(super) fn check_pod(spec: &Value, shown: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = at(spec, &["securityContext"]) else { return };
    let path = format!("{shown}.securityContext");
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        errors.between(context, field, &path, 0, i64::from(i32::MAX));
    }
    for (path, group) in items(context, &["supplementalGroups"], &format!("{path}.supplementalGroups")) {
        if group.as_i64().is_some_and(|group| !(0..=i64::from(i32::MAX)).contains(&group)) {
            let detail = format!("must be between 0 and {}, inclusive", i32::MAX);
            errors.push(FieldError::invalid(path, group.clone(), detail));
        }
    }
    let mut settings: Vec<&str> = Vec::new();
    for (path, setting) in items(context, &["sysctls"], &format!("{path}.sysctls")) {
        let name = text_at(setting, &["name"]);
        if errors.filled(setting, "name", &path) {
            let problems = names::kernel_setting(name);
            if problems.is_empty() && settings.contains(&name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
            errors.all(format!("{path}.name"), &json!(name), problems);
        }
        settings.push(name);
    }
    errors.one_of(context, "seLinuxChangePolicy", &path, &["MountOption", "Recursive"]);
    errors.one_of(context, "fsGroupChangePolicy", &path, &["Always", "OnRootMismatch"]);
    errors.one_of(context, "supplementalGroupsPolicy", &path, &["Merge", "Strict"]);
    profiles(context, &path, errors);
}

/// From `ValidateSecurityContext`.
pub(super) fn check_container(container: &Value, spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(context) = at(container, &["securityContext"]) else { return };
    let path = format!("{path}.securityContext");
    for field in ["runAsUser", "runAsGroup"] {
        errors.between(context, field, &path, 0, i64::from(i32::MAX));
    }
    errors.one_of(context, "procMount", &path, &["Default", "Unmasked"]);
    if text_at(context, &["procMount"]) == "Unmasked" && at(spec, &["hostUsers"]) != Some(&json!(false)) {
        let detail = "`hostUsers` must be false to use `Unmasked`";
        errors.push(FieldError::invalid(format!("{path}.procMount"), "Unmasked", detail));
    }
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
    for (kind, name) in [("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")] {
        let Some(profile) = at(context, &[kind]) else { continue };
        let path = format!("{path}.{kind}");
        let found = text_at(profile, &["type"]);
        let supported = &["Localhost", "RuntimeDefault", "Unconfined"];
        if found.is_empty() {
            let detail = format!("type is required when {kind} is set");
            errors.push(FieldError::required(format!("{path}.type"), detail));
        } else if !supported.contains(&found) {
            errors.push(FieldError::not_supported(format!("{path}.type"), found, supported));
        }
        let field = format!("{path}.localhostProfile");
        match (found, at(profile, &["localhostProfile"]).and_then(Value::as_str)) {
            ("Localhost", None) => {
                errors.push(FieldError::required(field, format!("must be set when {name} type is Localhost")));
            }
            ("Localhost", Some(local)) if kind == "appArmorProfile" => own_profile(local, field, errors),
            ("Localhost", Some(_)) => errors.text(profile, "localhostProfile", &path, descending_path),
            // Of an unknown type only the older of them has something to say.
            (known, Some(_)) if kind == "seccompProfile" || supported.contains(&known) => {
                let detail = format!("can only be set when {name} type is Localhost");
                errors.push(FieldError::invalid(field, profile.clone(), detail));
            }
            _ => {}
        }
    }
}

/// A profile that is on the node.
fn own_profile(profile: &str, field: String, errors: &mut Vec<FieldError>) {
    const MAX_PROFILE: usize = 4095;
    if profile.trim() != profile {
        errors.push(FieldError::invalid(field.as_str(), profile, "must not be padded with whitespace"));
    } else if profile.is_empty() {
        errors.push(FieldError::required(field.as_str(), "must be set when AppArmor type is Localhost"));
    }
    if profile.len() > MAX_PROFILE {
        errors.push(FieldError::too_long(field, MAX_PROFILE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_the_node_are_named() {
        for (context, wrong) in [
            (json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "a/b"}}), 0),
            (json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "/a/../b"}}), 2),
            (json!({"seccompProfile": {"type": "Bogus", "localhostProfile": "a"}}), 2),
            (json!({"seccompProfile": {"localhostProfile": "a"}}), 2),
            (json!({"appArmorProfile": {"type": "Bogus", "localhostProfile": "a"}}), 1),
            (json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": " "}}), 1),
            (json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": ""}}), 1),
            (json!({"appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "a"}}), 1),
        ] {
            let mut errors = Vec::new();
            profiles(&context, "p", &mut errors);
            assert_eq!(errors.len(), wrong, "{context}");
        }
    }

    #[test]
    fn settings_of_the_kernel_are_named_once() {
        for (names, wrong) in [(["a.b/c", "a"], 0), (["a", "a"], 1), (["a..b", "a..b"], 2), (["", ""], 2)] {
            let spec = json!({"securityContext": {"sysctls": names.map(|name| json!({"name": name}))}});
            let mut errors = Vec::new();
            check_pod(&spec, "spec", &mut errors);
            assert_eq!(errors.len(), wrong, "{names:?}");
        }
    }
}
