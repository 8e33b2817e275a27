//! Where a text of the API server says that something is wrong: `spec.ports[0].name`, `metadata.labels[a.b]`.

use serde_json::Value;

/// One step from a value to one in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To the field or entry of this name.
    Field(String),
    /// To the item at this position, from 0.
    Item(usize),
}

/// Reads a field as the API server writes it. Names with dots are not quoted there, so that only the object tells where they end.
#[must_use]
pub fn locate(object: &Value, field: &str) -> Vec<Step> {
    let (mut value, mut rest, mut steps) = (Some(object), field, Vec::new());
    // What is wrong with the object as a whole has the path of a field without a name.
    if field == "<nil>" || field == "[]" {
        return steps;
    }
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => bracket(value, inside),
            None => name(value, rest.strip_prefix('.').unwrap_or(rest)),
        };
        value = value.and_then(|value| child(value, &step));
        steps.push(step);
        rest = after;
    }
    steps
}

/// Returns the value at a place.
#[must_use]
pub fn value_at<'v>(object: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(object, child)
}

/// Returns the value at a place for writing.
pub fn value_at_mut<'v>(object: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get_mut(name.as_str()),
        Step::Item(position) => value.get_mut(*position),
    })
}

fn child<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Field(name) => value.get(name.as_str()),
        Step::Item(position) => value.get(*position),
    }
}

/// Reads what follows an opening bracket: a position, or the key of a map.
fn bracket<'f>(value: Option<&Value>, inside: &'f str) -> (Step, &'f str) {
    let keys = value.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str());
    let known = keys.filter(|key| inside.strip_prefix(key).is_some_and(|rest| rest.starts_with(']')));
    let end = known.map(str::len).max().or_else(|| inside.find(']')).unwrap_or(inside.len());
    let (text, after) = inside.split_at(end);
    let after = after.strip_prefix(']').unwrap_or(after);
    match text.parse() {
        Ok(position) if !value.is_some_and(Value::is_object) => (Step::Item(position), after),
        _ => (Step::Field(text.to_owned()), after),
    }
}

/// Reads a name up to the next dot or bracket, or a longer one that is there.
fn name<'f>(value: Option<&Value>, text: &'f str) -> (Step, &'f str) {
    let keys = value.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str());
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    let known = keys.filter(|key| !key.is_empty() && text.strip_prefix(key).is_some_and(ends));
    // A step goes on in any case, so that the reading ends.
    let plain = text.find(['.', '[']).unwrap_or(text.len()).max(usize::from(text.starts_with('.')));
    let end = known.map(str::len).max().unwrap_or(plain);
    let (name, after) = text.split_at(end);
    (Step::Field(name.to_owned()), after)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_read_with_the_object_at_hand() {
        let object = json!({
            "metadata": {"labels": {"a.b/c": "x", "a": {"b": 1}}},
            "spec": {"ports": [{"name": "x"}], "hard": {"requests.cpu": "1", "0": "2"}},
        });
        let field = |name: &str| Step::Field(name.to_owned());
        for (text, expected) in [
            ("metadata.labels[a.b/c]", vec![field("metadata"), field("labels"), field("a.b/c")]),
            ("metadata.labels.a.b", vec![field("metadata"), field("labels"), field("a"), field("b")]),
            ("spec.ports[0].name", vec![field("spec"), field("ports"), Step::Item(0), field("name")]),
            ("spec.hard[requests.cpu]", vec![field("spec"), field("hard"), field("requests.cpu")]),
            ("spec.hard[0]", vec![field("spec"), field("hard"), field("0")]),
            ("spec.hard.requests.cpu", vec![field("spec"), field("hard"), field("requests.cpu")]),
            ("spec.gone[3].field", vec![field("spec"), field("gone"), Step::Item(3), field("field")]),
            ("<nil>", vec![]),
            ("[]", vec![]),
            ("", vec![]),
            ("a..b", vec![field("a"), field("."), field("b")]),
            ("a[b", vec![field("a"), field("b")]),
        ] {
            assert_eq!(locate(&object, text), expected, "{text}");
        }
    }
}
