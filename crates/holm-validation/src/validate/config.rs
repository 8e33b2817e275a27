//! Secrets and ConfigMaps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holm_values::names;
use serde_json::Value;

use crate::field_error::FieldError;
use crate::object::{at, text_at};

/// The most bytes of data in a Secret or ConfigMap.
const MAX_DATA: usize = 1024 * 1024;

/// Keys that a Secret of a type must have.
const SECRET_KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
];

/// Checks a Secret or ConfigMap.
pub(super) fn check(resource: &str, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in at(object, &[field]).and_then(Value::as_object).into_iter().flatten() {
            for problem in names::config_key(key) {
                errors.push(FieldError::invalid(format!("{field}[{key}]"), key.as_str(), problem));
            }
            if field == "data" && at(object, &["binaryData", key]).is_some() {
                let detail = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(format!("data[{key}]"), key.as_str(), detail));
            }
            let text = value.as_str().unwrap_or_default();
            let encoded = resource == "secrets" || field == "binaryData";
            size += if encoded { STANDARD.decode(text).map_or(0, |bytes| bytes.len()) } else { text.len() };
        }
    }
    if size > MAX_DATA {
        let field = if resource == "secrets" { "data" } else { "[]" };
        errors.push(FieldError::too_long(field, MAX_DATA));
    }
    if resource == "secrets" {
        let kind = text_at(object, &["type"]);
        let wanted = SECRET_KEYS.iter().filter(|(found, _)| *found == kind).flat_map(|(_, keys)| keys.iter());
        for key in wanted {
            let Some(found) = at(object, &["data", key]).and_then(Value::as_str) else {
                errors.push(FieldError::required(format!("data[{key}]"), ""));
                continue;
            };
            let bytes = STANDARD.decode(found).unwrap_or_default();
            if *key == "ssh-privatekey" && bytes.is_empty() {
                errors.push(FieldError::required(format!("data[{key}]"), ""));
            }
            // To Go nothing at all is a map as well.
            let is_map =
                serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object() || value.is_null());
            if kind.contains("docker") && !is_map {
                let shown = "<secret contents redacted>";
                errors.push(FieldError::invalid(format!("data[{key}]"), shown, "must be a JSON object"));
            }
        }
        if kind == "kubernetes.io/basic-auth"
            && at(object, &["data", "username"]).is_none()
            && at(object, &["data", "password"]).is_none()
        {
            errors.push(FieldError::required("data[username]", ""));
            errors.push(FieldError::required("data[password]", ""));
        }
        if kind == "kubernetes.io/service-account-token"
            && crate::object::annotation(object, "kubernetes.io/service-account.name").is_none_or(str::is_empty)
        {
            errors.push(FieldError::required("metadata.annotations[kubernetes.io/service-account.name]", ""));
        }
    }
    errors
}

/// What a client should know of a Secret, from `pkg/api/secret/warnings.go`.
pub(super) fn warnings(object: &Value, warnings: &mut Vec<String>) {
    if text_at(object, &["type"]) != "kubernetes.io/tls" {
        return;
    }
    let certificate = STANDARD.decode(text_at(object, &["data", "tls.crt"])).unwrap_or_default();
    if !String::from_utf8_lossy(&certificate).contains("-----BEGIN ") {
        warnings.push("tls: failed to find any PEM data in certificate input".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_of_a_type_have_what_it_needs() {
        for (kind, key, text, wrong) in [
            ("kubernetes.io/ssh-auth", "ssh-privatekey", "a", 0),
            ("kubernetes.io/ssh-auth", "ssh-privatekey", "", 1),
            ("kubernetes.io/tls", "tls.crt", "", 1),
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{}", 0),
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "null", 0),
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "[]", 1),
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "", 1),
        ] {
            let object = json!({"type": kind, "data": {key: STANDARD.encode(text)}});
            assert_eq!(check("secrets", &object).len(), wrong, "{kind} {text}");
        }
    }
}
