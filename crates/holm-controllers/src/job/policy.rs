//! What failed pods and succeeded indexes mean for a Job.
//!
//! From `pkg/controller/job/{pod_failure_policy,success_policy}.go`.

use serde_json::Value;

use super::Work;
use super::indexes::Indexes;
use crate::fields::{at, count, int, items, name, namespace, text};

/// The action of the first rule that a pod matches, its number, and what it matches.
fn matched<'a>(job: &'a Value, pod: &Value) -> Option<(&'a str, usize, String)> {
    let place = format!("{}/{}", namespace(pod), name(pod));
    items(job, "/spec/podFailurePolicy/rules").enumerate().find_map(|(number, rule)| {
        let action = text(rule, "/action");
        if let Some(codes) = at(rule, "/onExitCodes") {
            let (container, code) = exit_code(codes, pod)?;
            let what = format!("Container {container} for pod {place} failed with exit code {code}");
            return Some((action, number, what));
        }
        let met = items(rule, "/onPodConditions").find(|pattern| {
            items(pod, "/status/conditions").any(|condition| {
                ["/type", "/status"].iter().all(|field| text(condition, field) == text(pattern, field))
            })
        })?;
        Some((action, number, format!("Pod {place} has condition {}", text(met, "/type"))))
    })
}

fn exit_code(codes: &Value, pod: &Value) -> Option<(String, i64)> {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let wanted = text(codes, "/containerName");
    let values: Vec<i64> = items(codes, "/values").filter_map(Value::as_i64).collect();
    lists.iter().flat_map(|list| items(pod, list)).find_map(|status| {
        let code = int(status, "/state/terminated/exitCode").filter(|code| *code != 0)?;
        let is_in = values.contains(&code);
        let is_met = if text(codes, "/operator") == "In" { is_in } else { !is_in };
        let container = text(status, "/name");
        (is_met && (wanted.is_empty() || wanted == container)).then(|| (container.to_owned(), code))
    })
}

/// Whether a failed pod counts as a failure.
pub(super) fn counts(job: &Value, pod: &Value) -> bool {
    matched(job, pod).is_none_or(|(action, ..)| action != "Ignore")
}

/// Whether a failed pod fails its index at once.
pub(super) fn fails_index(job: &Value, pod: &Value) -> bool {
    matched(job, pod).is_some_and(|(action, ..)| action == "FailIndex")
}

impl Work<'_> {
    /// Why a failed pod fails the whole Job.
    pub(super) fn policy_failure(&self) -> Option<String> {
        at(&self.job, "/spec/podFailurePolicy")?;
        self.pods.iter().filter(|pod| self.is_failed(pod)).find_map(|pod| {
            let (action, number, what) = matched(&self.job, pod)?;
            (action == "FailJob").then(|| format!("{what} matching FailJob rule at index {number}"))
        })
    }

    /// Why the Job has succeeded by its policy.
    pub(super) fn policy_success(&self) -> Option<String> {
        let succeeded = &self.succeeded_indexes;
        if succeeded.0.is_empty() {
            return None;
        }
        let completions = count(&self.job, "/spec/completions");
        let is_met = |rule: &Value| {
            let wanted = int(rule, "/succeededCount");
            match at(rule, "/succeededIndexes").and_then(Value::as_str) {
                None => wanted.is_some_and(|wanted| succeeded.total() >= wanted),
                Some(text) => {
                    let required = Indexes::parse(text, completions);
                    let met = required.0.intersection(&succeeded.0).count();
                    let met = i64::try_from(met).unwrap_or(i64::MAX);
                    !required.0.is_empty() && (met == required.total() || wanted.is_some_and(|wanted| met >= wanted))
                }
            }
        };
        let rule = items(&self.job, "/spec/successPolicy/rules").position(is_met)?;
        Some(format!("Matched rules at index {rule}"))
    }
}
