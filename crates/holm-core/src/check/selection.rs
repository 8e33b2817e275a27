//! Who selects whose pods, and who selects nobody's.

use std::collections::{BTreeMap, HashMap};

use holm_values::{Selector, Test};
use serde_json::Value;

use super::field::{is_unknown, items, text};
use super::pod::CONTAINERS;
use super::selector::{Labels, may_meet, port_text, show_selector};
use super::workload::{POD_NAME, Workload};
use super::{Declared, Findings, Report};
use crate::catalog;
use crate::graph::{External, Selection};
use crate::id::ResourceId;
use crate::path::{FieldPath, scalar_text};
use crate::problem::ProblemKind;
use crate::references::POD_SPECS;
use crate::warning::WarningKind;
use holm_values::is_near;

/// The pods of the stack.
pub(super) struct Pods<'w, 'a> {
    workloads: Vec<(&'w Workload<'a>, Labels<'a>)>,
    /// The workloads with a label, by namespace, key and value, so that a large stack is not searched for each Service.
    by_label: HashMap<(Option<&'a str>, &'a str, &'a str), Vec<usize>>,
    by_namespace: HashMap<Option<&'a str>, Vec<usize>>,
}

/// How a selector fits the labels of a workload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It selects the pods.
    Selects,
    /// Some labels are as asked for and the others are missing: a controller may add them to one of the pods, as high
    /// availability does for the primary.
    May,
    Never,
}

pub(super) fn check(
    declared: &[Declared<'_>],
    pods: &Pods<'_, '_>,
    externals: &BTreeMap<ResourceId, External>,
    findings: &mut Findings,
) -> Vec<Selection> {
    let mut selections = Vec::new();
    for one in declared {
        let Some((path, selector)) = read(one) else { continue };
        let mut report = Report { resource: one.resource, findings };
        let namespace = one.resource.id.namespace.as_deref();
        let selected = pods.selected(namespace, &selector);
        if selected.is_empty() {
            // A policy may be there for any pods of its namespace.
            if !one.is("networking.k8s.io", "NetworkPolicy") && !is_made_elsewhere(namespace, externals) {
                report_nothing(&mut report, path, &selector, pods, declared);
            }
            continue;
        }
        if one.is("", "Service") {
            check_ports(&mut report, one.object, &selected);
        }
        selections.extend(selected.iter().map(|workload| Selection {
            selector: one.resource.id.clone(),
            workload: workload.declared.resource.id.clone(),
        }));
    }
    selections.sort();
    selections
}

/// The selector of a Service, PodDisruptionBudget or NetworkPolicy.
fn read<'a>(declared: &Declared<'a>) -> Option<(FieldPath, Selector)> {
    let spec = declared.object.get("spec")?;
    let path = FieldPath::of(["spec", "selector"]);
    if is_unknown(spec) || spec.get("selector").is_some_and(is_unknown) {
        return None;
    }
    if declared.is("", "Service") && text(spec, "type") != Some("ExternalName") {
        // Without a selector, somebody else says where the Service leads.
        let selector = Selector::of_labels(spec.get("selector"));
        return (!selector.requirements().is_empty()).then_some((path, selector));
    }
    if declared.is("policy", "PodDisruptionBudget") {
        let selector = spec.get("selector").filter(|selector| selector.is_object())?;
        // The server rejects what cannot be read.
        return Some((path, Selector::of(Some(selector)).ok()?));
    }
    if declared.is("networking.k8s.io", "NetworkPolicy") {
        let selector = Selector::of(spec.get("podSelector").filter(|selector| !is_unknown(selector))).ok()?;
        return Some((FieldPath::of(["spec", "podSelector"]), selector));
    }
    None
}

/// Whether the program says that there are workloads in the namespace that it does not hold.
fn is_made_elsewhere(namespace: Option<&str>, externals: &BTreeMap<ResourceId, External>) -> bool {
    externals.iter().any(|(id, external)| {
        external.declared.is_some()
            && id.namespace.as_deref() == namespace
            && POD_SPECS.iter().any(|(group, kind, _)| id.is(group, kind))
    })
}

impl<'w, 'a> Pods<'w, 'a> {
    pub(super) fn of(workloads: &'w [Workload<'a>]) -> Self {
        let mut pods = Self { workloads: Vec::new(), by_label: HashMap::new(), by_namespace: HashMap::new() };
        // A PodTemplate makes no pods by itself.
        for workload in workloads.iter().filter(|workload| workload.kind() != "PodTemplate") {
            let (position, namespace) = (pods.workloads.len(), workload.declared.resource.id.namespace.as_deref());
            for (key, value) in &workload.labels {
                pods.by_label.entry((namespace, key, value)).or_default().push(position);
            }
            pods.by_namespace.entry(namespace).or_default().push(position);
            pods.workloads.push((workload, workload.pod_labels()));
        }
        pods
    }

    /// The workloads in a namespace whose pods are selected.
    pub(super) fn selected(&self, namespace: Option<&str>, selector: &Selector) -> Vec<&'w Workload<'a>> {
        let is_selected = |position: &&usize| {
            let (workload, labels) = &self.workloads[**position];
            fit(selector, workload, labels) == Fit::Selects
        };
        let by_label = selector.requirements().iter().find_map(|requirement| match &requirement.test {
            Test::Is(value) => self.by_label.get(&(namespace, requirement.key.as_str(), value.as_str())),
            _ => None,
        });
        let positions = by_label.or_else(|| self.by_namespace.get(&namespace));
        let mut selected: Vec<usize> = positions.into_iter().flatten().filter(is_selected).copied().collect();
        if selected.is_empty() && by_label.is_some() {
            // A label that is not known yet is in no index.
            selected = self.by_namespace.get(&namespace).into_iter().flatten().filter(is_selected).copied().collect();
        }
        selected.into_iter().map(|position| self.workloads[position].0).collect()
    }
}

fn fit(selector: &Selector, workload: &Workload<'_>, labels: &Labels<'_>) -> Fit {
    let mut fit = Fit::Selects;
    let mut has_match = selector.requirements().is_empty();
    for requirement in selector.requirements() {
        let key = requirement.key.as_str();
        match &requirement.test {
            Test::Is(value) if key == POD_NAME && !names_pod(value, &workload.declared.resource.id.name) => {
                return Fit::Never;
            }
            _ if may_meet(requirement, labels) => has_match = true,
            Test::Is(_) | Test::In(_) | Test::Exists if !labels.contains_key(key) => fit = Fit::May,
            _ => return Fit::Never,
        }
    }
    if has_match { fit } else { Fit::Never }
}

/// Whether this is the name of a pod of the StatefulSet.
fn names_pod(pod: &str, set: &str) -> bool {
    let ordinal = pod.strip_prefix(set).and_then(|rest| rest.strip_prefix('-'));
    is_unknown(&Value::String(pod.to_owned())) || ordinal.is_some_and(|ordinal| ordinal.parse::<u64>().is_ok())
}

fn report_nothing(
    report: &mut Report<'_>,
    path: FieldPath,
    selector: &Selector,
    pods: &Pods<'_, '_>,
    declared: &[Declared<'_>],
) {
    let namespace = report.resource.id.namespace.as_deref();
    let near: Vec<&(&Workload<'_>, Labels<'_>)> =
        pods.by_namespace.get(&namespace).into_iter().flatten().map(|position| &pods.workloads[*position]).collect();
    if near.iter().any(|(workload, labels)| fit(selector, workload, labels) == Fit::May) {
        return;
    }
    let hint = near.iter().find_map(|(workload, _)| suggest(selector, workload)).or_else(|| {
        let (workload, _) =
            pods.workloads.iter().find(|(workload, labels)| fit(selector, workload, labels) == Fit::Selects)?;
        Some(format!("the pods of {} have these labels, and are in another namespace", workload.declared.resource.id))
    });
    // Objects of other kinds may stand for pods too. Then only what looks like a slip is reported.
    let may_be_others = near.is_empty()
        || declared.iter().any(|one| {
            let id = &one.resource.id;
            id.namespace.as_deref() == namespace && catalog::scope(&id.group, &id.kind).is_none()
        });
    if hint.is_none() && may_be_others {
        return;
    }
    let hint = hint.unwrap_or_else(|| {
        let first = near.first().map(|(workload, _)| {
            format!(
                "the pods of {} have {}; ",
                workload.declared.resource.id.short(),
                super::selector::show(&workload.labels)
            )
        });
        format!(
            "{}if the pods are made outside this stack, declare their workload with stack.external",
            first.unwrap_or_default()
        )
    });
    report.warn(path, WarningKind::SelectsNothing { selector: show_selector(selector) }, hint);
}

/// The label of a workload that differs by little from what is asked for: in its value or in its key.
fn suggest(selector: &Selector, workload: &Workload<'_>) -> Option<String> {
    selector.requirements().iter().find_map(|requirement| {
        let Test::Is(wanted) = &requirement.test else { return None };
        let (key, wanted) = (requirement.key.as_str(), wanted.as_str());
        let near = workload.labels.iter().find(|(own_key, own)| match (**own_key == key, **own == wanted) {
            (true, false) => is_near(wanted, own),
            (false, true) => is_near(key, own_key),
            _ => false,
        });
        near.map(|(key, value)| format!("did you mean \"{key}={value}\"?"))
    })
}

/// Checks that somebody listens where the Service leads.
fn check_ports(report: &mut Report<'_>, service: &Value, selected: &[&Workload<'_>]) {
    let spec = service.get("spec").unwrap_or(&Value::Null);
    let is_headless = text(spec, "clusterIP") == Some("None");
    let listening: Vec<Vec<&Value>> = selected.iter().map(|workload| ports(workload)).collect();
    let Some(first) = selected.first() else { return };
    for (path, port) in items(spec, "ports", &FieldPath::of(["spec"])) {
        let target_field = if port.get("targetPort").is_some_and(|target| !target.is_null() && *target != 0) {
            "targetPort"
        } else {
            "port"
        };
        let (Some(shown), Some(target)) = (port_text(port, "port"), port_text(port, target_field)) else { continue };
        let protocol = text(port, "protocol").unwrap_or("TCP");
        let is_name = text(port, target_field).is_some();
        let is_it = |found: &&Value| {
            if is_name {
                let same_protocol = text(found, "protocol").unwrap_or("TCP") == protocol;
                found.get("name").is_some_and(|name| is_unknown(name) || (*name == *target && same_protocol))
            } else {
                found
                    .get("containerPort")
                    .is_some_and(|number| is_unknown(number) || scalar_text(number).as_deref() == Some(&*target))
            }
        };
        if listening.iter().flatten().any(is_it) {
            continue;
        }
        // A container may listen on ports that it does not declare, and the ports of a headless Service lead nowhere.
        if !is_name && (is_headless || listening.iter().any(Vec::is_empty)) {
            continue;
        }
        let known: Vec<String> = listening
            .iter()
            .flatten()
            .filter_map(|port| {
                let number = port_text(port, "containerPort")?;
                Some(match text(port, "name") {
                    Some(name) => format!("{name} ({number})"),
                    None => number,
                })
            })
            .collect();
        let hint = match known.as_slice() {
            [] => "its containers declare no port".to_owned(),
            known => format!("its containers have {}", known.join(", ")),
        };
        let workload = first.declared.resource.id.clone();
        let path = path.field(target_field);
        // A container may listen on a number that it does not declare, and a sidecar that is injected may declare the name.
        if is_name && !report.resource.is_from_text {
            report.hint(path, ProblemKind::NoSuchPort { port: shown, target, workload }, Some(hint));
        } else {
            report.warn(path, WarningKind::UndeclaredPort { port: shown, target, workload }, hint);
        }
    }
}

/// The ports that a workload's containers declare while it runs.
fn ports<'a>(workload: &Workload<'a>) -> Vec<&'a Value> {
    let containers = CONTAINERS[..2].iter().flat_map(|list| {
        let containers = workload.spec.get(list).and_then(Value::as_array);
        containers
            .into_iter()
            .flatten()
            .filter(move |container| *list == "containers" || text(container, "restartPolicy") == Some("Always"))
    });
    containers.filter_map(|container| container.get("ports").and_then(Value::as_array)).flatten().collect()
}
