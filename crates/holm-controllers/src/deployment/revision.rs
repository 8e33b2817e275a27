//! The numbers of ReplicaSets, and making the one of the current template.
//!
//! From `pkg/controller/deployment/sync.go` (`getNewReplicaSet`) and `util/deployment_util.go` (`SetNewReplicaSetAnnotations`).

use std::sync::Arc;

use holm_apiserver::DeleteOptions;
use serde_json::{Value, json};

use super::{HASH_LABEL, Rollout, replicas};
use crate::error::{Failure, is_already_exists, is_namespace_terminating, is_not_found};
use crate::fields::{
    annotate, annotation, at, condition, controller_reference, count, generation, int, is_controlled_by, is_deleting,
    name, namespace, pairs, set, set_label,
};
use crate::hash;
use crate::kind::Kind;

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// How long the annotation with the earlier numbers may get.
const MAX_HISTORY: usize = 2000;
/// Annotations of a Deployment that its ReplicaSets do not get.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];
const MAX_NAME: usize = 253;

impl Rollout<'_> {
    /// Gives the ReplicaSet of the current template the highest number, and the Deployment the same. With `create`, it is made if it is
    /// not there.
    pub(super) fn sync_revision(&mut self, create: bool) -> Result<(), Failure> {
        let highest = self.old.iter().map(|set| revision(set)).max().unwrap_or_default();
        let number = highest + 1;
        let Some(new) = self.new.clone() else {
            return if create { self.create(number) } else { Ok(()) };
        };
        let mut changed = Value::clone(&new);
        let annotated = annotate_set(&self.deployment, &mut changed, number);
        let min_ready = at(&self.deployment, "/spec/minReadySeconds").cloned();
        if annotated || min_ready != at(&new, "/spec/minReadySeconds").cloned() {
            set(&mut changed, "/spec/minReadySeconds", min_ready.unwrap_or_default());
            let stored = self.context.update(Kind::ReplicaSet, changed)?;
            self.replace(&stored);
        }
        let Some(new) = self.new.clone() else { return Ok(()) };
        let mut deployment = Value::clone(&self.deployment);
        let mut is_changed = annotate(&mut deployment, REVISION, annotation(&new, REVISION).unwrap_or_default());
        if self.has_deadline() && condition(&deployment, "Progressing").is_none() {
            let message = format!("Found new replica set \"{}\"", name(&new));
            let found = self.condition("Progressing", "True", "FoundNewReplicaSet", &message);
            super::status::set_condition(&mut deployment, found);
            is_changed = true;
        }
        if is_changed { self.update_status(deployment) } else { Ok(()) }
    }

    fn create(&mut self, number: i64) -> Result<(), Failure> {
        let deployment = Arc::clone(&self.deployment);
        let collisions = int(&deployment, "/status/collisionCount");
        let mut template = at(&deployment, "/spec/template").cloned().unwrap_or_default();
        let hash = hash::of(&template, collisions);
        set_label(&mut template, HASH_LABEL, &hash);
        let mut selector = at(&deployment, "/spec/selector").cloned().unwrap_or_default();
        set(&mut selector, &format!("/matchLabels/{HASH_LABEL}"), hash.clone());
        let prefix: String = name(&deployment).chars().take(MAX_NAME - 1 - hash.len()).collect();
        let mut new = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{prefix}-{hash}"), "namespace": namespace(&deployment),
                "ownerReferences": [controller_reference(&deployment, Kind::Deployment)],
                "labels": at(&template, "/metadata/labels").cloned().unwrap_or_default(),
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        });
        if let Some(min_ready) = at(&deployment, "/spec/minReadySeconds") {
            set(&mut new, "/spec/minReadySeconds", min_ready.clone());
        }
        let count = self.new_replicas(0);
        set(&mut new, "/spec/replicas", count);
        annotate_set(&deployment, &mut new, number);
        self.annotate_replicas(&mut new);
        let set_name = name(&new).to_owned();
        let (created, is_new) = match self.context.create(Kind::ReplicaSet, new) {
            Ok(created) => (created, true),
            Err(error) if is_already_exists(&error) => (self.adopt_or_collide(&set_name, error)?, false),
            Err(error) if is_namespace_terminating(&error) => return Err(error.into()),
            Err(error) => {
                let message = format!("Failed to create new replica set \"{set_name}\": {error}");
                if self.has_deadline() {
                    let mut changed = Value::clone(&deployment);
                    let failed = self.condition("Progressing", "False", "ReplicaSetCreateError", &message);
                    super::status::set_condition(&mut changed, failed);
                    self.update_status(changed)?;
                }
                self.say(true, "ReplicaSetCreateError", &message);
                return Err(error.into());
            }
        };
        if is_new && count > 0 {
            let message = format!("Scaled up replica set {set_name} from 0 to {count}");
            self.say(false, "ScalingReplicaSet", &message);
        }
        let mut changed = Value::clone(&self.deployment);
        let mut is_changed = annotate(&mut changed, REVISION, &number.to_string());
        if is_new && self.has_deadline() {
            let message = format!("Created new replica set \"{set_name}\"");
            let progressing = self.condition("Progressing", "True", "NewReplicaSetCreated", &message);
            super::status::set_condition(&mut changed, progressing);
            is_changed = true;
        }
        self.new = Some(created);
        if is_changed { self.update_status(changed) } else { Ok(()) }
    }

    /// A set of that name is there: ours from an attempt before, or another one with the same hash.
    fn adopt_or_collide(&mut self, set_name: &str, error: holm_apiserver::ApiError) -> Result<Arc<Value>, Failure> {
        let found = self.context.get(Kind::ReplicaSet, &self.key.namespace, set_name);
        let template = super::without_hash(self.deployment.pointer("/spec/template"));
        let is_ours = |set: &Value| {
            is_controlled_by(set, &self.deployment) && super::without_hash(set.pointer("/spec/template")) == template
        };
        if let Some(found) = found.filter(|set| is_ours(set)) {
            return Ok(found);
        }
        let mut changed = Value::clone(&self.deployment);
        let collisions = count(&changed, "/status/collisionCount");
        set(&mut changed, "/status/collisionCount", collisions + 1);
        self.update_status(changed)?;
        Err(error.into())
    }

    /// Writes into a set how many replicas the Deployment wants, and says whether that changed something.
    pub(super) fn annotate_replicas(&self, replica_set: &mut Value) -> bool {
        let (wanted, max) = (self.wanted(), self.wanted() + self.max_surge());
        let desired = annotate(replica_set, DESIRED, &wanted.to_string());
        annotate(replica_set, MAX, &max.to_string()) || desired
    }

    /// Deletes the oldest sets that are more than the Deployment keeps.
    pub(super) fn clean_up(&mut self) -> Result<(), Failure> {
        let Some(limit) =
            int(&self.deployment, "/spec/revisionHistoryLimit").filter(|limit| *limit < i64::from(i32::MAX))
        else {
            return Ok(());
        };
        let mut sets: Vec<Arc<Value>> = self.old.iter().filter(|set| !is_deleting(set)).cloned().collect();
        let excess = sets.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        sets.sort_by_key(|set| revision(set));
        for old in sets.iter().take(excess) {
            let is_idle = replicas(old) == 0
                && count(old, "/status/replicas") == 0
                && generation(old) <= count(old, "/status/observedGeneration");
            if !is_idle {
                continue;
            }
            let deleted = self.context.delete(Kind::ReplicaSet, namespace(old), name(old), &DeleteOptions::default());
            match deleted {
                Err(error) if !is_not_found(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The number of a set; zero if it has none.
pub(super) fn revision(replica_set: &Value) -> i64 {
    annotation(replica_set, REVISION).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Copies the annotations of the Deployment to a set, and raises its number. Says whether that changed something.
fn annotate_set(deployment: &Value, replica_set: &mut Value, number: i64) -> bool {
    let mut is_changed = false;
    for (key, value) in pairs(deployment, "/metadata/annotations") {
        if !NOT_COPIED.contains(&key) {
            is_changed |= annotate(replica_set, key, value);
        }
    }
    let earlier = annotation(replica_set, REVISION).map(str::to_owned);
    let earlier_number = match earlier.as_deref() {
        None | Some("") => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => number,
            Err(_) => return false,
        },
    };
    if earlier_number >= number {
        return is_changed;
    }
    annotate(replica_set, REVISION, &number.to_string());
    if let Some(earlier) = earlier {
        // It was current before: the Deployment went back to it.
        let history = annotation(replica_set, HISTORY).unwrap_or_default().to_owned();
        let mut numbers: Vec<&str> = history.split(',').filter(|number| !number.is_empty()).collect();
        numbers.push(&earlier);
        while numbers.join(",").len() > MAX_HISTORY {
            numbers.remove(0);
        }
        annotate(replica_set, HISTORY, &numbers.join(","));
    }
    true
}
