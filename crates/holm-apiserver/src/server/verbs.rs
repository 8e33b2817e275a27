//! The verbs: get, list, watch, create, update, patch, apply, delete.

use std::sync::Arc;

use holm_schema::GroupVersionKind;
use holm_validation::TypeSchema;
use http::{Method, Response};
use serde_json::{Value, json};

use super::respond::{AnswerBody, Form, answer, answer_of, refuse, warn_first};
use super::route::Route;
use super::{Call, list, parts, review, table};
use crate::api_server::ApiServer;
use crate::error::ApiError;
use crate::object;
use crate::options::{DeleteOptions, OptionsKind, WriteOptions};
use crate::patch::Patch;
use crate::protobuf;
use crate::registry::ResourceType;
use crate::view::View;
use crate::write::delete::Deleted;
use crate::write::read_json;
use crate::write::scale;
use crate::write::update::Target;
use crate::write::{Draft, Written};

const APPLY: &str = "application/apply-patch+yaml";

/// Answers a request for a resource.
pub(super) fn run(cluster: &ApiServer, route: &Route, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    let outcome = answer_call(cluster, route, call);
    let Some(warning) = deprecated(&route.resource) else { return outcome };
    Ok(warn_first(outcome.unwrap_or_else(|error| refuse(&error)), &warning))
}

/// What a client is told whatever it does with a resource, from `APILifecycleDeprecated` and `APILifecycleReplacement` of the
/// types in `k8s.io/api`.
fn deprecated(resource: &ResourceType) -> Option<String> {
    if let TypeSchema::Custom(custom) = &resource.schema {
        return custom.deprecation.clone();
    }
    let text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
    resource.is("endpoints").then(|| text.to_owned())
}

fn answer_call(cluster: &ApiServer, route: &Route, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    if review::is_review(&route.resource) {
        return review::run(cluster, route, call);
    }
    check_part(route, call)?;
    if let Some(answer) = route.name.as_ref().and_then(|name| parts::run(cluster, route, name, call)) {
        return answer;
    }
    let form = call.accept.form()?.beside(call.query.get("includeObject"))?;
    let watches = route.watch || (route.name.is_none() && call.query.is_set("watch"));
    match (call.method.clone(), &route.name) {
        (Method::GET, _) if watches => list::watch(cluster, route, call, form),
        (Method::GET, None) => list::list(cluster, route, call, form),
        (Method::GET, Some(name)) => get(cluster, route, name, call, form),
        (Method::POST, None) => create(cluster, route, call, form),
        (Method::PUT, Some(name)) => replace(cluster, route, name, call, form),
        (Method::PATCH, Some(name)) => patch(cluster, route, name, call, form),
        (Method::DELETE, Some(name)) if route.subresource.is_empty() => delete(cluster, route, name, call),
        (Method::DELETE, None) => delete_collection(cluster, route, call),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// A part of an object has verbs of its own.
fn check_part(route: &Route, call: &Call) -> Result<(), ApiError> {
    let Some(part) = route.resource.discovery.subresource(&route.subresource) else { return Ok(()) };
    let verb = match call.method {
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        _ => return Err(ApiError::method_not_allowed()),
    };
    let allowed = part.verbs.iter().any(|found| found == verb);
    // A custom resource lists no verbs for its parts in some versions of discovery; these three it always has.
    let always = matches!(part.name.as_str(), "status" | "scale") && verb != "create";
    if allowed || always { Ok(()) } else { Err(ApiError::method_not_allowed()) }
}

fn get(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
    form: Form,
) -> Result<Response<AnswerBody>, ApiError> {
    let state = cluster.read();
    let resource = &route.resource;
    let found = state.store.get(&state.key(resource, route.namespace(), name)).cloned();
    if let Some(version) = call.query.get("resourceVersion") {
        // The objects here are the newest that there are.
        let wanted = crate::query::resource_version(version).map_err(ApiError::unknown)?;
        list::check_future(wanted, state.store.revision())?;
    }
    let found = found.ok_or_else(|| ApiError::not_found(resource.group(), resource.plural(), name))?;
    let now = state.now();
    drop(state);
    if route.subresource == "scale" {
        let scale = scale::read(resource, &found)?;
        let shown = match form {
            Form::Object => scale,
            Form::Table(beside) => table::of_scale(scale, beside, now),
            Form::Metadata | Form::MetadataList => list::metadata_of(&scale),
        };
        return Ok(answer(200, &shown, &[]));
    }
    Ok(answer(200, &shown(resource, &resource.served(&found), form, now), &[]))
}

/// An object in the form that the client asked for.
fn shown(resource: &ResourceType, object: &Arc<Value>, form: Form, now: holm_values::Timestamp) -> Value {
    match form {
        Form::Object => Value::clone(object),
        Form::Table(beside) => table::of(resource, std::slice::from_ref(object), beside, None, now),
        Form::Metadata | Form::MetadataList => list::metadata_of(object),
    }
}

/// What bodies may be. A client that sends CBOR is told, and sends JSON.
const READ: &str = "application/json, application/vnd.kubernetes.protobuf";

/// The body of a request that writes an object.
pub(super) fn draft(call: &Call, resource: &ResourceType) -> Result<Draft, ApiError> {
    match call.content_type.as_str() {
        "" | "application/json" | "*/*" => Draft::parse(&call.body),
        protobuf::MEDIA_TYPE => Ok(Draft::of(protobuf::decode(&call.body, &resource.kind)?)),
        _ => Err(ApiError::unsupported_media_type(READ)),
    }
}

/// The body of a request in the version in which it is stored.
fn stored_draft(cluster: &ApiServer, route: &Route, call: &Call) -> Result<Draft, ApiError> {
    let draft = draft(call, &route.resource)?;
    let Some(view) = route.resource.view else { return Ok(draft) };
    let state = cluster.read();
    let name = route.name.as_deref().unwrap_or_default();
    let live = state.store.get(&state.key(&route.stored, route.namespace(), name));
    let object = view.stored(draft.object, live.map(|live| &**live));
    Ok(Draft { object, ..draft })
}

/// The body of a request that is no object of the resource, but of this kind.
pub(super) fn body(call: &Call, kind: &GroupVersionKind) -> Result<Value, ApiError> {
    match call.content_type.as_str() {
        "" | "application/json" | "*/*" => Ok(read_json(&call.body)?.0),
        protobuf::MEDIA_TYPE => protobuf::decode(&call.body, kind),
        _ => Err(ApiError::unsupported_media_type(READ)),
    }
}

/// The options of a write, with who writes.
fn write_options(call: &Call, kind: OptionsKind) -> Result<WriteOptions, ApiError> {
    let options = WriteOptions::of(&call.query, &call.user_agent, kind)?;
    Ok(WriteOptions { user: Some(Arc::clone(&call.user)), ..options })
}

fn written(route: &Route, cluster: &ApiServer, outcome: Written, form: Form, code: u16) -> Response<AnswerBody> {
    let object = route.resource.served(&outcome.object);
    let value = shown(&route.resource, &object, form, cluster.clock().now());
    answer(code, &value, &outcome.warnings)
}

/// A namespaced object cannot be created without a namespace.
fn needs_namespace(route: &Route) -> Result<(), ApiError> {
    if route.resource.is_namespaced() && route.namespace.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    Ok(())
}

fn create(cluster: &ApiServer, route: &Route, call: &Call, form: Form) -> Result<Response<AnswerBody>, ApiError> {
    needs_namespace(route)?;
    let options = write_options(call, OptionsKind::Create)?;
    let draft = stored_draft(cluster, route, call)?;
    let outcome = cluster.write(|state| {
        let outcome = state.create(&route.stored, route.namespace(), draft, &options)?;
        Ok(outcome)
    })?;
    Ok(written(route, cluster, outcome, form, 201))
}

fn target<'a>(route: &'a Route, name: &'a str) -> Target<'a> {
    Target { namespace: route.namespace(), name, subresource: &route.subresource }
}

fn replace(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
    form: Form,
) -> Result<Response<AnswerBody>, ApiError> {
    let options = write_options(call, OptionsKind::Update)?;
    let draft = stored_draft(cluster, route, call)?;
    match route.subresource.as_str() {
        "scale" => {
            let scaled = cluster
                .write(|state| scale::replace(state, &route.resource, target(route, name), &draft.object, &options))?;
            Ok(answer(200, &scaled, &[]))
        }
        "finalize" => {
            let outcome = cluster.write(|state| state.finalize_namespace(&route.resource, name, draft))?;
            Ok(written(route, cluster, outcome, form, 200))
        }
        _ => {
            let outcome = cluster.write(|state| state.replace(&route.stored, target(route, name), draft, &options))?;
            let code = if outcome.created { 201 } else { 200 };
            Ok(written(route, cluster, outcome, form, code))
        }
    }
}

fn patch(
    cluster: &ApiServer,
    route: &Route,
    name: &str,
    call: &Call,
    form: Form,
) -> Result<Response<AnswerBody>, ApiError> {
    let applies = call.content_type == APPLY;
    let kind = if applies { OptionsKind::Apply } else { OptionsKind::Patch };
    if route.subresource == "scale" {
        let options = write_options(call, kind)?;
        let (body, _) = read_json(&call.body)?;
        if applies {
            let scaled =
                cluster.write(|state| scale::apply(state, &route.resource, target(route, name), &body, &options))?;
            return Ok(answer(200, &scaled, &[]));
        }
        let media_type = call.content_type.as_str();
        let scaled = cluster
            .write(|state| scale::patch(state, &route.resource, target(route, name), media_type, &body, &options))?;
        return Ok(answer(200, &scaled, &[]));
    }
    if route.subresource == "finalize" {
        return Err(ApiError::method_not_allowed());
    }
    if applies && route.resource.view == Some(View::Autoscalers) {
        let version = route.stored.kind.api_version();
        return Err(ApiError::not_supported(format!("server-side apply in this version: apply {version}")));
    }
    if applies {
        let options = write_options(call, kind)?;
        let draft = Draft::parse_yaml(&call.body)?;
        let outcome = cluster.write(|state| state.apply(&route.stored, target(route, name), draft, &options))?;
        let code = if outcome.created { 201 } else { 200 };
        return Ok(written(route, cluster, outcome, form, code));
    }
    let patch = Patch::parse(&call.content_type, &route.resource, &call.body)?;
    let options = write_options(call, kind)?;
    if let Some(view) = route.resource.view {
        let outcome = cluster.write(|state| {
            let live = state.store.get(&state.key(&route.stored, route.namespace(), name)).cloned();
            let live =
                live.ok_or_else(|| ApiError::not_found(route.resource.group(), route.resource.plural(), name))?;
            let new = patch.apply(&route.resource, &view.shown(&live))?;
            state.replace(&route.stored, target(route, name), Draft::of(view.stored(new, Some(&live))), &options)
        })?;
        return Ok(written(route, cluster, outcome, form, 200));
    }
    let outcome = cluster.write(|state| state.patch(&route.resource, target(route, name), &patch, &options))?;
    Ok(written(route, cluster, outcome, form, 200))
}

fn delete_options(call: &Call) -> Result<DeleteOptions, ApiError> {
    if call.body.is_empty() {
        return DeleteOptions::of(&call.query, None);
    }
    let body = match call.content_type.as_str() {
        protobuf::MEDIA_TYPE => body(call, &GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions"))?,
        // Not as an object is read, of which 2.0 is a whole number.
        "" | "application/json" | "*/*" => {
            serde_json::from_slice(&call.body).map_err(|error| ApiError::bad_request(error.to_string()))?
        }
        _ => return Err(ApiError::unsupported_media_type(READ)),
    };
    let options = DeleteOptions::of(&call.query, Some(&body))?;
    match object::text_at(&body, &["kind"]) {
        "" | "DeleteOptions" => Ok(options),
        kind => Err(ApiError::bad_request(format!("no kind {kind:?} is registered for the options of a deletion"))),
    }
}

/// Whether a deletion says in the old way that dependents go, which is answered with another code if the object is still there.
fn deletes_dependents(call: &Call) -> bool {
    if call.body.is_empty() {
        return call.query.flag("orphanDependents") == Some(false);
    }
    let body: Option<Value> = serde_json::from_slice(&call.body).ok();
    body.is_some_and(|body| body.get("orphanDependents") == Some(&Value::Bool(false)))
}

fn delete(cluster: &ApiServer, route: &Route, name: &str, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    let options = delete_options(call)?;
    let resource = &route.resource;
    let warnings = deletion_warnings(resource, &options);
    let deleted = cluster
        .write(|state| state.delete(resource, route.namespace(), name, &options))
        .map_err(|error| error.warning_of(warnings.clone()))?;
    Ok(match deleted {
        Deleted::Marked(object) => {
            let code = if deletes_dependents(call) { 202 } else { 200 };
            answer(code, &resource.served(&object), &warnings)
        }
        Deleted::Gone(object) if returns_deleted(resource) => answer(200, &resource.served(&object), &[]),
        Deleted::Gone(object) => {
            let mut details = json!({"name": name, "kind": resource.plural(), "uid": object::uid(&object)});
            if !resource.group().is_empty() {
                details["group"] = Value::from(resource.group());
            }
            answer(
                200,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
                &[],
            )
        }
    })
}

/// From `k8s.io/kubernetes`, `pkg/registry/batch/job/storage/storage.go`.
fn deletion_warnings(resource: &ResourceType, options: &DeleteOptions) -> Vec<String> {
    if !resource.is("jobs.batch") || options.propagation.is_some() {
        return Vec::new();
    }
    let text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them \
        or set propagationPolicy=Orphan to suppress this warning";
    vec![text.to_owned()]
}

/// Kinds whose deletion is answered with the object (`ReturnDeletedObject`).
fn returns_deleted(resource: &ResourceType) -> bool {
    const CORE: &[&str] = &[
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ];
    const STORAGE: &[&str] =
        &["csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses"];
    match resource.group() {
        _ if matches!(resource.schema, TypeSchema::Custom(_)) => false,
        "" => CORE.contains(&resource.plural()),
        "storage.k8s.io" => STORAGE.contains(&resource.plural()),
        "resource.k8s.io" => resource.plural() != "devicetaintrules",
        _ => false,
    }
}

fn delete_collection(cluster: &ApiServer, route: &Route, call: &Call) -> Result<Response<AnswerBody>, ApiError> {
    needs_namespace(route)?;
    if !route.resource.discovery.allows("deletecollection") {
        return Err(ApiError::method_not_allowed());
    }
    // The list is read before the body.
    let listing = list::Options::of(route, call)?;
    let options = delete_options(call)?;
    let resource = &route.resource;
    let deleted = cluster.write(|state| {
        let found = list::select(state, route, &listing.of_a_page())?;
        for (namespace, name) in &found.keys {
            match state.delete(resource, namespace, name, &options) {
                Err(error) if error.code == 404 => {}
                deleted => drop(deleted?),
            }
        }
        // The answer shows the objects as they were before.
        let items: Vec<Arc<Value>> = found.items.iter().map(|object| resource.served(object)).collect();
        Ok::<_, ApiError>((items, state.store.revision()))
    })?;
    let list = list::Listing::new(resource, &deleted.0, deleted.1, None, None);
    Ok(answer_of(200, &list, &deletion_warnings(resource, &options)))
}
