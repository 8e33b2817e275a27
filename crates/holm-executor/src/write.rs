//! One write: what is sent, and what it may take over.

use holm_core::ConflictPolicy;
use holm_core::observe::FieldConflict;

/// A write to be made. Its identity and kind are those of the change at its position.
#[derive(Clone, Debug)]
pub struct Write {
    /// The change.
    pub position: usize,
    /// The object as JSON. It may hold secret values: never print it.
    pub body: Vec<u8>,
    /// What is taken over from other managers.
    pub force: Force,
    /// Whether the kind itself may be too new to be served.
    pub is_new_kind: bool,
    /// Whether there should be no such object yet.
    pub creates: bool,
}

/// What a write may take over from other field managers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Force {
    /// Nothing.
    Nothing,
    /// These fields from these managers, as the plan shows them, and no other. The plan saw the object in this version, and in
    /// that one it may be forced at once.
    Fields(Vec<FieldConflict>, Option<String>),
    /// Whatever the policy allows, because the server could not be asked when the plan was made.
    Policy(ConflictPolicy),
}

impl Force {
    /// Whether these conflicts may be overruled.
    pub fn allows(&self, conflicts: &[FieldConflict]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Fields(planned, _) => conflicts.iter().all(|conflict| planned.contains(conflict)),
            Self::Policy(policy) => holm_core::plan::may_overrule(*policy, conflicts),
        }
    }
}
