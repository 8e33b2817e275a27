//! Begins changes.

use crate::event::{Event, Failure};
use holm_core::secret::is_secret;
use holm_core::{ResourceId, Strength};
use holm_planner::observe::FieldConflict;
use holm_planner::plan::{Action, Change};
use serde_json::Value;

use super::{Halt, Machine, Progress, Sources, VERIFIED_FOR};
use crate::effect::Effect;
use crate::failure;
use crate::write::{Force, Write};

impl Machine<'_> {
    pub(super) fn begin_what_is_ready(&mut self) {
        while self.halt == Halt::None && self.busy < self.options.parallel.max(1) {
            let upcoming = self.schedule.upcoming().and_then(|id| self.positions.get(id).copied());
            let Some(position) = upcoming else { return };
            if self.change(position).action != Action::Unchanged && !self.is_verified() {
                return;
            }
            self.schedule.next();
            self.begin(position);
        }
    }

    fn begin(&mut self, position: usize) {
        let change = self.change(position);
        if self.states[position].started.is_none() {
            self.states[position].started = Some(self.now);
        }
        match change.action {
            Action::Unchanged => match self.live(position) {
                Some(object) => self.assess(position, object),
                None => self.schedule.reached(&change.id, Strength::Ready),
            },
            Action::Create | Action::Update | Action::Adopt => {
                if let Progress::Made(written) = std::mem::take(&mut self.states[position].progress) {
                    self.written(position, written, None);
                    return;
                }
                self.started(change);
                self.begin_write(position);
            }
            Action::Delete if self.is_own_namespace(&change.id) => self.held_back = Some(position),
            Action::Replace | Action::Delete => {
                self.started(change);
                self.begin_remove(position);
            }
            Action::Release => {
                self.started(change);
                self.busy += 1;
                self.states[position].progress = Progress::InFlight(None);
                self.ask(Effect::Release(position));
            }
            Action::Keep | Action::Unknown => {}
        }
    }

    fn started(&mut self, change: &Change) {
        self.tell(Event::Started { id: change.id.clone(), action: change.action });
    }

    /// Sends the object of a change.
    pub(super) fn begin_write(&mut self, position: usize) {
        match self.body(position) {
            Ok(body) => self.send(position, body),
            Err(failure) => self.fail(position, *failure),
        }
    }

    fn send(&mut self, position: usize, body: Vec<u8>) {
        let change = self.change(position);
        let write = Write {
            position,
            body,
            force: force(change),
            is_new_kind: change.is_new_kind,
            creates: matches!(change.action, Action::Create | Action::Replace),
        };
        self.busy += 1;
        self.states[position].progress = Progress::InFlight(None);
        self.ask(Effect::Write(Box::new(write)));
    }

    /// The object to send. What was unknown when the plan was made is filled in from what was seen since.
    fn body(&mut self, position: usize) -> Result<Vec<u8>, Box<Failure>> {
        let change = self.change(position);
        let names_the_live_one = matches!(change.action, Action::Update | Action::Adopt) && change.uid.is_some();
        let mut object = match (&change.desired, &change.late) {
            (Some(object), _) if !names_the_live_one && !is_secret(&change.id) => {
                return Ok(object.text().as_bytes().to_vec());
            }
            (Some(object), _) => object.open(),
            (None, Some(late)) => {
                let live = if change.action == Action::Replace { None } else { self.live(position) };
                let sources = Sources { seen: &self.seen, plan: self.plan };
                let filled = late.fill(&self.plan.place, &sources, live.as_ref());
                if !filled.unknown.is_empty() {
                    let unknown: Vec<String> =
                        filled.unknown.iter().map(|(path, why)| format!("{path} needs {why}")).collect();
                    let message = format!("values that it needs are still not there: {}", unknown.join("; "));
                    let hint = Some("say with ready_when what the other resource must have");
                    return Err(Box::new(failure::plain(message, hint)));
                }
                self.states[position].digest = Some(filled.digest);
                filled.object.expose().clone()
            }
            (None, None) => return Err(Box::new(failure::plain("the plan has no object for it", None))),
        };
        self.learn(&change.id, &object);
        if let (true, Some(uid), Some(metadata)) =
            (names_the_live_one, &change.uid, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            // With its uid in it, an update can never turn into a create.
            metadata.insert("uid".to_owned(), Value::String(uid.clone()));
        }
        Ok(object.to_string().into_bytes())
    }

    /// Has the secret values of an object learned.
    pub(super) fn learn(&mut self, id: &ResourceId, object: &Value) {
        if is_secret(id) {
            self.effects.push(Effect::Learn(id.clone(), Box::new(object.clone())));
        }
    }

    /// Deletes the object of a change.
    fn begin_remove(&mut self, position: usize) {
        self.busy += 1;
        self.states[position].progress = Progress::InFlight(None);
        self.ask(Effect::Remove(position));
    }

    /// Whether the inventory was seen to be this run's so lately that more may be begun; otherwise looks at it, and more is
    /// begun when the answer is there. A run that another one overtook so stops within [`VERIFIED_FOR`].
    fn is_verified(&mut self) -> bool {
        let Some(at) = self.verified else { return true };
        if self.now < at + VERIFIED_FOR {
            return true;
        }
        self.check();
        false
    }

    /// Makes the inventory's own namespace ahead of everything, where the plan creates it. Returns whether that was begun.
    pub(super) fn make_own_namespace(&mut self) -> bool {
        let id = ResourceId::new("", "Namespace", None, &self.plan.place.namespace);
        let position = self.positions.get(&id).copied();
        let Some(position) = position.filter(|position| self.change(*position).action == Action::Create) else {
            return false;
        };
        let Ok(body) = self.body(position) else { return false };
        self.states[position].started = Some(self.now);
        self.started(self.change(position));
        self.send(position, body);
        true
    }

    /// Deletes the inventory's own namespace, and the inventory with it.
    pub(super) fn delete_last(&mut self, position: usize) {
        self.states[position].started = Some(self.now);
        self.started(self.change(position));
        self.begin_remove(position);
    }
}

/// What a change takes over from other managers.
fn force(change: &Change) -> Force {
    let overruled: &[FieldConflict] = &change.overruled;
    match (overruled, change.conflict_policy) {
        ([], None) => Force::Nothing,
        (_, Some(policy)) => Force::Policy(policy),
        // A patch that takes fields first makes another version.
        (fields, None) => Force::Fields(fields.to_vec(), change.version.clone().filter(|_| change.taken.is_empty())),
    }
}
