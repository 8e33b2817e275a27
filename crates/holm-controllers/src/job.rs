//! Jobs: pods that end.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/job`. A pod of a Job has a finalizer until the Job has counted it, so that none is missed.

mod backoff;
mod finish;
mod indexes;
mod policy;
mod run;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::Outcome;
use crate::event::Said;
use crate::fields::{
    at, count, flag, int, is_deleting, is_true, items, name, namespace, seconds, selector_at, set, text, texts, uid,
};
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

use indexes::{Indexes, index_of};

pub(crate) use backoff::Backoff;

const COMPONENT: &str = "job-controller";
/// The finalizer of pods that are not counted yet.
pub(crate) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// Who manages a Job, if it says so.
const CONTROLLER: &str = "kubernetes.io/job-controller";

/// A Job, its pods, and what is known of them.
struct Work<'a> {
    context: &'a mut Context,
    key: &'a Key,
    /// The Job, with the status that is to be.
    job: Value,
    pods: Vec<Arc<Value>>,
    active: Vec<Arc<Value>>,
    succeeded: i64,
    failed: i64,
    ready: i64,
    terminating: i64,
    /// The condition with which the Job ends.
    finished: Option<Value>,
    /// The indexes that have succeeded, as the status had them.
    known_indexes: Indexes,
    succeeded_indexes: Indexes,
    failed_indexes: Option<Indexes>,
    /// Failed pods that are kept until another one runs for their index.
    kept: BTreeMap<i64, Arc<Value>>,
    backoff: Backoff,
}

/// Whether a Job has ended.
pub(crate) fn is_finished(job: &Value) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// Runs the pods of a Job, counts those that have ended, and ends it when there are enough.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let place = (key.namespace.clone(), key.name.clone());
    let Some(job) = context.get(Kind::Job, &key.namespace, &key.name) else {
        context.job_backoffs.remove(&place);
        return Ok(());
    };
    let managed_by = text(&job, "/spec/managedBy");
    if !managed_by.is_empty() && managed_by != CONTROLLER {
        return Ok(());
    }
    if is_finished(&job) {
        context.job_backoffs.remove(&place);
        return Ok(());
    }
    let selector = selector_at(&job, "/spec/selector");
    let claim = Claim { owner: &job, owner_kind: Kind::Job, selector: &selector, finalizer: Some(TRACKING) };
    let mut pods = claim.objects(context, Kind::Pod, |_| true)?;
    pods.sort_by_key(|pod| index_of(pod));
    let active: Vec<Arc<Value>> = pods.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
    let count_pods = |test: &dyn Fn(&Value) -> bool, pods: &[Arc<Value>]| {
        i64::try_from(pods.iter().filter(|pod| test(pod)).count()).unwrap_or(i64::MAX)
    };
    let (ready, terminating) = (count_pods(&pods::is_ready, &active), count_pods(&pods::is_terminating, &pods));
    let backoff = context.job_backoffs.get(&place).cloned().unwrap_or_default();
    let mut work = Work {
        context,
        key,
        job: Value::clone(&job),
        pods,
        active,
        succeeded: 0,
        failed: 0,
        ready,
        terminating,
        finished: None,
        known_indexes: Indexes::default(),
        succeeded_indexes: Indexes::default(),
        failed_indexes: None,
        kept: BTreeMap::new(),
        backoff,
    };
    work.sync()
}

impl Work<'_> {
    fn sync(&mut self) -> Outcome {
        if at(&self.job, "/status/uncountedTerminatedPods").is_none() {
            set(&mut self.job, "/status/uncountedTerminatedPods", json!({}));
        }
        self.count_ended();
        if at(&self.job, "/status/startTime").is_none() && !self.is_suspended() {
            let now = self.context.now();
            set(&mut self.job, "/status/startTime", now);
        }
        self.find_end();
        let mut is_changed = false;
        let mut active = i64::try_from(self.active.len()).unwrap_or(i64::MAX);
        let managed = if self.finished.is_some() {
            let deleted = self.delete_active();
            if let Ok(true) = deleted {
                self.terminating += active;
                active = 0;
                self.ready = 0;
            } else {
                self.finished = None;
            }
            deleted.map(drop)
        } else {
            let managed = if is_deleting(&self.job) { Ok(()) } else { self.run(&mut active) };
            if self.is_complete(active) {
                let message = "Reached expected number of succeeded pods";
                self.finished = Some(self.condition("SuccessCriteriaMet", "True", "CompletionsReached", message));
            } else if !is_deleting(&self.job) {
                is_changed = self.note_suspension();
            }
            managed
        };
        for (field, number) in [("ready", self.ready), ("terminating", self.terminating)] {
            let path = format!("/status/{field}");
            is_changed |= int(&self.job, &path) != Some(number);
            set(&mut self.job, &path, number);
        }
        is_changed |= count(&self.job, "/status/active") != active;
        self.set_count("active", active);
        self.track(is_changed)?;
        managed
    }

    /// Counts the pods that have ended, with those that the status does not count yet.
    fn count_ended(&mut self) {
        let succeeded = self.newly(&|pod| text(pod, "/status/phase") == "Succeeded", "succeeded");
        let failed = self.newly(&|pod| self.is_failed(pod), "failed");
        let uncounted = |field: &str| {
            let path = format!("/status/uncountedTerminatedPods/{field}");
            i64::try_from(items(&self.job, &path).count()).unwrap_or(i64::MAX)
        };
        let not_ignored = failed.iter().filter(|pod| policy::counts(&self.job, pod)).count();
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.succeeded = count(&self.job, "/status/succeeded") + number(succeeded.len()) + uncounted("succeeded");
        self.failed = count(&self.job, "/status/failed") + number(not_ignored) + uncounted("failed");
        self.backoff.follow(&succeeded, &failed);
        if self.is_indexed() {
            self.count_indexes();
        }
    }

    /// The pods that have ended in a way and are not counted yet.
    fn newly(&self, ended: &dyn Fn(&Value) -> bool, field: &str) -> Vec<Arc<Value>> {
        let known = texts(&self.job, &format!("/status/uncountedTerminatedPods/{field}"));
        let is_new = |pod: &Arc<Value>| {
            is_tracked(pod) && ended(pod) && !known.iter().any(|known| known == uid(pod)) && self.has_valid_index(pod)
        };
        self.pods.iter().filter(|pod| is_new(pod)).cloned().collect()
    }

    fn has_valid_index(&self, pod: &Value) -> bool {
        !self.is_indexed() || index_of(pod).is_some_and(|index| index < count(&self.job, "/spec/completions"))
    }

    /// Finds out whether the Job has failed, or has succeeded by its policy.
    fn find_end(&mut self) {
        let known =
            |kind: &str| items(&self.job, "/status/conditions").find(|found| is_condition(found, kind)).cloned();
        if let Some(met) = known("SuccessCriteriaMet") {
            self.finished = Some(met);
            return;
        }
        if let Some(target) = known("FailureTarget") {
            self.finished = Some(self.failed_for(&target));
            return;
        }
        let deadline = int(&self.job, "/spec/activeDeadlineSeconds");
        let end = deadline.zip(seconds(text(&self.job, "/status/startTime"))).map(|(limit, start)| start + limit);
        let end = end.filter(|_| !self.is_suspended());
        let now = self.context.now_seconds();
        let limit = int(&self.job, "/spec/backoffLimit").unwrap_or(6);
        let failure = |reason: &str, message: &str| Some((reason.to_owned(), message.to_owned()));
        let failed = if let Some(message) = self.policy_failure() {
            failure("PodFailurePolicy", &message)
        } else if self.failed > limit || self.restarts_exceed(limit) {
            failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        } else if end.is_some_and(|end| now >= end) {
            failure("DeadlineExceeded", "Job was active longer than specified deadline")
        } else {
            if let Some(end) = end {
                self.context.again_at(self.key, end);
            }
            self.index_failure()
        };
        if let Some((reason, message)) = failed {
            self.finished = Some(self.condition("FailureTarget", "True", &reason, &message));
        } else if let Some(message) = self.policy_success() {
            self.finished = Some(self.condition("SuccessCriteriaMet", "True", "SuccessPolicy", &message));
        }
    }

    /// Containers that restart in their pod count too, while their pod runs.
    fn restarts_exceed(&self, limit: i64) -> bool {
        if text(&self.job, "/spec/template/spec/restartPolicy") != "OnFailure" {
            return false;
        }
        let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let runs = |pod: &&Arc<Value>| matches!(text(pod, "/status/phase"), "Running" | "Pending");
        let restarts: i64 = (self.pods.iter().filter(runs))
            .flat_map(|pod| lists.iter().flat_map(|list| items(pod, list)))
            .map(|status| count(status, "/restartCount"))
            .sum();
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    fn is_complete(&self, active: i64) -> bool {
        match int(&self.job, "/spec/completions") {
            // One success is enough, when the others have ended.
            None => self.succeeded > 0 && active == 0,
            Some(wanted) => self.succeeded >= wanted && active == 0,
        }
    }

    fn is_indexed(&self) -> bool {
        text(&self.job, "/spec/completionMode") == "Indexed"
    }

    fn is_suspended(&self) -> bool {
        flag(&self.job, "/spec/suspend")
    }

    /// Whether pods are only replaced when they have ended, and not already when they are going.
    fn replaces_only_failed(&self) -> bool {
        text(&self.job, "/spec/podReplacementPolicy") == "Failed"
    }

    fn is_failed(&self, pod: &Value) -> bool {
        match text(pod, "/status/phase") {
            "Failed" => true,
            "Succeeded" => false,
            _ => is_deleting(pod) && !self.replaces_only_failed(),
        }
    }

    fn say(&mut self, warning: bool, reason: &str, message: &str) {
        let said = Said { component: COMPONENT, warning, reason, message };
        self.context.say(&self.job, Kind::Job, said);
    }
}

/// Whether a pod waits to be counted.
pub(crate) fn is_tracked(pod: &Value) -> bool {
    items(pod, "/metadata/finalizers").any(|finalizer| finalizer == TRACKING)
}

fn is_condition(condition: &Value, kind: &str) -> bool {
    text(condition, "/type") == kind && text(condition, "/status") == "True"
}

/// Frees a pod from being counted.
fn untrack(context: &mut Context, pod: &Value) -> Outcome {
    let mut finalizers = texts(pod, "/metadata/finalizers");
    finalizers.retain(|finalizer| finalizer != TRACKING);
    let finalizers = if finalizers.is_empty() { Value::Null } else { json!(finalizers) };
    let patch = json!({"metadata": {"finalizers": finalizers, "uid": uid(pod)}});
    match context.merge(Kind::Pod, namespace(pod), name(pod), "", &patch) {
        Err(error) if !crate::error::is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Frees a pod whose Job is gone.
pub(crate) fn reconcile_orphan(context: &mut Context, key: &Key) -> Outcome {
    let Some(pod) = context.get(Kind::Pod, &key.namespace, &key.name) else { return Ok(()) };
    if !is_tracked(&pod) {
        return Ok(());
    }
    let Some(owner) = crate::fields::controller(&pod) else { return untrack(context, &pod) };
    let job = context.get(Kind::Job, &key.namespace, text(owner, "/name"));
    let is_known = job.is_some_and(|job| uid(&job) == text(owner, "/uid") && !is_finished(&job));
    if is_known || text(owner, "/kind") != "Job" { Ok(()) } else { untrack(context, &pod) }
}

/// Deletes a Job some time after its end.
///
/// From `pkg/controller/ttlafterfinished/ttlafterfinished_controller.go`.
pub(crate) fn expire(context: &mut Context, key: &Key) -> Outcome {
    let Some(job) = context.get(Kind::Job, &key.namespace, &key.name) else { return Ok(()) };
    let Some(limit) = int(&job, "/spec/ttlSecondsAfterFinished").filter(|_| is_finished(&job) && !is_deleting(&job))
    else {
        return Ok(());
    };
    let mut ends = items(&job, "/status/conditions")
        .filter(|found| is_condition(found, "Complete") || is_condition(found, "Failed"));
    let Some(end) = ends.find_map(|end| seconds(text(end, "/lastTransitionTime"))) else { return Ok(()) };
    if end + limit > context.now_seconds() {
        context.again_at(key, end + limit);
        return Ok(());
    }
    let options = holm_apiserver::DeleteOptions {
        propagation: Some(holm_apiserver::Propagation::Foreground),
        uid: Some(uid(&job).to_owned()),
        ..holm_apiserver::DeleteOptions::default()
    };
    match context.delete(Kind::Job, &key.namespace, &key.name, &options) {
        Err(error) if !crate::error::is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}
