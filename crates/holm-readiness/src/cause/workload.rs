//! Causes in what keeps pods running: from the object down to the pod that is worst off.

use serde_json::Value;

use super::creation;
use super::evidence::{LiveObject, descendants};
use super::explain::{Case, Draft};
use super::pod::{self, PodTrouble};
use crate::object::{condition, count, int, is_true, text};
use crate::trouble::{TroubleKind, join, rank};

/// A Deployment, by the ReplicaSet of its current revision.
pub(super) fn deployment<'v>(case: &Case<'v>) -> Draft<'v> {
    let progressing = condition(case.live(), "Progressing").filter(|it| it.is_false());
    if let Some(refused) = progressing.filter(|it| it.reason == "ReplicaSetCreateError") {
        return Draft::plain(join("its ReplicaSet cannot be created", refused.message));
    }
    let draft = match current_replica_set(case) {
        Some(set) => below(case, set).under(vec![set]),
        None => creation::explain(case, &case.evidence.object, &[]).unwrap_or_else(|| case.said()),
    };
    match (progressing, int(case.live(), "/spec/progressDeadlineSeconds")) {
        (Some(it), Some(seconds)) if it.reason == "ProgressDeadlineExceeded" => {
            Draft { summary: format!("made no progress within {seconds} s: {}", draft.summary), ..draft }
        }
        _ => draft,
    }
}

/// A kind that owns its pods itself.
pub(super) fn pods_of_object<'v>(case: &Case<'v>) -> Draft<'v> {
    let draft = below(case, &case.evidence.object);
    if case.evidence.object.id.is("apps", "StatefulSet") { held_by_old_pod(case, draft) } else { draft }
}

/// A StatefulSet that was repaired while a pod of the broken revision does not become ready: with `OrderedReady` the controller waits
/// for that pod and never replaces it (kubernetes/kubernetes#67250).
fn held_by_old_pod<'v>(case: &Case<'v>, draft: Draft<'v>) -> Draft<'v> {
    let set = case.live();
    let is_parallel = text(set, "/spec/podManagementPolicy") == Some("Parallel");
    let Some(pod) = draft.below.last().copied().filter(|pod| pod.id.is("", "Pod") && !is_parallel) else {
        return draft;
    };
    let revision = pod.object.expose().pointer("/metadata/labels/controller-revision-hash").and_then(Value::as_str);
    let wanted = text(set, "/status/updateRevision");
    if revision.is_none() || wanted.is_none() || revision == wanted {
        return draft;
    }
    let name = &pod.id.name;
    let namespace = pod.id.namespace.as_deref().unwrap_or("default");
    Draft {
        summary: format!(
            "pod {name} is of an older revision and is not replaced before it is ready: {}",
            draft.summary
        ),
        hint: Some(format!(
            "delete it, so that it is made of the new revision: kubectl delete pod {name} -n {namespace}"
        )),
        ..draft
    }
}

/// A pod that stands for itself.
pub(super) fn pod<'v>(case: &Case<'v>) -> Draft<'v> {
    pod::explain(case, &case.evidence.object).draft
}

/// A Job: how it failed, and how its newest failed pod did.
pub(super) fn job<'v>(case: &Case<'v>) -> Draft<'v> {
    let live = case.live();
    let mut pods = pods_below(case, &case.evidence.object);
    // The newest pod tells how it is now.
    pods.sort_by(|a, b| created(b).cmp(created(a)).then_with(|| a.id.name.cmp(&b.id.name)));
    let worst = worst_of(case, &pods);
    let failed = ["Failed", "FailureTarget"].into_iter().filter_map(|it| condition(live, it)).find(|it| it.is_true());
    let Some(failed) = failed else {
        return choose(case, &case.evidence.object, &pods, worst);
    };
    let attempts = count(live, "/status/failed");
    let noun = if attempts == 1 { "pod" } else { "pods" };
    let start = match failed.reason {
        // The condition may come before the count.
        "BackoffLimitExceeded" if attempts == 0 => "gave up".to_owned(),
        "BackoffLimitExceeded" => format!("gave up after {attempts} failed {noun}"),
        "DeadlineExceeded" => match int(live, "/spec/activeDeadlineSeconds") {
            Some(seconds) => format!("did not complete within {seconds} s (activeDeadlineSeconds)"),
            None => "did not complete within its deadline".to_owned(),
        },
        _ => failed.words("failed"),
    };
    match worst.map(|worst| worst.draft) {
        Some(draft) => Draft { summary: format!("{start}: {}", draft.summary), is_final: true, ..draft },
        None => Draft::plain(start).finally(true),
    }
}

/// The ReplicaSet that carries the Deployment's own revision, or else the newest.
fn current_replica_set<'v>(case: &Case<'v>) -> Option<&'v LiveObject> {
    let uid = case.evidence.object.uid()?;
    let sets = descendants(uid, &case.evidence.related).into_iter().filter(|it| it.id.is("apps", "ReplicaSet"));
    let sets: Vec<&LiveObject> = sets.collect();
    let own = revision(case.live());
    let current = sets.iter().find(|set| own.is_some() && revision(set.object.expose()) == own);
    current.or_else(|| sets.iter().max_by_key(|set| (revision(set.object.expose()), created(set)))).copied()
}

fn revision(object: &Value) -> Option<i64> {
    object.pointer("/metadata/annotations")?.get("deployment.kubernetes.io/revision")?.as_str()?.parse().ok()
}

fn created(object: &LiveObject) -> &str {
    text(object.object.expose(), "/metadata/creationTimestamp").unwrap_or_default()
}

fn pods_below<'v>(case: &Case<'v>, owner: &'v LiveObject) -> Vec<&'v LiveObject> {
    let uid = owner.uid().unwrap_or_default();
    let mut pods = descendants(uid, &case.evidence.related);
    pods.retain(|it| it.id.is("", "Pod"));
    pods.sort_by(|a, b| a.id.cmp(&b.id));
    pods
}

fn below<'v>(case: &Case<'v>, owner: &'v LiveObject) -> Draft<'v> {
    let pods = pods_below(case, owner);
    // A failed pod has been replaced already; it tells something only where nothing else does, or where it was not the only one.
    let (failed, alive): (Vec<_>, Vec<_>) = pods.iter().copied().partition(|pod| has_failed(pod));
    let worst = worst_of(case, &alive);
    let says_little = worst.as_ref().is_none_or(|worst| worst.rank <= (false, TroubleKind::NotReady));
    let worst = match keeps_failing(case, &failed).filter(|_| says_little) {
        Some(repeated) => Some(repeated),
        None => worst.or_else(|| worst_of(case, &failed)),
    };
    choose(case, owner, &pods, worst)
}

/// Pods of one owner that kubelet failed one after the other, such as by eviction.
fn keeps_failing<'v>(case: &Case<'v>, failed: &[&'v LiveObject]) -> Option<PodTrouble<'v>> {
    let reason = |pod: &&LiveObject| text(pod.object.expose(), "/status/reason").map(str::to_owned);
    let newest =
        failed.iter().copied().max_by(|a, b| created(a).cmp(created(b)).then_with(|| b.id.name.cmp(&a.id.name)))?;
    let why = reason(&newest)?;
    let count = failed.iter().filter(|pod| reason(pod).as_ref() == Some(&why)).count();
    if count < 2 {
        return None;
    }
    let words = text(newest.object.expose(), "/status/message").unwrap_or_default();
    let what = if why == "Evicted" { "being evicted".to_owned() } else { format!("failing: {why}") };
    let trouble = pod::explain(case, newest);
    let summary = join(&format!("pods keep {what} ({count} so far)"), words);
    let draft = Draft { summary, ..trouble.draft }.under(vec![newest]);
    Some(PodTrouble { rank: (false, TroubleKind::PodFailed), draft })
}

/// Why the pods of an object keep failing, though it counts as ready whenever one of them runs.
pub(super) fn unstable<'v>(case: &Case<'v>) -> Option<Draft<'v>> {
    let object = &case.evidence.object;
    let owner = if object.id.is("apps", "Deployment") { current_replica_set(case)? } else { object };
    let failed: Vec<&LiveObject> = pods_below(case, owner).into_iter().filter(|pod| has_failed(pod)).collect();
    let draft = keeps_failing(case, &failed)?.draft;
    Some(if object.id.is("apps", "Deployment") { draft.under(vec![owner]) } else { draft })
}

/// Pods that cannot be created, or the worst of those that were: a container in trouble says more than a missing pod.
fn choose<'v>(
    case: &Case<'v>,
    owner: &'v LiveObject,
    pods: &[&'v LiveObject],
    worst: Option<PodTrouble<'v>>,
) -> Draft<'v> {
    match worst {
        Some(worst) if worst.rank > (false, TroubleKind::NotReady) => worst.draft,
        worst => match creation::explain(case, owner, pods) {
            Some(draft) => draft,
            None => worst.map_or_else(|| case.said(), |worst| worst.draft),
        },
    }
}

/// The pod that is worst off, the first of equals. A pod that works or is ending does not count.
fn worst_of<'v>(case: &Case<'v>, pods: &[&'v LiveObject]) -> Option<PodTrouble<'v>> {
    let troubled = pods.iter().filter(|pod| !is_settled(pod)).map(|pod| {
        let trouble = pod::explain(case, pod);
        PodTrouble { rank: trouble.rank, draft: trouble.draft.under(vec![*pod]) }
    });
    troubled.reduce(|worst, next| if next.rank > worst.rank { next } else { worst })
}

fn has_failed(pod: &LiveObject) -> bool {
    text(pod.object.expose(), "/status/phase") == Some("Failed")
}

fn is_settled(pod: &LiveObject) -> bool {
    let live = pod.object.expose();
    text(live, "/metadata/deletionTimestamp").is_some()
        || text(live, "/status/phase") == Some("Succeeded")
        || (!has_failed(pod) && is_true(live, "Ready"))
}

impl<'v> PodTrouble<'v> {
    /// A container's or pod's trouble as a draft about that pod.
    pub(super) fn of(trouble: crate::trouble::Trouble<'v>) -> Self {
        let rank = rank(&trouble);
        let draft = Draft {
            summary: trouble.summary,
            hint: trouble.hint,
            below: Vec::new(),
            container: trouble.container,
            is_final: trouble.is_final,
            missing: trouble.missing,
        };
        Self { rank, draft }
    }
}
