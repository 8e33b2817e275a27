//! How long to wait and for what: who may still make what is missing, whose operator is on its way, and when availability is
//! believed.

use std::time::Duration;

use holm_core::ResourceId;
use holm_core::catalog;
use holm_planner::plan::Action;
use holm_readiness::{Readiness, STATUS_GRACE, State as ReadyState, WATCHED_FOR, allowance, is_available_unseen};
use serde_json::Value;

use crate::event::Event;

use super::stages::removes;
use super::wait::Goal;
use super::{Halt, Machine, Progress};

impl Machine<'_> {
    /// How long an object may take that has no limit of its own.
    pub(super) fn limit(&self, goal: Goal, position: usize, object: &Value) -> Duration {
        let own = allowance(&self.change(position).kind, object);
        let own = own.filter(|_| goal == Goal::Ready && self.options.extends_timeout);
        self.options.timeout.max(own.unwrap_or_default())
    }

    /// Whether what would report the status of a custom resource is part of this run, and not ready yet or only just.
    pub(super) fn is_operator_pending(&self, position: usize) -> bool {
        let id = &self.change(position).id;
        let operators = self.plan.operators.iter().filter(|(served, _)| served == id);
        let mut positions = operators.filter_map(|(_, operator)| self.positions.get(operator));
        positions.any(|operator| {
            let state = &self.states[*operator];
            match state.progress {
                // One that failed reports nothing, which is no sign that nobody would.
                Progress::Ended if state.has_failed => true,
                Progress::Ended => state.ready_at.is_some_and(|at| self.now < at + STATUS_GRACE),
                _ => true,
            }
        })
    }

    /// Whether availability is no sign yet that the object works: this run changed its pods, and nothing probes them.
    pub(super) fn must_be_watched(&self, position: usize, object: &Value) -> bool {
        let change = self.change(position);
        let changes_pods = match change.action {
            Action::Create | Action::Replace => true,
            Action::Update | Action::Adopt => {
                change.fields.iter().any(|field| field.path.to_string().starts_with("spec"))
            }
            _ => false,
        };
        let is_custom = change.wait.ready_when.is_some();
        changes_pods && !is_custom && self.halt == Halt::None && is_available_unseen(&change.kind, object)
    }

    /// Watches for some time whether an object stays available, and whether its pods keep failing.
    pub(super) fn watch_availability(
        &mut self,
        position: usize,
        object: &Value,
        note: Option<String>,
        readiness: Readiness,
    ) {
        let change = self.change(position);
        self.wait(position, Goal::Ready, change.wait.limits.ready, object);
        let now = self.now;
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        waiting.note = note;
        if waiting.steady_since.is_some() {
            return;
        }
        waiting.steady_since = Some(now);
        let seconds = WATCHED_FOR.as_secs();
        let message = format!("available, watched for {seconds} s because it has no readiness probe");
        let readiness = Readiness { state: ReadyState::InProgress, message, ..readiness };
        waiting.last = Some(readiness.clone());
        self.tell(Event::Waiting { id: change.id.clone(), readiness });
    }

    /// Whether something of this run may yet make what an object misses: a Job, an init container, or whoever serves a custom
    /// resource; or something outside of it, as the program says.
    pub(super) fn may_be_made(&self, position: usize, missing: &ResourceId) -> bool {
        let is_named = |id: &ResourceId| {
            id.kind == missing.kind
                && id.namespace == missing.namespace
                && (id.name == missing.name || missing.name.is_empty())
        };
        if self.plan.made_at_run_time.iter().any(is_named) {
            return true;
        }
        self.plan.changes.iter().zip(&self.states).enumerate().any(|(other, (change, state))| {
            if other == position || removes(change.action) {
                return false;
            }
            let is_under_way = !matches!(state.progress, Progress::Ended);
            let is_custom =
                !change.id.group.is_empty() && catalog::find(&change.kind.api_version(), &change.kind.kind).is_none();
            // What serves a custom resource may act at any time.
            is_custom || (is_under_way && (change.id.is("batch", "Job") || self.has_init_containers(other)))
        })
    }

    fn has_init_containers(&self, position: usize) -> bool {
        let Some(desired) = &self.change(position).desired else { return false };
        let desired = desired.open();
        let spec = desired.pointer("/spec/template/spec").or_else(|| desired.get("spec"));
        let containers = spec.and_then(|spec| spec.get("initContainers")).and_then(Value::as_array);
        containers.is_some_and(|containers| !containers.is_empty())
    }
}
