//! What a machine is told.

use std::collections::BTreeMap;

use crate::event::Failure;
use holm_core::ResourceId;
use holm_planner::inventory::Inventory;
use holm_planner::observe::Live;
use holm_readiness::cause::Cause;
use serde_json::Value;

use crate::options::StopLevel;
use crate::watching::Purpose;

/// One thing that happened. A change is named by its position in the plan.
#[derive(Clone, Debug)]
pub enum Message {
    /// The run begins.
    Begin,
    /// Time has passed. Comes several times a second, and when the machine asked for it.
    Tick,
    /// The user wishes to stop.
    Stop(StopLevel),
    /// A write ended.
    Written(usize, Result<Written, Box<Failure>>),
    /// A delete was acknowledged.
    Removed(usize, Result<Removal, Box<Failure>>),
    /// An object was released.
    Released(usize, Result<Release, Box<Failure>>),
    /// The intent was written, or the inventory could not be.
    IntentWritten(Result<(), Lost>),
    /// The inventory was looked at. Counts from the moment at which it was asked for.
    Checked(Result<(), Lost>),
    /// All objects of the plan were looked at again; or why that failed.
    LookedAgain(Result<BTreeMap<ResourceId, Live>, String>),
    /// What was done was recorded.
    Recorded(Result<(), Lost>),
    /// The rows were added to the other run's inventory; or why that failed.
    Added(Result<(), String>),
    /// The answer to this question about the surroundings of objects is known now, or that there is none.
    FoundOut(String),
    /// It was looked into why an object is not ready.
    Examined(usize, Option<Box<Cause>>),
    /// An object was read whose watch is not allowed; without it where the request failed, which tells nothing.
    Read(usize, Option<Live>),
    /// A watch saw something.
    Watched(Purpose, Seen),
}

/// A write that the server took.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as it is stored.
    pub object: Value,
    /// Whether it was there before, although it was to be created, and not because an answer was lost.
    pub was_there: bool,
}

/// What became of a delete.
#[derive(Clone, Debug)]
pub enum Removal {
    /// It is gone.
    Gone,
    /// It is on its way, and this is how it looks now.
    Pending(Value),
    /// The live object is not the one that was meant, or carries the stack's label no longer.
    NotOurs,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The stack's marks are gone from it, or it has none.
    Done,
    /// It was gone when the plan was made, and is there now.
    Appeared,
}

/// Why the inventory is not, or may not be, what this run wrote.
#[derive(Clone, Debug)]
pub enum Lost {
    /// Another run took it over.
    Moved,
    /// A run that lost the inventory to this one added what it had written, or has recorded the same epoch.
    Added(Box<Inventory>),
    /// It cannot be said: the request failed, or what is stored cannot be read.
    Unknown(String),
}

/// What a watch sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// All objects that there are, at the beginning and after the watch had expired. What is missing is gone.
    Listed(Vec<Value>),
    /// A new or changed object.
    Changed(Value),
    /// The last state of an object that is gone.
    Deleted(Value),
    /// The watch is not allowed, and ends.
    Forbidden,
}
