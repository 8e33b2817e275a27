//! The conditions and numbers of a Job.

use serde_json::{Value, json};

use super::Work;
use crate::error::Failure;
use crate::fields::{items, remove, set, text};
use crate::kind::Kind;

impl Work<'_> {
    /// A condition as of now.
    pub(super) fn condition(&self, kind: &str, status: &str, reason: &str, message: &str) -> Value {
        let now = self.context.now();
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastProbeTime": now, "lastTransitionTime": now,
        })
    }

    /// The condition with which a Job ends that is to fail.
    pub(super) fn failed_for(&self, target: &Value) -> Value {
        self.condition("Failed", text(target, "/status"), text(target, "/reason"), text(target, "/message"))
    }

    pub(super) fn add_condition(&mut self, condition: Value) {
        let mut conditions: Vec<Value> = items(&self.job, "/status/conditions").cloned().collect();
        conditions.push(condition);
        set(&mut self.job, "/status/conditions", conditions);
    }

    /// Sets a condition if it says something new, and says whether it does. One that is false is not added.
    pub(super) fn set_condition(&mut self, condition: Value) -> bool {
        let mut conditions: Vec<Value> = items(&self.job, "/status/conditions").cloned().collect();
        let kind = text(&condition, "/type").to_owned();
        match conditions.iter_mut().find(|known| text(known, "/type") == kind) {
            Some(known) => {
                let same = |field: &str| text(known, field) == text(&condition, field);
                if ["/status", "/reason", "/message"].iter().all(|field| same(field)) {
                    return false;
                }
                *known = condition;
            }
            None if text(&condition, "/status") == "False" => return false,
            None => conditions.push(condition),
        }
        set(&mut self.job, "/status/conditions", conditions);
        true
    }

    /// Says whether the Job is suspended. Its time begins anew when it goes on.
    pub(super) fn note_suspension(&mut self) -> bool {
        if self.is_suspended() {
            let condition = self.condition("Suspended", "True", "JobSuspended", "Job suspended");
            let is_changed = self.set_condition(condition);
            if is_changed {
                self.say(false, "Suspended", "Job suspended");
                remove(&mut self.job, "/status/startTime");
            }
            return is_changed;
        }
        let condition = self.condition("Suspended", "False", "JobResumed", "Job resumed");
        let is_changed = self.set_condition(condition);
        if is_changed {
            self.say(false, "Resumed", "Job resumed");
            let now = self.context.now();
            set(&mut self.job, "/status/startTime", now);
        }
        is_changed
    }

    /// Sets a number of the status that Go leaves out when it is zero.
    pub(super) fn set_count(&mut self, field: &str, number: i64) {
        let path = format!("/status/{field}");
        if number == 0 {
            remove(&mut self.job, &path);
        } else {
            set(&mut self.job, &path, number);
        }
    }

    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let written = self.context.update_status(Kind::Job, self.job.clone())?;
        self.job = Value::clone(&written);
        Ok(())
    }
}
