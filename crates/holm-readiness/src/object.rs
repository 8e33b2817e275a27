//! Reading live objects field by field: whatever is missing or of another shape reads as absent, because a server may
//! leave out any field that is empty.

use holm_values::json;
pub(super) use holm_values::json::{flag, int};
use serde_json::Value;

/// The text at a path; none where it is missing or empty.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    Some(json::text(value, path)).filter(|text| !text.is_empty())
}

/// The generation at a path, which some controllers write as a text.
pub(super) fn generation_at(value: &Value, path: &str) -> Option<i64> {
    int(value, path).or_else(|| text(value, path)?.parse().ok())
}

/// The count at a path; what a controller leaves out is zero.
pub(super) fn count(value: &Value, path: &str) -> i64 {
    int(value, path).unwrap_or(0)
}

/// The items of the list at a path.
pub(super) fn items<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    json::items(value, path).as_slice()
}

/// The texts of the list at a JSON pointer.
pub(super) fn texts<'v>(value: &'v Value, pointer: &str) -> Vec<&'v str> {
    items(value, pointer).iter().filter_map(Value::as_str).collect()
}

/// An entry of `status.conditions`.
#[derive(Clone, Copy)]
pub(super) struct Condition<'v> {
    /// `True`, `False` or `Unknown`.
    pub(super) status: &'v str,
    /// The machine's reason; may be empty.
    pub(super) reason: &'v str,
    /// The server's words; may be empty.
    pub(super) message: &'v str,
    /// Whether it speaks of an older generation than the object's.
    pub(super) is_stale: bool,
}

impl Condition<'_> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The message, or else the given words.
    pub(super) fn words(&self, otherwise: &str) -> String {
        if self.message.is_empty() { otherwise.to_owned() } else { self.message.to_owned() }
    }

    /// The reason, or else the given one.
    pub(super) fn reason_or(&self, otherwise: &str) -> String {
        if self.reason.is_empty() { otherwise.to_owned() } else { self.reason.to_owned() }
    }
}

/// The status condition of this type.
pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<Condition<'v>> {
    condition_of(object, "/status/conditions", kind, int(object, "/metadata/generation"))
}

/// The condition of this type in the list at `path`, for an object of this generation.
pub(super) fn condition_of<'v>(
    value: &'v Value,
    path: &str,
    kind: &str,
    generation: Option<i64>,
) -> Option<Condition<'v>> {
    let found = items(value, path).iter().find(|item| text(item, "/type") == Some(kind))?;
    let observed = generation_at(found, "/observedGeneration");
    Some(Condition {
        status: match found.get("status") {
            // Some controllers write no text.
            Some(Value::Bool(true)) => "True",
            Some(Value::Bool(false)) => "False",
            _ => text(found, "/status").unwrap_or_default(),
        },
        reason: text(found, "/reason").unwrap_or_default(),
        message: text(found, "/message").unwrap_or_default(),
        is_stale: matches!((generation, observed), (Some(generation), Some(observed)) if generation != observed),
    })
}

/// Whether the status condition of this type is `True`.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition.is_true())
}
