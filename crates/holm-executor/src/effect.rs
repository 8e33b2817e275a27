//! What a machine wants done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Event, Report};
use holm_core::ResourceId;
use holm_planner::inventory::{Entry, Inventory};
use holm_readiness::Readiness;
use serde_json::Value;

use crate::watching::{Purpose, Scope};
use crate::write::Write;

/// One thing to do. A change is named by its position in the plan. Each answer is a [`Message`](crate::Message).
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send the object of a change; answered by `Written`.
    Write(Box<Write>),
    /// Delete the object of a change; answered by `Removed`.
    Remove(usize),
    /// Release the object of a change; answered by `Released`.
    Release(usize),
    /// Write the intent over the inventory that was observed; answered by `IntentWritten`.
    WriteIntent(Box<Inventory>),
    /// Look whether the inventory is still this run's; answered by `Checked`.
    CheckInventory,
    /// Look at all objects of the plan again; answered by `LookedAgain`.
    LookAgain,
    /// Record what was done, or delete the inventory where nothing is left in it; answered by `Recorded`.
    Record(Box<Inventory>),
    /// Add rows to whatever inventory there is now, as a run of this epoch; answered by `Added`.
    AddRows {
        /// What this run wrote, or may have written.
        rows: BTreeMap<ResourceId, Entry>,
        /// The epoch of this run.
        epoch: u64,
    },
    /// Find the answer to a question about the surroundings of the object of a change; answered by `FoundOut`.
    FindOut(String, usize, Box<Value>),
    /// Look into why the object of a change is not ready, with pods of it that may be gone; answered by `Examined`.
    Examine(usize, Box<Value>, Readiness, Vec<Value>),
    /// Read the object of a change; answered by `Read`.
    Read(usize),
    /// Open a watch, in place of one for the same purpose; answered by `Watched`, again and again.
    Open {
        /// What it is for.
        purpose: Purpose,
        /// What to watch.
        scope: Scope,
        /// The version after which it begins; without one, with a list of everything.
        from: Option<String>,
    },
    /// Close the watch for this purpose.
    Close(Purpose),
    /// Send a tick at this time of the run.
    WakeAt(Duration),
    /// Learn the secret values of an object, so that none of them is ever shown.
    Learn(ResourceId, Box<Value>),
    /// Tell the user.
    Tell(Event),
    /// The run has ended. Nothing follows.
    End(Box<End>),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It was carried out; the report says how each change came out. Its requests are to be filled in.
    Report(Report),
    /// Nothing was changed, but for the inventory's own namespace.
    NotBegun(NotBegun),
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// The plan has blockers.
    Blocked,
    /// The inventory's own namespace could not be made.
    NoNamespace,
    /// The intent could not be written, or what another run had written could not be read.
    NoIntent,
    /// Another run is under way.
    AnotherRun,
}
