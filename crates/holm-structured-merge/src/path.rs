//! Paths to fields and list items.
//!
//! A step names a field, or a list item by its key fields, by its value or by its position. The order of steps and their
//! text are those of `structured-merge-diff/v6`, `fieldpath/element.go` and `path.go`; managed fields are sorted by this
//! order and conflict messages show this text.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde_json::Value;

use crate::text::InPath;
use crate::value;

/// One step from an object or a list to something inside it.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of a map.
    Field(Arc<str>),
    /// The item of an associative list with these key fields, sorted by name.
    Key(Arc<[KeyField]>),
    /// The item of a set with this value.
    Value(Arc<Value>),
    /// The item of an atomic list at this position.
    Index(i64),
}

/// A field that takes part in identifying a list item, with its value.
#[derive(Clone, Debug)]
pub struct KeyField {
    /// The name of the field.
    pub name: Arc<str>,
    /// Its value.
    pub value: Value,
}

/// A path from the root of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<PathElement>);

impl PathElement {
    /// The step to a field.
    #[must_use]
    pub fn field(name: impl AsRef<str>) -> Self {
        Self::Field(Arc::from(name.as_ref()))
    }

    /// The step to the item of an associative list with these key fields, in any order.
    #[must_use]
    pub fn key(fields: impl IntoIterator<Item = KeyField>) -> Self {
        let mut fields: Vec<KeyField> = fields.into_iter().collect();
        fields.sort_by(|left, right| left.name.cmp(&right.name));
        Self::Key(fields.into())
    }

    /// The step to the item of a set with this value.
    #[must_use]
    pub fn value(value: Value) -> Self {
        Self::Value(Arc::new(value))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(left), Self::Field(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => compare_keys(left, right),
            (Self::Value(left), Self::Value(right)) => value::compare(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

fn compare_keys(left: &[KeyField], right: &[KeyField]) -> Ordering {
    let compare_fields = |(left, right): (&KeyField, &KeyField)| {
        left.name.cmp(&right.name).then_with(|| value::compare(&left.value, &right.value))
    };
    let unequal = left.iter().zip(right).map(compare_fields).find(|order| order.is_ne());
    unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
}

impl Display for PathElement {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(out, ".{name}"),
            Self::Key(fields) => {
                out.write_str("[")?;
                for (position, field) in fields.iter().enumerate() {
                    let separator = if position == 0 { "" } else { "," };
                    write!(out, "{separator}{}={}", field.name, InPath(&field.value))?;
                }
                out.write_str("]")
            }
            Self::Value(value) => write!(out, "[={}]", InPath(value)),
            Self::Index(index) => write!(out, "[{index}]"),
        }
    }
}

impl Path {
    /// The path through these fields.
    #[must_use]
    pub fn fields(names: &[&str]) -> Self {
        Self(names.iter().map(PathElement::field).collect())
    }
}

impl From<&[PathElement]> for Path {
    fn from(elements: &[PathElement]) -> Self {
        Self(elements.to_vec())
    }
}

impl Display for Path {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| write!(out, "{element}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_reads_as_in_conflict_messages() {
        let port = PathElement::key([
            KeyField { name: Arc::from("protocol"), value: json!("TCP") },
            KeyField { name: Arc::from("containerPort"), value: json!(80) },
        ]);
        let path = Path(vec![PathElement::field("ports"), port, PathElement::field("name")]);
        assert_eq!(path.to_string(), ".ports[containerPort=80,protocol=\"TCP\"].name");
        assert_eq!(PathElement::value(json!("a\"b")).to_string(), "[=\"a\\\"b\"]");
    }

    #[test]
    fn keys_are_ordered_by_number_not_by_text() {
        let port = |number: i64| PathElement::key([KeyField { name: Arc::from("port"), value: json!(number) }]);
        assert!(port(80) < port(443));
        assert_eq!(port(80), PathElement::key([KeyField { name: Arc::from("port"), value: json!(80.0) }]));
    }
}
