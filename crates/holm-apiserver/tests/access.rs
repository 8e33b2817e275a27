//! Rights are given and refused as Kubernetes does.
//!
//! `access/cases.yaml` holds requests, `access/goldens.json` how a real control plane of 1.37 answered them. The test sends the
//! requests to the embedded server and compares. With `HOLM_TEST_KUBECONFIG` it sends them to that cluster as well, and with
//! `HOLM_RECORD` it writes the answers of that cluster down as the new goldens.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// The roles that the users of the cases have.
const ROLES: &str = r#"[
    {"kind": "Role", "metadata": {"name": "mixed"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["c"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["update"]},
        {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]}]},
    {"kind": "RoleBinding", "metadata": {"name": "eve"}, "roleRef": {"kind": "ClusterRole", "name": "edit"}, "subjects": [{"kind": "User", "name": "eve"}]},
    {"kind": "RoleBinding", "metadata": {"name": "viv"}, "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "viv"}]},
    {"kind": "RoleBinding", "metadata": {"name": "adm"}, "roleRef": {"kind": "ClusterRole", "name": "admin"}, "subjects": [{"kind": "User", "name": "adm"}]},
    {"kind": "RoleBinding", "metadata": {"name": "max"}, "roleRef": {"kind": "Role", "name": "mixed"}, "subjects": [{"kind": "User", "name": "max"}]}
]"#;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/access")
}

async fn send(client: &Client, step: &Value, namespace: &str) -> (u16, Value) {
    let text = |field: &str| step.get(field).and_then(Value::as_str).unwrap_or_default().replace("${ns}", namespace);
    let line = text("do");
    let (method, path) = line.split_once(' ').unwrap();
    let path = path.replace('<', "%3C").replace('>', "%3E");
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    request = request.header("accept", "application/json");
    if !text("as").is_empty() {
        request = request.header("impersonate-user", text("as"));
    }
    for group in step.get("groups").and_then(Value::as_array).into_iter().flatten() {
        request = request.header("impersonate-group", group.as_str().unwrap());
    }
    let body = step.get("body").map(|body| body.to_string().replace("${ns}", namespace)).unwrap_or_default();
    if !body.is_empty() {
        let kind = text("type");
        request = request.header("content-type", if kind.is_empty() { "application/json" } else { &kind });
    }
    let answer = client.send(request.body(Body::from(body.into_bytes())).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    (code, value)
}

/// What the servers must agree on: the code, and unless it is all that counts, the refusal or the answer to a question.
fn normal(step: &Value, code: u16, answer: &Value, namespace: &str) -> Value {
    if step.get("show").and_then(Value::as_str) == Some("code") {
        return json!({"code": code});
    }
    let shown = match answer.get("kind").and_then(Value::as_str) {
        Some("Status") => {
            json!({"reason": answer.get("reason"), "message": answer.get("message"), "details": answer.get("details")})
        }
        _ => answer.get("status").cloned().unwrap_or_default(),
    };
    serde_json::from_str(&json!({"code": code, "answer": shown}).to_string().replace(namespace, "NAMESPACE")).unwrap()
}

async fn play(client: &Client) -> Vec<(String, Value)> {
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let namespace = format!("access-{:x}", nanos & 0xffff_ffff_ffff);
    let path = "/api/v1/namespaces";
    let made = json!({"do": format!("POST {path}"), "body": {"metadata": {"name": namespace}}});
    assert_eq!(send(client, &made, &namespace).await.0, 201);
    for role in serde_json::from_str::<Vec<Value>>(ROLES).unwrap() {
        let plural = if role["kind"] == "Role" { "roles" } else { "rolebindings" };
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{plural}");
        let mut role = role;
        if let Some(reference) = role.get_mut("roleRef") {
            reference["apiGroup"] = json!("rbac.authorization.k8s.io");
        }
        let made = json!({"do": format!("POST {path}"), "body": role});
        assert_eq!(send(client, &made, &namespace).await.0, 201);
    }
    // A real server learns of new roles and accounts by watching.
    let account = json!({"do": format!("GET {path}/{namespace}/serviceaccounts/default")});
    let known = json!({"do": "POST /apis/authorization.k8s.io/v1/subjectaccessreviews", "body": {"spec": {"user": "max",
        "resourceAttributes": {"verb": "patch", "resource": "configmaps", "namespace": namespace}}}});
    for _ in 0..200 {
        let (there, known) = (send(client, &account, "").await.0, send(client, &known, "").await.1);
        if there == 200 && known["status"]["allowed"] == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let steps: Vec<Value> =
        serde_saphyr::from_str(&std::fs::read_to_string(folder().join("cases.yaml")).unwrap()).unwrap();
    let mut answers = Vec::new();
    for step in &steps {
        let (code, answer) = send(client, step, &namespace).await;
        let name =
            format!("{} {}", step["do"].as_str().unwrap(), step.get("as").and_then(Value::as_str).unwrap_or("-"));
        answers.push((name, normal(step, code, &answer, &namespace)));
    }
    send(client, &json!({"do": format!("DELETE {path}/{namespace}")}), "").await;
    answers
}

fn compare(answers: &[(String, Value)]) {
    let goldens: Vec<(String, Value)> =
        serde_json::from_str(&std::fs::read_to_string(folder().join("goldens.json")).unwrap()).unwrap();
    let names = |list: &[(String, Value)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(answers), names(&goldens), "record the goldens anew");
    let differences: Vec<String> = answers
        .iter()
        .zip(&goldens)
        .filter(|(found, expected)| found != expected)
        .map(|((name, found), (_, expected))| format!("{name}\n  expected {expected}\n  found    {found}"))
        .collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test]
async fn the_embedded_server_gives_and_refuses_rights_as_kubernetes_does() {
    let cluster = holm_apiserver::ApiServer::new().unwrap();
    compare(&play(&cluster.client()).await);
}

#[tokio::test]
async fn kubernetes_still_gives_and_refuses_rights_as_recorded() {
    let Ok(path) = std::env::var("HOLM_TEST_KUBECONFIG") else { return };
    let config = kube::config::Kubeconfig::read_from(path).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
    let answers = play(&Client::try_from(config).unwrap()).await;
    if std::env::var("HOLM_RECORD").is_ok() {
        let lines: Vec<String> = answers.iter().map(|answer| json!(answer).to_string()).collect();
        std::fs::write(folder().join("goldens.json"), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    compare(&answers);
}
