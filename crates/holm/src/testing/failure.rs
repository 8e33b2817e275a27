//! Why a run, or a step of a test, did not do what it should.

use std::error::Error;
use std::fmt;

use holm_core::Problems;
use holm_embedded::ApiError;
use holm_faults::Request;

use super::outcome::{Applied, Planned};

/// What went wrong. `Debug` writes the same text as `Display`, whole plans and causes in many lines, so that `expect` and a
/// test that returns it show what happened. Secret values are masked.
#[non_exhaustive]
pub enum Failure {
    /// The declaration has problems.
    Problems(Problems),
    /// The cluster could not be observed, or the run not be begun.
    Cluster(Box<holm_cluster::ClusterError>),
    /// Something stands in the way of the plan, so nothing was changed.
    Blocked(Box<Planned>),
    /// Part of the run failed, or did not become ready.
    Failed(Box<Applied>),
    /// The run was killed, as it was ordered, at this request. Orders of faults are forgotten then, so that the next run gets
    /// through.
    Killed(Box<Request>),
    /// The API server refused an edit of the test's own.
    Refused {
        /// The object, as `Kind/name`.
        object: String,
        /// Its words.
        source: Box<ApiError>,
    },
    /// The cluster does not serve this kind.
    NoSuchKind(String),
    /// The embedded cluster does not start, or cannot go on.
    Embedded(Box<holm_embedded::ClusterError>),
    /// A [`Cluster`](super::Cluster) has its own runtime, which cannot be used inside another one's.
    InsideRuntime,
    /// The operating system gives no runtime.
    NoRuntime(std::io::Error),
}

impl Failure {
    /// What was applied, where a run failed.
    pub fn applied(&self) -> Option<&Applied> {
        match self {
            Self::Failed(applied) => Some(applied),
            _ => None,
        }
    }

    /// The plan of the run that failed or was blocked.
    pub fn planned(&self) -> Option<&Planned> {
        match self {
            Self::Failed(applied) => Some(&applied.planned),
            Self::Blocked(planned) => Some(planned),
            _ => None,
        }
    }

    /// The request at which the run was killed.
    pub fn killed_at(&self) -> Option<&Request> {
        match self {
            Self::Killed(request) => Some(request),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => write!(f, "the declaration has problems\n{problems}"),
            Self::Cluster(error) => write_chain(&**error, f),
            Self::Blocked(planned) => write!(f, "something stands in the way, so nothing was changed\n{planned}"),
            Self::Failed(applied) => write!(f, "the run failed\n{applied}"),
            Self::Killed(request) => write!(f, "the run was killed at: {} {}", request.verb, request.uri),
            Self::Refused { object, source } => write!(f, "the API server refuses {object}: {source}"),
            Self::NoSuchKind(kind) => write!(f, "the cluster does not serve the kind {kind}"),
            Self::Embedded(error) => write_chain(&**error, f),
            Self::InsideRuntime => {
                f.write_str("a test cluster is for tests that are not async: it has its own runtime")
            }
            Self::NoRuntime(error) => write!(f, "there is no runtime: {error}"),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<holm_cluster::ClusterError> for Failure {
    fn from(error: holm_cluster::ClusterError) -> Self {
        Self::Cluster(Box::new(error))
    }
}

impl From<holm_embedded::ClusterError> for Failure {
    fn from(error: holm_embedded::ClusterError) -> Self {
        Self::Embedded(Box::new(error))
    }
}

fn write_chain(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut source = error.source();
    while let Some(error) = source {
        write!(f, ": {error}")?;
        source = error.source();
    }
    Ok(())
}
