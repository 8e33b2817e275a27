//! StatefulSets: pods with names and storage of their own.
//!
//! From `k8s.io/kubernetes`, `pkg/controller/statefulset`.

mod claims;
mod pod;
mod status;
mod update;

use std::sync::Arc;

use holm_apiserver::DeleteOptions;
use serde_json::Value;

use crate::adoption::Claim;
use crate::context::Context;
use crate::error::{Failure, Outcome};
use crate::event::Said;
use crate::fields::{count, int, is_deleting, label, name, namespace, selector_at, text};
use crate::history::{self, Made};
use crate::kind::Kind;
use crate::pods;
use crate::queue::Key;

const COMPONENT: &str = "statefulset-controller";
/// How many pods are made in one go. A real controller has no such limit, and drafts all of them each time.
const BURST: usize = 500;
/// The label with the hash of a ControllerRevision.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";

/// A StatefulSet and what belongs to it.
struct Set<'a> {
    context: &'a mut Context,
    set: Arc<Value>,
    /// The revision that pods had before the update that goes on.
    current: Arc<Value>,
    /// The revision of the template.
    update: Arc<Value>,
    collisions: i64,
    /// The pods that are wanted, by their ordinal; those that are not made yet have no status, and are at most [`BURST`].
    wanted: Vec<Arc<Value>>,
    /// The pods that are too many, highest ordinal first.
    condemned: Vec<Arc<Value>>,
}

/// Brings the pods of a StatefulSet one step nearer to what it wants, and says in its status how they are.
pub(crate) fn reconcile(context: &mut Context, key: &Key) -> Outcome {
    let Some(set) = context.get(Kind::StatefulSet, &key.namespace, &key.name) else { return Ok(()) };
    let selector = selector_at(&set, "/spec/selector");
    let claim = Claim { owner: &set, owner_kind: Kind::StatefulSet, selector: &selector, finalizer: None };
    let revisions = history::list(context, &claim)?;
    let mut pods = claim.objects(context, Kind::Pod, |pod| pod::ordinal(&set, pod).is_some())?;
    pods.sort_by_key(|pod| pod::ordinal(&set, pod));
    let (current, update, collisions) = find_revisions(context, &set, &revisions)?;
    let mut work =
        Set { context, set: Arc::clone(&set), current, update, collisions, wanted: Vec::new(), condemned: Vec::new() };
    work.divide(&pods);
    let mut status = work.status(&pods);
    let done = if is_deleting(&set) { Ok(()) } else { work.act(&mut status) };
    let written = work.write_status(status);
    let min_ready = count(&set, "/spec/minReadySeconds");
    if min_ready > 0 {
        let now = work.context.now_seconds();
        if let Some(next) = pods::next_available(&pods, min_ready, now) {
            work.context.again_at(key, next);
        }
    }
    done.and(written)?;
    work.truncate_history(&revisions, &pods)
}

/// The revision that is current and that of the template, which is made if it is not there.
fn find_revisions(
    context: &mut Context,
    set: &Arc<Value>,
    revisions: &[Arc<Value>],
) -> Result<(Arc<Value>, Arc<Value>, i64), Failure> {
    let mut collisions = count(set, "/status/collisionCount");
    let next = revisions.last().map_or(1, |last| history::number(last) + 1);
    let data = history::data(set);
    let equal = revisions.iter().rev().find(|revision| revision["data"] == data);
    let update = match equal {
        Some(found) if revisions.last().is_some_and(|last| last["data"] == data) => Arc::clone(found),
        // It was current before: the set went back to it.
        Some(found) => history::renumber(context, found, next)?,
        None => loop {
            let draft = history::draft(set, Kind::StatefulSet, next);
            match history::create(context, set, draft, HASH_LABEL, Some(collisions))? {
                Made::Revision(made) => break made,
                Made::Collision => collisions += 1,
            }
        },
    };
    let known = text(set, "/status/currentRevision");
    let current = revisions.iter().find(|revision| name(revision) == known).unwrap_or(&update);
    Ok((Arc::clone(current), Arc::clone(&update), collisions))
}

impl Set<'_> {
    fn start(&self) -> i64 {
        count(&self.set, "/spec/ordinals/start")
    }

    fn replicas(&self) -> i64 {
        int(&self.set, "/spec/replicas").unwrap_or(1)
    }

    fn is_in_range(&self, pod: &Value) -> bool {
        let start = self.start();
        pod::ordinal(&self.set, pod).is_some_and(|ordinal| ordinal >= start && ordinal < start + self.replicas())
    }

    /// Whether pods come and go one after the other.
    fn is_ordered(&self) -> bool {
        text(&self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    fn is_available(&self, pod: &Value) -> bool {
        pods::is_available(pod, count(&self.set, "/spec/minReadySeconds"), self.context.now_seconds())
    }

    fn is_unavailable(&self, pod: &Value) -> bool {
        !self.is_available(pod) || is_deleting(pod)
    }

    /// Sorts the pods into those that are wanted and those that are too many.
    fn divide(&mut self, pods: &[Arc<Value>]) {
        let start = self.start();
        let mut next = start;
        let mut missing = BURST.min(self.context.burst);
        for pod in pods {
            let ordinal = pod::ordinal(&self.set, pod);
            let Some(ordinal) = ordinal.filter(|_| self.is_in_range(pod)) else { continue };
            missing -= self.draft(next..ordinal, missing);
            self.wanted.push(Arc::clone(pod));
            next = ordinal + 1;
        }
        self.draft(next..start.saturating_add(self.replicas()), missing);
        self.condemned = pods.iter().rev().filter(|pod| !self.is_in_range(pod)).cloned().collect();
    }

    /// Drafts the pods for these places, the first `most` of them, and tells how many that were.
    fn draft(&mut self, places: std::ops::Range<i64>, most: usize) -> usize {
        let before = self.wanted.len();
        for ordinal in places.take(most) {
            let pod = self.new_pod(ordinal);
            self.wanted.push(Arc::new(pod));
        }
        self.wanted.len() - before
    }

    /// Makes, repairs and deletes pods, as far as the order of the set allows; and then replaces old ones by new ones.
    fn act(&mut self, status: &mut Value) -> Outcome {
        let done = self.act_in_order();
        let all: Vec<Arc<Value>> = self.wanted.iter().chain(&self.condemned).cloned().collect();
        *status = self.status(&all);
        if done? { self.replace_old(status) } else { Ok(()) }
    }

    /// Whether nothing stands in the way of replacing old pods.
    fn act_in_order(&mut self) -> Result<bool, Failure> {
        let ordered = self.is_ordered();
        for pod in self.wanted.clone() {
            if self.process_wanted(&pod)? && ordered {
                return Ok(false);
            }
        }
        for pod in self.condemned.clone() {
            self.own_claims(&pod)?;
        }
        let unhealthy = self.wanted.iter().chain(self.condemned.iter().rev());
        let unhealthy = unhealthy.clone().find(|pod| self.is_unavailable(pod)).map(|pod| name(pod).to_owned());
        for pod in self.condemned.clone() {
            if self.process_condemned(&pod, unhealthy.as_deref())? && ordered {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the pods after this one have to wait.
    fn process_wanted(&mut self, pod: &Arc<Value>) -> Result<bool, Failure> {
        let ordered = self.is_ordered();
        if pods::is_terminal(pod) {
            if !is_deleting(pod) {
                self.delete(pod)?;
            }
            return Ok(true);
        }
        if !is_made(pod) {
            if self.has_stale_claim(pod) {
                return Ok(true);
            }
            self.create(pod)?;
            if ordered {
                return Ok(true);
            }
        }
        if text(pod, "/status/phase") == "Pending" {
            self.create_claims(pod)?;
            self.own_claims(pod)?;
        }
        let runs = text(pod, "/status/phase") == "Running" && pods::is_ready(pod);
        if ordered && (is_deleting(pod) || !runs || !self.is_available(pod)) {
            return Ok(true);
        }
        if is_made(pod) {
            self.repair(pod)?;
        }
        Ok(false)
    }

    fn process_condemned(&mut self, pod: &Value, unhealthy: Option<&str>) -> Result<bool, Failure> {
        let ordered = self.is_ordered();
        if is_deleting(pod) {
            return Ok(ordered);
        }
        let runs = text(pod, "/status/phase") == "Running" && pods::is_ready(pod) && self.is_available(pod);
        if ordered && !runs && unhealthy != Some(name(pod)) {
            return Ok(true);
        }
        self.delete(pod)?;
        Ok(true)
    }

    /// Puts a pod right whose labels or claims are not those of its place.
    fn repair(&mut self, pod: &Arc<Value>) -> Outcome {
        let mut changed = Value::clone(pod);
        pod::identify(&self.set, &mut changed);
        let owned = self.own_claims(pod)?;
        if changed != **pod {
            self.context.update(Kind::Pod, changed)?;
        }
        if owned || pod::lacks_identity(&self.set, pod) {
            self.say_of(pod, "Update", None);
        }
        Ok(())
    }

    fn create(&mut self, pod: &Arc<Value>) -> Outcome {
        let made = self.create_claims(pod).and_then(|()| {
            let made = self.context.create(Kind::Pod, Value::clone(pod)).map_err(Failure::from)?;
            self.own_claims(&made).map(|_| ())
        });
        self.say_of(pod, "Create", made.as_ref().err());
        made
    }

    fn delete(&mut self, pod: &Value) -> Outcome {
        let deleted = self.context.delete(Kind::Pod, namespace(pod), name(pod), &DeleteOptions::default());
        match deleted {
            Err(error) if !crate::error::is_not_found(&error) => {
                let failure = Failure::from(error);
                self.say_of(pod, "Delete", Some(&failure));
                Err(failure)
            }
            _ => {
                self.say_of(pod, "Delete", None);
                Ok(())
            }
        }
    }

    fn say_of(&mut self, pod: &Value, verb: &str, failure: Option<&Failure>) {
        let subject = format!("{verb} Pod {} in StatefulSet {}", name(pod), name(&self.set));
        match failure {
            None => self.say(false, &format!("Successful{verb}"), &format!("{subject} successful")),
            Some(failure) => {
                self.say(true, &format!("Failed{verb}"), &format!("{subject} failed error: {failure}"));
            }
        }
    }

    fn say(&mut self, warning: bool, reason: &str, message: &str) {
        let set = Arc::clone(&self.set);
        self.context.say(&set, Kind::StatefulSet, Said { component: COMPONENT, warning, reason, message });
    }

    /// Deletes the oldest revisions that nothing is of and that are more than the set keeps.
    fn truncate_history(&mut self, revisions: &[Arc<Value>], pods: &[Arc<Value>]) -> Outcome {
        let is_live = |revision: &Value| {
            let revision = name(revision);
            revision == name(&self.current)
                || revision == name(&self.update)
                || pods.iter().any(|pod| label(pod, history::REVISION_LABEL) == Some(revision))
        };
        let dead: Vec<&Arc<Value>> = revisions.iter().filter(|revision| !is_live(revision)).collect();
        let limit = usize::try_from(int(&self.set, "/spec/revisionHistoryLimit").unwrap_or(10)).unwrap_or_default();
        for revision in dead.iter().take(dead.len().saturating_sub(limit)) {
            let options = DeleteOptions::default();
            self.context.delete(Kind::ControllerRevision, namespace(revision), name(revision), &options)?;
        }
        Ok(())
    }
}

/// Whether a pod is there, and not only to be made.
fn is_made(pod: &Value) -> bool {
    !text(pod, "/status/phase").is_empty()
}
