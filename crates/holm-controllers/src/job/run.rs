//! Making the pods of a Job, and deleting those that are too many.
//!
//! From `pkg/controller/job/job_controller.go` (`manageJob`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::indexes::{FAILURES, INDEX, add_variable};
use super::{COMPONENT, TRACKING, Work, untrack};
use crate::error::{Failure, Outcome, is_namespace_terminating};
use crate::fields::{annotate, at, created, int, name, set, set_label, text, texts};
use crate::kind::Kind;
use crate::pods;

/// How many pods are made or deleted in one go.
const BURST: usize = 500;
/// How long a generated prefix of a pod's name may be.
const MAX_PREFIX: usize = 58;

impl Work<'_> {
    /// Brings the number of running pods to what is wanted now.
    pub(super) fn run(&mut self, active: &mut i64) -> Outcome {
        if self.is_suspended() {
            let some: Vec<Arc<Value>> = self.active.iter().take(self.burst()).cloned().collect();
            return self.remove(&some, active);
        }
        let wanted = self.wanted(*active);
        let mut excess = if self.is_indexed() { self.duplicates() } else { Vec::new() };
        let mut others: Vec<Arc<Value>> = self.active.clone();
        others.retain(|pod| !excess.iter().any(|extra| Arc::ptr_eq(extra, pod)));
        others.sort_by_key(|pod| {
            let phase = match text(pod, "/status/phase") {
                "Running" => 2,
                "Unknown" => 1,
                _ => 0,
            };
            let is_assigned = !text(pod, "/spec/nodeName").is_empty();
            (is_assigned, phase, pods::is_ready(pod), std::cmp::Reverse(created(pod).to_owned()))
        });
        let too_many = usize::try_from(*active - wanted).unwrap_or_default();
        excess.extend(others.into_iter().take(too_many.saturating_sub(excess.len())));
        excess.truncate(self.burst());
        if !excess.is_empty() {
            return self.remove(&excess, active);
        }
        let going = if self.replaces_only_failed() { self.terminating } else { 0 };
        let missing = usize::try_from(wanted - going - *active).unwrap_or_default().min(self.burst());
        if missing == 0 { Ok(()) } else { self.make(missing, active) }
    }

    fn wanted(&self, active: i64) -> i64 {
        let parallelism = int(&self.job, "/spec/parallelism").unwrap_or(1);
        match int(&self.job, "/spec/completions") {
            // After the first success nothing new is started.
            None if self.succeeded > 0 => active,
            None => parallelism,
            Some(completions) => (completions - self.succeeded).min(parallelism).max(0),
        }
    }

    fn make(&mut self, missing: usize, active: &mut i64) -> Outcome {
        let now = self.context.now_seconds();
        if self.limit_per_index().is_none()
            && let Some(until) = self.backoff.until().filter(|until| *until > now)
        {
            self.context.again_at(self.key, until);
            return Ok(());
        }
        let job = self.job.clone();
        let mut template = at(&job, "/spec/template").cloned().unwrap_or_else(|| json!({}));
        let mut finalizers = texts(&template, "/metadata/finalizers");
        if !finalizers.iter().any(|finalizer| finalizer == TRACKING) {
            finalizers.push(TRACKING.to_owned());
        }
        set(&mut template, "/metadata/finalizers", finalizers);
        let mut made: Vec<Value> = Vec::new();
        if self.is_indexed() {
            add_variable(&mut template);
            let (pending, next) = self.pending_indexes(missing);
            if let Some(next) = next {
                self.context.again_at(self.key, next);
            }
            made.extend(pending.into_iter().map(|(index, failures)| self.indexed(&template, index, failures)));
        } else {
            made.extend((0..missing).map(|_| pods::from_template(&job, Kind::Job, &template)));
        }
        for pod in made {
            match pods::create(self.context, COMPONENT, &job, Kind::Job, pod) {
                Err(error) if is_namespace_terminating(&error) => return Ok(()),
                created => created?,
            };
            *active += 1;
        }
        Ok(())
    }

    fn indexed(&self, template: &Value, index: i64, failures: i64) -> Value {
        let mut pod = pods::from_template(&self.job, Kind::Job, template);
        annotate(&mut pod, INDEX, &index.to_string());
        set_label(&mut pod, INDEX, &index.to_string());
        set(&mut pod, "/spec/hostname", format!("{}-{index}", name(&self.job)));
        let suffix = format!("-{index}-");
        let prefix: String = name(&self.job).chars().take(MAX_PREFIX - suffix.len()).collect();
        set(&mut pod, "/metadata/generateName", format!("{prefix}{suffix}"));
        if self.limit_per_index().is_some() {
            annotate(&mut pod, FAILURES, &failures.to_string());
        }
        pod
    }

    /// Deletes pods without counting them.
    fn remove(&mut self, excess: &[Arc<Value>], active: &mut i64) -> Outcome {
        let job = self.job.clone();
        for pod in excess {
            untrack(self.context, pod)?;
            pods::delete(self.context, COMPONENT, &job, Kind::Job, pod)?;
            *active -= 1;
            self.terminating += 1;
            self.ready -= i64::from(pods::is_ready(pod));
        }
        Ok(())
    }

    /// Deletes the pods that run, because the Job is over. Tells whether these were all.
    pub(super) fn delete_active(&mut self) -> Result<bool, Failure> {
        let job = self.job.clone();
        for pod in self.active.iter().take(self.burst()) {
            pods::delete(self.context, COMPONENT, &job, Kind::Job, pod)?;
        }
        let is_all = self.active.len() <= self.burst();
        if !is_all {
            self.context.again_after(self.key, 0);
        }
        Ok(is_all)
    }

    fn burst(&self) -> usize {
        BURST.min(self.context.burst)
    }
}
