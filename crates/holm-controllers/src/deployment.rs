//! Deployments: ReplicaSets that take over from each other.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/deployment`.

mod revision;
mod rollout;
mod scale;
mod status;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::{Failure, Outcome};
use crate::event::Said;
use crate::fields::{count, created, flag, int, is_deleting, name, selector_at, set, text, uid};
use crate::kind::Kind;
use crate::queue::Key;

/// The label of the ReplicaSet that a pod is of.
const HASH_LABEL: &str = "pod-template-hash";

const COMPONENT: &str = "deployment-controller";

/// A Deployment and its ReplicaSets.
struct Rollout<'a> {
    context: &'a mut Context,
    key: &'a Key,
    deployment: Arc<Value>,
    /// The ReplicaSet of the current template.
    new: Option<Arc<Value>>,
    /// The others, oldest first.
    old: Vec<Arc<Value>>,
}

/// Brings the ReplicaSets of a Deployment one step nearer to what it wants, and says in its status where they are.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(deployment) = context.get(Kind::Deployment, &key.namespace, &key.name) else { return Ok(()) };
    let selector = selector_at(&deployment, "/spec/selector");
    if selector.is_everything() {
        return selects_all(context, &deployment);
    }
    let claim = Claim { owner: &deployment, owner_kind: Kind::Deployment, selector: &selector, finalizer: None };
    let mut sets = claim.objects(context, Kind::ReplicaSet, |_| true)?;
    sets.sort_by(|left, right| (created(left), name(left)).cmp(&(created(right), name(right))));
    let mut rollout = Rollout { context, key, deployment, new: None, old: Vec::new() };
    rollout.divide(sets);
    if is_deleting(&rollout.deployment) {
        rollout.sync_revision(false)?;
        return rollout.write_status();
    }
    rollout.note_pause()?;
    let is_paused = flag(&rollout.deployment, "/spec/paused");
    if is_paused || rollout.is_scaled()? {
        rollout.sync_revision(false)?;
        rollout.scale()?;
        if is_paused {
            rollout.clean_up()?;
        }
        return rollout.write_status();
    }
    match text(&rollout.deployment, "/spec/strategy/type") {
        "Recreate" => rollout.recreate(),
        _ => rollout.roll(),
    }
}

fn selects_all(context: &mut Context, deployment: &Value) -> Outcome {
    let message = "This deployment is selecting all pods. A non-empty selector is required.";
    let said = Said { component: COMPONENT, warning: true, reason: "SelectingAll", message };
    context.say(deployment, Kind::Deployment, said);
    let generation = count(deployment, "/metadata/generation");
    if count(deployment, "/status/observedGeneration") < generation {
        let mut changed = deployment.clone();
        set(&mut changed, "/status/observedGeneration", generation);
        context.update_status(Kind::Deployment, changed)?;
    }
    Ok(())
}

impl Rollout<'_> {
    /// Finds the ReplicaSet of the current template among all, which are sorted by age.
    fn divide(&mut self, sets: Vec<Arc<Value>>) {
        let template = without_hash(self.deployment.pointer("/spec/template"));
        self.new = sets.iter().find(|set| without_hash(set.pointer("/spec/template")) == template).cloned();
        let new = self.new.as_ref().map(|set| uid(set).to_owned());
        self.old = sets.into_iter().filter(|set| Some(uid(set)) != new.as_deref()).collect();
    }

    fn sets(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.old.iter().chain(&self.new)
    }

    /// The ReplicaSets that are to have pods.
    fn active(&self) -> Vec<Arc<Value>> {
        self.sets().filter(|set| replicas(set) > 0).cloned().collect()
    }

    /// Puts a ReplicaSet in the place of an earlier version of it.
    fn replace(&mut self, set: &Arc<Value>) {
        for known in self.old.iter_mut().chain(&mut self.new) {
            if uid(known) == uid(set) {
                *known = Arc::clone(set);
            }
        }
    }

    fn update_status(&mut self, deployment: Value) -> Result<(), Failure> {
        self.deployment = self.context.update_status(Kind::Deployment, deployment)?;
        Ok(())
    }

    fn say(&mut self, warning: bool, reason: &str, message: &str) {
        let deployment = Arc::clone(&self.deployment);
        self.context.say(&deployment, Kind::Deployment, Said { component: COMPONENT, warning, reason, message });
    }

    fn wanted(&self) -> i64 {
        replicas(&self.deployment)
    }

    fn is_rolling(&self) -> bool {
        text(&self.deployment, "/spec/strategy/type") == "RollingUpdate"
    }

    /// How many pods there may be beyond those that are wanted.
    fn max_surge(&self) -> i64 {
        if self.is_rolling() { self.bounds().0 } else { 0 }
    }

    /// How many of the wanted pods may be missing.
    fn max_unavailable(&self) -> i64 {
        if !self.is_rolling() || self.wanted() == 0 {
            return 0;
        }
        self.bounds().1.min(self.wanted())
    }

    /// From `pkg/controller/deployment/util/deployment_util.go` (`ResolveFenceposts`).
    fn bounds(&self) -> (i64, i64) {
        let of = |field: &str, up: bool| {
            let value = self.deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
            value.map_or(0, |value| scaled(value, self.wanted(), up))
        };
        let (surge, unavailable) = (of("maxSurge", true), of("maxUnavailable", false));
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }
}

/// A number, or a part of a total in percent, rounded up or down.
///
/// From `k8s.io/apimachinery`, `pkg/util/intstr/intstr.go` (`GetScaledValueFromIntOrPercent`).
pub(crate) fn scaled(value: &Value, total: i64, up: bool) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent: i64 = value.as_str().and_then(|text| text.strip_suffix('%')?.parse().ok()).unwrap_or_default();
    let product = percent.saturating_mul(total);
    if up { product.div_euclid(100) + i64::from(product.rem_euclid(100) != 0) } else { product.div_euclid(100) }
}

/// How many pods a workload wants.
pub(crate) fn replicas(object: &Value) -> i64 {
    int(object, "/spec/replicas").unwrap_or(1)
}

fn without_hash(template: Option<&Value>) -> Value {
    let mut template = template.cloned().unwrap_or_else(|| json!({}));
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_rounded() {
        let cases = [
            (json!("25%"), 10, true, 3),
            (json!("25%"), 10, false, 2),
            (json!("25%"), 4, true, 1),
            (json!(3), 10, false, 3),
            (json!("0%"), 10, true, 0),
            (json!("100%"), 7, true, 7),
        ];
        for (value, total, up, expected) in cases {
            assert_eq!(scaled(&value, total, up), expected, "{value} of {total}");
        }
    }
}
