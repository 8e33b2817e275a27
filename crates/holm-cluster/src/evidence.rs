//! Fetches what tells why an object is not ready. Whatever cannot be had is left out.

use futures::future::join_all;
use holm_core::{ApiKind, ResourceId};
use holm_readiness::cause::{
    Cause, Evidence, LOG_LINE_LIMIT, LiveObject, LogSource, Lookup, Select, containers_to_log, descendants, explain,
    explain_instability, lookups,
};
use holm_readiness::{Readiness, failed_since};
use holm_redact::Redactor;
use serde_json::Value;

use crate::observe::{get, page};
use crate::transport::{Call, Patience, Query, Transport};

const PAGE_SIZE: &str = "500";
/// The limit of a log request in bytes. The server drops the end of a longer log, and with it the lines that matter, so this is
/// far more than [`LOG_LINE_LIMIT`] lines usually take.
const LOG_BYTES: usize = 64 * 1024;
/// Of how many objects below the one that is not ready the events are read one by one, where a namespace has too many.
const MOST_EVENT_SOURCES: usize = 5;
/// For how many seconds a pod that failed says something of an object that works.
const FRESH: i64 = 120;
/// Evidence is worth one more try, but nobody waits for it for long.
const PATIENCE: Patience = Patience::few(2);

/// Why an object is not ready, or, of one that is, why its pods keep failing all the same; with evidence from the cluster: a list for each level below it, one of the events, and the
/// logs of the container that is to blame. None where nothing is to be said.
/// `pods` were seen before, and count where they are gone by now.
pub(crate) async fn cause(
    transport: &Transport,
    kind: &ApiKind,
    object: Value,
    readiness: Readiness,
    pods: Vec<Value>,
) -> Option<Cause> {
    let live = LiveObject::new(kind, object);
    let mut evidence = Evidence::new(live, readiness);
    let lookups = lookups(&evidence.object);
    let related = join_all(lookups.iter().map(|lookup| related(transport, lookup))).await;
    evidence.related = related.into_iter().flatten().collect();
    let uid = |object: &Value| object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
    for pod in pods {
        if evidence.related.iter().all(|known| uid(known.object.expose()) != uid(&pod)) {
            evidence.related.push(LiveObject::new(&ApiKind::core("Pod", "pods"), pod));
        }
    }
    evidence.events = events(transport, &evidence).await;
    if evidence.readiness.is_current() {
        evidence.related.retain(|object| !is_long_failed(transport, object));
        return transport.with_redactor(|redactor| explain_instability(&evidence, redactor));
    }
    let sources = containers_to_log(&evidence);
    let logs = join_all(sources.iter().map(|source| log(transport, source))).await;
    evidence.logs = sources.into_iter().zip(logs).filter(|(_, lines)| !lines.is_empty()).collect();
    transport.with_redactor(|redactor| explain(&evidence, redactor))
}

/// Whether a pod failed so long ago that it says nothing of how its owner is now.
fn is_long_failed(transport: &Transport, object: &LiveObject) -> bool {
    let live = object.object.expose();
    let has_failed = live.pointer("/status/phase").and_then(Value::as_str) == Some("Failed");
    let since = failed_since(live).filter(|_| has_failed);
    match (since, transport.clock().now()) {
        (Some(since), Some(now)) => now.0.saturating_sub(since.as_second()) > FRESH,
        _ => false,
    }
}

async fn related(transport: &Transport, lookup: &Lookup) -> Vec<LiveObject> {
    let objects = match &lookup.select {
        Select::Name(name) => {
            let id = ResourceId::new(&lookup.kind.group, &lookup.kind.kind, lookup.namespace.as_deref(), name);
            get(transport, &lookup.kind, &id).await.ok().flatten().into_iter().collect()
        }
        Select::Labels(labels) => {
            let query = Query::collection(&lookup.kind, lookup.namespace.as_deref()).with("labelSelector", labels);
            list(transport, query, &lookup.kind).await.0
        }
    };
    objects.into_iter().map(|object| LiveObject::new(&lookup.kind, object)).collect()
}

/// One page of a list, and whether there is more.
async fn list(transport: &Transport, query: Query, kind: &ApiKind) -> (Vec<Value>, bool) {
    let call = Call::get(query.with("limit", PAGE_SIZE).into_string()).patience(PATIENCE);
    let answer = transport.call(&call).await.ok();
    let page = answer.and_then(|answer| page(&answer.body, kind, &|_| true).ok()).unwrap_or_default();
    (page.items.iter().map(|(_, item)| item.open()).collect(), page.token.is_some())
}

async fn events(transport: &Transport, evidence: &Evidence) -> Vec<Value> {
    let kind = ApiKind::core("Event", "events");
    // Events about objects without a namespace are kept in `default`.
    let namespace = evidence.object.id.namespace.as_deref().unwrap_or("default");
    let collection = Query::collection(&kind, Some(namespace));
    if evidence.object.id.namespace.is_some() {
        let (events, has_more) = list(transport, collection.clone(), &kind).await;
        if !has_more {
            return events;
        }
    }
    let uid = |object: &LiveObject| {
        object.object.expose().pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned)
    };
    let own = uid(&evidence.object);
    let below = own.as_deref().map(|own| descendants(own, &evidence.related)).unwrap_or_default();
    let uids: Vec<String> = below.into_iter().take(MOST_EVENT_SOURCES).filter_map(uid).chain(own.clone()).collect();
    let lists = uids.iter().map(|uid| {
        let query = collection.clone().with("fieldSelector", &format!("involvedObject.uid={uid}"));
        list(transport, query, &kind)
    });
    join_all(lists).await.into_iter().flat_map(|(events, _)| events).collect()
}

async fn log(transport: &Transport, source: &LogSource) -> Vec<String> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/log", source.namespace, source.pod);
    let mut query = Query::path(&path)
        .with("container", &source.container)
        .with("tailLines", &LOG_LINE_LIMIT.to_string())
        .with("limitBytes", &LOG_BYTES.to_string());
    if source.previous {
        query = query.with("previous", "true");
    }
    let patience = Patience::few(1);
    let call = Call { accept: "*/*", ..Call::get(query.into_string()) }.patience(patience);
    match transport.call(&call).await {
        Ok(answer) => transport.with_redactor(|redactor| lines(&answer.body, LOG_BYTES, redactor)),
        Err(_) => Vec::new(),
    }
}

/// Returns the lines of a log without secret values. A server that sends as many bytes as were requested may have stopped in
/// the middle of a line, and of a secret, so the last line is dropped.
fn lines(body: &[u8], limit: usize, redactor: &Redactor) -> Vec<String> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    if body.len() >= limit {
        text.truncate(text.rfind('\n').unwrap_or(0));
    }
    // Scrubbed as one text, so that a value of several lines is found even where its lines are ordinary by themselves.
    redactor.scrub(&text).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_scrubbed_and_a_line_that_was_cut_is_left_out() {
        let mut redactor = Redactor::default();
        redactor.learn("CANARYtok/16byte");
        let log = "first\nlogin CANARYtok/16byte failed\nlast CANARYtok/16byte";
        for limit in 1..=log.len() {
            let shown = lines(&log.as_bytes()[..limit], limit, &redactor);
            let whole = ["first", "login (sensitive) failed"];
            assert!(whole.starts_with(&shown.iter().map(String::as_str).collect::<Vec<_>>()), "{limit}: {shown:?}");
        }
        let shown = lines(log.as_bytes(), log.len() + 1, &redactor);
        assert_eq!(shown, ["first", "login (sensitive) failed", "last (sensitive)"]);
        redactor.learn("a1\nb2\nc3");
        assert_eq!(lines(b"key:\n  a1\n  b2\n  c3\nend", 1000, &redactor), ["key:", "  (sensitive)", "end"]);
    }
}
