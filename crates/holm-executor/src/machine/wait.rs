//! Waits until objects are ready or gone: by watches, and by looking into what is slow.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Event, Outcome};
use holm_core::{ApiKind, ResourceId, Sensitive, Strength};
use holm_planner::inventory::PART_OF_LABEL;
use holm_planner::plan::{Action, Change};
use holm_readiness::cause::{Cause, LiveObject, selector_of};
use holm_readiness::{Readiness, State as ReadyState, WATCHED_FOR, assess, failed_since};
use serde_json::Value;

use super::{Halt, Machine, Progress};
use crate::effect::Effect;
use crate::failure;
use crate::lasting::{lasting, trouble};
use crate::watching::{Opening, Purpose, Scope};

/// What is not ready after this long is looked into.
const SLOW: Duration = Duration::from_secs(2);
/// How many pods of an object are kept that deletes them.
const MOST_PODS: usize = 4;
/// The shortest and the longest time between two looks into the same object.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1500), Duration::from_secs(15));
/// The shortest and the longest time between two reads of an object whose watch is not allowed.
pub(super) const READS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

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
    /// It is available, and has been for long enough to be believed unless its pods keep failing.
    Steady,
    /// Its time is up.
    TooLate,
}

/// An object that is waited for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) goal: Goal,
    pub(super) last: Option<Readiness>,
    /// How long it may take.
    pub(super) limit: Duration,
    /// Why it is being looked into; none where it is not.
    pub(super) examined: Option<Why>,
    pub(super) uid: Option<String>,
    pub(super) version: u64,
    pub(super) since: Duration,
    /// The pods that it selects.
    selector: Option<String>,
    /// Whether it is a Job that deletes the pod whose containers it restarted when it gives up.
    loses_its_pods: bool,
    /// Whether its surroundings are watched already.
    pub(super) is_slow: bool,
    /// Whether something happened around it since it was looked into.
    pub(super) is_stirred: bool,
    looked: Duration,
    pause: Duration,
    /// What is wrong around it, as it was seen first, and when.
    trouble: Option<(String, Duration)>,
    /// Why it is not ready, as far as that is known.
    pub(super) cause: Option<Cause>,
    /// The pods of a Job that deletes them when it gives up, as they were seen after a container had ended, by uid.
    pub(super) pods: BTreeMap<String, Value>,
    /// The last cause that named a container. Pods go, and what they said goes with them.
    pub(super) seen_below: Option<Cause>,
    /// Since when it has been available without a probe that says so.
    pub(super) steady_since: Option<Duration>,
    /// What is to be said of it once it is ready.
    pub(super) note: Option<String>,
    /// Whether it waits for its operator.
    waits_for_operator: bool,
    /// The summary of the cause that the user has seen together with the last readiness.
    told: Option<String>,
    /// When to read it next, and how long to pause after that, where its watch is not allowed; without a pause, once.
    pub(super) read: Option<(Duration, Option<Duration>)>,
}

impl Waiting {
    /// Whether the same trouble has been there for so long that it will not pass.
    pub(super) fn has_lasted(&self, cause: Option<&Cause>, now: Duration) -> bool {
        let seen = cause.and_then(trouble);
        let limit = cause.map(lasting).unwrap_or_default();
        self.trouble.as_ref().is_some_and(|(first, since)| seen.as_ref() == Some(first) && now >= *since + limit)
    }

    /// Adds what was seen of pods that are gone by now to the cause of a failure that names no container, as of a Job whose pods were
    /// deleted when it gave up.
    pub(super) fn with_what_was_seen(&self, cause: Cause) -> Cause {
        let Some(seen) = &self.seen_below else { return cause };
        let mut cause = cause;
        if let (Some(container), Some(before)) = (&mut cause.container, &seen.container)
            && (container.log.is_empty() && container.name == before.name)
        {
            // The pod is gone, and its log with it.
            container.log.clone_from(&before.log);
            container.log_is_previous = before.log_is_previous;
        }
        match seen {
            seen if cause.is_final && cause.container.is_none() && cause.chain.len() <= 1 => Cause {
                summary: format!("{}: {}", cause.summary, seen.summary),
                hint: cause.hint.or_else(|| seen.hint.clone()),
                chain: seen.chain.clone(),
                container: seen.container.clone(),
                events: if seen.events.is_empty() { cause.events } else { seen.events.clone() },
                ..cause
            },
            _ => cause,
        }
    }

    /// Keeps a pod of an object whose pods go before anybody can ask about them.
    pub(super) fn keep_pod(&mut self, pod: &Value) {
        let is_own = || {
            let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.into_iter().flatten().any(|owner| owner["uid"].as_str() == self.uid.as_deref())
        };
        let has_ended = || {
            let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
            // One that was restarted runs again for a moment, which tells nothing of why it will not for long.
            statuses.into_iter().flatten().any(|status| {
                let is_in = |part: &str, state: &str| status[part].get(state).is_some_and(Value::is_object);
                is_in("state", "terminated") || (is_in("state", "waiting") && is_in("lastState", "terminated"))
            })
        };
        let Some(uid) = text(pod, "uid") else { return };
        let is_going = text(pod, "deletionTimestamp").is_some();
        if self.loses_its_pods && !is_going && is_own() && has_ended() && self.pods.len() < MOST_PODS {
            self.pods.insert(uid.to_owned(), pod.clone());
        }
    }

    /// Takes in what was found out, and returns what is to be told where it says more than what was told before.
    pub(super) fn news(&mut self, cause: Option<&Cause>, now: Duration) -> Option<Readiness> {
        let seen = cause.and_then(trouble);
        if seen.as_ref() != self.trouble.as_ref().map(|(first, _)| first) {
            self.trouble = seen.map(|seen| (seen, now));
        }
        self.cause = cause.cloned();
        if let Some(below) = cause.filter(|cause| cause.container.is_some()) {
            self.seen_below = Some(below.clone());
        }
        let summary = cause.map(|cause| cause.summary.as_str()).filter(|summary| !summary.is_empty())?;
        let last = self.last.as_ref();
        let says_nothing_new = last.is_some_and(|last| last.message == summary || last.reason == summary);
        if says_nothing_new || self.told.as_deref() == Some(summary) {
            return None;
        }
        self.told = Some(summary.to_owned());
        let container = cause.and_then(|cause| cause.container.as_ref()).map(|container| container.reason.as_str());
        let reason = container.or(last.map(|last| last.reason.as_str())).unwrap_or_default().to_owned();
        let message = match last.map(|last| last.message.as_str()).filter(|words| !words.is_empty()) {
            Some(words) => format!("{words}: {summary}"),
            None => summary.to_owned(),
        };
        let state = last.map_or(ReadyState::InProgress, |last| last.state);
        Some(Readiness { state, reason, message })
    }
}

impl Machine<'_> {
    /// Sees how far an object has come, and acts on it.
    pub(super) fn consider(&mut self, position: usize, object: Value) {
        self.saw(position, Some(&object));
        self.assess(position, object);
    }

    /// Does what [`consider`](Self::consider) does with an object that was seen before.
    pub(super) fn assess(&mut self, position: usize, object: Value) {
        let change = self.change(position);
        let (mut surroundings, question) = self.surround.about(&change.kind, &object);
        surroundings.is_operator_pending = self.is_operator_pending(position);
        let mut readiness = assess(&change.kind, &object, change.wait.ready_when.as_ref(), &surroundings);
        if readiness.state == ReadyState::Failed && self.is_older_than_this_run(position, &object) {
            // What this run wrote may be what mends it.
            readiness.state = ReadyState::InProgress;
            readiness.message = format!("it failed before this run changed something: {}", readiness.message);
        }
        if readiness.state == ReadyState::Current {
            if is_completed_job(change, &object)
                && let Some(entry) = self.inventory.entries.get_mut(&change.id)
            {
                entry.completed = true;
            }
            let note = readiness.is_noteworthy().then(|| readiness.message.clone());
            match self.must_be_watched(position, &object) {
                true => self.watch_availability(position, &object, note, readiness),
                false => self.ready(position, note),
            }
            return;
        }
        if self.halt != Halt::None {
            self.give_up(position);
            return;
        }
        self.wait(position, Goal::Ready, change.wait.limits.ready, &object);
        let has_failed = readiness.state == ReadyState::Failed;
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        let is_news = waiting.last.as_ref() != Some(&readiness);
        let is_first = waiting.last.is_none();
        waiting.last = Some(readiness.clone());
        waiting.steady_since = None;
        waiting.waits_for_operator = surroundings.is_operator_pending;
        if is_news {
            // Why that is so may have changed with it.
            waiting.told = None;
            waiting.is_stirred = true;
            let limit = waiting.limit;
            if is_first && limit > self.options.timeout {
                readiness.message = format!("{} (waits up to {})", readiness.message, failure::seconds(limit));
            }
            self.tell(Event::Waiting { id: change.id.clone(), readiness });
        }
        if has_failed {
            self.examine(position, Why::SaysFailed);
        }
        if let Some(question) = question.filter(|question| self.asked.insert(question.clone())) {
            self.effects.push(Effect::FindOut(question, position, Box::new(object)));
        }
    }

    /// Whether an object began to fail before this run last wrote what may mend it: the object, what it depends on, or the quotas and
    /// limits of its namespace. All times are the server's.
    fn is_older_than_this_run(&self, position: usize, object: &Value) -> bool {
        let change = self.change(position);
        let Some(failed) = failed_since(object).filter(|_| !change.id.is("batch", "Job")) else {
            // Nothing brings a Job that failed to run again, whatever of what it needs was repaired.
            return false;
        };
        let mends = |id: &ResourceId| {
            let is_needed = || self.plan.edges.iter().any(|edge| edge.dependent == change.id && edge.on == *id);
            let is_bound = matches!(id.kind.as_str(), "ResourceQuota" | "LimitRange") && id.group.is_empty();
            *id == change.id || (is_bound && id.namespace == change.id.namespace) || is_needed()
        };
        let written = self.plan.changes.iter().zip(&self.states).filter_map(|(change, state)| {
            let time = state.written?;
            mends(&change.id).then_some(time)
        });
        // The server's times are whole seconds. Nothing fails in the second in which it was written: a deadline is a second at least.
        written.max().is_some_and(|written| failed <= written)
    }

    /// Looks at everything that is waited for again, because more is known about surroundings.
    pub(super) fn reconsider(&mut self) {
        for position in 0..self.states.len() {
            let Progress::Waiting(waiting) = &self.states[position].progress else { continue };
            if waiting.goal == Goal::Ready {
                self.reassess(position);
            }
        }
    }

    fn reassess(&mut self, position: usize) {
        if let Some(object) = self.live(position) {
            self.assess(position, object);
        }
    }

    pub(super) fn ready(&mut self, position: usize, note: Option<String>) {
        let change = self.change(position);
        let was_waiting = matches!(self.states[position].progress, Progress::Waiting(_));
        if was_waiting || change.action != Action::Unchanged {
            self.states[position].ready_at = Some(self.now);
        }
        self.states[position].progress = Progress::Ended;
        self.schedule.reached(&change.id, Strength::Ready);
        if was_waiting || change.action != Action::Unchanged {
            self.tell(Event::Ready { id: change.id.clone(), after: self.after(position), note });
            self.end(position, Outcome::Done);
        }
        if was_waiting {
            self.close_watches();
        }
    }

    /// Waits until an object that is being deleted is gone.
    pub(super) fn wait_until_gone(&mut self, position: usize, goal: Goal, object: &Value) {
        let goes_on = goal == Goal::GoneToMakeAnew && self.halt == Halt::Finish;
        self.wait(position, goal, self.change(position).wait.limits.delete, object);
        if self.halt != Halt::None && !goes_on {
            self.give_up(position);
            return;
        }
        self.saw(position, Some(object));
    }

    /// Begins to wait, or takes the newer state of what is waited for in.
    pub(super) fn wait(&mut self, position: usize, goal: Goal, limit: Option<Duration>, object: &Value) {
        if let Progress::Waiting(waiting) = &mut self.states[position].progress {
            waiting.version = version(object).max(waiting.version);
            return;
        }
        let change = self.change(position);
        let id = &change.id;
        let now = self.now;
        let loses_its_pods = loses_its_pods(change, object);
        let mut waiting = Waiting {
            goal,
            last: None,
            limit: limit.unwrap_or_else(|| self.limit(goal, position, object)),
            examined: None,
            uid: text(object, "uid").map(str::to_owned),
            version: version(object),
            since: now,
            selector: selector_of(&LiveObject { id: id.clone(), object: Sensitive::new(object.clone()) }),
            loses_its_pods,
            is_slow: false,
            is_stirred: true,
            looked: now,
            pause: LOOKS.0,
            trouble: None,
            cause: None,
            pods: BTreeMap::new(),
            seen_below: None,
            steady_since: None,
            note: None,
            waits_for_operator: false,
            told: None,
            read: None,
        };
        let is_labelled = object.pointer("/metadata/labels").and_then(|labels| labels.get(PART_OF_LABEL)).is_some();
        let purpose = Purpose::Objects(change.kind.clone(), id.namespace.clone());
        // What a watch has begun after, or has passed by already, it does not tell again.
        let is_missed = self.watching.begun_at(&purpose).is_some_and(|begun| version(object) < begun);
        let scope = Scope {
            kind: change.kind.clone(),
            namespace: id.namespace.clone(),
            labels: Some(format!("{PART_OF_LABEL}={}", self.plan.place.set_id)),
            fields: None,
        };
        let from = text(object, "resourceVersion").map(str::to_owned);
        let is_watched = is_labelled && self.open(purpose, scope, from, version(object));
        if !is_watched {
            waiting.read = Some((now + READS.0, Some(READS.0)));
        } else if is_missed || change.action == Action::Unchanged {
            waiting.read = Some((now, None));
        }
        self.states[position].progress = Progress::Waiting(Box::new(waiting));
    }

    /// Opens a watch, unless it is open already. Returns whether there is one now.
    fn open(&mut self, purpose: Purpose, scope: Scope, from: Option<String>, begun_at: u64) -> bool {
        match self.watching.want(&purpose, scope.labels.as_deref(), begun_at) {
            Opening::Forbidden => false,
            Opening::Open => true,
            Opening::New => {
                self.effects.push(Effect::Open { purpose, scope, from });
                true
            }
        }
    }

    /// Looks at the clock.
    pub(super) fn tick(&mut self) {
        if self.halt == Halt::None && self.options.total.is_some_and(|total| self.now >= total) {
            self.has_failed = true;
            self.halt(Halt::TimeUp);
            return;
        }
        for position in 0..self.states.len() {
            self.look_at_the_clock(position);
        }
    }

    fn look_at_the_clock(&mut self, position: usize) {
        let now = self.now;
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        if now >= waiting.since + waiting.limit {
            // What is available has come in time, unless its pods keep failing.
            let why = if waiting.steady_since.is_some() { Why::Steady } else { Why::TooLate };
            return self.examine(position, why);
        }
        if let Some((_, pause)) = waiting.read.filter(|(at, _)| now >= *at) {
            waiting.read = pause.map(|pause| (now + pause, Some((pause * 2).min(READS.1))));
            self.effects.push(Effect::Read(position));
        }
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        if waiting.steady_since.is_some_and(|since| now >= since + WATCHED_FOR) {
            return self.examine(position, Why::Steady);
        }
        if waiting.waits_for_operator && !self.is_operator_pending(position) {
            return self.reassess(position);
        }
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        if !waiting.is_slow && waiting.steady_since.is_none() && (waiting.loses_its_pods || now >= waiting.since + SLOW)
        {
            waiting.is_slow = true;
            // What goes says itself what holds it.
            if waiting.goal == Goal::Ready {
                self.watch_surroundings(position);
            }
        }
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        // What is wrong may last without anything happening.
        let limit = waiting.cause.as_ref().map(lasting).unwrap_or_default();
        waiting.is_stirred |= waiting.trouble.as_ref().is_some_and(|(_, since)| now >= *since + limit);
        if waiting.is_slow && waiting.is_stirred && now >= waiting.looked + waiting.pause {
            waiting.pause = (waiting.pause * 3 / 2).min(LOOKS.1);
            self.examine(position, Why::Stirred);
        }
    }

    /// Watches the pods of a slow workload, and the warnings around any slow object.
    fn watch_surroundings(&mut self, position: usize) {
        let Some(namespace) = self.change(position).id.namespace.clone() else { return };
        let warnings = Scope {
            kind: ApiKind::core("Event", "events"),
            namespace: Some(namespace.clone()),
            labels: None,
            fields: Some("type=Warning".to_owned()),
        };
        self.open(Purpose::Warnings(namespace.clone()), warnings, None, 0);
        let Progress::Waiting(waiting) = &self.states[position].progress else { return };
        let Some(selector) = waiting.selector.clone() else { return };
        let purpose = Purpose::Pods(namespace.clone());
        // One watch for a namespace: of one workload's pods while only one is slow, of all pods from then on.
        let labels = match self.watching.labels(&purpose) {
            None => Some(selector),
            Some(open) if open.as_deref() == Some(selector.as_str()) => Some(selector),
            Some(_) => None,
        };
        let pods = Scope { kind: ApiKind::core("Pod", "pods"), namespace: Some(namespace), labels, fields: None };
        self.open(purpose, pods, None, 0);
    }

    /// Looks into an object that is not ready, or not gone.
    fn examine(&mut self, position: usize, why: Why) {
        let Some(object) = self.live(position) else { return };
        let now = self.now;
        let Progress::Waiting(waiting) = &mut self.states[position].progress else { return };
        if waiting.examined.is_some() {
            return;
        }
        waiting.examined = Some(why);
        waiting.is_stirred = false;
        waiting.looked = now;
        let state = Readiness { state: ReadyState::InProgress, reason: String::new(), message: String::new() };
        let readiness = match (why, waiting.last.clone()) {
            (Why::Steady, last) => Readiness { state: ReadyState::Current, ..last.unwrap_or(state) },
            (_, last) => last.unwrap_or(state),
        };
        let pods = waiting.pods.values().cloned().collect();
        self.effects.push(Effect::Examine(position, Box::new(object), readiness, pods));
    }

    /// Closes watches that nobody waits for.
    pub(super) fn close_watches(&mut self) {
        let waiting: Vec<(&Change, bool)> = self
            .plan
            .changes
            .iter()
            .zip(&self.states)
            .filter_map(|(change, state)| match &state.progress {
                Progress::Waiting(waiting) => Some((change, waiting.is_slow)),
                _ => None,
            })
            .collect();
        let closed = self.watching.keep(|purpose| match purpose {
            Purpose::Objects(kind, namespace) => {
                waiting.iter().any(|(change, _)| change.kind == *kind && change.id.namespace == *namespace)
            }
            Purpose::Pods(namespace) | Purpose::Warnings(namespace) => {
                waiting.iter().any(|(change, is_slow)| *is_slow && change.id.namespace.as_ref() == Some(namespace))
            }
        });
        self.effects.extend(closed.into_iter().map(Effect::Close));
    }
}

/// Whether it is a Job that deletes the pod whose containers it restarted when it gives up.
fn loses_its_pods(change: &Change, object: &Value) -> bool {
    change.id.is("batch", "Job")
        && object.pointer("/spec/template/spec/restartPolicy").and_then(Value::as_str) == Some("OnFailure")
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
