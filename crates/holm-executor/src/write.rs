//! One write: what is sent, and what it may take over.

use holm_core::ConflictPolicy;
use holm_planner::observe::FieldConflict;
use holm_planner::plan::may_overrule;
use holm_planner::takeover::is_a_stack;

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
            // The plan lets fields of a former stack go, because it looked at the label. This object appeared since, so that another
            // stack may have made it.
            Self::Policy(policy) => {
                let is_of_a_stack = |conflict: &FieldConflict| is_a_stack(&conflict.manager);
                let takes_everything = *policy == ConflictPolicy::TakeOver;
                may_overrule(*policy, conflicts) && (takes_everything || !conflicts.iter().any(is_of_a_stack))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_takes_what_the_plan_shows_and_never_what_another_stack_made_since() {
        let conflict = |manager: &str| FieldConflict { field: ".data.a".to_owned(), manager: manager.to_owned() };
        let (tool, stack) = (conflict("kubectl-edit"), conflict("holm.other.prod"));
        let shown = Force::Fields(vec![tool.clone()], None);
        let unasked = Force::Policy(ConflictPolicy::FromTools);
        let cases = [
            (&shown, vec![tool.clone()], true),
            (&shown, vec![conflict("helm")], false),
            (&unasked, vec![tool.clone()], true),
            (&unasked, vec![stack.clone()], false),
            (&unasked, vec![tool, stack.clone()], false),
            (&Force::Policy(ConflictPolicy::TakeOver), vec![stack], true),
            (&Force::Nothing, vec![conflict("kubectl-edit")], false),
        ];
        for (force, conflicts, expected) in cases {
            assert_eq!(force.allows(&conflicts), expected, "{force:?} {conflicts:?}");
        }
    }
}
