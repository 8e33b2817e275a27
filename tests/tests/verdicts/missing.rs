//! What does not exist yet when pods need it: it is said at once, waited for where something may make it, and final after a while.

use std::thread;
use std::time::Duration;

use holm_e2e::is_embedded;
use serde_json::json;

use super::{Case, deployment};

const NEEDS: &str = "containers: [{name: c, image: 'example.org/web:1', envFrom: [{secretRef: {name: late}}]}]";

fn secret(namespace: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late", "namespace": namespace}, "stringData": {"a": "b"}})
}

#[test]
fn a_secret_that_comes_after_a_while_is_waited_for() {
    if !is_embedded() {
        // The node of the real control plane starts containers without looking for what they need.
        return;
    }
    let case = Case::begun("arrives");
    let mut running = case.program(&["apply", "--yes"], &deployment("", NEEDS)).start();
    running.wait_for("needs Secret late, which does not exist");
    // Longer than any other trouble is borne with.
    thread::sleep(Duration::from_secs(15));
    assert!(running.is_running(), "the cause is shown, and no verdict yet");
    case.session.cluster.create(&secret("arrives"));
    case.session.keep(running.wait()).expect_code(0).expect_line(&["+ Deployment/web", "created after"]);
}

#[test]
fn a_volume_that_comes_after_a_while_is_waited_for() {
    if !is_embedded() {
        return;
    }
    let case = Case::begun("volume");
    let pod = "volumes: [{name: v, secret: {secretName: late}}], containers: [{name: c, image: 'example.org/web:1'}]";
    let mut running = case.program(&["apply", "--yes"], &deployment("", pod)).start();
    running.wait_for("needs Secret late, which does not exist");
    thread::sleep(Duration::from_secs(15));
    case.session.cluster.create(&secret("volume"));
    case.session.keep(running.wait()).expect_code(0);
}

#[test]
fn what_nothing_makes_ends_the_wait_long_before_its_limit() {
    if !is_embedded() {
        return;
    }
    let case = Case::begun("never-comes");
    let failed = case.apply(&deployment("", NEEDS));
    failed.expect_code(1).expect("container c needs Secret late, which does not exist");
    failed.expect("hint: declare it in the stack, or correct the reference").expect_not("it is not ready after");
}

#[test]
fn what_a_job_of_the_run_may_make_is_waited_for_until_the_limit() {
    if !is_embedded() {
        return;
    }
    let case = Case::begun("made-by-job");
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: bootstrap}, spec: {template: {spec: {restartPolicy: Never, containers: \
               [{name: m, image: 'example.org/bootstrap:job-hang'}]}}}}\n---\n";
    let text = format!("{job}{}", deployment("", NEEDS));
    let limited = case.run(&["apply", "--yes", "--timeout", "38s"], &text);
    limited.expect_code(1).expect_line(&[
        "error:",
        "Deployment/web",
        "it is not ready after 38 s",
        "needs Secret late",
    ]);
}

#[test]
fn what_a_custom_resource_of_the_run_may_make_is_waited_for_until_the_limit() {
    if !is_embedded() {
        return;
    }
    let case = Case::begun("made-by-operator");
    let custom = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: vaults.verdicts.example.org}, spec: \
                  {group: verdicts.example.org, scope: Namespaced, names: {plural: vaults, singular: vault, kind: Vault, listKind: \
                  VaultList}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, \
                  x-kubernetes-preserve-unknown-fields: true}}}]}}\n---\n{apiVersion: verdicts.example.org/v1, kind: Vault, metadata: \
                  {name: late}}\n---\n";
    let text = format!("{custom}{}", deployment("", NEEDS));
    let mut running = case.program(&["apply", "--yes", "--timeout", "2m"], &text).start();
    running.wait_for("needs Secret late, which does not exist");
    thread::sleep(Duration::from_secs(35));
    assert!(running.is_running(), "an operator may be at work");
    case.session.cluster.create(&secret("made-by-operator"));
    case.session.keep(running.wait()).expect_code(0);
}
