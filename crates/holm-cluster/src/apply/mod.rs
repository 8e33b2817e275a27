//! Carries out a plan: drives the machine of `holm-executor`, which decides everything, and does what it wants done.

use holm_executor::ApplyOptions;
use holm_executor::event::{Event, Failure, Report};
use holm_planner::plan::Plan;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::ClusterError;
use crate::{Cluster, Stop};

mod driver;
mod exclusive;
mod failure;
mod logs;
mod record;
mod tasks;
mod watches;

pub use logs::LogScope;

/// What belongs to one run alone: how it is carried out, who is told, and who may stop it.
#[derive(Debug)]
pub struct Session {
    /// How the plan is carried out.
    pub options: ApplyOptions,
    /// Where everything that happens is told, as it happens.
    pub events: UnboundedSender<Event>,
    /// The user's wish to stop.
    pub stop: Stop,
    /// Whose logs are told while they are waited for. Default: nobody's.
    pub logs: LogScope,
}

impl Session {
    /// Returns a session with the default options that nobody stops.
    pub fn new(events: UnboundedSender<Event>) -> Self {
        Self { options: ApplyOptions::default(), events, stop: Stop::never(), logs: LogScope::None }
    }
}

impl Cluster {
    /// Carries out `plan` and waits until what it wrote is ready and what it deleted is gone. Everything that happens is told to
    /// the session as it happens, and the end of its `stop`'s patience ends the run.
    ///
    /// A change that fails stops only what depends on it. Nothing is deleted after any failure. What was done is recorded
    /// in the inventory in every case but [`StopLevel::Now`](crate::StopLevel::Now), where the intent is recorded already,
    /// so that the next run takes up where this one ended. Several plans may be carried out on one connection.
    ///
    /// # Errors
    /// Only when nothing was changed (but for the inventory's own namespace): the plan has blockers, the intent could not be
    /// recorded, or another run is under way. Everything later is an outcome in the report.
    pub async fn apply(&self, plan: &Plan, session: Session) -> Result<Report, ClusterError> {
        let transport = self.transport.of_run(session.events.clone(), session.stop.clone());
        driver::run(self, &transport, plan, session).await
    }
}

/// Takes every secret value that is known by now out of what is told.
fn scrub(event: &mut Event, transport: &crate::transport::Transport) {
    transport.with_redactor(|redactor| match event {
        Event::Waiting { readiness, .. } => readiness.scrub(redactor),
        Event::Ready { note: Some(note), .. } => *note = redactor.scrub(note),
        Event::Failed { failure, .. } => scrub_failure(failure, redactor),
        _ => {}
    });
}

fn scrub_failure(failure: &mut Failure, redactor: &holm_redact::Redactor) {
    failure.message = redactor.scrub(&failure.message);
    for source in &mut failure.sources {
        *source = redactor.scrub(source);
    }
}
