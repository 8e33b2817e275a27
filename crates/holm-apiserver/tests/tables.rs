//! Lists are printed as Kubernetes prints them.
//!
//! `tables/objects.yaml` holds objects, `tables/goldens.json` the columns and cells that a real control plane of 1.37 has for
//! them. The test makes the objects in the embedded server and compares. With `HOLM_TEST_KUBECONFIG` it makes them in that
//! cluster as well, and with `HOLM_RECORD` it writes what that cluster shows down as the new goldens.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tables")
}

async fn send(client: &Client, method: Method, path: &str, accept: &str, body: Option<&Value>) -> (u16, Value) {
    let patch = method == Method::PATCH;
    let mut request = Request::builder().method(method).uri(path).header("accept", accept);
    if body.is_some() {
        request =
            request.header("content-type", if patch { "application/merge-patch+json" } else { "application/json" });
    }
    let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let answer = client.send(request.body(Body::from(bytes)).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The path of the collection that an object belongs to.
fn collection(object: &Value, namespace: &str) -> String {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let pack = holm_schema::built_in().unwrap();
    let (group, short) = version.rsplit_once('/').unwrap_or(("", version));
    let resource = pack.resource_of_kind(&holm_apiserver::GroupVersionKind::new(group, short, kind)).unwrap();
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{version}") };
    let scope = if resource.namespaced { format!("/namespaces/{namespace}") } else { String::new() };
    format!("{root}{scope}/{}", resource.name)
}

/// Ages differ, and times.
fn normal(cell: &Value, kind: &str) -> Value {
    let Some(text) = cell.as_str() else { return cell.clone() };
    let is_age = text.len() <= 6
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd'])
        && text.chars().all(|character| character.is_ascii_digit() || "smhd".contains(character));
    if is_age || kind == "date" { json!("TIME") } else { cell.clone() }
}

async fn play(client: &Client) -> Vec<Value> {
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let namespace = format!("tables-{:x}", nanos & 0xffff_ffff_ffff);
    let json_only = "application/json";
    let made = json!({"metadata": {"name": namespace}});
    assert_eq!(send(client, Method::POST, "/api/v1/namespaces", json_only, Some(&made)).await.0, 201);
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    for _ in 0..200 {
        if send(client, Method::GET, &account, json_only, None).await.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = std::fs::read_to_string(folder().join("objects.yaml")).unwrap().replace("${ns}", &namespace);
    let objects: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
    let mut shown = Vec::new();
    for object in &objects {
        let path = collection(object, &namespace);
        let name = object["metadata"]["name"].as_str().unwrap();
        let (code, answer) = send(client, Method::POST, &path, json_only, Some(object)).await;
        assert_eq!(code, 201, "{path}/{name}: {answer}");
        if let Some(status) = object.get("status") {
            let patch = json!({"status": status});
            let path = format!("{path}/{name}/status");
            let (code, answer) = send(client, Method::PATCH, &path, json_only, Some(&patch)).await;
            assert_eq!(code, 200, "{path}: {answer}");
        }
    }
    // A definition is established, and a volume available, some time after it was made.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for object in &objects {
        let path = collection(object, &namespace);
        let name = object["metadata"]["name"].as_str().unwrap();
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let (code, table) = send(client, Method::GET, &format!("{path}/{name}"), table, None).await;
        assert_eq!(code, 200, "{path}/{name}: {table}");
        let columns = table["columnDefinitions"].as_array().unwrap();
        let cells: Vec<Value> = columns
            .iter()
            .zip(table["rows"][0]["cells"].as_array().unwrap())
            .map(|(column, cell)| {
                let (name, kind) = (&column["name"], column["type"].as_str().unwrap());
                json!([name, kind, column["format"], column["priority"], normal(cell, kind)])
            })
            .collect();
        assert_eq!(cells.len(), columns.len());
        shown.push(json!({"object": format!("{} {name}", object["kind"].as_str().unwrap()), "cells": cells}));
    }
    for object in objects.iter().rev() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{}/{name}", collection(object, &namespace));
        send(client, Method::DELETE, &path, json_only, None).await;
    }
    send(client, Method::DELETE, &format!("/api/v1/namespaces/{namespace}"), json_only, None).await;
    shown
}

fn compare(shown: &[Value]) {
    let goldens: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder().join("goldens.json")).unwrap()).unwrap();
    let names = |list: &[Value]| list.iter().map(|entry| entry["object"].clone()).collect::<Vec<_>>();
    assert_eq!(names(shown), names(&goldens), "record the goldens anew");
    let differences: Vec<String> = shown
        .iter()
        .zip(&goldens)
        .filter(|(found, expected)| found != expected)
        .map(|(found, expected)| {
            let lines = found["cells"].as_array().unwrap().iter().zip(expected["cells"].as_array().unwrap());
            let lines: Vec<String> = lines
                .filter(|(found, expected)| found != expected)
                .map(|(found, expected)| format!("  expected {expected}\n  found    {found}"))
                .collect();
            format!("{}\n{}", found["object"], lines.join("\n"))
        })
        .collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test]
async fn the_embedded_server_prints_lists_as_kubernetes_does() {
    let cluster = holm_apiserver::ApiServer::new().unwrap();
    compare(&play(&cluster.client()).await);
}

#[tokio::test]
async fn kubernetes_still_prints_lists_as_recorded() {
    let Ok(path) = std::env::var("HOLM_TEST_KUBECONFIG") else { return };
    let config = kube::config::Kubeconfig::read_from(path).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
    let shown = play(&Client::try_from(config).unwrap()).await;
    if std::env::var("HOLM_RECORD").is_ok() {
        let lines: Vec<String> = shown.iter().map(ToString::to_string).collect();
        std::fs::write(folder().join("goldens.json"), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    compare(&shown);
}
