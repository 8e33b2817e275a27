//! Label selectors.
//!
//! From `k8s.io/apimachinery`, `pkg/apis/meta/v1/helpers.go` (`LabelSelectorAsSelector`).

use serde_json::Value;

use crate::fields::{at, items, map, pairs, text, texts};

/// What a selector selects. None at all selects nothing, an empty one everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Reads the selector at a path of an object.
    pub fn at(object: &Value, path: &str) -> Self {
        at(object, path).map_or(Self { requirements: Vec::new(), nothing: true }, Self::of)
    }

    /// Reads a selector with `matchLabels` and `matchExpressions`.
    fn of(selector: &Value) -> Self {
        let mut requirements = Self::labels(selector, "/matchLabels").requirements;
        for expression in items(selector, "/matchExpressions") {
            let values = texts(expression, "/values");
            let test = match text(expression, "/operator") {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                _ => Test::DoesNotExist,
            };
            requirements.push(Requirement { key: text(expression, "/key").to_owned(), test });
        }
        Self { requirements, nothing: false }
    }

    /// Reads a selector that is a map of labels, as services have it. None, and an empty one, select nothing.
    pub fn labels(object: &Value, path: &str) -> Self {
        let requirements: Vec<Requirement> = pairs(object, path)
            .map(|(key, value)| Requirement { key: key.to_owned(), test: Test::In(vec![value.to_owned()]) })
            .collect();
        Self { nothing: requirements.is_empty(), requirements }
    }

    /// Whether it selects whatever there is.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty() && !self.nothing
    }

    /// Whether an object is selected by its labels.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = map(object, "/metadata/labels");
        let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        let is_met = |requirement: &Requirement| match (&requirement.test, value(&requirement.key)) {
            (Test::In(values), Some(found)) => values.iter().any(|value| value == found),
            (Test::NotIn(values), Some(found)) => values.iter().all(|value| value != found),
            (Test::Exists, found) => found.is_some(),
            (Test::DoesNotExist, found) => found.is_none(),
            (Test::In(_), None) => false,
            (Test::NotIn(_), None) => true,
        };
        !self.nothing && self.requirements.iter().all(is_met)
    }

    /// A label that everything that is selected has, for an index.
    pub fn pair(&self) -> Option<(&str, &str)> {
        self.requirements.iter().find_map(|requirement| match &requirement.test {
            Test::In(values) if values.len() == 1 => {
                values.first().map(|value| (requirement.key.as_str(), value.as_str()))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select_by_labels() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        let cases = [
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (json!({}), true),
            (Value::Null, false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}), false),
            (json!({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["web"]}]}), true),
            (json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), false),
        ];
        for (selector, expected) in cases {
            let found = Selector::at(&json!({"spec": {"selector": selector}}), "/spec/selector");
            assert_eq!(found.matches(&object), expected, "{selector}");
        }
        assert!(!Selector::labels(&json!({"selector": {}}), "/selector").matches(&object));
    }
}
