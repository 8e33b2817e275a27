//! Equality and order of JSON values as Kubernetes defines them.
//!
//! Integers and floating point numbers compare by value, `1` equals `1.0`, and every pair of values has an order: numbers
//! before strings before booleans before lists before maps before null. From `structured-merge-diff/v6`, `value/value.go`,
//! `value/list.go` and `value/map.go`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

/// Whether two values are equal.
#[must_use]
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => left == right || compare_numbers(left, right).is_eq(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => false,
    }
}

/// The total order of values.
#[must_use]
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => compare_lists(left, right),
        (Value::Object(left), Value::Object(right)) => compare_maps(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// A number as Go holds it: a 64-bit signed integer when it was written as one and fits, else floating point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GoNumber {
    Integer(i64),
    Float(f64),
}

impl From<&Number> for GoNumber {
    fn from(number: &Number) -> Self {
        match number.as_i64() {
            Some(integer) => Self::Integer(integer),
            // Without arbitrary precision every JSON number has a floating point value.
            None => Self::Float(number.as_f64().unwrap_or_default()),
        }
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    match (GoNumber::from(left), GoNumber::from(right)) {
        (GoNumber::Integer(left), GoNumber::Integer(right)) => left.cmp(&right),
        (left, right) => as_float(left).partial_cmp(&as_float(right)).unwrap_or(Ordering::Equal),
    }
}

#[expect(clippy::cast_precision_loss, reason = "Kubernetes compares an integer with a float as floats")]
fn as_float(number: GoNumber) -> f64 {
    match number {
        GoNumber::Integer(integer) => integer as f64,
        GoNumber::Float(float) => float,
    }
}

fn compare_lists(left: &[Value], right: &[Value]) -> Ordering {
    let unequal = left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
    unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Walks the union of the keys in order. The first key that only one side has decides, unless that side's number of keys is
/// used up, in which case the other side is greater.
fn compare_maps(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for (position, key) in keys.into_iter().enumerate() {
        if position == left.len() {
            return Ordering::Less;
        }
        if position == right.len() {
            return Ordering::Greater;
        }
        let order = match (left.get(key), right.get(key)) {
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
            (Some(left), Some(right)) => compare(left, right),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_and_floats_are_equal_by_value() {
        assert!(equal(&json!({"port": 80}), &json!({"port": 80.0})));
        assert!(!equal(&json!(80), &json!("80")));
        assert_eq!(compare(&json!(1), &json!(1.5)), Ordering::Less);
    }

    #[test]
    fn kinds_are_ordered_numbers_first_and_null_last() {
        let ordered = [json!(9), json!("a"), json!(false), json!([]), json!({}), json!(null)];
        for pair in ordered.windows(2) {
            assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less);
        }
    }

    #[test]
    fn a_list_that_continues_is_greater() {
        assert_eq!(compare(&json!([1, 2]), &json!([1])), Ordering::Greater);
        assert_eq!(compare(&json!([1, 2]), &json!([2])), Ordering::Less);
    }

    #[test]
    fn the_first_key_that_differs_orders_maps() {
        assert_eq!(compare(&json!({"a": 1}), &json!({"b": 1})), Ordering::Less);
        assert_eq!(compare(&json!({"a": 1, "b": 2}), &json!({"a": 1, "b": 3})), Ordering::Less);
        assert_eq!(compare(&json!({"a": 1}), &json!({"a": 1})), Ordering::Equal);
    }
}
