//! The secret values that a run comes across, so that they can be taken out of whatever a server says.

use holm_core::ResourceId;
use holm_core::secret::{Held, held};
use serde_json::Value;

/// The secret values of an object; none for anything but a Secret.
pub(crate) fn of_object(id: &ResourceId, object: &Value) -> Vec<Held> {
    held(id, object, &[])
}
