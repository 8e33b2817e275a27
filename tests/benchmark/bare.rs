//! The same requests with nothing around them: what no tool can be faster than.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use http::Request;
use kube::client::Body;
use kube::core::WatchEvent;
use serde_json::Value;

/// How many requests are in flight.
const IN_FLIGHT: usize = 32;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A client for the cluster that the kubeconfig names.
pub async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Applies every object in `namespace`, and says how long it took.
pub async fn apply(client: &kube::Client, objects: &[Value], namespace: &str, dry_run: bool) -> Result<Duration> {
    let begun = Instant::now();
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    let requests = objects.iter().map(|object| {
        let path = format!("{}/{}", collection(object, namespace), object["metadata"]["name"].as_str().unwrap_or(""));
        Request::patch(format!("{path}?fieldManager=bare{dry_run}"))
            .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(Body::from(object.to_string().into_bytes()))
    });
    let mut answers = stream::iter(requests).map(|request| send(client, request)).buffer_unordered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(begun.elapsed())
}

/// Waits until the controllers have answered every Deployment in `namespace`, as whoever wants to know that what was applied
/// works must.
pub async fn answered(client: &kube::Client, namespace: &str) -> Result<()> {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let list: Value = client.request(Request::get(&path).body(Vec::new())?).await?;
    let mut unanswered: BTreeSet<String> =
        list["items"].as_array().into_iter().flatten().filter(|item| !is_answered(item)).map(name).collect();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or("");
    let watch = Request::get(format!("{path}?watch=true&resourceVersion={version}")).body(Vec::new())?;
    let mut events = std::pin::pin!(client.request_events::<Value>(watch).await?);
    while !unanswered.is_empty() {
        match events.try_next().await?.ok_or("the watch ended")? {
            WatchEvent::Modified(object) if is_answered(&object) => drop(unanswered.remove(&name(&object))),
            WatchEvent::Error(error) => return Err(format!("the watch ended: {}", error.message).into()),
            _ => {}
        }
    }
    Ok(())
}

fn is_answered(deployment: &Value) -> bool {
    deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or("").to_owned()
}

/// Lists the five kinds in `namespace`, and says how long it took.
pub async fn list(client: &kube::Client, namespace: &str) -> Result<Duration> {
    let begun = Instant::now();
    let kinds = ["configmaps", "secrets", "serviceaccounts", "services"];
    let mut paths: Vec<String> = kinds.iter().map(|kind| format!("/api/v1/namespaces/{namespace}/{kind}")).collect();
    paths.push(format!("/apis/apps/v1/namespaces/{namespace}/deployments"));
    let requests = paths.into_iter().map(|path| Request::get(path).body(Body::empty()));
    let mut answers = stream::iter(requests).map(|request| send(client, request)).buffer_unordered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(begun.elapsed())
}

async fn send(client: &kube::Client, request: std::result::Result<Request<Body>, http::Error>) -> Result<()> {
    let response = client.send(request?).await?;
    let status = response.status();
    let body = response.into_body().collect_bytes().await?;
    if status.is_success() {
        return Ok(());
    }
    Err(format!("the server answered {status}: {}", String::from_utf8_lossy(&body)).into())
}

fn collection(object: &Value, namespace: &str) -> String {
    match object["kind"].as_str().unwrap_or("") {
        "Deployment" => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
        kind => format!("/api/v1/namespaces/{namespace}/{}s", kind.to_lowercase()),
    }
}
