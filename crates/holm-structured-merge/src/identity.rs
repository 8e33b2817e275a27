//! Who manages a field: the name of the manager with the way it wrote.
//!
//! The same name is another manager when it applies than when it updates, when it updates through another version, and when
//! it writes through a subresource. Kubernetes uses the JSON text of these as identity and sorts by it, from
//! `k8s.io/apimachinery`, `pkg/util/managedfields/internal/managedfields.go` (`BuildManagerIdentifier`).

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use crate::json::write_string;
use crate::text::{Quoted, is_printable};

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else: create, update, patch.
    Update,
}

/// A manager as field ownership tells managers apart.
#[derive(Clone, Debug)]
pub struct ManagerIdentity(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    manager: String,
    operation: Operation,
    /// Empty for appliers, who stay the same whatever version they apply.
    api_version: String,
    subresource: String,
    /// The JSON text that identifies the manager.
    text: String,
}

/// The longest name of a manager, in bytes.
pub const MAX_MANAGER_NAME: usize = 128;

/// The manager of a request: the one that it names, else the printable beginning of its user agent, up to the first slash.
///
/// From `k8s.io/apiserver`, `pkg/endpoints/handlers/create.go`. Only writes other than apply may leave the manager out.
#[must_use]
pub fn manager_of_request(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let product = user_agent.split('/').next().unwrap_or_default();
    let mut manager = String::new();
    for character in product.chars().filter(|character| is_printable(*character)) {
        if manager.len() + character.len_utf8() > MAX_MANAGER_NAME {
            break;
        }
        manager.push(character);
    }
    manager
}

impl Operation {
    /// The word that stands in managed fields.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl ManagerIdentity {
    /// The identity of `manager` writing through `api_version` and `subresource`; both may be empty.
    #[must_use]
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        let fields = [
            ("manager", manager),
            ("operation", operation.as_str()),
            ("apiVersion", api_version),
            ("subresource", subresource),
        ];
        let mut text = String::from("{");
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            if text.len() > 1 {
                text.push(',');
            }
            write_string(&mut text, name, true);
            text.push(':');
            write_string(&mut text, value, true);
        }
        text.push('}');
        Self(Arc::new(Parts {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
            text,
        }))
    }

    /// The identity that the write in progress has until its fields are known.
    pub(crate) fn current_operation() -> Self {
        Self(Arc::new(Parts {
            manager: String::new(),
            operation: Operation::Update,
            api_version: String::new(),
            subresource: String::new(),
            text: "current-operation".to_owned(),
        }))
    }

    /// The name of the manager.
    #[must_use]
    pub fn manager(&self) -> &str {
        &self.0.manager
    }

    /// How it writes.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// The subresource through which it writes; empty for the object itself.
    #[must_use]
    pub fn subresource(&self) -> &str {
        &self.0.subresource
    }
}

impl Display for ManagerIdentity {
    /// The manager as conflicts name it.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}", Quoted(&self.0.manager))?;
        if !self.0.subresource.is_empty() {
            write!(out, " with subresource {}", Quoted(&self.0.subresource))?;
        }
        if self.0.operation == Operation::Update {
            write!(out, " using {}", self.0.api_version)?;
        }
        Ok(())
    }
}

impl Ord for ManagerIdentity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.text.cmp(&other.0.text)
    }
}

impl PartialOrd for ManagerIdentity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ManagerIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for ManagerIdentity {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_applier_is_the_same_through_every_version() {
        let first = ManagerIdentity::new("m", Operation::Apply, "apps/v1", "");
        assert_eq!(first, ManagerIdentity::new("m", Operation::Apply, "apps/v2", ""));
        assert_ne!(first, ManagerIdentity::new("m", Operation::Apply, "apps/v1", "status"));
    }

    #[test]
    fn a_request_without_a_manager_is_managed_by_its_user_agent() {
        assert_eq!(manager_of_request("m", "kubectl/v1.37"), "m");
        assert_eq!(manager_of_request("", "kube\u{7}ctl/v1.37 (linux)"), "kubectl");
        assert_eq!(manager_of_request("", &"é".repeat(100)), "é".repeat(64));
        assert_eq!(manager_of_request("", ""), "");
    }

    #[test]
    fn an_updater_is_another_manager_per_version_and_subresource() {
        let first = ManagerIdentity::new("m", Operation::Update, "apps/v1", "");
        assert_ne!(first, ManagerIdentity::new("m", Operation::Update, "apps/v2", ""));
        let scaled = ManagerIdentity::new("m", Operation::Update, "apps/v1", "scale");
        assert_ne!(first, scaled);
        assert_eq!(scaled.to_string(), "\"m\" with subresource \"scale\" using apps/v1");
    }
}
