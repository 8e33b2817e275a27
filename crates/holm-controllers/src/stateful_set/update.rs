//! Replacing the pods of an old revision.
//!
//! From `pkg/controller/statefulset/stateful_set_control.go` (`updateStatefulSetAfterInvariantEstablished`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Set, pod};
use crate::deployment::scaled;
use crate::error::Outcome;
use crate::fields::{at, count, int, is_deleting, name, text};

impl Set<'_> {
    /// Deletes old pods from the highest ordinal down to the partition, while no more than so many are unavailable.
    pub(super) fn replace_old(&mut self, status: &mut Value) -> Outcome {
        if text(&self.set, "/spec/updateStrategy/type") != "RollingUpdate" {
            return Ok(());
        }
        let limit = at(&self.set, "/spec/updateStrategy/rollingUpdate/maxUnavailable");
        let limit = limit.map_or(1, |limit| scaled(limit, self.replicas(), false)).max(1);
        let unavailable = self.wanted.iter().filter(|pod| self.is_unavailable(pod)).count();
        let unavailable = i64::try_from(unavailable).unwrap_or(i64::MAX);
        let update = name(&self.update).to_owned();
        let is_old = |pod: &Value| pod::revision(pod) != update && !is_deleting(pod);
        let broken = |set: &Self, pod: &Value| is_old(pod) && !set.is_available(pod);
        let has_broken = !self.is_ordered() && self.wanted.iter().any(|pod| broken(self, pod));
        if unavailable >= limit && !has_broken {
            return Ok(());
        }
        let partition = int(&self.set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
        let first = self.start().saturating_add(partition);
        let is_target = |pod: &&Arc<Value>| pod::ordinal(&self.set, pod).is_some_and(|ordinal| ordinal >= first);
        let targets: Vec<Arc<Value>> = self.wanted.iter().filter(is_target).rev().cloned().collect();
        let mut left = limit - unavailable;
        if self.is_ordered() {
            for target in targets {
                if left > 0 && is_old(&target) {
                    self.replace(&target, status)?;
                    left -= 1;
                }
            }
            return Ok(());
        }
        // Those that do not work go first, and do not count.
        for target in &targets {
            if broken(self, target) {
                self.replace(target, status)?;
            }
        }
        for target in &targets {
            if left > 0 && is_old(target) && self.is_available(target) {
                self.replace(target, status)?;
                left -= 1;
            }
        }
        Ok(())
    }

    fn replace(&mut self, pod: &Value, status: &mut Value) -> Outcome {
        self.delete(pod)?;
        status["currentReplicas"] = json!(count(status, "/currentReplicas") - 1);
        Ok(())
    }
}
