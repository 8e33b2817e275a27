//! What does not become ready is named with its cause, in `apply` and in `status`, and what is ready is not called
//! anything else.

use holm_e2e::{ControlPlane, Finished, Program, Session};

fn begun(name: &str) -> Session {
    Session::new(ControlPlane::shared("causes"), name)
}

fn variant(session: &Session, arguments: &[&str], values: &[(&str, &str)]) -> Program {
    let program = session.workspace("variant-pg", arguments);
    values.iter().fold(program, |program, (key, value)| program.config(key, value))
}

/// Applies the stack with `values`, which must fail, and looks at its status.
fn fails(name: &str, values: &[(&str, &str)]) -> (Finished, Finished) {
    let session = begun(name);
    let applied = session.run(&variant(&session, &["apply", "--yes", "--timeout", "60s"], values));
    applied.expect_code(1).expect("Deployment/postgres");
    let status = session.run(&variant(&session, &["status"], values));
    status.expect_code(0).expect("Deployment/postgres");
    session.run(&variant(&session, &["status", "--detailed-exitcode"], values)).expect_code(2);
    session.assert_never_shown(&session.secret(name, "postgres-secret", "password"));
    (applied, status)
}

#[test]
fn an_unknown_image_is_named_with_the_events() {
    let (applied, status) = fails("unknown-image", &[("image", "registry.test/postgres:does-not-exist")]);
    for finished in [applied, status] {
        finished.expect("registry.test/postgres:does-not-exist").expect_line(&["Pull"]).expect("event Failed");
    }
}

#[test]
fn a_crash_loop_shows_its_exit_code_and_its_last_words() {
    let (applied, status) = fails("crash-loop", &[("image", "registry.test/postgres:crash-loop")]);
    // A real kubelet reports the crash itself between the end of a container and its back-off, so the state may be either.
    if !holm_e2e::is_node() {
        applied.expect("CrashLoopBackOff");
    }
    // By now it may be running again for a moment.
    for finished in [applied, status] {
        finished.expect("exit code 1").expect("fatal: simulated failure").expect("event BackOff");
    }
}

#[test]
fn a_secret_key_that_does_not_exist_is_named() {
    let session = begun("missing-key");
    let cluster = &session.cluster;
    // Another program's, which is not seen before the kubelet looks.
    cluster.create(&serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "missing-key"}}));
    let metadata = serde_json::json!({"name": "others", "namespace": "missing-key"});
    cluster.create(&serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"username": "holm"},
    }));
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: main
        image: registry.test/app:config-error
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: others, key: password}}}]
";
    let apply = manifests(&session, &["apply", "--yes", "--timeout", "60s"], text).config("new", "no");
    let applied = session.run(&apply);
    applied.expect_code(1).expect("Deployment/app");
    let status = session.run(&manifests(&session, &["status"], text).config("new", "no"));
    for finished in [applied, status] {
        finished.expect("CreateContainerConfigError").expect("couldn't find key password");
    }
}

#[test]
fn a_pod_that_fits_on_no_node_says_why() {
    let session = begun("unschedulable");
    let values = [("node", "nowhere")];
    // It is said while it waits, because a node may come; when it has lasted, the run does not wait for its time limit.
    let applied = session.run(&variant(&session, &["apply", "--yes", "--timeout", "10m"], &values));
    applied.expect_code(1).expect_line(&["+ Deployment/postgres", "no node can take the pod"]);
    let status = session.run(&variant(&session, &["status"], &values));
    for finished in [applied, status] {
        finished.expect("FailedScheduling").expect("nodes are available").expect_not("claim postgres-pvc:");
    }
}

#[test]
fn a_failure_stops_only_what_depends_on_it() {
    let session = begun("dependents");
    let values = [("image", "registry.test/postgres:crash-loop")];
    session.run(&variant(&session, &["apply", "--yes", "--timeout", "60s"], &values)).expect_code(1);
    // The Service needs no pods to exist.
    session.cluster.must_get("service", "dependents", "postgres");
    // And what failed mends itself with the next declaration.
    session.run(&variant(&session, &["apply", "--yes", "--timeout", "60s"], &[])).expect_code(0);
    session.run(&variant(&session, &["plan", "--detailed-exitcode"], &[])).expect_code(0);
}

#[test]
fn an_apply_without_changes_still_says_what_is_not_ready() {
    let session = begun("not-ready");
    let values = [("image", "registry.test/postgres:crash-loop")];
    let apply = variant(&session, &["apply", "--yes", "--timeout", "60s"], &values);
    session.run(&apply).expect_code(1);
    session.run(&apply).expect_code(1).expect("fatal: simulated failure");
}

/// Writes manifests to the session's home, and makes the program that declares them.
fn manifests(session: &Session, arguments: &[&str], text: &str) -> Program {
    let file = session.home().join("objects.yaml");
    std::fs::write(&file, text).expect("the home can be written to");
    session.workspace("manifests", arguments).config("file", &file.display().to_string())
}

/// Applies manifests, which must end with `code`, and looks at their status.
fn of_manifests(name: &str, text: &str, code: i32) -> (Finished, Finished) {
    let session = begun(name);
    let applied = session.run(&manifests(&session, &["apply", "--yes", "--timeout", "12s"], text));
    applied.expect_code(code);
    let status = session.run(&manifests(&session, &["status"], text));
    status.expect_code(0);
    (applied, status)
}

#[test]
fn a_failing_job_is_failed_with_the_words_of_its_pod() {
    let text = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: 'registry.test/migrate:job-fail'}]
";
    let (applied, status) = of_manifests("failing-job", text, 1);
    applied.expect("Job/migrate").expect("gave up").expect("fatal: simulated failure");
    status.expect_line(&["Job/migrate", "Failed"]).expect("exit code 1");
}

#[test]
fn a_job_that_is_done_is_current() {
    let text = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: 'registry.test/migrate:1'}]
";
    let (_, status) = of_manifests("job", text, 0);
    status.expect_line(&["Job/migrate", "Current"]);
}

#[test]
fn a_cron_job_that_never_ran_is_current() {
    let text = "
apiVersion: batch/v1
kind: CronJob
metadata: {name: dump}
spec:
  schedule: '0 0 31 2 *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: 'registry.test/dump:1'}]
";
    let (_, status) = of_manifests("cron-job", text, 0);
    status.expect_line(&["CronJob/dump", "Current"]);
}

#[test]
fn a_stateful_set_that_rolls_up_to_its_partition_is_current() {
    let text = |image: &str| {
        format!(
            "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: queue}}
spec:
  replicas: 3
  serviceName: queue
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: queue}}}}
  updateStrategy: {{type: RollingUpdate, rollingUpdate: {{partition: 2}}}}
  template:
    metadata: {{labels: {{app: queue}}}}
    spec:
      containers: [{{name: main, image: '{image}', ports: [{{containerPort: 80}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: queue}}
spec: {{clusterIP: None, selector: {{app: queue}}, ports: [{{port: 80}}]}}
"
        )
    };
    let session = begun("partition");
    let apply = |image: &str| {
        session.run(&manifests(&session, &["apply", "--yes", "--timeout", "30s"], &text(image))).expect_code(0).clone()
    };
    apply("registry.test/queue:1");
    apply("registry.test/queue:2");
    let pod = |name: &str| {
        let pod = session.cluster.must_get("pod", "partition", name);
        pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!([pod("queue-0"), pod("queue-2")], ["registry.test/queue:1", "registry.test/queue:2"]);
    let status = session.run(&manifests(&session, &["status"], &text("registry.test/queue:2")));
    status.expect_line(&["StatefulSet/queue", "Current"]);
}

#[test]
fn a_daemon_set_without_a_node_is_current() {
    let text = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      nodeSelector: {disk: none}
      containers: [{name: main, image: 'registry.test/agent:1'}]
";
    let (_, status) = of_manifests("daemon-set", text, 0);
    status.expect_line(&["DaemonSet/agent", "Current"]);
}

#[test]
fn a_load_balancer_without_an_address_is_in_progress_and_says_so() {
    let text = "
apiVersion: v1
kind: Service
metadata: {name: front, annotations: {holm.dev/load-balancer: 'false'}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
";
    let (applied, status) = of_manifests("load-balancer", text, 1);
    applied.expect("Service/front").expect("address");
    status.expect_line(&["Service/front", "InProgress", "address"]);
}

#[test]
fn a_custom_resource_that_reports_not_ready_is_not_current_and_its_words_are_shown() {
    let session = begun("custom");
    let cluster = &session.cluster;
    let definition = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.causes.example.org}
spec:
  group: causes.example.org
  scope: Namespaced
  names: {plural: databases, singular: database, kind: Database, listKind: DatabaseList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
apiVersion: causes.example.org/v1
kind: Database
metadata: {name: main}
spec: {size: 1}
";
    // Nobody reports a status, so it is not known to be ready.
    session
        .run(&manifests(&session, &["apply", "--yes", "--timeout", "3s"], definition))
        .expect_code(1)
        .expect("Database/main");
    let report = |status: &str, reason: &str, message: &str| {
        let status = serde_json::json!({"observedGeneration": 1, "conditions": [{
            "type": "Ready", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]});
        cluster.patch_status("databases.causes.example.org", "custom", "main", &status);
    };
    report("False", "NoDisk", "the disk is missing");
    let status = session.run(&manifests(&session, &["status"], definition));
    status.expect_code(0).expect_line(&["Database/main", "InProgress", "the disk is missing"]);
    let applied = session.run(&manifests(&session, &["apply", "--yes", "--timeout", "3s"], definition));
    applied.expect_code(1).expect("the disk is missing");
    report("True", "Fine", "");
    session.run(&manifests(&session, &["apply", "--yes", "--timeout", "10s"], definition)).expect_code(0);
    let status = session.run(&manifests(&session, &["status", "--detailed-exitcode"], definition));
    status.expect_code(0).expect_line(&["Database/main", "Current"]);
}

#[test]
fn what_is_current_is_called_nothing_else() {
    let session = begun("current");
    session.run(&variant(&session, &["apply", "--yes"], &[])).expect_code(0);
    let status = session.run(&variant(&session, &["status", "--detailed-exitcode"], &[]));
    status.expect_code(0);
    for name in
        ["Namespace/current", "Secret/postgres-secret", "PersistentVolumeClaim/postgres-pvc", "Deployment/postgres"]
    {
        status.expect_line(&[name, "Current"]);
    }
}
