//! Label and field selectors.
//!
//! From `k8s.io/apimachinery`, `pkg/labels/selector.go` and `pkg/fields/selector.go`; which fields can be selected, from
//! `ToSelectableFields` of the strategies and `AddFieldLabelConversionFunc` in `k8s.io/kubernetes`, `pkg/apis/**/conversion.go`.

use holm_values::names;
use serde_json::Value;

use crate::error::ApiError;
use crate::object;

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// One namespace, or all.
    pub namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

#[derive(Clone, Debug, PartialEq)]
struct FieldRequirement {
    path: String,
    equal: bool,
    value: String,
}

impl Selection {
    /// All objects, or all of one namespace.
    pub fn everything(namespace: Option<&str>) -> Self {
        Self { namespace: namespace.map(str::to_owned), ..Self::default() }
    }

    /// Adds a label selector.
    pub fn labels(mut self, text: &str) -> Result<Self, ApiError> {
        self.labels = parse_labels(text)
            .map_err(|problem| ApiError::bad_request(format!("unable to parse requirement: {problem}")))?;
        Ok(self)
    }

    /// Adds a field selector for a resource.
    pub fn fields(mut self, text: &str, resource: &str, custom: &[String]) -> Result<Self, ApiError> {
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (path, true, value)
            } else {
                let text = format!("invalid selector: '{part}'; can't understand '{part}'");
                return Err(ApiError::bad_request(text));
            };
            if !is_selectable(resource, path) && !custom.iter().any(|own| own == path) {
                return Err(ApiError::bad_request(format!("field label not supported: {path}")));
            }
            self.fields.push(FieldRequirement { path: path.to_owned(), equal, value: value.to_owned() });
        }
        Ok(self)
    }

    /// Whether there is a selector at all.
    pub fn is_selective(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == object::namespace(object))
            && self.labels.iter().all(|requirement| requirement.matches(object))
            && self.fields.iter().all(|requirement| requirement.matches(object))
    }
}

impl Requirement {
    fn matches(&self, object: &Value) -> bool {
        let value = object::metadata(object, "labels").and_then(|labels| labels.get(&self.key)?.as_str());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.iter().any(|found| found == value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.iter().any(|found| found == value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan(bound) => {
                value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value > *bound)
            }
            Operator::LessThan(bound) => {
                value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value < *bound)
            }
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let path: Vec<&str> = self.path.split('.').collect();
        let found = match object::at(object, &path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Number(number)) => number.to_string(),
            // A flag that is left out is false, a number is zero.
            None if matches!(self.path.as_str(), "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
            None if self.path == "status.successful" || self.path == "status.replicas" => "0".to_owned(),
            _ => String::new(),
        };
        (found == self.value) == self.equal
    }
}

/// Whether a label selector of an object (`matchLabels`, `matchExpressions`) selects another object.
pub(crate) fn matches_selector(selector: &Value, object: &Value) -> bool {
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let texts = |value: Option<&Value>| object::texts(value);
    let equal = labels.map(|(key, value)| Requirement {
        key: key.clone(),
        operator: Operator::In(value.as_str().map(str::to_owned).into_iter().collect()),
    });
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    let others = expressions.map(|expression| Requirement {
        key: object::text_at(expression, &["key"]).to_owned(),
        operator: match object::text_at(expression, &["operator"]) {
            "In" => Operator::In(texts(expression.get("values"))),
            "NotIn" => Operator::NotIn(texts(expression.get("values"))),
            "DoesNotExist" => Operator::DoesNotExist,
            _ => Operator::Exists,
        },
    });
    equal.chain(others).all(|requirement| requirement.matches(object))
}

/// Reads a label selector.
fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split(text).into_iter().map(|part| requirement(part.trim())).collect()
}

/// Splits at the commas that are not within parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (position, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..position));
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let checked = |key: &str, operator| {
        let key = key.trim().to_owned();
        let problems = names::label_key(&key);
        match problems.first() {
            None => Ok(Requirement { key, operator }),
            Some(problem) => Err(format!("key: Invalid value: {key:?}: {problem}")),
        }
    };
    if let Some(key) = part.strip_prefix('!') {
        return checked(key, Operator::DoesNotExist);
    }
    if let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => checked(key, Operator::In(values)),
            (Some(key), Some("notin"), None) => checked(key, Operator::NotIn(values)),
            _ => Err(format!("found '{head}', expected: in, notin")),
        };
    }
    let value = |value: &str| vec![value.trim().to_owned()];
    let values = |operator: fn(Vec<String>) -> Operator, found: &str| match names::label_value(found.trim()).first() {
        None => Ok(operator(value(found))),
        Some(problem) => Err(format!("values[0]: Invalid value: {found:?}: {problem}")),
    };
    if let Some((key, found)) = part.split_once("!=") {
        return checked(key, values(Operator::NotIn, found)?);
    }
    if let Some((key, found)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return checked(key, values(Operator::In, found)?);
    }
    for (sign, make) in [('>', Operator::GreaterThan as fn(i64) -> Operator), ('<', Operator::LessThan)] {
        if let Some((key, bound)) = part.split_once(sign) {
            let bound = bound
                .trim()
                .parse()
                .map_err(|_| format!("for 'Gt', 'Lt' operators, the value must be an integer: {bound}"))?;
            return checked(key, make(bound));
        }
    }
    checked(part, Operator::Exists)
}

fn is_selectable(resource: &str, path: &str) -> bool {
    let own: &[&str] = match resource {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        "jobs.batch" => &["status.successful"],
        "replicasets.apps" | "replicationcontrollers" => &["status.replicas"],
        "certificatesigningrequests.certificates.k8s.io" => &["spec.signerName"],
        _ => &[],
    };
    matches!(path, "metadata.name" | "metadata.namespace") || own.contains(&path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_select_as_kubernetes_does() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "size": "3"}}});
        let cases = [
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("app in (web, db)", true),
            ("app notin (web)", false),
            ("missing notin (x)", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("size>2", true),
            ("size<2", false),
            ("", true),
            ("missing!=x", true),
            ("app=", false),
        ];
        for (text, expected) in cases {
            let selection = Selection::everything(None).labels(text).unwrap();
            assert_eq!(selection.matches(&object), expected, "{text}");
        }
        for text in ["a b c", "app===web", "app=a b", "app=-x"] {
            assert!(Selection::everything(None).labels(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_some_fields_can_be_selected() {
        let secret = json!({"metadata": {"name": "s"}, "type": "Opaque"});
        let select = |text: &str| Selection::everything(None).fields(text, "secrets", &[]);
        assert!(select("type=Opaque,metadata.name=s").unwrap().matches(&secret));
        assert!(!select("type!=Opaque").unwrap().matches(&secret));
        assert!(select("data.x=1").is_err());
    }
}
