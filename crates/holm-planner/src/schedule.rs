//! In which order changes are made: a ready queue, not layers.
//!
//! A change is handed out as soon as everything that it needs has come far enough. A failure stops only what depends on it;
//! the rest goes on. Deletes run over the same edges the other way round.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::plan::{Action, Plan};
use holm_core::Strength;
use holm_core::id::ResourceId;

/// The order of one half of a plan: its writes or its deletes.
#[derive(Clone, Debug)]
pub struct Schedule {
    ids: Vec<ResourceId>,
    positions: HashMap<ResourceId, usize>,
    /// For each node: who waits for it, and how far it must come for them.
    dependents: Vec<Vec<(usize, Strength)>>,
    /// For each node: how many edges still hold it back.
    waiting: Vec<usize>,
    progress: Vec<Progress>,
    ready: BTreeSet<usize>,
    open: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Held,
    HandedOut,
    Reached(Strength),
    Failed,
}

impl Schedule {
    /// The order of what is written. Unchanged resources take part: others may wait until they are ready.
    pub fn writes(plan: &Plan) -> Self {
        let nodes = plan.changes.iter().filter(|change| change.action.is_write() || change.action == Action::Unchanged);
        let mut schedule = Self::of(nodes.map(|change| change.id.clone()));
        for edge in &plan.edges {
            schedule.hold(&edge.dependent, &edge.on, edge.strength);
        }
        schedule
    }

    /// The order of what is deleted or released: dependents first, each gone before what it needed goes.
    pub fn deletes(plan: &Plan) -> Self {
        let leaves = |action| matches!(action, Action::Delete | Action::Release);
        let nodes = plan.changes.iter().filter(|change| leaves(change.action));
        let mut schedule = Self::of(nodes.map(|change| change.id.clone()));
        for (id, entry) in &plan.intent.entries {
            for needed in &entry.depends_on {
                schedule.hold(needed, id, Strength::Ready);
            }
        }
        for (waits, on) in &plan.held_back {
            schedule.hold(waits, on, Strength::Ready);
        }
        schedule.break_circles();
        schedule
    }

    fn of(ids: impl Iterator<Item = ResourceId>) -> Self {
        let ids: Vec<ResourceId> = ids.collect();
        let count = ids.len();
        let positions = ids.iter().enumerate().map(|(position, id)| (id.clone(), position)).collect();
        Self {
            ids,
            positions,
            dependents: vec![Vec::new(); count],
            waiting: vec![0; count],
            progress: vec![Progress::Held; count],
            ready: (0..count).collect(),
            open: count,
        }
    }

    fn hold(&mut self, dependent: &ResourceId, on: &ResourceId, strength: Strength) {
        let (Some(&dependent), Some(&on)) = (self.positions.get(dependent), self.positions.get(on)) else { return };
        self.dependents[on].push((dependent, strength));
        self.waiting[dependent] += 1;
        self.ready.remove(&dependent);
    }

    /// Recorded edges of several revisions may form a circle that no single declaration had. What hangs in one is freed, so
    /// that a delete never waits for ever.
    fn break_circles(&mut self) {
        let mut waiting = self.waiting.clone();
        let mut queue: Vec<usize> = self.ready.iter().copied().collect();
        let mut reachable = vec![false; self.ids.len()];
        while let Some(position) = queue.pop() {
            reachable[position] = true;
            for &(dependent, _) in &self.dependents[position] {
                waiting[dependent] -= 1;
                if waiting[dependent] == 0 {
                    queue.push(dependent);
                }
            }
        }
        for position in (0..self.ids.len()).filter(|position| !reachable[*position]) {
            self.waiting[position] = 0;
            self.ready.insert(position);
        }
        for dependents in &mut self.dependents {
            dependents.retain(|(dependent, _)| reachable[*dependent]);
        }
    }

    /// The next change that may be begun, in the order of the plan; none while everything left waits for something.
    #[expect(clippy::should_implement_trait, reason = "a schedule goes on after a None, which an iterator does not")]
    pub fn next(&mut self) -> Option<ResourceId> {
        let position = self.ready.pop_first()?;
        self.progress[position] = Progress::HandedOut;
        Some(self.ids[position].clone())
    }

    /// Returns what [`next`](Self::next) would hand out.
    pub fn upcoming(&self) -> Option<&ResourceId> {
        self.ready.first().and_then(|position| self.ids.get(*position))
    }

    /// Says how far a change has come. [`Strength::Ready`] ends it: the object is ready, or, for deletes, gone.
    pub fn reached(&mut self, id: &ResourceId, strength: Strength) {
        let Some(&position) = self.positions.get(id) else { return };
        let before = self.progress[position];
        if before == Progress::Failed || before >= Progress::Reached(strength) {
            return;
        }
        self.progress[position] = Progress::Reached(strength);
        if strength == Strength::Ready {
            self.open -= 1;
        }
        let released = |needed: Strength| {
            let was = matches!(before, Progress::Reached(reached) if reached >= needed);
            needed <= strength && !was
        };
        for (dependent, needed) in self.dependents[position].clone() {
            if released(needed) {
                self.waiting[dependent] -= 1;
                if self.waiting[dependent] == 0 && self.progress[dependent] == Progress::Held {
                    self.ready.insert(dependent);
                }
            }
        }
    }

    /// Says that a change failed. Returns what can therefore not be begun, each with the dependency that holds it back.
    /// What needed only as much as the failed one had already reached goes on.
    pub fn failed(&mut self, id: &ResourceId) -> Vec<(ResourceId, ResourceId)> {
        let Some(&position) = self.positions.get(id) else { return Vec::new() };
        let mut skipped = Vec::new();
        let mut queue = VecDeque::from([position]);
        while let Some(position) = queue.pop_front() {
            let before = self.progress[position];
            if matches!(before, Progress::Failed | Progress::Reached(Strength::Ready)) {
                continue;
            }
            self.progress[position] = Progress::Failed;
            self.ready.remove(&position);
            self.open -= 1;
            for &(dependent, needed) in &self.dependents[position] {
                let was_reached = matches!(before, Progress::Reached(reached) if reached >= needed);
                if !was_reached && self.progress[dependent] == Progress::Held {
                    skipped.push((self.ids[dependent].clone(), self.ids[position].clone()));
                    queue.push_back(dependent);
                }
            }
        }
        skipped.sort();
        skipped.dedup_by(|a, b| a.0 == b.0);
        skipped
    }

    /// Takes everything that was not begun out, as when the run is stopped, and returns it.
    pub fn stop(&mut self) -> Vec<ResourceId> {
        let mut stopped = Vec::new();
        for position in 0..self.ids.len() {
            if self.progress[position] == Progress::Held {
                self.progress[position] = Progress::Failed;
                self.open -= 1;
                stopped.push(self.ids[position].clone());
            }
        }
        self.ready.clear();
        stopped
    }

    /// Whether every change has ended.
    pub fn is_done(&self) -> bool {
        self.open == 0
    }
}
