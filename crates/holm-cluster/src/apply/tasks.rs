//! The requests of a run, each as one future that ends in a [`Done`].

use holm_core::inventory::{Inventory, InventoryPlace, PART_OF_LABEL};
use holm_core::plan::{Change, may_overrule};
use holm_core::readiness::cause::Cause;
use holm_core::{ApiKind, ConflictPolicy, ResourceId};
use http::Method;
use serde_json::{Value, json};

use super::wait::Why;
use crate::error::{RequestError, Trouble};
use crate::observe::get;
use crate::surroundings::Unknown;
use crate::transport::{APPLY, Call, JSON, MERGE, Patience, Query, Transport, is_about_identity};

/// What a request of a run came to.
pub(super) enum Done {
    /// A write ended.
    Written(ResourceId, Result<Written, Box<RequestError>>),
    /// A delete was acknowledged.
    Removed(ResourceId, Result<Removal, Box<RequestError>>),
    /// An object was released.
    Released(ResourceId, Result<(), Box<RequestError>>),
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
    /// The live object is not the one that was meant.
    NotOurs,
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
pub(super) async fn write(transport: &Transport, order: Order<'_>) -> Result<Written, Box<RequestError>> {
    match apply(transport, &order, order.force).await {
        Err(error) => match (&error.trouble, order.policy) {
            (Trouble::FieldConflicts(conflicts), Some(policy)) if may_overrule(policy, conflicts) => {
                apply(transport, &order, true).await
            }
            _ => Err(error),
        },
        written => written,
    }
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

/// Deletes the object with this uid, after one more look whether it is still the one that was meant. With `owner`, it must
/// also be one that this inventory owns.
pub(super) async fn remove(
    transport: &Transport,
    kind: &ApiKind,
    id: &ResourceId,
    uid: Option<&str>,
    owner: Option<(&Inventory, &str)>,
) -> Result<Removal, Box<RequestError>> {
    let Some(live) = get(transport, kind, id).await? else { return Ok(Removal::Gone) };
    let live_uid = live.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let is_meant = uid.is_none_or(|uid| uid == live_uid);
    let is_owned = owner.is_none_or(|(inventory, set_id)| {
        // The uid says that it is the object that we made; the label, that it was not handed over since.
        inventory.owns(id, &live, set_id) && part_of(&live).is_none_or(|set| set == set_id)
    });
    if !is_meant || !is_owned {
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

/// Releases an object: takes our label off it and leaves everything else as it is. Our entry in its managedFields stays
/// too, because giving the fields up by an empty apply would delete those that nobody else owns.
pub(super) async fn release(
    transport: &Transport,
    kind: &ApiKind,
    id: &ResourceId,
    uid: Option<&str>,
    place: &InventoryPlace,
) -> Result<(), Box<RequestError>> {
    let Some(live) = get(transport, kind, id).await? else { return Ok(()) };
    if part_of(&live) != Some(&place.set_id) {
        return Ok(());
    }
    let uid = uid.or_else(|| live.pointer("/metadata/uid").and_then(Value::as_str));
    let patch = json!({"metadata": {"uid": uid, "labels": {PART_OF_LABEL: null}}});
    let path = Query::object(kind, id).with("fieldManager", &place.field_manager).into_string();
    let call =
        Call::send(Method::PATCH, path, MERGE, patch.to_string().into_bytes()).about(id).patience(Patience::APPLY);
    match transport.call(&call).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

fn part_of(object: &Value) -> Option<&str> {
    object.pointer("/metadata/labels")?.get(PART_OF_LABEL)?.as_str()
}
