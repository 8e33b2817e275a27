//! Begins changes.

use std::sync::Arc;

use holm_core::desired::desired;
use holm_core::event::{Event, Failure};
use holm_core::observe::Live;
use holm_core::plan::{Action, Change};
use holm_core::{ResourceId, Strength};
use serde_json::Value;
use tokio::time::Instant;

use super::failure;
use super::run::{Halt, Run, VERIFIED_FOR};
use super::tasks::{self, Done, Order};
use crate::error::ClusterError;
use crate::observe::of_object;

impl<'a> Run<'a> {
    pub(super) fn begin_what_is_ready(&mut self) {
        while self.halt == Halt::None && self.busy < self.options.parallel.max(1) {
            let Some(change) = self.schedule.upcoming().and_then(|id| self.change(id)) else { return };
            if change.action != Action::Unchanged && !self.is_verified() {
                return;
            }
            self.schedule.next();
            self.begin(change);
        }
    }

    fn begin(&mut self, change: &'a Change) {
        let id = &change.id;
        self.started.entry(id.clone()).or_insert_with(Instant::now);
        match change.action {
            Action::Unchanged => {
                if let Some(object) = self.observed.object(id) {
                    self.consider(change, object);
                } else {
                    self.schedule.reached(id, Strength::Ready);
                }
            }
            Action::Create | Action::Update | Action::Adopt => {
                if self.early.as_ref().is_some_and(|(early, _)| early == id) {
                    if let Some((_, written)) = self.early.take() {
                        self.written(change, written);
                    }
                    return;
                }
                self.tell(Event::Started { id: id.clone(), action: change.action });
                self.begin_write(change);
            }
            Action::Replace => {
                self.tell(Event::Started { id: id.clone(), action: change.action });
                self.begin_remove(change);
            }
            Action::Delete if self.is_own_namespace(id) => self.held_back = Some(id.clone()),
            Action::Delete => {
                self.tell(Event::Started { id: id.clone(), action: change.action });
                self.begin_remove(change);
            }
            Action::Release => {
                self.tell(Event::Started { id: id.clone(), action: change.action });
                self.busy += 1;
                let (transport, place) = (&self.cluster.transport, self.place);
                self.task(
                    async move { Done::Released(change.id.clone(), tasks::release(transport, change, place).await) },
                );
            }
            Action::Keep | Action::Unknown => {}
        }
    }

    /// Sends the object of a change.
    pub(super) fn begin_write(&mut self, change: &'a Change) {
        let body = match self.body(change) {
            Ok(body) => body,
            Err(failure) => return self.fail(change, *failure),
        };
        let order = self.order(change, body);
        self.busy += 1;
        self.in_flight.insert(change.id.clone());
        let transport = &self.cluster.transport;
        self.task(async move { Done::Written(change.id.clone(), tasks::write(transport, order).await) });
    }

    fn order(&self, change: &'a Change, body: Vec<u8>) -> Order<'a> {
        let resource = self.graph.get(&change.id);
        Order {
            change,
            place: self.place,
            body,
            force: !change.overruled.is_empty(),
            policy: change.unchecked.as_ref().and(resource).map(|resource| resource.options.on_conflict),
            is_new_kind: matches!(self.observed.live.get(&change.id), Some(Live::KindAbsent)),
            creates: matches!(change.action, Action::Create | Action::Replace),
        }
    }

    /// The object to send. What was unknown when the plan was made is filled in from what was seen since.
    fn body(&mut self, change: &Change) -> Result<Vec<u8>, Box<Failure>> {
        let mut object = match (&change.desired, self.graph.get(&change.id)) {
            (Some(object), _) => object.open(),
            (None, None) => return Err(Box::new(failure::plain("the plan has no object for it", None))),
            (None, Some(resource)) => {
                let live = self.observed.object(&change.id).filter(|_| change.action != Action::Replace);
                let desired = desired(resource, self.place, &self.observed, live.as_ref());
                if !desired.unknown.is_empty() {
                    let unknown: Vec<String> =
                        desired.unknown.iter().map(|(path, why)| format!("{path} needs {why}")).collect();
                    let message = format!("values that it needs are still not there: {}", unknown.join("; "));
                    let hint = Some("say with ready_when what the other resource must have");
                    return Err(Box::new(failure::plain(message, hint)));
                }
                self.digests.insert(change.id.clone(), desired.digest.clone());
                desired.object.expose().clone()
            }
        };
        self.cluster.transport.learn(of_object(&change.id, &object));
        let names_the_live_one = matches!(change.action, Action::Update | Action::Adopt);
        if let (true, Some(uid), Some(metadata)) =
            (names_the_live_one, &change.uid, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            // With its uid in it, an update can never turn into a create.
            metadata.insert("uid".to_owned(), Value::String(uid.clone()));
        }
        Ok(object.to_string().into_bytes())
    }

    /// Deletes the object of a change.
    pub(super) fn begin_remove(&mut self, change: &'a Change) {
        self.busy += 1;
        self.in_flight.insert(change.id.clone());
        let (transport, place) = (&self.cluster.transport, self.place);
        self.task(async move { Done::Removed(change.id.clone(), tasks::remove(transport, change, place).await) });
    }

    /// Whether the inventory was seen to be this run's so lately that more may be begun; otherwise looks at it, and more is
    /// begun when the answer is there. A run that another one overtook so stops within [`VERIFIED_FOR`].
    fn is_verified(&mut self) -> bool {
        let Some(at) = self.verified else { return true };
        if at.elapsed() < VERIFIED_FOR {
            return true;
        }
        if !self.is_verifying {
            self.is_verifying = true;
            let store = Arc::clone(&self.store);
            self.task(async move {
                let begun = Instant::now();
                Done::Verified(begun, store.lock().await.check().await)
            });
        }
        false
    }

    /// Makes the inventory's own namespace ahead of everything, where the plan creates it.
    pub(super) async fn make_own_namespace(&mut self) -> Result<(), ClusterError> {
        let id = ResourceId::new("", "Namespace", None, &self.place.namespace);
        let Some(change) = self.changes.get(&id).copied().filter(|change| change.action == Action::Create) else {
            return Ok(());
        };
        let Ok(body) = self.body(change) else { return Ok(()) };
        self.started.insert(id.clone(), Instant::now());
        self.tell(Event::Started { id: id.clone(), action: change.action });
        let written = tasks::write(&self.cluster.transport, self.order(change, body)).await;
        let written = written.map_err(|source| ClusterError::NoNamespace { id: id.clone(), source })?;
        self.early = Some((id, written));
        Ok(())
    }

    /// Deletes the inventory's own namespace, and the inventory with it.
    pub(super) fn delete_last(&mut self, id: &ResourceId) {
        if let Some(change) = self.changes.get(id).copied() {
            self.started.insert(id.clone(), Instant::now());
            self.tell(Event::Started { id: id.clone(), action: change.action });
            self.begin_remove(change);
        }
    }
}
