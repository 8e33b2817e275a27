//! What tells one write of this stack to an object from another.

use std::fmt;

use holm_planner::fields;
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::is_terminating;
use holm_planner::ownership::uid;
use serde_json::Value;

/// The uid of an object, and when and what the stack's field manager applied to it: the fields, and their values as they are. The
/// time has a second's precision, in which two runs may apply the same fields.
#[derive(Clone, PartialEq)]
pub(super) struct Applied {
    uid: Option<String>,
    /// Whether it is being deleted, which another run may have asked for.
    is_terminating: bool,
    entry: Option<(String, Value, Vec<Value>)>,
}

impl Applied {
    pub(super) fn of(object: &Value, place: &InventoryPlace) -> Self {
        let entry = fields::managed(object)
            .find(|entry| entry.is_apply && entry.subresource.is_empty() && entry.manager == place.field_manager)
            .map(|entry| {
                let values = fields::values(entry.fields, object);
                (entry.time.to_owned(), Value::Object(entry.fields.clone()), values)
            });
        Self { uid: uid(object).map(str::to_owned), is_terminating: is_terminating(object), entry }
    }

    /// Whether the stack's field manager applied anything.
    pub(super) fn is_by_us(&self) -> bool {
        self.entry.is_some()
    }
}

/// The values may be secret.
impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied").field("uid", &self.uid).finish_non_exhaustive()
    }
}
