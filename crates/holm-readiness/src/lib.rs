//! Whether an object works, in the words of kstatus, and why not.
//!
//! The rules are those of kstatus (sigs.k8s.io/cli-utils `pkg/kstatus/status`) with what it leaves out: image pulls,
//! configuration errors, init containers, failed pods, load balancers, Jobs that must complete, lost claims, claims that
//! wait for their first consumer, and custom resources that nobody has looked at yet.
//!
//! [`assess`] sees one object and no clock, so it says `Failed` only where the object itself says that it will not come.
//! What takes a second look (a pod that cannot start, seen from its Deployment) is [`cause::explain`]'s, whose
//! [`Cause::is_final`](cause::Cause::is_final) tells that waiting on is in vain.
//!
//! The crate reads objects as JSON, does no I/O and needs nothing else of holm.
//!
//! ```
//! use holm_readiness::{State, Surroundings, assess};
//! use holm_values::{ApiKind, Scope};
//!
//! let kind = ApiKind {
//!     group: "batch".to_owned(),
//!     version: "v1".to_owned(),
//!     kind: "Job".to_owned(),
//!     plural: "jobs".to_owned(),
//!     scope: Scope::Namespaced,
//! };
//! let job = serde_json::json!({
//!     "metadata": {"name": "migrate", "generation": 1},
//!     "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
//! });
//! let readiness = assess(&kind, &job, None, &Surroundings::default());
//! assert_eq!((readiness.state, readiness.reason.as_str()), (State::Failed, "BackoffLimitExceeded"));
//! ```

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use holm_redact::Redactor;
use holm_values::ApiKind;

pub mod cause;

mod batch;
mod container;
mod custom;
mod failure;
mod families;
mod family;
mod generic;
mod grace;
mod image;
mod object;
mod patience;
mod platform;
mod pod;
mod rule;
mod storage;
mod trouble;
mod workload;

pub use failure::failed_since;
pub use grace::{STATUS_GRACE, can_report_status, last_change, reports_status};
pub use patience::{WATCHED_FOR, allowance, is_available_unseen};
pub use rule::ReadyWhen;

#[cfg(test)]
mod tests;

/// How far an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It works as declared.
    Current,
    /// It is on its way.
    InProgress,
    /// It will not come by itself.
    Failed,
    /// It is being deleted.
    Terminating,
    /// It is not there.
    NotFound,
    /// It could not be read.
    Unknown,
}

/// A state with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// How far it has come.
    pub state: State,
    /// A machine's word for why, in CamelCase as Kubernetes writes reasons; empty where there is nothing to say.
    pub reason: String,
    /// A person's words for why, such as `1 of 3 replicas are available`; empty where there is nothing to say. May hold
    /// the server's words as they came: [`scrub`](Self::scrub) before it is shown.
    pub message: String,
}

/// What an object's own fields do not say but its readiness depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// For a claim: whether its storage class binds only once a pod uses it. None where that is not known.
    pub waits_for_first_consumer: Option<bool>,
    /// For a custom resource: whether its version is served with a status subresource, which discovery tells (a resource
    /// `widgets/status` beside `widgets`) without any right to read the definition. None where that is not known.
    pub has_status_subresource: Option<bool>,
    /// For a custom resource: whether the schema of its definition lets a controller report anything
    /// ([`can_report_status`]). None where that is not known.
    pub can_report_status: Option<bool>,
    /// For a custom resource: whether other objects of its kind have a status. None where that is not known.
    pub others_report_status: Option<bool>,
    /// For a custom resource: how long ago its specification changed ([`last_change`]), by the server's clock. None where that
    /// is not known.
    pub unchanged_for: Option<Duration>,
    /// For a custom resource: whether what would report its status is part of the same run and not ready yet.
    pub is_operator_pending: bool,
}

/// How far a live object has come. `custom` replaces what the kind's own rule calls ready; that an object is being
/// deleted, or that its kind's rule calls it Failed while the custom rule does not hold, is still said.
///
/// The order is that of kstatus: deletion, then `observedGeneration` (so that no status of an older generation counts),
/// then the conditions `Reconciling` and `Stalled`, then the rule of the kind. Kinds without a rule are Current as soon as
/// they exist. Never panics, whatever the object looks like.
pub fn assess(kind: &ApiKind, object: &Value, custom: Option<&ReadyWhen>, surroundings: &Surroundings) -> Readiness {
    if let Some(readiness) = generic::terminating(object) {
        return readiness;
    }
    let Some(rule) = custom else {
        return by_kind(kind, object, surroundings);
    };
    let readiness = custom::custom_rule(rule, object);
    if readiness.is_current() {
        return readiness;
    }
    let own = by_kind(kind, object, surroundings);
    if own.state == State::Failed { own } else { readiness }
}

/// Returns whether the readiness of a custom kind is in the table of families, so that nothing else needs to be known about it.
pub fn has_rule(kind: &ApiKind) -> bool {
    family::is_known(&kind.group, &kind.kind)
}

fn by_kind(kind: &ApiKind, object: &Value, surroundings: &Surroundings) -> Readiness {
    if let Some(readiness) = generic::unsettled(object) {
        return readiness;
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workload::replica_set(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("apps", "DaemonSet") => workload::daemon_set(object),
        ("", "Pod") => pod::pod(object),
        ("batch", "Job") => batch::job(object),
        ("batch", "CronJob") => batch::cron_job(object),
        ("", "PersistentVolumeClaim") => storage::claim(object, surroundings),
        ("", "PersistentVolume") => storage::volume(object),
        ("storage.k8s.io", "VolumeAttachment") => storage::attachment(object),
        ("", "Namespace") => platform::namespace(object),
        ("", "Secret") => platform::secret(object),
        ("", "Service") => platform::service(object),
        ("networking.k8s.io" | "extensions", "Ingress") => platform::ingress(object),
        ("networking.k8s.io", "ServiceCIDR") => platform::must_be_true(object, "Ready", "is not in use yet"),
        ("autoscaling", "HorizontalPodAutoscaler") => platform::autoscaler(object),
        ("policy", "PodDisruptionBudget") => platform::disruption_budget(object),
        ("certificates.k8s.io", "CertificateSigningRequest") => platform::signing_request(object),
        ("storagemigration.k8s.io", "StorageVersionMigration") => platform::migration(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => platform::definition(object),
        ("apiregistration.k8s.io", "APIService") => platform::api_service(object),
        ("admissionregistration.k8s.io" | "flowcontrol.apiserver.k8s.io", _) => platform::with_warnings(object),
        (group, _) if generic::is_built_in(group) => Readiness::current(),
        (group, kind) => match family::assess(group, kind, object) {
            Some(readiness) => readiness,
            None => custom::custom_resource(object, surroundings),
        },
    }
}

impl Readiness {
    /// A state with its reason and message.
    pub fn new(state: State, reason: &str, message: &str) -> Self {
        Self { state, reason: reason.to_owned(), message: message.to_owned() }
    }

    /// Whether the object works as declared.
    pub fn is_current(&self) -> bool {
        self.state == State::Current
    }

    /// Returns whether an object that is Current has something to say that a reader would not expect, such as that its pods are still
    /// old ones.
    pub fn is_noteworthy(&self) -> bool {
        const REASONS: [&str; 9] = [
            "Dangling",
            "ExpressionWarnings",
            "FileSystemResizePending",
            "NoAddress",
            "NoNodes",
            "NoStatusReported",
            "OnDelete",
            "Partitioned",
            "Paused",
        ];
        self.is_current() && REASONS.contains(&self.reason.as_str())
    }

    /// Makes the message fit to be shown: secret values are masked, control characters taken out, and the rest cut to
    /// [`cause::MESSAGE_LIMIT`] characters, in this order, so that no cut leaves half of a secret behind.
    pub fn scrub(&mut self, redactor: &Redactor) {
        self.message = cause::shown(&self.message, redactor, cause::MESSAGE_LIMIT);
    }

    fn current() -> Self {
        Self::new(State::Current, "", "")
    }

    fn current_because(reason: &str, message: &str) -> Self {
        Self::new(State::Current, reason, message)
    }

    fn in_progress(reason: &str, message: &str) -> Self {
        Self::new(State::InProgress, reason, message)
    }

    fn failed(reason: &str, message: &str) -> Self {
        Self::new(State::Failed, reason, message)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        })
    }
}
