//! The inside of a pod: containers, volumes and what they share.

use std::collections::BTreeSet;

use holm_values::Quantity;
use serde_json::Value;

use super::field::{entries, is_absent, is_present, is_unknown, items, text};
use super::metadata::wrong_type;
use super::selector::port_text;
use super::workload::Workload;
use super::{Report, name};
use crate::path::{FieldPath, scalar_text};
use crate::problem::ProblemKind;
use holm_values::did_you_mean;

/// The lists of containers in a pod.
pub(super) const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The resources that need no domain in front.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// What a variable's value can be read from.
const SOURCES: [&str; 5] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

/// What a probe can do.
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

pub(super) fn check(report: &mut Report<'_>, workload: &Workload<'_>) {
    let (spec, path) = (workload.spec, workload.spec_path());
    if is_unknown(spec) || spec.get("containers").is_some_and(is_unknown) {
        return;
    }
    if is_absent(spec, "containers") {
        report.incomplete(path.field("containers"), "a pod needs at least one container");
    }
    check_unique(report, &items(spec, "volumes", &path), &["name"], "volume");
    check_unique(report, &items(spec, "imagePullSecrets", &path), &["name"], "image pull secret");
    for (path, volume) in items(spec, "volumes", &path) {
        check_named(report, volume, &path, "volume name");
    }
    let volumes = volumes(workload);
    let mut names = BTreeSet::new();
    for list in CONTAINERS {
        for (path, container) in items(spec, list, &path) {
            check_named(report, container, &path, "container name");
            if let Some(name) = text(container, "name").filter(|name| !names.insert(*name)) {
                report.unfit(path.field("name"), format!("the pod has another container \"{name}\""));
            }
            check_container(report, container, &path, volumes.as_deref());
        }
    }
}

/// The names of the pod's volumes; none where one of them is not known yet.
fn volumes<'a>(workload: &Workload<'a>) -> Option<Vec<&'a str>> {
    let own = workload.spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let claims = workload.declared.object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    // A StatefulSet makes a volume for each of its claims.
    let claims = claims.into_iter().flatten().filter_map(|claim| claim.get("metadata"));
    let names: Vec<&Value> = own.chain(claims).filter_map(|owner| owner.get("name")).collect();
    (!names.iter().any(|name| is_unknown(name))).then(|| names.into_iter().filter_map(Value::as_str).collect())
}

fn check_container(report: &mut Report<'_>, container: &Value, path: &FieldPath, volumes: Option<&[&str]>) {
    if is_absent(container, "image") {
        report.incomplete(path.field("image"), "the container has no image");
    }
    check_environment(report, container, path);
    check_ports(report, container, path);
    check_mounts(report, container, path, volumes);
    check_resources(report, container, path);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        if let Some(found) = container.get(probe).filter(|probe| probe.is_object()) {
            check_probe(report, container, found, &path.field(probe));
        }
    }
}

/// The name of a container or volume.
fn check_named(report: &mut Report<'_>, item: &Value, path: &FieldPath, what: &'static str) {
    if is_absent(item, "name") {
        report.incomplete(path.field("name"), format!("the {what} is missing"));
    } else if let Some(name) = text(item, "name") {
        report.rule(path.field("name"), what, name, name::dns_label(name));
    }
}

fn check_environment(report: &mut Report<'_>, container: &Value, path: &FieldPath) {
    let variables = items(container, "env", path);
    check_unique(report, &variables, &["name"], "variable");
    for (path, variable) in &variables {
        if let Some(name) = variable.get("name").and_then(Value::as_str) {
            report.rule(path.field("name"), "variable name", name, name::variable_name(name));
        } else if is_absent(variable, "name") {
            report.incomplete(path.field("name"), "the variable has no name");
        }
        if let Some(value) = variable.get("value").filter(|value| !value.is_string() && !value.is_null()) {
            wrong_type(report, path.field("value"), value);
        }
        let Some(source) = variable.get("valueFrom").filter(|source| source.is_object()) else { continue };
        let given: Vec<&str> = SOURCES.into_iter().filter(|field| is_present(source, field)).collect();
        match given.as_slice() {
            [] => report.incomplete(
                path.field("valueFrom"),
                format!("the variable has no source; give one of {}", SOURCES.join(", ")),
            ),
            [_] if is_absent(variable, "value") => {}
            [_] => report.unfit(path.clone(), "the variable has both a value and a valueFrom"),
            several => report
                .unfit(path.field("valueFrom"), format!("the variable has several sources: {}", several.join(", "))),
        }
    }
}

fn check_ports(report: &mut Report<'_>, container: &Value, path: &FieldPath) {
    let ports = items(container, "ports", path);
    check_unique(report, &ports, &["containerPort", "protocol"], "port");
    let mut names = BTreeSet::new();
    for (path, port) in &ports {
        if let Some(name) = text(port, "name").filter(|name| !name.is_empty()) {
            report.rule(path.field("name"), "port name", name, name::port_name(name));
            if !names.insert(name) {
                report.unfit(path.field("name"), format!("the container has another port \"{name}\""));
            }
        }
        match port.get("containerPort") {
            None | Some(Value::Null) => report.incomplete(path.field("containerPort"), "the port has no number"),
            Some(_) => check_number(report, port, "containerPort", path),
        }
        if port.get("hostPort").and_then(Value::as_i64) != Some(0) {
            check_number(report, port, "hostPort", path);
        }
        check_protocol(report, port, path);
    }
}

/// A port that is given as a number.
pub(super) fn check_number(report: &mut Report<'_>, owner: &Value, field: &str, path: &FieldPath) {
    if let Some(number) = owner.get(field).and_then(Value::as_i64) {
        report.rule(path.field(field), "port", &number.to_string(), name::port_number(number));
    }
}

/// A port that is given by number or name.
pub(super) fn check_number_or_name(report: &mut Report<'_>, owner: &Value, field: &str, path: &FieldPath) {
    let Some(name) = text(owner, field) else {
        check_number(report, owner, field, path);
        return;
    };
    if name.parse::<u16>().is_ok() {
        report.unfit(path.field(field), format!("the port {name} is text, which would be a name; give it as a number"));
    } else {
        report.rule(path.field(field), "port name", name, name::port_name(name));
    }
}

pub(super) fn check_protocol(report: &mut Report<'_>, port: &Value, path: &FieldPath) {
    let protocols = ["TCP", "UDP", "SCTP"];
    if let Some(protocol) =
        text(port, "protocol").filter(|protocol| !protocol.is_empty() && !protocols.contains(protocol))
    {
        let kind = ProblemKind::Invalid {
            what: "protocol",
            value: protocol.to_owned(),
            rule: format!("it must be one of {}", protocols.join(", ")),
        };
        report.hint(path.field("protocol"), kind, did_you_mean(protocol, protocols));
    }
}

fn check_mounts(report: &mut Report<'_>, container: &Value, path: &FieldPath, volumes: Option<&[&str]>) {
    for (list, place) in [("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")] {
        let mounts = items(container, list, path);
        check_unique(report, &mounts, &[place], "mount");
        for (path, mount) in &mounts {
            if is_absent(mount, place) {
                report.incomplete(path.field(place), format!("the mount has no {place}"));
            }
            let (Some(name), Some(volumes)) = (text(mount, "name"), volumes) else { continue };
            if !volumes.contains(&name) {
                let hint = did_you_mean(name, volumes.iter().copied());
                report.hint(path.field("name"), ProblemKind::MountWithoutVolume(name.to_owned()), hint);
            }
        }
    }
}

fn check_resources(report: &mut Report<'_>, container: &Value, path: &FieldPath) {
    let Some(resources) = container.get("resources") else { return };
    let path = path.field("resources");
    let limits = resources.get("limits").unwrap_or(&Value::Null);
    for section in ["limits", "requests"] {
        for (name, value) in entries(resources, section) {
            let own = path.field(section).field(name);
            if !name.contains('/') && !RESOURCES.contains(&name) && !name.starts_with("hugepages-") {
                let rule =
                    "it must be cpu, memory, ephemeral-storage, hugepages-SIZE, or have a domain in front".to_owned();
                let kind = ProblemKind::Invalid { what: "resource of a container", value: name.to_owned(), rule };
                report.hint(own, kind, did_you_mean(name, RESOURCES));
                continue;
            }
            let Some(limit) = limits.get(name).filter(|_| section == "requests") else { continue };
            if let (Some(requested), Some(allowed)) = (Quantity::of(value), Quantity::of(limit))
                && requested > allowed
            {
                let shown = |value: &Value| scalar_text(value).unwrap_or_default();
                let rule = format!("it is more than the limit of {}", shown(limit));
                report.rule(own, "request", &shown(value), Err(rule));
            }
        }
    }
}

fn check_probe(report: &mut Report<'_>, container: &Value, probe: &Value, path: &FieldPath) {
    let given: Vec<&str> = HANDLERS.into_iter().filter(|handler| is_present(probe, handler)).collect();
    match given.as_slice() {
        [] => {
            report.incomplete(path.clone(), format!("the probe does nothing; give it one of {}", HANDLERS.join(", ")))
        }
        [_] => {}
        several => report.unfit(path.clone(), format!("the probe has several handlers: {}", several.join(", "))),
    }
    for handler in ["httpGet", "tcpSocket"] {
        let Some(action) = probe.get(handler).filter(|action| action.is_object()) else { continue };
        let path = path.field(handler);
        if !is_present(action, "port") {
            report.incomplete(path.field("port"), "the probe has no port");
        }
        check_number_or_name(report, action, "port", &path);
        let Some(name) = text(action, "port").filter(|name| name::port_name(name).is_ok()) else { continue };
        let ports = container.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if ports.iter().any(|port| port.get("name").is_some_and(|found| is_unknown(found) || found == name)) {
            continue;
        }
        let names = ports.iter().filter_map(|port| text(port, "name"));
        report.hint(path.field("port"), ProblemKind::NoSuchContainerPort(name.to_owned()), did_you_mean(name, names));
    }
}

/// Reports items with the same keys. Where the server allows it, server-side apply still refuses it, because it tells the
/// items apart by these keys.
pub(super) fn check_unique(report: &mut Report<'_>, items: &[(FieldPath, &Value)], keys: &[&str], what: &str) {
    let mut seen = BTreeSet::new();
    for (path, item) in items {
        let own: Option<Vec<String>> = keys
            .iter()
            .map(|key| match item.get(key) {
                None if *key == "protocol" => Some("TCP".to_owned()),
                _ => port_text(item, key),
            })
            .collect();
        let Some(own) = own else { continue };
        let shown = own.join("/");
        if !seen.insert(own) {
            report.unfit(path.clone(), format!("there is another {what} \"{shown}\""));
        }
    }
}
