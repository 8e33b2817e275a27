//! Requests to the API server.

use futures::StreamExt;
use futures::stream::BoxStream;
use http::{Method, Request};
use kube::core::WatchEvent;
use serde_json::{Value, json};

use crate::object::text;
use crate::resource::Resource;

/// The most objects of one answer to a list.
const PAGE: &str = "500";

/// A client of the API server, in the words of this crate.
#[derive(Clone)]
pub(crate) struct Client {
    client: kube::Client,
}

/// A list, and the version from which a watch goes on.
pub(crate) struct Listed {
    pub items: Vec<Value>,
    pub version: String,
}

/// Whether an error is an answer with one of these codes.
pub(crate) fn is_answer(error: &kube::Error, codes: &[u16]) -> bool {
    matches!(error, kube::Error::Api(status) if codes.contains(&status.code))
}

/// The values of queries here are names and numbers; of what they hold, only these characters need escapes.
fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('=', "%3D").replace(' ', "%20")
}

impl Client {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self { client }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, kube::Error> {
        let request = Request::builder()
            .method(method)
            .uri(uri(path, query))
            .header(http::header::CONTENT_TYPE, content_type)
            .header(http::header::ACCEPT, "application/json")
            .body(body)
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    /// Reads all objects, page by page.
    pub(crate) async fn list(&self, resource: Resource, fields: &str) -> Result<Listed, kube::Error> {
        let mut items = Vec::new();
        let mut token = String::new();
        loop {
            let mut query = vec![("limit", PAGE)];
            if !fields.is_empty() {
                query.push(("fieldSelector", fields));
            }
            if !token.is_empty() {
                query.push(("continue", token.as_str()));
            }
            let mut page = self.send(Method::GET, &resource.path(""), &query, JSON, Vec::new()).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            token = text(&page, &["metadata", "continue"]).to_owned();
            // An API server in this process answers at once, and others want to run between the pages of a long list.
            tokio::task::yield_now().await;
            if token.is_empty() {
                return Ok(Listed { items, version: text(&page, &["metadata", "resourceVersion"]).to_owned() });
            }
        }
    }

    /// Watches the changes after a version.
    pub(crate) async fn watch(
        &self,
        resource: Resource,
        fields: &str,
        version: &str,
    ) -> Result<BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>, kube::Error> {
        let mut query = vec![("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version)];
        if !fields.is_empty() {
            query.push(("fieldSelector", fields));
        }
        let request = Request::builder()
            .method(Method::GET)
            .uri(uri(&resource.path(""), &query))
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(kube::Error::HttpError)?;
        Ok(self.client.request_events(request).await?.boxed())
    }

    pub(crate) async fn get(&self, resource: Resource, namespace: &str, name: &str) -> Result<Value, kube::Error> {
        let path = format!("{}/{name}", resource.path(namespace));
        self.send(Method::GET, &path, &[], JSON, Vec::new()).await
    }

    pub(crate) async fn create(&self, resource: Resource, object: &Value, manager: &str) -> Result<Value, kube::Error> {
        let path = resource.path(text(object, &["metadata", "namespace"]));
        self.send(Method::POST, &path, &[("fieldManager", manager)], JSON, object.to_string().into_bytes()).await
    }

    /// A strategic merge patch, as kubelets send it.
    pub(crate) async fn patch(&self, target: &Target<'_>, body: &Value, manager: &str) -> Result<Value, kube::Error> {
        let mut path = format!("{}/{}", target.resource.path(target.namespace), target.name);
        if !target.subresource.is_empty() {
            path.push('/');
            path.push_str(target.subresource);
        }
        let body = body.to_string().into_bytes();
        self.send(Method::PATCH, &path, &[("fieldManager", manager)], STRATEGIC, body).await
    }

    /// Deletes the object with this uid at once.
    pub(crate) async fn delete(&self, target: &Target<'_>, uid: &str) -> Result<Value, kube::Error> {
        let path = format!("{}/{}", target.resource.path(target.namespace), target.name);
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}});
        if target.resource == Resource::Pods {
            options["gracePeriodSeconds"] = json!(0);
        }
        self.send(Method::DELETE, &path, &[], JSON, options.to_string().into_bytes()).await
    }

    /// Binds a pod to a node.
    pub(crate) async fn bind(&self, namespace: &str, name: &str, uid: &str, node: &str) -> Result<(), kube::Error> {
        let path = format!("{}/{name}/binding", Resource::Pods.path(namespace));
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"namespace": namespace, "name": name, "uid": uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let query = [("fieldManager", "kube-scheduler")];
        self.send(Method::POST, &path, &query, JSON, binding.to_string().into_bytes()).await.map(drop)
    }
}

/// What a request changes.
pub(crate) struct Target<'a> {
    pub resource: Resource,
    pub namespace: &'a str,
    pub name: &'a str,
    pub subresource: &'a str,
}

const JSON: &str = "application/json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

fn uri(path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// The count of an Event.
pub(crate) fn count_of(event: &Value) -> i64 {
    let series = crate::object::number(event, &["series", "count"]);
    crate::object::number(event, &["count"]).or(series).unwrap_or(1)
}
