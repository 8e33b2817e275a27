//! Playing a case: requests in their order, against any API server.

use std::collections::BTreeMap;

use holm_conformance::{Answer, Request, normal};
use http::Method;
use serde_json::{Value, json};

/// A file of cases.
pub struct Case {
    pub name: String,
    /// Why the embedded server cannot do this.
    pub unsupported: Option<String>,
    steps: Vec<Value>,
    bases: Value,
}

/// Reads the cases of a file: `objects` are bases that bodies refer to by `$use`, `cases` the cases.
pub fn read(text: &str) -> Vec<Case> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let bases = file.get("objects").cloned().unwrap_or_default();
    let cases = file["cases"].as_array().unwrap().iter().map(|case| Case {
        name: case["case"].as_str().unwrap().to_owned(),
        unsupported: case.get("unsupported").and_then(Value::as_str).map(str::to_owned),
        steps: case["steps"].as_array().unwrap().clone(),
        bases: bases.clone(),
    });
    cases.collect()
}

impl Case {
    /// Sends the requests, and gives the normalised answers.
    pub async fn play(&self, client: &kube::Client) -> Vec<Value> {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let namespace = format!("case-{:x}", nanos & 0xffff_ffff_ffff);
        names.insert("ns".to_owned(), namespace.clone());
        // Definitions have no namespace, so each run has its own.
        let plural = format!("w{:x}s", nanos & 0xffff_ffff_ffff);
        names.insert("plural".to_owned(), plural.clone());
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        send(client, Method::POST, "/api/v1/namespaces", "", "runner", Some(&made)).await;
        wait_for(client, &format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")).await;
        wait_for(client, &format!("/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt")).await;
        let mut answers = Vec::new();
        let mut versions: Vec<String> = Vec::new();
        for step in &self.steps {
            let text = |field: &str| step.get(field).and_then(Value::as_str).unwrap_or_default();
            let request = substitute(text("do"), &names);
            let (method, path) = request.split_once(' ').unwrap();
            if method == "WAIT" || method == "FIND" {
                if method == "WAIT" {
                    wait_gone(client, path).await;
                } else {
                    wait_for(client, path).await;
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                }
                versions.push(String::new());
                answers.push(json!("waited"));
                continue;
            }
            let body = step.get("raw").map(|raw| Value::from(substitute(raw.as_str().unwrap(), &names)));
            let body = body.or_else(|| step.get("body").map(|body| self.body(body, &names)));
            let agent = if text("agent").is_empty() { "tester" } else { text("agent") };
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(client, method, path, text("type"), agent, body.as_ref()).await;
            for (name, pointer) in step.get("save").and_then(Value::as_object).into_iter().flatten() {
                let found = answer.body.pointer(pointer.as_str().unwrap()).cloned().unwrap_or_default();
                names.insert(name.clone(), found.as_str().map_or_else(|| found.to_string(), str::to_owned));
            }
            let version = answer.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
            versions.push(version.to_owned());
            let mut normal = normal::answer(&answer, &namespace, &plural, text("show"));
            if let Some(other) = step.get("same_version_as").and_then(Value::as_u64) {
                normal["same_version"] = json!(versions[usize::try_from(other).unwrap()] == version);
            }
            answers.push(normal);
        }
        send(client, Method::DELETE, &format!("/api/v1/namespaces/{namespace}"), "", "runner", None).await;
        answers
    }

    /// A body: a base with changes, as a merge patch.
    fn body(&self, body: &Value, names: &BTreeMap<String, String>) -> Value {
        let expanded = self.expand(body);
        serde_json::from_str(&substitute(&expanded.to_string(), names)).unwrap()
    }

    fn expand(&self, body: &Value) -> Value {
        let Some(base) = body.get("$use").and_then(Value::as_str) else { return body.clone() };
        let mut object = self.expand(&self.bases[base]);
        assert!(object.is_object(), "there is no object {base}");
        let mut changes = body.clone();
        changes.as_object_mut().unwrap().remove("$use");
        json_patch::merge(&mut object, &changes);
        object
    }
}

fn substitute(text: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

async fn send(
    client: &kube::Client,
    method: Method,
    path: &str,
    kind: &str,
    agent: &str,
    body: Option<&Value>,
) -> Answer {
    Request { method: &method, path, content: kind, agent, body }.send(client).await.unwrap()
}

async fn wait_for(client: &kube::Client, path: &str) {
    for _ in 0..200 {
        if send(client, Method::GET, path, "", "runner", None).await.code == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{path} does not come");
}

async fn wait_gone(client: &kube::Client, path: &str) {
    for _ in 0..600 {
        if send(client, Method::GET, path, "", "runner", None).await.code == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{path} does not go");
}
