//! Creates a Secret that must not be there yet.
//!
//! Server-side apply takes over whatever is there, so that of two runs that both make a password the second would overwrite the
//! first one's while the database has it already. A plain create fails instead. It makes the field manager one that wrote
//! the fields, and an apply right after one that applied them; then the first entry goes, because a field that leaves the
//! declaration would stay for its sake.

use holm_planner::ownership::uid;
use http::Method;
use serde_json::{Value, json};

use super::tasks::Order;
use crate::error::{RequestError, Trouble};
use crate::observe::get;
use crate::transport::{Call, JSON, JSON_PATCH, Patience, Query, Transport, failed, read};

/// How often the entry is taken away where others write the object meanwhile.
const TRIES: u32 = 5;

/// Creates the Secret of an order, and returns the body that applies it to the object that was made.
pub(super) async fn create(transport: &Transport, order: &Order<'_>) -> Result<Vec<u8>, Box<RequestError>> {
    let change = order.change;
    // The body was made from a value.
    let mut body: Value = serde_json::from_slice(&order.write.body).unwrap_or_default();
    let query = Query::collection(&change.kind, change.id.namespace.as_deref())
        .with("fieldManager", &order.place.field_manager)
        .with("fieldValidation", "Strict");
    let call = Call::send(Method::POST, query.into_string(), JSON, order.write.body.clone());
    let call = call.about(&change.id).patience(Patience::default());
    let created: Value = match transport.call(&call).await {
        Ok(answer) => {
            read(&answer.body).map_err(|trouble| Box::new(failed(&call.method, &call.path, answer.tries, trouble)))?
        }
        // The answer to an earlier try may have been lost. No other run can have made the same generated value.
        Err(error) if matches!(error.trouble, Trouble::AlreadyExists(_)) && error.tries > 1 => {
            let found = get(transport, &change.kind, &change.id).await?;
            found.filter(|found| found["data"] == body["data"]).ok_or(error)?
        }
        Err(error) => return Err(error),
    };
    if let (Some(uid), Some(metadata)) = (uid(&created), body["metadata"].as_object_mut()) {
        metadata.insert("uid".to_owned(), Value::String(uid.to_owned()));
    }
    Ok(body.to_string().into_bytes())
}

/// Takes away the entry that a create left in managedFields, where there is one: also of a run that was killed in between.
pub(super) async fn drop_created_entry(
    transport: &Transport,
    order: &Order<'_>,
    mut object: Value,
) -> Result<Value, Box<RequestError>> {
    let (change, manager) = (order.change, &order.place.field_manager);
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(patch) = patch(&object, manager) else { return Ok(object) };
        let path = Query::object(&change.kind, &change.id).with("fieldManager", manager).into_string();
        let call = Call::send(Method::PATCH, path, JSON_PATCH, patch.to_string().into_bytes());
        match transport.json(&call.about(&change.id).patience(Patience::default())).await {
            Ok(patched) => return Ok(patched),
            Err(error) if matches!(error.trouble, Trouble::Conflict(_)) && tries < TRIES => {
                match get(transport, &change.kind, &change.id).await? {
                    Some(newer) if uid(&newer) == uid(&object) => object = newer,
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The patch; none where there is nothing to take away.
fn patch(object: &Value, manager: &str) -> Option<Value> {
    let entries = object.pointer("/metadata/managedFields")?.as_array()?;
    let is_created = |entry: &&Value| {
        entry["manager"] == *manager && entry["operation"] == "Update" && entry.get("subresource").is_none()
    };
    let rest: Vec<&Value> = entries.iter().filter(|entry| !is_created(entry)).collect();
    if rest.len() == entries.len() {
        return None;
    }
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": rest},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object.pointer("/metadata/resourceVersion")?},
    ]))
}
