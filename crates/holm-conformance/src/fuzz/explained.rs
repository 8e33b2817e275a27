//! Differences that are known, with their reasons.

use serde_json::Value;

use super::Step;

/// A difference that is no fault.
pub struct Explained {
    /// Why the servers differ.
    pub reason: &'static str,
    /// Whether a difference is this one: for a step, the right answer, and the other one.
    pub is: fn(&Step, &Value, &Value) -> bool,
}

impl std::fmt::Debug for Explained {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.reason)
    }
}

/// All of them.
pub const EXPLAINED: &[Explained] = &[];
