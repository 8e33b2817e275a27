//! Causes in everything that has no pods: what its conditions and finalizers say.

use super::explain::{Case, Draft};
use crate::object::{condition, texts};
use crate::trouble::join;

/// Finalizers of Kubernetes' own: what they wait for, and what helps.
const FINALIZERS: &[(&str, &str, Option<&str>)] = &[
    ("kubernetes.io/pvc-protection", "a pod still uses the claim", Some("delete the pods that mount it")),
    ("kubernetes.io/pv-protection", "the volume is still bound to a claim", Some("delete the claim")),
    ("foregroundDeletion", "what it owns is being deleted first", None),
    ("orphan", "what it owns is being released first", None),
    ("service.kubernetes.io/load-balancer-cleanup", "its load balancer is being taken down", None),
    ("customresourcecleanup.apiextensions.k8s.io", "the custom resources of its kind are being deleted first", None),
    ("batch.kubernetes.io/job-tracking", "its Job has yet to count it", None),
];

/// What a finalizer needs that no one here knows.
const FINALIZER_HINT: &str = "the controller that set the finalizer must take it away; is it running?";

/// Why an object without pods is not ready.
pub(super) fn explain<'v>(case: &Case<'v>) -> Draft<'v> {
    let id = &case.evidence.object.id;
    let said = case.said();
    match (id.group.as_str(), id.kind.as_str(), case.evidence.readiness.reason.as_str()) {
        ("", "Service", "NoAddress") => load_balancer(case, said),
        ("apiextensions.k8s.io", "CustomResourceDefinition", _) => {
            let refused = condition(case.live(), "NamesAccepted").filter(|it| it.is_false());
            match refused {
                Some(names) => Draft::plain(join("its names are taken by another definition", names.message))
                    .with_hint("choose other names, or delete the definition that has them")
                    .finally(true),
                None => said,
            }
        }
        ("apiregistration.k8s.io", "APIService", _) => said.with_hint("look at the Service that it names and its pods"),
        (_, kind, "NoStatusYet") => {
            let hint =
                format!("is the controller of {kind} running? If there is none, say when it is ready with ready_when");
            said.with_hint(hint)
        }
        _ => said,
    }
}

fn load_balancer<'v>(case: &Case<'v>, said: Draft<'v>) -> Draft<'v> {
    let failed = case.events.last(&case.evidence.object, &["SyncLoadBalancerFailed"]);
    match failed {
        Some(event) => Draft::plain(join("its load balancer cannot be made", event.message)),
        None => said.with_hint("it needs a controller that gives addresses; type ClusterIP or NodePort needs none"),
    }
}

/// The APIServices in the words of a failed discovery, which names group versions such as `metrics.k8s.io/v1beta1`.
fn services(message: &str) -> Vec<String> {
    let mut names = Vec::new();
    for word in message.split([' ', ',']) {
        let Some((group, version)) = word.trim_end_matches(':').split_once('/') else { continue };
        let is_version = version.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let name = format!("{version}.{group}");
        if is_version && group.contains('.') && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Why an object that is being deleted is still there.
pub(super) fn deletion<'v>(case: &Case<'v>) -> Draft<'v> {
    let live = case.live();
    let when_true = |kind| condition(live, kind).filter(|it| it.is_true());
    let told = |message: &str| message.split_once("remaining: ").map_or(message, |(_, list)| list).to_owned();
    if let Some(failure) = when_true("NamespaceDeletionDiscoveryFailure") {
        let mut summary = join("cannot be emptied, because not all of its kinds can be found", failure.message);
        if let Some(finalizers) = when_true("NamespaceFinalizersRemaining") {
            summary.push_str("; it also waits for finalizers of what is in it: ");
            summary.push_str(&told(finalizers.message));
        }
        let hint = match services(failure.message).as_slice() {
            [] => "an APIService without a server stands in the way; see `kubectl get apiservices`".to_owned(),
            names => {
                let (names, verb) = (names.join(", "), if names.len() == 1 { "has" } else { "have" });
                format!(
                    "APIService {names} {verb} no server that answers: repair it, or delete it if it is no longer needed"
                )
            }
        };
        return Draft::plain(summary).with_hint(hint);
    }
    if let Some(finalizers) = when_true("NamespaceFinalizersRemaining") {
        return Draft::plain(join("waits for finalizers of what is in it", &told(finalizers.message)))
            .with_hint(FINALIZER_HINT);
    }
    if let Some(content) = when_true("NamespaceContentRemaining") {
        return Draft::plain(join("still holds", &told(content.message)));
    }
    if let Some(failure) = when_true("NamespaceDeletionContentFailure") {
        return Draft::plain(join("cannot be emptied", failure.message));
    }
    if case.evidence.object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")
        && let Some(terminating) = when_true("Terminating")
    {
        return Draft::plain(join("the custom resources of its kind must go first", terminating.message))
            .with_hint("their finalizers hold them: is the controller that set them running?");
    }
    let finalizers = texts(live, "/metadata/finalizers");
    let known = finalizers.iter().find_map(|it| FINALIZERS.iter().find(|(name, ..)| name == it));
    // A finalizer that is not known says more than one that is: Kubernetes takes away its own.
    let foreign = finalizers.iter().find(|it| FINALIZERS.iter().all(|(name, ..)| name != *it));
    match (foreign, known) {
        (Some(name), _) => Draft::plain(format!("waits for its finalizer {name}")).with_hint(FINALIZER_HINT),
        (None, Some((_, words, hint))) => {
            let draft = Draft::plain(*words);
            match hint {
                Some(hint) => draft.with_hint(*hint),
                None => draft,
            }
        }
        (None, None) => case.said(),
    }
}
