//! Which labels a selector selects when not all of them are known yet.

use std::collections::BTreeMap;

use holm_values::{Requirement, Selector, Test};
use serde_json::Value;

use super::field::entries;
use crate::path::scalar_text;
use crate::resource::UNKNOWN;

/// The labels of some pods; a value that is not known yet is [`UNKNOWN`].
pub(super) type Labels<'v> = BTreeMap<&'v str, &'v str>;

/// Whether labels meet all requirements, or may meet them once they are known.
pub(super) fn may_select(selector: &Selector, labels: &Labels<'_>) -> bool {
    selector.requirements().iter().all(|requirement| may_meet(requirement, labels))
}

/// Whether labels meet a requirement, or may meet it once they are known.
pub(super) fn may_meet(requirement: &Requirement, labels: &Labels<'_>) -> bool {
    let value = labels.get(requirement.key.as_str()).copied();
    let is_known = match &requirement.test {
        Test::Is(wanted) => wanted != UNKNOWN && value != Some(UNKNOWN),
        Test::In(wanted) | Test::NotIn(wanted) => {
            wanted.iter().all(|wanted| wanted != UNKNOWN) && value != Some(UNKNOWN)
        }
        _ => true,
    };
    // A label is there even if its value is not known.
    if is_known { requirement.test.holds(value) } else { value.is_some() || matches!(requirement.test, Test::NotIn(_)) }
}

/// The labels in a map; others than texts are left out.
pub(super) fn labels<'v>(owner: &'v Value, field: &str) -> Labels<'v> {
    entries(owner, field).filter_map(|(key, value)| Some((key, value.as_str()?))).collect()
}

/// Labels as they are written in messages.
pub(super) fn show(labels: &Labels<'_>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={}", known(value))).collect();
    if pairs.is_empty() { "no labels".to_owned() } else { pairs.join(",") }
}

/// A selector as it is written in messages.
pub(super) fn show_selector(selector: &Selector) -> String {
    known(&selector.to_string())
}

fn known(text: &str) -> String {
    text.replace(UNKNOWN, "(known after apply)")
}

/// A port by number or name, as text; none where it is absent or not known yet.
pub(super) fn port_text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(scalar_text).filter(|text| text != UNKNOWN)
}
