//! Writes down what a real API server answers.

use serde_json::{Value, json};

use super::{Case, Goldens, NAMESPACE, cases, folder, goldens};
use holm_validation::Kinds;

#[tokio::test]
async fn the_answers_of_a_real_api_server_are_recorded() {
    let (Ok(path), Ok(which)) = (std::env::var("HOLM_TEST_KUBECONFIG"), std::env::var("HOLM_RECORD")) else { return };
    let config = kube::config::Kubeconfig::read_from(path).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    post(&client, "/api/v1/namespaces", &namespace).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut recorded = if which == "missing" { goldens() } else { Goldens::new() };
    let mut defined = Vec::new();
    let kinds = Kinds::built_in().unwrap();
    let mut kept = Goldens::new();
    for case in cases(&kinds) {
        let golden = match recorded.remove(&case.name) {
            Some(golden) => golden,
            None => answer(&client, &kinds, &case, &mut defined).await,
        };
        kept.insert(case.name, golden);
    }
    let mut text = String::from("{\n");
    for (position, (name, golden)) in kept.iter().enumerate() {
        let comma = if position + 1 < kept.len() { "," } else { "" };
        text.push_str(&format!("{}: {golden}{comma}\n", json!(name)));
    }
    text.push_str("}\n");
    std::fs::write(folder("tests/server/goldens.json"), text).unwrap();
}

async fn answer(client: &kube::Client, kinds: &Kinds, case: &Case, defined: &mut Vec<Value>) -> Value {
    let mut kinds = kinds.clone();
    if let Some(definition) = &case.definition {
        kinds.define(definition);
        if !defined.contains(definition) {
            let made = post(client, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
            assert!(made["kind"] == "CustomResourceDefinition", "{made}");
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            defined.push(definition.clone());
        }
    }
    let kind = kinds.of(&case.object).unwrap();
    let version = kind.kind.api_version();
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let within = if kind.is_namespaced() { format!("/namespaces/{NAMESPACE}") } else { String::new() };
    let path = format!("{root}/{version}{within}/{}?dryRun=All&fieldValidation=Strict", kind.plural());
    let answer = post(client, &path, &case.object).await;
    if answer["kind"] != "Status" {
        return json!({"code": 201});
    }
    let code = &answer["code"];
    let causes = answer.pointer("/details/causes").and_then(Value::as_array);
    if code != 422 {
        return json!({"code": code, "message": answer["message"]});
    }
    let mut causes: Vec<Value> =
        causes.into_iter().flatten().map(|cause| json!([cause["field"], cause["message"]])).collect();
    causes.sort_by_key(ToString::to_string);
    json!({"code": 422, "causes": causes})
}

async fn post(client: &kube::Client, path: &str, body: &Value) -> Value {
    let request =
        holm_conformance::Request { method: &http::Method::POST, path, content: "", agent: "tester", body: Some(body) };
    request.send_accepting(client, "application/json").await.unwrap().body
}
