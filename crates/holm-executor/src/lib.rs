//! How a plan is carried out, as a pure state machine: a [`Message`] goes in, [`Effect`]s come out.
//!
//! A [`Machine`] holds the state of a whole run: of every change in one place, of the inventory, and of what is waited for. It
//! sends nothing, reads no clock and starts nothing. Whoever drives it carries the effects out in any order and hands back what
//! came of them, with the time of the run. So every interleaving of answers, watch events, ticks, stops and failures is a
//! sequence of calls, and is tested as one.
//!
//! The order of a run is: the inventory's own namespace where it is new, the intent, the writes, one more look at the inventory,
//! the deletes (only when nothing failed), the record; the inventory's own namespace goes last of all.
//!
//! # Guarantees
//! - Nothing is begun unless the inventory was this run's within the last second ([`VERIFIED_FOR`]), and nothing is deleted or
//!   released before one more look at it.
//! - Nothing is deleted after a write failed.
//! - Every effect that asks for an answer gets at most one message, and a machine that got all of them ends.

pub mod event;

mod effect;
mod failure;
mod lasting;
mod machine;
mod message;
mod options;
mod watching;
mod write;

pub use effect::{Effect, End, NotBegun};
pub use machine::{FENCE, Machine, VERIFIED_FOR};
pub use message::{Lost, Message, Release, Removal, Seen, Written};
pub use options::{ApplyOptions, StopLevel};
pub use watching::{Purpose, Scope};
pub use write::{Force, Write};

/// What an object's readiness depends on beside itself. The driver answers from what it found out so far.
pub trait Surround: Sync {
    /// Returns what is known about the surroundings of an object of `kind`, and the question that should be answered first, as
    /// a text that is the same for the same question; none where nothing is left to be found out.
    fn about(
        &self,
        kind: &holm_core::ApiKind,
        object: &serde_json::Value,
    ) -> (holm_readiness::Surroundings, Option<String>);
}
