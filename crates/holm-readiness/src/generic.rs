//! What holds for every kind: deletion, generations, and the conditions `Reconciling` and `Stalled` of kstatus.

use serde_json::Value;

use super::object::{condition, generation_at, int, text, texts};
use super::{Readiness, State};

/// The API groups that a kube-apiserver serves itself. Whatever lies in another group is a custom resource or comes from
/// an aggregated server; a suffix does not tell, because definitions may use `*.k8s.io` too.
const BUILT_IN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Whether kinds of this group are Kubernetes' own.
pub(super) fn is_built_in(group: &str) -> bool {
    BUILT_IN_GROUPS.contains(&group)
}

/// The state of an object that is being deleted; none for the others.
pub(super) fn terminating(object: &Value) -> Option<Readiness> {
    text(object, "/metadata/deletionTimestamp")?;
    let remaining = [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceFinalizersRemaining",
        "NamespaceContentRemaining",
        "NamespaceDeletionContentFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        // Of a definition.
        "Terminating",
    ]
    .into_iter()
    .filter_map(|kind| condition(object, kind))
    .find(|condition| condition.is_true() && !condition.message.is_empty());
    if let Some(condition) = remaining {
        return Some(Readiness::new(State::Terminating, &condition.reason_or("ContentRemaining"), condition.message));
    }
    Some(match texts(object, "/metadata/finalizers").as_slice() {
        [] => Readiness::new(State::Terminating, "Deleting", "is being deleted"),
        finalizers => {
            let message = format!("is being deleted and waits for {}", finalizers.join(", "));
            Readiness::new(State::Terminating, "Finalizers", &message)
        }
    })
}

/// The state of an object whose controller has not seen its latest change, or says by the conditions of kstatus that it
/// works on it or gave up; none where the rule of the kind decides.
pub(super) fn unsettled(object: &Value) -> Option<Readiness> {
    if let Some(readiness) = unobserved(object) {
        return Some(readiness);
    }
    // A condition of an older generation says nothing about the present one.
    let fresh = |kind| condition(object, kind).filter(|condition| condition.is_true() && !condition.is_stale);
    if let Some(condition) = fresh("Reconciling") {
        return Some(Readiness::in_progress(
            &condition.reason_or("Reconciling"),
            &condition.words("is being reconciled"),
        ));
    }
    let condition = fresh("Stalled")?;
    Some(Readiness::failed(&condition.reason_or("Stalled"), &condition.words("its controller gave up")))
}

/// `LatestGenerationNotObserved`, where both generations are there and differ.
pub(super) fn unobserved(object: &Value) -> Option<Readiness> {
    let generation = int(object, "/metadata/generation")?;
    let observed = generation_at(object, "/status/observedGeneration")?;
    // A text that is a larger number is no generation, but some hash.
    if observed > generation && int(object, "/status/observedGeneration").is_none() {
        return None;
    }
    (generation != observed).then(|| not_observed(generation, observed))
}

/// The same for kinds whose controllers always write `observedGeneration`: none yet means that they have not looked.
pub(super) fn never_observed(object: &Value) -> Option<Readiness> {
    let generation = int(object, "/metadata/generation")?;
    match int(object, "/status/observedGeneration") {
        Some(_) => None,
        None => Some(not_observed(generation, 0)),
    }
}

fn not_observed(generation: i64, observed: i64) -> Readiness {
    let message = match observed {
        0 => "its controller has not looked at it yet".to_owned(),
        _ => format!("its controller has seen generation {observed} and not yet {generation}"),
    };
    Readiness::in_progress("LatestGenerationNotObserved", &message)
}
