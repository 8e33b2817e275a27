//! JSON objects as text, for those that are many and looked at rarely.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use holm_core::id::ApiKind;

/// An object of a cluster as compact JSON text.
///
/// A tree of an object with its managedFields takes several times the memory of its text, because each map is a node with room
/// for eleven entries, and a run holds thousands of objects of which it looks at few. It may hold secret values, so `Debug` is masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Arc<str>);

/// The part of a list's item that is read to keep it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    api_version: Option<IgnoredAny>,
    #[serde(default)]
    kind: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    uid: Option<String>,
    #[serde(rename = "resourceVersion")]
    resource_version: Option<String>,
}

impl Packed {
    /// Packs an object.
    pub fn of(object: &Value) -> Self {
        Self(object.to_string().into())
    }

    /// Packs an item of a list of `kind` as the server wrote it. The items of a list of a built-in kind do not say their
    /// kind, so it is put in front.
    ///
    /// # Errors
    /// When it is no object.
    pub fn of_item(item: &RawValue, kind: &ApiKind) -> Result<Self, serde_json::Error> {
        let text = item.get();
        let Item { api_version, kind: said } = serde_json::from_str(text)?;
        if api_version.is_some() && said.is_some() {
            return Ok(Self(text.into()));
        }
        let rest = text.trim_start().strip_prefix('{').unwrap_or(text).trim_start();
        let mut whole = String::with_capacity(text.len() + 64);
        whole.push('{');
        for (field, value) in [("apiVersion", kind.api_version()), ("kind", kind.kind.clone())] {
            let is_said = if field == "kind" { said.is_some() } else { api_version.is_some() };
            if !is_said {
                whole.push_str(&format!("\"{field}\":{},", Value::String(value)));
            }
        }
        if rest.starts_with('}') {
            // Only what was put in front, without the comma after it.
            whole.pop();
        }
        whole.push_str(rest);
        Ok(Self(whole.into()))
    }

    /// The object.
    pub fn open(&self) -> Value {
        // The text is JSON, because it was made from a value or read as one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The text, to be sent.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The uid in its metadata, without opening all of it.
    pub fn uid(&self) -> Option<String> {
        serde_json::from_str::<Object>(&self.0).ok()?.metadata.uid
    }

    /// The resourceVersion in its metadata, without opening all of it.
    pub fn resource_version(&self) -> Option<String> {
        serde_json::from_str::<Object>(&self.0).ok()?.metadata.resource_version
    }
}

impl From<&Value> for Packed {
    fn from(object: &Value) -> Self {
        Self::of(object)
    }
}

impl From<Value> for Packed {
    fn from(object: Value) -> Self {
        Self::of(&object)
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(packed)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use holm_core::id::Scope;

    fn item(text: &str) -> Value {
        let kind = ApiKind {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            scope: Scope::Namespaced,
        };
        let raw: &RawValue = serde_json::from_str(text).expect("JSON");
        Packed::of_item(raw, &kind).expect("an object").open()
    }

    #[test]
    fn an_item_says_its_kind_and_nothing_twice() {
        let whole = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
        assert_eq!(item(r#"{"metadata":{"name":"a"}}"#), whole);
        assert_eq!(item("{ \"kind\": \"Deployment\", \"metadata\": {\"name\": \"a\"}}"), whole);
        assert_eq!(item(&whole.to_string()), whole);
        assert_eq!(item(" { } "), json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
        assert_eq!(item(r#"{"apiVersion":"apps/v1"}"#), json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
    }

    #[test]
    fn what_is_opened_is_what_was_packed_and_debug_shows_none_of_it() {
        let object = json!({"metadata": {"uid": "u", "name": "hunter2"}, "spec": {"ratio": 0.1, "many": 18446744073709551615u64}});
        let packed = Packed::of(&object);
        assert_eq!(packed.open(), object);
        assert_eq!(packed.uid().as_deref(), Some("u"));
        assert_eq!(Packed::of(&json!({})).uid(), None);
        assert!(!format!("{packed:?}").contains("hunter2"));
    }
}
