//! What a run waits for, what the server refuses, and in which order things come and go: reports from public trackers, on both
//! clusters.

use std::thread;
use std::time::Duration;

use holm_e2e::{ControlPlane, Finished, Session, eventually, is_embedded};
use serde_json::{Value, json};

/// A stack of manifests in the namespace of the session.
struct Manifests {
    session: Session,
}

impl Manifests {
    fn begun(name: &str) -> Self {
        Self { session: Session::new(ControlPlane::shared("runs"), name) }
    }

    fn run(&self, arguments: &[&str], text: &str) -> Finished {
        let file = self.session.home().join("stack.yaml");
        std::fs::write(&file, text).expect("the home can be written to");
        let program = self.session.workspace("manifests", arguments).config("file", &file.display().to_string());
        self.session.run(&program.config("new", "no"))
    }

    fn apply(&self, text: &str) -> Finished {
        self.run(&["apply", "--yes", "--timeout", "60s"], text)
    }

    fn plan(&self, text: &str) -> Finished {
        self.run(&["plan", "--detailed-exitcode"], text)
    }

    fn namespace(&self) -> String {
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {}}}}}\n---\n", self.session.namespace)
    }

    fn labelled(&self, labels: &str) -> String {
        let name = &self.session.namespace;
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{{labels}}}}}}}\n---\n")
    }
}

const PRIVILEGED: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'example.org/web:1', \
                          securityContext: {privileged: true}}]}}\n---\n";
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

#[test]
fn what_pod_security_refuses_blocks_the_plan_unless_the_plan_changes_the_label() {
    if is_embedded() {
        // It has no such admission, which is one of its limits.
        return;
    }
    let stack = Manifests::begun("pod-security");
    let restricted = stack.labelled(&format!("{ENFORCE}: restricted"));
    stack.apply(&restricted).expect_code(0);
    let plan = stack.plan(&format!("{restricted}{PRIVILEGED}"));
    plan.expect_code(1).expect("violates PodSecurity").expect("hint: set the securityContext");
    let privileged = stack.labelled(&format!("{ENFORCE}: privileged"));
    let plan = stack.plan(&format!("{privileged}{PRIVILEGED}"));
    plan.expect_code(2).expect("changes in this plan");
    stack.apply(&format!("{privileged}{PRIVILEGED}")).expect_code(0);
}

fn quota(pods: &str) -> String {
    format!("{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{pods: '{pods}'}}}}}}\n---\n")
}

#[test]
fn an_exceeded_quota_blocks_the_plan_unless_the_plan_raises_it() {
    let stack = Manifests::begun("quota");
    let namespace = stack.namespace();
    let pod =
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'example.org/web:1'}]}}";
    stack.apply(&format!("{namespace}{}", quota("0"))).expect_code(0);
    eventually("the quota is counted", || {
        stack.session.cluster.must_get("resourcequota", "quota", "q")["status"]["hard"]["pods"].as_str().map(|_| ())
    });
    let plan = stack.plan(&format!("{namespace}{}{pod}", quota("0")));
    plan.expect_code(1).expect("exceeded quota: q").expect("hint: raise the ResourceQuota");
    let raised = format!("{namespace}{}{pod}", quota("5"));
    stack.plan(&raised).expect_code(2).expect("ResourceQuota/quota/q changes in this plan");
}

#[test]
fn a_claim_that_cannot_grow_blocks_the_plan_and_nothing_else_changes() {
    let stack = Manifests::begun("grow");
    let declared = |size: &str, value: &str| {
        format!(
            "{}{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: fixed}}, provisioner: kwok.x-k8s.io/fake}}\n---\n\
             {{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data}}, spec: {{accessModes: [ReadWriteOnce], \
             resources: {{requests: {{storage: {size}}}}}, storageClassName: fixed, volumeName: v}}}}\n---\n\
             {{apiVersion: v1, kind: PersistentVolume, metadata: {{name: v}}, spec: {{accessModes: [ReadWriteOnce], capacity: \
             {{storage: 1Gi}}, storageClassName: fixed, hostPath: {{path: /tmp/v}}}}}}\n---\n\
             {{apiVersion: v1, kind: ConfigMap, metadata: {{name: cfg}}, data: {{a: '{value}'}}}}",
            stack.namespace()
        )
    };
    stack.apply(&declared("1Gi", "1")).expect_code(0);
    let plan = stack.apply(&declared("2Gi", "2"));
    plan.expect_code(1).expect("resize").expect("allowVolumeExpansion").expect_not("ask for the right");
    assert_eq!(stack.session.cluster.must_get("configmap", "grow", "cfg")["data"]["a"], "1");
}

#[test]
fn a_namespace_that_terminates_is_no_matter_of_rights() {
    let stack = Manifests::begun("terminating");
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "terminating", "finalizers": ["example.org/guard"]}});
    stack
        .session
        .cluster
        .create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "terminating"}}));
    stack.session.cluster.create(&held);
    stack.session.cluster.begin_delete("namespace", "", "terminating");
    let plan = stack.plan("{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}");
    stack.session.cluster.merge("configmap", "terminating", "held", &json!({"metadata": {"finalizers": null}}));
    plan.expect_code(1).expect("terminat").expect_not("ask for the right").expect_not("not checked");
}

#[test]
fn what_rights_forbid_is_not_checked_and_what_admission_forbids_is() {
    let stack = Manifests::begun("rights");
    let namespace = stack.namespace();
    stack.apply(&namespace).expect_code(0);
    stack.session.cluster.create_if_absent(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "looks"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
    }));
    let looks = stack.session.cluster.user("looks", Some("looks"));
    let file = stack.session.home().join("pod.yaml");
    std::fs::write(&file, format!("{namespace}{PRIVILEGED}")).expect("the home can be written to");
    let plan = stack.session.workspace("manifests", &["plan"]).config("file", &file.display().to_string());
    let plan = stack.session.run(&plan.config("new", "no").env("KUBECONFIG", &looks.kubeconfig));
    plan.expect_code(0).expect("not checked by the server: forbidden");
}

#[test]
fn what_the_structured_merge_refuses_is_said_for_people_and_at_once() {
    let stack = Manifests::begun("merge");
    stack.apply(&stack.namespace()).expect_code(0);
    let audit = stack.session.audit();
    let wrong =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, annotations: {a: b}, labels: {c: 5}}, data: {x: 'y'}}";
    let plan = stack.plan(&format!("{}{wrong}", stack.namespace()));
    plan.expect_code(1).expect_not("valueUnstructured").expect_not("(500 )").expect_not("typed patch object");
    audit.assert_nothing_mutated();
}

/// A definition with a status subresource whose schema has these properties.
fn definition(kind: &str, status: &str) -> String {
    let plural = format!("{}s", kind.to_lowercase());
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.runs.example.org}}, spec: \
         {{group: runs.example.org, scope: Namespaced, names: {{plural: {plural}, singular: {}, kind: {kind}, listKind: {kind}List}}, \
         versions: [{{name: v1, served: true, storage: true, subresources: {{status: {{}}}}, schema: {{openAPIV3Schema: {{type: \
         object, properties: {{spec: {{type: object, x-kubernetes-preserve-unknown-fields: true}}{status}}}}}}}}}]}}}}\n---\n",
        kind.to_lowercase()
    )
}

fn object(kind: &str, name: &str, size: u32) -> String {
    format!(
        "{{apiVersion: runs.example.org/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {{size: {size}}}}}\n---\n"
    )
}

#[test]
fn a_kind_whose_schema_keeps_no_status_is_ready_at_once() {
    let stack = Manifests::begun("keeps-none");
    let absent = format!("{}{}", definition("Mute", ""), object("Mute", "m", 1));
    let empty = format!("{}{}", definition("Blank", ", status: {type: object}"), object("Blank", "b", 1));
    // Far below the time of grace.
    let declared = format!("{}{absent}{empty}", stack.namespace());
    let applied = stack.run(&["apply", "--yes", "--timeout", "8s"], &declared);
    applied.expect_code(0);
    stack.run(&["status", "--detailed-exitcode"], &declared).expect_code(0).expect("reports no status");
}

#[test]
fn a_status_that_nobody_writes_is_waited_for_once_and_one_that_others_have_is_waited_for() {
    let stack = Manifests::begun("nobody-writes");
    let schema = ", status: {type: object, properties: {phase: {type: string}}}";
    let declared = format!("{}{}{}", stack.namespace(), definition("Quiet", schema), object("Quiet", "q", 1));
    stack.apply(&declared).expect_code(0);
    let status = stack.run(&["status", "--detailed-exitcode"], &declared);
    status.expect_code(0).expect("no controller has reported a status within 15 s");
    // It has not changed since, so nothing is waited for.
    stack.run(&["apply", "--yes", "--timeout", "5s"], &declared).expect_code(0);
    // Another object of the kind has a status by now: somebody writes it.
    let other = json!({"apiVersion": "runs.example.org/v1", "kind": "Quiet", "metadata": {"name": "other", "namespace": "nobody-writes"}});
    stack.session.cluster.create(&other);
    stack.session.cluster.patch_status("quiets.runs.example.org", "nobody-writes", "other", &json!({"phase": "Done"}));
    let changed = format!("{}{}{}", stack.namespace(), definition("Quiet", schema), object("Quiet", "q", 2));
    let waiting = stack.run(&["apply", "--yes", "--timeout", "22s"], &changed);
    waiting.expect_code(1).expect("has not reported a status yet");
}

#[test]
fn a_rule_of_the_table_is_used_for_a_known_family() {
    let stack = Manifests::begun("family");
    let definition = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: scaledobjects.keda.sh, \
                      annotations: {api-approved.kubernetes.io: unapproved}}, spec: {group: keda.sh, scope: Namespaced, names: {plural: scaledobjects, singular: scaledobject, kind: ScaledObject, \
                      listKind: ScaledObjectList}, versions: [{name: v1alpha1, served: true, storage: true, subresources: {status: {}}, \
                      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}\n---\n";
    let scaled =
        "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: web}, spec: {minReplicaCount: 1}}";
    stack.apply(&format!("{}{definition}", stack.namespace())).expect_code(0);
    let declared = format!("{}{definition}{scaled}", stack.namespace());
    let file = stack.session.home().join("family.yaml");
    std::fs::write(&file, &declared).expect("the home can be written to");
    let program = stack.session.workspace("manifests", &["apply", "--yes", "--timeout", "50s"]);
    let mut running = program.config("file", &file.display().to_string()).config("new", "no").start();
    eventually("the object is there", || stack.session.cluster.get("scaledobjects.keda.sh", "family", "web"));
    let status = |ready: &str| json!({"conditions": [{"type": "Ready", "status": ready, "reason": "R", "message": "scaler is being set up"}]});
    stack.session.cluster.patch_status("scaledobjects.keda.sh", "family", "web", &status("False"));
    // Longer than the grace that other kinds have: this one reports.
    thread::sleep(Duration::from_secs(17));
    assert!(running.is_running(), "it waits for Ready");
    stack.session.cluster.patch_status("scaledobjects.keda.sh", "family", "web", &status("True"));
    stack.session.keep(running.wait()).expect_code(0);
}

#[test]
fn quotas_limits_and_policies_come_before_the_pods_that_they_bind() {
    let stack = Manifests::begun("bounds");
    let declared = format!(
        "{}{}{}{}{}",
        stack.namespace(),
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: \
         {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: 'example.org/web:1'}]}}}}\n---\n",
        "{apiVersion: v1, kind: Pod, metadata: {name: direct}, spec: {containers: [{name: c, image: 'example.org/web:1'}]}}\n---\n",
        "{apiVersion: v1, kind: LimitRange, metadata: {name: defaults}, spec: {limits: [{type: Container, default: {memory: 256Mi}, \
         defaultRequest: {memory: 128Mi}}]}}\n---\n",
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}, policyTypes: [Ingress]}}",
    );
    stack.apply(&declared).expect_code(0);
    let pods = stack.session.cluster.list("pod", "bounds", None);
    assert_eq!(pods.len(), 3);
    let version = |kind: &str, name: &str| -> u64 {
        let object = stack.session.cluster.must_get(kind, "bounds", name);
        // Nobody writes these again, and a pod is written after it was made.
        object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).expect("a version")
    };
    let bounds = ["limitrange", "networkpolicy"]
        .map(|kind| version(kind, if kind == "limitrange" { "defaults" } else { "deny" }));
    for pod in &pods {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        assert!(bounds.iter().all(|bound| *bound < version("pod", name)), "{name}");
        // The embedded cluster has no admission by LimitRanges.
        let memory = &pod["spec"]["containers"][0]["resources"]["limits"]["memory"];
        assert!(is_embedded() || memory == "256Mi", "{name}");
    }
    let graph = stack.run(&["graph"], &declared);
    graph.expect_code(0).expect_line(&["requires", "LimitRange/defaults", "is bounded by it"]);
    graph.expect_line(&["requires", "NetworkPolicy/deny", "is bounded by it"]);
}

#[test]
fn an_operator_outlives_its_custom_resources_at_destroy() {
    let stack = Manifests::begun("operator");
    let cleaned = |name: &str| {
        format!(
            "{{apiVersion: runs.example.org/v1, kind: Engine, metadata: {{name: {name}, finalizers: [runs.example.org/cleanup]}}, \
             spec: {{}}}}\n---\n"
        )
    };
    let declared = format!(
        "{}{}{}{}{}",
        stack.namespace(),
        definition("Engine", ""),
        cleaned("one"),
        cleaned("two"),
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}\n---\n\
         {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: robot}, rules: [{apiGroups: [runs.example.org], \
         resources: [engines, engines/finalizers], verbs: [get, list, watch, update, patch]}]}\n---\n\
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: robot}, roleRef: {apiGroup: \
         rbac.authorization.k8s.io, kind: Role, name: robot}, subjects: [{kind: ServiceAccount, name: robot}]}\n---\n\
         {apiVersion: apps/v1, kind: Deployment, metadata: {name: operator}, spec: {selector: {matchLabels: {app: operator}}, template: \
         {metadata: {labels: {app: operator}}, spec: {serviceAccountName: robot, containers: [{name: c, image: 'example.org/op:1'}]}}}}",
    );
    stack.apply(&declared).expect_code(0);
    let file = stack.session.home().join("stack.yaml").display().to_string();
    let consent = "CustomResourceDefinition/engines.runs.example.org,Namespace/operator";
    let arguments = ["destroy", "--yes", "--timeout", "60s", "--allow-delete", consent];
    let destroy = stack.session.workspace("manifests", &arguments).config("file", &file).config("new", "no");
    let running = destroy.start();
    // What the operator would do, which it can do only for as long as it and its rights are there.
    for name in ["one", "two"] {
        eventually("it is being deleted", || {
            let engine = stack.session.cluster.get("engines.runs.example.org", "operator", name)?;
            engine["metadata"]["deletionTimestamp"].as_str().map(|_| ())
        });
    }
    thread::sleep(Duration::from_secs(2));
    for (kind, name) in [("deployment", "operator"), ("rolebinding", "robot"), ("serviceaccount", "robot")] {
        let there = stack.session.cluster.get(kind, "operator", name);
        assert!(there.is_some_and(|object| object["metadata"]["deletionTimestamp"].is_null()), "{kind} went too early");
    }
    for name in ["one", "two"] {
        let free: Value = json!({"metadata": {"finalizers": null}});
        stack.session.cluster.merge("engines.runs.example.org", "operator", name, &free);
    }
    stack.session.keep(running.wait()).expect_code(0);
    assert_eq!(stack.session.cluster.get("deployment", "operator", "operator"), None);
}

#[test]
fn pods_that_are_evicted_again_and_again_are_said_with_the_limit() {
    if !is_embedded() {
        // The node of the real control plane evicts nothing.
        return;
    }
    let stack = Manifests::begun("evicted");
    // With a probe that it never passes, so that it is never ready for long.
    let declared = format!(
        "{}{}",
        stack.namespace(),
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {minReadySeconds: 5, selector: {matchLabels: {app: web}}, \
         template: {metadata: {labels: {app: web}, annotations: {holm.dev/simulate: evict}}, spec: {containers: [{name: c, image: \
         'example.org/web:1', resources: {limits: {ephemeral-storage: 10Mi}}}]}}}}",
    );
    let applied = stack.run(&["apply", "--yes", "--timeout", "8s"], &declared);
    applied.expect_code(1).expect("pods keep being evicted").expect("exceeds the total limit of containers 10Mi");
    applied.expect("hint: raise the limit");
}
