//! What a Deployment says about itself.
//!
//! From `pkg/controller/deployment/{progress,sync}.go` and `util/deployment_util.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Rollout, replicas};
use crate::error::{Failure, Outcome};
use crate::fields::{
    at, condition, count, flag, generation, int, items, name, remove, seconds, set, text, without_empty,
};

impl Rollout<'_> {
    pub(super) fn has_deadline(&self) -> bool {
        int(&self.deployment, "/spec/progressDeadlineSeconds").is_some_and(|seconds| seconds != i64::from(i32::MAX))
    }

    /// A condition as of now.
    pub(super) fn condition(&self, kind: &str, status: &str, reason: &str, message: &str) -> Value {
        let now = self.context.now();
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastUpdateTime": now, "lastTransitionTime": now,
        })
    }

    /// Says when the Deployment is paused and when it goes on, so that the time in between does not count.
    pub(super) fn note_pause(&mut self) -> Result<(), Failure> {
        let known = condition(&self.deployment, "Progressing").map(|known| text(known, "/reason").to_owned());
        if !self.has_deadline() || known.as_deref() == Some("ProgressDeadlineExceeded") {
            return Ok(());
        }
        let is_noted = known.as_deref() == Some("DeploymentPaused");
        let noted = match (flag(&self.deployment, "/spec/paused"), is_noted) {
            (true, false) => self.condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"),
            (false, true) => self.condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        let mut changed = Value::clone(&self.deployment);
        set_condition(&mut changed, noted);
        self.update_status(changed)
    }

    /// Whether all pods are new and available.
    pub(super) fn is_complete(&self, deployment: &Value) -> bool {
        let wanted = self.wanted();
        ["updatedReplicas", "replicas", "availableReplicas"]
            .iter()
            .all(|field| count(deployment, &format!("/status/{field}")) == wanted)
            && count(deployment, "/status/observedGeneration") >= generation(deployment)
    }

    /// Writes how many pods there are.
    pub(super) fn write_status(&mut self) -> Outcome {
        let changed = self.counted();
        if changed == *self.deployment { Ok(()) } else { self.update_status(changed) }
    }

    /// The Deployment with the numbers of its sets in its status.
    fn counted(&self) -> Value {
        let sum = |field: &str| self.sets().map(|set| count(set, &format!("/status/{field}"))).sum::<i64>();
        let total: i64 = self.sets().map(|set| replicas(set)).sum();
        let available = sum("availableReplicas");
        let new = self.new.as_ref().map_or(0, |new| count(new, "/status/replicas"));
        let mut changed = Value::clone(&self.deployment);
        let mut status = without_empty(json!({
            "observedGeneration": generation(&self.deployment),
            "replicas": sum("replicas"),
            "updatedReplicas": new,
            "readyReplicas": sum("readyReplicas"),
            "availableReplicas": available,
            "unavailableReplicas": (total - available).max(0),
            "conditions": at(&self.deployment, "/status/conditions"),
        }));
        if let Some(collisions) = int(&self.deployment, "/status/collisionCount") {
            status["collisionCount"] = json!(collisions);
        }
        if let Some(terminating) = self.terminating() {
            status["terminatingReplicas"] = json!(terminating);
        }
        set(&mut changed, "/status", status);
        let enough = available >= self.wanted() - self.max_unavailable();
        let condition = if enough {
            self.condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            let message = "Deployment does not have minimum availability.";
            self.condition("Available", "False", "MinimumReplicasUnavailable", message)
        };
        set_condition(&mut changed, condition);
        changed
    }

    /// The pods that are going; unknown if a set does not say.
    fn terminating(&self) -> Option<i64> {
        let of = |set: &Arc<Value>| match int(set, "/status/terminatingReplicas") {
            // A set that nobody has looked at yet has none.
            None if count(set, "/status/observedGeneration") == 0 => Some(0),
            terminating => terminating,
        };
        self.sets().map(of).sum()
    }

    /// Writes how many pods there are, and how the rollout goes.
    pub(super) fn write_rollout_status(&mut self) -> Outcome {
        let mut changed = self.counted();
        if self.has_deadline() {
            self.note_progress(&mut changed);
        } else {
            remove_condition(&mut changed, "Progressing");
        }
        match self.replica_failure() {
            Some(failure) => set_condition(&mut changed, failure),
            None => remove_condition(&mut changed, "ReplicaFailure"),
        }
        if changed == *self.deployment {
            self.wait_for_deadline();
            return Ok(());
        }
        self.update_status(changed)?;
        self.wait_for_deadline();
        Ok(())
    }

    fn note_progress(&self, changed: &mut Value) {
        let known = condition(&self.deployment, "Progressing");
        let is_over = known.is_some_and(|known| text(known, "/reason") == "NewReplicaSetAvailable");
        let number = |field: &str| count(changed, &format!("/status/{field}"));
        if is_over && number("replicas") == number("updatedReplicas") {
            return;
        }
        let subject = match &self.new {
            Some(new) => format!("ReplicaSet \"{}\"", name(new)),
            None => format!("Deployment \"{}\"", name(&self.deployment)),
        };
        if self.is_complete(changed) {
            let message = format!("{subject} has successfully progressed.");
            set_condition(changed, self.condition("Progressing", "True", "NewReplicaSetAvailable", &message));
        } else if self.has_progressed(changed) {
            let message = format!("{subject} is progressing.");
            let mut progressing = self.condition("Progressing", "True", "ReplicaSetUpdated", &message);
            if let Some(known) = known.filter(|known| text(known, "/status") == "True") {
                progressing["lastTransitionTime"] = json!(text(known, "/lastTransitionTime"));
            }
            // The time of the update counts for the deadline, also with the same reason as before.
            remove_condition(changed, "Progressing");
            set_condition(changed, progressing);
        } else if self.is_late(changed) {
            let message = format!("{subject} has timed out progressing.");
            set_condition(changed, self.condition("Progressing", "False", "ProgressDeadlineExceeded", &message));
        }
    }

    fn has_progressed(&self, changed: &Value) -> bool {
        let old = |field: &str| count(&self.deployment, &format!("/status/{field}"));
        let new = |field: &str| count(changed, &format!("/status/{field}"));
        new("updatedReplicas") > old("updatedReplicas")
            || new("replicas") - new("updatedReplicas") < old("replicas") - old("updatedReplicas")
            || new("readyReplicas") > old("readyReplicas")
            || new("availableReplicas") > old("availableReplicas")
    }

    fn is_late(&self, changed: &Value) -> bool {
        let Some(known) = condition(changed, "Progressing") else { return false };
        match text(known, "/reason") {
            "NewReplicaSetAvailable" => false,
            "ProgressDeadlineExceeded" => true,
            _ => self.deadline(known).is_some_and(|deadline| deadline < self.context.now_seconds()),
        }
    }

    /// Until when there must be progress, in seconds since 1970.
    fn deadline(&self, progressing: &Value) -> Option<i64> {
        let limit = int(&self.deployment, "/spec/progressDeadlineSeconds")?;
        Some(seconds(text(progressing, "/lastUpdateTime"))? + limit)
    }

    /// Looks at the Deployment again when its time is over.
    fn wait_for_deadline(&mut self) {
        let Some(known) = condition(&self.deployment, "Progressing") else { return };
        let is_done = self.is_complete(&self.deployment) || text(known, "/reason") == "ProgressDeadlineExceeded";
        if is_done || !self.has_deadline() {
            return;
        }
        if let Some(deadline) = self.deadline(known) {
            let now = self.context.now_seconds();
            self.context.again_at(self.key, deadline.max(now) + 1);
        }
    }

    /// Why a set cannot have its pods; that of the new one comes first.
    fn replica_failure(&self) -> Option<Value> {
        let mut sets = self.new.iter().chain(&self.old);
        let failure = sets.find_map(|set| condition(set, "ReplicaFailure"))?;
        let field = |field: &str| text(failure, field).to_owned();
        Some(json!({
            "type": "ReplicaFailure", "status": field("/status"), "reason": field("/reason"),
            "message": field("/message"), "lastTransitionTime": field("/lastTransitionTime"),
            "lastUpdateTime": field("/lastTransitionTime"),
        }))
    }
}

/// Sets a condition, unless it says the same already; one that only has another reason keeps its time of transition.
pub(super) fn set_condition(deployment: &mut Value, mut new: Value) {
    let kind = text(&new, "/type").to_owned();
    if let Some(known) = condition(deployment, &kind) {
        let same = |field: &str| text(known, field) == text(&new, field);
        if same("/status") && same("/reason") {
            return;
        }
        if same("/status") {
            new["lastTransitionTime"] = json!(text(known, "/lastTransitionTime"));
        }
    }
    let mut conditions: Vec<Value> = items(deployment, "/status/conditions").cloned().collect();
    conditions.retain(|known| text(known, "/type") != kind);
    conditions.push(new);
    set(deployment, "/status/conditions", conditions);
}

pub(super) fn remove_condition(deployment: &mut Value, kind: &str) {
    let mut conditions: Vec<Value> = items(deployment, "/status/conditions").cloned().collect();
    conditions.retain(|known| text(known, "/type") != kind);
    if conditions.is_empty() {
        remove(deployment, "/status/conditions");
    } else {
        set(deployment, "/status/conditions", conditions);
    }
}
