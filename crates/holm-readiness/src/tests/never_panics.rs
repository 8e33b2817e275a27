use proptest::prelude::*;

use super::*;
use crate::cause::{Evidence, LiveObject, containers_to_log, explain, lookups};
use crate::{Readiness, State};
use holm_redact::Redactor;

/// Words that the rules look for, so that arbitrary objects reach into them.
const WORDS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "conditions",
    "type",
    "reason",
    "message",
    "generation",
    "observedGeneration",
    "replicas",
    "readyReplicas",
    "updatedReplicas",
    "availableReplicas",
    "currentReplicas",
    "currentRevision",
    "updateRevision",
    "containerStatuses",
    "initContainerStatuses",
    "state",
    "waiting",
    "terminated",
    "running",
    "lastState",
    "exitCode",
    "restartCount",
    "name",
    "phase",
    "Ready",
    "True",
    "False",
    "Failed",
    "Running",
    "Pending",
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "CreateContainerConfigError",
    "couldn't find key ",
    " in ",
    "secret \"",
    "desc = ",
    "exec: \"",
    "PodScheduled",
    "Unschedulable",
    "uid",
    "ownerReferences",
    "volumes",
    "persistentVolumeClaim",
    "claimName",
    "selector",
    "matchLabels",
    "matchExpressions",
    "involvedObject",
    "regarding",
    "kind",
    "count",
    "series",
    "lastTimestamp",
    "FailedCreate",
    "FailedMount",
    "paused",
    "updateStrategy",
    "rollingUpdate",
    "partition",
    "desiredNumberScheduled",
    "persistentvolumeclaim \"",
    "exceeded quota: ",
    "deletionTimestamp",
    "finalizers",
    "annotations",
    "ö",
    "",
];

const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Pod"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "PersistentVolume"),
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("networking.k8s.io/v1", "Ingress"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
    ("example.com/v1", "Widget"),
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![-2..5_i64, Just(i64::MAX), Just(i64::MIN)].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::collection::vec(word(), 0..4).prop_map(|words| Value::from(words.concat())),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_objects_are_assessed_and_explained_within_bounds(
        (version, name) in prop::sample::select(KINDS),
        object in json_value(),
        status in json_value(),
        related in prop::collection::vec(json_value(), 0..3),
        events in prop::collection::vec(json_value(), 0..3),
        waits in any::<Option<bool>>(),
    ) {
        let kind = kind(version, name);
        let surroundings = Surroundings {
            waits_for_first_consumer: waits,
            has_status_subresource: waits,
            others_report_status: waits,
            unchanged_for: waits.map(|_| std::time::Duration::MAX),
            ..Surroundings::default()
        };
        let mut with_status = json!({ "metadata": object, "spec": object, "status": status });
        for object in [&object, &with_status] {
            let readiness = assess(&kind, object, None, &surroundings);
            if readiness.state != State::Current {
                prop_assert!(!readiness.message.is_empty(), "{readiness:?}");
            }
        }
        with_status["metadata"] = json!({ "uid": "a", "name": "b", "namespace": "c" });
        let live = LiveObject::new(&kind, with_status);
        lookups(&live);
        for state in [State::InProgress, State::Failed, State::Terminating] {
            let mut evidence = Evidence::new(live.clone(), Readiness::new(state, "Reason", "message"));
            evidence.events = events.clone();
            evidence.related = related.iter().map(|status| {
                let owner = json!([{ "uid": "a" }]);
                let pod = json!({ "metadata": { "uid": "p", "name": "p", "ownerReferences": owner }, "spec": status, "status": status });
                LiveObject::new(&super::kind("v1", "Pod"), pod)
            }).collect();
            containers_to_log(&evidence);
            let cause = explain(&evidence, &Redactor::default());
            prop_assert!(cause.is_some_and(|cause| cause.summary.chars().count() <= 400 && !cause.chain.is_empty()));
        }
    }
}
