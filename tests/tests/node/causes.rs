//! Causes as a real kubelet reports them: the statuses and Events are not made for the test. `tests/causes.rs` has those that
//! every cluster gives; these need programs that run.

use holm_e2e::{ControlPlane, Finished, Program, Session, is_node, note};

fn begun(name: &str) -> Option<Session> {
    if !is_node() {
        note("this needs containers that run: HOLM_E2E=node, where tests/tools/realnode/build.sh has built the node");
        return None;
    }
    Some(Session::new(ControlPlane::shared("node-causes"), name))
}

fn program(session: &Session, arguments: &[&str], text: &str) -> Program {
    let file = session.home().join("objects.yaml");
    std::fs::write(&file, text).expect("the home can be written to");
    session.workspace("manifests", arguments).config("file", &file.display().to_string())
}

/// A Deployment of one container, with more of the container and of the pod in YAML's flow style.
fn deployment(image: &str, container: &str, pod: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  strategy: {{type: Recreate}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec: {{containers: [{{name: main, image: '{image}'{container}}}]{pod}}}
"
    )
}

/// Applies, which must fail, and looks at the status then.
fn fails(session: &Session, text: &str) -> [Finished; 2] {
    let applied = session.run(&program(session, &["apply", "--yes", "--timeout", "100s"], text));
    applied.expect_code(1);
    let status = session.run(&program(session, &["status"], text));
    status.expect_code(0);
    [applied, status]
}

fn succeeds(session: &Session, text: &str) -> Finished {
    let applied = session.run(&program(session, &["apply", "--yes", "--timeout", "100s"], text));
    applied.expect_code(0).clone()
}

#[test]
fn a_program_that_takes_too_much_memory_is_named_with_its_limit() {
    let Some(session) = begun("oom") else { return };
    // With a probe, as otherwise it is available for the second that it runs.
    let probe = ", resources: {limits: {memory: 16Mi}}, readinessProbe: {httpGet: {path: /, port: 9}}";
    for finished in fails(&session, &deployment("registry.test/app:oom", probe, "")) {
        finished.expect("ran out of memory").expect("16Mi").expect("OOMKilled");
    }
}

#[test]
fn a_program_that_exits_is_named_with_its_code_and_its_last_words() {
    let Some(session) = begun("exits") else { return };
    let command = ", command: [sh, -c, 'echo config: JWT_SECRET is not set >&2; exit 3']";
    let probe = ", readinessProbe: {httpGet: {path: /, port: 8080}}";
    for finished in fails(&session, &deployment("registry.test/app:1", &format!("{command}{probe}"), "")) {
        finished.expect("exit code 3").expect("config: JWT_SECRET is not set");
    }
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    let Some(session) = begun("command") else { return };
    for finished in fails(&session, &deployment("registry.test/app:1", ", command: [/app/server]", "")) {
        finished.expect("/app/server").expect("no such file or directory");
    }
}

#[test]
fn an_init_container_that_fails_is_named_with_its_last_words() {
    let Some(session) = begun("init") else { return };
    let init = ", initContainers: [{name: wait, image: 'registry.test/app:1', command: [sh, -c, 'echo could not reach db:5432; exit 1']}]";
    for finished in fails(&session, &deployment("registry.test/app:1", "", init)) {
        finished.expect("container wait").expect("could not reach db:5432");
    }
}

#[test]
fn a_probe_that_never_passes_is_named_with_what_it_heard() {
    let Some(session) = begun("probe") else { return };
    let text = deployment(
        "registry.test/app:never-ready",
        ", readinessProbe: {periodSeconds: 1, httpGet: {path: /, port: 8080}}",
        "",
    );
    let applied = session.run(&program(&session, &["apply", "--yes", "--timeout", "15s"], &text));
    applied.expect_code(1).expect("Readiness probe failed").expect("connection refused");
}

#[test]
fn a_registry_that_cannot_be_reached_is_not_an_image_that_does_not_exist() {
    let Some(session) = begun("unreachable") else { return };
    for finished in fails(&session, &deployment("registry.example.com/app:1", "", "")) {
        finished.expect("cannot be reached").expect("network is unreachable").expect_not("does not exist");
    }
}

#[test]
fn a_registry_that_wants_credentials_is_named() {
    let Some(session) = begun("denied") else { return };
    for finished in fails(&session, &deployment("registry.test/app:denied", "", "")) {
        finished.expect("401 Unauthorized");
    }
}

#[test]
fn a_secret_that_does_not_exist_is_named() {
    let Some(session) = begun("no-secret") else { return };
    session
        .cluster
        .create(&serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "no-secret"}}));
    let env = ", env: [{name: URL, valueFrom: {secretKeyRef: {name: absent, key: url}}}]";
    for finished in fails(&session, &deployment("registry.test/app:1", env, "")) {
        finished.expect("absent").expect("not found");
    }
}

#[test]
fn a_pod_that_fills_its_disk_is_evicted_and_that_is_the_cause() {
    let Some(session) = begun("evicted") else { return };
    let container = ", resources: {limits: {ephemeral-storage: 10Mi}}, readinessProbe: {httpGet: {path: /, port: 9}},
      command: [sh, -c, 'dd if=/dev/zero of=/tmp/x bs=1M count=40; sleep 600']";
    for finished in fails(&session, &deployment("registry.test/app:1", container, "")) {
        finished.expect("evicted").expect("exceeds the total limit of containers 10Mi");
    }
}

#[test]
fn a_job_past_its_deadline_is_failed() {
    let Some(session) = begun("deadline") else { return };
    let text = "
apiVersion: batch/v1
kind: Job
metadata: {name: slow}
spec:
  activeDeadlineSeconds: 3
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: 'registry.test/app:1'}]
";
    for finished in fails(&session, text) {
        finished.expect("Job/slow").expect("deadline");
    }
}

#[test]
fn a_rollout_that_fails_is_taken_back_by_the_declaration_before_it() {
    let Some(session) = begun("taken-back") else { return };
    let probe = ", readinessProbe: {periodSeconds: 1, httpGet: {path: /, port: 8080}}";
    let good = deployment("registry.test/app:1", probe, "");
    succeeds(&session, &good);
    for finished in fails(&session, &deployment("registry.test/app:crash-loop", probe, "")) {
        finished.expect("fatal: simulated failure");
    }
    succeeds(&session, &good);
    let status = session.run(&program(&session, &["status", "--detailed-exitcode"], &good));
    status.expect_code(0).expect_line(&["Deployment/app", "Current"]);
}
