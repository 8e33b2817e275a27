//! When a Job whose completions have numbers is done before all of them are.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/batch/validation/validation.go`.

use serde_json::Value;

use super::job::{MAX_RULES, at_most, number};
use crate::field_error::FieldError;
use crate::object::at;
use crate::validate::items;
use crate::validate::rules::Checks;

/// From `validateSuccessPolicy`. Of a job without completions nothing more can be said.
pub(super) fn success(spec: &Value, policy: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let completions = number(spec, "completions").unwrap_or_default();
    if items(policy, &["rules"], "").next().is_none() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(path, detail));
    }
    at_most(Some(policy), "rules", path, MAX_RULES, errors);
    for (path, rule) in items(policy, &["rules"], path) {
        let (listed, count) = (at(rule, &["succeededIndexes"]).and_then(Value::as_str), number(rule, "succeededCount"));
        if listed.is_none() && count.is_none() {
            let detail = "at least one of succeededCount or succeededIndexes must be specified";
            errors.push(FieldError::required(path.as_str(), detail));
        }
        let total = listed.map(|listed| indexes(listed, completions));
        if let (Some(listed), Some(Err(problem))) = (listed, &total) {
            let detail = format!("error parsing succeededIndexes: {problem}");
            errors.push(FieldError::invalid(format!("{path}.succeededIndexes"), listed, detail));
        }
        errors.at_least(rule, "succeededCount", &path, 0);
        let listed = total.map(|total| total.unwrap_or_default());
        for (most, what) in
            [(Some(completions), "specified completions"), (listed, "indexes in the specified succeededIndexes field")]
        {
            if let (Some(count), Some(most)) = (count, most)
                && count > most
            {
                let detail = format!("must be less than or equal to {most} (the number of {what})");
                errors.push(FieldError::invalid(format!("{path}.succeededCount"), count, detail));
            }
        }
    }
}

/// How many indexes a list of them and of their ranges has, from `validateIndexesFormat`.
fn indexes(text: &str, completions: i64) -> Result<i64, String> {
    let mut total = 0;
    let mut last: Option<i64> = None;
    let read = |text: &str| match text.parse::<i64>() {
        Err(_) => Err(format!("cannot convert string to integer for index: {text:?}")),
        Ok(index) if index >= completions => Err(format!("too large index: {text:?}")),
        Ok(index) => Ok(index),
    };
    let disordered =
        |previous: i64, current: i64| Err(format!("non-increasing order, previous: {previous}, current: {current}"));
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = match part.split('-').collect::<Vec<_>>().as_slice() {
            [only] => read(only).map(|index| (index, index))?,
            [first, end] => match (read(first)?, read(end)?) {
                (first, end) if first >= end => return disordered(first, end),
                range => range,
            },
            _ => {
                return Err(format!(
                    "the fragment {part:?} violates the requirement that an index interval can have at most two parts \
                     separated by '-'"
                ));
            }
        };
        if let Some(last) = last.filter(|last| *last >= first) {
            return disordered(last, first);
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_ordered_and_below_the_completions() {
        for (text, count) in [("", Some(0)), ("1,3-5,7", Some(5)), ("9", Some(1))] {
            assert_eq!(indexes(text, 10).ok(), count, "{text}");
        }
        for text in ["10", "x", "3,1", "3-3", "1-2-3", "1,", "-1"] {
            assert!(indexes(text, 10).is_err(), "{text}");
        }
    }
}
