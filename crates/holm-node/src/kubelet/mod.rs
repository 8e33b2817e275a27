//! What the kubelet of a node does with a pod: which step comes next, when, and what is written then.
//!
//! A pod moves on in steps, each with a delay; the delays are shorter than those of a real node and their order is the same. The
//! conditions of a step are read from the pod itself, so that a node that is started again goes on where the last one stopped.

pub(crate) mod containers;
pub(crate) mod needs;
pub(crate) mod order;
mod probes;
pub(crate) mod status;
mod write;

use serde_json::Value;

use crate::action::{Decision, Memory, Waits};
use crate::object::{self, at, is_deleting, list, number, text};
use crate::world::World;
use containers::{has_begun, old_status};
use needs::MountProblem;
use order::{Mode, Order};
use write::Writer;

/// A node, as its kubelet sees itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host<'a> {
    pub name: &'a str,
    pub address: &'a str,
}

/// How long a container runs before it crashes.
const UNTIL_CRASH: i64 = 500;
/// How long the first restart takes, and the step from a crash to its back-off.
const AT_ONCE: i64 = 100;
/// How long a crashed container waits for its next start.
const CRASH_BACK_OFF: i64 = 3_000;
/// How long a failed pull waits for its back-off, and a back-off for the next pull.
const UNTIL_PULL_BACK_OFF: i64 = 500;
const PULL_BACK_OFF: i64 = 15_000;
/// How long a pod runs that takes too much of the node's disk.
const UNTIL_EVICTION: i64 = 1_000;
/// How long a slow container takes to be ready, or to end.
const SLOW: i64 = 3_000;
/// How long a pod runs that is to end.
const UNTIL_DONE: i64 = 100;
/// How long a container that could not be made waits for another try, at first and then.
const CONFIG_RETRY: [i64; 2] = [1_500, 15_000];
/// How long a volume that could not be mounted waits for another try: twice as long each time, up to this.
const MOUNT_RETRY: i64 = 500;
const LONGEST_MOUNT_RETRY: i64 = 122_000;

/// What comes next for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The pod is told to stop: its containers are killed, and then it goes.
    Stop {
        delay: i64,
        remove: bool,
    },
    /// Volumes cannot be mounted.
    Mount(Vec<MountProblem>),
    /// The status is made anew: containers start that can, and conditions follow what they depend on.
    Sync,
    /// Containers cannot be made, for the reason that the status has already.
    CannotBeMade,
    PullFails {
        delay: i64,
    },
    PullBacksOff,
    Crash,
    Restart {
        delay: i64,
    },
    CrashBacksOff,
    BecomeReady,
    ProbeFails {
        delay: i64,
    },
    Complete,
    /// The pod takes more of the node's disk than it may.
    Evict,
}

/// Decides what to do for a pod of this node.
pub(crate) fn decide(pod: &Value, world: &World, host: Host<'_>, memory: &mut Memory, now: i64) -> Decision {
    let Some(step) = next(pod, world) else { return Decision::default() };
    let waits = match step {
        Step::Mount(_) | Step::CannotBeMade => Waits::Namespace,
        _ => Waits::No,
    };
    let due = memory.due(&format!("{step:?}"), now, |visits| step.delay(visits));
    if due > now {
        return Decision { waits, ..Decision::at(due) };
    }
    let visits = memory.visits;
    memory.done(now);
    let order = Order::of(pod);
    let writer = Writer { pod, world, host, order: order.as_ref(), address: &memory.address, now };
    Decision { actions: writer.write(&step, visits), next: None, waits }
}

/// The first step whose conditions the pod meets.
fn next(pod: &Value, world: &World) -> Option<Step> {
    let order = Order::of(pod);
    let mode = order.as_ref().map(|order| order.mode);
    let phase = text(pod, &["status", "phase"]);
    let is_over = matches!(phase, "Succeeded" | "Failed");
    if is_deleting(pod) {
        return stop(pod, mode, is_over);
    }
    if is_over {
        return None;
    }
    let has_started = at(pod, &["status", "startTime"]).is_some();
    let has_sandbox = has_started && !text(pod, &["status", "podIP"]).is_empty();
    if !has_sandbox {
        let problems = needs::mount_problems(pod, world);
        return Some(if problems.is_empty() { Step::Sync } else { Step::Mount(problems) });
    }
    let failing = order.as_ref().and_then(|order| old_status(pod, &order.container));
    if let (Some(mode), Some(status)) = (mode, failing)
        && let Some(step) = ordered(pod, mode, status)
    {
        return Some(step);
    }
    if let Some(step) = unmade(pod, world, order.as_ref()) {
        return Some(step);
    }
    if is_stale(pod) {
        return Some(Step::Sync);
    }
    // Whoever does not want a container started again when it has succeeded expects that it does: a Job, a test of a chart.
    let restarts = matches!(text(pod, &["spec", "restartPolicy"]), "Always" | "");
    let ends = !restarts && mode.is_none_or(|mode| !mode.crashes() && mode != Mode::JobHang);
    let all_ready = list(pod, &["status", "containerStatuses"]).all(|status| object::is_true(status, &["ready"]));
    (ends && all_ready && phase == "Running").then_some(Step::Complete)
}

/// The end of a pod that is being deleted.
fn stop(pod: &Value, mode: Option<Mode>, is_over: bool) -> Option<Step> {
    let grace = number(pod, &["metadata", "deletionGracePeriodSeconds"]).unwrap_or_default();
    let is_held = object::has_finalizers(pod);
    if is_held && grace == 0 && is_over {
        // It goes when the last finalizer does.
        return None;
    }
    let delay = if mode == Some(Mode::SlowStop) && !is_over { SLOW.min(grace.saturating_mul(1000)) } else { 0 };
    // Who holds a pod wants to see how it ended: a Job counts it by its phase.
    Some(Step::Stop { delay, remove: is_over || !is_held })
}

/// What a pod that is to fail does next.
fn ordered(pod: &Value, mode: Mode, status: &Value) -> Option<Step> {
    let waits_for = text(status, &["state", "waiting", "reason"]);
    let runs = at(status, &["state", "running"]).is_some();
    let has_ended = at(status, &["state", "terminated"]).is_some();
    let restarts = number(status, &["restartCount"]).unwrap_or_default();
    let is_ready = object::is_true(status, &["ready"]);
    match mode {
        mode if mode.fails_to_pull() && waits_for == "ErrImagePull" => Some(Step::PullBacksOff),
        mode if mode.fails_to_pull() && waits_for == "ImagePullBackOff" => {
            Some(Step::PullFails { delay: PULL_BACK_OFF })
        }
        Mode::Evict if runs => Some(Step::Evict),
        Mode::Slow if runs && !is_ready => Some(Step::BecomeReady),
        Mode::NeverReady if runs => Some(Step::ProbeFails { delay: probe_period(pod, text(status, &["name"])) }),
        mode if mode.crashes() => match (runs, has_ended, waits_for) {
            (true, _, _) => Some(Step::Crash),
            (_, true, _) if restarts == 0 => Some(Step::Restart { delay: AT_ONCE }),
            (_, true, _) => Some(Step::CrashBacksOff),
            (_, _, "CrashLoopBackOff") => Some(Step::Restart { delay: CRASH_BACK_OFF }),
            _ => None,
        },
        _ => None,
    }
}

/// How often a container's readiness is probed; its initial delay does not count here.
fn probe_period(pod: &Value, container: &str) -> i64 {
    let mut containers = list(pod, &["spec", "containers"]);
    let found = containers.find(|found| text(found, &["name"]) == container);
    let period = found.and_then(|found| number(found, &["readinessProbe", "periodSeconds"]));
    period.unwrap_or(10).max(1).saturating_mul(1000)
}

/// Containers that have not begun: whether what they lacked is there now.
fn unmade(pod: &Value, world: &World, order: Option<&Order>) -> Option<Step> {
    let statuses = list(pod, &["status", "initContainerStatuses"]).chain(list(pod, &["status", "containerStatuses"]));
    let waiting: Vec<&Value> = statuses.filter(|status| !has_begun(status)).collect();
    let blocked = waiting.iter().find(|status| text(status, &["state", "waiting", "reason"]) != CONFIG_ERROR);
    let failed = || waiting.iter().filter(|status| text(status, &["state", "waiting", "reason"]) == CONFIG_ERROR);
    if failed().next().is_none() {
        // Behind an init container that is under way, or that fails in another way.
        return blocked.filter(|_| !init_blocks(pod)).map(|_| Step::Sync);
    }
    let problems = write::config_problems(pod, world, order);
    let is_new = |status: &&Value| {
        let problem = problems.get(text(status, &["name"])).map(String::as_str).unwrap_or_default();
        text(status, &["state", "waiting", "message"]) != problem
    };
    Some(if failed().any(is_new) { Step::Sync } else { Step::CannotBeMade })
}

const CONFIG_ERROR: &str = "CreateContainerConfigError";

/// Whether an init container keeps the others from starting.
fn init_blocks(pod: &Value) -> bool {
    list(pod, &["status", "initContainerStatuses"]).any(|status| {
        let completed = number(status, &["state", "terminated", "exitCode"]) == Some(0);
        has_begun(status) && !completed && !object::is_true(status, &["ready"])
    })
}

/// Whether the status says something that is no longer so: readiness gates, or a newer generation.
fn is_stale(pod: &Value) -> bool {
    let observed = number(pod, &["status", "observedGeneration"]);
    if observed.is_some() && observed != number(pod, &["metadata", "generation"]) {
        return true;
    }
    if list(pod, &["spec", "readinessGates"]).next().is_none() {
        return false;
    }
    let holds = |kind: &str| object::condition(pod, kind).is_some_and(|found| text(found, &["status"]) == "True");
    let mut gates = list(pod, &["spec", "readinessGates"]);
    let should = holds("ContainersReady") && gates.all(|gate| holds(text(gate, &["conditionType"])));
    should != holds("Ready")
}

impl Step {
    /// How long the pod waits for it, when it has been done `visits` times already.
    fn delay(&self, visits: u32) -> i64 {
        match self {
            // What is killed is said at once.
            Self::Stop { delay, .. } if visits > 0 => *delay,
            Self::Stop { .. } | Self::Sync => 0,
            Self::Mount(_) if visits == 0 => 0,
            Self::Mount(_) => MOUNT_RETRY.saturating_mul(1 << visits.min(10)).min(LONGEST_MOUNT_RETRY),
            Self::CannotBeMade => CONFIG_RETRY[usize::from(visits > 0)],
            Self::PullFails { delay } | Self::Restart { delay } | Self::ProbeFails { delay } => *delay,
            Self::PullBacksOff => UNTIL_PULL_BACK_OFF,
            Self::Crash => UNTIL_CRASH,
            Self::CrashBacksOff => AT_ONCE,
            Self::BecomeReady => SLOW,
            Self::Complete => UNTIL_DONE,
            Self::Evict => UNTIL_EVICTION,
        }
    }
}
