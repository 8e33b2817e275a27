//! Playing a case: requests in their order, against any API server.

use std::collections::BTreeMap;
use std::time::Duration;

use holm_conformance::{Answer, Request, normal};
use http::Method;
use serde_json::{Value, json};

use crate::read::{Case, set_at};

/// What names a run gives to what it makes.
pub struct Names {
    /// The namespace of the case.
    pub namespace: String,
    /// A word that no other case has, for objects that have no namespace; also a plural.
    pub plural: String,
}

/// What a case has met so far.
struct Run {
    /// Words to be put into requests.
    words: BTreeMap<String, String>,
    /// The resource versions of the answers.
    versions: Vec<String>,
    /// The paths of new objects without a namespace.
    made: Vec<String>,
    /// How long new resources take to be known everywhere.
    pause: Duration,
}

impl Case {
    /// Sends the requests, and gives the normalised answers. A server needs `pause` until all of it knows a new resource.
    pub async fn play(&self, client: &kube::Client, pause: Duration) -> Vec<Value> {
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let namespace = format!("case-{:x}", nanos & 0xffff_ffff_ffff);
        let names = Names { namespace: namespace.clone(), plural: format!("w{:x}s", nanos & 0xffff_ffff_ffff) };
        let words = [("ns", &names.namespace), ("plural", &names.plural)];
        let words = words.into_iter().map(|(word, name)| (word.to_owned(), name.clone())).collect();
        let mut run = Run { words, versions: Vec::new(), made: Vec::new(), pause };
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let runner = Sent { agent: "runner", ..Sent::default() };
        send(client, Method::POST, "/api/v1/namespaces", &runner, Some(&made)).await;
        wait_for(client, &format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")).await;
        wait_for(client, &format!("/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt")).await;
        let mut answers = Vec::new();
        for step in &self.steps {
            answers.push(run.step(client, step, &names).await);
        }
        for path in run.made.iter().rev() {
            send(client, Method::DELETE, path, &runner, None).await;
        }
        send(client, Method::DELETE, &format!("/api/v1/namespaces/{namespace}"), &runner, None).await;
        answers
    }
}

impl Run {
    async fn step(&mut self, client: &kube::Client, step: &Value, names: &Names) -> Value {
        let text = |field: &str| step.get(field).and_then(Value::as_str).unwrap_or_default();
        let request = self.substitute(text("do"));
        let (method, path) = request.split_once(' ').unwrap();
        if method == "WAIT" || method == "FIND" {
            if method == "WAIT" {
                wait_gone(client, path).await;
            } else {
                wait_for(client, path).await;
                // A real server knows a new resource in some of its parts before the others.
                tokio::time::sleep(self.pause).await;
            }
            self.versions.push(String::new());
            return json!("waited");
        }
        let body = step.get("raw").map(|raw| Value::from(self.substitute(raw.as_str().unwrap())));
        let body = body.or_else(|| {
            step.get("body").map(|body| serde_json::from_str(&self.substitute(&body.to_string())).unwrap())
        });
        let body = body.map(|mut body| {
            for (pointer, size) in step.get("fill").and_then(Value::as_object).into_iter().flatten() {
                set_at(&mut body, pointer, "x".repeat(usize::try_from(size.as_u64().unwrap()).unwrap()).into());
            }
            body
        });
        let sent = Sent { kind: text("type"), agent: text("agent"), accept: text("accept") };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = send(client, method, path, &sent, body.as_ref()).await;
        for (name, pointer) in step.get("save").and_then(Value::as_object).into_iter().flatten() {
            let found = answer.body.pointer(pointer.as_str().unwrap()).cloned().unwrap_or_default();
            self.words.insert(name.clone(), found.as_str().map_or_else(|| found.to_string(), str::to_owned));
        }
        self.remember(&request, &answer, &names.namespace);
        let version = answer.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
        let mut normal = normal::answer(&answer, &names.namespace, &names.plural, text("show"));
        for pointer in step.get("hide").and_then(Value::as_array).into_iter().flatten() {
            let (parent, name) = pointer.as_str().unwrap().rsplit_once('/').unwrap();
            if let Some(fields) = normal.pointer_mut(&format!("/object{parent}")).and_then(Value::as_object_mut) {
                fields.remove(&name.replace("~1", "/"));
            }
        }
        if let Some(other) = step.get("same_version_as").and_then(Value::as_u64) {
            normal["same_version"] = json!(self.versions[usize::try_from(other).unwrap()] == version);
        }
        self.versions.push(version.to_owned());
        normal
    }

    /// Objects outside of the namespace do not go with it.
    fn remember(&mut self, request: &str, answer: &Answer, namespace: &str) {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        if answer.code != 201 || request.contains("dryRun") || path.contains(namespace) {
            return;
        }
        let name = answer.body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        self.made.push(if method == "POST" { format!("{path}/{name}") } else { path.to_owned() });
    }

    fn substitute(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }
}

/// The headers of a request; empty ones have defaults.
#[derive(Default)]
struct Sent<'a> {
    kind: &'a str,
    agent: &'a str,
    accept: &'a str,
}

async fn send(client: &kube::Client, method: Method, path: &str, sent: &Sent<'_>, body: Option<&Value>) -> Answer {
    let agent = if sent.agent.is_empty() { "tester" } else { sent.agent };
    let accept = if sent.accept.is_empty() { "application/json" } else { sent.accept };
    let request = Request { method: &method, path, content: sent.kind, agent, body };
    request.send_accepting(client, accept).await.unwrap()
}

async fn wait_for(client: &kube::Client, path: &str) {
    let runner = Sent { agent: "runner", ..Sent::default() };
    for _ in 0..200 {
        if send(client, Method::GET, path, &runner, None).await.code == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} does not come");
}

async fn wait_gone(client: &kube::Client, path: &str) {
    let runner = Sent { agent: "runner", ..Sent::default() };
    for _ in 0..600 {
        if send(client, Method::GET, path, &runner, None).await.code == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} does not go");
}
