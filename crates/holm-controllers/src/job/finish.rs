//! Counting pods that have ended, and ending the Job.
//!
//! From `pkg/controller/job/job_controller.go` (`trackJobStatusAndRemoveFinalizers`): first the status names the pods that are about to
//! be counted, then they lose their finalizer, and then the status counts them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::indexes::index_of;
use super::{Work, is_tracked, policy, untrack};
use crate::error::Outcome;
use crate::fields::{at, count, int, remove, set, text, texts, uid};

/// How many pods are counted in one go.
const MAX_UNCOUNTED: usize = 500;

impl Work<'_> {
    pub(super) fn track(&mut self, mut is_changed: bool) -> Outcome {
        let mut tracked: BTreeSet<String> =
            self.pods.iter().filter(|pod| is_tracked(pod)).map(|pod| uid(pod).to_owned()).collect();
        is_changed |= self.count_freed(&tracked);
        let (to_free, is_full) = self.note_ended(&mut is_changed);
        if self.is_indexed() {
            is_changed |= self.write_indexes();
        }
        self.announce_end(&mut is_changed);
        if is_changed {
            self.write()?;
            let place = (self.key.namespace.clone(), self.key.name.clone());
            self.context.job_backoffs.insert(place, self.backoff.clone());
        }
        let mut freed = Ok(());
        for pod in &to_free {
            match untrack(self.context, pod) {
                Ok(()) => {
                    tracked.remove(uid(pod));
                }
                failed => freed = failed,
            }
        }
        let mut is_changed = self.count_freed(&tracked);
        let ends = freed.is_ok() && !is_full && self.end();
        is_changed |= ends;
        if is_changed {
            self.write()?;
        }
        if ends {
            self.say_end();
        }
        freed
    }

    /// Names the pods that have ended in the status, and gives those that may lose their finalizer.
    fn note_ended(&mut self, is_changed: &mut bool) -> (Vec<Arc<Value>>, bool) {
        let mut succeeded = texts(&self.job, "/status/uncountedTerminatedPods/succeeded");
        let mut failed = texts(&self.job, "/status/uncountedTerminatedPods/failed");
        let mut to_free = Vec::new();
        let mut is_full = false;
        let fails_all = self.finished.as_ref().is_some_and(|end| text(end, "/type") != "SuccessCriteriaMet");
        for pod in self.pods.iter().filter(|pod| is_tracked(pod)) {
            let has_failed = self.is_failed(pod);
            if !self.may_free(pod, has_failed) {
                continue;
            }
            to_free.push(Arc::clone(pod));
            let id = uid(pod).to_owned();
            if text(pod, "/status/phase") == "Succeeded" && !failed.contains(&id) {
                if self.is_indexed() {
                    let index = index_of(pod).filter(|_| self.has_valid_index(pod));
                    *is_changed |= index.is_some_and(|index| !self.known_indexes.0.contains(&index));
                } else if !succeeded.contains(&id) {
                    succeeded.push(id);
                    *is_changed = true;
                }
            } else if (has_failed || fails_all)
                && !failed.contains(&id)
                && self.has_valid_index(pod)
                && policy::counts(&self.job, pod)
            {
                failed.push(id);
                *is_changed = true;
            }
            if succeeded.len() + failed.len() >= MAX_UNCOUNTED {
                is_full = true;
                break;
            }
        }
        self.set_uncounted(succeeded, failed);
        (to_free, is_full)
    }

    fn may_free(&self, pod: &Arc<Value>, has_failed: bool) -> bool {
        let is_over = self.finished.is_some() || crate::fields::is_deleting(&self.job);
        if is_over || text(pod, "/status/phase") == "Succeeded" {
            return true;
        }
        // A failed pod is kept while its index waits for another one.
        has_failed && !self.kept.values().any(|kept| Arc::ptr_eq(kept, pod))
    }

    fn set_uncounted(&mut self, succeeded: Vec<String>, failed: Vec<String>) {
        let mut uncounted = json!({});
        for (field, pods) in [("succeeded", succeeded), ("failed", failed)] {
            if !pods.is_empty() {
                uncounted[field] = json!(pods);
            }
        }
        set(&mut self.job, "/status/uncountedTerminatedPods", uncounted);
    }

    /// Counts pods that have lost their finalizer, and says whether there were any.
    fn count_freed(&mut self, tracked: &BTreeSet<String>) -> bool {
        let mut lists = Vec::new();
        let mut is_changed = false;
        for field in ["succeeded", "failed"] {
            let known = texts(&self.job, &format!("/status/uncountedTerminatedPods/{field}"));
            let (left, freed): (Vec<String>, Vec<String>) = known.into_iter().partition(|pod| tracked.contains(pod));
            let more = i64::try_from(freed.len()).unwrap_or(i64::MAX);
            is_changed |= more > 0;
            let total = count(&self.job, &format!("/status/{field}")) + more;
            self.set_count(field, total);
            lists.push(left);
        }
        let (failed, succeeded) = (lists.pop().unwrap_or_default(), lists.pop().unwrap_or_default());
        self.set_uncounted(succeeded, failed);
        is_changed
    }

    fn write_indexes(&mut self) -> bool {
        let completed = self.succeeded_indexes.to_string();
        let failed = self.failed_indexes.as_ref().map(ToString::to_string);
        let known = at(&self.job, "/status/failedIndexes").and_then(Value::as_str).map(str::to_owned);
        let is_changed = completed != text(&self.job, "/status/completedIndexes") || failed != known;
        if completed.is_empty() {
            remove(&mut self.job, "/status/completedIndexes");
        } else {
            set(&mut self.job, "/status/completedIndexes", completed);
        }
        if let Some(failed) = failed {
            set(&mut self.job, "/status/failedIndexes", failed);
        }
        let total = self.succeeded_indexes.total();
        self.set_count("succeeded", total);
        is_changed
    }

    /// Says in a first condition how the Job ends, and keeps the last one for when all pods are counted.
    fn announce_end(&mut self, is_changed: &mut bool) {
        let Some(end) = self.finished.clone() else { return };
        match text(&end, "/type") {
            "FailureTarget" => {
                self.finished = Some(self.failed_for(&end));
                self.add_condition(end);
                *is_changed = true;
            }
            "SuccessCriteriaMet" => {
                let is_known = crate::fields::is_true(&self.job, "SuccessCriteriaMet");
                let (reason, message) = (text(&end, "/reason"), text(&end, "/message"));
                self.finished = Some(self.condition("Complete", "True", reason, message));
                if !is_known {
                    self.add_condition(end);
                    *is_changed = true;
                }
            }
            _ => {}
        }
    }

    /// Ends the Job, if nothing is left to count.
    fn end(&mut self) -> bool {
        let Some(end) = self.finished.clone() else { return false };
        let uncounted = at(&self.job, "/status/uncountedTerminatedPods").and_then(Value::as_object);
        if uncounted.is_some_and(|lists| !lists.is_empty()) || self.terminating > 0 {
            return false;
        }
        if text(&end, "/type") == "Complete" {
            set(&mut self.job, "/status/completionTime", text(&end, "/lastTransitionTime"));
        }
        self.set_condition(end);
        true
    }

    fn say_end(&mut self) {
        let Some(end) = self.finished.clone() else { return };
        if text(&end, "/type") != "Complete" {
            self.say(true, text(&end, "/reason"), text(&end, "/message"));
            return;
        }
        let completions = int(&self.job, "/spec/completions");
        if completions.is_some_and(|completions| count(&self.job, "/status/succeeded") > completions) {
            let message = "Too many succeeded pods running after completion count reached";
            self.say(true, "TooManySucceededPods", message);
        }
        self.say(false, "Completed", "Job completed");
    }
}
