use super::*;

fn deployment(replicas: i64, mut counts: [i64; 4], more: Value) -> Value {
    counts.reverse();
    let [available, ready, updated, total] = counts;
    let mut status = json!({ "conditions": [
        condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        condition("Progressing", "True", "NewReplicaSetAvailable", "ReplicaSet \"postgres-1\" has successfully progressed."),
    ] });
    for (field, count) in
        [("replicas", total), ("updatedReplicas", updated), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        // As the server writes it: what is zero is left out.
        if count != 0 {
            status[field] = json!(count);
        }
    }
    let mut object = seen(json!({ "replicas": replicas, "progressDeadlineSeconds": 600 }), status);
    merge(&mut object, more);
    object
}

fn with(mut object: Value, more: Value) -> Value {
    merge(&mut object, more);
    object
}

#[test]
fn a_deployment_is_current_once_its_rollout_is_complete() {
    let none = || json!({});
    let progressing = |status: &str, reason: &str, message: &str| {
        json!({ "status": { "conditions": [
            condition("Available", "True", "MinimumReplicasAvailable", ""),
            condition("Progressing", status, reason, message),
        ] } })
    };
    let cases = [
        ("complete", deployment(3, [3, 3, 3, 3], none())),
        (
            "just created, nobody looked",
            json!({ "metadata": { "generation": 1 }, "spec": { "replicas": 1 }, "status": {} }),
        ),
        ("changed, not seen", deployment(1, [1, 1, 1, 1], json!({ "metadata": { "generation": 3 } }))),
        ("no pods yet", deployment(3, [0, 0, 0, 0], none())),
        ("surge: half of it updated", deployment(4, [5, 2, 4, 4], none())),
        ("old pod still there", deployment(1, [2, 1, 2, 2], none())),
        ("two old pods still there", deployment(1, [3, 1, 2, 2], none())),
        ("updated but not available", deployment(3, [3, 3, 3, 1], none())),
        ("one replica not available", deployment(1, [1, 1, 0, 0], none())),
        (
            "first rollout: counts are there before the condition",
            deployment(1, [1, 1, 1, 1], progressing("True", "ReplicaSetUpdated", "ReplicaSet is progressing.")),
        ),
        (
            "not available",
            deployment(
                1,
                [1, 1, 1, 1],
                json!({ "status": { "conditions": [
                    condition("Progressing", "True", "NewReplicaSetAvailable", ""),
                    condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
                ] } }),
            ),
        ),
        (
            "deadline exceeded",
            deployment(
                1,
                [1, 1, 0, 0],
                progressing(
                    "False",
                    "ProgressDeadlineExceeded",
                    "ReplicaSet \"postgres-1\" has timed out progressing.",
                ),
            ),
        ),
        (
            "no deadline, so no progress condition",
            deployment(
                1,
                [1, 1, 1, 1],
                json!({ "spec": { "progressDeadlineSeconds": 2147483647 }, "status": { "conditions": [
                    condition("Available", "True", "MinimumReplicasAvailable", ""),
                ] } }),
            ),
        ),
        ("no replicas wanted", deployment(0, [0, 0, 0, 0], json!({ "status": { "conditions": null } }))),
        ("no replicas wanted, one left", deployment(0, [1, 0, 1, 1], none())),
        ("paused before its first pod", deployment(2, [0, 0, 0, 0], json!({ "spec": { "paused": true } }))),
        ("paused in the middle", deployment(2, [2, 1, 2, 2], json!({ "spec": { "paused": true } }))),
        ("paused and broken", deployment(2, [2, 1, 1, 1], json!({ "spec": { "paused": true } }))),
        (
            "pods refused",
            deployment(
                1,
                [0, 0, 0, 0],
                json!({ "status": { "conditions": [
                    condition("ReplicaFailure", "True", "FailedCreate", "pods \"postgres-1-\" is forbidden: exceeded quota: compute"),
                ] } }),
            ),
        ),
        (
            "ReplicaSet refused",
            deployment(
                1,
                [0, 0, 0, 0],
                progressing(
                    "False",
                    "ReplicaSetCreateError",
                    "replicasets.apps \"postgres-2\" is forbidden: exceeded quota: objects",
                ),
            ),
        ),
        (
            "replicas left to the default",
            with(deployment(1, [1, 1, 1, 1], none()), json!({ "spec": { "replicas": null } })),
        ),
        (
            "being deleted",
            deployment(
                1,
                [1, 1, 1, 1],
                json!({ "metadata": { "deletionTimestamp": "2026-01-05T10:00:00Z", "finalizers": ["foregroundDeletion"] } }),
            ),
        ),
    ];
    insta::assert_snapshot!(table(&kind("apps/v1", "Deployment"), &cases), @r#"
    complete => Current
    just created, nobody looked => InProgress LatestGenerationNotObserved: its controller has not looked at it yet
    changed, not seen => InProgress LatestGenerationNotObserved: its controller has seen generation 2 and not yet 3
    no pods yet => InProgress LessReplicas: 0 of 3 replicas exist
    surge: half of it updated => InProgress LessUpdated: 2 of 4 replicas are up to date
    old pod still there => InProgress ExtraPods: 1 old replica has yet to go
    two old pods still there => InProgress ExtraPods: 2 old replicas have yet to go
    updated but not available => InProgress LessAvailable: 1 of 3 replicas are available
    one replica not available => InProgress LessAvailable: 0 of 1 replica is available
    first rollout: counts are there before the condition => InProgress RolloutUnfinished: the rollout is not complete yet
    not available => InProgress MinimumReplicasUnavailable: Deployment does not have minimum availability.
    deadline exceeded => Failed ProgressDeadlineExceeded: ReplicaSet "postgres-1" has timed out progressing.
    no deadline, so no progress condition => Current
    no replicas wanted => Current NoReplicas: has no replicas, as declared
    no replicas wanted, one left => InProgress ExtraPods: 1 old replica has yet to go
    paused before its first pod => Current Paused: 0 of 2 replicas exist, because it is paused
    paused in the middle => Current Paused: 1 of 2 replicas are up to date, because it is paused
    paused and broken => InProgress LessAvailable: 1 of 2 replicas are available (paused)
    pods refused => InProgress FailedCreate: pods "postgres-1-" is forbidden: exceeded quota: compute
    ReplicaSet refused => InProgress ReplicaSetCreateError: replicasets.apps "postgres-2" is forbidden: exceeded quota: objects
    replicas left to the default => Current
    being deleted => Terminating Finalizers: is being deleted and waits for foregroundDeletion
    "#);
}

#[test]
fn a_replica_set_is_current_once_its_pods_are_available() {
    let set = |status: Value| seen(json!({ "replicas": 2 }), status);
    let cases = [
        (
            "all there",
            set(json!({ "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2 })),
        ),
        ("none there", set(json!({ "replicas": 0 }))),
        (
            "not labelled",
            set(json!({ "replicas": 2, "fullyLabeledReplicas": 1, "readyReplicas": 2, "availableReplicas": 2 })),
        ),
        (
            "not available",
            set(json!({ "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 1 })),
        ),
        (
            "too many",
            set(json!({ "replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3 })),
        ),
        ("refused", set(conditions([condition("ReplicaFailure", "True", "FailedCreate", "")]))),
    ];
    insta::assert_snapshot!(table(&kind("apps/v1", "ReplicaSet"), &cases), @r#"
    all there => Current
    none there => InProgress LessReplicas: 0 of 2 replicas exist
    not labelled => InProgress LessLabelled: 1 of 2 replicas carry all labels of the template
    not available => InProgress LessAvailable: 1 of 2 replicas are available
    too many => InProgress ExtraPods: 1 old replica has yet to go
    refused => InProgress FailedCreate: pods cannot be created
    "#);
    insta::assert_snapshot!(table(&kind("v1", "ReplicationController"), &cases[..2]), @r#"
    all there => Current
    none there => InProgress LessReplicas: 0 of 2 replicas exist
    "#);
}

fn stateful_set(spec: Value, status: Value) -> Value {
    let mut object = seen(
        json!({ "replicas": 3, "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } } }),
        json!({ "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3,
                "currentRevision": "postgres-6b", "updateRevision": "postgres-6b" }),
    );
    merge(&mut object, json!({ "spec": spec, "status": status }));
    object
}

#[test]
fn a_stateful_set_is_current_once_every_pod_that_should_change_has_changed() {
    let rolling = |updated: i64| json!({ "updateRevision": "postgres-7c", "updatedReplicas": updated, "currentReplicas": 3 - updated });
    let partition = |partition: i64| json!({ "updateStrategy": { "rollingUpdate": { "partition": partition } } });
    let on_delete = || json!({ "updateStrategy": { "type": "OnDelete", "rollingUpdate": null } });
    let cases = [
        ("complete", stateful_set(json!({}), json!({}))),
        ("never seen", json!({ "metadata": { "generation": 1 }, "spec": {}, "status": { "replicas": 0 } })),
        ("first pod of three", stateful_set(json!({}), json!({ "replicas": 1, "readyReplicas": 1 }))),
        ("not ready", stateful_set(json!({}), json!({ "readyReplicas": 2 }))),
        ("scaling down", stateful_set(json!({ "replicas": 1 }), json!({}))),
        ("minReadySeconds", stateful_set(json!({ "minReadySeconds": 30 }), json!({ "availableReplicas": 2 }))),
        ("old server without available replicas", stateful_set(json!({}), json!({ "availableReplicas": null }))),
        ("rolling", stateful_set(json!({}), rolling(1))),
        ("revision switched, count not yet", stateful_set(json!({}), json!({ "currentReplicas": 2 }))),
        ("partition 2, rolling", stateful_set(partition(2), rolling(0))),
        ("partition 2, done", stateful_set(partition(2), rolling(1))),
        ("partition above all", stateful_set(partition(9), rolling(0))),
        ("partition, nothing to roll", stateful_set(partition(2), json!({}))),
        ("OnDelete, old pods", stateful_set(on_delete(), rolling(1))),
        ("OnDelete, all new", stateful_set(on_delete(), rolling(3))),
        ("OnDelete, not ready", stateful_set(on_delete(), json!({ "readyReplicas": 1 }))),
        (
            "no replicas",
            stateful_set(
                json!({ "replicas": 0 }),
                json!({ "replicas": 0, "readyReplicas": null, "currentReplicas": null }),
            ),
        ),
    ];
    insta::assert_snapshot!(table(&kind("apps/v1", "StatefulSet"), &cases), @r#"
    complete => Current
    never seen => InProgress LatestGenerationNotObserved: its controller has not looked at it yet
    first pod of three => InProgress LessReplicas: 1 of 3 replicas exist
    not ready => InProgress LessReady: 2 of 3 replicas are ready
    scaling down => InProgress ExtraPods: 2 old replicas have yet to go
    minReadySeconds => InProgress LessAvailable: 2 of 3 replicas are available
    old server without available replicas => Current
    rolling => InProgress RollingUpdate: 1 of 3 replicas are of the latest revision
    revision switched, count not yet => InProgress LessCurrent: 2 of 3 replicas are of the current revision
    partition 2, rolling => InProgress PartitionRolling: 0 of 1 replica from partition 2 on are of the latest revision
    partition 2, done => Current Partitioned: 1 of 3 replicas are of the latest revision, as partition 2 says
    partition above all => Current Partitioned: 0 of 3 replicas are of the latest revision, as partition 9 says
    partition, nothing to roll => Current
    OnDelete, old pods => Current OnDelete: 1 of 3 replicas are of the latest revision; the others change when they are deleted
    OnDelete, all new => Current
    OnDelete, not ready => InProgress LessReady: 1 of 3 replicas are ready
    no replicas => Current
    "#);
}

#[test]
fn a_daemon_set_is_current_once_every_node_has_its_pod() {
    let set = |status: Value, strategy: &str| {
        let mut all = json!({ "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2,
                              "numberAvailable": 2, "numberReady": 2, "numberMisscheduled": 0 });
        merge(&mut all, status);
        seen(json!({ "updateStrategy": { "type": strategy } }), all)
    };
    let cases = [
        ("complete", set(json!({}), "RollingUpdate")),
        ("never seen", json!({ "metadata": { "generation": 1 }, "status": { "desiredNumberScheduled": 0 } })),
        ("not counted", set(json!({ "desiredNumberScheduled": null }), "RollingUpdate")),
        ("no node", set(json!({ "desiredNumberScheduled": 0, "currentNumberScheduled": 0 }), "RollingUpdate")),
        ("not scheduled", set(json!({ "currentNumberScheduled": 1 }), "RollingUpdate")),
        ("not updated", set(json!({ "updatedNumberScheduled": 0 }), "RollingUpdate")),
        ("not available", set(json!({ "numberAvailable": null }), "RollingUpdate")),
        ("not ready", set(json!({ "numberReady": 1 }), "RollingUpdate")),
        ("OnDelete", set(json!({ "updatedNumberScheduled": 1 }), "OnDelete")),
    ];
    insta::assert_snapshot!(table(&kind("apps/v1", "DaemonSet"), &cases), @r#"
    complete => Current
    never seen => InProgress LatestGenerationNotObserved: its controller has not looked at it yet
    not counted => InProgress NoDesiredNumber: its controller has not counted the nodes yet
    no node => Current NoNodes: no node matches, so it has no pods
    not scheduled => InProgress LessScheduled: 1 of 2 nodes have its pod
    not updated => InProgress LessUpdated: 0 of 2 nodes have its latest pod
    not available => InProgress LessAvailable: 0 of 2 nodes have an available pod
    not ready => InProgress LessReady: 1 of 2 nodes have a ready pod
    OnDelete => Current OnDelete: 1 of 2 nodes have its latest pod; the others change when their pods are deleted
    "#);
}

#[test]
fn a_job_is_current_once_it_completed_and_failed_once_it_gave_up() {
    let job = |status: Value| plain(json!({ "completions": 3, "parallelism": 1 }), status);
    let suspended = |status: Value| plain(json!({ "suspend": true }), status);
    let cases = [
        ("complete", job(conditions([condition("Complete", "True", "CompletionsReached", "")]))),
        ("not started", job(json!({}))),
        ("running", job(json!({ "startTime": "2026-01-05T10:00:00Z", "active": 1, "succeeded": 1, "ready": 1 }))),
        ("running after failures", job(json!({ "startTime": "2026-01-05T10:00:00Z", "active": 1, "failed": 2 }))),
        ("work queue", plain(json!({}), json!({ "startTime": "2026-01-05T10:00:00Z", "active": 2 }))),
        (
            "gave up",
            job(conditions([condition(
                "Failed",
                "True",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            )])),
        ),
        (
            "is about to give up",
            job(conditions([condition(
                "FailureTarget",
                "True",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            )])),
        ),
        ("is about to complete", job(conditions([condition("SuccessCriteriaMet", "True", "CompletionsReached", "")]))),
        ("suspended", suspended(conditions([condition("Suspended", "True", "JobSuspended", "Job suspended")]))),
        ("being suspended", suspended(json!({ "active": 1 }))),
        (
            "resumed",
            job(
                json!({ "startTime": "2026-01-05T10:00:00Z", "conditions": [condition("Suspended", "False", "JobResumed", "")] }),
            ),
        ),
    ];
    insta::assert_snapshot!(table(&kind("batch/v1", "Job"), &cases), @r#"
    complete => Current Complete: completed
    not started => InProgress NotStarted: has not started yet
    running => InProgress Running: 1 of 3 completed, 1 active
    running after failures => InProgress Running: 0 of 3 completed, 1 active, 2 failed
    work queue => InProgress Running: 0 completed, 2 active
    gave up => Failed BackoffLimitExceeded: Job has reached the specified backoff limit
    is about to give up => Failed DeadlineExceeded: Job was active longer than specified deadline
    is about to complete => InProgress SuccessCriteriaMet: has succeeded; its last pods are ending
    suspended => Current Suspended: is suspended, as declared
    being suspended => InProgress Suspending: 1 active, to be stopped for its suspension
    resumed => InProgress Running: 0 of 3 completed, 0 active
    "#);
    let cases = [
        ("never ran", plain(json!({ "schedule": "0 3 * * *" }), json!({}))),
        (
            "running",
            plain(json!({}), json!({ "active": [{ "name": "dump-1" }], "lastScheduleTime": "2026-01-05T03:00:00Z" })),
        ),
        (
            "ran",
            plain(
                json!({}),
                json!({ "lastScheduleTime": "2026-01-05T03:00:00Z", "lastSuccessfulTime": "2026-01-05T03:01:00Z" }),
            ),
        ),
        ("never succeeded", plain(json!({}), json!({ "lastScheduleTime": "2026-01-05T03:00:00Z" }))),
        ("suspended", plain(json!({ "suspend": true }), json!({}))),
    ];
    insta::assert_snapshot!(table(&kind("batch/v1", "CronJob"), &cases), @r#"
    never ran => Current NeverRan: has not run yet
    running => Current Active: 1 job running
    ran => Current Ran: last ran 2026-01-05T03:00:00Z, last succeeded 2026-01-05T03:01:00Z
    never succeeded => Current NeverSucceeded: last ran 2026-01-05T03:00:00Z, has not succeeded yet
    suspended => Current Suspended: is suspended, as declared
    "#);
}
