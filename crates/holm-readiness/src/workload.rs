//! Kinds that keep pods running: Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet.

use serde_json::Value;

use super::Readiness;
use super::generic::never_observed;
use super::object::{condition, count, flag, int, text};

/// A Deployment. `Available` alone does not tell: it stays `True` throughout a rollout that keeps enough old pods.
pub(super) fn deployment(object: &Value) -> Readiness {
    if let Some(readiness) = never_observed(object) {
        return readiness;
    }
    let desired = int(object, "/spec/replicas").unwrap_or(1);
    let status = Replicas::of(object);
    let progressing = condition(object, "Progressing");
    if flag(object, "/spec/paused") {
        return paused(desired, &status);
    }
    if let Some(progressing) = progressing.filter(|it| it.is_false() && it.reason == "ProgressDeadlineExceeded") {
        return Readiness::failed(progressing.reason, &progressing.words("the progress deadline is exceeded"));
    }
    // The ReplicaSet itself was refused, as by a quota.
    if let Some(progressing) = progressing.filter(|it| it.is_false()) {
        return Readiness::in_progress(
            &progressing.reason_or("NotProgressing"),
            &progressing.words("makes no progress"),
        );
    }
    if let Some(readiness) = replica_failure(object) {
        return readiness;
    }
    if let Some(readiness) = status.shortfall(desired) {
        return readiness;
    }
    if desired == 0 {
        // The controller reports neither progress nor availability of nothing in every version.
        return Readiness::current_because("NoReplicas", "has no replicas, as declared");
    }
    // Without a deadline the controller keeps no Progressing condition.
    let has_deadline = int(object, "/spec/progressDeadlineSeconds").is_some_and(|it| it != i64::from(i32::MAX));
    let is_complete = progressing.is_some_and(|it| it.is_true() && it.reason == "NewReplicaSetAvailable");
    if has_deadline && !is_complete {
        return Readiness::in_progress("RolloutUnfinished", "the rollout is not complete yet");
    }
    match condition(object, "Available") {
        Some(available) if available.is_true() => Readiness::current(),
        Some(available) => {
            Readiness::in_progress(&available.reason_or("NotAvailable"), &available.words("is not available yet"))
        }
        None => Readiness::in_progress("NotAvailable", "is not available yet"),
    }
}

/// A paused Deployment does what it declares by doing nothing; only the pods that it has must work.
fn paused(desired: i64, status: &Replicas) -> Readiness {
    if status.available < status.total {
        return Readiness::in_progress("LessAvailable", &of(status.available, status.total, "are available (paused)"));
    }
    if status.total < desired {
        return Readiness::current_because("Paused", &of(status.total, desired, "exist, because it is paused"));
    }
    Readiness::current_because("Paused", &of(status.updated, desired, "are up to date, because it is paused"))
}

/// A ReplicaSet or a ReplicationController.
pub(super) fn replica_set(object: &Value) -> Readiness {
    if let Some(readiness) = never_observed(object) {
        return readiness;
    }
    if let Some(readiness) = replica_failure(object) {
        return readiness;
    }
    let desired = int(object, "/spec/replicas").unwrap_or(1);
    let status = Replicas::of(object);
    let labelled = count(object, "/status/fullyLabeledReplicas");
    if status.total < desired {
        return Readiness::in_progress("LessReplicas", &of(status.total, desired, "exist"));
    }
    if labelled < desired {
        return Readiness::in_progress("LessLabelled", &of(labelled, desired, "carry all labels of the template"));
    }
    status.not_working(desired).or_else(|| status.surplus(desired)).unwrap_or_else(Readiness::current)
}

/// A StatefulSet, which may hold pods back by a partition or leave their restart to people.
pub(super) fn stateful_set(object: &Value) -> Readiness {
    if let Some(readiness) = never_observed(object) {
        return readiness;
    }
    let desired = int(object, "/spec/replicas").unwrap_or(1);
    let status = Replicas::of(object);
    if status.total < desired {
        return Readiness::in_progress("LessReplicas", &of(status.total, desired, "exist"));
    }
    if status.ready < desired {
        return Readiness::in_progress("LessReady", &of(status.ready, desired, "are ready"));
    }
    // Older servers do not count available replicas; only with minReadySeconds do they differ from ready ones.
    if count(object, "/spec/minReadySeconds") > 0 && status.available < desired {
        return Readiness::in_progress("LessAvailable", &of(status.available, desired, "are available"));
    }
    if let Some(readiness) = status.surplus(desired) {
        return readiness;
    }
    let revisions = (text(object, "/status/currentRevision"), text(object, "/status/updateRevision"));
    let is_rolled_out = revisions.0 == revisions.1;
    if text(object, "/spec/updateStrategy/type") == Some("OnDelete") {
        if is_rolled_out || status.updated >= desired {
            return Readiness::current();
        }
        let message =
            of(status.updated, desired, "are of the latest revision; the others change when they are deleted");
        return Readiness::current_because("OnDelete", &message);
    }
    let partition = count(object, "/spec/updateStrategy/rollingUpdate/partition");
    if partition > 0 {
        let wanted = desired.saturating_sub(partition).max(0);
        if is_rolled_out || status.updated >= desired {
            return Readiness::current();
        }
        if status.updated < wanted {
            let message =
                of(status.updated, wanted, &format!("from partition {partition} on are of the latest revision"));
            return Readiness::in_progress("PartitionRolling", &message);
        }
        let message =
            of(status.updated, desired, &format!("are of the latest revision, as partition {partition} says"));
        return Readiness::current_because("Partitioned", &message);
    }
    if !is_rolled_out {
        return Readiness::in_progress("RollingUpdate", &of(status.updated, desired, "are of the latest revision"));
    }
    let current = count(object, "/status/currentReplicas");
    if current < desired {
        return Readiness::in_progress("LessCurrent", &of(current, desired, "are of the current revision"));
    }
    Readiness::current()
}

/// A DaemonSet.
pub(super) fn daemon_set(object: &Value) -> Readiness {
    if let Some(readiness) = never_observed(object) {
        return readiness;
    }
    let Some(desired) = int(object, "/status/desiredNumberScheduled") else {
        return Readiness::in_progress("NoDesiredNumber", "its controller has not counted the nodes yet");
    };
    if desired == 0 {
        return Readiness::current_because("NoNodes", "no node matches, so it has no pods");
    }
    let scheduled = count(object, "/status/currentNumberScheduled");
    let updated = count(object, "/status/updatedNumberScheduled");
    let available = count(object, "/status/numberAvailable");
    let ready = count(object, "/status/numberReady");
    let is_on_delete = text(object, "/spec/updateStrategy/type") == Some("OnDelete");
    if scheduled < desired {
        return Readiness::in_progress("LessScheduled", &nodes(scheduled, desired, "have its pod"));
    }
    if updated < desired && !is_on_delete {
        return Readiness::in_progress("LessUpdated", &nodes(updated, desired, "have its latest pod"));
    }
    if available < desired {
        return Readiness::in_progress("LessAvailable", &nodes(available, desired, "have an available pod"));
    }
    if ready < desired {
        return Readiness::in_progress("LessReady", &nodes(ready, desired, "have a ready pod"));
    }
    if updated < desired {
        let message = nodes(updated, desired, "have its latest pod; the others change when their pods are deleted");
        return Readiness::current_because("OnDelete", &message);
    }
    Readiness::current()
}

/// The counts of a status, where what is missing is zero.
struct Replicas {
    total: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Replicas {
    fn of(object: &Value) -> Self {
        Self {
            total: count(object, "/status/replicas"),
            updated: count(object, "/status/updatedReplicas"),
            ready: count(object, "/status/readyReplicas"),
            available: count(object, "/status/availableReplicas"),
        }
    }

    /// What a Deployment still lacks, in the order in which a rollout gets there.
    fn shortfall(&self, desired: i64) -> Option<Readiness> {
        if self.total < desired {
            return Some(Readiness::in_progress("LessReplicas", &of(self.total, desired, "exist")));
        }
        if self.updated < desired {
            return Some(Readiness::in_progress("LessUpdated", &of(self.updated, desired, "are up to date")));
        }
        if let Some(readiness) = self.surplus(desired) {
            return Some(readiness);
        }
        self.not_working(desired)
    }

    fn not_working(&self, desired: i64) -> Option<Readiness> {
        if self.available < desired {
            return Some(Readiness::in_progress("LessAvailable", &of(self.available, desired, "are available")));
        }
        (self.ready < desired).then(|| Readiness::in_progress("LessReady", &of(self.ready, desired, "are ready")))
    }

    fn surplus(&self, desired: i64) -> Option<Readiness> {
        (self.total > desired).then(|| {
            let extra = self.total.saturating_sub(desired);
            let noun = if extra == 1 { "replica has" } else { "replicas have" };
            Readiness::in_progress("ExtraPods", &format!("{extra} old {noun} yet to go"))
        })
    }
}

/// A quota or an admission that refuses the pods may be mended by someone else, so this alone is no failure.
fn replica_failure(object: &Value) -> Option<Readiness> {
    let failure = condition(object, "ReplicaFailure").filter(|condition| condition.is_true())?;
    Some(Readiness::in_progress(&failure.reason_or("ReplicaFailure"), &failure.words("pods cannot be created")))
}

fn of(have: i64, want: i64, state: &str) -> String {
    let noun = if want == 1 { "replica" } else { "replicas" };
    format!("{have} of {want} {noun} {}", singular(want, state))
}

fn nodes(have: i64, want: i64, state: &str) -> String {
    let noun = if want == 1 { "node" } else { "nodes" };
    format!("{have} of {want} {noun} {}", singular(want, state))
}

/// `0 of 1 replica is available`, `0 of 3 replicas are available`.
fn singular(want: i64, state: &str) -> String {
    let verbs = [("are ", "is "), ("have ", "has "), ("exist", "exists"), ("carry ", "carries ")];
    let found = verbs.into_iter().find_map(|(many, one)| state.strip_prefix(many).map(|rest| (one, rest)));
    match found {
        Some((one, rest)) if want == 1 => format!("{one}{rest}"),
        _ => state.to_owned(),
    }
}
