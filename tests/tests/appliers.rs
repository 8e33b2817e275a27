//! What people's tools and other appliers do to objects of a stack, before and after its apply, for twelve kinds: what the plan shows,
//! and what the next apply makes of it. docs/plans.md has the table.

use std::collections::BTreeMap;

use holm_e2e::{ControlPlane, Finished, Session};
use serde_json::{Value, json};

/// An object of one kind, with a change of a declared field and an addition beside the declaration, as merge patches.
struct Subject {
    /// The kind, as `kubectl` takes it.
    resource: &'static str,
    declared: Value,
    change: Value,
    add: Value,
    /// JSON pointers to the field that changes and to the one that is added.
    fields: (&'static str, &'static str),
}

const NAMES: [&str; 12] = [
    "ConfigMap",
    "Secret",
    "Service",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Ingress",
    "NetworkPolicy",
    "Role",
    "PodDisruptionBudget",
    "Gauge",
];

fn workload(kind: &str, spec: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {"minReadySeconds": 5,
        "selector": {"matchLabels": {"app": kind}}, "template": {"metadata": {"labels": {"app": kind}},
            "spec": {"nodeSelector": {"none": "none"}, "containers": [{"name": "c", "image": "i:1"}]}}}});
    for (name, value) in spec.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    object
}

fn subjects() -> Vec<Subject> {
    let subject = |resource, declared: Value, change, add, fields| Subject { resource, declared, change, add, fields };
    let named = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
        for (name, value) in rest.as_object().into_iter().flatten() {
            object[name] = value.clone();
        }
        object
    };
    let label = || json!({"metadata": {"labels": {"extra": "x"}}});
    let label_at = "/metadata/labels/extra";
    let ready = ("/spec/minReadySeconds", "/spec/revisionHistoryLimit");
    let rules = |verb: &str| json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]});
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]});
    let cron = json!({"spec": {"schedule": "1 1 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    let backend = json!({"service": {"name": "x", "port": {"number": 80}}});
    vec![
        subject(
            "configmap",
            named("v1", "ConfigMap", json!({"data": {"a": "1"}})),
            json!({"data": {"a": "2"}}),
            json!({"data": {"extra": "x"}}),
            ("/data/a", "/data/extra"),
        ),
        subject(
            "secret",
            named("v1", "Secret", json!({"data": {"a": "MQ=="}})),
            json!({"data": {"a": "Mg=="}}),
            json!({"data": {"extra": "eA=="}}),
            ("/data/a", "/data/extra"),
        ),
        subject(
            "service",
            named("v1", "Service", json!({"spec": {"sessionAffinity": "None", "ports": [{"port": 80}]}})),
            json!({"spec": {"sessionAffinity": "ClientIP"}}),
            json!({"spec": {"publishNotReadyAddresses": true}}),
            ("/spec/sessionAffinity", "/spec/publishNotReadyAddresses"),
        ),
        subject(
            "deployment",
            workload("Deployment", json!({"replicas": 0})),
            json!({"spec": {"minReadySeconds": 7}}),
            json!({"spec": {"revisionHistoryLimit": 3}}),
            ready,
        ),
        subject(
            "statefulset",
            workload("StatefulSet", json!({"replicas": 0, "serviceName": "x"})),
            json!({"spec": {"minReadySeconds": 7}}),
            json!({"spec": {"revisionHistoryLimit": 3}}),
            ready,
        ),
        subject(
            "daemonset",
            workload("DaemonSet", json!({})),
            json!({"spec": {"minReadySeconds": 7}}),
            json!({"spec": {"revisionHistoryLimit": 3}}),
            ready,
        ),
        subject(
            "cronjob",
            named("batch/v1", "CronJob", cron),
            json!({"spec": {"schedule": "2 2 2 2 *"}}),
            json!({"spec": {"startingDeadlineSeconds": 100}}),
            ("/spec/schedule", "/spec/startingDeadlineSeconds"),
        ),
        subject(
            "ingress",
            named(
                "networking.k8s.io/v1",
                "Ingress",
                json!({"spec": {"ingressClassName": "one", "defaultBackend": backend}}),
            ),
            json!({"spec": {"ingressClassName": "two"}}),
            label(),
            ("/spec/ingressClassName", label_at),
        ),
        subject(
            "networkpolicy",
            named(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                json!({"spec": {"policyTypes": ["Ingress"],
            "podSelector": {"matchLabels": {"app": "a"}}}}),
            ),
            json!({"spec": {"podSelector": {"matchLabels": {"app": "b"}}}}),
            label(),
            ("/spec/podSelector/matchLabels/app", label_at),
        ),
        subject(
            "role",
            named("rbac.authorization.k8s.io/v1", "Role", rules("get")),
            rules("list"),
            label(),
            ("/rules/0/verbs/0", label_at),
        ),
        subject(
            "poddisruptionbudget",
            named(
                "policy/v1",
                "PodDisruptionBudget",
                json!({"spec": {"minAvailable": 1,
            "selector": {"matchLabels": {"app": "Deployment"}}}}),
            ),
            json!({"spec": {"minAvailable": 2}}),
            json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
            ("/spec/minAvailable", "/spec/unhealthyPodEvictionPolicy"),
        ),
        subject(
            "gauges.appliers.example.com",
            named("appliers.example.com/v1", "Gauge", json!({"spec": {"a": "1"}})),
            json!({"spec": {"a": "2"}}),
            json!({"spec": {"b": "x"}}),
            ("/spec/a", "/spec/b"),
        ),
    ]
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gauges.appliers.example.com"},
        "spec": {"group": "appliers.example.com", "scope": "Namespaced", "names": {"kind": "Gauge", "plural": "gauges"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}}}}]}})
}

/// One stack with an object of each kind.
struct Stack {
    session: Session,
    subjects: Vec<Subject>,
}

impl Stack {
    fn new(name: &str) -> Self {
        let session = Session::new(ControlPlane::shared("appliers"), name);
        session.cluster.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        session.cluster.create_if_absent(definition());
        let stack = Self { session, subjects: subjects() };
        let text: Vec<String> = stack.subjects.iter().map(|subject| subject.declared.to_string()).collect();
        std::fs::write(stack.session.home().join("objects.yaml"), text.join("\n---\n"))
            .expect("the home can be written");
        stack
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let file = self.session.home().join("objects.yaml");
        let program = self.session.workspace("cases", arguments).args(["--stack", self.session.namespace.as_str()]);
        self.session.run(&program.config("inns", &self.session.namespace).config("files", &file.to_string_lossy()))
    }

    fn live(&self, subject: &Subject) -> Value {
        self.session.cluster.must_get(subject.resource, &self.session.namespace, "x")
    }

    fn merge(&self, manager: &str, subject: &Subject, patch: &Value) {
        self.session.cluster.merge_as(manager, subject.resource, &self.session.namespace, "x", patch);
    }

    fn apply_as(&self, manager: &str, subject: &Subject, patch: &Value) {
        let mut object = subject.declared.clone();
        merge(&mut object, patch);
        object["metadata"]["namespace"] = json!(self.session.namespace);
        self.session.cluster.apply_as(manager, &object);
    }

    /// What the plan shows of each object by now, and what is live after an apply, in a line for each outcome with its kinds.
    fn outcome(&self, pointer: impl Fn(&Subject) -> &'static str) -> String {
        let before: Vec<Option<Value>> =
            self.subjects.iter().map(|subject| self.live(subject).pointer(pointer(subject)).cloned()).collect();
        let planned = self.run(&["plan", "--output", "json"]);
        let plan = planned.json();
        self.run(&["apply", "--yes", "--adopt", "all", "--timeout", "20s"]);
        let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for ((subject, name), before) in self.subjects.iter().zip(NAMES).zip(before) {
            let now = self.live(subject).pointer(pointer(subject)).cloned();
            let became = match (now == before, now.is_some()) {
                (true, true) => "kept",
                (true, false) => "absent",
                (false, true) => "mended",
                (false, false) => "removed",
            };
            lines.entry(format!("{}, {became}", shown(&plan, name))).or_default().push(name);
        }
        let lines = lines.iter().map(|(outcome, kinds)| match kinds.len() {
            12 => outcome.clone(),
            _ => format!("{outcome}: {}", kinds.join(" ")),
        });
        lines.collect::<Vec<_>>().join(" | ")
    }
}

/// What a plan says of the object of a kind.
fn shown(plan: &Value, kind: &str) -> String {
    let of = |list: &str| plan[list].as_array().cloned().unwrap_or_default().into_iter();
    if let Some(blocker) = of("blockers").find(|blocker| blocker["resource"]["kind"] == kind) {
        return blocker["code"].as_str().unwrap_or_default().to_owned();
    }
    let Some(change) = of("changes").find(|change| change["resource"]["kind"] == kind) else {
        return "not there".to_owned();
    };
    let notes = change["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let is_noted = notes.clone().any(|note| note.starts_with("also set by"));
    let note = if is_noted { " with a note" } else { "" };
    match change["action"].as_str() {
        Some("unchanged") => format!("unchanged{note}"),
        Some("update") => format!("{}{note}", change["reason"]["code"].as_str().unwrap_or_default()),
        other => format!("{}{note}", other.unwrap_or_default()),
    }
}

/// Merges maps as a merge patch does.
fn merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            changes.iter().for_each(|(name, change)| merge(fields.entry(name).or_insert(Value::Null), change));
        }
        (object, patch) => *object = patch.clone(),
    }
}

const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[test]
fn what_tools_do_after_the_apply_is_shown_and_mended_or_kept() {
    let stack = Stack::new("appliers-after");
    stack.run(&["apply", "--yes", "--timeout", "20s"]).expect_code(0);
    stack.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    let changed = |subject: &Subject| subject.fields.0;
    let added = |subject: &Subject| subject.fields.1;
    let mut table = Vec::new();
    let mut tell = |what: &str, outcome: String| table.push(format!("{what}: {outcome}"));
    let each = |act: &dyn Fn(&Subject)| stack.subjects.iter().for_each(act);
    let workloads = |act: &dyn Fn(&Subject)| stack.subjects[3..6].iter().for_each(act);

    each(&|subject| stack.merge("kubectl-edit", subject, &subject.change));
    tell("edit of a declared field", stack.outcome(changed));
    each(&|subject| {
        stack.merge("kubectl-client-side-apply", subject, &{
            let mut patch = subject.change.clone();
            merge(&mut patch, &json!({"metadata": {"annotations": {COPY: "{}"}}}));
            patch
        })
    });
    tell("apply of another value", stack.outcome(changed));
    each(&|subject| stack.apply_as("kubectl", subject, &subject.change));
    tell("apply --server-side --force-conflicts of another value", stack.outcome(changed));
    each(&|subject| {
        let mut object = stack.live(subject);
        merge(&mut object, &subject.change);
        stack.session.cluster.replace(subject.resource, &stack.session.namespace, "x", &object);
    });
    tell("replace with another value", stack.outcome(changed));
    for (position, name) in [(3, "deployment"), (4, "statefulset")] {
        assert_eq!(stack.subjects[position].resource, name);
        stack.session.cluster.scale(name, &stack.session.namespace, "x", 1);
    }
    tell("scale", stack.outcome(|_| "/spec/replicas"));
    workloads(&|subject| {
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}});
        stack.merge("kubectl-set", subject, &patch);
    });
    tell("set image", stack.outcome(|_| "/spec/template/spec/containers/0/image"));
    workloads(&|subject| {
        let patch =
            json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}});
        stack.merge("kubectl-rollout", subject, &patch);
    });
    tell(
        "rollout restart",
        stack.outcome(|_| "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"),
    );
    each(&|subject| stack.merge("kubectl-patch", subject, &subject.add));
    tell("patch of another field", stack.outcome(added));
    each(&|subject| stack.merge("kubectl-annotate", subject, &json!({"metadata": {"annotations": {"note": "x"}}})));
    tell("annotate", stack.outcome(|_| "/metadata/annotations/note"));
    stack.run(&["apply", "--yes", "--prune-fields", "--timeout", "20s"]).expect_code(0);
    tell("the patch after --prune-fields", stack.outcome(added));
    tell("the annotation after --prune-fields", stack.outcome(|_| "/metadata/annotations/note"));
    each(&|subject| stack.apply_as("operator", subject, &json!({})));
    tell("another applier with the same values", stack.outcome(changed));
    each(&|subject| stack.apply_as("helm", subject, &subject.change));
    tell("Helm with another value", stack.outcome(changed));
    insta::assert_snapshot!(table.join("\n"), @"
    edit of a declared field: drift with a note, mended: Service | drift, mended: ConfigMap Secret Deployment StatefulSet DaemonSet CronJob Ingress NetworkPolicy Role PodDisruptionBudget Gauge
    apply of another value: drift, mended
    apply --server-side --force-conflicts of another value: drift, mended
    replace with another value: drift, mended
    scale: drift, mended: Deployment StatefulSet | unchanged, absent: ConfigMap Secret Service DaemonSet CronJob Ingress NetworkPolicy Role PodDisruptionBudget Gauge
    set image: drift, mended: Deployment StatefulSet DaemonSet | unchanged, absent: ConfigMap Secret Service CronJob Ingress NetworkPolicy Role PodDisruptionBudget Gauge
    rollout restart: unchanged, absent: ConfigMap Secret Service CronJob Ingress NetworkPolicy Role PodDisruptionBudget Gauge | unchanged, kept: Deployment StatefulSet DaemonSet
    patch of another field: unchanged with a note, kept
    annotate: unchanged with a note, kept
    the patch after --prune-fields: unchanged, absent: ConfigMap Secret Service CronJob Ingress NetworkPolicy Role PodDisruptionBudget Gauge | unchanged, kept: Deployment StatefulSet DaemonSet
    the annotation after --prune-fields: unchanged, absent
    another applier with the same values: unchanged, kept
    Helm with another value: conflicts, kept
    ");
}

#[test]
fn what_tools_made_before_the_apply_is_adopted_and_keeps_what_is_not_declared() {
    let outcomes = |maker: &str, make: &dyn Fn(&Stack, &Subject, &Value)| {
        let stack = Stack::new(&format!("appliers-before-{}", maker.replace(' ', "-").to_lowercase()));
        for subject in &stack.subjects {
            let mut both = subject.change.clone();
            merge(&mut both, &subject.add);
            make(&stack, subject, &both);
        }
        let changed = stack.outcome(|subject| subject.fields.0);
        let again = stack.outcome(|subject| subject.fields.1);
        format!("{maker}: {changed}\n  then what it added: {again}")
    };
    let created = |stack: &Stack, subject: &Subject, patch: &Value, copy: bool| {
        let mut object = subject.declared.clone();
        merge(&mut object, patch);
        object["metadata"]["namespace"] = json!(stack.session.namespace);
        if copy {
            object["metadata"]["annotations"][COPY] = json!("{}");
        }
        stack.session.cluster.create(&object);
    };
    let table = [
        outcomes("create", &|stack, subject, patch| created(stack, subject, patch, false)),
        outcomes("apply", &|stack, subject, patch| {
            created(stack, subject, patch, true);
            stack.merge("kubectl-client-side-apply", subject, patch);
        }),
        outcomes("server-side apply", &|stack, subject, patch| stack.apply_as("kubectl", subject, patch)),
        outcomes("Helm", &|stack, subject, patch| stack.apply_as("helm", subject, patch)),
    ];
    insta::assert_snapshot!(table.join("\n"), @"
    create: adopt with a note, mended: ConfigMap Secret Ingress NetworkPolicy Role | adopt, mended: Service Deployment StatefulSet DaemonSet CronJob PodDisruptionBudget Gauge
      then what it added: unchanged with a note, kept: ConfigMap Secret Ingress NetworkPolicy Role | unchanged, kept: Service Deployment StatefulSet DaemonSet CronJob PodDisruptionBudget Gauge
    apply: adopt with a note, mended: ConfigMap Secret Ingress NetworkPolicy Role | adopt, mended: Service Deployment StatefulSet DaemonSet CronJob PodDisruptionBudget Gauge
      then what it added: unchanged with a note, kept: ConfigMap Secret Ingress NetworkPolicy Role | unchanged, kept: Service Deployment StatefulSet DaemonSet CronJob PodDisruptionBudget Gauge
    server-side apply: adopt, mended
      then what it added: unchanged, kept
    Helm: conflicts, kept
      then what it added: conflicts, kept
    ");
}
