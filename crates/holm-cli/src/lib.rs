//! The command line of holm, and the only crate that writes to a terminal: verbs, rendering, progress, prompts, exit codes.
//!
//! A program hands its declaration to [`run`] and is done. Standard output holds data (the plan, the status, the graph, JSON),
//! standard error everything else (which cluster it is, progress, questions, warnings, errors). The data flows one way here,
//! too: arguments are understood once, a verb asks the core and the cluster, and what comes back is rendered by pure
//! functions into text, or into the versioned documents of [`json`].
//!
//! # Exit codes
//! - `0`: done. For `plan` and `status` also where there is something to report.
//! - `1`: an error, of the command line too: clap's own `2` would read as "there are changes".
//! - `3`: a plan is blocked by nothing but policies of the program.
//! - `2`: only with `--detailed-exitcode`: `plan` found changes, `status` found something that is not ready.
//!
//! A `plan` that is blocked exits with `1`, with `--detailed-exitcode` too.

mod args;
mod config;
mod connection;
mod diagnostic;
mod duration;
#[cfg(feature = "embedded")]
mod embedded;
mod hint;
mod interrupt;
pub mod json;
mod panic;
mod progress;
mod prompt;
mod render;
mod run;
mod session;
mod style;
mod target;
mod terminal;
pub mod text;
mod unused;
mod verbs;

pub use holm_config::Schema;
pub use run::{run, run_with_schema};
