//! The loop between the machine and the cluster: effects become requests, and what comes of them becomes messages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use holm_executor::event::{Event, Outcome, Report};
use holm_executor::{Effect, End, Lost, Machine, Message, NotBegun, StopLevel};
use holm_planner::observe::{Live, is_terminating};
use holm_planner::packed::Packed;
use holm_planner::plan::Plan;
use holm_readiness::cause::explain_deletion;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::logs::Logs;
use super::record::{RecordError, Store, add};
use super::watches::Watches;
use super::{Session, failure, scrub, scrub_failure, tasks};
use crate::Cluster;
use crate::error::{ClusterError, RequestError};
use crate::evidence;
use crate::observe::{get, look, of_object};
use crate::transport::Transport;

/// How often the machine gets a tick. A tick sends no request.
const TICK: Duration = Duration::from_millis(200);

/// How long a look into an object may take.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// The result of a request: the message for the machine, and the error for the caller if the run did not start.
type Answer = (Message, Option<ClusterError>);

struct Driver<'a> {
    cluster: &'a Cluster,
    transport: &'a Transport,
    plan: &'a Plan,
    store: Arc<Mutex<Store<'a>>>,
    tasks: FuturesUnordered<BoxFuture<'a, Answer>>,
    watches: Watches<'a>,
    logs: Logs<'a>,
    events: UnboundedSender<Event>,
    begun: Instant,
    wake: Option<Instant>,
    error: Option<ClusterError>,
}

/// Carries out a plan.
pub(super) async fn run<'a>(
    cluster: &'a Cluster,
    transport: &'a Transport,
    plan: &'a Plan,
    session: Session,
) -> Result<Report, ClusterError> {
    let Session { options, events, mut stop, logs } = session;
    let root = plan.observed.root.as_ref().map(Packed::open);
    let store = Store::new(transport, &plan.place, root.as_ref(), plan.observed.inventory.epoch);
    let mut driver = Driver {
        cluster,
        transport,
        plan,
        store: Arc::new(Mutex::new(store)),
        tasks: FuturesUnordered::new(),
        watches: Watches::new(transport),
        logs: Logs::new(transport, plan, logs, events.clone()),
        events,
        begun: Instant::now(),
        wake: None,
        error: None,
    };
    let mut machine = Machine::new(plan, &options, &cluster.knowledge);
    let mut messages = VecDeque::from([Message::Begin]);
    if stop.level() > StopLevel::Running {
        messages.push_front(Message::Stop(stop.level()));
    }
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while let Some(message) = messages.pop_front() {
            for effect in machine.handle(driver.begun.elapsed(), message) {
                if let Effect::End(end) = effect {
                    return driver.end(*end).await;
                }
                driver.carry_out(effect);
            }
        }
        let wake = driver.wake.unwrap_or(driver.begun);
        messages.push_back(tokio::select! {
            level = stop.changed() => Message::Stop(level),
            Some((message, error)) = driver.tasks.next(), if !driver.tasks.is_empty() => {
                if error.is_some() {
                    driver.error = error;
                }
                message
            }
            () = driver.logs.stream() => continue,
            (purpose, seen) = driver.watches.next() => Message::Watched(purpose, seen),
            () = sleep_until(wake), if driver.wake.is_some() => {
                driver.wake = None;
                Message::Tick
            }
            _ = tick.tick() => Message::Tick,
        });
    }
}

impl<'a> Driver<'a> {
    fn carry_out(&mut self, effect: Effect) {
        let (cluster, transport, plan) = (self.cluster, self.transport, self.plan);
        match effect {
            Effect::Write(write) => self.task(async move {
                let change = &plan.changes[write.position];
                let position = write.position;
                let written = tasks::write(transport, change, &plan.place, *write).await;
                let (result, error) = told(written, |error| Box::new(failure::request(error, change.action)));
                (Message::Written(position, result), error)
            }),
            Effect::Remove(position) => self.task(async move {
                let change = &plan.changes[position];
                let removed = tasks::remove(transport, change, &plan.place).await;
                let (result, error) = told(removed, |error| Box::new(failure::request(error, change.action)));
                (Message::Removed(position, result), error)
            }),
            Effect::Release(position) => self.task(async move {
                let change = &plan.changes[position];
                let released = tasks::release(transport, change, &plan.place).await;
                let (result, error) = told(released, |error| Box::new(failure::request(error, change.action)));
                (Message::Released(position, result), error)
            }),
            Effect::WriteIntent(intent) => {
                let store = Arc::clone(&self.store);
                self.task(async move {
                    let (result, error) = lost(store.lock().await.write(&intent).await, plan);
                    (Message::IntentWritten(result), error)
                });
            }
            Effect::CheckInventory => {
                let store = Arc::clone(&self.store);
                self.task(async move { (Message::Checked(lost(store.lock().await.check().await, plan).0), None) });
            }
            Effect::Record(inventory) => {
                let store = Arc::clone(&self.store);
                self.task(async move {
                    let mut store = store.lock().await;
                    let is_empty = inventory.entries.is_empty();
                    let recorded = if is_empty { store.delete().await } else { store.write(&inventory).await };
                    (Message::Recorded(lost(recorded, plan).0), None)
                });
            }
            Effect::AddRows { rows, epoch } => self.task(async move {
                let added = add(transport, &plan.place, &rows, epoch).await;
                (Message::Added(added.map_err(|error| error.to_string())), None)
            }),
            Effect::LookAgain => self.task(async move {
                match live_of(transport, plan).await {
                    Ok(live) => (Message::LookedAgain(Ok(live)), None),
                    Err(error) => (Message::LookedAgain(Err(error.to_string())), Some(error)),
                }
            }),
            Effect::FindOut(question, position, object) => self.task(async move {
                cluster.knowledge.find_out(transport, &plan.changes[position].kind, &object).await;
                (Message::FoundOut(question), None)
            }),
            Effect::Examine(position, object, ..) if is_terminating(&object) => self.task(async move {
                let kind = &plan.changes[position].kind;
                let cause = transport.with_redactor(|redactor| explain_deletion(kind, &object, redactor));
                (Message::Examined(position, cause.map(Box::new)), None)
            }),
            Effect::Examine(position, object, readiness, pods) => self.task(async move {
                let cause = evidence::cause(transport, &plan.changes[position].kind, *object, readiness, pods);
                let cause = timeout(LONGEST_LOOK, cause).await.ok().flatten();
                (Message::Examined(position, cause.map(Box::new)), None)
            }),
            Effect::Read(position) => self.task(async move {
                let change = &plan.changes[position];
                let live = match get(transport, &change.kind, &change.id).await {
                    Ok(Some(object)) => Some(Live::found(&object)),
                    Ok(None) => Some(Live::Absent),
                    Err(error) => {
                        // It is read again until its time is up, which nobody should have to guess.
                        let (id, error) = (change.id.clone(), error.trouble.to_string());
                        transport.announce(Event::Retrying { id, error, after: Duration::from_secs(1) });
                        None
                    }
                };
                (Message::Read(position, live), None)
            }),
            Effect::Open { purpose, scope, from } => self.watches.open(purpose, scope, from),
            Effect::Close(purpose) => self.watches.close(&purpose),
            Effect::WakeAt(at) => self.wake = Some(self.begun + at),
            Effect::Learn(id, object) => transport.learn(of_object(&id, &object)),
            Effect::Tell(mut event) => {
                scrub(&mut event, transport);
                self.logs.on_event(&event);
                // The run continues if the receiver was dropped.
                let _ = self.events.send(event);
            }
            // It ends the loop before it comes here.
            Effect::End(_) => {}
        }
    }

    fn task(&mut self, task: impl Future<Output = Answer> + Send + 'a) {
        self.tasks.push(Box::pin(task));
    }

    async fn end(self, end: End) -> Result<Report, ClusterError> {
        let why = match end {
            End::Report(mut report) => {
                if !report.interrupted {
                    self.logs.finish().await;
                }
                report.requests = self.cluster.requests();
                self.transport.with_redactor(|redactor| {
                    for (_, _, outcome, _) in &mut report.outcomes {
                        if let Outcome::Failed(failure) = outcome {
                            scrub_failure(failure, redactor);
                        }
                    }
                });
                return Ok(report);
            }
            End::NotBegun(why) => why,
        };
        let place = &self.plan.place;
        let (namespace, name) = (place.namespace.clone(), place.name.clone());
        Err(match (why, self.error, self.plan.blockers.first()) {
            (NotBegun::Blocked, _, Some(blocker)) => {
                ClusterError::Blocked { id: blocker.id.clone(), reason: blocker.kind.to_string() }
            }
            (NotBegun::NoNamespace, Some(ClusterError::Request(source)), _) => {
                let id = holm_core::ResourceId::new("", "Namespace", None, &namespace);
                ClusterError::NoNamespace { id, source }
            }
            (NotBegun::NoIntent, Some(error), _) => error,
            _ => ClusterError::AnotherRun { namespace, name },
        })
    }
}

/// The objects of a plan as they are now.
async fn live_of(transport: &Transport, plan: &Plan) -> Result<BTreeMap<holm_core::ResourceId, Live>, ClusterError> {
    let targets = plan.changes.iter().map(|change| (change.id.clone(), change.kind.clone())).collect();
    look(transport, &targets, &plan.place.set_id, &|id| plan.intent.entries.contains_key(id)).await
}

fn told<T, F>(
    result: Result<T, Box<RequestError>>,
    tell: impl FnOnce(&RequestError) -> F,
) -> (Result<T, F>, Option<ClusterError>) {
    match result {
        Ok(done) => (Ok(done), None),
        Err(error) => (Err(tell(&error)), Some(ClusterError::Request(error))),
    }
}

/// What the machine is told of a failed write or look, and what the caller is where it was the intent's.
fn lost(result: Result<(), RecordError>, plan: &Plan) -> (Result<(), Lost>, Option<ClusterError>) {
    let error = match result {
        Ok(()) => return (Ok(()), None),
        Err(error) => error,
    };
    let words = error.to_string();
    match error {
        RecordError::Moved => (Err(Lost::Moved), None),
        RecordError::Added(inventory) => (Err(Lost::Added(inventory)), None),
        RecordError::Request(source) => {
            let (namespace, name) = (plan.place.namespace.clone(), plan.place.name.clone());
            (Err(Lost::Unknown(words)), Some(ClusterError::IntentNotWritten { namespace, name, source }))
        }
        RecordError::Unreadable(error) => (Err(Lost::Unknown(words)), Some(*error)),
    }
}
