//! What has been written, in its order and of every resource: what controllers follow.

use std::sync::Arc;

use serde_json::Value;

use crate::api_server::ApiServer;
use crate::store::ChangeKind;

/// One write.
#[derive(Clone, Debug)]
pub struct ObjectChange {
    /// The resource with its group, and without its version: `pods`, `deployments.apps`.
    pub resource: Arc<str>,
    /// The object after the write; a deleted one as it was.
    pub object: Arc<Value>,
    /// The object before the write; nothing if it is new.
    pub previous: Option<Arc<Value>>,
    /// Whether the object is gone.
    pub deleted: bool,
}

/// The writes of all resources after a revision.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Oldest first.
    pub changes: Vec<ObjectChange>,
    /// The revision of the last write.
    pub revision: u64,
}

impl ApiServer {
    /// What has been written after a revision; nothing if a part of that is no longer known, and then one has to list anew.
    #[must_use]
    pub fn changes(&self, after: u64) -> Option<Changes> {
        let state = self.read();
        let changes = state.store.log().since(after)?.map(|change| ObjectChange {
            resource: Arc::clone(&change.key.resource),
            object: Arc::clone(&change.object),
            previous: change.previous.clone(),
            deleted: change.kind == ChangeKind::Deleted,
        });
        Some(Changes { changes: changes.collect(), revision: state.store.revision() })
    }
}
