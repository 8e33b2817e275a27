//! What would happen: a graph, compared with what was observed of the cluster, as a [`Plan`].
//!
//! Data flows one way: the [`Graph`](holm_core::Graph) says what is asked of the server ([`observe`](mod@observe)), the answers
//! are compared with what is [`desired`] ([`diff`], [`takeover`], [`ownership`]), and [`plan`](plan::plan()) makes a closed value
//! of it, which an executor carries out in the order of a [`schedule`]. Nothing here does I/O, reads a clock or the environment:
//! the same input gives the same plan, byte for byte.

pub mod denial;
pub mod desired;
pub mod diff;
pub mod fields;
pub mod inventory;
pub mod observe;
pub mod ownership;
pub mod packed;
pub mod plan;
pub mod schedule;
pub mod takeover;

mod policies;
mod unanswered;

pub use packed::Packed;
pub use plan::{Action, Change, Plan};
pub use policies::enforce;
pub use unanswered::unanswered;
