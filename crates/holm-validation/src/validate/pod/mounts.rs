//! Where containers see volumes, as folders or as devices.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::volume::Volumes;
use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::items;
use crate::validate::rules::{Checks, descending_path, no_backstep};

/// From `ValidateVolumeMounts`. Some of the paths lack the position of the mount there too.
pub(super) fn mounts(container: &Value, path: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    let list = format!("{path}.volumeMounts");
    let devices: Vec<&Value> = items(container, &["volumeDevices"], "").map(|(_, device)| device).collect();
    let mut mounted = HashSet::new();
    for (path, mount) in items(container, &["volumeMounts"], &list) {
        let text = |field: &str| text_at(mount, &[field]);
        let (name, target) = (text("name"), text("mountPath"));
        errors.filled(mount, "name", &path);
        if !volumes.has(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        errors.filled(mount, "mountPath", &path);
        if !mounted.insert(target) {
            errors.push(FieldError::invalid(format!("{path}.mountPath"), target, "must be unique"));
        }
        if devices.iter().any(|device| text_at(device, &["name"]) == name) {
            let detail = "must not already exist in volumeDevices";
            errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
        }
        if devices.iter().any(|device| text_at(device, &["devicePath"]) == target) {
            let detail = "must not already exist as a path in volumeDevices";
            errors.push(FieldError::invalid(format!("{path}.mountPath"), target, detail));
        }
        errors.text(mount, "subPath", &list, descending_path);
        let expression = text("subPathExpr");
        if !expression.is_empty() && !text("subPath").is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(format!("{path}.subPathExpr"), expression, detail));
        }
        errors.text(mount, "subPathExpr", &list, descending_path);
        errors.one_of(mount, "mountPropagation", &list, &["Bidirectional", "HostToContainer", "None"]);
        let privileged = at(container, &["securityContext", "privileged"]) == Some(&json!(true));
        if text("mountPropagation") == "Bidirectional" && !privileged {
            let detail = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(FieldError::forbidden(format!("{list}.mountPropagation"), detail));
        }
        errors.one_of(mount, "recursiveReadOnly", &list, &["Disabled", "Enabled", "IfPossible"]);
        if matches!(text("recursiveReadOnly"), "Enabled" | "IfPossible") {
            let field = format!("{list}.recursiveReadOnly");
            if at(mount, &["readOnly"]) != Some(&json!(true)) {
                errors.push(FieldError::forbidden(field.as_str(), "may only be specified when readOnly is true"));
            }
            if at(mount, &["mountPropagation"]).is_some_and(|propagation| propagation != "None") {
                let detail = "may only be specified when mountPropagation is None or not specified";
                errors.push(FieldError::forbidden(field, detail));
            }
        }
    }
}

/// From `ValidateVolumeDevices`.
pub(super) fn devices(container: &Value, path: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    let mounts: Vec<&Value> = items(container, &["volumeMounts"], "").map(|(_, mount)| mount).collect();
    let (mut seen_names, mut seen_paths) = (HashSet::new(), HashSet::new());
    for (path, device) in items(container, &["volumeDevices"], &format!("{path}.volumeDevices")) {
        let (name, target) = (text_at(device, &["name"]), text_at(device, &["devicePath"]));
        let mut refuse = |field: &str, value: &str, detail: &str| {
            errors.push(FieldError::invalid(format!("{path}.{field}"), value, detail));
        };
        if !name.is_empty() && !seen_names.insert(name) {
            refuse("name", name, "must be unique");
        }
        if seen_paths.contains(target) {
            refuse("devicePath", target, "must be unique");
        }
        if no_backstep(target).is_empty() {
            seen_paths.insert(target);
        } else {
            refuse("devicePath", target, "can not contain backsteps ('..')");
        }
        if volumes.has(name) && !volumes.is_claim(name) {
            let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            refuse("name", name, detail);
        }
        if mounts.iter().any(|mount| text_at(mount, &["name"]) == name) {
            refuse("name", name, "must not already exist in volumeMounts");
        }
        if mounts.iter().any(|mount| text_at(mount, &["mountPath"]) == target) {
            refuse("devicePath", target, "must not already exist as a path in volumeMounts");
        }
        errors.filled(device, "name", &path);
        if !volumes.has(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        errors.filled(device, "devicePath", &path);
    }
}
