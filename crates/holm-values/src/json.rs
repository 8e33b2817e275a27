//! Reading and writing what stands at a path of an object in JSON.
//!
//! A path is a JSON pointer such as `/spec/replicas` (RFC 6901) or a list of names such as `["spec", "replicas"]`, which needs no
//! escapes. Null counts as absent, as it does to the API server.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Where something stands in an object.
pub trait Path {
    /// Returns the names of the fields on the way, and the positions of items of lists.
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>>;
}

impl Path for str {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.split('/').skip(1).map(|name| match name.contains('~') {
            true => Cow::Owned(name.replace("~1", "/").replace("~0", "~")),
            false => Cow::Borrowed(name),
        })
    }
}

impl Path for String {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.as_str().names()
    }
}

impl<S: AsRef<str>> Path for [S] {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().map(|name| Cow::Borrowed(name.as_ref()))
    }
}

impl<S: AsRef<str>, const N: usize> Path for [S; N] {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.as_slice().names()
    }
}

impl<S: AsRef<str>> Path for Vec<S> {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.as_slice().names()
    }
}

impl<P: Path + ?Sized> Path for &P {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (**self).names()
    }
}

/// Returns the value at a path.
#[must_use]
pub fn at<'v>(object: &'v Value, path: &(impl Path + ?Sized)) -> Option<&'v Value> {
    let found = path.names().try_fold(object, |value, name| match value {
        Value::Object(fields) => fields.get(&*name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    });
    found.filter(|value| !value.is_null())
}

/// Returns the value at a path, for writing.
#[must_use]
pub fn at_mut<'v>(object: &'v mut Value, path: &(impl Path + ?Sized)) -> Option<&'v mut Value> {
    let found = path.names().try_fold(object, |value, name| match value {
        Value::Object(fields) => fields.get_mut(&*name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    });
    found.filter(|value| !value.is_null())
}

/// Returns the text at a path; an empty one if there is none.
#[must_use]
pub fn text<'v>(object: &'v Value, path: &(impl Path + ?Sized)) -> &'v str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the whole number at a path.
#[must_use]
pub fn int(object: &Value, path: &(impl Path + ?Sized)) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

/// Returns the flag at a path; false if there is none.
#[must_use]
pub fn flag(object: &Value, path: &(impl Path + ?Sized)) -> bool {
    at(object, path).and_then(Value::as_bool).unwrap_or_default()
}

/// Returns the items of the list at a path; none if there is no list.
pub fn items<'v>(object: &'v Value, path: &(impl Path + ?Sized)) -> std::slice::Iter<'v, Value> {
    at(object, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// Returns the map at a path.
#[must_use]
pub fn map<'v>(object: &'v Value, path: &(impl Path + ?Sized)) -> Option<&'v Map<String, Value>> {
    at(object, path).and_then(Value::as_object)
}

/// Sets the value at a path, and makes the maps on the way. Nothing is changed where something else than a map is on the way.
pub fn set(object: &mut Value, path: &(impl Path + ?Sized), value: impl Into<Value>) {
    let mut names = path.names().peekable();
    let mut current = object;
    while let Some(name) = names.next() {
        if current.is_null() {
            *current = Value::Object(Map::new());
        }
        let Some(fields) = current.as_object_mut() else { return };
        if names.peek().is_none() {
            fields.insert(name.into_owned(), value.into());
            return;
        }
        current = fields.entry(name).or_insert(Value::Null);
    }
}

/// Removes the value at a path, and returns it.
pub fn remove(object: &mut Value, path: &(impl Path + ?Sized)) -> Option<Value> {
    let names: Vec<Cow<'_, str>> = path.names().collect();
    let (last, parents) = names.split_last()?;
    let parent = parents.iter().try_fold(object, |value, name| value.get_mut(&**name))?;
    parent.as_object_mut()?.remove(&**last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_kinds_of_paths_lead_to_the_same() {
        let object = json!({
            "metadata": {"name": "web", "annotations": {"example.org/a~b": "c"}},
            "spec": {"replicas": 3, "paused": true, "none": null, "list": [{"name": "first"}, "second"]},
        });
        assert_eq!(text(&object, "/metadata/name"), "web");
        assert_eq!(text(&object, &["metadata", "name"]), "web");
        assert_eq!(text(&object, "/metadata/annotations/example.org~1a~0b"), "c");
        assert_eq!(text(&object, &["metadata", "annotations", "example.org/a~b"]), "c");
        assert_eq!((int(&object, "/spec/replicas"), int(&object, "/spec/paused")), (Some(3), None));
        assert!(flag(&object, "/spec/paused") && !flag(&object, "/spec/replicas"));
        assert_eq!((at(&object, "/spec/none"), at(&object, "/spec/absent/more")), (None, None));
        assert_eq!(at(&object, ""), Some(&object));
        assert_eq!(text(&object, "/spec/list/0/name"), "first");
        assert_eq!(items(&object, "/spec/list").filter_map(Value::as_str).collect::<Vec<_>>(), ["second"]);
        assert_eq!((items(&object, "/spec").len(), map(&object, "/spec/list")), (0, None));
        assert_eq!(map(&object, "/metadata").map(Map::len), Some(2));
    }

    #[test]
    fn what_is_set_can_be_read_and_removed() {
        let mut object = json!({"metadata": {"name": "a"}, "spec": null, "text": "t"});
        set(&mut object, "/metadata/annotations/example.org~1x", "1");
        set(&mut object, &["spec", "replicas"], 2);
        set(&mut object, "/text/below", "nothing");
        assert_eq!(at_mut(&mut object, "/spec/replicas"), Some(&mut json!(2)));
        assert_eq!(remove(&mut object, &["metadata", "annotations", "example.org/x"]), Some(json!("1")));
        assert_eq!(remove(&mut object, "/metadata/absent/x"), None);
        let expected = json!({"metadata": {"name": "a", "annotations": {}}, "spec": {"replicas": 2}, "text": "t"});
        assert_eq!(object, expected);
    }
}
