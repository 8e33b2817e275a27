use super::*;

/// A pod with one init container and one container, in this phase and with these container states.
pub(super) fn pod(phase: &str, init: Value, main: Value) -> Value {
    let status = |name: &str, state: Value| {
        let mut status =
            json!({ "name": name, "image": "sha256:0123", "ready": false, "restartCount": 0, "state": {} });
        for (field, value) in state.as_object().into_iter().flatten() {
            status[field] = value.clone();
        }
        status
    };
    json!({
        "metadata": { "name": "postgres-0", "namespace": "holm", "uid": "pod-0" },
        "spec": {
            "restartPolicy": "Always",
            "nodeName": "node-1",
            "initContainers": [{ "name": "prepare", "image": "busybox:1.36" }],
            "containers": [{ "name": "postgres", "image": "postgres:15-alpine", "resources": { "limits": { "memory": "256Mi" } } }],
        },
        "status": {
            "phase": phase,
            "conditions": [condition("PodScheduled", "True", "", "")],
            "initContainerStatuses": [status("prepare", init)],
            "containerStatuses": [status("postgres", main)],
        },
    })
}

pub(super) fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}

pub(super) fn ended(code: i64, reason: &str) -> Value {
    json!({ "state": { "terminated": { "exitCode": code, "reason": reason } } })
}

pub(super) fn running() -> Value {
    json!({ "state": { "running": { "startedAt": "2026-01-05T10:00:00Z" } } })
}

/// A container between two runs, the last of which ended in this way.
pub(super) fn crash_loop(code: i64, reason: &str, restarts: i64) -> Value {
    json!({
        "restartCount": restarts,
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=postgres" } },
        "lastState": { "terminated": { "exitCode": code, "reason": reason } },
    })
}

fn done() -> Value {
    ended(0, "Completed")
}

fn set(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    object.pointer_mut(parent).expect("the parent is in the fixture")[field] = value;
    object
}

#[test]
fn a_pod_is_current_once_ready_or_completed_and_failed_where_a_second_look_would_change_nothing() {
    let main = |state: Value| pod("Pending", done(), state);
    let never = |object: Value| set(object, "/spec/restartPolicy", json!("Never"));
    let unscheduled = |reason: &str, message: &str| {
        let pod = json!({ "metadata": {}, "spec": { "schedulingGates": [{ "name": "example.com/quota" }] }, "status": {
            "phase": "Pending", "conditions": [condition("PodScheduled", "False", reason, message)] } });
        pod
    };
    let ready = |status: &str, reason: &str, message: &str| {
        let object = pod("Running", done(), json!({ "ready": true, "state": { "running": {} } }));
        set(object, "/status/conditions", json!([condition("Ready", status, reason, message)]))
    };
    let sidecar = |state: Value| {
        let object = pod("Running", state, json!({ "ready": true, "state": { "running": {} } }));
        set(object, "/spec/initContainers/0/restartPolicy", json!("Always"))
    };
    let cases = [
        ("ready", ready("True", "", "")),
        ("completed", pod("Succeeded", done(), done())),
        ("no status", json!({ "metadata": {}, "spec": {} })),
        ("creating", main(waiting("ContainerCreating", ""))),
        (
            "first pull failed",
            main(waiting(
                "ErrImagePull",
                "rpc error: code = NotFound desc = failed to resolve reference: postgres:15-alpin: not found",
            )),
        ),
        (
            "backs off from an image that is not there",
            main(waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"postgres:15-alpin\": ErrImagePull: rpc error: code = NotFound desc = not found",
            )),
        ),
        ("backs off, older kubelet", main(waiting("ImagePullBackOff", "Back-off pulling image \"postgres:15-alpin\""))),
        (
            "backs off from a registry that is away",
            main(waiting("ImagePullBackOff", "Back-off pulling image: dial tcp 10.0.0.1:443: i/o timeout")),
        ),
        (
            "no image name",
            main(waiting(
                "InvalidImageName",
                "couldn't parse image name \"postgres:15:alpine\": invalid reference format",
            )),
        ),
        (
            "never pulled",
            main(waiting(
                "ErrImageNeverPull",
                "Container image \"postgres:dev\" is not present with pull policy of Never",
            )),
        ),
        ("missing Secret", main(waiting("CreateContainerConfigError", "secret \"postgres-secret\" not found"))),
        (
            "missing key",
            main(waiting("CreateContainerConfigError", "couldn't find key passwort in Secret holm/postgres-secret")),
        ),
        ("missing ConfigMap", main(waiting("CreateContainerConfigError", "configmap \"init\" not found"))),
        (
            "runs as root",
            main(waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root (pod: \"postgres-0\")",
            )),
        ),
        (
            "cannot start",
            main(waiting("CreateContainerError", "failed to generate container: context deadline exceeded")),
        ),
        (
            "no such program",
            main(waiting(
                "RunContainerError",
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"postgre\": executable file not found in $PATH: unknown",
            )),
        ),
        ("crashed once", pod("Running", done(), crash_loop(1, "Error", 1))),
        ("crash loop", pod("Running", done(), crash_loop(1, "Error", 2))),
        (
            "between two crashes",
            pod(
                "Running",
                done(),
                json!({ "restartCount": 4, "state": { "terminated": { "exitCode": 139, "reason": "Error" } } }),
            ),
        ),
        ("out of memory", pod("Running", done(), crash_loop(137, "OOMKilled", 3))),
        ("ends though it should run", pod("Running", done(), crash_loop(0, "Completed", 2))),
        ("init container crashes", pod("Pending", crash_loop(2, "Error", 3), waiting("PodInitializing", ""))),
        ("init container runs", pod("Pending", running(), waiting("PodInitializing", ""))),
        ("sidecar crashes", sidecar(crash_loop(1, "Error", 5))),
        ("runs, not ready", pod("Running", done(), running())),
        (
            "readiness gate",
            ready(
                "False",
                "ReadinessGatesNotReady",
                "corresponding condition of pod readiness gate \"example.com/lb\" does not exist.",
            ),
        ),
        ("no node", unscheduled("Unschedulable", "0/3 nodes are available: 3 Insufficient memory.")),
        ("gated", unscheduled("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")),
        ("failed", never(pod("Failed", done(), ended(1, "Error")))),
        (
            "evicted",
            set(
                set(pod("Failed", done(), ended(137, "Error")), "/status/reason", json!("Evicted")),
                "/status/message",
                json!("The node was low on resource: memory."),
            ),
        ),
        ("failed without a word", json!({ "status": { "phase": "Failed" } })),
    ];
    insta::assert_snapshot!(table(&kind("v1", "Pod"), &cases), @r#"
    ready => Current
    completed => Current Succeeded: completed
    no status => InProgress Pending: its containers are not there yet
    creating => InProgress NotReady: 0 of 1 container is ready
    first pull failed => InProgress ErrImagePull: container postgres cannot pull image "postgres:15-alpine": not found
    backs off from an image that is not there => Failed ImagePullBackOff: container postgres cannot pull image "postgres:15-alpine": not found
    backs off, older kubelet => Failed ImagePullBackOff: container postgres cannot pull image "postgres:15-alpine"
    backs off from a registry that is away => InProgress ImagePullBackOff: container postgres cannot pull image "postgres:15-alpine": the registry cannot be reached
    no image name => Failed InvalidImageName: container postgres cannot pull image "postgres:15-alpine": that is no image name
    never pulled => Failed ErrImageNeverPull: container postgres cannot pull image "postgres:15-alpine": it is not on the node, and its pull policy is Never
    missing Secret => InProgress CreateContainerConfigError: container postgres needs Secret postgres-secret, which does not exist
    missing key => InProgress CreateContainerConfigError: container postgres needs key passwort of Secret postgres-secret, which has no such key
    missing ConfigMap => InProgress CreateContainerConfigError: container postgres needs ConfigMap init, which does not exist
    runs as root => Failed CreateContainerConfigError: container postgres may not start: container has runAsNonRoot and image will run as root (pod: "postgres-0")
    cannot start => InProgress CreateContainerError: container postgres cannot start: failed to generate container: context deadline exceeded
    no such program => InProgress RunContainerError: container postgres cannot start: exec: "postgre": executable file not found in $PATH
    crashed once => InProgress CrashLoopBackOff: container postgres keeps crashing: exit code 1, 1 restart
    crash loop => Failed CrashLoopBackOff: container postgres keeps crashing: exit code 1, 2 restarts
    between two crashes => Failed Error: container postgres keeps crashing: exit code 139 (invalid memory access, SIGSEGV), 4 restarts
    out of memory => Failed CrashLoopBackOff: container postgres ran out of memory (OOMKilled, limit 256Mi), 3 restarts
    ends though it should run => Failed CrashLoopBackOff: container postgres ends with exit code 0 but should keep running, 2 restarts
    init container crashes => Failed CrashLoopBackOff: init container prepare keeps failing: exit code 2, 3 restarts
    init container runs => InProgress Initializing: init container prepare has not ended yet
    sidecar crashes => Failed CrashLoopBackOff: container prepare keeps crashing: exit code 1, 5 restarts
    runs, not ready => InProgress NotReady: 0 of 1 container is ready
    readiness gate => InProgress ReadinessGatesNotReady: corresponding condition of pod readiness gate "example.com/lb" does not exist.
    no node => InProgress Unschedulable: no node can take the pod: 0/3 nodes are available: 3 Insufficient memory.
    gated => InProgress SchedulingGated: pod waits for its scheduling gates example.com/quota
    failed => Failed Failed: container postgres failed: exit code 1
    evicted => Failed Evicted: pod failed: Evicted: The node was low on resource: memory.
    failed without a word => Failed Failed: pod failed
    "#);
}
