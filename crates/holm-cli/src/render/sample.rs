//! Values that the tests of several renderings share.

use std::time::Duration;

use holm_core::{
    ApiKind, Graph, Input, Manifest, Password, ResourceId, ResourceOptions as _, Scope, Sensitive, Site, Stack,
};
use holm_executor::event::{Failure, Outcome, Report, SkipReason};
use holm_planner::observe::{FieldConflict, RefusalCause, Unchecked};
use holm_planner::plan::{Action, Blocker, BlockerKind, Change, FieldChange, Plan, Reason, Shown, Writer};
use holm_readiness::cause::{Cause, ContainerCause, EventLine};
use serde_json::{Value, json};

/// A secret that no output may hold.
pub const CANARY: &str = "canary-8d1f";

/// An identity in the namespace `holm`, or beside the namespaces.
pub fn id(kind: &str, name: &str) -> ResourceId {
    let group = if kind == "Deployment" { "apps" } else { "" };
    ResourceId::new(group, kind, (kind != "Namespace").then_some("holm"), name)
}

/// A change without anything but its line.
pub fn change(kind: &str, name: &str, action: Action, reason: Reason) -> Change {
    let id = id(kind, name);
    let scope = if id.namespace.is_some() { Scope::Namespaced } else { Scope::Cluster };
    let kind = ApiKind {
        group: id.group.clone(),
        version: "v1".into(),
        kind: id.kind.clone(),
        plural: format!("{}s", id.kind.to_lowercase()),
        scope,
    };
    let mut change = Change::new(id, kind, action, reason);
    change.needs_adoption = action == Action::Adopt;
    // What is sent holds secrets, and no rendering may look at it.
    change.desired = Some(json!({"data": {"password": CANARY}}).into());
    change.site = Some(Site { file: "examples/holm-pg/main.rs", line: 30 });
    change
}

fn field(path: &str, before: Shown, after: Shown) -> FieldChange {
    FieldChange::new(path.parse().expect("the sample's own path is well formed"), before, after)
}

fn drifted(mut change: FieldChange, manager: &str) -> FieldChange {
    change.drift = Some(Writer { manager: manager.into(), time: "2026-11-23T20:00:00Z".into() });
    change
}

fn value(value: impl Into<Value>) -> Shown {
    Shown::Value(value.into())
}

fn plan(changes: Vec<Change>) -> Plan {
    let mut plan = Plan::new("holm-pg", "default", Some("holm"));
    plan.changes = changes;
    plan
}

/// The first plan of a stack: everything is new, and the namespace too.
pub fn first_plan() -> Plan {
    let mut changes = vec![change("Namespace", "holm", Action::Create, Reason::NotInCluster)];
    for (kind, name) in [
        ("Secret", "postgres-secret"),
        ("ConfigMap", "postgres-init"),
        ("PersistentVolumeClaim", "postgres-pvc"),
        ("Deployment", "postgres"),
        ("Service", "postgres"),
    ] {
        let mut change = change(kind, name, Action::Create, Reason::NotInCluster);
        change.unchecked = Some(Unchecked::NamespaceNew("holm".into()));
        changes.push(change);
    }
    changes[2].notes.push("a later change reaches only an empty volume".into());
    plan(changes)
}

/// A plan with every action and every kind of field change.
pub fn busy_plan() -> Plan {
    let mut updated = change("Deployment", "postgres", Action::Update, Reason::DeclarationAndDrift);
    updated.fields = vec![
        field(
            "spec.template.spec.containers[postgres].image",
            value("postgres:15-alpine"),
            value("postgres:16-alpine"),
        ),
        drifted(field("spec.replicas", value(3), value(1)), "kubectl-scale"),
        field(
            "spec.template.spec.containers[sidecar]",
            Shown::Absent,
            value(
                json!({"name": "sidecar", "image": "example.org/sidecar:1.2.3", "args": ["--listen", "0.0.0.0:9187"]}),
            ),
        ),
        field("spec.template.spec.containers[postgres].args", value(json!(["-c", "a=1"])), Shown::Absent),
        field("spec.template.metadata.annotations[\"holm/address\"]", Shown::Absent, Shown::Unknown),
    ];
    updated.overruled =
        [(".spec.strategy.type", "helm"), (".spec.replicas", "kubectl-scale"), (".spec.paused", "helm")]
            .map(|(field, manager)| FieldConflict { field: field.into(), manager: manager.into() })
            .to_vec();
    let mut meddled = change("Secret", "postgres-secret", Action::Update, Reason::Drift);
    meddled.fields = vec![
        drifted(field("data.password", Shown::Sensitive, Shown::Sensitive), "kubectl-edit"),
        drifted(field("data.extra", Shown::Sensitive, Shown::Absent), "kubectl-edit"),
    ];
    let mut script = change("ConfigMap", "postgres-init", Action::Update, Reason::Declaration);
    script.fields = vec![field(
        "data[\"init.sql\"]",
        value("CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\n"),
        value("CREATE ROLE holm LOGIN;\nCREATE DATABASE holm OWNER holm;\nCREATE DATABASE backups OWNER holm;\n"),
    )];
    script.notes.push("the script runs only on an empty volume".into());
    let immutable = Reason::Immutable(vec![RefusalCause {
        reason: "FieldValueInvalid".into(),
        field: "spec.selector".into(),
        message: "Invalid value: {\"matchLabels\":{\"app\":\"pg\"}}: field is immutable".into(),
    }]);
    let mut replaced = change("Deployment", "exporter", Action::Replace, immutable);
    replaced.fields = vec![field("spec.selector.matchLabels.app", value("exporter"), value("pg-exporter"))];
    replaced.unchecked = Some(Unchecked::Replacement);
    let mut adopted = change("Service", "postgres", Action::Adopt, Reason::NotManaged);
    adopted.unchecked =
        Some(Unchecked::Forbidden("services \"postgres\" is forbidden: User \"reader\" cannot patch".into()));
    plan(vec![
        change("Namespace", "holm", Action::Unchanged, Reason::AsDeclared),
        meddled,
        script,
        updated,
        replaced,
        adopted,
        change("ConfigMap", "old", Action::Delete, Reason::LeftProgram),
        change("ConfigMap", "retained", Action::Release, Reason::Retained),
        change("PersistentVolumeClaim", "postgres-pvc", Action::Keep, Reason::NoConsent),
        change("Namespace", "old", Action::Keep, Reason::KeptFor(id("PersistentVolumeClaim", "postgres-pvc"))),
        change("Secret", "hidden", Action::Unknown, Reason::Unreadable("secrets is forbidden".into())),
    ])
}

/// A plan that cannot be applied.
pub fn blocked_plan() -> Plan {
    let mut plan = plan(vec![change("ConfigMap", "big", Action::Create, Reason::NotInCluster)]);
    let site = Some(Site { file: "examples/holm-pg/main.rs", line: 12 });
    plan.blockers = vec![
        Blocker::new(
            id("ConfigMap", "big"),
            BlockerKind::Refused {
                code: 413,
                reason: "RequestEntityTooLarge".into(),
                message: "Request entity too large: limit is 3145728".into(),
            },
        ),
        Blocker::new(
            id("Deployment", "postgres"),
            BlockerKind::Conflicts(vec![FieldConflict {
                field: ".spec.replicas".into(),
                manager: "autoscaler".into(),
            }]),
        ),
    ];
    for blocker in &mut plan.blockers {
        blocker.site = site;
    }
    plan.blockers[0].hint = Some("split the object up: the API server takes at most about 1.5 MiB".into());
    plan
}

/// A container that ends again and again.
pub fn crash_loop() -> Failure {
    let pod = id("Pod", "postgres-6b7c9-x2x4z");
    Failure {
        message: "did not become ready".into(),
        sources: Vec::new(),
        cause: Some(Box::new(Cause {
            summary: "container postgres ends with exit code 137 again and again".into(),
            hint: Some("the last lines of its log say why".into()),
            chain: vec![id("Deployment", "postgres"), id("ReplicaSet", "postgres-6b7c9"), pod.clone()],
            container: Some(ContainerCause {
                name: "postgres".into(),
                is_init: false,
                image: "postgres:15-alpine".into(),
                reason: "CrashLoopBackOff".into(),
                message: "back-off 20s restarting failed container".into(),
                exit_code: Some(137),
                exit_meaning: Some("killed by SIGKILL".into()),
                restarts: 3,
                log_is_previous: true,
                log: vec![
                    "initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty".into(),
                    "initdb: \u{1b}[31mhint\u{1b}[0m: use a subdirectory".into(),
                ],
            }),
            events: vec![EventLine {
                reason: "BackOff".into(),
                message: "Back-off restarting failed container postgres in pod postgres-6b7c9-x2x4z".into(),
                count: 7,
                last_seen: None,
                about: pod,
            }],
            is_final: true,
            missing: None,
        })),
        hint: None,
    }
}

/// A run of which one change failed.
pub fn failed_report() -> Report {
    let seconds = Duration::from_secs;
    Report {
        outcomes: vec![
            (id("Namespace", "holm"), Action::Create, Outcome::Done, seconds(1)),
            (id("Secret", "postgres-secret"), Action::Unchanged, Outcome::Done, seconds(0)),
            (id("Deployment", "postgres"), Action::Create, Outcome::Failed(crash_loop()), seconds(64)),
            (
                id("Job", "migrate"),
                Action::Create,
                Outcome::Skipped(SkipReason::DependencyFailed(id("Deployment", "postgres"))),
                seconds(0),
            ),
            (
                id("ConfigMap", "old"),
                Action::Delete,
                Outcome::Skipped(SkipReason::NothingPrunedAfterFailure),
                seconds(0),
            ),
        ],
        requests: 24,
        duration: seconds(66),
        interrupted: false,
    }
}

/// A small stack with a secret, a generated value, a field of another resource and something outside.
pub fn graph() -> Graph {
    let stack = Stack::new("holm-pg", "default", None);
    stack.in_namespace("holm");
    let manifest = |text: Value, plural: &str| Manifest::new(text).plural(plural, Scope::Namespaced);
    let password = stack.generated("postgres-password", Password::alphanumeric(32));
    let secret = stack.add(
        manifest(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres-secret"}, "stringData": {"token": CANARY}}),
            "secrets",
        )
        .with_input("stringData.password", &password),
    );
    let claim = stack.add(
        manifest(
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "postgres-pvc"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}}),
            "persistentvolumeclaims",
        )
        .protect(),
    );
    let config = stack.add(
        manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "postgres-init"}, "data": {"init.sql": "SELECT 1;\nSELECT 2;\n"}}), "configmaps")
            .depends_on(&claim, holm_core::Strength::Exists)
            .depends_on(&secret, holm_core::Strength::Ready)
            .with_input("data.address", claim.field("spec.volumeName"))
            .with_input("data.token", Input::from(Sensitive::from(CANARY))),
    );
    stack.export("token", Input::from(Sensitive::from(CANARY)));
    stack.export("name", config.name());
    stack.build().expect("the sample is well formed")
}
