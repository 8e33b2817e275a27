//! What a stack owns, and how each object is.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use holm_core::{ApiKind, Graph, ReadyWhen, ResourceId};
use holm_planner::inventory::InventoryPlace;
use holm_planner::observe::{Live, Observed};
use holm_planner::ownership::{Owner, SetParent};
use holm_readiness::cause::Cause;
use holm_readiness::{Readiness, State, assess};
use serde_json::Value;

use crate::error::ClusterError;
use crate::{Cluster, evidence};

/// How many objects that are not ready are looked into at the same time.
const LOOKED_INTO: usize = 8;

/// How one object of a stack is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectStatus {
    /// The object.
    pub id: ResourceId,
    /// Its kind as the server serves it.
    pub kind: ApiKind,
    /// How far it has come.
    pub readiness: Readiness,
    /// Why it is not ready, where that can be told.
    pub cause: Option<Cause>,
    /// When it was created, in RFC 3339 as the server writes it; none where it does not exist.
    pub created: Option<String>,
    /// Who owns it.
    pub owner: ObjectOwner,
    /// Whether the program declares it.
    pub is_declared: bool,
}

/// Who owns an object of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectOwner {
    /// This stack; of an object that does not exist, as the inventory has it.
    ThisStack,
    /// Another stack, or another tool's set.
    Another(SetParent),
    /// No stack.
    Nobody,
}

impl Cluster {
    /// How every object is that the stack declares or owns, in the order of their identities.
    ///
    /// # Errors
    /// When the inventory cannot be read, or the server is out of reach.
    pub async fn status(&self, graph: &Graph, place: &InventoryPlace) -> Result<Vec<ObjectStatus>, ClusterError> {
        let observed = self.look_at(graph, place, |id| !graph.externals().contains_key(id)).await?;
        let (observed, inventory) = (&observed, &observed.inventory);
        let mut kinds: BTreeMap<ResourceId, ApiKind> =
            inventory.entries.iter().map(|(id, entry)| (id.clone(), entry.kind.clone())).collect();
        kinds.extend(graph.resources().iter().map(|resource| (resource.id.clone(), resource.kind.clone())));
        let statuses = stream::iter(kinds).map(|(id, kind)| {
            let custom = graph.get(&id).and_then(|resource| resource.options.ready_when.as_ref());
            let live = observed.live.get(&id);
            async move {
                let (readiness, cause) = self.condition(&kind, live, custom).await;
                let owner = owner(observed, &id, live, place);
                let is_declared = graph.get(&id).is_some();
                let created = live
                    .and_then(Live::object)
                    .and_then(|object| Some(object.pointer("/metadata/creationTimestamp")?.as_str()?.to_owned()));
                ObjectStatus { id, kind, readiness, cause, created, owner, is_declared }
            }
        });
        Ok(statuses.buffered(LOOKED_INTO).collect().await)
    }

    async fn condition(
        &self,
        kind: &ApiKind,
        live: Option<&Live>,
        custom: Option<&ReadyWhen>,
    ) -> (Readiness, Option<Cause>) {
        let plain = |state, reason: &str, message: &str| Readiness {
            state,
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        match live {
            Some(Live::Found(object)) => {
                let object = object.open();
                let mut readiness = self.assessed(kind, &object, custom).await;
                self.transport.with_redactor(|redactor| readiness.scrub(redactor));
                if readiness.state == State::Current && !has_pods(kind) {
                    return (readiness, None);
                }
                let is_ready = readiness.state == State::Current;
                let cause = evidence::cause(&self.transport, kind, object, readiness.clone(), Vec::new()).await;
                if let Some(cause) = cause.as_ref().filter(|_| is_ready) {
                    // It works now and again, between one pod that fails and the next.
                    readiness = plain(State::InProgress, "Unstable", &cause.summary);
                }
                (readiness, cause)
            }
            Some(Live::Absent) => (plain(State::NotFound, "NotFound", "it does not exist"), None),
            Some(Live::KindAbsent) => {
                (plain(State::NotFound, "KindNotServed", "the cluster does not serve its kind"), None)
            }
            Some(Live::Unreadable(reason)) => (plain(State::Unknown, "Unreadable", reason), None),
            None => (plain(State::Unknown, "NotLookedAt", "it was not looked at"), None),
        }
    }

    async fn assessed(&self, kind: &ApiKind, object: &Value, custom: Option<&ReadyWhen>) -> Readiness {
        loop {
            match self.knowledge.known(kind, object) {
                // What takes time is waited for by a run, and not to look once.
                (_, Some(unknown)) if !unknown.takes_time() => {
                    self.knowledge.find_out(&self.transport, kind, object).await;
                }
                (surroundings, _) => return assess(kind, object, custom, &surroundings),
            }
        }
    }
}

/// Whether a kind replaces pods that fail, so that it may be ready while they fail one after the other.
fn has_pods(kind: &ApiKind) -> bool {
    kind.group == "apps" && matches!(kind.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
}

/// Who owns an object; of one that is not there, whoever the inventory says.
fn owner(observed: &Observed, id: &ResourceId, live: Option<&Live>, place: &InventoryPlace) -> ObjectOwner {
    match live.and_then(Live::object) {
        Some(object) => match Owner::of(id, &object, &observed.inventory, place) {
            Owner::ThisStack | Owner::Recoverable => ObjectOwner::ThisStack,
            Owner::Another(set_id) => {
                let parent = observed.parents.get(&set_id).cloned();
                ObjectOwner::Another(parent.unwrap_or(SetParent::Unknown(set_id)))
            }
            Owner::Nobody => ObjectOwner::Nobody,
        },
        None if observed.inventory.entries.contains_key(id) => ObjectOwner::ThisStack,
        None => ObjectOwner::Nobody,
    }
}
