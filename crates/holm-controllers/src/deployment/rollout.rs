//! Replacing the pods of old ReplicaSets by those of the new one.
//!
//! From `pkg/controller/deployment/{rolling,recreate}.go`.

use std::sync::Arc;

use serde_json::Value;

use super::{Rollout, replicas};
use crate::error::{Failure, Outcome};
use crate::fields::count;
use crate::kind::Kind;
use crate::pods;

impl Rollout<'_> {
    /// Old pods go as new ones become available, within the bounds of the strategy.
    pub(super) fn roll(&mut self) -> Outcome {
        self.sync_revision(true)?;
        let scaled = self.grow_new()? || self.shrink_old()?;
        if !scaled && self.is_complete(&self.deployment) {
            self.clean_up()?;
        }
        self.write_rollout_status()
    }

    /// All old pods go, and then the new ones come.
    pub(super) fn recreate(&mut self) -> Outcome {
        self.sync_revision(false)?;
        let mut scaled = false;
        for old in self.old.clone() {
            if replicas(&old) > 0 {
                scaled |= self.scale_set(&old, 0, false)?;
            }
        }
        if scaled || self.has_old_pods() {
            return self.write_rollout_status();
        }
        if self.new.is_none() {
            self.sync_revision(true)?;
        }
        if let Some(new) = self.new.clone() {
            self.scale_set(&new, self.wanted(), false)?;
        }
        if self.is_complete(&self.deployment) {
            self.clean_up()?;
        }
        self.write_rollout_status()
    }

    fn has_old_pods(&self) -> bool {
        self.old.iter().any(|set| {
            let pods = self.context.children(Kind::Pod, set);
            count(set, "/status/replicas") > 0 || pods.iter().any(|pod| !pods::is_terminal(pod))
        })
    }

    fn grow_new(&mut self) -> Result<bool, Failure> {
        let Some(new) = self.new.clone() else { return Ok(false) };
        let (current, wanted) = (replicas(&new), self.wanted());
        if current == wanted {
            return Ok(false);
        }
        let size = if current > wanted { wanted } else { self.new_replicas(current) };
        self.scale_set(&new, size, false)
    }

    /// How many pods the new set may have now, of which it has `current`.
    pub(super) fn new_replicas(&self, current: i64) -> i64 {
        if !self.is_rolling() {
            return self.wanted();
        }
        let all: i64 = self.sets().map(|set| replicas(set)).sum();
        let most = self.wanted() + self.max_surge();
        if all >= most { current } else { current + (most - all).min(self.wanted() - current) }
    }

    fn shrink_old(&mut self) -> Result<bool, Failure> {
        let Some(new) = self.new.clone() else { return Ok(false) };
        let old: i64 = self.old.iter().map(|set| replicas(set)).sum();
        if old == 0 {
            return Ok(false);
        }
        let least = self.wanted() - self.max_unavailable();
        let new_unavailable = replicas(&new) - available(&new);
        let excess = old + replicas(&new) - least - new_unavailable;
        if excess <= 0 {
            return Ok(false);
        }
        let unhealthy = self.shrink_unhealthy(excess)?;
        Ok(self.shrink_available(least)? + unhealthy > 0)
    }

    /// Pods that are not available go first: that makes nothing worse.
    fn shrink_unhealthy(&mut self, most: i64) -> Result<i64, Failure> {
        let mut gone = 0;
        for old in self.active_old() {
            let (size, available) = (replicas(&old), available(&old));
            if gone >= most || size == available {
                continue;
            }
            let less = (most - gone).min(size - available);
            self.scale_set(&old, size - less, false)?;
            gone += less;
        }
        Ok(gone)
    }

    fn shrink_available(&mut self, least: i64) -> Result<i64, Failure> {
        let all: i64 = self.sets().map(|set| available(set)).sum();
        let most = all - least;
        let mut gone = 0;
        for old in self.active_old() {
            if gone >= most {
                break;
            }
            let less = replicas(&old).min(most - gone);
            self.scale_set(&old, replicas(&old) - less, false)?;
            gone += less;
        }
        Ok(gone)
    }

    fn active_old(&self) -> Vec<Arc<Value>> {
        self.old.iter().filter(|set| replicas(set) > 0).cloned().collect()
    }
}

fn available(set: &Value) -> i64 {
    count(set, "/status/availableReplicas")
}
