//! Keeps the inventory in its ConfigMap, so that two runs notice each other.
//!
//! The first write is a plain create, which fails where there is one already; every later one names the uid and
//! resourceVersion that it replaces. Each run signs what it writes, so that an answer that was lost on the way is told apart
//! from another run's write.

use holm_core::inventory::{Inventory, InventoryPlace};
use http::Method;
use serde_json::{Value, json};

use crate::error::{RequestError, Trouble};
use crate::observe::{config_map_kind, get, inventory_id};
use crate::transport::{APPLY, Call, JSON, Query, Transport};

/// Who writes the inventory, as KEP-3659 wants it: the tool's name and version.
const TOOLING: &str = concat!("holm/v", env!("CARGO_PKG_VERSION"));
/// The annotation with which a run signs.
const RUN: &str = "holm/run";

/// The inventory's place, and which version of it is known.
pub(super) struct Store<'a> {
    transport: &'a Transport,
    place: &'a InventoryPlace,
    /// The uid and resourceVersion of what is stored; none while nothing is.
    known: Option<(String, String)>,
    signature: String,
}

/// Why the inventory could not be written.
pub(super) enum RecordError {
    /// Somebody else wrote it.
    Moved,
    /// The request failed.
    Request(Box<RequestError>),
}

impl<'a> Store<'a> {
    /// The store as it was `observed`.
    pub(super) fn new(transport: &'a Transport, place: &'a InventoryPlace, observed: Option<&Value>) -> Self {
        let signature = getrandom::u64().map(|number| format!("{number:016x}")).unwrap_or_default();
        Self { transport, place, known: observed.and_then(identity), signature }
    }

    /// Writes the inventory over the version that is known.
    pub(super) async fn write(&mut self, inventory: &Inventory) -> Result<(), RecordError> {
        let mut body = inventory.to_config_map(self.place, TOOLING);
        if let Some(annotations) = body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.insert(RUN.to_owned(), Value::String(self.signature.clone()));
        }
        let id = inventory_id(self.place);
        let manager = &self.place.field_manager;
        let call = match &self.known {
            None => {
                let query =
                    Query::collection(&config_map_kind(), id.namespace.as_deref()).with("fieldManager", manager);
                Call::send(Method::POST, query.into_string(), JSON, body.to_string().into_bytes())
            }
            Some((uid, version)) => {
                if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.insert("uid".to_owned(), Value::String(uid.clone()));
                    metadata.insert("resourceVersion".to_owned(), Value::String(version.clone()));
                }
                // Forced, because the fields of the first create count as another manager's.
                let query = Query::object(&config_map_kind(), &id).with("fieldManager", manager).with("force", "true");
                Call::send(Method::PATCH, query.into_string(), APPLY, body.to_string().into_bytes())
            }
        };
        let stored: Value = match self.transport.json(&call).await {
            Ok(stored) => stored,
            Err(error) => match error.trouble {
                Trouble::AlreadyExists(_) | Trouble::Conflict(_) => self.own_write(&body).await?,
                Trouble::NotFound(_) if self.known.is_some() => return Err(RecordError::Moved),
                _ => return Err(RecordError::Request(error)),
            },
        };
        self.known = identity(&stored);
        Ok(())
    }

    /// Deletes the inventory, which has nothing in it any more.
    pub(super) async fn delete(&mut self) -> Result<(), RecordError> {
        let Some((uid, version)) = &self.known else { return Ok(()) };
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": version},
        });
        let path = Query::object(&config_map_kind(), &inventory_id(self.place)).into_string();
        let call = Call::send(Method::DELETE, path, JSON, options.to_string().into_bytes());
        match self.transport.call(&call).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) if matches!(error.trouble, Trouble::Conflict(_)) => Err(RecordError::Moved),
            Err(error) => Err(RecordError::Request(error)),
        }
    }

    /// After a conflict: what is stored, if it is what this run wrote without having got the answer.
    async fn own_write(&self, body: &Value) -> Result<Value, RecordError> {
        let stored = get(self.transport, &config_map_kind(), &inventory_id(self.place)).await;
        let stored = stored.map_err(RecordError::Request)?.ok_or(RecordError::Moved)?;
        let signed_by = stored.pointer("/metadata/annotations").and_then(|all| all.get(RUN)).and_then(Value::as_str);
        let is_ours = !self.signature.is_empty() && signed_by == Some(&self.signature);
        if is_ours && stored.get("data") == body.get("data") { Ok(stored) } else { Err(RecordError::Moved) }
    }
}

fn identity(object: &Value) -> Option<(String, String)> {
    let text = |field: &str| object.get("metadata")?.get(field)?.as_str().map(str::to_owned);
    Some((text("uid")?, text("resourceVersion")?))
}
