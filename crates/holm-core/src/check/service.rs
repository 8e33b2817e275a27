//! Services: their ports, and whether those who lead to a Service name a port that it has.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::field::{is_absent, is_present, is_unknown, items, text};
use super::pod::{check_number, check_number_or_name, check_protocol, check_unique};
use super::selector::port_text;
use super::{Declared, Report, name};
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::ProblemKind;
use crate::references::ACTION_PORT;

/// The port of a webhook or an extension server that names none.
const DEFAULT_PORT: i64 = 443;

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>) {
    if !declared.is("", "Service") {
        return;
    }
    let root = FieldPath::of(["spec"]);
    let spec = declared.object.get("spec").unwrap_or(&Value::Null);
    let is_headless = text(spec, "clusterIP") == Some("None");
    if is_absent(spec, "ports") && !is_headless && !is_external_name(spec) && !is_unknown(spec) {
        report.incomplete(root.field("ports"), "a Service needs a port");
    }
    let ports = items(spec, "ports", &root);
    check_unique(report, &ports, &["port", "protocol"], "port");
    let mut names = BTreeSet::new();
    for (path, port) in &ports {
        match text(port, "name").filter(|name| !name.is_empty()) {
            Some(name) => {
                report.rule(path.field("name"), "port name", name, name::dns_label(name));
                if !names.insert(name) {
                    report.unfit(path.field("name"), format!("the Service has another port \"{name}\""));
                }
            }
            None if ports.len() > 1 && is_absent(port, "name") => {
                report.incomplete(path.field("name"), "each of several ports needs a name");
            }
            None => {}
        }
        if !is_present(port, "port") {
            report.incomplete(path.field("port"), "the port has no number");
        }
        check_number(report, port, "port", path);
        if port.get("targetPort").and_then(Value::as_i64) != Some(0) {
            check_number_or_name(report, port, "targetPort", path);
        }
        check_protocol(report, port, path);
    }
}

/// Checks the ports that an Ingress, a webhook or an APIService names of Services in the stack.
pub(super) fn check_leads(report: &mut Report<'_>, declared: &Declared<'_>, all: &HashMap<&ResourceId, Declared<'_>>) {
    let object = declared.object;
    let id = &declared.resource.id;
    match (id.group.as_str(), id.kind.as_str()) {
        ("networking.k8s.io", "Ingress") => {
            let spec = FieldPath::of(["spec"]);
            let default = spec.field("defaultBackend");
            let mut backends: Vec<(FieldPath, &Value)> =
                default.get(object).map(|backend| (default, backend)).into_iter().collect();
            for (path, rule) in items(object.get("spec").unwrap_or(&Value::Null), "rules", &spec) {
                let http = rule.get("http").unwrap_or(&Value::Null);
                for (path, found) in items(http, "paths", &path.field("http")) {
                    backends.extend(found.get("backend").map(|backend| (path.field("backend"), backend)));
                }
            }
            for (path, backend) in backends {
                let Some(service) = backend.get("service") else { continue };
                let port = service.get("port").unwrap_or(&Value::Null);
                let path = path.field("service").field("port");
                for field in ["number", "name"] {
                    let wanted = port_text(port, field)
                        .filter(|wanted| !wanted.is_empty() && wanted != "0" && wanted != ACTION_PORT);
                    if let Some(wanted) = wanted {
                        check_lead(report, path.field(field), id.namespace.as_deref(), service, &wanted, all);
                    }
                }
            }
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            for (path, webhook) in items(object, "webhooks", &FieldPath::root()) {
                let config = webhook.get("clientConfig").unwrap_or(&Value::Null);
                check_client(report, config, &path.field("clientConfig"), all);
            }
        }
        ("apiregistration.k8s.io", "APIService") => {
            check_client(report, object.get("spec").unwrap_or(&Value::Null), &FieldPath::of(["spec"]), all);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let path = FieldPath::of(["spec", "conversion", "webhook", "clientConfig"]);
            check_client(report, path.get(object).unwrap_or(&Value::Null), &path, all);
        }
        _ => {}
    }
}

fn check_client(report: &mut Report<'_>, owner: &Value, path: &FieldPath, all: &HashMap<&ResourceId, Declared<'_>>) {
    let Some(service) = owner.get("service").filter(|service| service.is_object()) else { return };
    let wanted = match service.get("port") {
        None | Some(Value::Null) => Some(DEFAULT_PORT.to_string()),
        Some(_) => port_text(service, "port"),
    };
    let Some(wanted) = wanted else { return };
    check_lead(report, path.field("service").field("port"), text(service, "namespace"), service, &wanted, all);
}

fn check_lead(
    report: &mut Report<'_>,
    path: FieldPath,
    namespace: Option<&str>,
    service: &Value,
    wanted: &str,
    all: &HashMap<&ResourceId, Declared<'_>>,
) {
    let Some(name) = text(service, "name") else { return };
    let id = ResourceId::new("", "Service", namespace, name);
    let Some(spec) = all.get(&id).and_then(|service| service.object.get("spec")) else { return };
    let ports = spec.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let fields = || ports.iter().flat_map(|port| ["port", "name"].map(|field| port.get(field)));
    if ports.is_empty() || is_external_name(spec) || fields().flatten().any(is_unknown) {
        return;
    }
    let known: Vec<String> =
        ports.iter().flat_map(|port| ["port", "name"].map(|field| port_text(port, field))).flatten().collect();
    if !known.iter().any(|known| known == wanted) {
        let kind = ProblemKind::NoSuchServicePort { service: id, port: wanted.to_owned() };
        report.hint(path, kind, Some(format!("it has {}", known.join(", "))));
    }
}

fn is_external_name(spec: &Value) -> bool {
    text(spec, "type") == Some("ExternalName")
}
