//! What a StatefulSet says about itself.
//!
//! From `pkg/controller/statefulset/stateful_set_control.go` (`updateStatus`, `updateStatefulSetStatus`) and
//! `stateful_set_utils.go` (`completeUpdate`, `inconsistentStatus`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Set, is_made, pod};
use crate::error::Outcome;
use crate::fields::{at, count, generation, is_deleting, name, set, text, without_empty};
use crate::kind::Kind;
use crate::pods;

impl Set<'_> {
    /// The status with these pods.
    pub(super) fn status(&self, all: &[Arc<Value>]) -> Value {
        let number = |test: &dyn Fn(&Value) -> bool| all.iter().filter(|pod| test(pod)).count();
        let runs = |pod: &Value| text(pod, "/status/phase") == "Running" && pods::is_ready(pod);
        let is_of =
            |pod: &Value, revision: &Value| is_made(pod) && !is_deleting(pod) && pod::revision(pod) == name(revision);
        json!({
            "observedGeneration": generation(&self.set),
            "replicas": number(&|pod| is_made(pod)),
            "readyReplicas": number(&|pod| runs(pod)),
            "availableReplicas": number(&|pod| runs(pod) && self.is_available(pod)),
            "currentReplicas": number(&|pod| is_of(pod, &self.current)),
            "updatedReplicas": number(&|pod| is_of(pod, &self.update)),
            "currentRevision": name(&self.current),
            "updateRevision": name(&self.update),
            "conditions": at(&self.set, "/status/conditions"),
        })
    }

    /// Writes the status, if it says something new.
    pub(super) fn write_status(&mut self, mut status: Value) -> Outcome {
        let replicas = self.replicas();
        let is_complete = ["updatedReplicas", "readyReplicas", "replicas"]
            .iter()
            .all(|field| count(&status, &format!("/{field}")) == replicas);
        if is_complete {
            status["currentReplicas"] = status["updatedReplicas"].clone();
            status["currentRevision"] = status["updateRevision"].clone();
        }
        let old = at(&self.set, "/status").cloned().unwrap_or_default();
        let same_numbers = ["replicas", "currentReplicas", "readyReplicas", "updatedReplicas", "availableReplicas"]
            .iter()
            .all(|field| count(&old, &format!("/{field}")) == count(&status, &format!("/{field}")));
        let same_names = ["currentRevision", "updateRevision"]
            .iter()
            .all(|field| text(&old, &format!("/{field}")) == text(&status, &format!("/{field}")));
        let is_seen = count(&status, "/observedGeneration") <= count(&old, "/observedGeneration");
        if same_numbers && same_names && is_seen {
            return Ok(());
        }
        let numbers = ["replicas", "availableReplicas"].map(|field| (field, status[field].clone()));
        let mut status = without_empty(status);
        for (field, number) in numbers {
            // Go writes these two also when they are zero.
            status[field] = number;
        }
        status["collisionCount"] = json!(self.collisions);
        let mut changed = Value::clone(&self.set);
        set(&mut changed, "/status", status);
        self.context.update_status(Kind::StatefulSet, changed)?;
        Ok(())
    }
}
