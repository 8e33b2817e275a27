//! The table of families of custom resources: when they work, from their own documentation. A stack of holm extends it with
//! `Stack::kind_ready_when`. `docs/readiness.md` says how it compares with Argo CD's rules.

use super::family::Family;
use super::family::Test::{
    AllOf, Any, At, Because, Differs, Each, Exists, Field, Filled, Is, Missing, OneOf, Unrefuted,
};

const NONE: Family = Family { group: "", kinds: &[], suspended: &[], failed: &[], waits: &[], ready: &[] };

/// The first row that fits counts.
pub(super) const FAMILIES: &[Family] = &[
    // cert-manager.
    Family {
        group: "cert-manager.io",
        kinds: &["Certificate"],
        waits: &[Is("Issuing", "True")],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    Family {
        group: "cert-manager.io",
        kinds: &["CertificateRequest"],
        failed: &[Is("Denied", "True"), Is("InvalidRequest", "True"), Because("Ready", &["Failed", "Denied"])],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    Family { group: "cert-manager.io", ready: &[Is("Ready", "True")], ..NONE },
    Family {
        group: "acme.cert-manager.io",
        failed: &[Field("/status/state", &["invalid", "expired", "errored"])],
        ready: &[Field("/status/state", &["valid"])],
        ..NONE
    },
    Family { group: "trust.cert-manager.io", ready: &[Is("Synced", "True")], ..NONE },
    // Flux. Its Alerts and Providers report nothing since v1beta3.
    Family { group: "notification.toolkit.fluxcd.io", kinds: &["Alert", "Provider"], ready: &[Exists], ..NONE },
    // A repository of the type oci is only read.
    Family {
        group: "source.toolkit.fluxcd.io",
        kinds: &["HelmRepository"],
        suspended: &[Field("/spec/suspend", &["true"])],
        ready: &[OneOf(&[Is("Ready", "True"), Field("/spec/type", &["oci"])])],
        ..NONE
    },
    Family {
        group: "*.toolkit.fluxcd.io",
        suspended: &[Field("/spec/suspend", &["true"])],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    // Argo.
    Family {
        group: "argoproj.io",
        kinds: &["Application"],
        ready: &[Field("/status/sync/status", &["Synced"]), Field("/status/health/status", &["Healthy", "Suspended"])],
        ..NONE
    },
    Family {
        group: "argoproj.io",
        kinds: &["ApplicationSet"],
        waits: &[Is("ErrorOccurred", "True"), Is("RolloutProgressing", "True")],
        ready: &[Is("ResourcesUpToDate", "True")],
        ..NONE
    },
    Family {
        group: "argoproj.io",
        kinds: &["Rollout"],
        suspended: &[
            Field("/status/phase", &["Paused"]),
            AllOf(&[NO_PHASE, OneOf(&[Field("/spec/paused", &["true"]), Filled("/status/pauseConditions")])]),
        ],
        failed: &[
            Is("InvalidSpec", "True"),
            AllOf(&[NO_PHASE, Because("Progressing", &["RolloutAborted", "ProgressDeadlineExceeded"])]),
            Field("/status/phase", &["Degraded"]),
        ],
        waits: &[
            Differs(
                "/metadata/annotations/rollout.argoproj.io~1workload-generation",
                "/status/workloadObservedGeneration",
            ),
            AllOf(&[NO_PHASE, Differs("/status/replicas", "/status/updatedReplicas")]),
        ],
        ready: &[OneOf(&[Field("/status/phase", &["Healthy"]), AllOf(&[NO_PHASE, Is("Available", "True")])])],
    },
    Family {
        group: "argoproj.io",
        kinds: &["AnalysisRun", "Experiment", "Workflow"],
        failed: &[Field("/status/phase", &["Failed", "Error", "Inconclusive"])],
        ready: &[Field("/status/phase", &["Successful", "Succeeded"])],
        ..NONE
    },
    Family {
        group: "argoproj.io",
        kinds: &["CronWorkflow"],
        failed: &[Is("SpecError", "True"), Is("SubmissionError", "True")],
        ready: &[Exists],
        ..NONE
    },
    Family {
        group: "argoproj.io",
        kinds: &["EventBus", "EventSource", "Sensor"],
        waits: &[Is("SourcesProvided", "False"), Is("DependenciesProvided", "False"), Is("TriggersProvided", "False")],
        ready: &[Is("Deployed", "True")],
        ..NONE
    },
    Family {
        group: "argoproj.io",
        kinds: &[
            "AppProject",
            "WorkflowTemplate",
            "ClusterWorkflowTemplate",
            "AnalysisTemplate",
            "ClusterAnalysisTemplate",
        ],
        ready: &[Exists],
        ..NONE
    },
    // CloudNativePG.
    Family {
        group: "postgresql.cnpg.io",
        kinds: &["Cluster"],
        suspended: &[
            Field("/metadata/annotations/cnpg.io~1reconciliationLoop", &["disabled"]),
            Is("cnpg.io/hibernation", "True"),
        ],
        failed: &[Field("/status/phase", &["Cluster is unrecoverable and needs manual intervention"])],
        ready: &[Field("/status/phase", &["Cluster in healthy state"])],
        ..NONE
    },
    Family {
        group: "postgresql.cnpg.io",
        kinds: &["Backup"],
        failed: &[Field("/status/phase", &["failed", "invalid backup definition"])],
        ready: &[Field("/status/phase", &["completed"])],
        ..NONE
    },
    Family {
        group: "postgresql.cnpg.io",
        kinds: &["Database", "Publication", "Subscription"],
        ready: &[Field("/status/applied", &["true"])],
        ..NONE
    },
    Family {
        group: "postgresql.cnpg.io",
        kinds: &["ScheduledBackup", "ImageCatalog", "ClusterImageCatalog"],
        ready: &[Exists],
        ..NONE
    },
    // Strimzi.
    Family {
        group: "kafka.strimzi.io",
        kinds: &["KafkaRebalance"],
        waits: &[Is("NotReady", "True")],
        ready: &[OneOf(&[Is("Ready", "True"), Is("ProposalReady", "True")])],
        ..NONE
    },
    // A pool reports through its Kafka.
    Family { group: "kafka.strimzi.io", kinds: &["KafkaNodePool"], ready: &[Exists], ..NONE },
    Family { group: "kafka.strimzi.io", waits: &[Is("NotReady", "True")], ready: &[Is("Ready", "True")], ..NONE },
    // Knative. Ready sums up the other conditions.
    Family { group: "serving.knative.dev", ready: &[Is("Ready", "True")], ..NONE },
    Family { group: "eventing.knative.dev", ready: &[Is("Ready", "True")], ..NONE },
    Family { group: "operator.knative.dev", ready: &[Is("Ready", "True")], ..NONE },
    // Gateway API.
    Family { group: "gateway.networking.k8s.io", kinds: &["GatewayClass"], ready: &[Is("Accepted", "True")], ..NONE },
    Family {
        group: "gateway.networking.k8s.io",
        kinds: &["ListenerSet"],
        waits: &[
            Any("/status/listeners", "Accepted", "False"),
            Any("/status/listeners", "ResolvedRefs", "False"),
            Any("/status/listeners", "Programmed", "False"),
            Any("/status/listeners", "Programmed", "Unknown"),
        ],
        ready: &[Is("Accepted", "True"), Unrefuted("Programmed"), Filled("/status/listeners")],
        ..NONE
    },
    Family {
        group: "gateway.networking.k8s.io",
        kinds: &["Gateway"],
        waits: &[
            Any("/status/listeners", "Accepted", "False"),
            Any("/status/listeners", "ResolvedRefs", "False"),
            Any("/status/listeners", "Programmed", "False"),
            Any("/status/listeners", "Programmed", "Unknown"),
            Is("Programmed", "Unknown"),
        ],
        ready: &[
            Unrefuted("Accepted"),
            Unrefuted("ResolvedRefs"),
            Unrefuted("Programmed"),
            OneOf(&[Is("Programmed", "True"), Is("Accepted", "True"), Each("/status/listeners", "Accepted", "True")]),
        ],
        ..NONE
    },
    Family {
        group: "gateway.networking.k8s.io",
        kinds: &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"],
        waits: &[
            Any("/status/parents", "Accepted", "False"),
            Any("/status/parents", "ResolvedRefs", "False"),
            Any("/status/parents", "Programmed", "False"),
            Any("/status/parents", "Programmed", "Unknown"),
        ],
        ready: &[Any("/status/parents", "Accepted", "True")],
        ..NONE
    },
    Family {
        group: "gateway.networking.k8s.io",
        kinds: &["BackendTLSPolicy"],
        waits: &[Any("/status/ancestors", "ResolvedRefs", "False")],
        ready: &[Each("/status/ancestors", "Accepted", "True")],
        ..NONE
    },
    // A grant is only read.
    Family { group: "gateway.networking.k8s.io", kinds: &["ReferenceGrant"], ready: &[Exists], ..NONE },
    // Crossplane. What only holds settings reports nothing.
    Family { group: "*.crossplane.io", kinds: CROSSPLANE_SETTINGS, ready: &[Exists], ..NONE },
    Family { group: "*.upbound.io", kinds: CROSSPLANE_SETTINGS, ready: &[Exists], ..NONE },
    Family {
        group: "pkg.crossplane.io",
        kinds: &["Provider", "Configuration", "Function"],
        ready: &[Is("Installed", "True"), Is("Healthy", "True")],
        ..NONE
    },
    Family {
        group: "apiextensions.crossplane.io",
        kinds: &["ManagedResourceDefinition"],
        ready: &[OneOf(&[
            Is("Established", "True"),
            AllOf(&[
                Because("Established", &["InactiveManagedResource"]),
                OneOf(&[Missing("/spec/state"), Field("/spec/state", &["Inactive"])]),
            ]),
        ])],
        ..NONE
    },
    Family {
        group: "stacks.crossplane.io",
        ready: &[At("/status/conditionedStatus/conditions", "Ready", "True")],
        ..NONE
    },
    Family {
        group: "*.crossplane.io",
        suspended: CROSSPLANE_PAUSED,
        waits: &[Is("Synced", "False"), Is("LastAsyncOperation", "False")],
        ready: &[OneOf(&[
            Is("Ready", "True"),
            Is("Healthy", "True"),
            Is("RevisionHealthy", "True"),
            Is("Established", "True"),
            Is("Offered", "True"),
            Is("ValidPipeline", "True"),
        ])],
        ..NONE
    },
    Family {
        group: "*.upbound.io",
        suspended: CROSSPLANE_PAUSED,
        waits: &[Is("Synced", "False"), Is("LastAsyncOperation", "False")],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    // KEDA. One that is paused is Ready, too.
    Family {
        group: "keda.sh",
        kinds: &["ScaledObject", "ScaledJob"],
        waits: &[Is("Fallback", "True")],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    Family {
        group: "keda.sh",
        kinds: &["TriggerAuthentication", "ClusterTriggerAuthentication"],
        ready: &[Exists],
        ..NONE
    },
    // Rook. HEALTH_WARN is what a cluster of one node always says.
    Family {
        group: "ceph.rook.io",
        kinds: &["CephCluster"],
        waits: &[Field("/status/ceph/health", &["HEALTH_ERR"])],
        ready: &[
            Field("/status/state", &["Created", "Connected"]),
            Field("/status/ceph/health", &["HEALTH_OK", "HEALTH_WARN"]),
        ],
        ..NONE
    },
    Family { group: "ceph.rook.io", ready: &[Field("/status/phase", &["Ready", "Connected", "Created"])], ..NONE },
    // KubeVirt. A machine that is to be off is not Ready.
    Family {
        group: "kubevirt.io",
        kinds: &["VirtualMachine"],
        suspended: &[Field("/spec/running", &["false"]), Field("/spec/runStrategy", &["Halted"])],
        ready: &[Is("Ready", "True")],
        ..NONE
    },
    // Kueue. What only describes reports nothing.
    Family {
        group: "kueue.x-k8s.io",
        kinds: &["ClusterQueue", "LocalQueue", "AdmissionCheck"],
        ready: &[Is("Active", "True")],
        ..NONE
    },
    Family {
        group: "kueue.x-k8s.io",
        kinds: &["Workload"],
        ready: &[OneOf(&[Is("Finished", "True"), Is("Admitted", "True")])],
        ..NONE
    },
    Family {
        group: "kueue.x-k8s.io",
        kinds: &[
            "ResourceFlavor",
            "Cohort",
            "WorkloadPriorityClass",
            "Topology",
            "ProvisioningRequestConfig",
            "MultiKueueConfig",
        ],
        ready: &[Exists],
        ..NONE
    },
];

/// A Rollout of before 1.0 reports no phase.
const NO_PHASE: super::family::Test = Missing("/status/phase");

const CROSSPLANE_PAUSED: &[super::family::Test] =
    &[Because("Synced", &["ReconcilePaused"]), Field("/metadata/annotations/crossplane.io~1paused", &["true"])];

const CROSSPLANE_SETTINGS: &[&str] = &[
    "Composition",
    "CompositionRevision",
    "DeploymentRuntimeConfig",
    "EnvironmentConfig",
    "ImageConfig",
    "ProviderConfig",
    "ProviderConfigUsage",
    "ControllerConfig",
    "StoreConfig",
    "ClusterProviderConfig",
    "ClusterProviderConfigUsage",
];
