//! CronJobs: Jobs at times.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/cronjob`.

mod times;

use std::sync::Arc;

use holm_apiserver::{DeleteOptions, Propagation};
use holm_values::{Schedule, Zone};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Outcome, is_already_exists, is_namespace_terminating};
use crate::event::Said;
use crate::fields::{
    at, controller_reference, flag, int, is_controlled_by, is_deleting, is_true, items, name, namespace, remove,
    seconds, set, text, uid,
};
use crate::job::is_finished;
use crate::kind::Kind;
use crate::queue::Key;

const COMPONENT: &str = "cronjob-controller";
/// How long after its time a Job is started, in milliseconds.
const DELTA: i64 = 100;

struct Work<'a> {
    context: &'a mut Context,
    key: &'a Key,
    /// The CronJob, with the status that is to be.
    cron: Value,
    jobs: Vec<Arc<Value>>,
    is_changed: bool,
}

/// Starts the Job that is due, if one is, and cleans up after those that have ended.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(cron) = context.get(Kind::CronJob, &key.namespace, &key.name) else { return Ok(()) };
    let jobs = context.children(Kind::Job, &cron);
    let mut work = Work { context, key, cron: Value::clone(&cron), jobs, is_changed: false };
    let synced = work.sync();
    work.clean_up();
    if work.is_changed {
        let cron = work.cron.clone();
        work.context.update_status(Kind::CronJob, cron)?;
    }
    synced
}

impl Work<'_> {
    fn sync(&mut self) -> Outcome {
        self.follow_jobs();
        if is_deleting(&self.cron) {
            return Ok(());
        }
        let zone_name = text(&self.cron, "/spec/timeZone").to_owned();
        let zone = match Zone::named(&zone_name) {
            Ok(zone) => zone,
            Err(problem) => {
                self.say(true, "UnknownTimeZone", &format!("invalid timeZone: {zone_name:?}: {problem}"));
                return Ok(());
            }
        };
        if flag(&self.cron, "/spec/suspend") {
            return Ok(());
        }
        let line = text(&self.cron, "/spec/schedule").to_owned();
        if line.contains("TZ") {
            let message = format!(
                "CRON_TZ or TZ used in schedule {line:?} is not officially supported, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            );
            self.say(true, "UnsupportedSchedule", &message);
        }
        let schedule = match Schedule::parse(&line) {
            Ok(schedule) => schedule,
            Err(problem) => {
                self.say(true, "UnparseableSchedule", &format!("unparseable schedule: {line:?} : {problem}"));
                return Ok(());
            }
        };
        let now = self.context.now_seconds();
        let times = self.times(now);
        let due = match times.due(&schedule, &zone, true) {
            Ok(due) => due,
            Err(problem) => {
                self.say(true, "InvalidSchedule", &format!("invalid schedule: {line} : {problem}"));
                return Ok(());
            }
        };
        let outcome = match due.time {
            None => Ok(()),
            Some(time) => {
                if due.is_many {
                    let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
                    self.say(true, "TooManyMissedTimes", message);
                }
                self.start(time, now, &zone)
            }
        };
        if let Some(next) = self.times(now).next(&schedule, &zone) {
            self.context.queue.add_at(self.key.clone(), next.saturating_mul(1000).saturating_add(DELTA));
        }
        outcome
    }

    fn times(&self, now: i64) -> times::Times {
        let created = seconds(crate::fields::created(&self.cron)).unwrap_or_default();
        times::Times {
            now,
            since: seconds(text(&self.cron, "/status/lastScheduleTime")).unwrap_or(created),
            deadline: int(&self.cron, "/spec/startingDeadlineSeconds"),
        }
    }

    /// Takes note of Jobs that have ended, or are gone.
    fn follow_jobs(&mut self) {
        for job in self.jobs.clone() {
            let is_known = items(&self.cron, "/status/active").any(|active| text(active, "/uid") == uid(&job));
            if !is_finished(&job) {
                if !is_known {
                    let message = format!("Saw a job that the controller did not create or forgot: {}", name(&job));
                    self.say(true, "UnexpectedJob", &message);
                }
                continue;
            }
            let has_succeeded = is_true(&job, "Complete");
            if is_known {
                let condition = if has_succeeded { "Complete" } else { "Failed" };
                self.forget(uid(&job));
                let message = format!("Saw completed job: {}, condition: {condition}", name(&job));
                self.say(false, "SawCompletedJob", &message);
            }
            let ended = text(&job, "/status/completionTime");
            if has_succeeded && !ended.is_empty() && ended > text(&self.cron, "/status/lastSuccessfulTime") {
                set(&mut self.cron, "/status/lastSuccessfulTime", ended);
                self.is_changed = true;
            }
        }
        let is_missing = |active: &&Value| !self.jobs.iter().any(|job| uid(job) == text(active, "/uid"));
        let missing: Vec<Value> = items(&self.cron, "/status/active").filter(is_missing).cloned().collect();
        for missing in &missing {
            if self.context.get(Kind::Job, text(missing, "/namespace"), text(missing, "/name")).is_none() {
                self.say(false, "MissingJob", &format!("Active job went missing: {}", text(missing, "/name")));
                self.forget(text(missing, "/uid"));
            }
        }
    }

    fn forget(&mut self, job: &str) {
        let mut active: Vec<Value> = items(&self.cron, "/status/active").cloned().collect();
        active.retain(|active| text(active, "/uid") != job);
        if active.is_empty() {
            remove(&mut self.cron, "/status/active");
        } else {
            set(&mut self.cron, "/status/active", active);
        }
        self.is_changed = true;
    }

    /// Starts the Job of a time, unless it is too late, or another one is still active and must not be disturbed.
    fn start(&mut self, time: i64, now: i64, zone: &Zone) -> Outcome {
        if int(&self.cron, "/spec/startingDeadlineSeconds").is_some_and(|deadline| time + deadline < now) {
            let message = format!("Missed scheduled time to start a job: {}", Zone::UTC.rfc1123(time));
            self.say(true, "MissSchedule", &message);
            return Ok(());
        }
        let job_name = format!("{}-{}", name(&self.cron), time.div_euclid(60));
        let active: Vec<Value> = items(&self.cron, "/status/active").cloned().collect();
        let is_done = seconds(text(&self.cron, "/status/lastScheduleTime")) == Some(time)
            || active.iter().any(|active| text(active, "/name") == job_name);
        if is_done {
            return Ok(());
        }
        match text(&self.cron, "/spec/concurrencyPolicy") {
            "Forbid" if !active.is_empty() => {
                let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.say(false, "JobAlreadyActive", message);
                return Ok(());
            }
            "Replace" => {
                for active in active {
                    if let Some(job) = self.context.get(Kind::Job, text(&active, "/namespace"), text(&active, "/name"))
                    {
                        self.delete(&job)?;
                    }
                }
            }
            _ => {}
        }
        let job = self.job(&job_name, time, zone);
        let made = match self.context.create(Kind::Job, job) {
            Ok(made) => {
                self.say(false, "SuccessfulCreate", &format!("Created job {job_name}"));
                made
            }
            Err(error) if is_namespace_terminating(&error) => return Err(error.into()),
            Err(error) if is_already_exists(&error) => {
                let found = self.context.get(Kind::Job, namespace(&self.cron), &job_name);
                match found.filter(|job| is_controlled_by(job, &self.cron)) {
                    Some(found) => found,
                    None => return Ok(()),
                }
            }
            Err(error) => {
                self.say(true, "FailedCreate", &format!("Error creating job: {error}"));
                return Err(error.into());
            }
        };
        let mut active: Vec<Value> = items(&self.cron, "/status/active").cloned().collect();
        active.push(json!({
            "kind": "Job", "apiVersion": "batch/v1", "name": name(&made), "namespace": namespace(&made), "uid": uid(&made),
            "resourceVersion": text(&made, "/metadata/resourceVersion"),
        }));
        set(&mut self.cron, "/status/active", active);
        set(&mut self.cron, "/status/lastScheduleTime", Context::time(time));
        self.is_changed = true;
        Ok(())
    }

    fn job(&self, job_name: &str, time: i64, zone: &Zone) -> Value {
        let mut job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": job_name, "namespace": namespace(&self.cron),
                "ownerReferences": [controller_reference(&self.cron, Kind::CronJob)],
            },
            "spec": at(&self.cron, "/spec/jobTemplate/spec").cloned().unwrap_or_else(|| json!({})),
        });
        for field in ["labels", "annotations"] {
            if let Some(value) = at(&self.cron, &format!("/spec/jobTemplate/metadata/{field}")) {
                set(&mut job, &format!("/metadata/{field}"), value.clone());
            }
        }
        crate::fields::annotate(&mut job, "batch.kubernetes.io/cronjob-scheduled-timestamp", &zone.rfc3339(time));
        job
    }

    fn delete(&mut self, job: &Value) -> Outcome {
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        match self.context.delete(Kind::Job, namespace(job), name(job), &options) {
            Err(error) => {
                self.say(true, "FailedDelete", &format!("Deleted job: {error}"));
                Err(error.into())
            }
            Ok(_) => {
                self.forget(uid(job));
                self.say(false, "SuccessfulDelete", &format!("Deleted job {}", name(job)));
                Ok(())
            }
        }
    }

    /// Deletes the oldest Jobs that have ended and are more than the CronJob keeps.
    fn clean_up(&mut self) {
        for (condition, limit) in [("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")] {
            let Some(limit) = int(&self.cron, &format!("/spec/{limit}")) else { continue };
            let mut ended: Vec<Arc<Value>> = self.jobs.iter().filter(|job| is_true(job, condition)).cloned().collect();
            ended.sort_by_key(|job| {
                let start = text(job, "/status/startTime").to_owned();
                (start.is_empty(), start, name(job).to_owned())
            });
            let excess = ended.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
            for job in ended.iter().take(excess) {
                // A Job that cannot be deleted is one of them the next time, too.
                let _ = self.delete(job);
            }
        }
    }

    fn say(&mut self, warning: bool, reason: &str, message: &str) {
        self.context.say(&self.cron, Kind::CronJob, Said { component: COMPONENT, warning, reason, message });
    }
}
