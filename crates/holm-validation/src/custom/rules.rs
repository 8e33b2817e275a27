//! The rules of schemas in CEL.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apiserver/schema/cel`.

use serde_json::Value;

#[cfg(feature = "cel")]
use super::lists::old_item;
use crate::field_error::FieldError;
#[cfg(feature = "cel")]
use crate::place::{locate, value_at};

/// The rules in CEL (`x-kubernetes-validations`).
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Whether the schema has any.
    pub any: bool,
}

impl Rules {
    /// The rules of a schema.
    pub fn of(schema: &Value) -> Self {
        Self { any: has_rules(schema) }
    }

    /// The rules that an object breaks.
    pub fn check(&self, schema: &Value, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
        if !self.any {
            return Vec::new();
        }
        check_rules(schema, object, live)
    }
}

/// Returns whether a schema has rules in CEL.
#[must_use]
pub fn has_rules(schema: &Value) -> bool {
    schema.to_string().contains("\"x-kubernetes-validations\"")
}

/// What is wrong with the rules that one level of a definition's schema has: those without an expression, and expressions that
/// are not valid CEL (`ValidateCustomResourceDefinitionOpenAPISchema`). Their types are not checked, and their cost is not estimated.
pub(super) fn definition_errors(schema: &Value, path: &str) -> Vec<FieldError> {
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    rules
        .enumerate()
        .filter_map(|(position, rule)| {
            let field = format!("{path}.x-kubernetes-validations[{position}].rule");
            match rule.get("rule").and_then(Value::as_str).map(str::trim) {
                None | Some("") => Some(FieldError::required(field, "rule is not specified")),
                Some(text) => {
                    let problem = compile_problem(text)?;
                    Some(FieldError::invalid_without_value(field, format!("compilation failed: ERROR: {problem}")))
                }
            }
        })
        .collect()
}

#[cfg(feature = "cel")]
fn compile_problem(rule: &str) -> Option<String> {
    let schema = serde_json::json!({"type": "object", "x-kubernetes-validations": [{"rule": rule}]});
    let compiled = kube_cel::compile_schema(&schema);
    compiled.compilation_errors().first().map(ToString::to_string)
}

#[cfg(not(feature = "cel"))]
fn compile_problem(_: &str) -> Option<String> {
    None
}

#[cfg(feature = "cel")]
fn check_rules(schema: &Value, object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let Err(errors) = kube_cel::Validator::new().validate(schema, object, live) else { return Vec::new() };
    let is_held =
        |error: &kube_cel::ValidationError| !live.is_some_and(|live| is_forgiven(schema, object, live, error));
    let error = |error: kube_cel::ValidationError| {
        let field = if error.field_path.is_empty() { "<nil>".to_owned() } else { error.field_path };
        match error.reason.as_deref() {
            Some("FieldValueRequired") => FieldError::required(field, error.message),
            Some("FieldValueForbidden") => FieldError::forbidden(field, error.message),
            Some("FieldValueDuplicate") => FieldError::duplicate(field, error.message),
            // Of what is no scalar the text leaves the value out.
            _ => match value_at(object, &locate(object, &field)) {
                None | Some(Value::Object(_) | Value::Array(_)) => {
                    FieldError::invalid_without_value(field, error.message)
                }
                Some(value) => FieldError::invalid(field, value.clone(), error.message),
            },
        }
    };
    errors.into_vec().into_iter().filter(is_held).map(error).collect()
}

/// Whether a value that breaks a rule was there before, and the rule is not one about changes (`shouldRatchetError`). A rule that
/// names another field than its own is always held, as it does not say where it stands.
#[cfg(feature = "cel")]
fn is_forgiven(schema: &Value, object: &Value, live: &Value, error: &kube_cel::ValidationError) -> bool {
    !error.rule.contains("oldSelf")
        && !names_a_field(schema, &error.rule)
        && is_unchanged(schema, object, live, &error.field_path).unwrap_or(false)
}

#[cfg(feature = "cel")]
fn names_a_field(schema: &Value, rule: &str) -> bool {
    match schema {
        Value::Object(fields) => {
            (fields.get("rule").and_then(Value::as_str) == Some(rule) && fields.contains_key("fieldPath"))
                || fields.values().any(|below| names_a_field(below, rule))
        }
        Value::Array(items) => items.iter().any(|below| names_a_field(below, rule)),
        _ => false,
    }
}

/// Whether the value at a path is what it was. An item of a list that is no map is as old as its list.
#[cfg(feature = "cel")]
fn is_unchanged(schema: &Value, object: &Value, live: &Value, path: &str) -> Option<bool> {
    let (mut schema, mut value, mut live) = (schema, object, live);
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, positions) = part.split_once('[').unwrap_or((part, ""));
        let properties = schema.get("properties").and_then(|properties| properties.get(name));
        schema = properties.or_else(|| schema.get("additionalProperties"))?;
        (value, live) = (value.get(name)?, live.get(name)?);
        for position in positions.split('[').filter(|position| !position.is_empty()) {
            let item = value.get(position.trim_end_matches(']').parse::<usize>().ok()?)?;
            let Some(old) = old_item(schema, live, item) else { return Some(value == live) };
            (schema, value, live) = (schema.get("items")?, item, old);
        }
    }
    Some(value == live)
}

#[cfg(not(feature = "cel"))]
fn check_rules(_: &Value, _: &Value, _: Option<&Value>) -> Vec<FieldError> {
    Vec::new()
}

#[cfg(all(test, feature = "cel"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_may_have_any_expression_that_is_valid_cel() {
        let problems = |rule: &str| definition_errors(&json!({"x-kubernetes-validations": [{"rule": rule}]}), "p");
        for rule in [
            "self.all(key, key != '')",
            "self.exists_one(item, item.name == 'a') && oldSelf == self",
            "!has(self.a) || self.a.matches('^a$') ? size(self.b) < 3 : true",
            "self.map(x, x.name).isSorted()",
        ] {
            assert_eq!(problems(rule), [], "{rule}");
        }
        for rule in ["", "  ", "self.a ==", "self.(", "size(self"] {
            let found = problems(rule);
            assert!(matches!(found.as_slice(), [one] if one.field == "p.x-kubernetes-validations[0].rule"), "{rule}");
        }
    }
}
