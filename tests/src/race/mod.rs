//! Races: two to four runs of one stack that overlap, with other declarations, some killed, some waiting at their prompt.
//!
//! A [`Race`] is made from a seed. [Playing](Table::play) it starts real programs, each behind a proxy of its own that notes and
//! delays its requests, and then looks for everything that must not be: two overlapping runs of different declarations that
//! both succeeded, an orphan, an inventory that is not true, a password that changed, an object of others that was touched. A
//! [`Campaign`] is many races.

mod bystanders;
mod campaign;
mod journal;
mod judge;
mod play;
mod scenario;
mod stack;

/// The variable of the environment that makes the program of the races one of the runs that race.
pub const PROCESS: &str = "HOLM_RACED";

pub use campaign::{Campaign, Tally};
pub use judge::{Violation, ViolationKind};
pub use play::{Ended, Played, Table};
pub use scenario::{Kill, Race, Runner, Wish};
pub use stack::{Declaration, PROGRAM, declare};
