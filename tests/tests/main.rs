//! The end-to-end scenarios. Each runs on the real control plane and on the embedded cluster, with the same expectations.
//!
//! `cargo test -p holm-e2e causes::` runs those of one file.

mod appliers;
mod bad_input;
mod canary;
mod cases;
mod causes;
mod changes;
mod configuration;
mod connections;
mod embedded;
mod externals;
mod faults;
mod fuzz;
mod helm;
mod interruption;
mod kinds;
mod kubectl;
mod library;
mod manifests;
mod node;
mod ownership;
mod races;
mod requests;
mod runs;
mod secrets;
mod session;
mod stacks;
mod verdicts;
