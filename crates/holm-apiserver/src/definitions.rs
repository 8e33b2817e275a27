//! What a CustomResourceDefinition makes the server serve.
//!
//! From `k8s.io/apiextensions-apiserver`, the controllers that accept names and establish. Here both happen at once, in the write
//! that creates the definition.

use std::sync::Arc;

use holm_structured_merge::{ConversionError, ObjectType, RelabelledVersions, Schema, Versions};
use holm_validation::FieldError;
use holm_validation::custom::{has_rules, kinds, openapi, preserves_unknown, served_versions};
use serde_json::{Value, json};

use crate::error::qualified;
use crate::object::{self, at, copy_at, set_at, text_at};
use crate::registry::ResourceType;
use crate::state::State;

/// The finalizer of a definition, whose objects go first.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Returns what a definition asks for that only a real API server has.
pub(crate) fn unsupported(resource: &ResourceType, definition: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if !resource.is("customresourcedefinitions.apiextensions.k8s.io") {
        return errors;
    }
    let versions = at(definition, &["spec", "versions"]).and_then(Value::as_array).into_iter().flatten();
    for (position, version) in versions.enumerate().filter(|_| cfg!(not(feature = "cel"))) {
        if has_rules(&openapi(version)) {
            let field = format!("spec.versions[{position}].schema.openAPIV3Schema.x-kubernetes-validations");
            let detail = "this embedded cluster was built without the rules of custom resources (feature `cel`)";
            errors.push(FieldError::forbidden(field, detail));
        }
    }
    errors
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
    let group = text_at(definition, &["spec", "group"]);
    let tracked = Tracked(RelabelledVersions {
        kind: text_at(definition, &["spec", "names", "kind"]).to_owned(),
        versions: served_versions(definition)
            .map(|version| {
                let api_version = format!("{group}/{}", text_at(version, &["name"]));
                (api_version, object_type(&openapi(version), preserves_unknown(definition, version)))
            })
            .collect(),
    });
    let tracked: Arc<dyn Versions> = Arc::new(tracked);
    let all = kinds(definition).into_iter().map(|kind| ResourceType::custom(kind, Arc::clone(&tracked)));
    let has_webhook = text_at(definition, &["spec", "conversion", "strategy"]) == "Webhook";
    let versions = at(definition, &["spec", "versions"]).and_then(Value::as_array);
    let stored = versions.into_iter().flatten().find(|version| version.get("storage") == Some(&json!(true)));
    let stored = stored.map(|version| text_at(version, &["name"])).unwrap_or_default();
    all.map(|mut resource| {
        resource.stored_version = Some(stored.to_owned());
        if has_webhook && resource.resource.version != stored {
            let kind = &resource.kind;
            let text = format!(
                "conversion webhook for {group}/{stored}, Kind={} failed: the embedded cluster calls no webhooks",
                kind.kind
            );
            resource.unconvertible = Some(text);
        }
        resource
    })
    .collect()
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
