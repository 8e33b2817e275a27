//! Causes inside of a pod, each seen from the Deployment above it.

use super::causes::{Scene, event, rendered};
use super::pods::{crash_loop, ended, pod, running, waiting};
use super::*;
use crate::cause::LogSource;

/// A Deployment whose only pod has this container state, behind an init container that is done.
fn with_container(state: Value) -> Scene {
    Scene::of_deployment(pod("Pending", ended(0, "Completed"), state))
}

fn about_pod(reason: &str, message: &str, count: i64) -> Value {
    event("Pod", "postgres-0", "pod-0", "Warning", reason, message, count)
}

/// What is said for each scene: `final` or `waits`, the summary and the hint.
fn verdicts(cases: &[(&str, Scene)]) -> String {
    let lines = cases.iter().map(|(name, scene)| {
        let cause = scene.explain().expect("the scene is not Current");
        let ending = if cause.is_final { "final" } else { "waits" };
        let hint = cause.hint.map_or(String::new(), |hint| format!("\n    -> {hint}"));
        format!("{name} [{ending}]\n    {}{hint}", cause.summary)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unknown_image_is_named_with_owner_chain_container_and_events() {
    let back_off =
        event("Pod", "postgres-0", "pod-0", "Normal", "BackOff", "Back-off pulling image \"postgres:15-alpin\"", 3);
    let mut pod =
        pod("Pending", json!({}), waiting("ImagePullBackOff", "Back-off pulling image \"postgres:15-alpin\""));
    pod["spec"]["containers"][0]["image"] = json!("postgres:15-alpin");
    let scene = Scene::of_deployment(pod)
        .event(about_pod(
            "Failed",
            "Failed to pull image \"postgres:15-alpin\": rpc error: code = NotFound desc = failed to pull and unpack image: docker.io/library/postgres:15-alpin: not found",
            2,
        ))
        .event(about_pod("Failed", "Error: ErrImagePull", 2))
        .event(about_pod("Failed", "Error: ImagePullBackOff", 3))
        .event(back_off);
    insta::assert_snapshot!(rendered(&scene), @r#"
    container postgres cannot pull image "postgres:15-alpin": not found
    -> check the image's name and tag
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpin: ImagePullBackOff, restarts 0
      Back-off pulling image "postgres:15-alpin"
    event Pod/postgres-0 x2 Failed: Failed to pull image "postgres:15-alpin": rpc error: code = NotFound desc = failed to pull and unpack image: docker.io/library/postgres:15-alpin: not found
    event Pod/postgres-0 x3 BackOff: Back-off pulling image "postgres:15-alpin"
    final
    "#);
}

#[test]
fn an_image_failure_is_final_by_what_the_registry_says() {
    let pull = |reason: &str, message: &str| with_container(waiting(reason, message));
    let failed = |words: &str, count: i64| {
        let message = format!("Failed to pull image \"postgres:15-alpine\": rpc error: code = Unknown desc = {words}");
        about_pod("Failed", &message, count)
    };
    let back_off = || pull("ImagePullBackOff", "Back-off pulling image \"postgres:15-alpine\"");
    let cases = [
        ("first failed pull", pull("ErrImagePull", "rpc error: code = NotFound desc = postgres:15-alpine: not found")),
        ("second failed pull", pull("ErrImagePull", "rpc error: code = NotFound desc = not found").event(failed("not found", 2))),
        ("denied", back_off().event(failed("pull access denied, repository does not exist or may require authorization: server message: insufficient_scope", 1))),
        ("credentials", back_off().event(failed("failed to authorize: unexpected status: 401 Unauthorized", 1))),
        ("registry away", back_off().event(failed("dial tcp 10.0.0.9:443: i/o timeout", 2))),
        ("registry away for long", back_off().event(failed("dial tcp 10.0.0.9:443: i/o timeout", 3))),
        ("registry unknown", back_off().event(failed("dial tcp: lookup registry.exmaple.com: no such host", 1))),
        ("rate limit", back_off().event(failed("toomanyrequests: You have reached your unauthenticated pull rate limit", 2))),
        ("architecture", back_off().event(failed("no match for platform in manifest: not found", 1))),
        ("disk", back_off().event(failed("write /var/lib: no space left on device", 2))),
        ("something else", back_off().event(failed("short read: expected 3 bytes", 1))),
        ("no events to be had", back_off()),
        ("no name", pull("InvalidImageName", "couldn't parse image name")),
        ("never", pull("ErrImageNeverPull", "")),
        ("signature", pull("SignatureValidationFailed", "")),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    first failed pull [waits]
        container postgres cannot pull image "postgres:15-alpine": not found
        -> check the image's name and tag
    second failed pull [final]
        container postgres cannot pull image "postgres:15-alpine": not found
        -> check the image's name and tag
    denied [final]
        container postgres cannot pull image "postgres:15-alpine": the registry has no such repository, or it needs credentials
        -> check the image's name, and imagePullSecrets if the repository is private
    credentials [final]
        container postgres cannot pull image "postgres:15-alpine": the registry refuses the credentials, or there are none
        -> check imagePullSecrets and the credentials in them
    registry away [waits]
        container postgres cannot pull image "postgres:15-alpine": the registry cannot be reached
        -> check the way from the nodes to the registry
    registry away for long [final]
        container postgres cannot pull image "postgres:15-alpine": the registry cannot be reached
        -> check the way from the nodes to the registry
    registry unknown [waits]
        container postgres cannot pull image "postgres:15-alpine": the registry's name does not resolve
        -> check the registry in the image's name, and the node's DNS
    rate limit [waits]
        container postgres cannot pull image "postgres:15-alpine": the registry allows no more pulls for now
        -> pull with credentials, or from a mirror
    architecture [final]
        container postgres cannot pull image "postgres:15-alpine": there is none for the node's architecture
        -> build the image for the node's architecture, or choose nodes that fit
    disk [waits]
        container postgres cannot pull image "postgres:15-alpine": no space is left on the node
        -> free space on the node's disk
    something else [final]
        container postgres cannot pull image "postgres:15-alpine": short read: expected 3 bytes
        -> check the image's name and tag, and imagePullSecrets if the repository is private
    no events to be had [final]
        container postgres cannot pull image "postgres:15-alpine"
        -> check the image's name and tag, and imagePullSecrets if the repository is private
    no name [final]
        container postgres cannot pull image "postgres:15-alpine": that is no image name
        -> correct the image's name
    never [final]
        container postgres cannot pull image "postgres:15-alpine": it is not on the node, and its pull policy is Never
        -> load the image onto the node, or set imagePullPolicy: IfNotPresent
    signature [waits]
        container postgres cannot pull image "postgres:15-alpine": its signature is not valid
        -> check who signed the image, and which signatures the nodes trust
    "#);
}

#[test]
fn a_missing_secret_or_key_is_named_and_final_on_second_sight() {
    let missing = "secret \"postgres-secret\" not found";
    let config = |message: &str, count: i64| {
        let scene = with_container(waiting("CreateContainerConfigError", message));
        if count == 0 { scene } else { scene.event(about_pod("Failed", &format!("Error: {message}"), count)) }
    };
    let cases = [
        ("no event", config(missing, 0)),
        ("once", config(missing, 1)),
        ("twice", config(missing, 2)),
        ("key", config("couldn't find key passwort in Secret holm/postgres-secret", 2)),
        ("ConfigMap", config("configmap \"init\" not found", 2)),
        ("ConfigMap key", config("couldn't find key init.sh in ConfigMap holm/init", 2)),
        ("root", config("container has runAsNonRoot and image will run as root", 0)),
        ("anything", config("cannot find volume \"data\" to mount into container \"postgres\"", 2)),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    no event [waits]
        container postgres needs Secret postgres-secret, which does not exist
        -> declare it in the stack, or correct the reference
    once [waits]
        container postgres needs Secret postgres-secret, which does not exist
        -> declare it in the stack, or correct the reference
    twice [waits]
        container postgres needs Secret postgres-secret, which does not exist
        -> declare it in the stack, or correct the reference
    key [waits]
        container postgres needs key passwort of Secret postgres-secret, which has no such key
        -> declare it in the stack, or correct the reference
    ConfigMap [waits]
        container postgres needs ConfigMap init, which does not exist
        -> declare it in the stack, or correct the reference
    ConfigMap key [waits]
        container postgres needs key init.sh of ConfigMap init, which has no such key
        -> declare it in the stack, or correct the reference
    root [final]
        container postgres may not start: container has runAsNonRoot and image will run as root
        -> set runAsUser to a number other than 0, or take an image that names such a user
    anything [final]
        container postgres cannot be configured: cannot find volume "data" to mount into container "postgres"
    "#);
}

#[test]
fn a_container_that_ends_is_explained_by_how_it_ended() {
    let ends = |code: i64, reason: &str, restarts: i64| with_container(crash_loop(code, reason, restarts));
    let told = |message: &str| {
        let mut state = crash_loop(128, "StartError", 2);
        state["lastState"]["terminated"]["message"] = json!(message);
        with_container(state)
    };
    let liveness = about_pod("Unhealthy", "Liveness probe failed: command timed out", 9);
    let cases = [
        ("first crash", ends(1, "Error", 0)),
        ("first restart", ends(1, "Error", 1)),
        ("second restart", ends(1, "Error", 2)),
        ("command not found", ends(127, "Error", 2)),
        ("not executable", ends(126, "Error", 2)),
        ("out of memory", ends(137, "OOMKilled", 2)),
        ("killed", ends(137, "Error", 2)),
        ("killed by its probe", ends(137, "Error", 2).event(liveness.clone())),
        ("told to stop by its probe", ends(143, "Error", 2).event(liveness.clone())),
        ("a probe failed too, but it crashed by itself", ends(1, "Error", 2).event(liveness)),
        ("segmentation fault", ends(139, "Error", 2)),
        ("unusual signal", ends(152, "Error", 2)),
        ("ends well", ends(0, "Completed", 2)),
        (
            "no such program",
            told("failed to create containerd task: exec: \"postgre\": executable file not found in $PATH: unknown"),
        ),
        (
            "how is not told",
            with_container(json!({ "restartCount": 3, "state": { "waiting": { "reason": "CrashLoopBackOff" } } })),
        ),
        (
            "runs again",
            with_container(
                json!({ "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 1 } } }),
            ),
        ),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    first crash [waits]
        container postgres crashed: exit code 1
    first restart [waits]
        container postgres keeps crashing: exit code 1, 1 restart
    second restart [final]
        container postgres keeps crashing: exit code 1, 2 restarts
    command not found [final]
        container postgres keeps crashing: exit code 127 (the command was not found), 2 restarts
        -> check command and args: the program is not in the image
    not executable [final]
        container postgres keeps crashing: exit code 126 (the command cannot be executed), 2 restarts
        -> check command and args: the program may not be executed, or is not for this architecture
    out of memory [final]
        container postgres ran out of memory (OOMKilled, limit 256Mi), 2 restarts
        -> raise its memory limit, or make it use less
    killed [final]
        container postgres keeps crashing: exit code 137 (killed, SIGKILL), 2 restarts
        -> it was killed from outside: by a liveness probe, or because the node was short of memory
    killed by its probe [final]
        container postgres keeps crashing: exit code 137 (killed, SIGKILL), 2 restarts
        -> a probe that fails restarts it (Liveness probe failed: command timed out): correct the probe, or give it more time
    told to stop by its probe [final]
        container postgres keeps crashing: exit code 143 (told to stop, SIGTERM), 2 restarts
        -> a probe that fails restarts it (Liveness probe failed: command timed out): correct the probe, or give it more time
    a probe failed too, but it crashed by itself [final]
        container postgres keeps crashing: exit code 1, 2 restarts
    segmentation fault [final]
        container postgres keeps crashing: exit code 139 (invalid memory access, SIGSEGV), 2 restarts
    unusual signal [final]
        container postgres keeps crashing: exit code 152 (ended by signal 24), 2 restarts
    ends well [final]
        container postgres ends with exit code 0 but should keep running, 2 restarts
        -> a program that ends belongs into a Job
    no such program [final]
        container postgres cannot start: exec: "postgre": executable file not found in $PATH, 2 restarts
        -> check command and args: the program is not in the image
    how is not told [final]
        container postgres keeps crashing, 3 restarts
    runs again [waits]
        container postgres runs again after 1 restart (exit code 1) and is not ready yet
    "#);
}

#[test]
fn the_last_log_lines_of_the_previous_container_are_shown() {
    let lines: Vec<String> = (1..=14).map(|number| format!("line {number} \u{1b}[31mred\u{1b}[0m")).collect();
    let previous = LogSource {
        namespace: "holm".to_owned(),
        pod: "postgres-0".to_owned(),
        container: "postgres".to_owned(),
        previous: true,
    };
    let scene = with_container(crash_loop(1, "Error", 2));
    assert_eq!(scene.to_log(), std::slice::from_ref(&previous));
    insta::assert_snapshot!(rendered(&scene.log(previous, lines)), @r#"
    container postgres keeps crashing: exit code 1, 2 restarts
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 2
      back-off 40s restarting failed container=postgres
      previous| line 5 red
      previous| line 6 red
      previous| line 7 red
      previous| line 8 red
      previous| line 9 red
      previous| line 10 red
      previous| line 11 red
      previous| line 12 red
      previous| line 13 red
      previous| line 14 red
    final
    "#);
}

#[test]
fn only_logs_that_exist_and_help_are_asked_for() {
    let asked = |scene: &Scene| {
        let sources = scene.to_log();
        sources.iter().map(|it| (it.container.clone(), it.previous)).collect::<Vec<_>>()
    };
    let postgres = |previous: bool| ("postgres".to_owned(), previous);
    let ready_soon = with_container(running());
    assert_eq!(asked(&ready_soon), [postgres(false)]);
    let again =
        json!({ "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 1 } } });
    assert_eq!(asked(&with_container(again)), [postgres(false), postgres(true)]);
    assert_eq!(asked(&with_container(ended(1, "Error"))), [postgres(false)]);
    assert_eq!(asked(&with_container(waiting("ImagePullBackOff", ""))), []);
    assert_eq!(asked(&with_container(waiting("CrashLoopBackOff", ""))), []);
    let init = Scene::of_deployment(pod("Pending", crash_loop(1, "Error", 1), waiting("PodInitializing", "")));
    assert_eq!(asked(&init), [("prepare".to_owned(), true)]);
}

#[test]
fn an_image_for_another_architecture_is_known_by_its_last_words() {
    let source = LogSource {
        namespace: "holm".to_owned(),
        pod: "postgres-0".to_owned(),
        container: "postgres".to_owned(),
        previous: true,
    };
    let scene =
        with_container(crash_loop(255, "Error", 2)).log(source, vec!["exec /app: exec format error".to_owned()]);
    let cause = scene.explain().expect("the scene is not Current");
    assert_eq!(cause.hint.as_deref(), Some("the image is built for another architecture than the node's"));
}

#[test]
fn an_init_container_that_fails_comes_before_what_waits_for_it() {
    let scene = Scene::of_deployment(pod("Pending", crash_loop(1, "Error", 4), waiting("PodInitializing", "")))
        .event(about_pod("BackOff", "Back-off restarting failed container prepare in pod postgres-0", 7));
    insta::assert_snapshot!(rendered(&scene), @r#"
    init container prepare keeps failing: exit code 1, 4 restarts
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    init container prepare of busybox:1.36: CrashLoopBackOff, exit code 1, restarts 4
      back-off 40s restarting failed container=postgres
    event Pod/postgres-0 x7 BackOff: Back-off restarting failed container prepare in pod postgres-0
    final
    "#);
}

#[test]
fn a_probe_that_fails_is_quoted_and_never_final() {
    let runs = || Scene::of_deployment(pod("Running", ended(0, "Completed"), running()));
    let cases = [
        (
            "readiness",
            runs().event(about_pod("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 40)),
        ),
        ("startup", runs().event(about_pod("Unhealthy", "Startup probe failed: /bin/sh: pg_isready: not found", 4))),
        ("liveness", runs().event(about_pod("Unhealthy", "Liveness probe failed: command timed out", 4))),
        ("nothing heard", runs()),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    readiness [waits]
        container postgres runs but is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503
        -> check what the probe asks for, and whether the program has started
    startup [waits]
        container postgres runs but is not ready: Startup probe failed: /bin/sh: pg_isready: not found
        -> check what the probe asks for, and whether the program has started
    liveness [waits]
        container postgres runs but is not ready: Liveness probe failed: command timed out
    nothing heard [waits]
        container postgres runs but is not ready yet
    "#);
}

#[test]
fn a_pod_that_finds_no_node_is_never_final() {
    let unplaced = |message: &str| {
        let mut pod = pod("Pending", json!({}), json!({}));
        pod["status"] =
            json!({ "phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)] });
        Scene::of_deployment(pod)
    };
    let cases = [
        ("memory", unplaced("0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available.")),
        ("no nodes", unplaced("no nodes available to schedule pods")),
        (
            "taint",
            unplaced(
                "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
            ),
        ),
        ("selector", unplaced("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.")),
        ("port", unplaced("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.")),
        ("claim missing", unplaced("persistentvolumeclaim \"postgres-pvc\" not found")),
        ("claim unbound", unplaced("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")),
        ("volume elsewhere", unplaced("0/3 nodes are available: 3 node(s) had volume node affinity conflict.")),
        ("no words", unplaced("")),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    memory [waits]
        no node can take the pod: 0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available.
        -> lower what the pod requests, or add a node
    no nodes [waits]
        no node can take the pod: no nodes available to schedule pods
        -> the cluster has no node
    taint [waits]
        no node can take the pod: 0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.
        -> add a toleration for the taint, or take the taint away
    selector [waits]
        no node can take the pod: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.
        -> no node has the labels that the pod asks for
    port [waits]
        no node can take the pod: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.
        -> a host port that the pod asks for is taken on every node
    claim missing [waits]
        pod needs claim postgres-pvc, which does not exist
        -> declare the claim in the stack, or correct its name
    claim unbound [waits]
        no node can take the pod: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.
        -> look at the claims that the pod mounts
    volume elsewhere [waits]
        no node can take the pod: 0/3 nodes are available: 3 node(s) had volume node affinity conflict.
        -> its volume is bound to another node or zone
    no words [waits]
        no node can take the pod
    "#);
}

#[test]
fn what_keeps_kubelet_from_starting_containers_is_read_from_events() {
    let creating =
        || Scene::of_deployment(pod("Pending", waiting("PodInitializing", ""), waiting("ContainerCreating", "")));
    let missing = "MountVolume.SetUp failed for volume \"init\" : configmap \"postgres-init\" not found";
    let mount = |count: i64| about_pod("FailedMount", missing, count);
    let pulling = |time: &str| {
        let mut event = event("Pod", "postgres-0", "pod-0", "Normal", "Pulling", "Pulling image", 1);
        event["lastTimestamp"] = json!(time);
        event
    };
    let cases = [
        ("missing ConfigMap, once", creating().event(mount(1))),
        ("missing ConfigMap", creating().event(mount(4))),
        (
            "missing key",
            creating().event(about_pod(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"tls\" : references non-existent secret key: tls.crt",
                2,
            )),
        ),
        (
            "mount",
            creating().event(about_pod(
                "FailedMount",
                "MountVolume.SetUp failed for volume \"data\" : mount failed: exit status 32",
                4,
            )),
        ),
        (
            "multi-attach",
            creating().event(about_pod(
                "FailedAttachVolume",
                "Multi-Attach error for volume \"pv-1\" Volume is already used by pod(s) postgres-9",
                1,
            )),
        ),
        (
            "sandbox",
            creating().event(about_pod(
                "FailedCreatePodSandBox",
                "Failed to create pod sandbox: network plugin is not ready",
                3,
            )),
        ),
        (
            "sandbox without a network",
            creating().event(about_pod(
                "FailedCreatePodSandBox",
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"a\": plugin type=\"bridge\" failed (add): failed to allocate for range 0: no IP addresses available",
                3,
            )),
        ),
        (
            "sandbox that does not start",
            creating().event(about_pod(
                "FailedCreatePodSandBox",
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container task \"a\": OCI runtime create failed: runc create failed: unable to start container process: can't get final child's PID from pipe: EOF: unknown",
                3,
            )),
        ),
        (
            "sandbox without an image",
            creating().event(about_pod(
                "FailedCreatePodSandBox",
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"registry.test/pause:1\": failed to pull image",
                3,
            )),
        ),
        ("passed since", creating().event(mount(1)).event(pulling("2026-01-05T11:00:00Z"))),
        ("failed after", creating().event(mount(1)).event(pulling("2026-01-05T09:00:00Z"))),
        ("nothing heard", creating()),
    ];
    insta::assert_snapshot!(verdicts(&cases), @r#"
    missing ConfigMap, once [waits]
        a volume of the pod needs ConfigMap postgres-init, which does not exist
        -> declare it in the stack, or correct the reference
    missing ConfigMap [waits]
        a volume of the pod needs ConfigMap postgres-init, which does not exist
        -> declare it in the stack, or correct the reference
    missing key [waits]
        a volume of the pod needs key tls.crt of a Secret, which has no such key
        -> declare it in the stack, or correct the reference
    mount [waits]
        a volume cannot be mounted: MountVolume.SetUp failed for volume "data" : mount failed: exit status 32
    multi-attach [waits]
        a volume is still attached to another node: Multi-Attach error for volume "pv-1" Volume is already used by pod(s) postgres-9
        -> the pod that used it must be gone first: a ReadWriteOnce claim needs the strategy Recreate
    sandbox [waits]
        the pod's sandbox cannot be made: Failed to create pod sandbox: network plugin is not ready
        -> the network plugin of the node failed; look at the node
    sandbox without a network [waits]
        the pod's sandbox cannot be made: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "a": plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available
        -> the network plugin of the node failed; look at the node
    sandbox that does not start [waits]
        the pod's sandbox cannot be made: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container task "a": OCI runtime create failed: runc create failed: unable to start container process: can't get final child's PID from pipe: EOF: unknown
        -> the container runtime of the node failed; look at the node
    sandbox without an image [waits]
        the pod's sandbox cannot be made: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.test/pause:1": failed to pull image
        -> the node cannot pull the image of every pod's sandbox; look at the configuration of its container runtime
    passed since [waits]
        pod is starting on node node-1
    failed after [waits]
        a volume of the pod needs ConfigMap postgres-init, which does not exist
        -> declare it in the stack, or correct the reference
    nothing heard [waits]
        pod is starting on node node-1
    "#);
}
