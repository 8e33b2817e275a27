//! Causes in one pod: its containers, its place, its volumes.

use super::claim;
use super::events::{Event, Events};
use super::evidence::LiveObject;
use super::explain::{Case, Draft};
use crate::container::{Phase, containers};
use crate::object::{condition, text};
use crate::storage::claim_names;
use crate::trouble::{Heard, Missing, TroubleKind, join, missing_reference, of_pod, worst_container};

/// What is wrong with a pod, and how likely it is to be the root of what is wrong with its owner.
pub(super) struct PodTrouble<'v> {
    pub(super) rank: (bool, TroubleKind),
    pub(super) draft: Draft<'v>,
}

/// What is wrong with this pod. The draft's chain begins below the pod.
pub(super) fn explain<'v>(case: &Case<'v>, pod: &'v LiveObject) -> PodTrouble<'v> {
    let live = pod.object.expose();
    let of_pod = of_pod(live);
    // What kubelet says about a failed pod (an eviction) is more than how its containers ended because of it.
    let is_told = text(live, "/status/phase") == Some("Failed") && text(live, "/status/reason").is_some();
    let of_pod = match of_pod {
        Some(trouble) if is_told => return PodTrouble::of(trouble),
        of_pod => of_pod,
    };
    let of_container = match worst_container(live, |container| heard(&case.events, pod, container)) {
        Some(trouble) if trouble.kind > TroubleKind::Starting => return PodTrouble::of(trouble),
        of_container => of_container,
    };
    if let Some(trouble) = of_pod {
        let trouble = PodTrouble::of(trouble);
        return match trouble.rank.1 {
            TroubleKind::Unscheduled => missing_claim(case, pod).unwrap_or(trouble),
            _ => trouble,
        };
    }
    if let Some(draft) = preparation(case, pod) {
        return PodTrouble { rank: (draft.is_final, TroubleKind::Preparation), draft };
    }
    match of_container {
        Some(trouble) => PodTrouble::of(trouble),
        None => PodTrouble { rank: (false, TroubleKind::Starting), draft: starting(pod) },
    }
}

/// What events say about a container.
fn heard<'v>(events: &Events<'v>, pod: &LiveObject, container: &str) -> Heard<'v> {
    let is_pull = |event: &Event<'_>| event.message.contains("pull image") || event.message.contains("inspect image");
    let is_echo = |event: &Event<'_>| event.message.contains("ErrImage") || event.message.contains("ImagePullBackOff");
    let newest = |reason: &str, is_meant: &dyn Fn(&Event<'_>) -> bool| {
        let meant = |event: &&Event<'v>| event.reason == reason && event.concerns(container) && is_meant(event);
        events.about(pod).rfind(meant).map(|event| event.message)
    };
    let probe = |names: &[&str]| newest("Unhealthy", &|event| names.iter().any(|name| event.message.starts_with(name)));
    Heard {
        pull_failure: newest("Failed", &is_pull),
        pull_failures: events.times(pod, "Failed", |event| event.concerns(container) && is_pull(event)),
        start_failures: events
            .times(pod, "Failed", |event| event.concerns(container) && !is_pull(event) && !is_echo(event)),
        unready: probe(&["Readiness", "Startup"]),
        unhealthy: probe(&["Liveness", "Startup"]),
    }
}

/// A pod that finds no node because of a claim, whose own trouble then is the cause.
fn missing_claim<'v>(case: &Case<'v>, pod: &'v LiveObject) -> Option<PodTrouble<'v>> {
    let live = pod.object.expose();
    let message = condition(live, "PodScheduled").map(|scheduled| scheduled.message).unwrap_or_default();
    let rank = (false, TroubleKind::Unscheduled);
    let after = message.split_once("persistentvolumeclaim \"").map(|(_, rest)| rest);
    let missing =
        after.and_then(|rest| rest.split_once('"')).filter(|(_, rest)| rest.trim_start().starts_with("not found"));
    if let Some((name, _)) = missing {
        let words = format!("claim {name}, which does not exist");
        let draft = Draft::plain(format!("pod needs {words}"))
            .with_hint("declare the claim in the stack, or correct its name")
            .missing(Missing { kind: "PersistentVolumeClaim".to_owned(), name: name.to_owned(), words });
        return Some(PodTrouble { rank, draft });
    }
    // A claim that waits for its first consumer waits for the pod, so it is the cause only where the scheduler says so.
    let is_about_volumes = message.to_ascii_lowercase().contains("volume");
    if !message.is_empty() && !is_about_volumes {
        return None;
    }
    let names = claim_names(live.get("spec")?);
    let claims = case.evidence.related.iter().filter(|object| {
        object.id.is("", "PersistentVolumeClaim")
            && object.id.namespace == pod.id.namespace
            && names.contains(&object.id.name.as_str())
    });
    let draft = claims.filter_map(|object| Some((object, claim::explain(case, object)?))).next();
    draft.map(|(object, draft)| {
        let summary = format!("claim {}: {}", object.id.name, draft.summary);
        let draft = Draft { summary, ..draft }.under(vec![object]);
        PodTrouble { rank: (draft.is_final, TroubleKind::Preparation), draft }
    })
}

/// What keeps kubelet from starting any container: a volume, the network, the sandbox.
fn preparation<'v>(case: &Case<'v>, pod: &'v LiveObject) -> Option<Draft<'v>> {
    const PASSED: &[&str] = &["Pulling", "Pulled", "Created", "Started"];
    const TROUBLES: &[&str] = &[
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "FailedCreatePodContainer",
        "NetworkNotReady",
        "FailedSync",
    ];
    let is_preparing = containers(pod.object.expose()).iter().all(|container| match container.phase {
        Phase::Waiting { reason, .. } => matches!(reason, "ContainerCreating" | "PodInitializing" | ""),
        Phase::Running | Phase::Ended(_) => false,
    });
    let event = case.events.last(pod, TROUBLES).filter(|_| is_preparing)?;
    if case.events.last(pod, PASSED).is_some_and(|passed| passed.last_seen > event.last_seen) {
        return None;
    }
    let missing = missing_reference(event.message);
    Some(match (event.reason, missing) {
        ("FailedMount" | "FailedMapVolume", Some(missing)) => {
            Draft::plain(format!("a volume of the pod needs {}", missing.words))
                .with_hint("declare it in the stack, or correct the reference")
                .missing(missing)
        }
        ("FailedAttachVolume", _) if event.message.contains("Multi-Attach") => {
            Draft::plain(join("a volume is still attached to another node", event.message))
                .with_hint("the pod that used it must be gone first: a ReadWriteOnce claim needs the strategy Recreate")
        }
        ("FailedMount" | "FailedAttachVolume" | "FailedMapVolume", _) => {
            Draft::plain(join("a volume cannot be mounted", event.message))
        }
        _ => Draft::plain(join("the pod's sandbox cannot be made", event.message))
            .with_hint(sandbox_hint(event.reason, event.message)),
    })
}

/// Returns where to look for what keeps a sandbox from being made. kubelet has one Event for all of it, and the message of the
/// container runtime tells which part of the node has failed (`pkg/kubelet/kuberuntime`, containerd's `pkg/cri`).
fn sandbox_hint(reason: &str, message: &str) -> &'static str {
    let tells = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if tells(&["sandbox image"]) {
        "the node cannot pull the image of every pod's sandbox; look at the configuration of its container runtime"
    } else if reason == "NetworkNotReady"
        || tells(&["network for sandbox", "network plugin", "network is not ready", "cni"])
    {
        "the network plugin of the node failed; look at the node"
    } else {
        "the container runtime of the node failed; look at the node"
    }
}

fn starting<'v>(pod: &LiveObject) -> Draft<'v> {
    let live = pod.object.expose();
    let ready = condition(live, "Ready").filter(|ready| !ready.message.is_empty());
    match (text(live, "/status/phase"), text(live, "/spec/nodeName"), ready) {
        (Some("Running"), _, Some(ready)) => Draft::plain(format!("pod runs but is not ready: {}", ready.message)),
        (Some("Running"), _, None) => Draft::plain("pod runs but is not ready yet"),
        (_, None, _) => Draft::plain("pod has not been given a node yet"),
        (_, Some(node), _) => Draft::plain(format!("pod is starting on node {node}")),
    }
}
