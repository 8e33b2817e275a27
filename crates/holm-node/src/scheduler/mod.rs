//! What kube-scheduler does with a pod that is on no node yet.
//!
//! From `k8s.io/kubernetes`, `pkg/scheduler`: the filters of the default profile that are listed in the crate's documentation, in
//! their order, and the texts of `framework/types.go` (`FitError`). Of the nodes that pass, the one with the fewest pods is taken.

mod affinity;
mod filter;
pub(crate) mod requests;
mod volumes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::action::{Action, Decision, Waits};
use crate::event::{Event, Source};
use crate::kubelet::order::{Mode, Order};
use crate::object::{self, is_deleting, list, name, namespace, number, text, timestamp, uid};
use crate::resource::Resource;
use crate::world::World;
use filter::Refusal;
use volumes::Claims;

const MANAGER: &str = "kube-scheduler";
const GATED: &str = "SchedulingGated";

/// Decides what to do for a pod that has no node. When it binds the pod, the node is the second of the pair.
pub(crate) fn decide(pod: &Value, world: &World, now: i64) -> (Decision, Option<String>) {
    let scheduler = text(pod, &["spec", "schedulerName"]);
    if is_deleting(pod) || !matches!(scheduler, "" | "default-scheduler") {
        return (Decision::default(), None);
    }
    if list(pod, &["spec", "schedulingGates"]).next().is_some() {
        return (gated(pod, now), None);
    }
    match place(pod, world) {
        Ok((node, claims)) => {
            let writes = claims.writes(&node, world);
            if claims.are_bound() {
                (Decision::act(bind(pod, &node)), Some(node))
            } else {
                (Decision { actions: writes, waits: Waits::Scheduling, next: None }, None)
            }
        }
        Err(message) => (refuse(pod, &message, now), None),
    }
}

/// The node for a pod with the claims that it brings, or why there is none.
fn place<'a>(pod: &'a Value, world: &'a World) -> Result<(String, Claims<'a>), String> {
    let nodes: Vec<&Value> = world.all(Resource::Nodes).map(|(_, node)| &**node).collect();
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".to_owned());
    }
    let none = format!("0/{} nodes are available:", nodes.len());
    // The end is that of the scheduler: with the claims it has not come to look for victims of a preemption.
    let claims = Claims::of(pod, world).map_err(|problem| format!("{none} {problem}. not found"))?;
    let forbidden = Order::of(pod).is_some_and(|order| order.mode == Mode::Unschedulable);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut hopeless = 0;
    let mut best: Option<(i128, &str)> = None;
    for node in &nodes {
        let refusal = if forbidden {
            Some(Refusal::final_one(filter::AFFINITY))
        } else {
            filter::refusal(pod, node, world).or_else(|| claims.refusal(node))
        };
        match refusal {
            None => {
                let pods = world.used(name(node)).map_or(0, |used| used.amount("pods"));
                // Nodes come by name, so the first of equals stays.
                if best.is_none_or(|(fewest, _)| pods < fewest) {
                    best = Some((pods, name(node)));
                }
            }
            Some(refusal) => {
                hopeless += usize::from(refusal.is_final);
                for reason in refusal.reasons {
                    *reasons.entry(reason).or_default() += 1;
                }
            }
        }
    }
    if let Some((_, node)) = best {
        return Ok((node.to_owned(), claims));
    }
    let mut victims: BTreeMap<String, usize> = BTreeMap::new();
    for (reason, count) in [
        ("Preemption is not helpful for scheduling", hopeless),
        ("No preemption victims found for incoming pod", nodes.len() - hopeless),
    ] {
        if count > 0 {
            victims.insert(reason.to_owned(), count);
        }
    }
    Err(format!("{none} {}. preemption: {none} {}.", histogram(&reasons), histogram(&victims)))
}

/// How often each reason counts, in the order of the texts.
fn histogram(reasons: &BTreeMap<String, usize>) -> String {
    let mut texts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    texts.join(", ")
}

fn bind(pod: &Value, node: &str) -> Vec<Action> {
    let message = format!("Successfully assigned {}/{} to {node}", namespace(pod), name(pod));
    vec![
        Action::Bind {
            namespace: namespace(pod).to_owned(),
            name: name(pod).to_owned(),
            uid: uid(pod).to_owned(),
            node: node.to_owned(),
        },
        Action::Event(Event::about("Pod", pod, Source::Scheduler { action: "Binding" }, "Scheduled", message)),
    ]
}

/// Says that a pod is not to be scheduled yet. A real API server says it by itself.
fn gated(pod: &Value, now: i64) -> Decision {
    let condition = object::condition(pod, "PodScheduled");
    if condition.is_some_and(|condition| text(condition, &["reason"]) == GATED) {
        return Decision::default();
    }
    let message = "Scheduling is blocked due to non-empty scheduling gates";
    Decision::act(vec![unscheduled(pod, GATED, message, now)])
}

/// Says once why a pod has no node, and waits for a change.
fn refuse(pod: &Value, message: &str, now: i64) -> Decision {
    let known = object::condition(pod, "PodScheduled");
    if known.is_some_and(|known| text(known, &["message"]) == message && text(known, &["status"]) == "False") {
        return Decision { waits: Waits::Scheduling, ..Decision::default() };
    }
    let source = Source::Scheduler { action: "Scheduling" };
    let event = Event::about("Pod", pod, source, "FailedScheduling", message).warning();
    let actions = vec![Action::Event(event), unscheduled(pod, "Unschedulable", message, now)];
    Decision { actions, waits: Waits::Scheduling, next: None }
}

fn unscheduled(pod: &Value, reason: &str, message: &str, now: i64) -> Action {
    let known = object::condition(pod, "PodScheduled").filter(|known| text(known, &["status"]) == "False");
    let since = known.map(|known| text(known, &["lastTransitionTime"])).filter(|since| !since.is_empty());
    let mut condition = json!({
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message, "lastProbeTime": null,
        "lastTransitionTime": since.map_or_else(|| timestamp(now), str::to_owned),
    });
    // What a real API server says of gates itself has no generation.
    if let Some(generation) = number(pod, &["metadata", "generation"]).filter(|_| reason != GATED) {
        condition["observedGeneration"] = json!(generation);
    }
    Action::Patch {
        resource: Resource::Pods,
        namespace: namespace(pod).to_owned(),
        name: name(pod).to_owned(),
        uid: uid(pod).to_owned(),
        subresource: "status",
        body: json!({"status": {"conditions": [condition]}}),
        manager: MANAGER.to_owned(),
    }
}
