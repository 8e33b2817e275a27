//! The indexes of Jobs whose pods are told apart.
//!
//! From `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::{Work, backoff, is_tracked, policy};
use crate::fields::{annotation, at, count, int, set, text};
use crate::pods;

/// The annotation and label with the index of a pod.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The annotation that says how often the index of a pod had failed before.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

/// A set of indexes, as the status writes them: `1,3-5,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes(pub BTreeSet<i64>);

impl Indexes {
    /// Reads indexes below a limit.
    pub fn parse(text: &str, limit: i64) -> Self {
        let mut indexes = BTreeSet::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
                indexes.extend(first..=last.min(limit - 1));
            }
        }
        Self(indexes)
    }

    pub fn total(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

impl std::fmt::Display for Indexes {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for index in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *index => *last = *index,
                _ => ranges.push((*index, *index)),
            }
        }
        for (position, (first, last)) in ranges.into_iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            match last - first {
                0 => write!(out, "{comma}{first}")?,
                1 => write!(out, "{comma}{first},{last}")?,
                _ => write!(out, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// The index of a pod.
pub(super) fn index_of(pod: &Value) -> Option<i64> {
    annotation(pod, INDEX)?.parse().ok().filter(|index| *index >= 0)
}

/// How often the index of a pod had failed before it.
pub(super) fn failures_of(pod: &Value) -> i64 {
    annotation(pod, FAILURES).and_then(|count| count.parse().ok()).unwrap_or_default()
}

impl Work<'_> {
    /// How often each index may fail, if the indexes are counted one by one.
    pub(super) fn limit_per_index(&self) -> Option<i64> {
        int(&self.job, "/spec/backoffLimitPerIndex").filter(|_| self.is_indexed())
    }

    /// Finds out which indexes have succeeded and failed.
    pub(super) fn count_indexes(&mut self) {
        let completions = count(&self.job, "/spec/completions");
        self.known_indexes = Indexes::parse(text(&self.job, "/status/completedIndexes"), completions);
        let mut succeeded = self.known_indexes.clone();
        for pod in &self.pods {
            if text(pod, "/status/phase") == "Succeeded" && is_tracked(pod) && self.has_valid_index(pod) {
                succeeded.0.extend(index_of(pod));
            }
        }
        self.succeeded = succeeded.total();
        self.succeeded_indexes = succeeded;
        let Some(limit) = self.limit_per_index() else { return };
        let mut failed = Indexes::parse(text(&self.job, "/status/failedIndexes"), completions);
        for pod in &self.pods {
            if is_tracked(pod) && self.is_failed(pod) && self.has_valid_index(pod) {
                let counts = policy::counts(&self.job, pod);
                if policy::fails_index(&self.job, pod) || counts && failures_of(pod) >= limit {
                    failed.0.extend(index_of(pod));
                }
            }
        }
        let is_open = |pod: &Value, active: &[Arc<Value>]| {
            let index = index_of(pod);
            index.is_some_and(|index| !failed.0.contains(&index) && !self.succeeded_indexes.0.contains(&index))
                && !active.iter().any(|active| index_of(active) == index)
        };
        let mut kept = std::collections::BTreeMap::new();
        for pod in self.pods.iter().filter(|pod| is_tracked(pod) && self.is_failed(pod)) {
            if let Some(index) = index_of(pod).filter(|_| is_open(pod, &self.active)) {
                let known = kept.entry(index).or_insert_with(|| Arc::clone(pod));
                if failures_of(pod) > failures_of(known) {
                    *known = Arc::clone(pod);
                }
            }
        }
        self.kept = kept;
        self.failed_indexes = Some(failed);
    }

    /// Why the Job fails by its indexes.
    pub(super) fn index_failure(&self) -> Option<(String, String)> {
        let failed = self.failed_indexes.as_ref()?.total();
        let most = int(&self.job, "/spec/maxFailedIndexes");
        if most.is_some_and(|most| failed > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(("MaxFailedIndexesExceeded".to_owned(), message.to_owned()));
        }
        let all = failed + self.succeeded_indexes.total() >= count(&self.job, "/spec/completions");
        (failed > 0 && all).then(|| ("FailedIndexes".to_owned(), "Job has failed indexes".to_owned()))
    }

    /// The first indexes that nothing runs for, with the number of their failures; and when the next one may be started that has to
    /// wait, in seconds since 1970.
    pub(super) fn pending_indexes(&self, most: usize) -> (Vec<(i64, i64)>, Option<i64>) {
        let completions = count(&self.job, "/spec/completions");
        let mut taken: BTreeSet<i64> = self.active.iter().filter_map(|pod| index_of(pod)).collect();
        taken.extend(&self.succeeded_indexes.0);
        taken.extend(self.failed_indexes.iter().flat_map(|failed| &failed.0));
        if self.replaces_only_failed() {
            let going = self.pods.iter().filter(|pod| pods::is_terminating(pod));
            taken.extend(going.filter_map(|pod| index_of(pod)));
        }
        let (mut ready, mut next) = (Vec::new(), None);
        for index in (0..completions).filter(|index| !taken.contains(index)).take(most) {
            let Some(pod) = self.kept.get(&index) else {
                ready.push((index, 0));
                continue;
            };
            let failures = failures_of(pod) + i64::from(policy::counts(&self.job, pod));
            let until = backoff::until(pod, failures);
            if until <= self.context.now_seconds() {
                ready.push((index, failures));
            } else {
                next = Some(next.map_or(until, |next: i64| next.min(until)));
            }
        }
        (ready, next)
    }

    /// Pods whose index is none of the Job's, or is another pod's too.
    pub(super) fn duplicates(&self) -> Vec<Arc<Value>> {
        let mut seen = BTreeSet::new();
        let is_extra = |pod: &&Arc<Value>| match index_of(pod) {
            Some(index) if index < count(&self.job, "/spec/completions") => !seen.insert(index),
            _ => true,
        };
        self.active.iter().filter(is_extra).cloned().collect()
    }
}

/// Tells the containers of a template which index they have.
pub(super) fn add_variable(template: &mut Value) {
    for list in ["initContainers", "containers"] {
        let Some(containers) = template.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in containers {
            let mut variables: Vec<Value> =
                at(container, "/env").and_then(Value::as_array).cloned().unwrap_or_default();
            if variables.iter().any(|variable| text(variable, "/name") == "JOB_COMPLETION_INDEX") {
                continue;
            }
            variables.push(serde_json::json!({
                "name": "JOB_COMPLETION_INDEX",
                "valueFrom": {"fieldRef": {"fieldPath": format!("metadata.labels['{INDEX}']")}},
            }));
            set(container, "/env", variables);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_ranges() {
        for (text, normal) in [("1,3-5,7", "1,3-5,7"), ("0,1", "0,1"), ("0-2", "0-2"), ("", ""), ("3-20", "3-9")] {
            assert_eq!(Indexes::parse(text, 10).to_string(), normal);
        }
    }
}
