//! The requests that every server gets, and what they cost.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::BoxStream;
use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use super::{Result, bare};

/// How often a single request is repeated.
const REPEATED: usize = 100;

/// Where the objects are.
const NAMESPACE: &str = "benchmark";

/// What a server needed.
pub struct Figures {
    start: Duration,
    apply: Duration,
    count: usize,
    dry_run: Duration,
    list: Duration,
    watch: Duration,
    one: Duration,
    event: Duration,
    memory: Option<u64>,
}

impl Figures {
    /// What the columns are.
    pub const HEADINGS: [&str; 9] = [
        "start",
        "apply all, 32 in flight",
        "applies per second",
        "dry-run all",
        "list all, pages of 500",
        "watch: all Deployments arrive",
        "one apply among all",
        "from an apply to its event",
        "memory",
    ];

    /// The figures, in the order of the headings.
    pub fn row(&self) -> String {
        // Only for a figure of three digits.
        #[allow(clippy::cast_precision_loss)]
        let rate = self.count as f64 / self.apply.as_secs_f64();
        let memory = self.memory.map_or_else(|| "-".to_owned(), |memory| format!("{} MiB", memory / 1024));
        let times = [self.dry_run, self.list, self.watch, self.one, self.event].map(time);
        format!("{} | {} | {rate:.0} | {} | {memory}", time(self.start), time(self.apply), times.join(" | "))
    }
}

fn time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds >= 1000.0 {
        format!("{:.2} s", milliseconds / 1000.0)
    } else if milliseconds >= 10.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{milliseconds:.2} ms")
    }
}

/// Sends the requests. `memory` is asked when all objects are there.
pub async fn play(
    client: &kube::Client,
    objects: &[Value],
    start: Duration,
    memory: impl Fn() -> Result<Option<u64>>,
) -> Result<Figures> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let request = Request::post("/api/v1/namespaces").header("Content-Type", "application/json");
    send(client, request.body(Body::from(namespace.to_string().into_bytes()))?).await?;
    let apply = bare::apply(client, objects, NAMESPACE, false).await?;
    let dry_run = bare::apply(client, objects, NAMESPACE, true).await?;
    let list = list_all(client).await?;
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment").count();
    let begun = Instant::now();
    let mut events = watch(client, "/apis/apps/v1", "deployments", "0").await?;
    for _ in 0..deployments {
        next(&mut events).await?;
    }
    let watch_time = begun.elapsed();
    drop(events);
    let one = median(client, None).await?;
    let events = watch(client, "/api/v1", "configmaps", &revision(client).await?).await?;
    let event = median(client, Some(events)).await?;
    let memory = memory()?;
    Ok(Figures { start, apply, count: objects.len(), dry_run, list, watch: watch_time, one, event, memory })
}

/// Changes one ConfigMap again and again. With `events`, the time ends when the change is seen there.
async fn median(client: &kube::Client, mut events: Option<Events>) -> Result<Duration> {
    let mut times = Vec::new();
    for number in 0..REPEATED {
        let value = format!("{number}-{}", events.is_some());
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-0001"}, "data": {"level": value},
        });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/app-0001?fieldManager=bare&force=true");
        let request = Request::patch(path).header("Content-Type", "application/apply-patch+yaml");
        let begun = Instant::now();
        send(client, request.body(Body::from(object.to_string().into_bytes()))?).await?;
        if let Some(events) = &mut events {
            while next(events).await?.pointer("/object/data/level").and_then(Value::as_str) != Some(&value) {}
        }
        times.push(begun.elapsed());
    }
    times.sort();
    times.get(times.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

async fn list_all(client: &kube::Client) -> Result<Duration> {
    let begun = Instant::now();
    for (group, plural) in [
        ("/api/v1", "configmaps"),
        ("/api/v1", "secrets"),
        ("/api/v1", "serviceaccounts"),
        ("/api/v1", "services"),
        ("/apis/apps/v1", "deployments"),
    ] {
        let mut token = String::new();
        loop {
            let path = format!("{group}/namespaces/{NAMESPACE}/{plural}?limit=500&continue={token}");
            let page = send(client, Request::get(path).body(Body::empty())?).await?;
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => token = next.replace('=', "%3D").replace('+', "%2B"),
                _ => break,
            }
        }
    }
    Ok(begun.elapsed())
}

async fn revision(client: &kube::Client) -> Result<String> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps?limit=1");
    let page = send(client, Request::get(path).body(Body::empty())?).await?;
    let revision = page.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    Ok(revision.ok_or("a list has a resourceVersion")?.to_owned())
}

/// The lines of a watch.
struct Events {
    bytes: BoxStream<'static, Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

async fn watch(client: &kube::Client, group: &str, plural: &str, revision: &str) -> Result<Events> {
    let path = format!("{group}/namespaces/{NAMESPACE}/{plural}?watch=1&resourceVersion={revision}");
    let response = client.send(Request::get(path).body(Body::empty())?).await?;
    let bytes = response.into_body().into_data_stream();
    let bytes = bytes.map(|part| part.map(|part| part.to_vec()).map_err(Into::into)).boxed();
    Ok(Events { bytes, buffer: Vec::new() })
}

async fn next(events: &mut Events) -> Result<Value> {
    loop {
        if let Some(end) = events.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = events.buffer.drain(..=end).collect();
            return Ok(serde_json::from_slice(&line)?);
        }
        let part = events.bytes.next().await.ok_or("the watch ended early")??;
        events.buffer.extend(part);
    }
}

async fn send(client: &kube::Client, request: Request<Body>) -> Result<Value> {
    let response = client.send(request).await?;
    let status = response.status();
    let body = response.into_body().collect_bytes().await?;
    if !status.is_success() {
        return Err(format!("the server answered {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(serde_json::from_slice(&body)?)
}
