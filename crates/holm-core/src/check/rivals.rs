//! Resources of the stack that would undo each other's work: workloads that select each other's pods, and an autoscaler beside a
//! declared number of replicas.

use std::collections::HashMap;

use holm_values::Selector;

use super::field::{is_unknown, text};
use super::selection::Pods;
use super::selector::show_selector;
use super::workload::Workload;
use super::{Declared, Findings, Report};
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::warning::WarningKind;

/// The kinds that keep a number of pods running.
const CONTROLLERS: [(&str, &str); 5] = [
    ("", "ReplicationController"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
];

pub(super) fn check(
    declared: &[Declared<'_>],
    workloads: &[Workload<'_>],
    pods: &Pods<'_, '_>,
    findings: &mut Findings,
) {
    for workload in workloads {
        check_overlap(workload, pods, findings);
    }
    let by_id: HashMap<&ResourceId, &Declared<'_>> = declared.iter().map(|one| (&one.resource.id, one)).collect();
    for one in declared {
        check_autoscaler(one, &by_id, findings);
    }
}

fn is_controller(id: &ResourceId) -> bool {
    CONTROLLERS.iter().any(|(group, kind)| id.is(group, kind))
}

/// Warns of a workload that selects the pods of another one, once for two that select each other's.
fn check_overlap(workload: &Workload<'_>, pods: &Pods<'_, '_>, findings: &mut Findings) {
    let Some(selector) = selector(workload) else { return };
    let resource = workload.declared.resource;
    for other in pods.selected(resource.id.namespace.as_deref(), &selector) {
        let id = &other.declared.resource.id;
        if *id == resource.id || !is_controller(id) {
            continue;
        }
        let selects_back = self::selector(other).is_some_and(|back| {
            let selected = pods.selected(id.namespace.as_deref(), &back);
            selected.iter().any(|found| found.declared.resource.id == resource.id)
        });
        if selects_back && *id < resource.id {
            continue;
        }
        let kind = WarningKind::OverlappingSelectors { selector: show_selector(&selector), other: id.clone() };
        let hint = "give each workload a label of its own, and select by it".to_owned();
        Report { resource, findings }.warn(FieldPath::of(["spec", "selector"]), kind, hint);
    }
}

/// The selector of a controller, where all of it is known.
fn selector(workload: &Workload<'_>) -> Option<Selector> {
    if !is_controller(&workload.declared.resource.id) {
        return None;
    }
    let found = workload.declared.object.pointer("/spec/selector").filter(|found| !is_unknown(found))?;
    let selector = match workload.kind() {
        "ReplicationController" => Selector::of_labels(Some(found)),
        // The server rejects what cannot be read.
        _ => Selector::of(Some(found)).ok()?,
    };
    (!selector.requirements().is_empty()).then_some(selector)
}

/// Warns of a number of replicas that an autoscaler of the stack sets as well.
fn check_autoscaler(scaler: &Declared<'_>, by_id: &HashMap<&ResourceId, &Declared<'_>>, findings: &mut Findings) {
    let Some(target) = scaler.object.pointer("/spec/scaleTargetRef") else { return };
    let Some(name) = text(target, "name") else { return };
    let group = text(target, "apiVersion").unwrap_or("apps/v1").split_once('/').map_or("", |(group, _)| group);
    let kind = text(target, "kind").unwrap_or("Deployment");
    let id = ResourceId::new(group, kind, scaler.resource.id.namespace.as_deref(), name);
    let Some(scaled) = by_id.get(&id) else { return };
    let path = FieldPath::of(["spec", "replicas"]);
    let is_declared =
        path.get(scaled.object).is_some_and(|replicas| !replicas.is_null() && replicas.as_i64() != Some(0));
    let is_ignored = scaled.resource.options.ignore_changes.iter().any(|ignored| path.starts_with(ignored));
    if is_declared && !is_ignored {
        let kind = WarningKind::AutoscaledReplicas { autoscaler: scaler.resource.id.clone() };
        let hint = "leave spec.replicas out, or declare it with ignore_changes(\"spec.replicas\")".to_owned();
        Report { resource: scaled.resource, findings }.warn(path, kind, hint);
    }
}
