//! Carries out a plan.
//!
//! One task drives everything: a ready queue of changes, bounded requests in flight, and one watch for each kind and
//! namespace of what is being waited for. The order is: the inventory's own namespace where it is new, the intent, the
//! writes, the deletes (only when nothing failed), the record; the inventory's own namespace goes last of all.

use std::time::Duration;

use holm_core::Graph;
use holm_core::event::{Event, Report};
use holm_core::inventory::InventoryPlace;
use holm_core::observe::Observed;
use holm_core::plan::{Action, Plan};
use holm_core::schedule::Schedule;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::error::ClusterError;
use crate::{Cluster, Stop};

mod begin;
mod exclusive;
mod failure;
mod lasting;
mod overtaken;
mod record;
mod run;
mod see;
mod settle;
mod tasks;
mod wait;
mod watches;

use run::Run;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// How many changes are in flight at most. Default: 32.
    pub parallel: usize,
    /// How long to wait for one object to be ready or gone, where the resource does not say otherwise. Default: 10 minutes.
    pub timeout: Duration,
    /// How long the whole run may take. When it is over nothing new is begun, nothing is waited for any more, and what was
    /// done is recorded. Default: for ever.
    pub total: Option<Duration>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { parallel: 32, timeout: Duration::from_secs(600), total: None }
    }
}

impl Cluster {
    /// Carries out `plan`, which was made from `observed`, and waits until what it wrote is ready and what it deleted is
    /// gone. Everything that happens is told to `events` as it happens; the end of `stop`'s patience ends the run.
    ///
    /// A change that fails stops only what depends on it. Nothing is deleted after any failure. What was done is recorded
    /// in the inventory in every case but [`StopLevel::Now`](crate::StopLevel::Now), where the intent is recorded already,
    /// so that the next run takes up where this one ended.
    ///
    /// # Errors
    /// Only when nothing was changed (but for the inventory's own namespace): the plan has blockers, the intent could not be
    /// recorded, or another run is under way. Everything later is an outcome in the report.
    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and all are needed")]
    pub async fn apply(
        &self,
        graph: &Graph,
        observed: Observed,
        plan: &Plan,
        place: &InventoryPlace,
        options: &ApplyOptions,
        events: UnboundedSender<Event>,
        stop: Stop,
    ) -> Result<Report, ClusterError> {
        self.transport.tell(Some(events.clone()));
        let run = Run::new(self, graph, plan, place, options, observed, events);
        let report = carry_out(run, stop).await;
        self.transport.tell(None);
        report
    }
}

async fn carry_out(mut run: Run<'_>, mut stop: Stop) -> Result<Report, ClusterError> {
    let begun = Instant::now();
    let plan = run.plan;
    if let Some(blocker) = plan.blockers.first() {
        return Err(ClusterError::Blocked { id: blocker.id.clone(), reason: blocker.kind.to_string() });
    }
    if run.has_intent() {
        run.make_own_namespace().await?;
        run.write_intent().await?;
    }
    run.drive(&mut stop).await;
    if run.may_delete() && plan.changes.iter().any(|change| removes(change.action)) {
        run.look_before_deletes().await;
    }
    if run.may_delete() {
        run.schedule = Schedule::deletes(plan);
        run.drive(&mut stop).await;
    } else {
        run.skip_deletes();
    }
    run.look_for_another_run().await;
    let namespace = run.held_back.take();
    match namespace {
        Some(namespace) if run.may_go(&namespace) => {
            // From here on a crash leaves either this last entry or nothing at all.
            if run.record().await {
                run.delete_last(&namespace);
                run.drive(&mut stop).await;
            }
        }
        _ => {
            run.record().await;
        }
    }
    Ok(run.report(begun))
}

/// Whether an action takes an object away from the stack.
fn removes(action: Action) -> bool {
    matches!(action, Action::Delete | Action::Release)
}
