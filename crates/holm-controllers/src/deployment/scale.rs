//! Changing the size of a Deployment while several of its ReplicaSets have pods.
//!
//! From `pkg/controller/deployment/sync.go` (`scale`) and `util/deployment_util.go` (`GetReplicaSetProportion`).

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::Value;

use super::revision::{DESIRED, MAX};
use super::{Rollout, replicas};
use crate::error::Failure;
use crate::fields::{annotation, count, created, name, set};
use crate::kind::Kind;

impl Rollout<'_> {
    /// Whether the Deployment was scaled since its sets got their size.
    pub(super) fn is_scaled(&mut self) -> Result<bool, Failure> {
        self.sync_revision(false)?;
        let wanted = self.wanted();
        let desired = |set: &Value| annotation(set, DESIRED)?.parse::<i64>().ok();
        Ok(self.active().iter().filter_map(|set| desired(set)).any(|desired| desired != wanted))
    }

    /// Gives all sets their part of the new size.
    pub(super) fn scale(&mut self) -> Result<(), Failure> {
        let active = self.active();
        let single = match active.as_slice() {
            // The newest one, if none has pods.
            [] => self.new.clone().or_else(|| self.old.last().cloned()),
            [only] => Some(Arc::clone(only)),
            _ => None,
        };
        if let Some(single) = single {
            return self.scale_set(&single, self.wanted(), false).map(|_| ());
        }
        if active.is_empty() {
            return Ok(());
        }
        if self.is_saturated() {
            for old in self.old.clone().iter().filter(|set| replicas(set) > 0) {
                self.scale_set(old, 0, false)?;
            }
            return Ok(());
        }
        if self.is_rolling() { self.scale_proportionally(active) } else { Ok(()) }
    }

    fn scale_proportionally(&mut self, mut sets: Vec<Arc<Value>>) -> Result<(), Failure> {
        let current: i64 = sets.iter().map(|set| replicas(set)).sum();
        let allowed = if self.wanted() > 0 { self.wanted() + self.max_surge() } else { 0 };
        let to_add = allowed - current;
        let age = |set: &Value| (created(set).to_owned(), name(set).to_owned());
        if to_add > 0 {
            sets.sort_by(|left, right| replicas(right).cmp(&replicas(left)).then_with(|| age(right).cmp(&age(left))));
        } else {
            sets.sort_by_key(|set| (Reverse(replicas(set)), age(set)));
        }
        let mut added = 0;
        let mut sizes = Vec::new();
        for set in &sets {
            let part = self.part(set, to_add, added);
            sizes.push(replicas(set) + part);
            added += part;
        }
        // What rounding left goes to the largest.
        if let Some(first) = sizes.first_mut() {
            *first = (*first + to_add - added).max(0);
        }
        for (set, size) in sets.iter().zip(sizes) {
            self.scale_set(set, size, true)?;
        }
        Ok(())
    }

    fn part(&self, replica_set: &Value, to_add: i64, added: i64) -> i64 {
        if to_add == 0 || replicas(replica_set) == 0 || to_add == added {
            return 0;
        }
        let fraction = self.fraction(replica_set);
        let allowed = to_add - added;
        if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
    }

    fn fraction(&self, replica_set: &Value) -> i64 {
        let size = replicas(replica_set);
        if self.wanted() == 0 {
            return -size;
        }
        let before = annotation(replica_set, MAX).and_then(|max| max.parse::<i64>().ok()).filter(|max| *max > 0);
        let before = before.unwrap_or_else(|| count(&self.deployment, "/status/replicas"));
        if before == 0 {
            return 0;
        }
        let product = size * (self.wanted() + self.max_surge());
        // Rounded to the nearest; all numbers are positive.
        (2 * product + before) / (2 * before) - size
    }

    fn is_saturated(&self) -> bool {
        self.new.as_ref().is_some_and(|new| {
            let desired = annotation(new, DESIRED).and_then(|desired| desired.parse::<i64>().ok());
            let numbers = [Some(replicas(new)), desired, Some(count(new, "/status/availableReplicas"))];
            numbers.iter().all(|number| *number == Some(self.wanted()))
        })
    }

    /// Changes the size of a set; with `force`, also the annotations alone. Says whether the size changed.
    pub(super) fn scale_set(&mut self, replica_set: &Arc<Value>, size: i64, force: bool) -> Result<bool, Failure> {
        let before = replicas(replica_set);
        if before == size && !force {
            return Ok(false);
        }
        let mut changed = Value::clone(replica_set);
        set(&mut changed, "/spec/replicas", size);
        let annotated = self.annotate_replicas(&mut changed);
        if before == size && !annotated {
            return Ok(false);
        }
        let stored = self.context.update(Kind::ReplicaSet, changed)?;
        self.replace(&stored);
        if before != size {
            let way = if before < size { "up" } else { "down" };
            let message = format!("Scaled {way} replica set {} from {before} to {size}", name(&stored));
            self.say(false, "ScalingReplicaSet", &message);
        }
        Ok(before != size)
    }
}
