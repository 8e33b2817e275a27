//! CustomResourceDefinitions: their defaults, their checks, and the resources that they make.
//!
//! From `k8s.io/apiextensions-apiserver`, `pkg/apis/apiextensions/{v1/defaults.go,validation/validation.go}` and the controllers
//! that accept names and establish. Here both happen at once, in the write that creates the definition.

use std::sync::Arc;

use holm_schema::{GroupVersionKind, Resource, Subresource};
use holm_structured_merge::{ConversionError, ObjectType, RelabelledVersions, Schema, Versions};
use serde_json::{Value, json};

use super::{CustomType, ScalePaths};
use crate::error::qualified;
use crate::object::{self, at, copy_at, set_at, text_at};
use crate::registry::ResourceType;
use crate::state::State;

/// The finalizer of a definition, whose objects go first.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// A column that a definition adds to tables.
#[derive(Clone, Debug)]
pub(crate) struct ColumnDefinition {
    pub name: String,
    pub kind: String,
    pub format: String,
    pub description: String,
    pub priority: i64,
    pub path: String,
}

/// Sets what follows from the definition itself: the names that were not given, and the beginning of the status.
pub(crate) fn prepare_definition(object: &mut Value, live: Option<&Value>) {
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

/// Serves what a stored definition defines, and says in its status that it does.
pub(crate) fn on_stored(state: &mut State, definition: &Value) {
    let group = text_at(definition, &["spec", "group"]).to_owned();
    let plural = text_at(definition, &["spec", "names", "plural"]).to_owned();
    state.registry.remove(&qualified(&plural, &group));
    for resource in resources(definition) {
        state.registry.insert(resource);
    }
    let mut established = definition.clone();
    copy_names(definition, &mut established);
    let since = |kind: &str| {
        let known = at(definition, &["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
        let known = known
            .clone()
            .find(|condition| text_at(condition, &["type"]) == kind && text_at(condition, &["status"]) == "True");
        known.map_or_else(
            || json!(state.now().to_string()),
            |found| found.get("lastTransitionTime").cloned().unwrap_or_default(),
        )
    };
    let mut conditions = vec![
        json!({"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found",
            "lastTransitionTime": since("NamesAccepted")}),
        json!({"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted", "lastTransitionTime": since("Established")}),
    ];
    let other = at(definition, &["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
    conditions
        .extend(other.filter(|found| !matches!(text_at(found, &["type"]), "NamesAccepted" | "Established")).cloned());
    set_at(&mut established, &["status", "conditions"], json!(conditions));
    if established != *definition {
        let key = crate::store::Key {
            resource: "customresourcedefinitions.apiextensions.k8s.io".into(),
            namespace: String::new(),
            name: object::name(definition).to_owned(),
        };
        state.store.put(key, established);
    }
}

fn copy_names(definition: &Value, established: &mut Value) {
    if let Some(names) = at(definition, &["spec", "names"]) {
        set_at(established, &["status", "acceptedNames"], names.clone());
    }
    copy_at(definition, established, &["status", "storedVersions"]);
}

/// The versions of a custom resource. To its converter a version that is not served is an error like any other, not one that makes
/// managers lose their fields (`pkg/apiserver/conversion/converter.go`).
struct Tracked(RelabelledVersions);

impl Versions for Tracked {
    fn object_type(&self, object: &Value) -> Option<ObjectType> {
        self.0.object_type(object)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConversionError> {
        self.0.convert(object, api_version).map_err(|error| match error {
            ConversionError::NotServed { api_version } => ConversionError::Failed {
                problem: format!("request to convert CR to an invalid group/version: {api_version}"),
                api_version,
            },
            other => other,
        })
    }
}

/// The resources that a definition makes: one for each served version.
fn resources(definition: &Value) -> Vec<ResourceType> {
    let kind = text_at(definition, &["spec", "names", "kind"]);
    let group = text_at(definition, &["spec", "group"]);
    let names = |field: &str| object::texts(at(definition, &["spec", "names", field]));
    let served: Vec<&Value> =
        versions(definition).filter(|version| version.get("served") == Some(&json!(true))).collect();
    let tracked = Tracked(RelabelledVersions {
        kind: kind.to_owned(),
        versions: served
            .iter()
            .map(|version| {
                let api_version = format!("{group}/{}", text_at(version, &["name"]));
                (api_version, object_type(&openapi(version), preserves(definition, version)))
            })
            .collect(),
    });
    let tracked: Arc<dyn Versions> = Arc::new(tracked);
    served
        .into_iter()
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
                preserves_unknown: preserves(definition, version),
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
            ResourceType::custom(discovery, Arc::new(custom), Arc::clone(&tracked))
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

fn openapi(version: &Value) -> Value {
    at(version, &["schema", "openAPIV3Schema"]).cloned().unwrap_or_else(|| json!({"type": "object"}))
}

fn preserves(definition: &Value, version: &Value) -> bool {
    at(definition, &["spec", "preserveUnknownFields"]) == Some(&json!(true))
        || at(version, &["schema", "openAPIV3Schema", "x-kubernetes-preserve-unknown-fields"]) == Some(&json!(true))
}

/// The type for server-side apply: the schema of the definition with the metadata that every object has.
fn object_type(schema: &Value, preserves_unknown: bool) -> ObjectType {
    const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let mut schema = schema.clone();
    for (name, kind) in [("apiVersion", json!({"type": "string"})), ("kind", json!({"type": "string"}))] {
        set_at(&mut schema, &["properties", name], kind);
    }
    let reference = json!({"$ref": format!("#/components/schemas/{META}")});
    set_at(&mut schema, &["properties", "metadata"], reference);
    let meta: Vec<(&str, &Value)> = holm_schema::built_in()
        .map(|pack| pack.openapi().filter(|(name, _)| name.starts_with("io.k8s.apimachinery.")).collect())
        .unwrap_or_default();
    let all = meta.into_iter().chain([("object", &schema)]);
    let built = Schema::from_openapi(all, preserves_unknown).map(Arc::new);
    built.ok().and_then(|built| ObjectType::named(&built, "object")).unwrap_or_else(ObjectType::deduced)
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
