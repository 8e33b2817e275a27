//! How long an apply takes: an ordinary Deployment with one container, as it lives in a cluster with defaults, a status and
//! three managers.
//!
//! `cargo bench -p holm-structured-merge`

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use holm_structured_merge::{FieldSet, FieldTracker, GroupVersionKind, SingleVersion, Timestamp};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

static TRACKER: LazyLock<FieldTracker> = LazyLock::new(|| {
    let kind = GroupVersionKind::new("apps", "v1", "Deployment");
    let pack = holm_schema::built_in().expect("the pack is whole");
    let object_type = pack.object_type(&kind).expect("Deployment is built in");
    let versions = SingleVersion { api_version: kind.api_version(), kind: kind.kind.clone(), object_type };
    FieldTracker::new(kind, Arc::new(versions))
});

/// The object as it lives in a cluster: applied, defaulted, scaled by a controller, with a status.
static LIVE: LazyLock<Value> = LazyLock::new(|| {
    let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    let mut live = TRACKER.apply(&nothing, &configuration("x:1"), "holm", false, Timestamp(1)).expect("it applies");
    let managed = live["metadata"]["managedFields"].clone();
    merge(&mut live, &defaults());
    live["metadata"]["managedFields"] = managed;
    let mut annotated = live.clone();
    merge(&mut annotated, &json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}));
    let live = TRACKER.update(&live, annotated, "kube-controller-manager", Timestamp(2)).expect("it updates");
    let mut ready = live.clone();
    merge(&mut ready, &status());
    TRACKER.update(&live, ready, "another-controller", Timestamp(3)).expect("it updates")
});

#[divan::bench]
fn create(bencher: Bencher<'_, '_>) {
    let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    let config = configuration("x:1");
    bencher.bench(|| TRACKER.apply(black_box(&nothing), black_box(&config), "holm", false, Timestamp(9)));
}

#[divan::bench]
fn apply_unchanged(bencher: Bencher<'_, '_>) {
    let config = configuration("x:1");
    bencher.bench(|| TRACKER.apply(black_box(&LIVE), black_box(&config), "holm", false, Timestamp(9)));
}

#[divan::bench]
fn apply_changed(bencher: Bencher<'_, '_>) {
    let config = configuration("x:2");
    bencher.bench(|| TRACKER.apply(black_box(&LIVE), black_box(&config), "holm", false, Timestamp(9)));
}

#[divan::bench]
fn apply_giving_up(bencher: Bencher<'_, '_>) {
    let mut config = configuration("x:1");
    if let Some(env) = config["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut() {
        env.remove(0);
    }
    bencher.bench(|| TRACKER.apply(black_box(&LIVE), black_box(&config), "holm", false, Timestamp(9)));
}

#[divan::bench]
fn apply_conflicting(bencher: Bencher<'_, '_>) {
    let config = configuration("x:2");
    bencher.bench(|| TRACKER.apply(black_box(&LIVE), black_box(&config), "other", false, Timestamp(9)));
}

#[divan::bench]
fn update_status(bencher: Bencher<'_, '_>) {
    let mut new = LIVE.clone();
    new["status"]["readyReplicas"] = json!(2);
    bencher
        .with_inputs(|| new.clone())
        .bench_values(|new| TRACKER.update(black_box(&LIVE), new, "kube-controller-manager", Timestamp(9)));
}

#[divan::bench]
fn read_and_write_fields_v1(bencher: Bencher<'_, '_>) {
    let fields = LIVE["metadata"]["managedFields"][0]["fieldsV1"].clone();
    bencher.bench(|| FieldSet::from_fields_v1_value(black_box(&fields)).map(|fields| fields.to_fields_v1()));
}

fn configuration(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "postgres",
            "namespace": "holm",
            "labels": {"app.kubernetes.io/name": "postgres", "app.kubernetes.io/managed-by": "holm"}
        },
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app.kubernetes.io/name": "postgres"}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "postgres"}},
                "spec": {
                    "serviceAccountName": "postgres",
                    "securityContext": {"fsGroup": 999, "runAsUser": 999},
                    "containers": [{
                        "name": "postgres",
                        "image": image,
                        "args": ["-c", "max_connections=200"],
                        "ports": [{"name": "postgres", "containerPort": 5432}, {"name": "metrics", "containerPort": 9187}],
                        "env": [
                            {"name": "POSTGRES_DB", "value": "holm"},
                            {"name": "POSTGRES_USER", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "user"}}},
                            {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "password"}}},
                            {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}
                        ],
                        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                        "readinessProbe": {"exec": {"command": ["pg_isready", "-U", "holm"]}, "periodSeconds": 5},
                        "livenessProbe": {"exec": {"command": ["pg_isready", "-U", "holm"]}, "initialDelaySeconds": 30},
                        "volumeMounts": [
                            {"name": "data", "mountPath": "/var/lib/postgresql/data"},
                            {"name": "init", "mountPath": "/docker-entrypoint-initdb.d", "readOnly": true}
                        ]
                    }],
                    "volumes": [
                        {"name": "data", "persistentVolumeClaim": {"claimName": "postgres"}},
                        {"name": "init", "configMap": {"name": "postgres-init"}}
                    ]
                }
            }
        }
    })
}

fn defaults() -> Value {
    json!({
        "metadata": {
            "uid": "0f9a2c9e-5b1a-4a86-9d8e-0a4f8a6f6c11",
            "resourceVersion": "4711",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z"
        },
        "spec": {
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "template": {"spec": {
                "restartPolicy": "Always",
                "dnsPolicy": "ClusterFirst",
                "schedulerName": "default-scheduler",
                "terminationGracePeriodSeconds": 30,
                "serviceAccount": "postgres"
            }}
        }
    })
}

fn status() -> Value {
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": "as it should be",
            "lastTransitionTime": "2026-01-01T00:00:10Z",
            "lastUpdateTime": "2026-01-01T00:00:10Z"
        })
    };
    json!({"status": {
        "observedGeneration": 1,
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable")]
    }})
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
