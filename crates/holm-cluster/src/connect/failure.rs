//! Why there is no cluster, or none that can be used.

use crate::error::{RequestError, Trouble};

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no configuration anywhere.
    #[error("no cluster is configured; looked for: {}", .looked.join("; "))]
    NothingFound {
        /// What was looked for, and what was found instead.
        looked: Vec<String>,
        /// Whether one was meant all the same: a kubeconfig that does not exist is named, or this is a pod.
        is_named: bool,
    },
    /// A kubeconfig cannot be read.
    #[error("the kubeconfig {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why. Never its content.
        reason: String,
    },
    /// No context was named, and the kubeconfig has no current one.
    #[error("the kubeconfig {origin} has no current context; it has: {}", list(.available))]
    NoCurrentContext {
        /// The kubeconfig.
        origin: String,
        /// The contexts that it has.
        available: Vec<String>,
    },
    /// There is no such context.
    #[error("the kubeconfig {origin} has no context \"{context}\"; it has: {}", list(.available))]
    NoSuchContext {
        /// The kubeconfig.
        origin: String,
        /// The context that was asked for.
        context: String,
        /// The contexts that it has.
        available: Vec<String>,
    },
    /// The context cannot be used.
    #[error("the context \"{context}\" of the kubeconfig {origin} cannot be used: {reason}")]
    BadContext {
        /// The kubeconfig.
        origin: String,
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
    /// The server's address was found, but it does not answer as it should.
    #[error("the cluster at {server}{} cannot be used", context_text(.context))]
    NoAnswer {
        /// The server's URL.
        server: String,
        /// The context, where there is one.
        context: Option<String>,
        /// What went wrong: see [`RequestError::trouble`] for which of an unreachable server, a refused certificate and
        /// refused credentials it is.
        #[source]
        source: Box<RequestError>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn context_text(context: &Option<String>) -> String {
    context.as_ref().map(|context| format!(" (context \"{context}\")")).unwrap_or_default()
}

impl ConnectError {
    /// What would help, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NothingFound { .. } => "name a kubeconfig, or set KUBECONFIG",
            Self::NoCurrentContext { .. } | Self::NoSuchContext { .. } => {
                "name one of them, or set it with `kubectl config use-context`"
            }
            Self::Unreadable { .. } | Self::BadContext { .. } => return None,
            Self::NoAnswer { source, .. } => return source.hint(),
        };
        Some(hint.to_owned())
    }

    /// Whether the server refuses the credentials.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::NoAnswer { source, .. } if matches!(source.trouble, Trouble::Unauthorized(_)))
    }
}
