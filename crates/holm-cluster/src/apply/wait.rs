//! Waits until objects are ready or gone: by watches, and by looking into what is slow.

use std::time::Duration;

use holm_core::event::{Event, Outcome};
use holm_core::inventory::PART_OF_LABEL;
use holm_core::observe::Live;
use holm_core::plan::{Action, Change};
use holm_core::readiness::cause::{Cause, LiveObject, selector_of};
use holm_core::readiness::{Readiness, State, assess};
use holm_core::{ResourceId, Sensitive, Strength};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::failure;
use super::lasting::{LASTING, trouble};
use super::run::{Halt, Run};
use super::tasks::Done;
use super::watches::Purpose;
use crate::evidence;
use crate::observe::{core_kind, get};
use crate::watch::Scope;

/// What is not ready after this long is looked into.
const SLOW: Duration = Duration::from_secs(2);
/// The shortest and the longest time between two looks into the same object.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1500), Duration::from_secs(15));
/// The shortest and the longest time between two reads of an object whose watch is not allowed.
pub(super) const READS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How long a look into an object may take.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// That it is ready.
    Ready,
    /// That it is gone.
    Gone,
    /// That it is gone, to be made anew.
    GoneToMakeAnew,
}

/// Why an object is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Something happened around it.
    Stirred,
    /// It says itself that it failed.
    SaysFailed,
    /// Its time is up.
    TooLate,
}

/// An object that is waited for.
pub(super) struct Waiting<'a> {
    pub(super) change: &'a Change,
    pub(super) goal: Goal,
    pub(super) last: Option<Readiness>,
    /// How long it may take.
    pub(super) limit: Duration,
    /// Whether it is being looked into.
    pub(super) is_examined: bool,
    pub(super) uid: Option<String>,
    pub(super) version: u64,
    since: Instant,
    /// The pods that it selects.
    selector: Option<String>,
    /// Whether its surroundings are watched already.
    pub(super) is_slow: bool,
    /// Whether something happened around it since it was looked into.
    pub(super) is_stirred: bool,
    looked: Instant,
    pause: Duration,
    /// What is wrong around it, as it was seen first, and when.
    trouble: Option<(String, Instant)>,
    /// When to read it next, and how long to pause after that, where its watch is not allowed; without a pause, once.
    pub(super) read: Option<(Instant, Option<Duration>)>,
}

impl Waiting<'_> {
    /// Whether the same trouble has been there for so long that it will not pass.
    pub(super) fn has_lasted(&self, cause: Option<&Cause>) -> bool {
        let seen = cause.and_then(trouble);
        self.trouble.as_ref().is_some_and(|(first, since)| seen.as_ref() == Some(first) && since.elapsed() >= LASTING)
    }

    /// Takes in what was found out, and returns what is to be told where it is a trouble that was not told yet.
    pub(super) fn news(&mut self, cause: Option<&Cause>) -> Option<Readiness> {
        let Some((cause, seen)) = cause.and_then(|cause| Some((cause, trouble(cause)?))) else {
            self.trouble = None;
            return None;
        };
        if self.trouble.as_ref().is_some_and(|(first, _)| *first == seen) {
            return None;
        }
        self.trouble = Some((seen, Instant::now()));
        let reason = cause.container.as_ref().map_or("Unschedulable", |container| container.reason.as_str()).to_owned();
        let state = self.last.as_ref().map_or(State::InProgress, |last| last.state);
        Some(Readiness { state, reason, message: cause.summary.clone() })
    }
}

impl<'a> Run<'a> {
    /// Sees how far an object has come, and acts on it.
    pub(super) fn consider(&mut self, change: &'a Change, object: Value) {
        let id = &change.id;
        let custom = self.graph.get(id).and_then(|resource| resource.options.ready_when.as_ref());
        let (surroundings, unknown) = self.cluster.knowledge.about(&change.kind, &object);
        let mut readiness = assess(&change.kind, &object, custom, &surroundings);
        self.cluster.transport.with_redactor(|redactor| readiness.scrub(redactor));
        if readiness.state == State::Current {
            if is_completed_job(change, &object)
                && let Some(entry) = self.inventory.entries.get_mut(id)
            {
                entry.completed = true;
            }
            self.observed.live.insert(id.clone(), Live::found(&object));
            self.ready(change);
            return;
        }
        if self.halt != Halt::None {
            self.given_up(change);
            return;
        }
        let limit = self.graph.get(id).and_then(|resource| resource.options.timeouts.ready);
        self.wait(change, Goal::Ready, limit, &object);
        let has_failed = readiness.state == State::Failed;
        let mut is_news = false;
        if let Some(waiting) = self.waiting.get_mut(id) {
            is_news = waiting.last.as_ref() != Some(&readiness);
            waiting.last = Some(readiness.clone());
        }
        self.observed.live.insert(id.clone(), Live::found(&object));
        if is_news {
            self.tell(Event::Waiting { id: id.clone(), readiness });
        }
        if has_failed {
            self.examine(id, Why::SaysFailed);
        }
        if let Some(unknown) = unknown.filter(|unknown| self.asked.insert(unknown.clone())) {
            let cluster = self.cluster;
            self.task(async move {
                cluster.knowledge.find_out(&cluster.transport, unknown.clone()).await;
                Done::Known(unknown)
            });
        }
    }

    /// Looks at everything that is waited for again, because more is known about surroundings.
    pub(super) fn reconsider(&mut self) {
        let waiting: Vec<&'a Change> =
            self.waiting.values().filter(|waiting| waiting.goal == Goal::Ready).map(|waiting| waiting.change).collect();
        for change in waiting {
            if let Some(object) = self.observed.object(&change.id) {
                self.consider(change, object);
            }
        }
    }

    fn ready(&mut self, change: &'a Change) {
        let id = &change.id;
        let was_waiting = self.waiting.remove(id).is_some();
        self.schedule.reached(id, Strength::Ready);
        if was_waiting || change.action != Action::Unchanged {
            self.tell(Event::Ready { id: id.clone(), after: self.after(id) });
            self.end(change, Outcome::Done);
        }
        if was_waiting {
            self.close_watches();
        }
    }

    /// Waits until an object that is being deleted is gone.
    pub(super) fn wait_until_gone(&mut self, change: &'a Change, goal: Goal, object: Value) {
        if self.halt != Halt::None && goal == Goal::Gone {
            self.waiting.remove(&change.id);
            self.given_up(change);
            return;
        }
        let limit = self.graph.get(&change.id).and_then(|resource| resource.options.timeouts.delete);
        self.wait(change, goal, limit, &object);
        self.observed.live.insert(change.id.clone(), Live::found(&object));
    }

    /// Begins to wait, or takes the newer state of what is waited for in.
    fn wait(&mut self, change: &'a Change, goal: Goal, limit: Option<Duration>, object: &Value) {
        let id = &change.id;
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.version = version(object).max(waiting.version);
            return;
        }
        let now = Instant::now();
        let mut waiting = Waiting {
            change,
            goal,
            last: None,
            limit: limit.unwrap_or(self.options.timeout),
            is_examined: false,
            uid: text(object, "uid").map(str::to_owned),
            version: version(object),
            since: now,
            selector: selector_of(&LiveObject { id: id.clone(), object: Sensitive::new(object.clone()) }),
            is_slow: false,
            is_stirred: true,
            looked: now,
            pause: LOOKS.0,
            trouble: None,
            read: None,
        };
        let is_labelled = object.pointer("/metadata/labels").and_then(|labels| labels.get(PART_OF_LABEL)).is_some();
        let purpose = Purpose::Objects(change.kind.clone(), id.namespace.clone());
        // What a watch has begun after, or has passed by already, it does not tell again.
        let is_missed = self.watches.begun_at(&purpose).is_some_and(|begun| version(object) < begun);
        let scope = Scope {
            kind: change.kind.clone(),
            namespace: id.namespace.clone(),
            labels: Some(format!("{PART_OF_LABEL}={}", self.place.set_id)),
            fields: None,
        };
        let from = text(object, "resourceVersion").map(str::to_owned);
        let is_watched = is_labelled && self.watches.open(purpose, scope, from, version(object));
        if !is_watched {
            waiting.read = Some((now + READS.0, Some(READS.0)));
        } else if is_missed || change.action == Action::Unchanged {
            waiting.read = Some((now, None));
        }
        self.waiting.insert(id.clone(), waiting);
    }

    /// Looks at the clock.
    pub(super) fn tick(&mut self) {
        if self.halt == Halt::None && self.is_time_up() {
            self.has_failed = true;
            self.halt(Halt::TimeUp);
            return;
        }
        let now = Instant::now();
        let ids: Vec<ResourceId> = self.waiting.keys().cloned().collect();
        for id in ids {
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            let change = waiting.change;
            if now >= waiting.since + waiting.limit {
                match waiting.goal {
                    Goal::Ready => self.examine(&id, Why::TooLate),
                    Goal::Gone | Goal::GoneToMakeAnew => {
                        let failure = failure::not_gone(waiting.limit, self.observed.object(&id).as_ref());
                        self.fail(change, failure);
                    }
                }
                continue;
            }
            if let Some((_, pause)) = waiting.read.filter(|(at, _)| now >= *at) {
                waiting.read = pause.map(|pause| (now + pause, Some((pause * 2).min(READS.1))));
                let transport = &self.cluster.transport;
                self.task(async move { Done::Read(change.id.clone(), get(transport, &change.kind, &change.id).await) });
            }
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            if waiting.goal != Goal::Ready {
                continue;
            }
            if !waiting.is_slow && now >= waiting.since + SLOW {
                waiting.is_slow = true;
                self.watch_surroundings(&id);
            }
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            // What is wrong may last without anything happening.
            waiting.is_stirred |= waiting.trouble.as_ref().is_some_and(|(_, since)| now >= *since + LASTING);
            if waiting.is_slow && waiting.is_stirred && now >= waiting.looked + waiting.pause {
                waiting.pause = (waiting.pause * 3 / 2).min(LOOKS.1);
                self.examine(&id, Why::Stirred);
            }
        }
    }

    /// Watches the pods of a slow workload, and the warnings around any slow object.
    fn watch_surroundings(&mut self, id: &ResourceId) {
        let Some(namespace) = id.namespace.clone() else { return };
        let warnings = Scope {
            kind: core_kind("Event", "events", holm_core::Scope::Namespaced),
            namespace: Some(namespace.clone()),
            labels: None,
            fields: Some("type=Warning".to_owned()),
        };
        self.watches.open(Purpose::Warnings(namespace.clone()), warnings, None, 0);
        let Some(selector) = self.waiting.get(id).and_then(|waiting| waiting.selector.clone()) else { return };
        let purpose = Purpose::Pods(namespace.clone());
        // One watch for a namespace: of one workload's pods while only one is slow, of all pods from then on.
        let labels = match self.watches.labels(&purpose) {
            None => Some(selector),
            Some(open) if open.as_deref() == Some(selector.as_str()) => Some(selector),
            Some(_) => None,
        };
        let kind = core_kind("Pod", "pods", holm_core::Scope::Namespaced);
        let pods = Scope { kind, namespace: Some(namespace), labels, fields: None };
        self.watches.open(purpose, pods, None, 0);
    }

    /// Looks into an object that is not ready.
    fn examine(&mut self, id: &ResourceId, why: Why) {
        let Some(waiting) = self.waiting.get_mut(id).filter(|waiting| !waiting.is_examined) else { return };
        let Some(object) = self.observed.object(id) else { return };
        waiting.is_examined = true;
        waiting.is_stirred = false;
        waiting.looked = Instant::now();
        let change = waiting.change;
        let state = Readiness { state: State::InProgress, reason: String::new(), message: String::new() };
        let readiness = waiting.last.clone().unwrap_or(state);
        let transport = &self.cluster.transport;
        self.task(async move {
            let cause = timeout(LONGEST_LOOK, evidence::cause(transport, &change.kind, object, readiness)).await;
            Done::Examined(change.id.clone(), why, cause.ok().flatten().map(Box::new))
        });
    }

    /// Closes watches that nobody waits for.
    pub(super) fn close_watches(&mut self) {
        let waiting = &self.waiting;
        self.watches.keep(|purpose| match purpose {
            Purpose::Objects(..) => waiting.values().any(|waiting| is_among(waiting.change, purpose)),
            Purpose::Pods(namespace) | Purpose::Warnings(namespace) => waiting
                .values()
                .any(|waiting| waiting.is_slow && waiting.change.id.namespace.as_ref() == Some(namespace)),
        });
    }
}

/// Whether the object of a change is one of those that a watch is for.
pub(super) fn is_among(change: &Change, purpose: &Purpose) -> bool {
    matches!(purpose, Purpose::Objects(kind, namespace) if *kind == change.kind && *namespace == change.id.namespace)
}

/// Whether it is a Job that completed, rather than one that is merely ready by a rule of the program.
fn is_completed_job(change: &Change, object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let is_complete = |condition: &Value| condition["type"] == "Complete" && condition["status"] == "True";
    change.id.is("batch", "Job") && conditions.into_iter().flatten().any(is_complete)
}

pub(super) fn text<'v>(object: &'v Value, field: &str) -> Option<&'v str> {
    object.get("metadata")?.get(field)?.as_str()
}

/// The resourceVersion as a number, which grows with each write (KEP-5504); 0 where it is none, so that nothing is older.
pub(super) fn version(object: &Value) -> u64 {
    text(object, "resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0)
}
