//! One run: what it observed, its machine, and what is under way between it and the cluster.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use holm_core::{ApiKind, Graph};
use holm_executor::event::Outcome;
use holm_executor::{ApplyOptions, Effect, End, Lost, Machine, Message, NotBegun, Purpose, StopLevel, Surround};
use holm_planner::inventory::Inventory;
use holm_planner::plan::{Change, Plan, PlanOptions};
use holm_readiness::Surroundings;
use serde_json::Value;

use crate::stack::Declared;
use crate::world::{Known, World, broken};

/// How long a request may be under way: the fence of a run that takes over counts on it.
const LONGEST_REQUEST: u64 = 250;

/// Nothing about surroundings matters here.
pub(crate) struct NoSurroundings;

impl Surround for NoSurroundings {
    fn about(&self, _: &ApiKind, _: &Value) -> (Surroundings, Option<String>) {
        (Surroundings::default(), None)
    }
}

/// What a run wants: a declaration, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Apply(Declared),
    Destroy,
}

impl Wish {
    pub(crate) fn graph(self) -> &'static Graph {
        match self {
            Self::Apply(declared) => declared.graph(),
            Self::Destroy => Declared::emptied(),
        }
    }

    pub(crate) fn options(self) -> PlanOptions {
        // The stack's own password may be deleted, and nothing of others adopted or deleted.
        PlanOptions {
            allow_delete: ["Secret/s".to_owned()].into(),
            skip_create_checks: true,
            destroy: self == Self::Destroy,
            ..PlanOptions::default()
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With exit code 0.
    Well,
    /// With another one, and why.
    Badly(String),
    Killed,
}

/// A run.
pub(crate) struct Run<'a> {
    pub(crate) wish: Wish,
    observed: Option<Inventory>,
    plan: &'a OnceCell<Plan>,
    machine: Option<Machine<'a>>,
    known: Known,
    begun: u64,
    /// Requests that the cluster has not seen yet, with the time at which they were sent.
    sent: VecDeque<(u64, Effect)>,
    /// Answers on their way.
    answers: Vec<Message>,
    watches: BTreeMap<Purpose, (u64, String)>,
    pub(crate) ended: Option<Ended>,
    /// When it read the inventory, and when the cluster last took a write of it: in steps of the whole race.
    pub(crate) read: usize,
    pub(crate) last_write: Option<usize>,
    /// What was not as declared when it recorded that all is done.
    pub(crate) untrue: Vec<String>,
}

impl<'a> Run<'a> {
    /// Returns a run that has not begun. Its plan will live in `plan`.
    pub(crate) fn new(wish: Wish, plan: &'a OnceCell<Plan>) -> Self {
        Self {
            wish,
            observed: None,
            plan,
            machine: None,
            known: None,
            begun: 0,
            sent: VecDeque::new(),
            answers: Vec::new(),
            watches: BTreeMap::new(),
            ended: None,
            read: 0,
            last_write: None,
            untrue: Vec::new(),
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.ended.is_none()
    }

    /// How many things the run may do next.
    pub(crate) fn choices(&self) -> usize {
        match (&self.ended, &self.machine) {
            (None, None) => 1,
            (None, Some(_)) => self.sent.len() + self.answers.len() + self.watches.len(),
            (Some(_), _) => self.sent.len(),
        }
    }

    /// Does the n-th thing. `loses` says that the request fails without an answer.
    pub(crate) fn step(&mut self, choice: usize, loses: bool, world: &mut World, step: usize) {
        if self.machine.is_none() && self.ended.is_none() {
            return self.observe(world, step);
        }
        if choice < self.sent.len() {
            let (_, effect) = self.sent.remove(choice).unwrap();
            return self.reach(effect, loses, world, step);
        }
        let choice = choice - self.sent.len();
        if choice < self.answers.len() {
            let message = self.answers.remove(choice);
            return self.tell(message, world);
        }
        let Some((purpose, (after, kind))) = self.watches.iter().nth(choice - self.answers.len()) else { return };
        let (purpose, seen) = (purpose.clone(), world.next_event(*after, kind));
        if let Some((version, seen)) = seen {
            self.watches.entry(purpose.clone()).and_modify(|watch| watch.0 = version);
            self.tell(Message::Watched(purpose, seen), world);
        }
    }

    /// Reads the inventory first, then the objects, and plans.
    fn observe(&mut self, world: &mut World, step: usize) {
        let Some(inventory) = self.observed.take() else {
            self.read = step;
            self.known.clone_from(&world.stored);
            self.observed = Some(world.inventory());
            return;
        };
        let plan = self.plan.get_or_init(|| world.plan(self.wish, inventory, step));
        self.begun = world.now;
        world.note(|| {
            let line = |change: &Change| format!("{} {:?} uid {:?}", change.id, change.action, change.uid);
            let changes: Vec<String> = plan.changes.iter().map(line).collect();
            format!("{:?} plans over epoch {}: {}", self.wish, plan.observed.inventory.epoch, changes.join(", "))
        });
        let options = ApplyOptions { parallel: 2, ..ApplyOptions::default() };
        self.machine = Some(Machine::new(plan, &options, &NoSurroundings));
        self.tell(Message::Begin, world);
    }

    pub(crate) fn stop(&mut self, world: &World) {
        self.tell(Message::Stop(StopLevel::Finish), world);
    }

    pub(crate) fn kill(&mut self) {
        self.ended = Some(Ended::Killed);
        self.answers.clear();
        self.watches.clear();
    }

    /// Lets time pass: what has been under way for too long reaches the cluster first.
    pub(crate) fn pass_time(&mut self, world: &mut World, step: usize) {
        while self.sent.front().is_some_and(|(sent, _)| world.now > sent + LONGEST_REQUEST) {
            let (_, effect) = self.sent.pop_front().unwrap();
            self.reach(effect, false, world, step);
        }
        if self.ended.is_none() && self.machine.is_some() {
            self.tell(Message::Tick, world);
        }
    }

    fn tell(&mut self, message: Message, world: &World) {
        let Some(machine) = &mut self.machine else { return };
        let now = Duration::from_millis(world.now - self.begun);
        for effect in machine.handle(now, message) {
            match effect {
                Effect::End(end) => {
                    self.ended = self.plan.get().map(|plan| ended(*end, plan));
                    self.answers.clear();
                    self.watches.clear();
                }
                Effect::Open { purpose, scope, from } => {
                    let from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
                    self.watches.insert(purpose, (from, scope.kind.kind));
                }
                Effect::Close(purpose) => drop(self.watches.remove(&purpose)),
                // Time passes anyway.
                Effect::WakeAt(_) | Effect::Tell(_) | Effect::Learn(..) => {}
                effect => self.sent.push_back((world.now, effect)),
            }
        }
    }

    /// A request reaches the cluster, and its answer begins its way back.
    fn reach(&mut self, effect: Effect, loses: bool, world: &mut World, step: usize) {
        let Some(plan) = self.plan.get() else { return };
        let lost = || Lost::Unknown("the connection broke".to_owned());
        let writes =
            !matches!(effect, Effect::CheckInventory | Effect::LookAgain | Effect::Read(_) | Effect::Examine(..));
        if writes {
            self.last_write = Some(step);
        }
        let message = match effect {
            Effect::Write(write) => {
                let written = world.write(&plan.changes[write.position], &write);
                Message::Written(write.position, if loses { Err(broken("the connection broke")) } else { written })
            }
            Effect::Remove(position) => {
                let removed = world.remove(&plan.changes[position]);
                Message::Removed(position, if loses { Err(broken("the connection broke")) } else { Ok(removed) })
            }
            Effect::Release(position) => {
                let released = world.release(&plan.changes[position]);
                Message::Released(position, if loses { Err(broken("the connection broke")) } else { Ok(released) })
            }
            Effect::WriteIntent(intent) => {
                let written = world.write_inventory(&mut self.known, &intent);
                Message::IntentWritten(if loses { Err(lost()) } else { written })
            }
            Effect::CheckInventory => {
                let checked = world.check_inventory(&mut self.known);
                Message::Checked(if loses { Err(lost()) } else { checked })
            }
            Effect::Record(inventory) => {
                let recorded = if inventory.entries.is_empty() {
                    world.delete_inventory(&mut self.known)
                } else {
                    world.write_inventory(&mut self.known, &inventory)
                };
                if recorded.is_ok() {
                    self.untrue = world.untrue(self.wish);
                }
                Message::Recorded(if loses { Err(lost()) } else { recorded })
            }
            Effect::AddRows { rows, epoch } => {
                world.add_rows(&rows, epoch);
                Message::Added(if loses { Err("the connection broke".to_owned()) } else { Ok(()) })
            }
            Effect::LookAgain => {
                let live = plan.changes.iter().map(|change| (change.id.clone(), world.live(&change.id))).collect();
                Message::LookedAgain(if loses { Err("the connection broke".to_owned()) } else { Ok(live) })
            }
            Effect::Read(position) => {
                let live = world.live(&plan.changes[position].id);
                Message::Read(position, (!loses).then_some(live))
            }
            Effect::Examine(position, ..) => Message::Examined(position, None),
            Effect::FindOut(question, ..) => Message::FoundOut(question),
            other => unreachable!("{other:?} asks for no answer"),
        };
        world.note(|| {
            let text = format!("{:?} {message:?}", self.wish);
            text.chars().take(240).collect()
        });
        if self.ended.is_none() {
            self.answers.push(message);
        }
    }
}

fn ended(end: End, plan: &Plan) -> Ended {
    match end {
        End::Report(report) if report.is_success() => Ended::Well,
        End::Report(report) => {
            let failures = report.outcomes.iter().filter_map(|(id, _, outcome, _)| match outcome {
                Outcome::Failed(failure) => Some(format!("{id}: {}", failure.message)),
                _ => None,
            });
            Ended::Badly(failures.collect::<Vec<_>>().join("; "))
        }
        End::NotBegun(NotBegun::Blocked) => {
            let blockers = plan.blockers.iter().map(|blocker| format!("{} {}", blocker.id, blocker.kind));
            Ended::Badly(blockers.collect::<Vec<_>>().join("; "))
        }
        End::NotBegun(why) => Ended::Badly(format!("{why:?}")),
    }
}
