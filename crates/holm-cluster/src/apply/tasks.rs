//! The requests of a run, each as one future that ends in a [`Done`].

use holm_core::inventory::{InventoryPlace, PART_OF_LABEL};
use holm_core::ownership::{part_of, uid};
use holm_core::plan::{Change, may_overrule};
use holm_core::readiness::cause::Cause;
use holm_core::{ApiKind, ConflictPolicy, ResourceId};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::exclusive;
use super::record::RecordError;
use super::wait::Why;
use crate::error::{RequestError, Trouble};
use crate::observe::get;
use crate::surroundings::Unknown;
use crate::transport::{APPLY, Call, JSON, JSON_PATCH, Patience, Query, Transport, is_about_identity};

/// What a request of a run came to.
pub(super) enum Done {
    /// A write ended.
    Written(ResourceId, Result<Written, Box<RequestError>>),
    /// A delete was acknowledged.
    Removed(ResourceId, Result<Removal, Box<RequestError>>),
    /// An object was released.
    Released(ResourceId, Result<Release, Box<RequestError>>),
    /// The inventory was looked at before more is begun; when that was asked for.
    Verified(Instant, Result<(), RecordError>),
    /// Something about the surroundings of objects is known now.
    Known(Unknown),
    /// It was looked into why an object is not ready.
    Examined(ResourceId, Why, Option<Box<Cause>>),
    /// An object was read whose watch is not allowed.
    Read(ResourceId, Result<Option<Value>, Box<RequestError>>),
}

/// A write that the server took.
pub(super) struct Written {
    /// The object as it is stored.
    pub(super) object: Value,
    /// Whether it was there before, although it was to be created, and not because an answer was lost.
    pub(super) was_there: bool,
}

/// What became of a delete.
pub(super) enum Removal {
    /// It is gone.
    Gone,
    /// It is on its way, and this is how it looks now.
    Pending(Value),
    /// The live object is not the one that was meant, or carries the stack's label no longer.
    NotOurs,
}

/// What became of a release.
pub(super) enum Release {
    /// The stack's marks are gone from it, or it has none.
    Done,
    /// It was gone when the plan was made, and is there now.
    Appeared,
}

/// A write to be made.
pub(super) struct Order<'a> {
    pub(super) change: &'a Change,
    pub(super) place: &'a InventoryPlace,
    pub(super) body: Vec<u8>,
    /// Whether fields are taken over from other managers, as the plan shows.
    pub(super) force: bool,
    /// What to do about conflicts that the plan could not ask about; none where it did ask.
    pub(super) policy: Option<ConflictPolicy>,
    /// Whether the kind itself may be too new to be served.
    pub(super) is_new_kind: bool,
    /// Whether there should be no such object yet.
    pub(super) creates: bool,
}

/// Applies an object.
pub(super) async fn write(transport: &Transport, mut order: Order<'_>) -> Result<Written, Box<RequestError>> {
    if order.change.is_exclusive {
        order.body = exclusive::create(transport, &order).await?;
        order.creates = false;
    }
    let written = match apply(transport, &order, order.force).await {
        Err(error) => match (&error.trouble, order.policy) {
            (Trouble::FieldConflicts(conflicts), Some(policy)) if may_overrule(policy, conflicts) => {
                apply(transport, &order, true).await?
            }
            _ => return Err(error),
        },
        Ok(written) => written,
    };
    let object = exclusive::drop_created_entry(transport, &order, written.object).await?;
    Ok(Written { object, ..written })
}

async fn apply(transport: &Transport, order: &Order<'_>, force: bool) -> Result<Written, Box<RequestError>> {
    let change = order.change;
    let query = Query::object(&change.kind, &change.id)
        .with("fieldManager", &order.place.field_manager)
        .with("force", if force { "true" } else { "false" })
        .with("fieldValidation", "Strict");
    let patience = Patience { unserved: order.is_new_kind, ..Patience::APPLY };
    let call =
        Call::send(Method::PATCH, query.into_string(), APPLY, order.body.clone()).about(&change.id).patience(patience);
    let answer = transport.call(&call).await?;
    let object = crate::transport::read(&answer.body)
        .map_err(|trouble| Box::new(crate::transport::failed(&call.method, &call.path, answer.tries, trouble)))?;
    let was_there = order.creates && answer.status == 200 && answer.tries == 1;
    Ok(Written { object, was_there })
}

/// Deletes the object of a change, after one more look whether it is still the one that was meant.
pub(super) async fn remove(
    transport: &Transport,
    change: &Change,
    place: &InventoryPlace,
) -> Result<Removal, Box<RequestError>> {
    let (kind, id) = (&change.kind, &change.id);
    let Some(live) = get(transport, kind, id).await? else { return Ok(Removal::Gone) };
    let Some(live_uid) = uid(&live) else { return Ok(Removal::NotOurs) };
    let is_marked = part_of(&live) == Some(&place.set_id);
    if change.uid.as_deref() != Some(live_uid) || (change.must_be_marked && !is_marked) {
        return Ok(Removal::NotOurs);
    }
    if is_terminating(&live) {
        return Ok(Removal::Pending(live));
    }
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions",
        "preconditions": {"uid": live_uid}, "propagationPolicy": propagation(kind),
    });
    let path = Query::object(kind, id).into_string();
    let call = Call::send(Method::DELETE, path, JSON, options.to_string().into_bytes()).about(id);
    match transport.json::<Value>(&call.patience(Patience::APPLY)).await {
        // The store answers with a Status where the object is gone, and else with the object (apiserver
        // `pkg/registry/generic/registry/store.go`), which some kinds also return when it is gone.
        Ok(answer) => {
            let is_status = answer.get("kind").and_then(Value::as_str) == Some("Status");
            Ok(if is_terminating(&answer) && !is_status { Removal::Pending(answer) } else { Removal::Gone })
        }
        Err(error) => match &error.trouble {
            Trouble::NotFound(_) | Trouble::KindNotServed => Ok(Removal::Gone),
            Trouble::Conflict(message) if is_about_identity(message) => Ok(Removal::NotOurs),
            // A namespace that is being deleted already refuses to be deleted once more (apiserver
            // `pkg/registry/core/namespace/storage/storage.go`).
            Trouble::Conflict(_) => match get(transport, kind, id).await? {
                None => Ok(Removal::Gone),
                Some(live) if is_terminating(&live) => Ok(Removal::Pending(live)),
                Some(_) => Err(error),
            },
            _ => Err(error),
        },
    }
}

fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Workloads go only after what they made: whatever they use goes after them, and pods that still shut down use it. All
/// else goes at once, and what it made is collected.
fn propagation(kind: &ApiKind) -> &'static str {
    let is_workload = match kind.group.as_str() {
        "apps" => true,
        "batch" => true,
        "" => kind.kind == "ReplicationController",
        _ => false,
    };
    if is_workload { "Foreground" } else { "Background" }
}

/// How often a release is tried that meets writes of others.
const RELEASES: u32 = 5;

/// Releases the object of a change: takes the stack's label and its entries in managedFields off it and leaves every value as
/// it is. It is left alone where it is not the object that the plan saw, or belongs to another set.
pub(super) async fn release(
    transport: &Transport,
    change: &Change,
    place: &InventoryPlace,
) -> Result<Release, Box<RequestError>> {
    let (kind, id) = (&change.kind, &change.id);
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(live) = get(transport, kind, id).await? else { return Ok(Release::Done) };
        let Some(planned) = change.uid.as_deref() else { return Ok(Release::Appeared) };
        let is_of_another = part_of(&live).is_some_and(|set| set != place.set_id);
        if uid(&live) != Some(planned) || is_of_another || is_terminating(&live) {
            return Ok(Release::Done);
        }
        let Some(patch) = release_patch(&live, place) else { return Ok(Release::Done) };
        let path = Query::object(kind, id).with("fieldManager", &place.field_manager).into_string();
        let call = Call::send(Method::PATCH, path, JSON_PATCH, patch.to_string().into_bytes());
        match transport.call(&call.about(id).patience(Patience::APPLY)).await {
            Ok(_) => return Ok(Release::Done),
            Err(error) if error.is_not_found() => return Ok(Release::Done),
            Err(error) if matches!(error.trouble, Trouble::Conflict(_)) && tries < RELEASES => {}
            Err(error) => return Err(error),
        }
    }
}

/// The JSON patch that takes the stack's marks off an object; none where it has none. It names the resourceVersion, so that it
/// fails where the object was written since. An emptied list of managedFields would be restored by the server, and a list
/// with one empty entry resets it (apimachinery `managedfields/internal/managedfields.go`, `isResetManagedFields`).
fn release_patch(live: &Value, place: &InventoryPlace) -> Option<Value> {
    let mut operations = Vec::new();
    if part_of(live).is_some() {
        let labels = live.pointer("/metadata/labels").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        let label = format!("/metadata/labels/{}", PART_OF_LABEL.replace('/', "~1"));
        let path = if labels == 1 { "/metadata/labels" } else { &label };
        operations.push(json!({"op": "remove", "path": path}));
    }
    let managed = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let managed: &[Value] = managed.map(Vec::as_slice).unwrap_or_default();
    let is_ours = |entry: &Value| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        text("manager") == place.field_manager
    };
    let rest: Vec<&Value> = managed.iter().filter(|entry| !is_ours(entry)).collect();
    if rest.len() < managed.len() {
        let value = if rest.is_empty() { json!([{}]) } else { json!(rest) };
        operations.push(json!({"op": "replace", "path": "/metadata/managedFields", "value": value}));
    }
    if operations.is_empty() {
        return None;
    }
    let version = live.pointer("/metadata/resourceVersion")?;
    operations.push(json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}));
    operations.push(json!({"op": "test", "path": "/metadata/uid", "value": live.pointer("/metadata/uid")?}));
    Some(Value::Array(operations))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_takes_the_marks_of_the_stack_off_and_nothing_else() {
        let place = InventoryPlace::of("shop", "default", Some("n"));
        let ours = json!({"manager": place.field_manager, "operation": "Apply", "fieldsV1": {"f:data": {}}});
        let theirs = json!({"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:x": {}}}});
        let live = |labels: Value, managed: Value| json!({"metadata": {"uid": "u", "resourceVersion": "7", "labels": labels, "managedFields": managed}});
        let paths = |live: &Value| {
            let patch = release_patch(live, &place)?;
            let line = |operation: &Value| {
                let value = operation.get("value").map(|value| format!("={value}")).unwrap_or_default();
                format!(
                    "{} {}{value}",
                    operation["op"].as_str().unwrap_or_default(),
                    operation["path"].as_str().unwrap_or_default()
                )
            };
            Some(patch.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n"))
        };
        let marked = json!({PART_OF_LABEL: place.set_id, "app": "x"});
        insta::assert_snapshot!(paths(&live(marked, json!([ours]))).unwrap_or_default(), @r#"
        remove /metadata/labels/applyset.kubernetes.io~1part-of
        replace /metadata/managedFields=[{}]
        replace /metadata/resourceVersion="7"
        test /metadata/uid="u"
        "#);
        let only = json!({PART_OF_LABEL: place.set_id});
        insta::assert_snapshot!(paths(&live(only, json!([theirs, ours]))).unwrap_or_default(), @r#"
        remove /metadata/labels
        replace /metadata/managedFields=[{"fieldsV1":{"f:data":{"f:x":{}}},"manager":"kubectl","operation":"Update"}]
        replace /metadata/resourceVersion="7"
        test /metadata/uid="u"
        "#);
        assert_eq!(paths(&live(json!({"app": "x"}), json!([theirs]))), None);
    }
}
