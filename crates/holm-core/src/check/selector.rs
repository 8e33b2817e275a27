//! Label selectors.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::field::{entries, text};
use crate::path::scalar_text;
use crate::resource::UNKNOWN;

/// The labels of some pods; a value that is not known yet is [`UNKNOWN`].
pub(super) type Labels<'v> = BTreeMap<&'v str, &'v str>;

/// What a selector asks for, all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector<'v> {
    pub(super) requirements: Vec<Requirement<'v>>,
}

/// One condition.
#[derive(Clone, Debug)]
pub(super) enum Requirement<'v> {
    Is(&'v str, &'v str),
    In(&'v str, Vec<&'v str>),
    NotIn(&'v str, Vec<&'v str>),
    Exists(&'v str),
    DoesNotExist(&'v str),
}

impl<'v> Selector<'v> {
    /// Reads a map of labels, as a Service has it.
    pub(super) fn of_labels(owner: &'v Value, field: &str) -> Self {
        Self {
            requirements: labels(owner, field).into_iter().map(|(key, value)| Requirement::Is(key, value)).collect(),
        }
    }

    /// Reads a LabelSelector. What the server would refuse is left out.
    pub(super) fn read(selector: &'v Value) -> Self {
        let mut read = Self::of_labels(selector, "matchLabels");
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let (Some(key), Some(operator)) = (text(expression, "key"), text(expression, "operator")) else { continue };
            let values = expression.get("values").and_then(Value::as_array);
            let values = values.into_iter().flatten().filter_map(Value::as_str).collect();
            read.requirements.push(match operator {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::DoesNotExist(key),
                _ => continue,
            });
        }
        read
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels fit, or may fit once they are known.
    pub(super) fn matches(&self, labels: &Labels<'_>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement<'_> {
    pub(super) fn matches(&self, labels: &Labels<'_>) -> bool {
        let value = |key: &str| labels.get(key).copied();
        match self {
            Self::Is(key, wanted) => {
                value(key).is_some_and(|value| value == *wanted || value == UNKNOWN || *wanted == UNKNOWN)
            }
            Self::In(key, wanted) => value(key).is_some_and(|value| value == UNKNOWN || wanted.contains(&value)),
            Self::NotIn(key, unwanted) => value(key).is_none_or(|value| value == UNKNOWN || !unwanted.contains(&value)),
            Self::Exists(key) => value(key).is_some(),
            Self::DoesNotExist(key) => value(key).is_none(),
        }
    }
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

fn known(value: &str) -> &str {
    if value == UNKNOWN { "(known after apply)" } else { value }
}

impl fmt::Display for Selector<'_> {
    /// Writes it as `kubectl get --selector` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.requirements.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            match requirement {
                Requirement::Is(key, value) => write!(f, "{key}={}", known(value))?,
                Requirement::In(key, values) => write!(f, "{key} in ({})", values.join(","))?,
                Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(","))?,
                Requirement::Exists(key) => f.write_str(key)?,
                Requirement::DoesNotExist(key) => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

/// A port by number or name, as text; none where it is absent or not known yet.
pub(super) fn port_text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(scalar_text).filter(|text| text != UNKNOWN)
}
