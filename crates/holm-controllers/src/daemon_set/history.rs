//! The templates that a DaemonSet has had.
//!
//! From `pkg/controller/daemon/update.go` (`constructHistory`, `cleanupHistory`, `snapshot`).

use std::sync::Arc;

use holm_apiserver::DeleteOptions;
use serde_json::{Value, json};

use super::Daemons;
use crate::adoption::Claim;
use crate::error::{Failure, Outcome};
use crate::fields::{count, int, label, name, namespace, selector_at, set, set_label};
use crate::history::{self, Made, REVISION_LABEL};
use crate::kind::Kind;

impl Daemons<'_> {
    /// The hash of the current template, whose revision is made if it is not there, and the revisions of the others.
    pub(super) fn find_history(&mut self) -> Result<(String, Vec<Arc<Value>>), Failure> {
        let owner = Arc::clone(&self.set);
        let selector = selector_at(&owner, "/spec/selector");
        let claim = Claim { owner: &owner, owner_kind: Kind::DaemonSet, selector: &selector, finalizer: None };
        let mut revisions = history::list(self.context, &claim)?;
        for revision in &mut revisions {
            if label(revision, REVISION_LABEL).is_none() {
                let mut changed = Value::clone(revision);
                set_label(&mut changed, REVISION_LABEL, name(revision));
                *revision = self.context.update(Kind::ControllerRevision, changed)?;
            }
        }
        let data = history::data(&owner);
        let (current, old): (Vec<Arc<Value>>, Vec<Arc<Value>>) =
            revisions.into_iter().partition(|revision| revision["data"] == data);
        let next = old.last().map_or(0, |last| history::number(last)) + 1;
        let current = match current.last() {
            None => self.snapshot(next)?,
            Some(newest) => {
                self.remove_duplicates(newest, &current)?;
                if history::number(newest) < next {
                    history::renumber(self.context, newest, next)?
                } else {
                    Arc::clone(newest)
                }
            }
        };
        Ok((label(&current, REVISION_LABEL).unwrap_or_default().to_owned(), old))
    }

    fn snapshot(&mut self, number: i64) -> Result<Arc<Value>, Failure> {
        let owner = Arc::clone(&self.set);
        let draft = history::draft(&owner, Kind::DaemonSet, number);
        let collisions = int(&owner, "/status/collisionCount");
        match history::create(self.context, &owner, draft, REVISION_LABEL, collisions)? {
            Made::Revision(made) => Ok(made),
            Made::Collision => {
                let mut changed = Value::clone(&owner);
                set(&mut changed, "/status/collisionCount", count(&owner, "/status/collisionCount") + 1);
                self.context.update_status(Kind::DaemonSet, changed)?;
                Err(Failure::NotYet("another revision has the same hash".to_owned()))
            }
        }
    }

    /// Several revisions keep the same template: the newest stays, and the pods become its own.
    fn remove_duplicates(&mut self, newest: &Value, all: &[Arc<Value>]) -> Outcome {
        if all.len() < 2 {
            return Ok(());
        }
        let hash = label(newest, REVISION_LABEL).unwrap_or_default().to_owned();
        for pod in self.pods_by_node(true)?.into_values().flatten() {
            if label(&pod, REVISION_LABEL) != Some(&hash) {
                let patch = json!({"metadata": {"labels": {REVISION_LABEL: hash}}});
                self.context.merge(Kind::Pod, namespace(&pod), name(&pod), "", &patch)?;
            }
        }
        for duplicate in all.iter().filter(|revision| name(revision) != name(newest)) {
            self.delete_revision(duplicate)?;
        }
        Ok(())
    }

    /// Deletes the oldest revisions that no pod is of and that are more than the set keeps.
    pub(super) fn clean_up(&mut self, old: Vec<Arc<Value>>) -> Outcome {
        let limit = usize::try_from(int(&self.set, "/spec/revisionHistoryLimit").unwrap_or(10)).unwrap_or_default();
        let mut excess = old.len().saturating_sub(limit);
        if excess == 0 {
            return Ok(());
        }
        let pods: Vec<Arc<Value>> = self.pods_by_node(true)?.into_values().flatten().collect();
        for revision in old {
            let hash = label(&revision, REVISION_LABEL);
            if excess > 0 && !pods.iter().any(|pod| label(pod, REVISION_LABEL) == hash) {
                self.delete_revision(&revision)?;
                excess -= 1;
            }
        }
        Ok(())
    }

    fn delete_revision(&mut self, revision: &Value) -> Outcome {
        let options = DeleteOptions::default();
        self.context.delete(Kind::ControllerRevision, namespace(revision), name(revision), &options)?;
        Ok(())
    }
}
