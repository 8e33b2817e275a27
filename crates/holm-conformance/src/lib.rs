//! How the embedded API server is compared with a real one: requests that are sent to any server, and answers without what is
//! different in every run. The table of conformance cases and the fuzzer are built on it.
#![allow(clippy::panic, reason = "a harness fails a test by panicking")]

pub mod fuzz;
pub mod normal;
mod request;

pub use request::{Answer, Request};
