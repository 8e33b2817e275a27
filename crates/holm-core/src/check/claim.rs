//! Claims: whether they say what the server must know, and whether two generations of pods would fight for one.

use std::collections::HashMap;

use serde_json::Value;

use super::field::{is_absent, is_unknown, items, text};
use super::workload::Workload;
use super::{Declared, Report};
use crate::id::ResourceId;
use crate::path::{FieldPath, Segment, scalar_text};
use crate::problem::ProblemKind;
use crate::warning::WarningKind;
use holm_values::did_you_mean;

const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

pub(super) fn check(report: &mut Report<'_>, declared: &Declared<'_>) {
    let root = FieldPath::of(["spec"]);
    let spec = declared.object.get("spec").unwrap_or(&Value::Null);
    if declared.is("", "PersistentVolumeClaim") {
        check_spec(report, spec, &root);
    } else if declared.is("apps", "StatefulSet") {
        for (path, claim) in items(spec, "volumeClaimTemplates", &root) {
            let name = claim.get("metadata").and_then(|metadata| text(metadata, "name"));
            // The template's name is deeper than those by which items are found, and still what people know it by.
            let path = match name {
                Some(name) => {
                    let item = Segment::Item([("name".to_owned(), name.to_owned())].into());
                    root.field("volumeClaimTemplates").join(item)
                }
                None => path,
            };
            check_spec(report, claim.get("spec").unwrap_or(&Value::Null), &path.field("spec"));
        }
    }
}

fn check_spec(report: &mut Report<'_>, spec: &Value, path: &FieldPath) {
    if is_absent(spec, "accessModes") {
        report.incomplete(path.field("accessModes"), "the claim has no access mode, such as \"ReadWriteOnce\"");
    }
    for mode in spec.get("accessModes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !ACCESS_MODES.contains(&mode) && !is_unknown(&Value::String(mode.to_owned())) {
            let rule = format!("it must be one of {}", ACCESS_MODES.join(", "));
            let kind = ProblemKind::Invalid { what: "access mode", value: mode.to_owned(), rule };
            report.hint(path.field("accessModes"), kind, did_you_mean(mode, ACCESS_MODES));
        }
    }
    let requests = path.field("resources").field("requests");
    if spec.pointer("/resources/requests").is_none_or(|requests| is_absent(requests, "storage")) {
        report.incomplete(requests.field("storage"), "the claim does not say how much storage it needs");
    }
}

/// A rolling update starts the new pod before it ends the old one, which a volume that only one node may hold can block.
pub(super) fn check_rolling(
    report: &mut Report<'_>,
    workload: &Workload<'_>,
    all: &HashMap<&ResourceId, Declared<'_>>,
) {
    if !workload.declared.is("apps", "Deployment") || !starts_before_it_ends(workload.declared.object) {
        return;
    }
    for (path, volume) in items(workload.spec, "volumes", &workload.spec_path()) {
        let Some(name) = volume.get("persistentVolumeClaim").and_then(|claim| text(claim, "claimName")) else {
            continue;
        };
        let id = ResourceId::new("", "PersistentVolumeClaim", workload.declared.resource.id.namespace.as_deref(), name);
        let modes = all.get(&id).and_then(|claim| claim.object.pointer("/spec/accessModes")).and_then(Value::as_array);
        let is_for_one = modes.is_some_and(|modes| {
            !modes.is_empty()
                && modes.iter().all(|mode| matches!(mode.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod")))
        });
        if is_for_one {
            let path = path.field("persistentVolumeClaim").field("claimName");
            let hint = "set spec.strategy.type to \"Recreate\" (.recreate() on the builder)".to_owned();
            report.warn(path, WarningKind::RollingClaim { claim: id }, hint);
        }
    }
}

fn starts_before_it_ends(deployment: &Value) -> bool {
    let strategy = deployment.pointer("/spec/strategy").unwrap_or(&Value::Null);
    if is_unknown(strategy) || strategy.get("type").is_some_and(|found| is_unknown(found) || found == "Recreate") {
        return false;
    }
    let surge = strategy.pointer("/rollingUpdate/maxSurge").and_then(scalar_text);
    !surge.is_some_and(|surge| matches!(surge.as_str(), "0" | "0%"))
}
