//! What happens during an apply, as it happens: the one stream from which progress, logs, JSON and the summary are made.

use std::time::Duration;

use holm_core::ResourceId;
use holm_planner::plan::Action;
use holm_readiness::Readiness;
use holm_readiness::cause::Cause;

/// One thing that happened. All texts are scrubbed of secret values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A change was begun: its request is on the way.
    Started {
        /// The object.
        id: ResourceId,
        /// What is being done.
        action: Action,
    },
    /// A write was acknowledged by the server.
    Written {
        /// The object.
        id: ResourceId,
        /// What was done.
        action: Action,
        /// Since it was begun.
        after: Duration,
    },
    /// The object is not ready yet, and how far it has come. Sent when that changes.
    Waiting {
        /// The object.
        id: ResourceId,
        /// How far it has come.
        readiness: Readiness,
    },
    /// The object is ready.
    Ready {
        /// The object.
        id: ResourceId,
        /// Since its change was begun.
        after: Duration,
        /// What a reader would not expect of an object that is ready; none where there is nothing of that kind.
        note: Option<String>,
    },
    /// A container of an object that is rolling out has logged a line. Sent only where logs are asked for.
    Log {
        /// The object, such as a Job.
        id: ResourceId,
        /// The name of its pod.
        pod: String,
        /// The name of the container.
        container: String,
        /// The line, without secret values and control characters.
        line: String,
    },
    /// The object is gone.
    Deleted {
        /// The object.
        id: ResourceId,
        /// Since its deletion was begun.
        after: Duration,
    },
    /// The object was released, or was gone already: it is not in the inventory any more.
    Released {
        /// The object.
        id: ResourceId,
    },
    /// A change failed, or its object will not become ready.
    Failed {
        /// The object.
        id: ResourceId,
        /// What was being done.
        action: Action,
        /// What went wrong.
        failure: Failure,
    },
    /// A change was not begun.
    Skipped {
        /// The object.
        id: ResourceId,
        /// What would have been done.
        action: Action,
        /// Why not.
        because: SkipReason,
    },
    /// A warning of the API server, once for each text.
    Warning {
        /// The object that the request was about, where it was about one.
        id: Option<ResourceId>,
        /// The server's words.
        text: String,
    },
    /// A request is tried again.
    Retrying {
        /// The object.
        id: ResourceId,
        /// What went wrong.
        error: String,
        /// How long until the next try.
        after: Duration,
    },
    /// The user asked to stop: nothing new is begun, what is in flight is finished and recorded.
    Stopping,
}

/// Why a change failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, in one line.
    pub message: String,
    /// The chain of causes below it, outermost first.
    pub sources: Vec<String>,
    /// Why the object is not ready, where that is what failed.
    pub cause: Option<Box<Cause>>,
    /// What would help.
    pub hint: Option<String>,
}

/// Why a change was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Something that it depends on failed.
    DependencyFailed(ResourceId),
    /// A write failed, so nothing is pruned.
    NothingPrunedAfterFailure,
    /// Every write succeeded, and this object is not ready, so nothing is pruned.
    NothingPrunedWhileNotReady(ResourceId),
    /// The run was stopped.
    Interrupted,
}

/// How one object came out of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and ready where it was waited for.
    Done,
    /// Failed.
    Failed(Failure),
    /// Not begun.
    Skipped(SkipReason),
}

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every change with its outcome and how long it took, in the order in which they ended.
    pub outcomes: Vec<(ResourceId, Action, Outcome, Duration)>,
    /// How many requests were sent, watches among them.
    pub requests: u64,
    /// From the first write to the last wait.
    pub duration: Duration,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

impl Report {
    /// Whether everything was done.
    pub fn is_success(&self) -> bool {
        !self.interrupted && self.outcomes.iter().all(|(_, _, outcome, _)| matches!(outcome, Outcome::Done))
    }
}
