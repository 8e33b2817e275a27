//! Causes above the pod: which pod tells, pods that are refused, Jobs that fail.

use super::pods::{crash_loop, ended, pod, running, waiting};
use super::*;
use crate::cause::{Cause, Evidence, LiveObject, LogSource, containers_to_log, explain, explain_instability};
use holm_redact::Redactor;

/// Evidence in the making.
pub(super) struct Scene {
    pub(super) evidence: Evidence,
    redactor: Redactor,
}

impl Scene {
    /// An object that is not ready, as `assess` finds it.
    pub(super) fn of(kind: &ApiKind, object: Value) -> Self {
        let readiness = assess(kind, &object, None, &Surroundings::default());
        let evidence = Evidence::new(LiveObject::new(kind, object), readiness);
        Self { evidence, redactor: Redactor::default() }
    }

    /// A Deployment with one ReplicaSet of its revision, one old ReplicaSet, and this pod.
    pub(super) fn of_deployment(pod: Value) -> Self {
        Self::deployment().related("v1", "Pod", owned(pod, "set-2"))
    }

    fn deployment() -> Self {
        let revision = |number: &str| json!({ "deployment.kubernetes.io/revision": number });
        let set = |name: &str, uid: &str, number: &str| {
            json!({ "metadata": { "name": name, "namespace": "holm", "uid": uid, "annotations": revision(number) },
                    "spec": { "replicas": 1 }, "status": {} })
        };
        let deployment = json!({
            "metadata": { "name": "postgres", "namespace": "holm", "uid": "deployment-1", "generation": 2, "annotations": revision("2") },
            "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "postgres" } } },
            "status": { "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1 },
        });
        Self::of(&kind("apps/v1", "Deployment"), deployment)
            .related("apps/v1", "ReplicaSet", owned(set("postgres-old", "set-1", "1"), "deployment-1"))
            .related("apps/v1", "ReplicaSet", owned(set("postgres-new", "set-2", "2"), "deployment-1"))
    }

    pub(super) fn related(mut self, version: &str, name: &str, object: Value) -> Self {
        self.evidence.related.push(LiveObject::new(&kind(version, name), object));
        self
    }

    /// The same Deployment with these fields over its own, assessed again.
    fn with(mut self, more: Value) -> Self {
        let kind = kind("apps/v1", "Deployment");
        let mut object = self.evidence.object.object.expose().clone();
        merge(&mut object, more);
        self.evidence.readiness = assess(&kind, &object, None, &Surroundings::default());
        self.evidence.object = LiveObject::new(&kind, object);
        self
    }

    pub(super) fn event(mut self, event: Value) -> Self {
        self.evidence.events.push(event);
        self
    }

    pub(super) fn log(mut self, source: LogSource, lines: Vec<String>) -> Self {
        self.evidence.logs.insert(source, lines);
        self
    }

    pub(super) fn knowing(mut self, secret: &str) -> Self {
        self.redactor.learn(secret);
        self
    }

    pub(super) fn explain(&self) -> Option<Cause> {
        explain(&self.evidence, &self.redactor)
    }

    pub(super) fn to_log(&self) -> Vec<LogSource> {
        containers_to_log(&self.evidence)
    }
}

pub(super) fn owned(mut object: Value, uid: &str) -> Value {
    object["metadata"]["ownerReferences"] = json!([{ "uid": uid, "controller": true }]);
    object
}

/// An event of `v1`, seen last at ten o'clock.
pub(super) fn event(kind: &str, name: &str, uid: &str, class: &str, reason: &str, message: &str, count: i64) -> Value {
    json!({
        "metadata": { "name": format!("{name}.1"), "namespace": "holm" },
        "involvedObject": { "apiVersion": "v1", "kind": kind, "namespace": "holm", "name": name, "uid": uid },
        "type": class, "reason": reason, "message": message, "count": count,
        "firstTimestamp": "2026-01-05T09:59:00Z", "lastTimestamp": "2026-01-05T10:00:00Z",
    })
}

/// A cause as text.
pub(super) fn rendered(scene: &Scene) -> String {
    let Some(cause) = scene.explain() else {
        return "nothing".to_owned();
    };
    let mut lines = vec![cause.summary.clone()];
    lines.extend(cause.hint.map(|hint| format!("-> {hint}")));
    let chain: Vec<String> = cause.chain.iter().map(holm_values::ResourceId::short).collect();
    lines.push(chain.join(" > "));
    if let Some(it) = cause.container {
        let role = if it.is_init { "init container" } else { "container" };
        let code = it.exit_code.map_or(String::new(), |code| format!(", exit code {code}"));
        let meaning = it.exit_meaning.map_or(String::new(), |meaning| format!(" ({meaning})"));
        lines.push(format!(
            "{role} {} of {}: {}{code}{meaning}, restarts {}",
            it.name, it.image, it.reason, it.restarts
        ));
        lines.extend((!it.message.is_empty()).then(|| format!("  {}", it.message)));
        let whose = if it.log_is_previous { "previous" } else { "present" };
        lines.extend(it.log.iter().map(|line| format!("  {whose}| {line}")));
    }
    lines.extend(
        cause.events.iter().map(|it| format!("event {} x{} {}: {}", it.about.short(), it.count, it.reason, it.message)),
    );
    lines.push(if cause.is_final { "final".to_owned() } else { "waits".to_owned() });
    lines.join("\n")
}

pub(super) fn all_rendered(scenes: &[Scene]) -> String {
    scenes.iter().map(rendered).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_pod_of_an_old_revision_is_no_cause() {
    let mut old = pod("Running", ended(0, "Completed"), crash_loop(1, "Error", 9));
    old["metadata"]["uid"] = json!("pod-old");
    let scene = Scene::deployment().related("v1", "Pod", owned(old, "set-1"));
    let scene = scene.related("v1", "Pod", owned(pod("Pending", json!({}), waiting("ContainerCreating", "")), "set-2"));
    insta::assert_snapshot!(rendered(&scene), @r#"
    pod is starting on node node-1
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    waits
    "#);
}

#[test]
fn of_several_pods_the_worst_tells_and_those_that_work_or_are_ending_do_not() {
    let named = |name: &str, mut pod: Value| {
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["uid"] = json!(name);
        owned(pod, "set-2")
    };
    let mut ending = pod("Running", ended(0, "Completed"), crash_loop(1, "Error", 9));
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-05T10:00:00Z");
    let mut evicted = pod("Failed", ended(0, "Completed"), ended(137, "Error"));
    evicted["status"]["reason"] = json!("Evicted");
    let mut ready = pod("Running", crash_loop(1, "Error", 9), running());
    ready["status"]["conditions"] = json!([condition("Ready", "True", "", "")]);
    let scene = Scene::deployment()
        .related("v1", "Pod", named("a", ending))
        .related("v1", "Pod", named("b", evicted))
        .related("v1", "Pod", named("c", ready))
        .related("v1", "Pod", named("d", pod("Running", ended(0, "Completed"), running())))
        .related("v1", "Pod", named("e", pod("Pending", ended(0, "Completed"), waiting("ErrImagePull", "not found"))))
        .related("v1", "Pod", named("f", pod("Running", ended(0, "Completed"), crash_loop(3, "Error", 2))));
    insta::assert_snapshot!(rendered(&scene), @r#"
    container postgres keeps crashing: exit code 3, 2 restarts
    Deployment/postgres > ReplicaSet/postgres-new > Pod/f
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 3, restarts 2
      back-off 40s restarting failed container=postgres
    final
    "#);
}

#[test]
fn a_deployment_past_its_deadline_is_final_whatever_its_pods_say() {
    let late = |scene: Scene| {
        let words = "ReplicaSet \"postgres-new\" has timed out progressing.";
        let late = condition("Progressing", "False", "ProgressDeadlineExceeded", words);
        scene.with(json!({ "spec": { "progressDeadlineSeconds": 600 }, "status": { "conditions": [late] } }))
    };
    let scenes =
        [late(Scene::of_deployment(pod("Running", ended(0, "Completed"), running()))), late(Scene::deployment())];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    made no progress within 600 s: container postgres runs but is not ready yet
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: NotReady, restarts 0
    final

    made no progress within 600 s: ReplicaSet "postgres-new" has timed out progressing.
    Deployment/postgres > ReplicaSet/postgres-new
    final
    "#);
}

#[test]
fn a_replica_set_that_is_refused_is_the_deployments_own_cause() {
    let words = "replicasets.apps \"postgres-new\" is forbidden: exceeded quota: objects";
    let refused = condition("Progressing", "False", "ReplicaSetCreateError", words);
    let scene = Scene::deployment().with(json!({ "status": { "conditions": [refused] } }));
    insta::assert_snapshot!(rendered(&scene), @r#"
    its ReplicaSet cannot be created: replicasets.apps "postgres-new" is forbidden: exceeded quota: objects
    Deployment/postgres
    waits
    "#);
}

#[test]
fn an_evicted_pod_says_so_in_the_words_of_its_kubelet() {
    let mut evicted = pod("Failed", ended(0, "Completed"), ended(137, "Error"));
    evicted["status"]["reason"] = json!("Evicted");
    evicted["status"]["message"] = json!("The node was low on resource: ephemeral-storage.");
    insta::assert_snapshot!(rendered(&Scene::of_deployment(evicted)), @r#"
    pod failed: Evicted: The node was low on resource: ephemeral-storage.
    -> its node was short of memory or disk: lower what it uses
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    waits
    "#);
}

#[test]
fn pods_that_are_evicted_again_and_again_are_a_cause_and_one_that_was_is_none() {
    let words = "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ";
    let evicted = |name: &str, time: &str| {
        let mut pod = pod("Failed", ended(0, "Completed"), ended(137, "ContainerStatusUnknown"));
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["uid"] = json!(name);
        pod["metadata"]["creationTimestamp"] = json!(time);
        pod["status"]["reason"] = json!("Evicted");
        pod["status"]["message"] = json!(words);
        owned(pod, "set-2")
    };
    let starting = || Scene::of_deployment(pod("Running", ended(0, "Completed"), running()));
    let crashing = || Scene::of_deployment(pod("Running", ended(0, "Completed"), crash_loop(3, "Error", 2)));
    let one = |scene: Scene| scene.related("v1", "Pod", evicted("first", "2026-01-05T10:00:00Z"));
    let two = |scene: Scene| one(scene).related("v1", "Pod", evicted("second", "2026-01-05T10:01:00Z"));
    let mut other = evicted("other", "2026-01-05T10:02:00Z");
    other["status"]["reason"] = json!("NodeAffinity");
    let scenes = [one(starting()), two(starting()), two(crashing()), one(starting()).related("v1", "Pod", other)];
    insta::assert_snapshot!(all_rendered(&scenes), @"
    container postgres runs but is not ready yet
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: NotReady, restarts 0
    waits

    pods keep being evicted (2 so far): Pod ephemeral local storage usage exceeds the total limit of containers 10Mi.
    -> raise the limit that the message names, or write less to the container's disk and its emptyDir volumes
    Deployment/postgres > ReplicaSet/postgres-new > Pod/second
    waits

    container postgres keeps crashing: exit code 3, 2 restarts
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 3, restarts 2
      back-off 40s restarting failed container=postgres
    final

    container postgres runs but is not ready yet
    Deployment/postgres > ReplicaSet/postgres-new > Pod/postgres-0
    container postgres of postgres:15-alpine: NotReady, restarts 0
    waits
    ");
    // The same is known of one that is Current at the moment.
    let unstable =
        |scene: &Scene| explain_instability(&scene.evidence, &Redactor::default()).map(|cause| cause.summary);
    assert_eq!(unstable(&one(starting())), None);
    assert_eq!(unstable(&two(starting())), Some(format!("pods keep being evicted (2 so far): {}", words.trim())));
}

fn refused(message: &str, count: i64) -> Scene {
    let message = format!("Error creating: {message}");
    Scene::deployment().event(event("ReplicaSet", "postgres-new", "set-2", "Warning", "FailedCreate", &message, count))
}

#[test]
fn pods_that_are_refused_are_explained_at_the_replica_set() {
    let forbidden = "pods \"postgres-new-\" is forbidden: ";
    let scenes = [
        refused(
            &format!(
                "{forbidden}exceeded quota: compute, requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2"
            ),
            3,
        ),
        refused(&format!("{forbidden}failed quota: compute: must specify limits.cpu for: postgres"), 2),
        refused(&format!("{forbidden}violates PodSecurity \"restricted:latest\": runAsNonRoot != true"), 1),
        refused(&format!("{forbidden}error looking up service account holm/db: serviceaccount \"db\" not found"), 5),
        refused(&format!("{forbidden}no PriorityClass with name gold was found"), 5),
        refused("admission webhook \"policy.example.com\" denied the request: no latest tags", 2),
        refused("Internal error occurred: failed calling webhook \"policy.example.com\": connection refused", 9),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    pods cannot be created: quota compute is exceeded (requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2)
    -> raise the quota, or lower what the pods request
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x3 FailedCreate: Error creating: pods "postgres-new-" is forbidden: exceeded quota: compute, requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2
    final

    pods cannot be created: quota compute: must specify limits.cpu for: postgres
    -> give every container the requests and limits that the quota asks for
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x2 FailedCreate: Error creating: pods "postgres-new-" is forbidden: failed quota: compute: must specify limits.cpu for: postgres
    final

    pods cannot be created: they violate Pod Security "restricted:latest": runAsNonRoot != true
    -> set the security context that this level asks for, or change the namespace's label
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x1 FailedCreate: Error creating: pods "postgres-new-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true
    waits

    pods cannot be created: ServiceAccount db does not exist
    -> declare it in the stack, or correct the name
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x5 FailedCreate: Error creating: pods "postgres-new-" is forbidden: error looking up service account holm/db: serviceaccount "db" not found
    waits

    pods cannot be created: PriorityClass gold does not exist
    -> declare it in the stack, or correct the name
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x5 FailedCreate: Error creating: pods "postgres-new-" is forbidden: no PriorityClass with name gold was found
    final

    pods cannot be created: admission webhook "policy.example.com" denied the request: no latest tags
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x2 FailedCreate: Error creating: admission webhook "policy.example.com" denied the request: no latest tags
    final

    pods cannot be created: Internal error occurred: failed calling webhook "policy.example.com": connection refused
    -> an admission webhook does not answer: look at its server
    Deployment/postgres > ReplicaSet/postgres-new
    event ReplicaSet/postgres-new x9 FailedCreate: Error creating: Internal error occurred: failed calling webhook "policy.example.com": connection refused
    waits
    "#);
}

#[test]
fn a_quota_is_final_only_once_it_has_lasted() {
    let quota = "pods \"x\" is forbidden: exceeded quota: compute";
    let is_final = |scene: &Scene| scene.explain().expect("the scene is not Current").is_final;
    assert!(is_final(&refused(quota, 2)));
    assert!(!is_final(&refused(quota, 1)));
    let mut quick = refused(quota, 9);
    quick.evidence.events[0]["firstTimestamp"] = json!("2026-01-05T09:59:55Z");
    assert!(!is_final(&quick), "a controller repeats itself within milliseconds");
    let mut ending = pod("Running", ended(0, "Completed"), running());
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-05T10:00:00Z");
    let mut waits = refused(quota, 9).related("v1", "Pod", owned(ending, "set-2"));
    waits.evidence.related[1].object = holm_values::Sensitive::new({
        let mut set = waits.evidence.related[1].object.expose().clone();
        set["spec"]["replicas"] = json!(2);
        set
    });
    assert!(!is_final(&waits), "the pod that is ending frees its share");
}

#[test]
fn kinds_that_own_their_pods_are_explained_without_a_replica_set() {
    let owner = |name: &str, spec: Value, status: Value| {
        let object = json!({ "metadata": { "name": "db", "namespace": "holm", "uid": "owner", "generation": 1 },
                             "spec": spec, "status": status });
        Scene::of(&kind("apps/v1", name), object)
    };
    let crash = || owned(pod("Running", ended(0, "Completed"), crash_loop(1, "Error", 2)), "owner");
    let create = "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: error looking up service account holm/db: serviceaccount \"db\" not found";
    let scenes = [
        owner("StatefulSet", json!({ "replicas": 1 }), json!({})).related("v1", "Pod", crash()),
        owner("StatefulSet", json!({ "replicas": 1 }), json!({ "observedGeneration": 1 })).event(event(
            "StatefulSet",
            "db",
            "owner",
            "Warning",
            "FailedCreate",
            create,
            4,
        )),
        owner("DaemonSet", json!({}), json!({ "observedGeneration": 1, "desiredNumberScheduled": 1 })).related(
            "v1",
            "Pod",
            crash(),
        ),
        owner("ReplicaSet", json!({}), json!({ "observedGeneration": 1 })),
        Scene::of(&kind("v1", "Pod"), pod("Running", ended(0, "Completed"), crash_loop(1, "Error", 2))),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    container postgres keeps crashing: exit code 1, 2 restarts
    StatefulSet/db > Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 2
      back-off 40s restarting failed container=postgres
    final

    pods cannot be created: ServiceAccount db does not exist
    -> declare it in the stack, or correct the name
    StatefulSet/db
    event StatefulSet/db x4 FailedCreate: create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: error looking up service account holm/db: serviceaccount "db" not found
    waits

    container postgres keeps crashing: exit code 1, 2 restarts
    DaemonSet/db > Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 2
      back-off 40s restarting failed container=postgres
    final

    0 of 1 replica exists
    ReplicaSet/db
    waits

    container postgres keeps crashing: exit code 1, 2 restarts
    Pod/postgres-0
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 2
      back-off 40s restarting failed container=postgres
    final
    "#);
}

#[test]
fn a_job_that_failed_says_why_and_what_its_newest_pod_said() {
    let job = |spec: Value, status: Value| {
        let object = json!({ "metadata": { "name": "migrate", "namespace": "holm", "uid": "job" }, "spec": spec, "status": status });
        Scene::of(&kind("batch/v1", "Job"), object)
    };
    let attempt = |name: &str, created: &str, phase: &str, state: Value| {
        let mut pod = pod(phase, ended(0, "Completed"), state);
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["uid"] = json!(name);
        pod["metadata"]["creationTimestamp"] = json!(created);
        pod["spec"]["restartPolicy"] = json!("Never");
        owned(pod, "job")
    };
    let failed = |reason: &str, message: &str| json!({ "failed": 2, "conditions": [condition("Failed", "True", reason, message)] });
    let limit = || failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    let source = LogSource {
        namespace: "holm".to_owned(),
        pod: "migrate-b".to_owned(),
        container: "postgres".to_owned(),
        previous: false,
    };
    let mut restarted = attempt("migrate-a", "2026-01-05T10:00:00Z", "Running", crash_loop(1, "Error", 5));
    restarted["spec"]["restartPolicy"] = json!("OnFailure");
    let scenes = [
        job(json!({}), limit())
            .related("v1", "Pod", attempt("migrate-a", "2026-01-05T10:00:00Z", "Failed", ended(1, "Error")))
            .related("v1", "Pod", attempt("migrate-b", "2026-01-05T10:01:00Z", "Failed", ended(3, "Error")))
            .log(source, vec!["relation \"users\" does not exist".to_owned()]),
        job(json!({}), limit()),
        job(json!({ "activeDeadlineSeconds": 60 }), failed("DeadlineExceeded", "")),
        job(json!({}), failed("PodFailurePolicy", "Container postgres failed with exit code 42 matching FailJob rule")),
        job(json!({}), json!({ "startTime": "2026-01-05T10:00:00Z", "active": 1 })).related("v1", "Pod", restarted),
        job(json!({}), json!({ "startTime": "2026-01-05T10:00:00Z", "active": 1 })).related(
            "v1",
            "Pod",
            attempt("migrate-a", "", "Pending", waiting("ImagePullBackOff", "not found")),
        ),
    ];
    insta::assert_snapshot!(all_rendered(&scenes), @r#"
    gave up after 2 failed pods: container postgres failed: exit code 3
    Job/migrate > Pod/migrate-b
    container postgres of postgres:15-alpine: Error, exit code 3, restarts 0
      present| relation "users" does not exist
    final

    gave up after 2 failed pods
    Job/migrate
    final

    did not complete within 60 s (activeDeadlineSeconds)
    Job/migrate
    final

    Container postgres failed with exit code 42 matching FailJob rule
    Job/migrate
    final

    container postgres keeps failing: exit code 1, 5 restarts
    Job/migrate > Pod/migrate-a
    container postgres of postgres:15-alpine: CrashLoopBackOff, exit code 1, restarts 5
      back-off 40s restarting failed container=postgres
    waits

    container postgres cannot pull image "postgres:15-alpine": not found
    -> check the image's name and tag
    Job/migrate > Pod/migrate-a
    container postgres of postgres:15-alpine: ImagePullBackOff, restarts 0
      not found
    final
    "#);
}
