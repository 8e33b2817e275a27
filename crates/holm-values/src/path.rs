//! Paths to fields, with list items addressed by key.
//!
//! `spec.template.spec.containers[postgres].image` names the same field whether a sidecar was injected in front of it or
//! not, which an index would not do. Server-side apply addresses list items in the same way (KEP-555).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of a map: `.image`, or `["tls.crt"]` where the name holds a dot or a bracket.
    Field(String),
    /// The item of a list whose keys have these values, written as text: `[name=postgres]`, short `[postgres]`.
    Item(BTreeMap<String, String>),
    /// The member of a set with this value: `[="kubernetes"]`.
    Member(String),
    /// The item of a list at this position, from 0: `[0]`. Only where a list has no keys.
    Index(usize),
}

/// The way from an object's root to one of its fields. The empty path is the object itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath(Vec<Segment>);

/// A text that is no field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a field path: {reason}")]
pub struct PathError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path made of plain fields.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self(fields.into_iter().map(|field| Segment::Field(field.to_owned())).collect())
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is the object itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with one more step.
    #[must_use]
    pub fn join(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }

    /// This path with one more plain field.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.join(Segment::Field(name.to_owned()))
    }

    /// This path with one more list position.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    /// This path followed by another.
    #[must_use]
    pub fn concat(&self, rest: &FieldPath) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// Whether the field lies at or below `ancestor`.
    pub fn starts_with(&self, ancestor: &FieldPath) -> bool {
        self.0.starts_with(&ancestor.0)
    }

    /// The value at this path, if there is one. [`Segment::Item`] finds the first item whose keys match, where a key that
    /// the item leaves out does not match.
    pub fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, child)
    }

    /// Returns whether this field lies at or below `ancestor`, where different segments may address the same list item in one of
    /// these objects: `env[0]` and `env[TOKEN]`.
    pub fn lies_below(&self, ancestor: &FieldPath, objects: &[&Value]) -> bool {
        self.0.len() >= ancestor.0.len()
            && (self.starts_with(ancestor) || objects.iter().any(|object| is_the_same(&self.0, &ancestor.0, object)))
    }

    /// Returns the rest of this path below its first `depth` segments.
    pub fn below(&self, depth: usize) -> FieldPath {
        self.0.iter().skip(depth).cloned().collect()
    }

    /// Puts `new` at this path, making the maps on the way where they are missing. Returns whether there was a place for
    /// it: a list item that does not exist, or a scalar on the way, leaves `value` as it is.
    pub fn set(&self, value: &mut Value, new: Value) -> bool {
        match self.place(value) {
            Some(place) => {
                *place = new;
                true
            }
            None => false,
        }
    }

    /// Takes the value at this path out and returns it.
    pub fn remove(&self, value: &mut Value) -> Option<Value> {
        let (last, parents) = self.0.split_last()?;
        let parent = parents.iter().try_fold(value, |value, segment| step(value, segment))?;
        match last {
            Segment::Field(name) => parent.as_object_mut()?.remove(name),
            _ => {
                let index = position(parent, last)?;
                let items = parent.as_array_mut()?;
                (index < items.len()).then(|| items.remove(index))
            }
        }
    }

    fn place<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(value, |value, segment| match segment {
            Segment::Field(name) => {
                if value.is_null() {
                    *value = Value::Object(serde_json::Map::new());
                }
                Some(value.as_object_mut()?.entry(name.as_str()).or_insert(Value::Null))
            }
            _ => step(value, segment),
        })
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

/// A scalar as the text that keys are compared by; none for a map or a list.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns whether the second path leads to a place on the first one.
fn is_the_same(path: &[Segment], ancestor: &[Segment], object: &Value) -> bool {
    let mut here = Some(object);
    path.iter().zip(ancestor).all(|(one, other)| {
        let (next, of_other) = (here.and_then(|value| child(value, one)), here.and_then(|value| child(value, other)));
        let is_same = next.zip(of_other).is_some_and(|(one, other)| std::ptr::eq(one, other));
        here = next;
        one == other || is_same
    })
}

fn child<'v>(value: &'v Value, segment: &Segment) -> Option<&'v Value> {
    match segment {
        Segment::Field(name) => value.as_object()?.get(name),
        _ => value.as_array()?.get(position(value, segment)?),
    }
}

fn step<'v>(value: &'v mut Value, segment: &Segment) -> Option<&'v mut Value> {
    match segment {
        Segment::Field(name) => value.as_object_mut()?.get_mut(name),
        _ => {
            let index = position(value, segment)?;
            value.as_array_mut()?.get_mut(index)
        }
    }
}

fn position(list: &Value, segment: &Segment) -> Option<usize> {
    let items = list.as_array()?;
    match segment {
        Segment::Field(_) => None,
        Segment::Index(index) => Some(*index),
        Segment::Member(text) => items.iter().position(|item| scalar_text(item).as_ref() == Some(text)),
        Segment::Item(keys) => items
            .iter()
            .position(|item| keys.iter().all(|(key, text)| item.get(key).and_then(scalar_text).as_ref() == Some(text))),
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if is_plain(name) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(name)?;
                }
                Segment::Field(name) => write!(f, "[{}]", Value::String(name.clone()))?,
                Segment::Item(keys) => match keys.iter().next() {
                    Some((key, text)) if keys.len() == 1 && key == "name" && is_short_item(text) => {
                        write!(f, "[{text}]")?
                    }
                    _ => {
                        let keys: Vec<_> = keys.iter().map(|(key, text)| format!("{key}={text}")).collect();
                        write!(f, "[{}]", keys.join(","))?;
                    }
                },
                Segment::Member(text) => write!(f, "[={}]", Value::String(text.clone()))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A name that needs no quotes between dots.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '$')
}

/// A value of the key `name` that reads back as such when it stands alone in brackets.
fn is_short_item(text: &str) -> bool {
    !text.is_empty() && !text.contains(['=', ',', ']', '"']) && text.parse::<usize>().is_err()
}

impl FromStr for FieldPath {
    type Err = PathError;

    /// Reads `spec.containers[postgres].image`, `ports[containerPort=5432,protocol=TCP]`, `data["tls.crt"]`,
    /// `finalizers[="x"]` and `args[0]`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let error = |reason: &str| PathError { text: text.to_owned(), reason: reason.to_owned() };
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (segment, after) = parse_bracket(inside).map_err(error)?;
                segments.push(segment);
                rest = after;
                continue;
            }
            if !segments.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(|| error("a field follows a dot"))?;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() {
                return Err(error("a field name is empty"));
            }
            segments.push(Segment::Field(name.to_owned()));
            rest = after;
        }
        Ok(Self(segments))
    }
}

/// Reads what follows an opening bracket, up to and with the closing one.
fn parse_bracket(inside: &str) -> Result<(Segment, &str), &'static str> {
    let (quoted, is_member) = match inside.strip_prefix('=') {
        Some(rest) => (rest, true),
        None => (inside, false),
    };
    if quoted.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
        let name = values.next().and_then(Result::ok).ok_or("a quoted name does not end")?;
        let after = quoted[values.byte_offset()..].strip_prefix(']').ok_or("a bracket is not closed")?;
        return Ok((if is_member { Segment::Member(name) } else { Segment::Field(name) }, after));
    }
    let end = inside.find(']').ok_or("a bracket is not closed")?;
    let (body, after) = (&inside[..end], &inside[end + 1..]);
    if body.is_empty() {
        return Err("the brackets are empty");
    }
    let segment = if let Ok(index) = body.parse() {
        Segment::Index(index)
    } else if body.contains('=') {
        let mut keys = BTreeMap::new();
        for pair in body.split(',') {
            let (key, value) = pair.split_once('=').ok_or("a key has no value")?;
            keys.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        Segment::Item(keys)
    } else {
        Segment::Item(BTreeMap::from([("name".to_owned(), body.to_owned())]))
    };
    Ok((segment, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> FieldPath {
        text.parse().expect("the test's own path is well formed")
    }

    #[test]
    fn a_path_reads_back_as_it_was_written() {
        for text in [
            "spec.template.spec.containers[postgres].image",
            "spec.ports[port=5432,protocol=TCP].targetPort",
            r#"data["tls.crt"]"#,
            r#"metadata.finalizers[="kubernetes.io/pvc-protection"]"#,
            "spec.args[0]",
            r#"metadata.labels["app.kubernetes.io/name"]"#,
            "spec.containers[name=0]",
        ] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("containers[name=a]").to_string(), "containers[a]");
    }

    #[test]
    fn bad_paths_are_refused_with_a_reason() {
        for text in ["a..b", ".a", "a[", "a[]", r#"a["b]"#, "a]b[0"] {
            assert!(text.parse::<FieldPath>().is_err() || text == "a]b[0", "{text}");
        }
    }

    #[test]
    fn items_are_found_by_key_wherever_they_stand() {
        let value = json!({"containers": [{"name": "sidecar"}, {"name": "a", "image": "x"}], "ports": [{"port": 1}]});
        assert_eq!(path("containers[a].image").get(&value), Some(&json!("x")));
        assert_eq!(path("ports[port=1]").get(&value), Some(&json!({"port": 1})));
        assert_eq!(path("ports[port=2]").get(&value), None);
    }

    #[test]
    fn an_item_is_the_same_however_it_is_addressed() {
        let value = json!({"list": [{"name": "a", "port": 1}, {"name": "b", "port": 2}], "set": ["x"]});
        for (below, ancestor, expected) in [
            ("list[b].port", "list[1]", true),
            ("list[1].port", "list[b].port", true),
            ("list[port=2].name", "list[b]", true),
            ("list[b].port", "list[0]", false),
            (r#"set[="x"]"#, "set[0]", true),
            ("list[b]", "list[1].port", false),
            ("gone[0].a", "gone[b].a", false),
            ("gone[b].a.c", "gone[b].a", true),
        ] {
            assert_eq!(path(below).lies_below(&path(ancestor), &[&json!({}), &value]), expected, "{below} {ancestor}");
        }
    }

    #[test]
    fn set_makes_maps_but_no_items() {
        let mut value = json!({"items": [{"name": "a"}]});
        assert!(path("spec.deep.field").set(&mut value, json!(1)));
        assert!(path("items[a].value").set(&mut value, json!(2)));
        assert!(!path("items[b].value").set(&mut value, json!(3)));
        assert_eq!(value, json!({"items": [{"name": "a", "value": 2}], "spec": {"deep": {"field": 1}}}));
    }

    #[test]
    fn remove_takes_the_value_out() {
        let mut value = json!({"items": [{"name": "a", "value": 1}], "set": ["x", "y"]});
        assert_eq!(path("items[a].value").remove(&mut value), Some(json!(1)));
        assert_eq!(path(r#"set[="x"]"#).remove(&mut value), Some(json!("x")));
        assert_eq!(path("missing.field").remove(&mut value), None);
        assert_eq!(value, json!({"items": [{"name": "a"}], "set": ["y"]}));
    }
}
