//! Whether a 503 is about one API only: one that the API server passes on to another server (an `APIService`), which is away.

use serde::Deserialize;

use super::{Call, Query, Transport, read};

#[derive(Deserialize, Default)]
#[serde(default)]
struct ApiService {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    service: Option<Service>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Service {
    namespace: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
    reason: String,
    message: String,
}

/// Returns why the API of a path is unavailable, if the API server says so itself while it answers everything else.
pub(super) async fn unavailable(transport: &Transport, path: &str) -> Option<String> {
    let mut parts = path.strip_prefix("/apis/")?.split(['/', '?']);
    let (group, version) = (parts.next()?, parts.next()?);
    // The groups without a domain, and Kubernetes' own, are in the API server itself; a metrics API, say, is not.
    let name = format!("{version}.{group}");
    let path = Query::path(&format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}")).into_string();
    let answer = transport.attempt(&Call::get(path), 1).await.ok()?;
    let ApiService { spec, status } = read(&answer.body).ok()?;
    let service = spec.service?;
    let condition = status.conditions.into_iter().find(|condition| condition.r#type == "Available")?;
    (condition.status != "True").then(|| {
        let Condition { reason, message, .. } = condition;
        transport
            .scrub(&format!("{name} is served by Service/{}/{}: {reason}: {message}", service.namespace, service.name))
    })
}
