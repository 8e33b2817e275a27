//! When an object began to fail, by the server's own times.

use jiff::Timestamp;
use serde_json::Value;

use super::object::{items, text};

/// Conditions that tell of a failure while they are true; of all others, the failure is that they are not.
const BAD: [&str; 6] = ["Failed", "FailureTarget", "ReplicaFailure", "Stalled", "Degraded", "ReconcileError"];

/// Returns when an object began to fail, as its conditions tell: the newest change of a condition that is as it should not be. None
/// where they tell no time.
pub fn failed_since(object: &Value) -> Option<Timestamp> {
    let conditions = items(object, "/status/conditions").iter();
    let failing = conditions.filter(|condition| {
        let kind = text(condition, "/type").unwrap_or_default();
        text(condition, "/status") == Some(if BAD.contains(&kind) { "True" } else { "False" })
    });
    let time = |condition: &Value| {
        // A Deployment's lastUpdateTime moves with every look at it, its lastTransitionTime only with the failure.
        let time = text(condition, "/lastTransitionTime").or_else(|| text(condition, "/lastUpdateTime"))?;
        time.parse().ok()
    };
    failing.filter_map(time).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_as_old_as_the_newest_condition_that_tells_of_it() {
        let at = |minute: u32| format!("2026-01-01T00:{minute:02}:00Z");
        let since = |conditions: Value| {
            failed_since(&json!({"status": {"conditions": conditions}})).map(|time| time.to_string())
        };
        let deployment = json!([
            {"type": "Available", "status": "False", "lastTransitionTime": at(1)},
            {"type": "Progressing", "status": "False", "lastTransitionTime": at(3), "lastUpdateTime": at(9)},
            {"type": "ReplicaFailure", "status": "False", "lastTransitionTime": at(8)},
        ]);
        assert_eq!(since(deployment), Some(at(3)));
        let job = json!([{"type": "Failed", "status": "True", "lastTransitionTime": at(5)}]);
        assert_eq!(since(job), Some(at(5)));
        assert_eq!(since(json!([{"type": "Available", "status": "True", "lastTransitionTime": at(1)}])), None);
        assert_eq!(since(json!([{"type": "Ready", "status": "False"}])), None);
    }
}
