//! Warnings: what in a declaration is likely a mistake, but may be intended. They block nothing;
//! [`problem`](crate::problem) has what does.

use std::fmt;

use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::site::Site;

/// One thing that is likely a mistake, with its location.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The resource.
    pub resource: ResourceId,
    /// The field; the root where it is about the whole resource.
    pub path: FieldPath,
    /// The line of the user's program.
    pub site: Option<Site>,
    /// What would help, or how to state that it is intended.
    pub hint: Option<String>,
}

impl Warning {
    /// Makes a warning that names no line and no hint yet.
    pub fn new(kind: WarningKind, resource: ResourceId, path: FieldPath) -> Self {
        Self { kind, resource, path, site: None, hint: None }
    }
}

/// What a warning can be about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// A secret value is stored outside of a Secret, in this kind of object. Never holds the value.
    #[error("{0} is stored in plain text; everyone who can read the {1} can read it")]
    SecretInPlainText(SecretSource, String),
    /// Something that the API server may reject, in its words, and why it may not.
    #[error("{0}; {1}")]
    MayBeRejected(String, &'static str),
    /// An object that came as text refers to one that is not in the stack. It may exist in the cluster, or be created at run
    /// time.
    #[error("refers to {target}, which is neither in this stack nor declared external")]
    NotInStack {
        /// The object that is referred to.
        target: ResourceId,
    },
    /// A reference to a key of a Secret or ConfigMap of the stack that declares no keys, so that something else fills it.
    #[error("references key \"{key}\", which {target} does not declare")]
    UndeclaredKey {
        /// The Secret or ConfigMap.
        target: ResourceId,
        /// The key.
        key: String,
    },
    /// A selector that matches no pods of the stack.
    #[error("selects no pods of this stack: {selector}")]
    SelectsNothing {
        /// The labels asked for.
        selector: String,
    },
    /// A Service port that no selected container declares. The declaration of ports is informational.
    #[error("port {port} targets {target}, which no container of {workload} declares")]
    UndeclaredPort {
        /// The Service's port.
        port: String,
        /// The target port, by number or name.
        target: String,
        /// The workload whose pods are selected.
        workload: ResourceId,
    },
    /// During a rolling update, pods of two generations need one ReadWriteOnce claim, which works on one node only.
    #[error("a rolling update would start a new pod while the old one still holds the ReadWriteOnce claim {claim}")]
    RollingClaim {
        /// The claim.
        claim: ResourceId,
    },
    /// An advisory policy of the program is violated.
    #[error("violates the policy {policy}: {message} ({reason})")]
    PolicyViolated {
        /// The policy's name.
        policy: String,
        /// What is wrong.
        message: String,
        /// Why there is the policy.
        reason: String,
    },
    /// A cluster-scoped object has a namespace, which is dropped.
    #[error("{kind} is cluster-scoped; metadata.namespace \"{namespace}\" is ignored")]
    IgnoredNamespace {
        /// The kind.
        kind: String,
        /// The namespace given.
        namespace: String,
    },
    /// A workload selects the pods of another one too.
    #[error("selector {selector} also selects the pods of {other}")]
    OverlappingSelectors {
        /// The labels asked for.
        selector: String,
        /// The other workload.
        other: ResourceId,
    },
    /// An autoscaler sets the number of replicas that is declared.
    #[error("the number of replicas is declared, and {autoscaler} sets it too")]
    AutoscaledReplicas {
        /// The autoscaler.
        autoscaler: ResourceId,
    },
    /// The stack has an inventory in another namespace too, and none in its own yet.
    #[error(
        "the stack has an inventory in namespace {namespace}; what is recorded there stays in the cluster, unmanaged by this run"
    )]
    InventoryElsewhere {
        /// The other namespace.
        namespace: String,
    },
    /// The program names a field that the schema of the kind does not have.
    #[error("{option} names {path}, and {} {kind} has no such field", article(.kind))]
    UnknownPath {
        /// The option or method of the program.
        option: &'static str,
        /// The path.
        path: FieldPath,
        /// The kind.
        kind: String,
    },
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" }
}

/// Where a secret value comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretSource {
    /// A value that the program was given or has.
    #[error("a sensitive value")]
    Given,
    /// The generated value of this name.
    #[error("the generated value \"{0}\"")]
    Generated(String),
    /// A value of this Secret.
    #[error("a value of {0}")]
    Secret(ResourceId),
}

/// What becomes of warnings of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningLevel {
    /// They are not reported.
    Allow,
    /// They are problems, which block the plan.
    Deny,
}

impl WarningKind {
    /// The words of [`code`](Self::code) for which a program sets a level: those of warnings that are known without a cluster.
    pub const CODES: [&'static str; 10] = [
        "secret_in_plain_text",
        "not_in_stack",
        "undeclared_key",
        "selects_nothing",
        "undeclared_port",
        "rolling_claim",
        "ignored_namespace",
        "unknown_path",
        "overlapping_selectors",
        "autoscaled_replicas",
    ];

    /// Returns the word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretInPlainText(..) => "secret_in_plain_text",
            Self::MayBeRejected(..) => "may_be_rejected",
            Self::NotInStack { .. } => "not_in_stack",
            Self::UndeclaredKey { .. } => "undeclared_key",
            Self::SelectsNothing { .. } => "selects_nothing",
            Self::UndeclaredPort { .. } => "undeclared_port",
            Self::RollingClaim { .. } => "rolling_claim",
            Self::IgnoredNamespace { .. } => "ignored_namespace",
            Self::InventoryElsewhere { .. } => "inventory_elsewhere",
            Self::UnknownPath { .. } => "unknown_path",
            Self::OverlappingSelectors { .. } => "overlapping_selectors",
            Self::AutoscaledReplicas { .. } => "autoscaled_replicas",
            Self::PolicyViolated { .. } => "policy_violated",
        }
    }
}

impl fmt::Display for Warning {
    /// Writes one line: the resource, the field and what it is about. Site and hint are for the caller to lay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.resource)?;
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.kind)
    }
}
