//! Names, labels and annotations.

use std::collections::HashMap;

use serde_json::Value;

use super::field::{entries, is_unknown, text, type_name};
use super::{Declared, Report, name};
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::ProblemKind;

/// All annotations of an object together, keys and values, in bytes.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Where objects hold the metadata of others.
const TEMPLATES: [&str; 3] = ["spec.template.metadata", "template.metadata", "spec.jobTemplate.spec.template.metadata"];

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>, all: &HashMap<&ResourceId, Declared<'_>>) {
    check_name(report, declared);
    let id = &declared.resource.id;
    if let Some(namespace) = &id.namespace {
        // A namespace of the stack is judged where it is declared.
        if !all.contains_key(&ResourceId::new("", "Namespace", None, namespace)) {
            let path = FieldPath::of(["metadata", "namespace"]);
            report.rule(path, "namespace", namespace, name::dns_label(namespace));
        }
    }
    if let Some(metadata) = declared.object.get("metadata") {
        report.map(FieldPath::of(["metadata"]), Some(metadata));
        check_marks(report, metadata, &FieldPath::of(["metadata"]));
    }
    // Fields of custom kinds may have these names and mean something else.
    if crate::catalog::scope(&id.group, &id.kind).is_some() {
        for place in TEMPLATES {
            let path = FieldPath::of(place.split('.'));
            if let Some(metadata) = path.get(declared.object) {
                check_marks(report, metadata, &path);
            }
        }
    }
}

fn check_name(report: &mut Report<'_>, declared: &Declared<'_>) {
    let id = &declared.resource.id;
    if id.name.is_empty() {
        // Reported when it was declared.
        return;
    }
    let spec = declared.object.get("spec").unwrap_or(&Value::Null);
    let checked = match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace" | "Service") | ("apps", "StatefulSet") => name::dns_label(&id.name),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let plural = spec.get("names").and_then(|names| text(names, "plural"));
            exactly(&id.name, plural, text(spec, "group"), "spec.names.plural and spec.group")
        }
        ("apiregistration.k8s.io", "APIService") => exactly(
            &id.name,
            text(spec, "version"),
            spec.get("group").map_or(Some(""), Value::as_str),
            "spec.version and spec.group",
        ),
        // A name of the controller's own making is added to it, and must fit into a label.
        ("batch", "CronJob") => name::dns_subdomain(&id.name).and_then(|()| at_most(&id.name, 52)),
        ("batch", "Job") => name::dns_subdomain(&id.name).and_then(|()| at_most(&id.name, 63)),
        ("rbac.authorization.k8s.io" | "lifecycle.k8s.io" | "internal.apiserver.k8s.io", _)
        | ("policy", "PodDisruptionBudget")
        | ("" | "events.k8s.io", "Event")
        | ("networking.k8s.io", "IPAddress")
        | ("certificates.k8s.io", "ClusterTrustBundle" | "CertificateSigningRequest")
        | ("coordination.k8s.io", "LeaseCandidate")
        | ("resource.k8s.io", "ResourcePoolStatusRequest") => name::path_segment(&id.name),
        _ => name::dns_subdomain(&id.name),
    };
    report.rule(FieldPath::of(["metadata", "name"]), "name", &id.name, checked);
}

fn at_most(text: &str, limit: usize) -> Result<(), String> {
    if text.len() <= limit {
        return Ok(());
    }
    Err(format!("it has {} characters, and at most {limit} are allowed for this kind", text.len()))
}

/// The server derives the name from two fields.
fn exactly(name: &str, first: Option<&str>, second: Option<&str>, fields: &str) -> Result<(), String> {
    match (first, second) {
        (Some(first), Some(second)) if name != format!("{first}.{second}") => {
            Err(format!("it must be \"{first}.{second}\", from {fields}"))
        }
        _ => Ok(()),
    }
}

/// Checks labels and annotations.
fn check_marks(report: &mut Report<'_>, metadata: &Value, path: &FieldPath) {
    let labels = path.field("labels");
    report.map(labels.clone(), metadata.get("labels"));
    check_labels(report, entries(metadata, "labels"), &labels);
    let annotations = path.field("annotations");
    report.map(annotations.clone(), metadata.get("annotations"));
    let mut size = 0;
    for (key, value) in entries(metadata, "annotations") {
        let own = annotations.field(key);
        report.rule(own.clone(), "annotation key", key, name::qualified_name(&key.to_lowercase()));
        size += key.len();
        match value {
            Value::String(value) if !is_unknown(&Value::String(value.clone())) => size += value.len(),
            Value::String(_) | Value::Null => {}
            other => wrong_type(report, own, other),
        }
    }
    if size > ANNOTATIONS_LIMIT {
        report.add(
            annotations,
            ProblemKind::TooLarge { what: "size of all annotations", size, limit: ANNOTATIONS_LIMIT },
        );
    }
}

/// Checks a map of labels.
pub(super) fn check_labels<'v>(
    report: &mut Report<'_>,
    labels: impl Iterator<Item = (&'v str, &'v Value)>,
    path: &FieldPath,
) {
    for (key, value) in labels {
        let own = path.field(key);
        report.rule(own.clone(), "label key", key, name::qualified_name(key));
        match value {
            _ if is_unknown(value) => {}
            Value::String(value) => report.rule(own, "label value", value, name::label_value(value)),
            Value::Null => {}
            other => wrong_type(report, own, other),
        }
    }
}

/// Reports a value that should be text, without showing it.
pub(super) fn wrong_type(report: &mut Report<'_>, path: FieldPath, value: &Value) {
    report.unfit(path, format!("the value must be text and is {}; put it in quotes", type_name(value)));
}
