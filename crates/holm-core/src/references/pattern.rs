//! Paths that stand for several fields: `spec.containers[*].image`.

use serde_json::Value;

use crate::path::{FieldPath, PathError, Segment, scalar_text};

/// A field path in which `[*]` stands for every item of a list, or every value of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Only(Segment),
    Each,
}

/// A field that a pattern stands for.
pub(crate) struct Match<'v> {
    /// The way to it.
    pub(crate) path: FieldPath,
    /// What it lies in.
    pub(crate) parent: &'v Value,
    /// Its value.
    pub(crate) value: &'v Value,
}

/// The fields of list items by which they are known, in the order in which they are tried.
const ITEM_KEYS: [&str; 8] = ["name", "mountPath", "devicePath", "containerPort", "port", "host", "key", "path"];

impl Pattern {
    /// Reads a pattern, written like a [`FieldPath`].
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        for (position, part) in text.split("[*]").enumerate() {
            if position > 0 {
                steps.push(Step::Each);
            }
            let part = if position > 0 { part.strip_prefix('.').unwrap_or(part) } else { part };
            let path: FieldPath = part.parse()?;
            steps.extend(path.segments().iter().cloned().map(Step::Only));
        }
        if steps.is_empty() {
            return Err(PathError { text: text.to_owned(), reason: "the path is empty".to_owned() });
        }
        Ok(Self { steps })
    }

    /// Every field of `object` that this pattern stands for, in the order of the object.
    pub(crate) fn find<'v>(&self, object: &'v Value) -> Vec<Match<'v>> {
        let mut found = Vec::new();
        walk(&self.steps, object, &mut Vec::new(), &mut found);
        found
    }

    /// What the fields lie in; none for a field of the root.
    #[cfg(test)]
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, steps) = self.steps.split_last()?;
        (!steps.is_empty()).then(|| Self { steps: steps.to_vec() })
    }

    /// The fields on the way; none for every item.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = Option<&str>> {
        self.steps.iter().map(|step| match step {
            Step::Only(Segment::Field(name)) => Some(name.as_str()),
            Step::Only(_) | Step::Each => None,
        })
    }
}

fn walk<'v>(steps: &[Step], value: &'v Value, way: &mut Vec<Segment>, found: &mut Vec<Match<'v>>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let mut enter = |child: &'v Value, segment: Segment| {
        way.push(segment);
        if rest.is_empty() {
            found.push(Match { path: way.iter().cloned().collect(), parent: value, value: child });
        } else {
            walk(rest, child, way, found);
        }
        way.pop();
    };
    match (step, value) {
        (Step::Only(segment), _) => {
            let path: FieldPath = std::iter::once(segment.clone()).collect();
            if let Some(child) = path.get(value) {
                enter(child, segment.clone());
            }
        }
        (Step::Each, Value::Array(items)) => {
            for (index, child) in items.iter().enumerate() {
                enter(child, item_segment(items, index));
            }
        }
        (Step::Each, Value::Object(fields)) => {
            for (name, child) in fields {
                enter(child, Segment::Field(name.clone()));
            }
        }
        (Step::Each, _) => {}
    }
}

/// Returns the path with list items by name, where they have one.
pub(crate) fn by_name(path: &FieldPath, object: &Value) -> FieldPath {
    let mut named = FieldPath::root();
    for segment in path.segments() {
        let items = named.get(object).and_then(Value::as_array);
        let segment = match (segment, items) {
            (Segment::Index(index), Some(items)) if *index < items.len() => item_segment(items, *index),
            _ => segment.clone(),
        };
        named = named.join(segment);
    }
    named
}

/// The step to an item of a list: by its key where it has one that no other item has, otherwise by its position.
pub(crate) fn item_segment(items: &[Value], index: usize) -> Segment {
    for key in ITEM_KEYS {
        let Some(own) = items.get(index).and_then(|item| item.get(key)).and_then(scalar_text) else { continue };
        let same = items.iter().filter(|item| item.get(key).and_then(scalar_text).as_ref() == Some(&own)).count();
        if same == 1 && !own.is_empty() {
            return Segment::Item([(key.to_owned(), own)].into());
        }
        break;
    }
    Segment::Index(index)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(pattern: &str, value: &Value) -> Vec<String> {
        let pattern = Pattern::parse(pattern).expect("the test's own pattern is well formed");
        pattern.find(value).into_iter().map(|found| found.path.to_string()).collect()
    }

    #[test]
    fn a_pattern_finds_every_item_by_its_key() {
        let value = json!({"a": [{"name": "x", "b": 1}, {"name": "y"}, {"name": "z", "b": 2}]});
        assert_eq!(paths("a[*].b", &value), ["a[x].b", "a[z].b"]);
        assert_eq!(paths("a[x].b", &value), ["a[x].b"]);
        assert_eq!(paths("b[*]", &value), Vec::<String>::new());
    }

    #[test]
    fn items_with_the_same_key_are_told_apart_by_position() {
        let value = json!({"a": [{"name": "x"}, {"name": "x"}, {"port": 1}], "m": {"k": "v"}, "s": ["p"]});
        assert_eq!(paths("a[*]", &value), ["a[0]", "a[1]", "a[port=1]"]);
        assert_eq!(paths("m[*]", &value), ["m.k"]);
        assert_eq!(paths("s[*]", &value), ["s[0]"]);
        assert!(Pattern::parse("").is_err() && Pattern::parse("a..b").is_err());
    }
}
