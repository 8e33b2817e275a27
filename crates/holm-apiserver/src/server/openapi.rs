//! The OpenAPI documents: version 3 by group and version, and version 2 in one piece.
//!
//! Clients read the schemas, and which parameters the verbs have (`kubectl` looks whether `fieldValidation` is there).

use std::collections::BTreeSet;

use holm_validation::TypeSchema;
use http::Response;
use serde_json::{Map, Value, json};

use super::json_answer;
use super::respond::{Accept, AnswerBody};
use crate::error::ApiError;
use crate::query::Query;
use crate::registry::{Registry, ResourceType};

const REFERENCE: &str = "#/components/schemas/";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Answers a request below `/openapi/v3`.
pub(super) fn v3(registry: &Registry, rest: &[&str], _query: &Query) -> Result<Response<AnswerBody>, ApiError> {
    let (group, version) = match rest {
        [] => {
            let mut paths = Map::new();
            for (group, versions) in registry.groups() {
                for version in versions {
                    let path =
                        if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
                    // The hash lets clients cache; resources come and go, so their number takes part in it.
                    let count = registry.of_version(group, version).count();
                    let url = format!("/openapi/v3/{path}?hash={}-{count}", registry.generation());
                    paths.insert(path, json!({"serverRelativeURL": url}));
                }
            }
            return Ok(json_answer(200, &json!({"paths": paths})));
        }
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return Err(ApiError::no_resource()),
    };
    let resources: Vec<&ResourceType> = registry.of_version(group, version).map(|found| &**found).collect();
    if resources.is_empty() {
        return Err(ApiError::no_resource());
    }
    let mut schemas = Map::new();
    let mut paths = Map::new();
    let mut wanted: BTreeSet<String> = ["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions".to_owned()].into();
    for resource in resources {
        add_paths(resource, &mut paths);
        match &resource.schema {
            TypeSchema::BuiltIn { .. } => {
                let name =
                    holm_schema::built_in().ok().and_then(|pack| pack.type_name(&resource.kind).map(str::to_owned));
                wanted.extend(name);
            }
            TypeSchema::Custom(_) => {
                schemas.insert(schema_name(resource), custom_schema(resource, &mut wanted));
            }
        }
    }
    collect(&mut schemas, wanted);
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.37.2"}, "paths": paths,
        "components": {"schemas": schemas},
    });
    Ok(json_answer(200, &document))
}

/// Adds the schemas that are wanted, and those that they refer to.
fn collect(schemas: &mut Map<String, Value>, mut wanted: BTreeSet<String>) {
    let Ok(pack) = holm_schema::built_in() else { return };
    let known: Map<String, Value> = pack.openapi().map(|(name, schema)| (name.to_owned(), schema.clone())).collect();
    while let Some(name) = wanted.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        if let Some(schema) = known.get(&name) {
            references(schema, &mut wanted);
            schemas.insert(name, schema.clone());
        }
    }
}

fn references(schema: &Value, wanted: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                wanted.insert(name.rsplit('/').next().unwrap_or_default().to_owned());
            }
            fields.values().for_each(|value| references(value, wanted));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, wanted)),
        _ => {}
    }
}

fn schema_name(resource: &ResourceType) -> String {
    match holm_schema::built_in().ok().and_then(|pack| pack.type_name(&resource.kind)) {
        Some(name) => name.to_owned(),
        None => {
            let group: Vec<&str> = resource.kind.group.split('.').rev().collect();
            format!("{}.{}.{}", group.join("."), resource.kind.version, resource.kind.kind)
        }
    }
}

fn custom_schema(resource: &ResourceType, wanted: &mut BTreeSet<String>) -> Value {
    let TypeSchema::Custom(custom) = &resource.schema else { return Value::Null };
    let mut schema = custom.schema.clone();
    crate::object::set_at(&mut schema, &["properties", "apiVersion"], json!({"type": "string"}));
    crate::object::set_at(&mut schema, &["properties", "kind"], json!({"type": "string"}));
    let metadata = json!({"allOf": [{"$ref": format!("{REFERENCE}{OBJECT_META}")}]});
    crate::object::set_at(&mut schema, &["properties", "metadata"], metadata);
    wanted.insert(OBJECT_META.to_owned());
    let kind = json!([{"group": resource.kind.group, "version": resource.kind.version, "kind": resource.kind.kind}]);
    crate::object::set_at(&mut schema, &["x-kubernetes-group-version-kind"], kind);
    schema
}

fn add_paths(resource: &ResourceType, paths: &mut Map<String, Value>) {
    let gvk = json!({"group": resource.kind.group, "version": resource.kind.version, "kind": resource.kind.kind});
    let root = if resource.kind.group.is_empty() {
        format!("/api/{}", resource.kind.version)
    } else {
        format!("/apis/{}/{}", resource.kind.group, resource.kind.version)
    };
    let scope = if resource.is_namespaced() { "/namespaces/{namespace}" } else { "" };
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"].into_iter().map(parameter).collect();
    let operation = |action: &str| {
        json!({
            "operationId": format!("{action}{}{}", resource.kind.version, resource.kind.kind),
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {
                "$ref": format!("{REFERENCE}{}", schema_name(resource))}}}}},
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
        })
    };
    let collection = format!("{root}{scope}/{}", resource.plural());
    let object = format!("{collection}/{{name}}");
    paths.insert(
        collection,
        json!({"get": operation("list"), "post": operation("post"), "delete": operation("deletecollection")}),
    );
    paths.insert(object, json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch"), "delete": operation("delete")}));
}

/// Answers a request for version 2: the same in the older form.
pub(super) fn v2(registry: &Registry, accept: &Accept) -> Result<Response<AnswerBody>, ApiError> {
    if accept.only_protobuf() {
        return Err(ApiError::not_acceptable());
    }
    let mut definitions = Map::new();
    let mut paths = Map::new();
    let mut wanted = BTreeSet::new();
    for resource in registry.all() {
        add_paths(resource, &mut paths);
        match &resource.schema {
            TypeSchema::BuiltIn { .. } => {
                wanted.insert(schema_name(resource));
            }
            TypeSchema::Custom(_) => {
                definitions.insert(schema_name(resource), custom_schema(resource, &mut wanted));
            }
        }
    }
    collect(&mut definitions, wanted);
    let text = Value::Object(definitions).to_string().replace(REFERENCE, "#/definitions/");
    let mut definitions: Value = serde_json::from_str(&text).unwrap_or_default();
    unwrap_references(&mut definitions);
    let mut paths = Value::Object(paths);
    older_paths(&mut paths);
    let document = json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.37.2"}, "paths": paths, "definitions": definitions,
    });
    Ok(json_answer(200, &document))
}

/// Version 2 has no `allOf` around a reference, and does not need it.
fn unwrap_references(value: &mut Value) {
    if let Value::Object(fields) = value {
        if let Some(reference) = fields.get("allOf").and_then(|all| all.get(0)?.get("$ref")).cloned() {
            fields.remove("allOf");
            fields.remove("default");
            fields.insert("$ref".to_owned(), reference);
        }
        fields.values_mut().for_each(unwrap_references);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(unwrap_references);
    }
}

fn older_paths(paths: &mut Value) {
    for path in paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in path.as_object_mut().into_iter().flat_map(|path| path.values_mut()) {
            operation["responses"] = json!({"200": {"description": "OK"}});
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(fields) = parameter.as_object_mut() {
                    fields.remove("schema");
                    fields.insert("type".to_owned(), json!("string"));
                    fields.insert("uniqueItems".to_owned(), json!(true));
                }
            }
        }
    }
}
