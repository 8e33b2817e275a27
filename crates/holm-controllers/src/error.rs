//! Why work on an object is tried again.

use holm_apiserver::ApiError;

/// Why a controller could not finish.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The API refused a write.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Something is not as it must be yet.
    #[error("{0}")]
    NotYet(String),
}

impl Failure {
    /// Somebody else wrote meanwhile; what is there now may be worked on at once.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(error) if error.reason == "Conflict")
    }
}

/// The outcome of work on one object.
pub(crate) type Outcome = Result<(), Failure>;

/// Whether the namespace of the object is going, so that nothing can be made in it any more.
pub(crate) fn is_namespace_terminating(error: &ApiError) -> bool {
    let causes = error.details.as_ref().and_then(|details| details.get("causes")?.as_array());
    causes.into_iter().flatten().any(|cause| cause.get("reason").is_some_and(|reason| reason == "NamespaceTerminating"))
}

/// Whether the object is gone.
pub(crate) fn is_not_found(error: &ApiError) -> bool {
    error.reason == "NotFound"
}

/// Whether an object of that name is there already.
pub(crate) fn is_already_exists(error: &ApiError) -> bool {
    error.reason == "AlreadyExists"
}
