//! What a run calls failed: messages in, effects out, without a server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use holm_core::{ApiKind, ResourceId, Strength, catalog};
use holm_executor::event::{Event, Outcome};
use holm_executor::{ApplyOptions, Effect, End, Machine, Message, Surround, Written};
use holm_planner::Packed;
use holm_planner::inventory::{Entry, InventoryPlace};
use holm_planner::plan::{Action, Change, Edge, Plan, Reason};
use holm_readiness::Surroundings;
use serde_json::{Value, json};

struct NoSurroundings;

impl Surround for NoSurroundings {
    fn about(&self, _: &ApiKind, _: &Value) -> (Surroundings, Option<String>) {
        (Surroundings::default(), None)
    }
}

const WRITTEN: &str = "2026-01-01T00:10:00Z";

fn change(group: &str, kind: &str, action: Action) -> Change {
    let id = ResourceId::new(group, kind, Some("n"), "x");
    let kind = catalog::preferred(&id.group_kind()).unwrap();
    let mut change = Change::new(id, kind.clone(), action, Reason::Declaration);
    change.uid = Some("u".to_owned());
    change.entry = Some(Entry::of(kind));
    change.desired = action.is_write().then(|| json!({"metadata": {"name": "x"}}).into());
    change
}

/// A Deployment whose rollout ran into its deadline at this time.
fn failed(since: &str) -> Value {
    json!({
        "metadata": {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": "5", "generation": 1,
            "labels": {"applyset.kubernetes.io/part-of": InventoryPlace::of("p", "s", Some("n")).set_id}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "x"}}},
        "status": {"observedGeneration": 1, "conditions": [{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": since,
        }]},
    })
}

/// An object as it is after this run wrote it.
fn written(id: &ResourceId) -> Value {
    json!({"metadata": {"name": id.name, "namespace": "n", "uid": "u", "resourceVersion": "4", "managedFields": [
        {"manager": "holm.p.s", "operation": "Apply", "time": WRITTEN, "fieldsV1": {"f:spec": {}}},
    ]}})
}

/// Plays a run over a Deployment that failed `since`, in which `other` is written. Returns what is told of the Deployment, and its
/// outcome where there is one before any time has passed.
fn play(since: &str, other: Change, edges: Vec<Edge>) -> (Vec<String>, Option<String>) {
    let deployment = change("apps", "Deployment", Action::Unchanged);
    let mut plan = Plan::new("p", "s", Some("n"));
    plan.live.insert(deployment.id.clone(), Packed::of(&failed(since)));
    plan.edges = edges;
    plan.changes = vec![other, deployment];
    let mut machine = Machine::new(&plan, &ApplyOptions::default(), &NoSurroundings);
    let (mut told, mut outcome) = (Vec::new(), None);
    let mut messages = vec![Message::Begin];
    while let Some(message) = messages.pop() {
        for effect in machine.handle(Duration::from_millis(10), message) {
            match effect {
                Effect::WriteIntent(_) => messages.push(Message::IntentWritten(Ok(()))),
                Effect::Write(write) => {
                    let id = &plan.changes[write.position].id;
                    let answer = Written { object: written(id), was_there: true };
                    messages.push(Message::Written(write.position, Ok(answer)));
                }
                Effect::Examine(position, ..) => messages.push(Message::Examined(position, None)),
                Effect::Record(_) => messages.push(Message::Recorded(Ok(()))),
                Effect::Tell(Event::Waiting { readiness, .. }) => {
                    told.push(format!("{}: {}", readiness.state, readiness.message));
                }
                Effect::End(end) => {
                    let End::Report(report) = *end else { panic!("{end:?}") };
                    outcome = report.outcomes.into_iter().find(|(id, ..)| id.kind == "Deployment").map(
                        |(_, _, outcome, _)| match outcome {
                            Outcome::Failed(failure) => failure.message,
                            other => format!("{other:?}"),
                        },
                    );
                }
                _ => {}
            }
        }
    }
    (told, outcome)
}

#[test]
fn a_failure_older_than_what_may_mend_it_is_no_verdict_and_a_later_one_is() {
    let quota = || change("", "ResourceQuota", Action::Update);
    let config = || change("", "ConfigMap", Action::Update);
    let edge = |on: &Change| Edge {
        dependent: ResourceId::new("apps", "Deployment", Some("n"), "x"),
        on: on.id.clone(),
        strength: Strength::Exists,
    };
    let (before, after) = ("2026-01-01T00:00:00Z", "2026-01-01T00:20:00Z");
    // The quota of its namespace, and what it reads, may mend it.
    for (other, edges) in [(quota(), Vec::new()), (config(), vec![edge(&config())])] {
        // The write is answered before the Deployment is looked at, because that waits for it or comes later.
        let (told, outcome) = play(before, other.clone(), [edges.clone(), vec![edge(&other)]].concat());
        assert!(
            told.last().unwrap().starts_with("InProgress: it failed before this run changed something"),
            "{told:?}"
        );
        assert_eq!(outcome, None, "it is waited for");
        let (_, outcome) = play(after, other.clone(), [edges, vec![edge(&other)]].concat());
        assert!(outcome.unwrap().starts_with("it will not become ready"));
    }
    // A ConfigMap that it does not read mends nothing.
    let (_, outcome) = play(before, config(), Vec::new());
    assert!(outcome.unwrap().starts_with("it will not become ready"));
}
