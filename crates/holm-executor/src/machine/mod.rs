//! The state of a run, and the one function that moves it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::event::{Event, Failure, Outcome, Report};
use holm_core::{FieldReference, Resolve, ResourceId, Sensitive};
use holm_planner::inventory::{Inventory, Phase};
use holm_planner::packed::Packed;
use holm_planner::plan::{Action, Change, Plan};
use holm_planner::schedule::Schedule;
use jiff::Timestamp;
use serde_json::Value;

use crate::Surround;
use crate::effect::{Effect, End, NotBegun};
use crate::message::{Message, Written};
use crate::options::ApplyOptions;
use crate::watching::Watching;

mod applied;
mod begin;
mod other_run;
mod patience;
mod see;
mod settle;
mod stages;
mod stop;
mod wait;

use applied::Applied;
use stages::Stage;
use wait::Waiting;

/// How long a look at the inventory counts: nothing is begun unless the inventory was this run's so lately.
pub const VERIFIED_FOR: Duration = Duration::from_secs(1);

/// How long after its intent a run that took over waits before it believes that the other run writes nothing any more: as long
/// as that one may begin something, and some time for what is in flight.
pub const FENCE: Duration = Duration::from_millis(1250);

/// Why a run begins nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// It goes on.
    None,
    /// The user asked to stop.
    Finish,
    /// Its time is up.
    TimeUp,
    /// Another run took the inventory over, or it cannot be said that none did.
    Overtaken,
}

/// How far one change has come.
#[derive(Debug, Default)]
enum Progress {
    /// It was not begun.
    #[default]
    Held,
    /// It is about the inventory's own namespace, which was made ahead of everything.
    Made(Written),
    /// Its request is under way; what a watch has seen of the object meanwhile: its state, and whether it is gone.
    InFlight(Option<(Value, bool)>),
    /// The object is waited for.
    Waiting(Box<Waiting>),
    /// Nothing more follows.
    Ended,
}

/// All that a run knows of one change.
#[derive(Debug, Default)]
struct State {
    progress: Progress,
    started: Option<Duration>,
    /// When it became ready, where this run waited for that or changed it.
    ready_at: Option<Duration>,
    /// Whether it failed.
    has_failed: bool,
    /// When this run changed the object, by the server's clock.
    written: Option<Timestamp>,
    /// The digest of what was sent, where it could be filled in only during the run.
    digest: Option<String>,
    /// What the stack's field manager had applied to the object that is not written, or has by this run's write, where this run
    /// took over from one that did not end: that one may still be writing.
    applied: Option<Applied>,
}

/// A run of one plan.
pub struct Machine<'a> {
    plan: &'a Plan,
    options: ApplyOptions,
    surround: &'a dyn Surround,
    positions: HashMap<&'a ResourceId, usize>,
    now: Duration,
    stage: Stage,
    halt: Halt,
    has_failed: bool,
    /// The first object that was written, or needed no write, and is not ready; none also where a write failed.
    not_ready: Option<&'a ResourceId>,
    has_failed_write: bool,
    /// The state of each change, by its position in the plan.
    states: Vec<State>,
    schedule: Schedule,
    /// How many changes have a request under way.
    busy: usize,
    /// How many answers are still to come without which the run does not go on. What is only looked into is not among them.
    awaited: usize,
    /// The objects as they were seen since the plan was made; none where one is gone.
    seen: BTreeMap<ResourceId, Option<Packed>>,
    watching: Watching,
    /// The questions about surroundings that are being answered.
    asked: BTreeSet<String>,
    /// The inventory as it is to be recorded.
    inventory: Inventory,
    /// When the inventory was last seen to be this run's; none where the run does not write to the cluster.
    verified: Option<Duration>,
    /// When the look at the inventory that is under way was asked for.
    verifying: Option<Duration>,
    /// When the intent was written.
    intended: Option<Duration>,
    /// The inventory's own namespace, which is deleted after everything else.
    held_back: Option<usize>,
    outcomes: Vec<(ResourceId, Action, Outcome, Duration)>,
    effects: Vec<Effect>,
}

impl<'a> Machine<'a> {
    /// Returns the machine of a run that has not begun; [`Message::Begin`] begins it.
    pub fn new(plan: &'a Plan, options: &ApplyOptions, surround: &'a dyn Surround) -> Self {
        let mut inventory =
            Inventory { phase: Phase::Recorded, stored_in: plan.stored_in.clone(), ..plan.intent.clone() };
        let mut states: Vec<State> = plan.changes.iter().map(|_| State::default()).collect();
        for (change, state) in plan.changes.iter().zip(&mut states) {
            if plan.observed.inventory.is_open() && !change.action.is_write() {
                let live = plan.live.get(&change.id).map(Packed::open);
                state.applied = live.map(|object| Applied::of(&object, &plan.place));
            }
            if let (Action::Unchanged, Some(entry)) = (change.action, &change.entry) {
                inventory.entries.insert(change.id.clone(), entry.clone());
            }
        }
        Self {
            plan,
            options: options.clone(),
            surround,
            positions: plan.changes.iter().enumerate().map(|(position, change)| (&change.id, position)).collect(),
            now: Duration::ZERO,
            stage: Stage::Unbegun,
            halt: Halt::None,
            has_failed: false,
            not_ready: None,
            has_failed_write: false,
            states,
            schedule: Schedule::writes(plan),
            busy: 0,
            awaited: 0,
            seen: BTreeMap::new(),
            watching: Watching::default(),
            asked: BTreeSet::new(),
            inventory,
            verified: None,
            verifying: None,
            intended: None,
            held_back: None,
            outcomes: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Takes one message in, `now` after the beginning of the run, and returns what is to be done. Time never goes back.
    pub fn handle(&mut self, now: Duration, message: Message) -> Vec<Effect> {
        self.now = self.now.max(now);
        if self.stage == Stage::Ended {
            return Vec::new();
        }
        match message {
            Message::Begin => self.begin_run(),
            Message::Tick => self.tick(),
            Message::Stop(level) => self.stopped(level),
            Message::Written(position, result) => {
                self.answered();
                self.busy -= 1;
                self.take_written(position, result);
            }
            Message::Removed(position, result) => {
                self.answered();
                self.busy -= 1;
                self.take_removed(position, result);
            }
            Message::Released(position, result) => {
                self.answered();
                self.busy -= 1;
                self.take_released(position, result);
            }
            Message::IntentWritten(result) => {
                self.answered();
                self.take_intent(result);
            }
            Message::Checked(result) => {
                self.answered();
                self.take_check(result);
            }
            Message::LookedAgain(result) => {
                self.answered();
                self.take_another_look(result);
            }
            Message::Recorded(result) => {
                self.answered();
                self.take_record(result);
            }
            Message::Added(result) => {
                self.answered();
                self.take_added(result);
            }
            Message::FoundOut(question) => {
                self.asked.remove(&question);
                self.reconsider();
            }
            Message::Examined(position, cause) => self.examined(position, cause.map(|cause| *cause)),
            Message::Read(position, live) => self.read(position, live),
            Message::Watched(purpose, seen) => {
                if self.watching.is_open(&purpose) {
                    self.see(&purpose, seen);
                }
            }
        }
        if self.stage != Stage::Ended {
            self.advance();
        }
        std::mem::take(&mut self.effects)
    }

    fn change(&self, position: usize) -> &'a Change {
        &self.plan.changes[position]
    }

    /// The object of a change as it was seen last.
    fn live(&self, position: usize) -> Option<Value> {
        object(&self.seen, self.plan, &self.plan.changes[position].id)
    }

    fn saw(&mut self, position: usize, object: Option<&Value>) {
        let id = self.plan.changes[position].id.clone();
        self.seen.insert(id, object.map(Packed::of));
    }

    /// Wants something done without whose answer the run does not go on.
    fn ask(&mut self, effect: Effect) {
        self.awaited += 1;
        self.effects.push(effect);
    }

    fn answered(&mut self) {
        self.awaited = self.awaited.saturating_sub(1);
    }

    fn tell(&mut self, event: Event) {
        self.effects.push(Effect::Tell(event));
    }

    /// How long ago a change was begun.
    fn after(&self, position: usize) -> Duration {
        self.states[position].started.map(|started| self.now.saturating_sub(started)).unwrap_or_default()
    }

    /// Writes down how a change came out.
    fn end(&mut self, position: usize, outcome: Outcome) {
        let change = self.change(position);
        let after = self.after(position);
        self.states[position].progress = Progress::Ended;
        self.outcomes.push((change.id.clone(), change.action, outcome, after));
    }

    /// Something about the inventory failed, which is about no change.
    fn fail_inventory(&mut self, failure: Failure) {
        self.has_failed = true;
        let id = self.plan.place.id();
        self.tell(Event::Failed { id: id.clone(), action: Action::Update, failure: failure.clone() });
        self.outcomes.push((id, Action::Update, Outcome::Failed(failure), Duration::ZERO));
    }

    /// Ends the run before it changed anything.
    fn not_begun(&mut self, why: NotBegun) {
        self.stage = Stage::Ended;
        self.effects.push(Effect::End(Box::new(End::NotBegun(why))));
    }

    fn finish(&mut self, interrupted: bool) {
        self.stage = Stage::Ended;
        let outcomes = std::mem::take(&mut self.outcomes);
        let report = Report { outcomes, requests: 0, duration: self.now, interrupted };
        self.effects.push(Effect::End(Box::new(End::Report(report))));
    }

    /// Whether the inventory that was observed is the intent of a run that did not end, and may still be under way.
    fn takes_over(&self) -> bool {
        self.plan.observed.inventory.is_open()
    }

    /// Whether this run writes an intent: where it changes something, and where it ends what another run left open.
    fn has_intent(&self) -> bool {
        self.plan.has_changes() || self.takes_over()
    }

    fn is_own_namespace(&self, id: &ResourceId) -> bool {
        id.is("", "Namespace") && id.name == self.plan.place.namespace
    }
}

/// Where late values come from: what was seen since the plan was made, before what it saw.
struct Sources<'m> {
    seen: &'m BTreeMap<ResourceId, Option<Packed>>,
    plan: &'m Plan,
}

impl Resolve for Sources<'_> {
    fn field(&self, reference: &FieldReference) -> Option<(Value, bool)> {
        reference.read(&object(self.seen, self.plan, &reference.id)?)
    }

    fn generated(&self, name: &str) -> Option<Sensitive<String>> {
        self.plan.generated.get(name).cloned()
    }
}

fn object(seen: &BTreeMap<ResourceId, Option<Packed>>, plan: &Plan, id: &ResourceId) -> Option<Value> {
    let packed = match seen.get(id) {
        Some(seen) => seen.as_ref(),
        None => plan.live.get(id),
    };
    packed.map(Packed::open)
}
