//! The harness of the end-to-end tests: a real control plane, one with a real node, or the embedded cluster, programs run as a user runs them, the API
//! server's audit log, and a search for secrets that got out.
//!
//! A test takes the control plane of its file ([`ControlPlane::shared`]) and begins a [`Session`]: an identity of its own in
//! the cluster, by which its requests are told apart, a home directory, and the memory of everything that was written.
//!
//! Everything here fails a test by panicking, with the whole output of the program concerned.
#![allow(clippy::panic, reason = "a harness fails a test by panicking")]

mod audit;
mod canary;
mod control_plane;
mod documents;
mod embedded;
pub mod fault;
mod foreign;
mod gate;
mod node;
pub mod outage;
mod person;
mod program;
pub mod race;
mod real;
pub mod relay;
mod resources;
mod running;
mod session;
mod terminal;
mod transcript;
pub mod workload;

pub use audit::Audit;
pub use canary::{Canary, ascii_json, go_json};
pub use control_plane::{ControlPlane, User, is_embedded, is_node, note};
pub use documents::PlanDocument;
pub use foreign::{Foreign, Tool, foreign_filters};
pub use gate::Gate;
pub use holm_faults::{Request, Requests};
pub use program::{Finished, Program};
pub use running::Running;
pub use session::Session;
pub use transcript::filters;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How a program ends that looks for faults: well only where it found none, and with the reason where it could not look.
#[expect(clippy::print_stdout, reason = "the findings of these programs go there too")]
pub fn exit_code(found_none: Result<bool, impl Display>) -> ExitCode {
    match found_none {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks until there is an answer, and fails the test when there is none after half a minute.
///
/// Only for what holm does not wait for itself, such as the reaction of a controller to `kubectl`.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not happen within 30 seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The documents of a YAML text; empty ones are left out.
pub fn yaml(text: &str) -> Vec<serde_json::Value> {
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).expect("the text is YAML");
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The root of the repository.
fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a folder of the repository").to_owned()
}
