//! Workloads: what makes pods, whether it selects its own, and whether it lets them end as it must.

use holm_values::{Schedule, Selector};
use serde_json::Value;

use super::field::{is_absent, is_unknown, text};
use super::selector::{Labels, labels, may_select, show, show_selector};
use super::{Declared, Report};
use crate::path::FieldPath;
use crate::problem::ProblemKind;
use crate::references::POD_SPECS;
use crate::resource::UNKNOWN;

/// A resource that describes pods.
pub(super) struct Workload<'a> {
    pub(super) declared: Declared<'a>,
    /// Where metadata and spec of the pods are; the root for a Pod.
    pub(super) template: FieldPath,
    /// The pod's spec; null where there is none.
    pub(super) spec: &'a Value,
    /// The labels in the template.
    pub(super) labels: Labels<'a>,
}

/// The labels that controllers add to pods, by the kind of the workload.
const ADDED_LABELS: [(&str, &[&str]); 5] = [
    ("StatefulSet", &[POD_NAME, "apps.kubernetes.io/pod-index", "controller-revision-hash"]),
    ("Deployment", &["pod-template-hash"]),
    ("DaemonSet", &["controller-revision-hash", "pod-template-generation"]),
    ("Job", JOB_LABELS),
    ("CronJob", JOB_LABELS),
];
const JOB_LABELS: &[&str] = &[
    "job-name",
    "controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
];

/// The label by which a Service selects one pod of a StatefulSet.
pub(super) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

impl<'a> Workload<'a> {
    pub(super) fn of(declared: &Declared<'a>) -> Option<Self> {
        let (_, _, place) = POD_SPECS.iter().find(|(group, kind, _)| declared.is(group, kind))?;
        let template = FieldPath::of(place.split('.').take(place.split('.').count() - 1));
        let pod = template.get(declared.object).unwrap_or(&Value::Null);
        let metadata = pod.get("metadata").unwrap_or(&Value::Null);
        let spec = pod.get("spec").unwrap_or(&Value::Null);
        Some(Self { declared: *declared, template, spec, labels: labels(metadata, "labels") })
    }

    /// The labels that the pods will have, as far as they are known.
    pub(super) fn pod_labels(&self) -> Labels<'a> {
        let mut labels = self.labels.clone();
        let added = ADDED_LABELS.iter().find(|(kind, _)| *kind == self.kind()).map(|(_, keys)| *keys);
        for key in added.into_iter().flatten() {
            labels.entry(key).or_insert(UNKNOWN);
        }
        labels
    }

    pub(super) fn kind(&self) -> &'a str {
        &self.declared.resource.id.kind
    }

    /// Where the pod's spec is.
    pub(super) fn spec_path(&self) -> FieldPath {
        self.template.field("spec")
    }
}

pub(super) fn check(report: &mut Report<'_>, workload: &Workload<'_>) {
    check_selector(report, workload);
    check_restarts(report, workload);
    if workload.kind() == "CronJob" {
        let path = FieldPath::of(["spec", "schedule"]);
        let spec = workload.declared.object.get("spec").unwrap_or(&Value::Null);
        if is_absent(spec, "schedule") {
            report.incomplete(path, "the CronJob has no schedule");
        } else if let Some(schedule) = text(spec, "schedule") {
            report.rule(path, "schedule", schedule, check_schedule(schedule));
        }
    }
}

fn check_selector(report: &mut Report<'_>, workload: &Workload<'_>) {
    let path = FieldPath::of(["spec", "selector"]);
    let found = path.get(workload.declared.object).unwrap_or(&Value::Null);
    if is_unknown(found) {
        return;
    }
    let selector = match workload.kind() {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => {
            // The server rejects what cannot be read.
            let Ok(selector) = Selector::of(Some(found)) else { return };
            if selector.requirements().is_empty() {
                let text = "the selector is empty, so that the pods could not be told from others";
                let hint = (!workload.labels.is_empty())
                    .then(|| format!("select the pods' labels: {}", show(&workload.labels)));
                report.hint(path, ProblemKind::Incomplete(text.to_owned()), hint);
                return;
            }
            selector
        }
        // Without a selector of their own these take the pods' labels.
        "ReplicationController" => {
            let spec = workload.declared.object.get("spec").unwrap_or(&Value::Null);
            Selector::of_labels(spec.get("selector"))
        }
        "Job" if workload.declared.object.pointer("/spec/manualSelector") == Some(&Value::Bool(true)) => {
            let Ok(selector) = Selector::of(Some(found)) else { return };
            selector
        }
        _ => return,
    };
    if !may_select(&selector, &workload.pod_labels()) {
        let (selector, labels) = (show_selector(&selector), show(&workload.labels));
        report.add(path, ProblemKind::SelectorMismatch { selector, labels });
    }
}

/// Pods of a Job must come to an end, and all others must not.
fn check_restarts(report: &mut Report<'_>, workload: &Workload<'_>) {
    let path = workload.spec_path().field("restartPolicy");
    let what = "restart policy";
    let given = text(workload.spec, "restartPolicy");
    if workload.spec.get("restartPolicy").is_some_and(is_unknown) {
        return;
    }
    let (allowed, rule): (&[&str], &str) = match workload.kind() {
        "Job" | "CronJob" => {
            if given.is_none() {
                report.incomplete(path, "the pods of a Job need a restartPolicy: \"OnFailure\" or \"Never\"");
                return;
            }
            (&["OnFailure", "Never"], "it must be \"OnFailure\" or \"Never\", because the pods of a Job come to an end")
        }
        "Pod" | "PodTemplate" => {
            (&["Always", "OnFailure", "Never"], "it must be \"Always\", \"OnFailure\" or \"Never\"")
        }
        _ => (&["Always"], "it must be \"Always\" for this kind, or left out"),
    };
    if let Some(given) = given.filter(|given| !allowed.contains(given)) {
        report.rule(path, what, given, Err(rule.to_owned()));
    }
}

/// Checks a schedule; the error is the rule that it breaks.
fn check_schedule(schedule: &str) -> Result<(), String> {
    if schedule.contains("TZ") {
        return Err("it must not name a time zone; give it in spec.timeZone".to_owned());
    }
    Schedule::parse(schedule).map(|_| ()).map_err(|error| match error.field() {
        Some(field) => format!("the {field}: {error}"),
        None => error.to_string(),
    })
}
