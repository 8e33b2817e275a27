//! Why a node cannot go on.

/// Why a simulated node cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A request failed in a way that trying again at once would not mend.
    #[error("{what}: {cause}")]
    Request {
        /// What was asked of the API server.
        what: String,
        /// What it answered, or why it could not be reached.
        #[source]
        cause: Box<kube::Error>,
    },
    /// The work did not come to an end: something undoes what the node does.
    #[error("the node does not settle: after {acted} actions something is still due, most often {busiest}")]
    Unsettled {
        /// How much was done.
        acted: usize,
        /// The object that took the most actions, such as `pods default/web-1`.
        busiest: String,
    },
}

impl NodeError {
    pub(crate) fn request(what: impl Into<String>, cause: kube::Error) -> Self {
        Self::Request { what: what.into(), cause: Box::new(cause) }
    }
}
