//! How long a workload may take by its own declaration, and how long its availability is to be watched.

use std::time::Duration;

use holm_values::ApiKind;
use serde_json::Value;

use super::object::{count, flag, int, items, text};

/// How long the availability of pods without a readiness probe is watched before it is believed: what dies at once has been
/// available for a moment.
pub const WATCHED_FOR: Duration = Duration::from_secs(3);

/// What a workload may take beside what it declares: images are pulled, volumes made, nodes found.
const BASE: i64 = 600;
/// By how much a wait is longer than a deadline of the server, so that the server's own verdict comes first.
const AFTER_DEADLINE: i64 = 30;
/// `DefaultProgressDeadlineSeconds` of a Deployment.
const PROGRESS_DEADLINE: i64 = 600;

/// Returns how long an object may take to become ready by what it declares itself: the progress deadline of a Deployment, the
/// deadline of a Job, and the startup probes and `minReadySeconds` of other workloads. None where it declares nothing of that kind.
pub fn allowance(kind: &ApiKind, object: &Value) -> Option<Duration> {
    let startup = || startup(object) + count(object, "/spec/minReadySeconds");
    let seconds = match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => {
            let deadline = int(object, "/spec/progressDeadlineSeconds").unwrap_or(PROGRESS_DEADLINE);
            // Without a deadline it is set to the greatest number there is.
            let deadline = if deadline >= i64::from(i32::MAX) { BASE } else { deadline };
            deadline.max(startup()).saturating_add(AFTER_DEADLINE)
        }
        ("batch", "Job") => int(object, "/spec/activeDeadlineSeconds")?.saturating_add(AFTER_DEADLINE),
        ("apps", "StatefulSet") if text(object, "/spec/podManagementPolicy") != Some("Parallel") => {
            let replicas = int(object, "/spec/replicas").unwrap_or(1);
            BASE.saturating_add(startup().saturating_mul(replicas))
        }
        ("apps", "DaemonSet") => {
            // One node after the other, unless it says otherwise.
            let nodes = count(object, "/status/desiredNumberScheduled").max(1);
            BASE.saturating_add(startup().saturating_mul(nodes))
        }
        ("apps", "StatefulSet" | "ReplicaSet") | ("", "ReplicationController" | "Pod") => {
            BASE.saturating_add(startup())
        }
        _ => return None,
    };
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// How long the containers of a pod may take to start, in seconds: the slowest of those that start beside each other, after the
/// sidecars that start one after the other.
fn startup(object: &Value) -> i64 {
    let spec = pod_spec(object);
    let of = |container: &Value| {
        let number = |pointer: &str, default: i64| int(container, pointer).unwrap_or(default);
        let delay = number("/readinessProbe/initialDelaySeconds", 0);
        if container.get("startupProbe").is_none_or(Value::is_null) {
            return delay;
        }
        let tries =
            number("/startupProbe/failureThreshold", 3).saturating_mul(number("/startupProbe/periodSeconds", 10));
        number("/startupProbe/initialDelaySeconds", 0).saturating_add(tries).saturating_add(delay)
    };
    let sidecars = items(spec, "/initContainers").iter().map(of).fold(0, i64::saturating_add);
    items(spec, "/containers").iter().map(of).max().unwrap_or(0).saturating_add(sidecars)
}

/// Returns whether an object that is Current has pods whose availability says little: containers without a readiness or startup
/// probe count as available as soon as they run. Not with `minReadySeconds`, which says for how long.
pub fn is_available_unseen(kind: &ApiKind, object: &Value) -> bool {
    let has_pods = match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController") => {
            int(object, "/spec/replicas").unwrap_or(1) > 0 && !flag(object, "/spec/paused")
        }
        ("apps", "DaemonSet") => count(object, "/status/desiredNumberScheduled") > 0,
        ("", "Pod") => text(object, "/status/phase") == Some("Running"),
        _ => false,
    };
    let lacks = |container: &Value, probe: &str| container.get(probe).is_none_or(Value::is_null);
    let is_unseen = |container: &Value| lacks(container, "readinessProbe") && lacks(container, "startupProbe");
    has_pods
        && count(object, "/spec/minReadySeconds") == 0
        && items(pod_spec(object), "/containers").iter().any(is_unseen)
}

fn pod_spec(object: &Value) -> &Value {
    object.pointer("/spec/template/spec").or_else(|| object.get("spec")).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apps(kind: &str) -> ApiKind {
        ApiKind { group: "apps".into(), version: "v1".into(), kind: kind.into(), ..ApiKind::core(kind, "x") }
    }

    fn seconds(kind: &ApiKind, object: &Value) -> Option<u64> {
        allowance(kind, object).map(|time| time.as_secs())
    }

    #[test]
    fn a_wait_is_as_long_as_the_object_allows_itself() {
        let slow = json!({"name": "c", "startupProbe": {"failureThreshold": 240, "periodSeconds": 10, "initialDelaySeconds": 5}});
        let quick = json!({"name": "d", "readinessProbe": {"initialDelaySeconds": 20}});
        let spec = |extra: Value| {
            let mut spec = json!({"template": {"spec": {"containers": [quick, slow]}}});
            spec.as_object_mut()
                .into_iter()
                .for_each(|spec| spec.extend(extra.as_object().cloned().unwrap_or_default()));
            json!({"spec": spec})
        };
        assert_eq!(seconds(&apps("Deployment"), &json!({"spec": {}})), Some(630));
        assert_eq!(seconds(&apps("Deployment"), &json!({"spec": {"progressDeadlineSeconds": 2_400}})), Some(2_430));
        assert_eq!(seconds(&apps("Deployment"), &json!({"spec": {"progressDeadlineSeconds": i32::MAX}})), Some(630));
        assert_eq!(seconds(&apps("Deployment"), &spec(json!({}))), Some(2_435));
        assert_eq!(
            seconds(&apps("StatefulSet"), &spec(json!({"replicas": 3, "minReadySeconds": 10}))),
            Some(600 + 3 * 2_415)
        );
        assert_eq!(
            seconds(&apps("StatefulSet"), &spec(json!({"replicas": 3, "podManagementPolicy": "Parallel"}))),
            Some(3_005)
        );
        let job = ApiKind { group: "batch".into(), ..apps("Job") };
        assert_eq!(seconds(&job, &json!({"spec": {"activeDeadlineSeconds": 3_600}})), Some(3_630));
        assert_eq!(seconds(&job, &json!({"spec": {}})), None);
        assert_eq!(seconds(&ApiKind::core("ConfigMap", "configmaps"), &json!({})), None);
        // Nonsense takes no time, and no sum is too large.
        assert_eq!(seconds(&apps("Deployment"), &json!({"spec": {"progressDeadlineSeconds": -700}})), Some(30));
        let endless = json!({"spec": {"replicas": i64::MAX, "minReadySeconds": i64::MAX, "template": {"spec": {"containers": []}}}});
        assert!(seconds(&apps("StatefulSet"), &endless).is_some());
    }

    #[test]
    fn availability_says_little_without_a_probe() {
        let of = |kind: &str, spec: Value| is_available_unseen(&apps(kind), &json!({"spec": spec}));
        let pods = |container: Value| json!({"spec": {"containers": [{"readinessProbe": {}}, container]}});
        assert!(of("Deployment", json!({"template": pods(json!({}))})));
        for probe in ["readinessProbe", "startupProbe"] {
            assert!(!of("Deployment", json!({"template": pods(json!({probe: {}}))})), "{probe}");
        }
        assert!(of("StatefulSet", json!({"template": pods(json!({"livenessProbe": {}, "readinessProbe": null}))})));
        assert!(!of("Deployment", json!({"replicas": 0, "template": pods(json!({}))})));
        assert!(!of("Deployment", json!({"paused": true, "template": pods(json!({}))})));
        assert!(!of("Deployment", json!({"minReadySeconds": 5, "template": pods(json!({}))})));
        assert!(!of("ConfigMap", json!({})));
        let pod = json!({"spec": {"containers": [{}]}, "status": {"phase": "Running"}});
        assert!(is_available_unseen(&ApiKind::core("Pod", "pods"), &pod));
    }
}
