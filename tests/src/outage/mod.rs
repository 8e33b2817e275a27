//! Control planes that are killed: in the middle of an apply, and again and again while much else happens.
//!
//! [`restarts`] kills one while a stack is applied, and the same apply must end well. [`soak`] plays random applies, edits,
//! kills and destroys on an embedded cluster with a file, and watches its memory, its file, and every acknowledged write.

mod server;
mod soak;
mod stack;
mod trial;

use std::path::PathBuf;

pub use server::Server;
pub use soak::{Soak, Soaked, soak};
pub use stack::{PROGRAM, declare};
pub use trial::{Trial, restarts};

/// The variable of the environment that makes the program of the outages a workspace.
pub const PROCESS: &str = "HOLM_OUTAGE";

/// The folder of an outage, emptied.
fn emptied(name: &str) -> std::io::Result<PathBuf> {
    let folder = crate::repository().join("target/e2e").join(name);
    // What an earlier one left is of no use.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
