//! What a run says while it waits, and when it believes what it sees.

use holm_e2e::{eventually, is_embedded};
use serde_json::json;

use super::{Case, config_map, deployment};

const UNREADY: &str =
    "containers: [{name: c, image: 'example.org/web:never-ready', readinessProbe: {httpGet: {port: 80}}}]";

#[test]
fn a_run_says_why_it_waits_also_when_it_is_stopped() {
    let case = Case::begun("why");
    let mut running = case.program(&["apply", "--yes"], &deployment("", UNREADY)).start();
    running.wait_for("container c runs but is not ready");
    running.interrupt();
    let stopped = case.session.keep(running.wait());
    stopped
        .expect_code(1)
        .expect("the run was stopped before it was ready")
        .expect("hint: check what the probe asks for");
    // The reason stands behind the count, so that a reader of a log needs no other line.
    stopped.expect_line(&["+ Deployment/web", "0 of 1 replica is available: container c runs but is not ready"]);
}

#[test]
fn what_ends_as_soon_as_it_started_is_not_ready() {
    let case = Case::begun("dies");
    let text = deployment("", "containers: [{name: c, image: 'example.org/web:crash-loop'}]");
    let died = case.apply(&text);
    died.expect_code(1).expect("container c keeps crashing: exit code 1");
    assert!(died.line(&["Deployment/web", "created after"]).is_none(), "it was called ready\n{died}");
    let works = case.apply(&deployment("", "containers: [{name: c, image: 'example.org/web:1'}]"));
    works
        .expect_code(0)
        .expect_line(&["Deployment/web", "available, watched for 3 s because it has no readiness probe"]);
    // What this run does not change works already.
    let unchanged = case.apply(&deployment("", "containers: [{name: c, image: 'example.org/web:1'}]"));
    unchanged.expect_code(0).expect_not("watched for");
    let probed = "containers: [{name: c, image: 'example.org/web:2', readinessProbe: {httpGet: {port: 80}}}]";
    case.apply(&deployment("", probed)).expect_code(0).expect_not("watched for");
    let ready = deployment("minReadySeconds: 1,", "containers: [{name: c, image: 'example.org/web:3'}]");
    case.apply(&ready).expect_code(0).expect_not("watched for");
}

#[test]
fn a_wait_is_as_long_as_the_object_allows_itself_unless_a_limit_is_given() {
    let case = Case::begun("limit");
    let text = deployment("progressDeadlineSeconds: 2400,", UNREADY);
    let mut running = case.program(&["apply", "--yes"], &text).start();
    running.wait_for("(waits up to 41 min)");
    running.interrupt();
    case.session.keep(running.wait()).expect_code(1);
    let limited = case.run(&["apply", "--yes", "--timeout", "3s"], &text);
    limited.expect_code(1).expect("it is not ready after 3 s").expect_not("waits up to");
    limited.expect("0 of 1 replica is available: container c runs but is not ready");
}

#[test]
fn pods_that_keep_an_old_revision_are_said() {
    let case = Case::begun("on-delete");
    let text = |tag: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{replicas: 1, serviceName: db, updateStrategy: \
             {{type: OnDelete}}, selector: {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: \
             {{containers: [{{name: c, image: 'example.org/db:{tag}'}}]}}}}}}}}\n---\n"
        )
    };
    case.apply(&text("1")).expect_code(0);
    let updated = case.apply(&text("2"));
    updated.expect_code(0).expect_line(&["StatefulSet/db", "updated after", "the others change when they are deleted"]);
}

#[test]
fn a_status_that_nobody_writes_is_noted_by_the_run() {
    let case = Case::begun("nobody");
    let definition = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: \
                      mutes.verdicts.example.org}, spec: {group: verdicts.example.org, scope: Namespaced, names: {plural: mutes, \
                      singular: mute, kind: Mute, listKind: MuteList}, versions: [{name: v1, served: true, storage: true, \
                      subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: \
                      true}}}]}}\n---\n{apiVersion: verdicts.example.org/v1, kind: Mute, metadata: {name: m}}\n---\n";
    let applied = case.apply(definition);
    applied.expect_code(0).expect_line(&[
        "+ Mute/m",
        "created after",
        "no controller has reported a status within 15 s",
    ]);
}

#[test]
fn a_custom_resource_waits_for_its_operator_of_the_same_run() {
    let case = Case::begun("operator-pending");
    let text = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: engines.verdicts.example.org}, \
                spec: {group: verdicts.example.org, scope: Namespaced, names: {plural: engines, singular: engine, kind: Engine, \
                listKind: EngineList}, versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: \
                {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}\n---\n\
                {apiVersion: verdicts.example.org/v1, kind: Engine, metadata: {name: e}}\n---\n\
                {apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}\n---\n\
                {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: robot}, rules: [{apiGroups: \
                [verdicts.example.org], resources: [engines, engines/status], verbs: [get, list, watch, update]}]}\n---\n\
                {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: robot}, roleRef: {apiGroup: \
                rbac.authorization.k8s.io, kind: Role, name: robot}, subjects: [{kind: ServiceAccount, name: robot}]}\n---\n";
    let operator = deployment("", &format!("serviceAccountName: robot, {UNREADY}"));
    // Far beyond the time of grace: the operator never becomes ready, and so nobody can have looked at the resource.
    let waiting = case.run(&["apply", "--yes", "--timeout", "25s"], &format!("{text}{operator}"));
    waiting.expect_code(1).expect_line(&["error:", "Engine/e", "has not reported a status yet"]);
    waiting.expect_not("no controller has reported a status");
}

#[test]
fn pods_read_a_changed_config_map_through_their_environment_only_when_they_start_anew() {
    let case = Case::begun("through-env");
    let text = |value: &str, tag: &str, from: &str| {
        let pod = format!(
            "volumes: [{{name: v, configMap: {{name: files}}}}], containers: [{{name: c, image: 'example.org/web:{tag}', {from}, \
             volumeMounts: [{{name: v, mountPath: /v}}]}}]"
        );
        config_map("settings", value) + &config_map("files", value) + &deployment("", &pod)
    };
    let kept = "Deployment/web reads it through its environment";
    for (number, from) in [
        "envFrom: [{configMapRef: {name: settings}}]",
        "env: [{name: KEY, valueFrom: {configMapKeyRef: {name: settings, key: key}}}]",
    ]
    .into_iter()
    .enumerate()
    {
        let tag = number.to_string();
        case.apply(&text(&format!("{number}-before"), &tag, from)).expect_code(0);
        let after = format!("{number}-after");
        let planned = case.plan(&text(&after, &tag, from));
        planned.expect_code(2).expect_line(&["note:", kept, "the pods keep the old value until they are restarted"]);
        assert_eq!(planned.stdout.matches(kept).count(), 1, "a volume is updated by itself\n{planned}");
        // What replaces the pods lets them read the new value.
        case.plan(&text(&after, "next", from)).expect_code(2).expect_not(kept);
    }
}

#[test]
fn pods_that_are_evicted_one_after_the_other_are_not_called_ready() {
    if !is_embedded() {
        // The node of the real control plane evicts nothing.
        return;
    }
    let case = Case::begun("evictions");
    let pod = "containers: [{name: c, image: 'example.org/web:evict', resources: {limits: {ephemeral-storage: 10Mi}}}]";
    let text = deployment("", pod);
    let applied = case.run(&["apply", "--yes", "--timeout", "25s"], &text);
    applied.expect_code(1).expect("pods keep being evicted");
    let status = eventually("it is unstable", || {
        Some(case.run(&["status"], &text)).filter(|status| status.says("pods keep being evicted"))
    });
    status.expect_code(0).expect("hint: raise the limit");
}

#[test]
fn what_a_job_said_is_kept_when_its_pods_are_gone() {
    let case = Case::begun("on-failure");
    let text = "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {backoffLimit: 3, template: {metadata: {annotations: \
                {holm.dev/log: 'FATAL: password authentication failed'}}, spec: {restartPolicy: OnFailure, containers: [{name: m, image: \
                'example.org/migrate:job-fail'}]}}}}\n---\n";
    let failed = case.apply(text);
    failed.expect_code(1).expect("gave up").expect("container m").expect("exit code 1");
    failed.expect("FATAL: password authentication failed");
    assert_ne!(case.session.cluster.must_get("job", "on-failure", "migrate")["status"]["failed"], json!(null));
}
