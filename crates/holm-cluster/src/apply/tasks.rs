//! The requests for a change, each as one future.

use holm_core::ApiKind;
use holm_executor::{Force, Release, Removal, Write, Written};
use holm_planner::inventory::{InventoryPlace, PART_OF_LABEL};
use holm_planner::observe::is_terminating;
use holm_planner::ownership::{part_of, uid};
use holm_planner::plan::Change;
use http::Method;
use serde_json::{Value, json};

use super::exclusive;
use crate::error::{RequestError, Trouble};
use crate::observe::get;
use crate::transport::{APPLY, Call, JSON, JSON_PATCH, Patience, Query, Transport, is_about_identity};

/// How often a write is tried again that takes fields over from other managers while others write the object.
const FORCED_TRIES: u32 = 5;

/// Applies the object of a change.
pub(super) async fn write(
    transport: &Transport,
    change: &Change,
    place: &InventoryPlace,
    write: Write,
) -> Result<Written, Box<RequestError>> {
    let mut order = Order { change, place, write };
    if change.is_exclusive {
        order.write.body = exclusive::create(transport, &order).await?;
        order.write.creates = false;
    }
    crate::take::take(transport, change, place).await?;
    let written = match &order.write.force {
        Force::Nothing => apply(transport, &order, false, None).await?,
        Force::Policy(_) => match apply(transport, &order, false, None).await {
            Err(error) if is_allowed(&error, &order.write.force) => apply(transport, &order, true, None).await?,
            applied => applied?,
        },
        Force::Fields(_, version) => take_over(transport, &order, version.clone()).await?,
    };
    let object = exclusive::drop_created_entry(transport, &order, written.object).await?;
    Ok(Written { object, ..written })
}

/// One write with what it is about.
pub(super) struct Order<'a> {
    pub(super) change: &'a Change,
    pub(super) place: &'a InventoryPlace,
    pub(super) write: Write,
}

/// Takes over the fields that the plan shows and no other: force takes whatever is there, so that it is used only on a version
/// whose conflicts are known.
async fn take_over(
    transport: &Transport,
    order: &Order<'_>,
    mut version: Option<String>,
) -> Result<Written, Box<RequestError>> {
    let mut tries = 0;
    loop {
        tries += 1;
        if version.is_some() {
            match apply(transport, order, true, version.as_deref()).await {
                Err(error) if is_about_version(&error) && tries < FORCED_TRIES => {}
                applied => return applied,
            }
        }
        let before = get(transport, &order.change.kind, &order.change.id).await?;
        match apply(transport, order, false, None).await {
            Err(error) if is_allowed(&error, &order.write.force) && tries < FORCED_TRIES => {}
            applied => return applied,
        }
        version =
            before.as_ref().and_then(|live| live.pointer("/metadata/resourceVersion")?.as_str().map(str::to_owned));
    }
}

fn is_allowed(error: &RequestError, force: &Force) -> bool {
    matches!(&error.trouble, Trouble::FieldConflicts(conflicts) if force.allows(conflicts))
}

fn is_about_version(error: &RequestError) -> bool {
    matches!(&error.trouble, Trouble::Conflict(message) if !is_about_identity(message))
}

async fn apply(
    transport: &Transport,
    order: &Order<'_>,
    force: bool,
    version: Option<&str>,
) -> Result<Written, Box<RequestError>> {
    let (change, write) = (order.change, &order.write);
    let query = Query::object(&change.kind, &change.id)
        .with("fieldManager", &order.place.field_manager)
        .with("force", if force { "true" } else { "false" })
        .with("fieldValidation", "Strict");
    let body = match version {
        Some(version) => at_version(&write.body, version),
        None => write.body.clone(),
    };
    let conflicts = version.is_none();
    let patience = Patience { unserved: write.is_new_kind, conflicts, ..Patience::APPLY };
    let call = Call::send(Method::PATCH, query.into_string(), APPLY, body).about(&change.id).patience(patience);
    let answer = crate::lag::call(transport, &call, write.is_new_kind).await?;
    let object = crate::transport::read(&answer.body)
        .map_err(|trouble| Box::new(crate::transport::failed(&call.method, &call.path, answer.tries, trouble)))?;
    let was_there = write.creates && answer.status == 200 && answer.tries == 1;
    Ok(Written { object, was_there })
}

/// The body for this version of the object and no other.
fn at_version(body: &[u8], version: &str) -> Vec<u8> {
    // The body was made from a value.
    let mut object: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), Value::String(version.to_owned()));
    }
    object.to_string().into_bytes()
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
