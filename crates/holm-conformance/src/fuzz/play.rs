//! Playing a sequence on a server.

use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::kinds::is_controlled;
use super::{Step, definitions};
use crate::{Answer, Request, normal};

/// How long the controllers of a real cluster may take.
const PATIENCE: usize = 200;
/// How long the collector of garbage may not know a kind.
const PATIENCE_WITH_COLLECTOR: usize = 1_200;
const PAUSE: Duration = Duration::from_millis(50);

/// Finalizers that the cluster adds and removes itself.
const OWN_FINALIZERS: [&str; 3] = ["kubernetes.io/pvc-protection", "foregroundDeletion", "orphan"];

/// Where the player of a sequence stands.
pub struct Player<'c> {
    client: &'c kube::Client,
    namespace: String,
    /// The version of the cluster when the sequence began.
    start: String,
    answers: BTreeMap<String, Value>,
    versions: BTreeMap<String, String>,
}

/// Makes the definitions of the custom resources, and waits until they are served.
///
/// The storage classes are those of the tests' control plane.
///
/// # Errors
/// If the server cannot be reached.
pub async fn define(client: &kube::Client) -> Result<(), kube::Error> {
    for class in [
        json!({"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "kubernetes.io/host-path", "volumeBindingMode": "WaitForFirstConsumer"}),
        json!({"metadata": {"name": "immediate"}, "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": true}),
    ] {
        let path = "/apis/storage.k8s.io/v1/storageclasses";
        Request { method: &Method::POST, path, content: "", agent: "fuzz", body: Some(&class) }.send(client).await?;
    }
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in definitions() {
        Request { method: &Method::POST, path, content: "", agent: "fuzz", body: Some(&definition) }
            .send(client)
            .await?;
        let (group, plural) = (&definition["spec"]["group"], &definition["spec"]["names"]["plural"]);
        let (group, plural) = (group.as_str().unwrap_or_default(), plural.as_str().unwrap_or_default());
        let served = format!("/apis/{group}/v1/namespaces/default/{plural}");
        wait(client, &served, PATIENCE, |answer| answer.code == 200).await?;
        // The collector of garbage of a real cluster looks every half minute for kinds that are new, and only then lets go of
        // what was deleted in the foreground.
        let first = json!({"apiVersion": format!("{group}/v1"), "kind": definition["spec"]["names"]["kind"],
            "metadata": {"name": "first"}, "spec": {"size": "small"}});
        let deletion = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"});
        let object = format!("{served}/first");
        for (method, path, body) in [(Method::POST, &served, &first), (Method::DELETE, &object, &deletion)] {
            Request { method: &method, path, content: "", agent: "fuzz", body: Some(body) }.send(client).await?;
        }
        wait(client, &object, PATIENCE_WITH_COLLECTOR, |answer| answer.code == 404).await?;
    }
    Ok(())
}

/// What a path shows.
///
/// # Errors
/// If the server cannot be reached.
pub async fn get(client: &kube::Client, path: &str) -> Result<Answer, kube::Error> {
    Request { method: &Method::GET, path, content: "", agent: "fuzz", body: None }.send(client).await
}

/// Looks at a path until what it shows is as wanted, or as often as patience lasts.
async fn wait(
    client: &kube::Client,
    path: &str,
    patience: usize,
    is_wanted: impl Fn(&Answer) -> bool,
) -> Result<(), kube::Error> {
    for _ in 0..patience {
        if is_wanted(&get(client, path).await?) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

impl<'c> Player<'c> {
    /// Makes the namespace of a sequence.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn start(client: &'c kube::Client, namespace: &str) -> Result<Self, kube::Error> {
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let answer = Request {
            method: &Method::POST,
            path: "/api/v1/namespaces",
            content: "",
            agent: "fuzz",
            body: Some(&made),
        }
        .send(client)
        .await?;
        let start = answer.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
        let (namespace, start) = (namespace.to_owned(), start.to_owned());
        Ok(Self { client, namespace, start, answers: BTreeMap::new(), versions: BTreeMap::new() })
    }

    /// Sends a request, and gives the answer without what differs from run to run.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn play(&mut self, step: &Step) -> Result<Value, kube::Error> {
        let path = step.path.replace("${ns}", &self.namespace);
        if step.method == "WATCH" {
            let path = format!("{path}?watch=true&timeoutSeconds=1&resourceVersion={}", self.start);
            let answer = get(self.client, &path).await?;
            return Ok(self.events(&answer));
        }
        let answer = self.send(step).await?;
        self.wait_for_protection(&path, &answer).await?;
        let mut normal = self.normal(&answer);
        if step.method == "DELETE" && answer.code == 200 {
            // A body has its own word about dry runs, so the path does not tell whether this is one.
            self.wait_for_controllers(&path, &answer).await?;
            let path = path.split('?').next().unwrap_or_default();
            normal["after"] = json!(get(self.client, path).await?.code);
        }
        Ok(normal)
    }

    /// Sends a request, and remembers the answer for the steps that begin with it.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn send(&mut self, step: &Step) -> Result<Answer, kube::Error> {
        let path = step.path.replace("${ns}", &self.namespace);
        let answer = self.answer(step, &path).await?;
        self.answers.insert(step.label.clone(), answer.body.clone());
        Ok(answer)
    }

    /// What the path of a step shows.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn look(&self, step: &Step) -> Result<Answer, kube::Error> {
        let path = step.path.replace("${ns}", &self.namespace);
        get(self.client, path.split('?').next().unwrap_or_default()).await
    }

    async fn answer(&self, step: &Step, path: &str) -> Result<Answer, kube::Error> {
        let method = Method::from_bytes(step.method.as_bytes()).unwrap_or_default();
        let fresh = step.body.as_ref().is_some_and(|body| body.get("$fresh").is_some());
        let mut tries = 0;
        loop {
            let mut body = step.body.as_ref().map(|body| self.body(body));
            let mut controlled = false;
            if let Some(body) = body.as_mut().filter(|_| fresh) {
                let object = path.split('?').next().unwrap_or_default();
                let live = get(self.client, object.trim_end_matches("/status")).await?.body;
                controlled = live["kind"].as_str().is_some_and(is_controlled);
                if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
                    && let Some(version) = live.pointer("/metadata/resourceVersion")
                {
                    metadata.insert("resourceVersion".to_owned(), version.clone());
                }
            }
            let request =
                Request { method: &method, path, content: &step.content, agent: &step.agent, body: body.as_ref() };
            let answer = request.send(self.client).await?;
            tries += 1;
            // A controller may have written between reading the version and using it.
            if answer.code == 409 && controlled && tries < 10 {
                continue;
            }
            return Ok(answer);
        }
    }

    fn body(&self, body: &Value) -> Value {
        let mut body = body.clone();
        let mut answer = None;
        if let Some(fields) = body.as_object_mut() {
            fields.remove("$fresh");
            answer = fields.remove("$answer");
        }
        if let Some(label) = answer {
            let mut base = label.as_str().and_then(|label| self.answers.get(label)).cloned().unwrap_or(json!({}));
            merge(&mut base, &body);
            body = base;
        }
        let text = body.to_string();
        if !text.contains("${") {
            return body;
        }
        serde_json::from_str(&text.replace("${ns}", &self.namespace)).unwrap_or(body)
    }

    /// A claim that lost its protection gets it back from a controller.
    async fn wait_for_protection(&self, path: &str, answer: &Answer) -> Result<(), kube::Error> {
        let lacks = |answer: &Answer| {
            let finalizers = answer.body.pointer("/metadata/finalizers").and_then(Value::as_array);
            answer.code < 300
                && answer.body["kind"] == "PersistentVolumeClaim"
                && answer.body.pointer("/metadata/deletionTimestamp").is_none()
                && !finalizers.is_some_and(|all| all.iter().any(|one| one == OWN_FINALIZERS[0]))
        };
        if !lacks(answer) {
            return Ok(());
        }
        let mut object = path.split('?').next().unwrap_or_default().to_owned();
        let name = answer.body["metadata"]["name"].as_str().unwrap_or_default();
        if object.ends_with("persistentvolumeclaims") {
            object = format!("{object}/{name}");
        }
        wait(self.client, &object, PATIENCE, |answer| !lacks(answer)).await
    }

    /// Deletions that controllers finish take some time on a real cluster.
    async fn wait_for_controllers(&self, path: &str, answer: &Answer) -> Result<(), kube::Error> {
        let own = |object: &Value| {
            let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
            finalizers.is_some_and(|all| all.iter().any(|one| OWN_FINALIZERS.contains(&one.as_str().unwrap_or(""))))
        };
        // What a collection's deletion answers shows the objects as they were before.
        if !answer.body["items"].is_array() && !own(&answer.body) {
            return Ok(());
        }
        wait(self.client, path, PATIENCE, |live| {
            let items = live.body["items"].as_array().map_or_else(|| slice::from_ref(&live.body), Vec::as_slice);
            let waits = |item: &Value| item.pointer("/metadata/deletionTimestamp").is_some() && own(item);
            live.code == 404 || !items.iter().any(waits)
        })
        .await
    }

    /// An answer without what differs from run to run.
    pub fn normal(&mut self, answer: &Answer) -> Value {
        let body = &answer.body;
        let kind = body["kind"].as_str().unwrap_or_default().to_owned();
        let mut normal = if kind == "Status" || !body.is_object() {
            normal::answer(answer, &self.namespace, "\u{0}", "")
        } else {
            let mut normal = json!({"code": answer.code, "warnings": answer.warnings});
            if let Some(items) = body["items"].as_array() {
                let kind = kind.trim_end_matches("List");
                let mut items: Vec<Value> =
                    items.iter().filter(|item| !is_given(item)).map(|item| object(item, kind)).collect();
                // Their random ends are no order.
                items.iter_mut().for_each(generated);
                items.sort_by_key(Value::to_string);
                normal["items"] = Value::Array(items);
                normal["more"] = json!(body.pointer("/metadata/continue").is_some());
                normal["remaining"] = body.pointer("/metadata/remainingItemCount").cloned().unwrap_or_default();
            } else {
                normal["object"] = object(body, &kind);
                if !is_controlled(&kind) && kind != "Scale" {
                    normal["version"] = self.version(body, &kind);
                }
            }
            normal
        };
        if let Some(causes) = normal.pointer_mut("/details/causes").and_then(Value::as_array_mut) {
            // A real server says some things twice, such as what both of two validations find. They are sorted already.
            causes.dedup();
        }
        generated(&mut normal);
        let text = normal.to_string().replace(&self.namespace, "NAMESPACE");
        serde_json::from_str(&text).unwrap_or(normal)
    }

    /// Whether the version of an object is the one that was seen last.
    fn version(&mut self, object: &Value, kind: &str) -> Value {
        let Some(version) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) else {
            return json!("none");
        };
        let key = format!("{kind}/{}", object["metadata"]["uid"]);
        let before = self.versions.insert(key, version.to_owned());
        json!(if before.as_deref() == Some(version) { "the same" } else { "new" })
    }

    /// The events of a watch; a change that shows nothing new is left out.
    fn events(&self, answer: &Answer) -> Value {
        let mut last: BTreeMap<String, String> = BTreeMap::new();
        let mut events = Vec::new();
        for event in answer.lines.iter().filter(|event| !is_given(&event["object"])) {
            let found = &event["object"];
            let kind = found["kind"].as_str().unwrap_or_default();
            let mut found = object(found, kind);
            if found.pointer("/metadata/deletionTimestamp").is_some() {
                // Several controllers finish a deletion, in an order of their own.
                remove_own_finalizers(&mut found, &OWN_FINALIZERS);
            }
            let mut shown = json!([event["type"], found]);
            generated(&mut shown);
            let key = event["object"]["metadata"]["uid"].to_string();
            let mut seen = shown.clone();
            if is_controlled(kind) {
                // Whoever writes next takes it away, and that may be a controller, at a time of its own.
                remove_left_by_scale(&mut seen[1]);
            }
            let text = seen.to_string().replacen("ADDED", "MODIFIED", 1);
            if last.get(&key) != Some(&text) {
                last.insert(key, text);
                events.push(shown);
            }
        }
        let text = json!({"code": answer.code, "events": events}).to_string();
        serde_json::from_str(&text.replace(&self.namespace, "NAMESPACE")).unwrap_or_default()
    }
}

/// Drops the owners that scales which change nothing leave twice: they have no time, and own the replicas alone.
fn remove_left_by_scale(object: &mut Value) {
    if let Some(managers) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        managers.retain(|manager| !is_left_by_scale(manager));
    }
}

/// Whether an entry of managedFields is one that a scale which changes nothing has left beside that of its manager.
pub(super) fn is_left_by_scale(manager: &Value) -> bool {
    manager.get("time").is_none() && manager["fieldsV1"] == json!({"f:spec": {"f:replicas": {}}})
}

/// What every namespace gets without being asked.
fn is_given(object: &Value) -> bool {
    matches!(object["metadata"]["name"].as_str(), Some("kube-root-ca.crt" | "default"))
}

/// An object without what is different in every run, and without what controllers write.
fn object(object: &Value, kind: &str) -> Value {
    let mut object = object.clone();
    if is_controlled(kind)
        && let Some(fields) = object.as_object_mut()
    {
        // Their controllers write it when they come to it.
        fields.remove("status");
    }
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("deployment.kubernetes.io/revision");
        if annotations.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("annotations");
        }
    }
    // A controller puts it back when a request takes it away, and takes it away from a claim that nobody uses.
    remove_own_finalizers(&mut object, &OWN_FINALIZERS[..1]);
    let mut object = normal::object(&object);
    if let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        // They are ordered by their times, to the second, which the two servers cross at different moments.
        entries.sort_by_key(Value::to_string);
        if entries.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("managedFields");
        }
    }
    // A few kinds take a uid for a name where there is none.
    serde_json::from_str(&normal::mask_uids(&object.to_string())).unwrap_or(object)
}

fn remove_own_finalizers(object: &mut Value, own: &[&str]) {
    if let Some(finalizers) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
        finalizers.retain(|finalizer| !own.iter().any(|own| finalizer == own));
        if finalizers.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("finalizers");
        }
    }
}

/// Hides the random ends of generated names.
fn generated(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(place) = text.find("generated-") {
                let end = (place + "generated-".len() + 5).min(text.len());
                if text.is_char_boundary(end) {
                    text.replace_range(place..end, "GENERATED");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(generated),
        Value::Object(fields) => fields.values_mut().for_each(generated),
        _ => {}
    }
}

/// JSON merge patch (RFC 7386), except that what is not there yet is taken with its nulls.
fn merge(target: &mut Value, patch: &Value) {
    let (Some(fields), Some(changes)) = (target.as_object_mut(), patch.as_object()) else {
        *target = patch.clone();
        return;
    };
    for (name, change) in changes {
        match fields.get_mut(name) {
            Some(_) if change.is_null() => {
                fields.remove(name);
            }
            Some(field) if field.is_object() && change.is_object() => merge(field, change),
            _ => {
                fields.insert(name.clone(), change.clone());
            }
        }
    }
}
