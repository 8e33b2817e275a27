//! Why an object is not ready: the chain of owners down to the container, its state, its events and its last words.
//!
//! To use it: [`lookups`] says what to list for an object that is not ready, [`containers_to_log`] whose logs would
//! help, and [`explain`] makes the [`Cause`] of all that. All three are pure; whatever could not be fetched is left out
//! and makes the cause less exact, never wrong.

use holm_redact::Redactor;
use holm_values::ResourceId;

pub use evidence::{Evidence, LiveObject, LogSource, Lookup, Select, descendants, lookups, selector_of};
pub use explain::{containers_to_log, explain, explain_deletion, explain_instability};

pub(super) use text::shown;

mod claim;
mod creation;
mod events;
mod evidence;
mod explain;
mod other;
mod pod;
mod text;
mod workload;

/// The most characters of a server's message that are shown.
pub const MESSAGE_LIMIT: usize = 400;
/// The most events of a cause.
pub const EVENT_LIMIT: usize = 5;
/// The most log lines of a cause.
pub const LOG_LINE_LIMIT: usize = 10;
/// The most characters of a log line.
pub const LOG_LINE_LENGTH: usize = 200;

/// Why an object is not ready, as a person would look for it. Made by [`explain`], which scrubs and bounds all texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// One sentence: what is wrong.
    pub summary: String,
    /// What would help, where that is known.
    pub hint: Option<String>,
    /// From the object down to what fails, such as Deployment, ReplicaSet, Pod.
    pub chain: Vec<ResourceId>,
    /// The container that fails, if one does.
    pub container: Option<ContainerCause>,
    /// Warning events (and the few others that tell what a claim or an image waits for) about anything in the chain,
    /// newest last, at most [`EVENT_LIMIT`].
    pub events: Vec<EventLine>,
    /// Whether this will not mend by itself, so that waiting on is in vain.
    pub is_final: bool,
    /// What is missing and may still come, such as a Secret that a Job makes; its name is empty where it is not known. The cause
    /// is not final then: how long to wait depends on who may make it.
    pub missing: Option<ResourceId>,
}

/// A container that fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerCause {
    /// Its name.
    pub name: String,
    /// Whether it is an init container.
    pub is_init: bool,
    /// The image.
    pub image: String,
    /// The state's reason, such as `CrashLoopBackOff` or `ImagePullBackOff`.
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// The exit code of the last end, if it ended.
    pub exit_code: Option<i32>,
    /// What the exit code means where that is a convention, such as `killed by SIGKILL` for 137.
    pub exit_meaning: Option<String>,
    /// How often it was restarted.
    pub restarts: i32,
    /// The last lines of its log (of the previous container, where the current one has none), at most
    /// [`LOG_LINE_LIMIT`].
    pub log: Vec<String>,
    /// Whether `log` is the previous container's.
    pub log_is_previous: bool,
}

/// An event of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// The reason, such as `FailedScheduling`.
    pub reason: String,
    /// The server's words, scrubbed of secret values.
    pub message: String,
    /// How often it happened.
    pub count: i64,
    /// When it happened last, where the event says so.
    pub last_seen: Option<jiff::Timestamp>,
    /// What it is about.
    pub about: ResourceId,
}

impl Cause {
    /// Masks secret values in all texts. [`explain`] did so with the redactor it was given; this is for values that were
    /// learned later.
    pub fn scrub(&mut self, redactor: &Redactor) {
        let mask = |text: &mut String| *text = redactor.scrub(text);
        mask(&mut self.summary);
        self.hint.iter_mut().for_each(mask);
        for event in &mut self.events {
            mask(&mut event.message);
        }
        if let Some(container) = &mut self.container {
            mask(&mut container.image);
            mask(&mut container.reason);
            mask(&mut container.message);
            container.log.iter_mut().for_each(mask);
        }
    }
}
