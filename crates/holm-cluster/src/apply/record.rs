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
/// How often a write is tried that meets changes of others beside the inventory.
const TRIES: u32 = 4;

/// The inventory's place, and which version of it is known.
pub(super) struct Store<'a> {
    transport: &'a Transport,
    place: &'a InventoryPlace,
    /// The uid and resourceVersion of what is stored; none while nothing is.
    known: Option<(String, String)>,
    signature: String,
    /// Who signed what is stored; none while nothing is, or an unsigned one.
    last_signature: Option<String>,
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
        let last_signature = observed.and_then(signature_of).map(str::to_owned);
        Self { transport, place, known: observed.and_then(identity), signature, last_signature }
    }

    /// Writes the inventory over the version that is known.
    pub(super) async fn write(&mut self, inventory: &Inventory) -> Result<(), RecordError> {
        let mut body = inventory.to_config_map(self.place, TOOLING);
        if let Some(annotations) = body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.insert(RUN.to_owned(), Value::String(self.signature.clone()));
        }
        let mut tries = 0;
        let stored: Value = loop {
            tries += 1;
            let call = self.write_call(&mut body);
            match self.transport.json(&call).await {
                Ok(stored) => break stored,
                Err(error) => match error.trouble {
                    Trouble::AlreadyExists(_) | Trouble::Conflict(_) => {
                        let found = self.found().await?;
                        // What this run wrote without having got the answer.
                        let is_ours = !self.signature.is_empty() && signature_of(&found) == Some(&self.signature);
                        if is_ours && found.get("data") == body.get("data") {
                            break found;
                        }
                        self.follow(&found, tries)?;
                    }
                    Trouble::NotFound(_) if self.known.is_some() => return Err(RecordError::Moved),
                    _ => return Err(RecordError::Request(error)),
                },
            }
        };
        self.known = identity(&stored);
        self.last_signature = Some(self.signature.clone());
        Ok(())
    }

    /// Deletes the inventory, which has nothing in it any more.
    pub(super) async fn delete(&mut self) -> Result<(), RecordError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Some((uid, version)) = &self.known else { return Ok(()) };
            let options = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": {"uid": uid, "resourceVersion": version},
            });
            let path = Query::object(&config_map_kind(), &inventory_id(self.place)).into_string();
            let call = Call::send(Method::DELETE, path, JSON, options.to_string().into_bytes());
            match self.transport.call(&call).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if matches!(error.trouble, Trouble::Conflict(_)) => {
                    let found = self.found().await?;
                    self.follow(&found, tries)?;
                }
                Err(error) => return Err(RecordError::Request(error)),
            }
        }
    }

    fn write_call(&self, body: &mut Value) -> Call<'static> {
        let id = inventory_id(self.place);
        let manager = &self.place.field_manager;
        let Some((uid, version)) = &self.known else {
            let query = Query::collection(&config_map_kind(), id.namespace.as_deref()).with("fieldManager", manager);
            return Call::send(Method::POST, query.into_string(), JSON, body.to_string().into_bytes());
        };
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), Value::String(uid.clone()));
            metadata.insert("resourceVersion".to_owned(), Value::String(version.clone()));
        }
        // Forced, because the fields of the first create count as another manager's.
        let query = Query::object(&config_map_kind(), &id).with("fieldManager", manager).with("force", "true");
        Call::send(Method::PATCH, query.into_string(), APPLY, body.to_string().into_bytes())
    }

    /// What is stored after a conflict.
    async fn found(&self) -> Result<Value, RecordError> {
        let found = get(self.transport, &config_map_kind(), &inventory_id(self.place)).await;
        found.map_err(RecordError::Request)?.ok_or(RecordError::Moved)
    }

    /// Takes the version over that was found after a conflict, where no other run wrote it: then somebody changed something
    /// beside the inventory, such as a label.
    fn follow(&mut self, found: &Value, tries: u32) -> Result<(), RecordError> {
        let stored = identity(found);
        let is_same_object = match (&self.known, &stored) {
            (Some((known, _)), Some((stored, _))) => known == stored,
            _ => false,
        };
        let is_same_run = self.last_signature.is_some() && signature_of(found) == self.last_signature.as_deref();
        if tries >= TRIES || !is_same_object || !is_same_run {
            return Err(RecordError::Moved);
        }
        self.known = stored;
        Ok(())
    }
}

fn signature_of(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(RUN)?.as_str()
}

fn identity(object: &Value) -> Option<(String, String)> {
    let text = |field: &str| object.get("metadata")?.get(field)?.as_str().map(str::to_owned);
    Some((text("uid")?, text("resourceVersion")?))
}
