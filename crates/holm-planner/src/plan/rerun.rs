//! Jobs that failed, which no update brings to run again.

use serde_json::Value;

use holm_core::ResourceId;

/// Returns why a Job failed for good, as its conditions say; none for a Job that has not, and for every other kind. `FailureTarget`
/// comes before `Failed`, while the last pods are being ended (KEP-3939).
pub(super) fn failure(id: &ResourceId, live: &Value) -> Option<String> {
    if !id.is("batch", "Job") {
        return None;
    }
    let conditions = live.pointer("/status/conditions").and_then(Value::as_array)?;
    let is_true = |kind: &str| {
        let found = conditions.iter().find(|condition| condition["type"] == kind)?;
        (found["status"] == "True").then_some(found)
    };
    let failed = is_true("Failed").or_else(|| is_true("FailureTarget"))?;
    let text = |field: &str| failed[field].as_str().filter(|text| !text.is_empty());
    Some(text("reason").or_else(|| text("message")).unwrap_or("Failed").to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_failed_where_a_condition_says_so() {
        let job = ResourceId::new("batch", "Job", Some("n"), "j");
        let of = |id: &ResourceId, conditions: Value| failure(id, &json!({"status": {"conditions": conditions}}));
        let condition =
            |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason});
        let failed = json!([
            condition("FailureTarget", "True", "DeadlineExceeded"),
            condition("Failed", "True", "PodFailurePolicy")
        ]);
        assert_eq!(of(&job, failed.clone()).as_deref(), Some("PodFailurePolicy"));
        assert_eq!(of(&ResourceId::new("", "Pod", Some("n"), "p"), failed), None);
        let ending = json!([condition("FailureTarget", "True", "")]);
        assert_eq!(of(&job, ending).as_deref(), Some("Failed"));
        assert_eq!(of(&job, json!([condition("Failed", "False", "x"), condition("Complete", "True", "x")])), None);
        assert_eq!(failure(&job, &json!({})), None);
    }
}
