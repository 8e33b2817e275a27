//! The log of requests says who asked for what, as Kubernetes' audit log does.
#![allow(clippy::unwrap_used, clippy::panic)]

use holm_apiserver::{ApiServer, Clock, Timestamp, User};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::json;

fn map() -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"secret": "never shown"}})).unwrap()
}

#[tokio::test]
async fn every_request_is_recorded_with_its_user_and_outcome() {
    let cluster = ApiServer::new().unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client_as(User::administrator().in_group("testers")));
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&dry, &map()).await.unwrap();
    maps.create(&PostParams::default(), &map()).await.unwrap();
    let from = cluster.audit().count();
    maps.create(&PostParams::default(), &map()).await.unwrap_err();
    maps.get("a").await.unwrap();
    maps.list(&ListParams::default()).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    assert!(pods.get_opt("none").await.unwrap().is_none());

    let shown = |from: u64| -> Vec<String> {
        let events = cluster.audit().since(from);
        events.iter().map(|event| format!("{} {} {} {}", event.verb, event.resource, event.name, event.code)).collect()
    };
    assert_eq!(
        shown(from),
        [
            "create configmaps  409",
            "get configmaps a 200",
            "list configmaps  200",
            "delete configmaps a 200",
            "get pods none 404"
        ]
    );
    assert_eq!(shown(0).len(), 7);
    let events = cluster.audit().since(0);
    let mutating: Vec<&str> = events.iter().filter(|event| event.is_mutating()).map(|event| &*event.verb).collect();
    assert_eq!(mutating, ["create", "create", "delete"], "the dry run changes nothing");
    assert!(events.iter().all(|event| event.user.name == "admin"));
    assert!(events.first().unwrap().dry_run);
}

#[tokio::test]
async fn the_file_has_the_form_of_kubernetes_audit_log() {
    let clock = Clock::held_at(Timestamp(1_700_000_000));
    let cluster = ApiServer::builder().clock(clock).build().unwrap();
    let path = std::env::temp_dir().join(format!("holm-audit-{}-{}.log", std::process::id(), line!()));
    cluster.audit().write_to(&path).unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    maps.create(&PostParams::default(), &map()).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!text.contains("never shown"), "{text}");
    let mut event: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    event.as_object_mut().unwrap().remove("auditID").unwrap();
    assert_eq!(
        event,
        json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
            "requestURI": "/api/v1/namespaces/default/configmaps?", "verb": "create",
            "user": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "sourceIPs": ["127.0.0.1"], "userAgent": "",
            "objectRef": {"apiVersion": "v1", "resource": "configmaps", "namespace": "default"},
            "responseStatus": {"metadata": {}, "code": 201},
            "requestReceivedTimestamp": "2023-11-14T22:13:20.000000Z", "stageTimestamp": "2023-11-14T22:13:20.000000Z",
        })
    );
}
