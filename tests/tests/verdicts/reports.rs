//! Stacks of public reports about waiting and deleting, each with variants.

use holm_e2e::{eventually, is_embedded};
use serde_json::json;

use super::{Case, config_map, deployment};

const WEB: &str = "containers: [{name: c, image: 'example.org/web:1', readinessProbe: {httpGet: {port: 80}}}]";

fn claim(name: &str, class: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {name}}}, spec: {{accessModes: [ReadWriteOnce], resources: \
         {{requests: {{storage: 1Gi}}}}, storageClassName: {class}}}}}\n---\n"
    )
}

#[test]
fn a_claim_that_binds_with_its_first_pod_is_waited_for_only_with_one() {
    let case = Case::begun("claims");
    let pod = format!("volumes: [{{name: d, persistentVolumeClaim: {{claimName: data}}}}], {WEB}");
    let text =
        claim("data", "standard") + &claim("unused", "standard") + &deployment("strategy: {type: Recreate},", &pod);
    case.apply(&text).expect_code(0);
    assert_eq!(case.session.cluster.must_get("persistentvolumeclaim", "claims", "data")["status"]["phase"], "Bound");
    assert_eq!(
        case.session.cluster.must_get("persistentvolumeclaim", "claims", "unused")["status"]["phase"],
        "Pending"
    );
}

#[test]
fn a_class_that_does_not_exist_ends_the_wait_with_its_name() {
    let case = Case::begun("no-class");
    let failed = case.apply(&claim("data", "no-such-class"));
    failed.expect_code(1).expect("no-such-class").expect("hint:").expect_not("it is not ready after");
}

#[test]
fn what_is_paused_scaled_to_nothing_or_suspended_is_not_waited_for() {
    let case = Case::begun("paused");
    let suspended = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {suspend: true, template: {spec: {restartPolicy: Never, \
                     containers: [{name: c, image: 'example.org/web:1'}]}}}}\n---\n{apiVersion: batch/v1, kind: CronJob, metadata: \
                     {name: k}, spec: {suspend: true, schedule: '*/5 * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: \
                     Never, containers: [{name: c, image: 'example.org/web:1'}]}}}}}}\n---\n";
    let zero = deployment("replicas: 0,", WEB).replace("name: web", "name: zero");
    let applied = case.apply(&(deployment("paused: true, replicas: 3,", WEB) + &zero + suspended));
    applied.expect_code(0).expect_line(&["Deployment/web", "created after", "because it is paused"]);
}

#[test]
fn services_without_pods_are_ready_and_a_balancer_without_an_address_is_not() {
    let case = Case::begun("services");
    let service = |name: &str, spec: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n---\n")
    };
    let plain = service("external", "type: ExternalName, externalName: db.example.org")
        + &service("headless", "clusterIP: None, ports: [{name: db, port: 5432}]");
    case.apply(&plain).expect_code(0);
    let balancer =
        "type: LoadBalancer, loadBalancerClass: example.org/none, selector: {app: nobody}, ports: [{port: 80}]";
    let waiting = case.run(&["apply", "--yes", "--timeout", "4s"], &(plain + &service("lb", balancer)));
    waiting.expect_code(1).expect("Service/lb").expect("hint:");
}

#[test]
fn a_finalizer_that_nobody_clears_is_named_while_waiting_and_at_the_end() {
    let case = Case::begun("held");
    let text = config_map("plain", "1")
        + "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.org/cleanup]}}\n---\n";
    case.apply(&text).expect_code(0);
    let arguments = ["destroy", "--yes", "--timeout", "5s", "--allow-delete", "Namespace/held"];
    let stuck = case.run(&arguments, &text);
    stuck.expect_code(1).expect_line(&["error:", "ConfigMap/held", "example.org/cleanup"]).expect("hint:");
    // What needs it stays, so that the next run takes up from there.
    case.session.cluster.must_get("namespace", "", "held");
    case.session.cluster.merge("configmap", "held", "held", &json!({"metadata": {"finalizers": null}}));
    case.run(&arguments, &text).expect_code(0);
    assert_eq!(case.session.cluster.get("namespace", "", "held"), None);
}

#[test]
fn what_others_left_in_a_namespace_is_named_when_it_does_not_go() {
    let case = Case::begun("foreign");
    let text = config_map("mine", "1");
    case.apply(&text).expect_code(0);
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": "foreign", "finalizers": ["example.org/guard"]}});
    case.session.cluster.create(&foreign);
    let stuck = case.run(&["destroy", "--yes", "--timeout", "6s", "--allow-delete", "Namespace/foreign"], &text);
    case.session.cluster.merge("configmap", "foreign", "theirs", &json!({"metadata": {"finalizers": null}}));
    stuck.expect_code(1).expect_line(&["error:", "Namespace/foreign", "example.org/guard"]);
}

#[test]
fn a_quota_that_this_run_raises_is_no_verdict_about_what_it_held_up() {
    let case = Case::begun("raise");
    let text = |pods: &str| {
        let quota = format!(
            "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{pods: '{pods}'}}}}}}\n---\n"
        );
        quota + &deployment("progressDeadlineSeconds: 4,", WEB)
    };
    let exceeded = case.apply(&text("0"));
    exceeded.expect_code(1).expect("quota q is exceeded").expect("hint: raise the quota");
    eventually("its deadline is over", || {
        let live = case.session.cluster.must_get("deployment", "raise", "web");
        live["status"]["conditions"].to_string().contains("ProgressDeadlineExceeded").then_some(())
    });
    case.apply(&text("5")).expect_code(0).expect_line(&["Deployment/web", "ready after"]);
}

#[test]
fn a_stateful_set_whose_bad_image_was_taken_back_names_the_pod_that_holds_it_up() {
    let case = Case::begun("rollback");
    let text = |tag: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{replicas: 2, serviceName: db, selector: \
             {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: c, image: \
             'example.org/db:{tag}', readinessProbe: {{httpGet: {{port: 80}}}}}}]}}}}}}}}\n---\n"
        )
    };
    case.apply(&text("1")).expect_code(0);
    case.apply(&text("does-not-exist")).expect_code(1).expect("cannot pull image");
    let back = case.apply(&text("1"));
    // The image that cannot be pulled is no longer declared: the pod of the old revision is what is in the way.
    back.expect_code(1).expect("db-1").expect("kubectl delete pod");
    // The controller makes it anew at once, under the same name.
    case.session.cluster.begin_delete("pod", "rollback", "db-1");
    case.apply(&text("1")).expect_code(0);
}

#[test]
fn a_job_past_its_deadline_says_which() {
    let case = Case::begun("deadline");
    let text = "{apiVersion: batch/v1, kind: Job, metadata: {name: late}, spec: {activeDeadlineSeconds: 3, template: {spec: \
                {restartPolicy: Never, containers: [{name: m, image: 'example.org/migrate:job-hang'}]}}}}\n---\n";
    let late = case.apply(text);
    late.expect_code(1).expect("did not complete within 3 s (activeDeadlineSeconds)").expect("--rerun Job/late");
}

#[test]
fn a_webhook_that_does_not_answer_blocks_the_plan_that_needs_it() {
    if is_embedded() {
        // It calls no webhooks, which is one of its limits.
        return;
    }
    let case = Case::begun("hooked");
    let hook = "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: verdicts-hooked}, \
                webhooks: [{name: deny.verdicts.example.org, failurePolicy: Fail, sideEffects: None, admissionReviewVersions: [v1], \
                timeoutSeconds: 1, clientConfig: {url: 'https://127.0.0.1:9/validate'}, namespaceSelector: {matchLabels: \
                {kubernetes.io/metadata.name: hooked}}, rules: [{apiGroups: [''], apiVersions: [v1], resources: [secrets], operations: \
                [CREATE, UPDATE]}]}]}\n---\n";
    case.apply(hook).expect_code(0);
    let text = format!("{hook}{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, stringData: {{a: b}}}}\n---\n");
    let refused = case.apply(&text);
    refused.expect_code(1).expect("deny.verdicts.example.org").expect("hint:");
    case.session.cluster.delete("validatingwebhookconfiguration", "", "verdicts-hooked");
}
