//! Containers: names, images, ports, environment, mounts, resources.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::volume::Volumes;
use super::{probe, required_word, security};
use crate::error::FieldError;
use crate::object::{at, text_at};
use crate::quantity::Quantity;
use crate::validate::rules::{Checks, descending_path, is_whole};
use crate::validate::{items, names};

/// Checks all containers of a pod.
pub(super) fn check_all(spec: &Value, shown: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    errors.has_items(spec, "containers", shown);
    let mut seen: HashSet<&str> = HashSet::new();
    for list in ["containers", "initContainers"] {
        let mut host_ports = HashSet::new();
        for (path, container) in items(spec, &[list], &format!("{shown}.{list}")) {
            let name = text_at(container, &["name"]);
            if errors.filled(container, "name", &path) {
                errors.all(format!("{path}.name"), &json!(name), names::label(name));
                if !seen.insert(name) {
                    errors.push(FieldError::duplicate(format!("{path}.name"), name));
                }
            }
            image(container, &path, errors);
            ports(container, &path, &mut host_ports, at(spec, &["hostNetwork"]) == Some(&json!(true)), errors);
            environment(container, &path, errors);
            mounts(container, &path, volumes, errors);
            devices(container, &path, volumes, errors);
            resources(container, &path, spec, errors);
            security::check_container(container, &path, errors);
            errors.one_of(container, "terminationMessagePolicy", &path, &["FallbackToLogsOnError", "File"]);
            let runs_beside = list == "containers" || text_at(container, &["restartPolicy"]) == "Always";
            if runs_beside {
                probe::check(container, &path, spec, errors);
            } else {
                for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                    if at(container, &[field]).is_some() {
                        let detail = "may not be set for init containers without restartPolicy=Always";
                        errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
                    }
                }
            }
        }
    }
}

fn image(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let image = text_at(container, &["image"]);
    errors.filled(container, "image", path);
    // Templates may have what pods may not (`validateContainersOnlyForPod`).
    let of_pod = path.starts_with("spec.containers") || path.starts_with("spec.initContainers");
    if of_pod && image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(format!("{path}.image"), image, detail));
    }
    required_word(container, "imagePullPolicy", path, &["Always", "IfNotPresent", "Never"], errors);
}

/// From `validateContainerPorts` and `checkHostPortConflicts`.
fn ports(
    container: &Value,
    path: &str,
    host_ports: &mut HashSet<(i64, String, String)>,
    host_network: bool,
    errors: &mut Vec<FieldError>,
) {
    let mut seen = HashSet::new();
    for (path, port) in items(container, &["ports"], &format!("{path}.ports")) {
        let name = text_at(port, &["name"]);
        if !name.is_empty() {
            let problems = names::port(name);
            if problems.is_empty() && !seen.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), name));
            }
            errors.all(format!("{path}.name"), &json!(name), problems);
        }
        let number = at(port, &["containerPort"]).and_then(Value::as_i64).unwrap_or_default();
        if number == 0 {
            errors.push(FieldError::required(format!("{path}.containerPort"), ""));
        } else {
            errors.port(at(port, &["containerPort"]), format!("{path}.containerPort"));
        }
        let host_port = at(port, &["hostPort"]).and_then(Value::as_i64).unwrap_or_default();
        if host_port != 0 {
            errors.port(at(port, &["hostPort"]), format!("{path}.hostPort"));
            if host_network && host_port != number {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid(format!("{path}.hostPort"), host_port, detail));
            }
            let taken = (host_port, text_at(port, &["protocol"]).to_owned(), text_at(port, &["hostIP"]).to_owned());
            if !host_ports.insert(taken) {
                errors.push(FieldError::duplicate(format!("{path}.hostPort"), host_port.to_string()));
            }
        }
        required_word(port, "protocol", &path, &["SCTP", "TCP", "UDP"], errors);
    }
}

/// Fields of a pod that a variable can hold.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that have names at all, from `ConvertDownwardAPIFieldLabel`.
const LABELLED_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];

/// Resources of a container that a variable or file can hold.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

fn environment(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (path, variable) in items(container, &["env"], &format!("{path}.env")) {
        if errors.filled(variable, "name", &path) {
            errors.text(variable, "name", &path, names::variable);
        }
        if let Some(source) = at(variable, &["valueFrom"]) {
            variable_source(variable, source, &format!("{path}.valueFrom"), errors);
        }
    }
    let shown = format!("{path}.envFrom");
    for (path, source) in items(container, &["envFrom"], &shown) {
        errors.text_unless_empty(source, "prefix", &path, names::variable);
        let kinds = ["configMapRef", "secretRef"].into_iter().filter(|kind| at(source, &[kind]).is_some());
        let kinds: Vec<&str> = kinds.collect();
        for kind in &kinds {
            let reference = at(source, &[kind]).cloned().unwrap_or_default();
            let path = format!("{path}.{kind}");
            if errors.filled(&reference, "name", &path) {
                errors.text(&reference, "name", &path, names::subdomain);
            }
        }
        if kinds.len() != 1 {
            let detail = if kinds.is_empty() {
                "must specify one of: `configMapRef` or `secretRef`"
            } else {
                "may not have more than one field specified at a time"
            };
            errors.push(FieldError::invalid(shown.clone(), "", detail));
        }
    }
}

/// From `validateEnvVarValueFrom`.
fn variable_source(variable: &Value, source: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| at(source, &[kind]).is_some()).collect();
    let detail = if kinds.is_empty() {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if !text_at(variable, &["value"]).is_empty() {
        "may not be specified when `value` is not empty"
    } else if kinds.len() > 1 {
        "may not have more than one field specified at a time"
    } else {
        ""
    };
    if !detail.is_empty() {
        errors.push(FieldError::invalid(path, "", detail));
    }
    if let Some(reference) = at(source, &["fieldRef"]) {
        field_reference(reference, &format!("{path}.fieldRef"), &FIELDS, errors);
    }
    if let Some(reference) = at(source, &["resourceFieldRef"]) {
        resource_reference(reference, &format!("{path}.resourceFieldRef"), false, errors);
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        let Some(reference) = at(source, &[kind]) else { continue };
        let path = format!("{path}.{kind}");
        let name = text_at(reference, &["name"]);
        errors.all(format!("{path}.name"), &json!(name), names::subdomain(name));
        if errors.filled(reference, "key", &path) {
            errors.text(reference, "key", &path, names::config_key);
        }
    }
}

/// A reference to a field of the pod, from `validateObjectFieldSelector`.
pub(super) fn field_reference(reference: &Value, path: &str, allowed: &[&str], errors: &mut Vec<FieldError>) {
    errors.filled(reference, "apiVersion", path);
    let field = text_at(reference, &["fieldPath"]);
    if !errors.filled(reference, "fieldPath", path) {
        return;
    }
    let subscripted = field.split_once("['").filter(|_| field.ends_with("']")).map(|(field, _)| field);
    if matches!(subscripted, Some("metadata.labels" | "metadata.annotations")) {
        return;
    }
    let known = FIELDS.contains(&field) || LABELLED_FIELDS.contains(&field);
    if text_at(reference, &["apiVersion"]) != "v1" || !known {
        let detail = format!("error converting fieldPath: field label not supported: {field}");
        errors.push(FieldError::invalid(format!("{path}.fieldPath"), field, detail));
    } else if !allowed.contains(&field) {
        errors.push(FieldError::not_supported(format!("{path}.fieldPath"), field, allowed));
    }
}

/// A reference to a resource of a container, from `validateContainerResourceFieldSelector`.
pub(super) fn resource_reference(reference: &Value, path: &str, of_volume: bool, errors: &mut Vec<FieldError>) {
    if of_volume {
        errors.filled(reference, "containerName", path);
    }
    let resource = text_at(reference, &["resource"]);
    if !errors.filled(reference, "resource", path) {
        return;
    }
    let pages = resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
    if !pages && !RESOURCES.contains(&resource) {
        errors.push(FieldError::not_supported(format!("{path}.resource"), resource, &RESOURCES));
        return;
    }
    let divisor = at(reference, &["divisor"]).and_then(Quantity::of).map(Quantity::canonical).unwrap_or_default();
    let (allowed, detail): (&[&str], _) = if resource.ends_with(".cpu") {
        (&["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource")
    } else {
        (
            &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"],
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the resource",
        )
    };
    if !matches!(divisor.as_str(), "" | "0") && !allowed.contains(&divisor.as_str()) {
        errors.push(FieldError::invalid(format!("{path}.divisor"), divisor, detail));
    }
}

/// From `ValidateVolumeMounts`. Some of the paths lack the position of the mount there too.
fn mounts(container: &Value, path: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    let list = format!("{path}.volumeMounts");
    let devices: Vec<&Value> = items(container, &["volumeDevices"], "").map(|(_, device)| device).collect();
    let mut mounted = HashSet::new();
    for (path, mount) in items(container, &["volumeMounts"], &list) {
        let (name, target) = (text_at(mount, &["name"]), text_at(mount, &["mountPath"]));
        errors.filled(mount, "name", &path);
        if !volumes.has(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        if errors.filled(mount, "mountPath", &path) && !mounted.insert(target) {
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
        if at(mount, &["subPathExpr"]).is_some() {
            if at(mount, &["subPath"]).is_some() {
                let value = text_at(mount, &["subPathExpr"]);
                let detail = "subPathExpr and subPath are mutually exclusive";
                errors.push(FieldError::invalid(format!("{path}.subPathExpr"), value, detail));
            }
            errors.text(mount, "subPathExpr", &list, descending_path);
        }
        errors.one_of(mount, "mountPropagation", &list, &["Bidirectional", "HostToContainer", "None"]);
        let privileged = at(container, &["securityContext", "privileged"]) == Some(&json!(true));
        if text_at(mount, &["mountPropagation"]) == "Bidirectional" && !privileged {
            let detail = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(FieldError::forbidden(format!("{list}.mountPropagation"), detail));
        }
        errors.one_of(mount, "recursiveReadOnly", &list, &["Disabled", "Enabled", "IfPossible"]);
        let recursive = matches!(text_at(mount, &["recursiveReadOnly"]), "Enabled" | "IfPossible");
        if recursive && at(mount, &["readOnly"]) != Some(&json!(true)) {
            let detail = "may only be specified when readOnly is true";
            errors.push(FieldError::forbidden(format!("{list}.recursiveReadOnly"), detail));
        }
    }
}

/// From `ValidateVolumeDevices`.
fn devices(container: &Value, path: &str, volumes: &Volumes<'_>, errors: &mut Vec<FieldError>) {
    let mounts: Vec<&Value> = items(container, &["volumeMounts"], "").map(|(_, mount)| mount).collect();
    for (path, device) in items(container, &["volumeDevices"], &format!("{path}.volumeDevices")) {
        let (name, target) = (text_at(device, &["name"]), text_at(device, &["devicePath"]));
        errors.filled(device, "name", &path);
        if volumes.has(name) && !volumes.is_claim(name) {
            let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
        } else if !volumes.has(name) {
            errors.push(FieldError::not_found(format!("{path}.name"), name));
        }
        if errors.filled(device, "devicePath", &path) {
            let taken = mounts.iter().any(|mount| text_at(mount, &["mountPath"]) == target);
            if taken {
                let detail = "must not already exist as a path in volumeMounts";
                errors.push(FieldError::invalid(format!("{path}.devicePath"), target, detail));
            }
        }
        if mounts.iter().any(|mount| text_at(mount, &["name"]) == name) {
            let detail = "must not already exist in volumeMounts";
            errors.push(FieldError::invalid(format!("{path}.name"), name, detail));
        }
    }
}

/// Resources that Kubernetes itself gives to containers.
fn is_native(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// From `ValidateContainerResourceRequirements`.
fn resources(container: &Value, path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let path = format!("{path}.resources");
    let (mut pages, mut computing) = (false, false);
    for part in ["limits", "requests"] {
        for (name, amount) in at(container, &["resources", part]).and_then(Value::as_object).into_iter().flatten() {
            let shown = format!("{path}.{part}[{name}]");
            pages |= name.starts_with("hugepages-");
            computing |= matches!(name.as_str(), "cpu" | "memory");
            resource_name(name, &shown, errors);
            if Quantity::of(amount).is_some_and(Quantity::is_negative) {
                errors.push(FieldError::invalid(shown, amount.clone(), "must be greater than or equal to 0"));
                continue;
            }
            let counted = name.contains('/') && !name.starts_with("kubernetes.io/");
            if counted && !is_whole(amount) {
                errors.push(FieldError::invalid(shown.clone(), amount.clone(), "must be an integer"));
            }
            if let Some(size) = name.strip_prefix("hugepages-").and_then(Quantity::parse)
                && !Quantity::of(amount).is_none_or(|amount| amount.is_multiple_of(size))
            {
                let detail = format!("must be a multiple of {}", size.canonical());
                errors.push(FieldError::invalid(shown, amount.clone(), detail));
            }
        }
    }
    let limits = at(container, &["resources", "limits"]).and_then(Value::as_object);
    for (name, request) in at(container, &["resources", "requests"]).and_then(Value::as_object).into_iter().flatten() {
        let overcommits = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        let Some(limit) = limits.and_then(|limits| limits.get(name)) else {
            if !overcommits && (name.contains('/') || name.starts_with("hugepages-")) {
                let detail = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(format!("{path}.limits"), detail));
            }
            continue;
        };
        let (Some(limit), Some(wanted)) = (Quantity::of(limit), Quantity::of(request)) else { continue };
        if !overcommits && wanted != limit {
            let detail = format!("must be equal to {name} limit of {}", limit.canonical());
            errors.push(FieldError::invalid(format!("{path}.requests"), request.clone(), detail));
        } else if wanted > limit {
            let detail = format!("must be less than or equal to {name} limit of {}", limit.canonical());
            errors.push(FieldError::invalid(format!("{path}.requests"), request.clone(), detail));
        }
    }
    if pages && !computing {
        errors.push(FieldError::forbidden(path.clone(), "HugePages require cpu or memory"));
    }
    for (path, claim) in items(container, &["resources", "claims"], &format!("{path}.claims")) {
        let name = text_at(claim, &["name"]);
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        } else if !items(spec, &["resourceClaims"], "").any(|(_, of_pod)| text_at(of_pod, &["name"]) == name) {
            errors.push(FieldError::not_found(path, name));
        }
    }
}

/// From `validateContainerResourceName` and `validateResourceName`.
fn resource_name(name: &str, path: &str, errors: &mut Vec<FieldError>) {
    errors.all(path.to_owned(), &json!(name), names::qualified_name(name));
    if !name.contains('/') {
        if !is_native(name) {
            let detail = "must be a standard resource type or fully qualified";
            errors.push(FieldError::invalid(path, name, detail));
            errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if !name.contains("kubernetes.io/") {
        let extended = !name.starts_with("requests.") && names::qualified_name(&format!("requests.{name}")).is_empty();
        if !extended {
            errors.push(FieldError::invalid(path, name, "doesn't follow extended resource name standard"));
        }
    }
}
