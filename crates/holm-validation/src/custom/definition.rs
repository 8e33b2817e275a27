//! CustomResourceDefinitions: their defaults and the kinds that they make.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apis/apiextensions/v1/defaults.go`.

use holm_schema::{GroupVersionKind, Resource, Subresource};
use serde_json::{Value, json};

use super::{CustomType, ScalePaths};
use crate::kind::ResourceKind;
use crate::object::{self, at, set_at, text_at};

/// A column that a definition adds to tables.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    /// Its title.
    pub name: String,
    /// The type of its values.
    pub kind: String,
    /// The format of its values; may be empty.
    pub format: String,
    /// What it holds.
    pub description: String,
    /// 0 where it is shown always, more where it is shown only in wide tables.
    pub priority: i64,
    /// The JSON path of its values.
    pub path: String,
}

/// Sets what follows from the definition itself: the names that were not given, and the beginning of the status.
pub fn prepare_definition(object: &mut Value, live: Option<&Value>) {
    let kind = text_at(object, &["spec", "names", "kind"]).to_owned();
    if text_at(object, &["spec", "names", "singular"]).is_empty() {
        set_at(object, &["spec", "names", "singular"], json!(kind.to_lowercase()));
    }
    if text_at(object, &["spec", "names", "listKind"]).is_empty() && !kind.is_empty() {
        set_at(object, &["spec", "names", "listKind"], json!(format!("{kind}List")));
    }
    if at(object, &["spec", "conversion"]).is_none() {
        set_at(object, &["spec", "conversion"], json!({"strategy": "None"}));
    }
    let storage = versions(object).find(|version| version.get("storage") == Some(&json!(true)));
    let storage = storage.and_then(|version| version.get("name").cloned());
    let mut stored = live.map(|live| object::texts(at(live, &["status", "storedVersions"]))).unwrap_or_default();
    if let Some(storage) = storage.as_ref().and_then(Value::as_str)
        && !stored.iter().any(|found| found == storage)
    {
        stored.push(storage.to_owned());
    }
    if live.is_none() {
        set_at(object, &["status"], json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}}));
    }
    set_at(object, &["status", "storedVersions"], json!(stored));
}

pub(super) fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    at(definition, &["spec", "versions"]).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the versions of a definition that are served.
pub fn served_versions(definition: &Value) -> impl Iterator<Item = &Value> {
    versions(definition).filter(|version| version.get("served") == Some(&json!(true)))
}

/// Returns the kinds that a definition makes, one for each served version, in its order.
#[must_use]
pub fn kinds(definition: &Value) -> Vec<ResourceKind> {
    let kind = text_at(definition, &["spec", "names", "kind"]);
    let group = text_at(definition, &["spec", "group"]);
    let names = |field: &str| object::texts(at(definition, &["spec", "names", field]));
    served_versions(definition)
        .map(|version| {
            let gvk = GroupVersionKind::new(group, text_at(version, &["name"]), kind);
            let has_status = at(version, &["subresources", "status"]).is_some();
            let scale = at(version, &["subresources", "scale"]).map(|scale| ScalePaths {
                spec_replicas: text_at(scale, &["specReplicasPath"]).to_owned(),
                status_replicas: text_at(scale, &["statusReplicasPath"]).to_owned(),
                label_selector: at(scale, &["labelSelectorPath"]).and_then(Value::as_str).map(str::to_owned),
            });
            let mut subresources = Vec::new();
            let verbs = ["get", "patch", "update"].map(str::to_owned).to_vec();
            if has_status {
                subresources.push(Subresource { name: "status".to_owned(), kind: gvk.clone(), verbs: verbs.clone() });
            }
            if scale.is_some() {
                let kind = GroupVersionKind::new("autoscaling", "v1", "Scale");
                subresources.push(Subresource { name: "scale".to_owned(), kind, verbs });
            }
            let discovery = Resource {
                name: text_at(definition, &["spec", "names", "plural"]).to_owned(),
                singular: text_at(definition, &["spec", "names", "singular"]).to_owned(),
                kind: gvk,
                namespaced: text_at(definition, &["spec", "scope"]) == "Namespaced",
                verbs: ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
                    .map(str::to_owned)
                    .to_vec(),
                short_names: names("shortNames"),
                categories: names("categories"),
                subresources,
            };
            let schema = openapi(version);
            let custom = CustomType {
                has_defaults: has_default(&schema),
                deprecation: deprecation(definition, version),
                rules: super::rules::Rules::of(&schema),
                preserves_unknown: preserves_unknown(definition, version),
                schema,
                scale,
                columns: columns(version),
                selectable: at(version, &["selectableFields"])
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(|field| text_at(field, &["jsonPath"]).trim_start_matches('.').to_owned())
                    .collect(),
            };
            ResourceKind::custom(discovery, custom)
        })
        .collect()
}

/// From `k8s.io/apiextensions-apiserver`, `pkg/apis/apiextensions/helpers.go` and `pkg/apiserver/customresource_handler.go`.
fn deprecation(definition: &Value, version: &Value) -> Option<String> {
    if version.get("deprecated") != Some(&json!(true)) {
        return None;
    }
    if let Some(own) = at(version, &["deprecationWarning"]).and_then(Value::as_str) {
        return Some(own.to_owned());
    }
    let (group, kind) = (text_at(definition, &["spec", "group"]), text_at(definition, &["spec", "names", "kind"]));
    let name = text_at(version, &["name"]);
    let served = versions(definition)
        .filter(|other| other.get("served") == Some(&json!(true)) && other.get("deprecated") != Some(&json!(true)));
    let better = served.map(|other| text_at(other, &["name"])).find(|other| !other.contains("alpha"));
    let instead = better.map(|better| format!("; use {group}/{better} {kind}")).unwrap_or_default();
    Some(format!("{group}/{name} {kind} is deprecated{instead}"))
}

/// Returns the OpenAPI v3 schema of a version; any object, where it has none.
#[must_use]
pub fn openapi(version: &Value) -> Value {
    at(version, &["schema", "openAPIV3Schema"]).cloned().unwrap_or_else(|| json!({"type": "object"}))
}

/// Returns whether the objects of a version keep fields that its schema does not have.
#[must_use]
pub fn preserves_unknown(definition: &Value, version: &Value) -> bool {
    at(definition, &["spec", "preserveUnknownFields"]) == Some(&json!(true))
        || at(version, &["schema", "openAPIV3Schema", "x-kubernetes-preserve-unknown-fields"]) == Some(&json!(true))
}

fn columns(version: &Value) -> Vec<ColumnDefinition> {
    let columns = at(version, &["additionalPrinterColumns"]).and_then(Value::as_array).into_iter().flatten();
    columns
        .map(|column| ColumnDefinition {
            name: text_at(column, &["name"]).to_owned(),
            kind: text_at(column, &["type"]).to_owned(),
            format: text_at(column, &["format"]).to_owned(),
            description: match text_at(column, &["description"]) {
                "" => format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    text_at(column, &["jsonPath"])
                ),
                own => own.to_owned(),
            },
            priority: at(column, &["priority"]).and_then(Value::as_i64).unwrap_or_default(),
            path: text_at(column, &["jsonPath"]).to_owned(),
        })
        .collect()
}

/// Whether a schema has a default anywhere. A property of that name counts too, which costs only time.
fn has_default(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.contains_key("default") || fields.values().any(has_default),
        Value::Array(items) => items.iter().any(has_default),
        _ => false,
    }
}
