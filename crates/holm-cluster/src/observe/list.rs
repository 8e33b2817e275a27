//! Reads lists page by page. Items that are not wanted are dropped as they are read, so that memory follows what is kept.

use std::fmt;

use holm_core::ApiKind;
use holm_planner::Packed;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Trouble;
use crate::transport::{malformed, read};

/// One page of a list.
#[derive(Default)]
pub(crate) struct Page {
    /// The names of the items that were wanted, and the items with `apiVersion` and `kind`.
    pub(crate) items: Vec<(String, Packed)>,
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
pub(crate) fn page(body: &[u8], kind: &ApiKind, wanted: &dyn Fn(&str) -> bool) -> Result<Page, Trouble> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    PageSeed { kind, wanted }.deserialize(&mut deserializer).map_err(|error| malformed(&error))
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
    kind: &'a ApiKind,
    wanted: &'a dyn Fn(&str) -> bool,
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
                "items" => page.items = map.next_value_seed(Items { kind: self.kind, wanted: self.wanted })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

struct Items<'a> {
    kind: &'a ApiKind,
    wanted: &'a dyn Fn(&str) -> bool,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<(String, Packed)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<(String, Packed)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a list")
    }

    /// Go writes an empty list as null.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element::<&RawValue>()? {
            let Named { metadata: Name { name } } = serde_json::from_str(item.get()).map_err(A::Error::custom)?;
            if (self.wanted)(&name) {
                items.push((name, Packed::of_item(item, self.kind).map_err(A::Error::custom)?));
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::inventory::config_map_kind;

    fn read_page(body: &Value) -> Result<Page, Trouble> {
        page(body.to_string().as_bytes(), &config_map_kind(), &|name| name != "other")
    }

    #[test]
    fn pages_keep_what_is_wanted_and_say_their_kind() {
        let body = json!({"kind": "ConfigMapList", "metadata": {"continue": "c", "resourceVersion": "7"},
            "items": [{"metadata": {"name": "one"}}, {"metadata": {"name": "other"}}]});
        let page = read_page(&body).expect("a list");
        let item = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}});
        assert_eq!(page.items, [("one".to_owned(), Packed::of(&item))]);
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
