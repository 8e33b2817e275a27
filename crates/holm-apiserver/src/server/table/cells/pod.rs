//! The row of a pod, which says in one word how it is (`printPod`).

use holm_values::Timestamp;
use serde_json::{Value, json};

use super::Shown;
use crate::object::{at, text_at};

/// What the containers of a pod come to.
#[derive(Default)]
struct Sum {
    reason: String,
    restarts: i64,
    last_restart: Option<Timestamp>,
    ready: usize,
    total: usize,
}

pub(super) fn cells(shown: Shown<'_>) -> Vec<Value> {
    let sum = sum(shown);
    let restarts = match sum.last_restart {
        Some(last) if sum.restarts > 0 => {
            format!("{} ({} ago)", sum.restarts, super::human(shown.now.0 - last.0))
        }
        _ => sum.restarts.to_string(),
    };
    let address = shown.items(&["status", "podIPs"]).next().map_or("", |first| text_at(first, &["ip"]));
    let gates: Vec<&str> =
        shown.items(&["spec", "readinessGates"]).map(|gate| text_at(gate, &["conditionType"])).collect();
    let open = gates.iter().filter(|gate| shown.condition(gate) == "True").count();
    vec![
        shown.name(),
        json!(format!("{}/{}", sum.ready, sum.total)),
        json!(sum.reason),
        json!(restarts),
        shown.age(),
        json!(super::or(address, "<none>")),
        shown.or(&["spec", "nodeName"], "<none>"),
        shown.or(&["status", "nominatedNodeName"], "<none>"),
        json!(if gates.is_empty() { "<none>".to_owned() } else { format!("{open}/{}", gates.len()) }),
    ]
}

fn sum(shown: Shown<'_>) -> Sum {
    let phase = shown.text(&["status", "phase"]);
    let mut sum = Sum { reason: super::or(shown.text(&["status", "reason"]), phase), ..Sum::default() };
    let gated = shown.items(&["status", "conditions"]).any(|condition| {
        text_at(condition, &["type"]) == "PodScheduled" && text_at(condition, &["reason"]) == "SchedulingGated"
    });
    if gated {
        "SchedulingGated".clone_into(&mut sum.reason);
    }
    let sidecars: Vec<&str> = shown
        .items(&["spec", "initContainers"])
        .filter(|container| text_at(container, &["restartPolicy"]) == "Always")
        .map(|container| text_at(container, &["name"]))
        .collect();
    sum.total = shown.count(&["spec", "containers"]) + sidecars.len();
    let sidecar_restarts = initial(shown, &sidecars, &mut sum);
    if sidecar_restarts.is_none() || shown.condition("Initialized") == "True" {
        let restarts = sidecar_restarts.unwrap_or_else(|| restarts_of(shown, &sidecars));
        (sum.restarts, sum.last_restart) = restarts;
        running(shown, &mut sum);
    }
    let over = matches!(phase, "Succeeded" | "Failed");
    if shown.is_deleting() {
        if shown.text(&["status", "reason"]) == "NodeLost" {
            "Unknown".clone_into(&mut sum.reason);
        } else if !over {
            "Terminating".clone_into(&mut sum.reason);
        }
    }
    sum
}

/// The restarts of some init containers and when the last was.
fn restarts_of(shown: Shown<'_>, names: &[&str]) -> (i64, Option<Timestamp>) {
    let statuses = shown.items(&["status", "initContainerStatuses"]);
    statuses
        .filter(|status| names.contains(&text_at(status, &["name"])))
        .fold((0, None), |(sum, last), status| (sum + restarts(status), last.max(last_end(status))))
}

/// Looks at the init containers. If one is not done yet, gives the restarts of those that go on beside the others.
fn initial(shown: Shown<'_>, sidecars: &[&str], sum: &mut Sum) -> Option<(i64, Option<Timestamp>)> {
    let all = shown.count(&["spec", "initContainers"]);
    for (index, status) in shown.items(&["status", "initContainerStatuses"]).enumerate() {
        sum.restarts += restarts(status);
        sum.last_restart = sum.last_restart.max(last_end(status));
        let ended = at(status, &["state", "terminated"]);
        let code = ended.and_then(|ended| at(ended, &["exitCode"])).and_then(Value::as_i64).unwrap_or_default();
        let beside = sidecars.contains(&text_at(status, &["name"]));
        if ended.is_some() && code == 0 {
            continue;
        }
        if beside && at(status, &["started"]) == Some(&Value::Bool(true)) {
            sum.ready += usize::from(at(status, &["ready"]) == Some(&Value::Bool(true)));
            continue;
        }
        let waiting = text_at(status, &["state", "waiting", "reason"]);
        sum.reason = match ended {
            Some(ended) => format!("Init:{}", end_reason(ended)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{index}/{all}"),
        };
        return Some(restarts_of(shown, sidecars));
    }
    None
}

fn running(shown: Shown<'_>, sum: &mut Sum) {
    let statuses: Vec<&Value> = shown.items(&["status", "containerStatuses"]).collect();
    let (mut has_running, mut failure) = (false, String::new());
    for status in statuses.into_iter().rev() {
        sum.restarts += restarts(status);
        sum.last_restart = sum.last_restart.max(last_end(status));
        let waiting = text_at(status, &["state", "waiting", "reason"]);
        if !waiting.is_empty() {
            waiting.clone_into(&mut sum.reason);
        } else if let Some(ended) = at(status, &["state", "terminated"]) {
            sum.reason = end_reason(ended);
            if at(ended, &["exitCode"]).and_then(Value::as_i64).unwrap_or_default() != 0 {
                failure.clone_from(&sum.reason);
            }
        } else if at(status, &["ready"]) == Some(&Value::Bool(true)) && at(status, &["state", "running"]).is_some() {
            has_running = true;
            sum.ready += 1;
        }
    }
    // A pod of which a container is done is what the others are.
    if sum.reason == "Completed" {
        if has_running && shown.condition("Ready") == "True" {
            "Running".clone_into(&mut sum.reason);
        } else if !failure.is_empty() {
            sum.reason = failure;
        } else if has_running {
            "NotReady".clone_into(&mut sum.reason);
        }
    }
}

fn restarts(status: &Value) -> i64 {
    at(status, &["restartCount"]).and_then(Value::as_i64).unwrap_or_default()
}

fn last_end(status: &Value) -> Option<Timestamp> {
    text_at(status, &["lastState", "terminated", "finishedAt"]).parse().ok()
}

fn end_reason(ended: &Value) -> String {
    let number = |field: &str| at(ended, &[field]).and_then(Value::as_i64).unwrap_or_default();
    match text_at(ended, &["reason"]) {
        "" if number("signal") != 0 => format!("Signal:{}", number("signal")),
        "" => format!("ExitCode:{}", number("exitCode")),
        reason => reason.to_owned(),
    }
}
