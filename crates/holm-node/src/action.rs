//! What the parts of a node decide: requests to send, and when to look again.

use serde_json::Value;

use crate::event::Event;
use crate::resource::Resource;

/// A request that changes the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Writes an Event, or counts it up if it has been written before.
    Event(Event),
    /// Creates an object.
    Create { resource: Resource, object: Value, manager: String },
    /// Changes an object, or a part of it, by a strategic merge patch. `uid` keeps it from changing a namesake.
    Patch {
        resource: Resource,
        namespace: String,
        name: String,
        uid: String,
        subresource: &'static str,
        body: Value,
        manager: String,
    },
    /// Deletes an object if it still has the uid; with a grace period of no time for pods.
    Delete { resource: Resource, namespace: String, name: String, uid: String },
    /// Binds a pod to a node.
    Bind { namespace: String, name: String, uid: String, node: String },
}

/// For whom a decision must be made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Nobody else's change matters.
    #[default]
    No,
    /// Something in the namespace, or a volume: a Secret, a ConfigMap, a claim.
    Namespace,
    /// A node, a volume, a class, a claim, or room on a node.
    Scheduling,
}

/// What to do for an object now, and when to look at it again if nothing changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    pub actions: Vec<Action>,
    /// Milliseconds since 1970.
    pub next: Option<i64>,
    pub waits: Waits,
}

impl Decision {
    pub(crate) fn act(actions: Vec<Action>) -> Self {
        Self { actions, ..Self::default() }
    }

    pub(crate) fn at(due: i64) -> Self {
        Self { next: Some(due), ..Self::default() }
    }
}

/// What a node remembers of an object between two decisions, because objects have no time finer than a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The step that the object waits for.
    pub step: String,
    /// When it began to wait: milliseconds since 1970.
    pub since: i64,
    /// How often the step was done without the object leaving it.
    pub visits: u32,
    /// The address that a pod has got.
    pub address: String,
}

impl Memory {
    /// Enters a step, or stays in it, and gives the time at which it is due.
    pub(crate) fn due(&mut self, step: &str, now: i64, delay: impl FnOnce(u32) -> i64) -> i64 {
        if self.step != step {
            self.step = step.to_owned();
            self.since = now;
            self.visits = 0;
        }
        self.since.saturating_add(delay(self.visits))
    }

    /// The step has been done once more.
    pub(crate) fn done(&mut self, now: i64) {
        self.visits = self.visits.saturating_add(1);
        self.since = now;
    }
}
