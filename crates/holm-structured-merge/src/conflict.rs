//! Fields that an apply would take from other managers.
//!
//! The texts are those of `k8s.io/apimachinery`, `pkg/util/managedfields/internal/conflict.go`: the message of the 409 answer
//! and one cause per field.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::identity::ManagerIdentity;
use crate::path::Path;

/// The reason of every cause.
pub const FIELD_MANAGER_CONFLICT: &str = "FieldManagerConflict";

/// One field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The owner of the field.
    pub manager: ManagerIdentity,
    /// The field.
    pub path: Path,
}

/// All conflicts of one apply, by manager; never empty.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

/// A conflict as the API reports it in `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Always [`FIELD_MANAGER_CONFLICT`].
    pub reason: &'static str,
    /// `conflict with "manager"`, with the version used by a manager that does not apply.
    pub message: String,
    /// The field: `.spec.replicas`.
    pub field: String,
}

impl Conflicts {
    /// The causes as the API reports them.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        let cause = |conflict: &Conflict| Cause {
            reason: FIELD_MANAGER_CONFLICT,
            message: format!("conflict with {}", conflict.manager),
            field: conflict.path.to_string(),
        };
        self.0.iter().map(cause).collect()
    }
}

impl Display for Conflicts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(out, "Apply failed with 1 conflict: conflict with {}: {}", only.manager, only.path);
        }
        write!(out, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut previous = None;
        for (position, conflict) in self.0.iter().enumerate() {
            if previous != Some(&conflict.manager) {
                let separator = if position == 0 { "" } else { "\n" };
                write!(out, "{separator}conflicts with {}:", conflict.manager)?;
                previous = Some(&conflict.manager);
            }
            write!(out, "\n- {}", conflict.path)?;
        }
        Ok(())
    }
}
