//! What can go wrong with a cluster. No error holds a body, and the server's words are scrubbed of secret values.

use holm_core::ResourceId;
use holm_planner::denial;
use holm_planner::inventory::InventoryError;
use holm_planner::observe::{FieldConflict, Refusal};

/// Why the cluster could not be observed, or a run not be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A request failed, after every retry that was safe.
    #[error(transparent)]
    Request(#[from] Box<RequestError>),
    /// The inventory is there but cannot be understood.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The inventory could not be read, so that it is not known what the stack owns.
    #[error("the inventory ConfigMap {namespace}/{name} cannot be read, so it is not known what the stack owns")]
    InventoryUnreadable {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<RequestError>,
    },
    /// The intent could not be written. Nothing else was changed.
    #[error(
        "the intended changes cannot be recorded in the inventory ConfigMap {namespace}/{name}, so nothing was changed"
    )]
    IntentNotWritten {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<RequestError>,
    },
    /// Another run wrote the inventory after this one had read it. Nothing else was changed.
    #[error(
        "another run changed the inventory ConfigMap {namespace}/{name} after this one had read it, so nothing was changed"
    )]
    AnotherRun {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The namespace of the inventory could not be created. Nothing else was changed.
    #[error("{id}, in which the inventory lives, cannot be created, so nothing was changed")]
    NoNamespace {
        /// The namespace.
        id: ResourceId,
        /// Why.
        #[source]
        source: Box<RequestError>,
    },
    /// Something stands in the way of the plan. Nothing was changed.
    #[error("{id} {reason}")]
    Blocked {
        /// The object.
        id: ResourceId,
        /// What stands in the way.
        reason: String,
    },
    /// The operating system gives no random numbers for a generated value.
    #[error("a generated value cannot be made: {0}")]
    NoRandomness(getrandom::Error),
}

impl ClusterError {
    /// What would help, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Request(error) => error.hint(),
            Self::InventoryUnreadable { source, .. }
            | Self::IntentNotWritten { source, .. }
            | Self::NoNamespace { source, .. } => source.hint(),
            Self::AnotherRun { .. } => Some("wait until the other run has ended, then plan again".to_owned()),
            Self::Inventory(error) => Some(error.hint()),
            Self::Blocked { .. } | Self::NoRandomness(_) => None,
        }
    }

    /// The request that failed, if one did.
    pub fn request(&self) -> Option<&RequestError> {
        match self {
            Self::Request(error) => Some(error),
            Self::InventoryUnreadable { source, .. }
            | Self::IntentNotWritten { source, .. }
            | Self::NoNamespace { source, .. } => Some(source),
            Self::Inventory(_) | Self::AnotherRun { .. } | Self::Blocked { .. } | Self::NoRandomness(_) => None,
        }
    }
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{method} {path}{}: {trouble}", tries_text(.tries))]
#[non_exhaustive]
pub struct RequestError {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// How often it was tried.
    pub tries: u32,
    /// What went wrong at the last try.
    pub trouble: Trouble,
}

fn tries_text(tries: &u32) -> String {
    if *tries > 1 { format!(" (tried {tries} times)") } else { String::new() }
}

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// 401: the server does not know who we are.
    #[error("the server does not accept the credentials: {0}")]
    Unauthorized(String),
    /// 403: we may not do this.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// 403 for another reason than rights: a quota, Pod Security, a namespace that terminates, any admission plugin.
    #[error("forbidden: {}", .0.message)]
    Denied(Refusal),
    /// 503 for one API only, whose own server is away.
    #[error("the API is unavailable: {0}")]
    ApiUnavailable(String),
    /// 404 for an object (or its namespace).
    #[error("not found: {0}")]
    NotFound(String),
    /// 404 for a whole kind.
    #[error("the cluster does not serve this kind")]
    KindNotServed,
    /// 409 because other managers own fields.
    #[error("{}", conflicts_text(.0))]
    FieldConflicts(Vec<FieldConflict>),
    /// 409 because the object is there already.
    #[error("exists already: {0}")]
    AlreadyExists(String),
    /// Any other 409: the object is not the one that was meant, or was changed in between.
    #[error("conflict: {0}")]
    Conflict(String),
    /// 410: the point in time that was asked for is forgotten.
    #[error("expired: {0}")]
    Expired(String),
    /// 422: the object breaks a rule.
    #[error("invalid: {}", .0.message)]
    Invalid(Refusal),
    /// 429: slow down.
    #[error("too many requests: {0}")]
    TooManyRequests(String),
    /// 413: the object is too large for the server.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Any other refusal (4xx).
    #[error("refused ({} {}): {}", .0.code, .0.reason, .0.message)]
    Refused(Refusal),
    /// The server fails (5xx).
    #[error("the server fails ({} {}): {}", .0.code, .0.reason, .0.message)]
    Server(Refusal),
    /// There was no answer in time, in seconds.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// No connection could be made.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's or our certificate is not accepted, or it does not speak TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Interrupted(String),
    /// The credentials could not be got.
    #[error("no credentials: {0}")]
    Credentials(String),
    /// The answer is not what the protocol says.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
}

fn conflicts_text(conflicts: &[FieldConflict]) -> String {
    let list: Vec<String> =
        conflicts.iter().map(|conflict| format!("{} is owned by \"{}\"", conflict.field, conflict.manager)).collect();
    format!("another field manager set it to another value: {}", list.join(", "))
}

impl RequestError {
    /// What would help, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.trouble {
            Trouble::Unauthorized(_) => {
                "the token or certificate of this context is wrong or has expired: log in again, or choose another context"
            }
            Trouble::Forbidden(_) => {
                "ask for the right, or use credentials that have it (see `kubectl auth can-i --list`)"
            }
            Trouble::Denied(refusal) => return Some(denial::hint(&refusal.message).to_owned()),
            Trouble::ApiUnavailable(_) => {
                "check the pods of that Service, or delete the APIService if it is no longer needed"
            }
            Trouble::KindNotServed => "install what defines the kind first, or correct its apiVersion",
            Trouble::FieldConflicts(_) => {
                "it was changed after the plan was made: plan again, or say on_conflict(TakeOver) in the program"
            }
            Trouble::AlreadyExists(_) | Trouble::Conflict(_) => "it was changed after the plan was made: plan again",
            Trouble::TooLarge(_) => "split it up: an object may hold about 1 MiB",
            Trouble::Server(refusal) if is_disk_full(&refusal.message) => {
                "the disk of the cluster's storage is full: free space (etcd: compact, defragment, then disarm its alarm)"
            }
            Trouble::Server(refusal) if is_webhook_away(&refusal.message) => {
                "look at the server behind the webhook, or delete the webhook's configuration while it is away"
            }
            Trouble::Timeout(_) | Trouble::Unreachable(_) | Trouble::Interrupted(_) => {
                "is the cluster running, and is this its address? (`kubectl cluster-info`)"
            }
            Trouble::Tls(_) => {
                "check certificate-authority and server of this context; the cluster may have been made anew since"
            }
            Trouble::Credentials(_) => "check the user of this context in the kubeconfig",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the server is out of reach for every request, so that going on makes no sense.
    pub fn is_about_the_connection(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Unauthorized(_)
                | Trouble::Timeout(_)
                | Trouble::Unreachable(_)
                | Trouble::Tls(_)
                | Trouble::Interrupted(_)
                | Trouble::Credentials(_)
        )
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self.trouble, Trouble::NotFound(_) | Trouble::KindNotServed)
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self.trouble, Trouble::Forbidden(_))
    }
}

/// Whether an admission webhook gave no answer: the words of its dispatcher (apiserver `pkg/admission/plugin/webhook`).
fn is_webhook_away(message: &str) -> bool {
    message.contains("failed calling webhook") || message.contains("failed calling admission webhook")
}

/// Whether a server cannot store anything for lack of space: etcd's words, and the operating system's.
fn is_disk_full(message: &str) -> bool {
    ["database space exceeded", "no space left on device", "No space left on device", "StorageFull"]
        .iter()
        .any(|words| message.contains(words))
}

impl Trouble {
    /// What a 403 is where it is not about rights.
    pub(crate) fn denied(self) -> Self {
        match self {
            Self::Forbidden(_) => Self::Denied(self.refusal()),
            other => other,
        }
    }

    /// What the plan needs to know of a refusal.
    pub(crate) fn refusal(&self) -> Refusal {
        let plain = |code, reason: &str, message: &str| Refusal {
            code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            causes: Vec::new(),
        };
        match self {
            Self::Invalid(refusal) | Self::Refused(refusal) | Self::Server(refusal) | Self::Denied(refusal) => {
                refusal.clone()
            }
            Self::Unauthorized(message) => plain(401, "Unauthorized", message),
            Self::Forbidden(message) => plain(403, "Forbidden", message),
            Self::NotFound(message) => plain(404, "NotFound", message),
            Self::KindNotServed => plain(404, "NotFound", "the cluster does not serve this kind"),
            Self::FieldConflicts(_) => plain(409, "Conflict", &self.to_string()),
            Self::AlreadyExists(message) => plain(409, "AlreadyExists", message),
            Self::Conflict(message) => plain(409, "Conflict", message),
            Self::Expired(message) => plain(410, "Expired", message),
            Self::TooLarge(message) => plain(413, "RequestEntityTooLarge", message),
            Self::TooManyRequests(message) => plain(429, "TooManyRequests", message),
            other => plain(0, "", &other.to_string()),
        }
    }
}
