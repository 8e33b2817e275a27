//! The defaults of workloads and of what scales them.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/{apps,batch,autoscaling}/*/defaults.go`.

use serde_json::{Value, json};

use super::{default_at, default_text, each, pod};
use crate::object::{at, set_at, text_at};

const TEMPLATE: [&str; 2] = ["spec", "template"];

pub(super) fn deployment(object: &mut Value) {
    default_at(object, &["spec", "replicas"], json!(1));
    default_text(object, &["spec", "strategy", "type"], "RollingUpdate");
    if text_at(object, &["spec", "strategy", "type"]) == "RollingUpdate" {
        default_at(object, &["spec", "strategy", "rollingUpdate", "maxUnavailable"], json!("25%"));
        default_at(object, &["spec", "strategy", "rollingUpdate", "maxSurge"], json!("25%"));
    }
    default_at(object, &["spec", "revisionHistoryLimit"], json!(10));
    default_at(object, &["spec", "progressDeadlineSeconds"], json!(600));
    pod::fill_template(object, &TEMPLATE);
}

pub(super) fn replica_set(object: &mut Value) {
    default_at(object, &["spec", "replicas"], json!(1));
    if text_at(object, &["kind"]) == "ReplicationController" {
        // The old kind takes what it does not say from its template.
        if let Some(labels) = at(object, &["spec", "template", "metadata", "labels"]).cloned() {
            for path in [["spec", "selector"], ["metadata", "labels"]] {
                let given = at(object, &path).and_then(Value::as_object);
                if given.is_none_or(serde_json::Map::is_empty) {
                    set_at(object, &path, labels.clone());
                }
            }
        }
        if at(object, &TEMPLATE).is_none() {
            return;
        }
    }
    pod::fill_template(object, &TEMPLATE);
}

pub(super) fn stateful_set(object: &mut Value) {
    default_text(object, &["spec", "podManagementPolicy"], "OrderedReady");
    if text_at(object, &["spec", "updateStrategy", "type"]).is_empty() {
        set_at(object, &["spec", "updateStrategy", "type"], json!("RollingUpdate"));
        default_at(object, &["spec", "updateStrategy", "rollingUpdate"], json!({}));
    }
    // Who names the type alone gets no more than that.
    let rolls = at(object, &["spec", "updateStrategy", "rollingUpdate"]).is_some();
    if rolls && text_at(object, &["spec", "updateStrategy", "type"]) == "RollingUpdate" {
        default_at(object, &["spec", "updateStrategy", "rollingUpdate", "partition"], json!(0));
        default_at(object, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"], json!(1));
    }
    for field in ["whenDeleted", "whenScaled"] {
        default_text(object, &["spec", "persistentVolumeClaimRetentionPolicy", field], "Retain");
    }
    default_at(object, &["spec", "replicas"], json!(1));
    default_at(object, &["spec", "revisionHistoryLimit"], json!(10));
    for claim in each(object, &["spec", "volumeClaimTemplates"]) {
        set_at(claim, &["apiVersion"], json!("v1"));
        set_at(claim, &["kind"], json!("PersistentVolumeClaim"));
        super::claim(claim);
    }
    pod::fill_template(object, &TEMPLATE);
}

pub(super) fn daemon_set(object: &mut Value) {
    default_text(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
    if text_at(object, &["spec", "updateStrategy", "type"]) == "RollingUpdate" {
        default_at(object, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"], json!(1));
        default_at(object, &["spec", "updateStrategy", "rollingUpdate", "maxSurge"], json!(0));
    } else if at(object, &["spec", "updateStrategy", "rollingUpdate"]).is_some() {
        // What another type does not use is not filled in, but is zero in the form that all versions share.
        for field in ["maxUnavailable", "maxSurge"] {
            default_at(object, &["spec", "updateStrategy", "rollingUpdate", field], json!(0));
        }
    }
    default_at(object, &["spec", "revisionHistoryLimit"], json!(10));
    pod::fill_template(object, &TEMPLATE);
}

pub(super) fn job(object: &mut Value) {
    let unset = |object: &Value, field: &str| at(object, &["spec", field]).is_none();
    if unset(object, "completions") && unset(object, "parallelism") {
        set_at(object, &["spec", "completions"], json!(1));
    }
    default_at(object, &["spec", "parallelism"], json!(1));
    let limit = if unset(object, "backoffLimitPerIndex") { 6 } else { i32::MAX };
    default_at(object, &["spec", "backoffLimit"], json!(limit));
    default_at(object, &["spec", "completionMode"], json!("NonIndexed"));
    default_at(object, &["spec", "suspend"], json!(false));
    let replaced = if unset(object, "podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    default_at(object, &["spec", "podReplacementPolicy"], json!(replaced));
    default_at(object, &["spec", "manualSelector"], json!(false));
    let unlabelled =
        at(object, &["metadata", "labels"]).and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    if unlabelled && let Some(labels) = at(object, &["spec", "template", "metadata", "labels"]).cloned() {
        set_at(object, &["metadata", "labels"], labels);
    }
    for rule in each(object, &["spec", "podFailurePolicy", "rules"]) {
        for pattern in each(rule, &["onPodConditions"]) {
            default_text(pattern, &["status"], "True");
        }
    }
    pod::fill_template(object, &TEMPLATE);
}

pub(super) fn cron_job(object: &mut Value) {
    default_text(object, &["spec", "concurrencyPolicy"], "Allow");
    default_at(object, &["spec", "suspend"], json!(false));
    default_at(object, &["spec", "successfulJobsHistoryLimit"], json!(3));
    default_at(object, &["spec", "failedJobsHistoryLimit"], json!(1));
    pod::fill_template(object, &["spec", "jobTemplate", "spec", "template"]);
}

pub(super) fn autoscaler(object: &mut Value) {
    default_at(object, &["spec", "minReplicas"], json!(1));
    let has_metrics =
        at(object, &["spec", "metrics"]).and_then(Value::as_array).is_some_and(|metrics| !metrics.is_empty());
    if !has_metrics {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let metrics = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
        set_at(object, &["spec", "metrics"], metrics);
    }
    if at(object, &["spec", "behavior"]).is_some() {
        let up = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]);
        let down = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
        for (direction, policies) in [("scaleUp", up), ("scaleDown", down)] {
            default_at(object, &["spec", "behavior", direction, "selectPolicy"], json!("Max"));
            default_at(object, &["spec", "behavior", direction, "policies"], policies);
        }
        default_at(object, &["spec", "behavior", "scaleUp", "stabilizationWindowSeconds"], json!(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_without_a_selector_takes_the_labels_of_its_template() {
        let labels = json!({"a": "b"});
        for (given, selector) in [(json!({}), &labels), (json!({"c": "d"}), &json!({"c": "d"}))] {
            let spec = json!({"selector": given, "template": {"metadata": {"labels": labels}}});
            let mut object = json!({"kind": "ReplicationController", "metadata": {"labels": {}}, "spec": spec});
            replica_set(&mut object);
            assert_eq!((&object["spec"]["selector"], &object["metadata"]["labels"]), (selector, &labels));
        }
    }
}
