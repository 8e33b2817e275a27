//! Reads lists page by page. Items that are not wanted are dropped as they are read, so that memory follows what is kept.

use std::fmt;

use holm_core::ApiKind;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::Trouble;
use crate::transport::{malformed, read};

/// One page of a list.
#[derive(Default)]
pub(crate) struct Page {
    /// The items that were wanted, with `apiVersion` and `kind`.
    pub(crate) items: Vec<Value>,
    /// Where to go on; none at the end.
    pub(crate) token: Option<String>,
    /// The version at which to begin a watch.
    pub(crate) version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListMetadata {
    #[serde(rename = "continue")]
    token: String,
    #[serde(rename = "resourceVersion")]
    version: String,
}

/// Reads a page of objects of `kind`. The items of a list do not say their kind, so it is put in.
pub(crate) fn page(body: &[u8], kind: &ApiKind, wanted: &dyn Fn(&Value) -> bool) -> Result<Page, Trouble> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut page = PageSeed { wanted }.deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
    for item in &mut page.items {
        if let Some(fields) = item.as_object_mut() {
            fields.insert("apiVersion".to_owned(), Value::String(kind.api_version()));
            fields.insert("kind".to_owned(), Value::String(kind.kind.clone()));
        }
    }
    Ok(page)
}

#[derive(Deserialize)]
struct NameList {
    #[serde(default)]
    metadata: ListMetadata,
    /// Go writes an empty list as null.
    #[serde(default)]
    items: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Reads the names of a page, and where to go on.
pub(crate) fn names(body: &[u8]) -> Result<(Vec<String>, Option<String>), Trouble> {
    let list: NameList = read(body)?;
    Ok((list.items.unwrap_or_default().into_iter().map(|item| item.metadata.name).collect(), some(list.metadata.token)))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

struct PageSeed<'a> {
    wanted: &'a dyn Fn(&Value) -> bool,
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "metadata" => {
                    let metadata: ListMetadata = map.next_value()?;
                    page.token = some(metadata.token);
                    page.version = metadata.version;
                }
                "items" => page.items = map.next_value_seed(Items { wanted: self.wanted })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

struct Items<'a> {
    wanted: &'a dyn Fn(&Value) -> bool,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a list")
    }

    /// Go writes an empty list as null.
    fn visit_unit<E>(self) -> Result<Vec<Value>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element::<Value>()? {
            if (self.wanted)(&item) {
                items.push(item);
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::config_map_kind;

    fn read_page(body: &Value) -> Result<Page, Trouble> {
        let wanted = |item: &Value| item.pointer("/metadata/name") != Some(&json!("other"));
        page(body.to_string().as_bytes(), &config_map_kind(), &wanted)
    }

    #[test]
    fn pages_keep_what_is_wanted_and_say_their_kind() {
        let body = json!({"kind": "ConfigMapList", "metadata": {"continue": "c", "resourceVersion": "7"},
            "items": [{"metadata": {"name": "one"}}, {"metadata": {"name": "other"}}]});
        let page = read_page(&body).expect("a list");
        assert_eq!(page.items, [json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})]);
        assert_eq!((page.token.as_deref(), page.version.as_str()), (Some("c"), "7"));
        assert!(read_page(&json!({"items": null})).expect("a list").items.is_empty());
        assert!(read_page(&json!({"metadata": {"continue": ""}})).expect("a list").token.is_none());
    }

    #[test]
    fn names_are_read_and_an_empty_list_may_be_null() {
        let read = |body: Value| names(body.to_string().as_bytes()).expect("a list");
        let body = json!({"metadata": {"continue": "c"}, "items": [{"metadata": {"name": "one", "uid": "u"}}]});
        assert_eq!(read(body), (vec!["one".to_owned()], Some("c".to_owned())));
        assert_eq!(read(json!({"metadata": {}, "items": null})), (Vec::new(), None));
    }

    #[test]
    fn what_is_no_list_is_an_error_that_quotes_nothing() {
        let error = read_page(&json!({"items": "hunter2"})).err().expect("no list").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
