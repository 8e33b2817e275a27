//! Label selectors.
//!
//! From `k8s.io/apimachinery`, `pkg/labels/selector.go`, `pkg/apis/meta/v1/helpers.go` (`LabelSelectorAsSelector`), and
//! `k8s.io/component-helpers`, `scheduling/corev1/nodeaffinity`.

mod text;

#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};
use thiserror::Error;

/// Which labels are selected: those that meet all requirements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
    is_nothing: bool,
}

/// What a selector asks of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The key of the label.
    pub key: String,
    /// What its value must be.
    pub test: Test,
}

/// What the value of a label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// This one.
    Is(String),
    /// Another one, or there is no such label.
    IsNot(String),
    /// One of these.
    In(Vec<String>),
    /// None of these, or there is no such label.
    NotIn(Vec<String>),
    /// Any.
    Exists,
    /// There is no such label.
    DoesNotExist,
    /// A whole number above this one.
    Above(i64),
    /// A whole number below this one.
    Below(i64),
}

/// Why something is not a selector, in the words of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SelectorError(String);

impl Selector {
    /// Returns the selector that selects nothing, unlike one without requirements, which selects everything.
    #[must_use]
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), is_nothing: true }
    }

    /// Reads a selector as it stands in a query: `app=web,tier in (front,back),!old`.
    ///
    /// # Errors
    /// If the text is not a selector, or a key or value cannot be one of a label.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        text::parse(text).map(Self::all).map_err(SelectorError)
    }

    /// Reads a selector with `matchLabels` and `matchExpressions`. None at all selects nothing. The syntax of keys and values is not
    /// checked.
    ///
    /// # Errors
    /// If an operator is not known, or has values where it must have none, or none where it must have some.
    pub fn of(selector: Option<&Value>) -> Result<Self, SelectorError> {
        let Some(selector) = selector.filter(|selector| !selector.is_null()) else { return Ok(Self::nothing()) };
        let mut requirements: Vec<Requirement> = equalities(selector.get("matchLabels")).collect();
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            requirements.push(Requirement::of_label(expression)?);
        }
        Ok(Self::all(requirements))
    }

    /// Reads a selector that is a map of labels, as a Service has it. None at all and an empty one select nothing.
    #[must_use]
    pub fn of_labels(labels: Option<&Value>) -> Self {
        let requirements: Vec<Requirement> = equalities(labels).collect();
        if requirements.is_empty() { Self::nothing() } else { Self::all(requirements) }
    }

    fn all(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|one, other| one.key.cmp(&other.key));
        Self { requirements, is_nothing: false }
    }

    /// Returns the requirements, in the order of their keys.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it selects whatever there is.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty() && !self.is_nothing
    }

    /// Whether an object is selected by its labels.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.matches_labels(object.pointer("/metadata/labels").and_then(Value::as_object))
    }

    /// Whether labels are selected.
    #[must_use]
    pub fn matches_labels(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = |key: &str| labels.and_then(|labels| labels.get(key)?.as_str());
        !self.is_nothing && self.requirements.iter().all(|requirement| requirement.test.holds(value(&requirement.key)))
    }

    /// Returns a label that everything that is selected has, for an index.
    #[must_use]
    pub fn pair(&self) -> Option<(&str, &str)> {
        self.requirements.iter().find_map(|requirement| match &requirement.test {
            Test::Is(value) => Some((requirement.key.as_str(), value.as_str())),
            Test::In(values) => match values.as_slice() {
                [value] => Some((requirement.key.as_str(), value.as_str())),
                _ => None,
            },
            _ => None,
        })
    }
}

impl Requirement {
    /// Reads an entry of `matchExpressions` of a label selector.
    fn of_label(expression: &Value) -> Result<Self, SelectorError> {
        let operator = text(expression, "operator");
        if !matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
            return Err(SelectorError(format!("{operator:?} is not a valid label selector operator")));
        }
        Self::of(expression)
    }

    /// Reads an entry of `matchExpressions` or `matchFields` of a selector of nodes, which knows two operators more.
    fn of(expression: &Value) -> Result<Self, SelectorError> {
        let (key, operator) = (text(expression, "key").to_owned(), text(expression, "operator"));
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let values: Vec<String> = values.filter_map(Value::as_str).map(str::to_owned).collect();
        let number = || match values.as_slice() {
            [value] => value.parse().map_err(|_| {
                let problem = "for 'Gt', 'Lt' operators, the value must be an integer";
                SelectorError(format!("values[0]: Invalid value: {value:?}: {problem}"))
            }),
            _ => Err(wrong_values(&values, "for 'Gt', 'Lt' operators, exactly one value is required")),
        };
        let test = match operator {
            "In" | "NotIn" if values.is_empty() => {
                return Err(wrong_values(&values, "for 'in', 'notin' operators, values set can't be empty"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                return Err(wrong_values(&values, "values set must be empty for exists and does not exist"));
            }
            "In" => Test::In(values),
            "NotIn" => Test::NotIn(values),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            "Gt" => Test::Above(number()?),
            "Lt" => Test::Below(number()?),
            _ => return Err(SelectorError(format!("{operator:?} is not a valid node selector operator"))),
        };
        Ok(Self { key, test })
    }
}

fn wrong_values(values: &[String], problem: &str) -> SelectorError {
    SelectorError(format!("values: Invalid value: {}: {problem}", Value::from(values)))
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn equalities(labels: Option<&Value>) -> impl Iterator<Item = Requirement> {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(key, value)| Some(Requirement { key: key.clone(), test: Test::Is(value.as_str()?.to_owned()) }))
}

impl Test {
    /// Whether the value of a label is so. There is none if the label is missing.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Is(wanted) => value == Some(wanted),
            Self::IsNot(unwanted) => value != Some(unwanted),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value)),
            Self::NotIn(unwanted) => value.is_none_or(|value| unwanted.iter().all(|unwanted| unwanted != value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Whether a node meets one of the terms of a selector of nodes. A term without requirements, and one that cannot be read, is met
/// by none.
#[must_use]
pub fn node_matches(selector: &Value, node: &Value) -> bool {
    let label = |key: &str| node.pointer("/metadata/labels")?.get(key)?.as_str();
    // The name is the only field that can be selected by.
    let field = |key: &str| node.pointer("/metadata/name").filter(|_| key == "metadata.name")?.as_str();
    let list = |object: &Value, field: &str| object.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    list(selector, "nodeSelectorTerms").iter().any(|term| {
        let (labels, fields) = (list(term, "matchExpressions"), list(term, "matchFields"));
        let by_label = |wanted: &Value| Requirement::of(wanted).is_ok_and(|it| it.test.holds(label(&it.key)));
        let by_field = |wanted: &Value| Requirement::of(wanted).is_ok_and(|it| it.test.holds(field(&it.key)));
        !(labels.is_empty() && fields.is_empty()) && labels.iter().all(by_label) && fields.iter().all(by_field)
    })
}

impl Display for Selector {
    /// Writes it as [`Selector::parse`] reads it.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.requirements.iter().enumerate() {
            if position > 0 {
                out.write_str(",")?;
            }
            requirement.fmt(out)?;
        }
        Ok(())
    }
}

impl Display for Requirement {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let sorted = |values: &[String]| {
            let mut values = values.to_vec();
            values.sort();
            values.join(",")
        };
        match &self.test {
            Test::Is(value) => write!(out, "{key}={value}"),
            Test::IsNot(value) => write!(out, "{key}!={value}"),
            Test::In(values) => write!(out, "{key} in ({})", sorted(values)),
            Test::NotIn(values) => write!(out, "{key} notin ({})", sorted(values)),
            Test::Exists => out.write_str(key),
            Test::DoesNotExist => write!(out, "!{key}"),
            Test::Above(bound) => write!(out, "{key}>{bound}"),
            Test::Below(bound) => write!(out, "{key}<{bound}"),
        }
    }
}
