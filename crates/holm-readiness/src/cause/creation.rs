//! Pods that are refused before they exist: quotas, Pod Security, webhooks, missing service accounts.

use super::evidence::LiveObject;
use super::explain::{Case, Draft};
use crate::object::{condition, int, text};
use crate::trouble::Missing;

/// What lacks may come: a quota is freed, an object created. After this many seconds it is taken not to.
const PATIENCE_SECONDS: i64 = 10;

/// Whether a refusal lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// The same pod is refused again.
    Yes,
    /// Until something else changes.
    ForNow,
    /// It is no refusal but a failure on the way.
    No,
}

/// Why `owner` has fewer pods than it wants. None where it has as many, or nothing is known.
pub(super) fn explain<'v>(case: &Case<'v>, owner: &'v LiveObject, pods: &[&LiveObject]) -> Option<Draft<'v>> {
    let live = owner.object.expose();
    let wanted = ["/spec/replicas", "/status/desiredNumberScheduled", "/spec/parallelism"];
    let wanted = wanted.into_iter().find_map(|pointer| int(live, pointer)).unwrap_or(1);
    let have = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let failure =
        [live, case.live()].into_iter().find_map(|it| condition(it, "ReplicaFailure")).filter(|it| it.is_true());
    if have >= wanted && failure.is_none() {
        return None;
    }
    let event = case.events.last(owner, &["FailedCreate"]);
    let message = event.map(|event| event.message).or(failure.map(|it| it.message)).filter(|it| !it.is_empty())?;
    let answer = refusal(message);
    let (words, hint, lasting) = read(answer);
    let seen = case.events.times(owner, "FailedCreate", |_| true);
    let span = event.map_or(0, |event| event.span());
    let is_one_ending = pods.iter().any(|pod| text(pod.object.expose(), "/metadata/deletionTimestamp").is_some());
    let is_final = match lasting {
        Lasting::Yes => seen >= 2,
        Lasting::ForNow => seen >= 2 && span >= PATIENCE_SECONDS && !is_one_ending,
        Lasting::No => false,
    };
    let draft = Draft::plain(format!("pods cannot be created: {words}"));
    let draft = match missing_account(answer) {
        Some(missing) => draft.missing(missing),
        None => draft.finally(is_final),
    };
    Some(match hint {
        Some(hint) => draft.with_hint(hint),
        None => draft,
    })
}

/// The server's answer, without what the controller says in front of it.
fn refusal(message: &str) -> &str {
    let starts = ["Error creating: ", "failed error: "];
    starts.into_iter().find_map(|start| message.split_once(start)).map_or(message, |(_, answer)| answer)
}

/// The ServiceAccount that does not exist, which a controller may make.
fn missing_account(answer: &str) -> Option<Missing> {
    let (_, rest) = answer.rsplit_once("serviceaccount \"")?;
    let name = rest.split('"').next()?.to_owned();
    let words = format!("ServiceAccount {name}, which does not exist");
    Some(Missing { kind: "ServiceAccount".to_owned(), name, words })
}

fn read(answer: &str) -> (String, Option<&'static str>, Lasting) {
    if let Some((_, quota)) = answer.split_once("exceeded quota: ") {
        let (name, counts) = quota.split_once(", ").unwrap_or((quota, ""));
        let counts = if counts.is_empty() { String::new() } else { format!(" ({counts})") };
        let words = format!("quota {name} is exceeded{counts}");
        return (words, Some("raise the quota, or lower what the pods request"), Lasting::ForNow);
    }
    if let Some((_, quota)) = answer.split_once("failed quota: ") {
        let hint = "give every container the requests and limits that the quota asks for";
        return (format!("quota {quota}"), Some(hint), Lasting::Yes);
    }
    if let Some((_, violation)) = answer.split_once("violates PodSecurity ") {
        let hint = "set the security context that this level asks for, or change the namespace's label";
        return (format!("they violate Pod Security {violation}"), Some(hint), Lasting::Yes);
    }
    for (start, kind) in [("serviceaccount \"", "ServiceAccount"), ("no PriorityClass with name ", "PriorityClass")] {
        if let Some((_, rest)) = answer.rsplit_once(start) {
            let name = rest.split(['"', ' ']).next().unwrap_or_default();
            let hint = "declare it in the stack, or correct the name";
            return (format!("{kind} {name} does not exist"), Some(hint), Lasting::ForNow);
        }
    }
    if answer.contains("failed calling webhook") || answer.contains("failed calling admission webhook") {
        return (answer.to_owned(), Some("an admission webhook does not answer: look at its server"), Lasting::No);
    }
    if answer.contains("denied the request") || answer.contains("is invalid") {
        return (answer.to_owned(), None, Lasting::Yes);
    }
    let lasting = if answer.contains("is forbidden") { Lasting::ForNow } else { Lasting::No };
    (answer.to_owned(), None, lasting)
}
