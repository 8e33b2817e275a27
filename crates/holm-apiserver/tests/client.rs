//! A `kube::Client` works as it does with a real cluster, in process and over the listener.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use holm_apiserver::{ApiServer, Clock, DeleteOptions, GroupVersionResource, Timestamp, WatchEvent, WriteOptions};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent as KubeEvent, WatchParams};
use serde_json::json;

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
    }))
    .unwrap()
}

#[tokio::test]
async fn a_client_in_process_reads_writes_and_watches() {
    let cluster = ApiServer::new().unwrap();
    let api: Api<Deployment> = Api::default_namespaced(cluster.client());
    let made = api.create(&PostParams::default(), &deployment()).await.unwrap();
    assert_eq!(made.spec.replicas, Some(1));
    let listed = api.list(&ListParams::default().labels("absent")).await.unwrap();
    assert!(listed.items.is_empty());
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut events = api.watch(&WatchParams::default().timeout(5), &version).await.unwrap().boxed();
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}});
    api.patch("web", &PatchParams::apply("test").force(), &Patch::Apply(&patch)).await.unwrap();
    let Some(Ok(KubeEvent::Modified(changed))) = events.next().await else { panic!("no event of the change") };
    assert_eq!(changed.spec.replicas, Some(3));
    assert_eq!(changed.metadata.generation, Some(2));
}

#[tokio::test]
async fn the_listener_wants_its_token() {
    let cluster = ApiServer::new().unwrap();
    let listener = cluster.listen(0).await.unwrap();
    let kubeconfig: kube::config::Kubeconfig = serde_json::from_value(listener.kubeconfig()).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let api: Api<Namespace> = Api::all(kube::Client::try_from(config.clone()).unwrap());
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 4);
    config.auth_info = kube::config::AuthInfo::default();
    let api: Api<Namespace> = Api::all(kube::Client::try_from(config).unwrap());
    let kube::Error::Api(refused) = api.list(&ListParams::default()).await.unwrap_err() else {
        panic!("not refused by the API")
    };
    assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"), "nobody may not list namespaces");
    let mut config = kube::Config::from_custom_kubeconfig(
        serde_json::from_value(listener.kubeconfig()).unwrap(),
        &kube::config::KubeConfigOptions::default(),
    )
    .await
    .unwrap();
    config.auth_info.token = Some("wrong".to_owned().into());
    let api: Api<Namespace> = Api::all(kube::Client::try_from(config).unwrap());
    let kube::Error::Api(refused) = api.list(&ListParams::default()).await.unwrap_err() else {
        panic!("not refused by the API")
    };
    assert_eq!(refused.code, 401);
}

#[test]
fn objects_can_be_written_without_a_runtime_at_a_held_time() {
    let clock = Clock::held_at(Timestamp(0));
    let cluster = ApiServer::builder().clock(clock.clone()).seed(1).build().unwrap();
    let maps = cluster.objects(&GroupVersionResource::new("", "v1", "configmaps")).unwrap();
    let mut watch = maps.watch(Some("default"), cluster.revision());
    clock.advance(Duration::from_secs(60));
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}});
    let made = maps.create(map, &WriteOptions::by("test")).unwrap();
    assert_eq!(made["metadata"]["creationTimestamp"], "1970-01-01T00:01:00Z");
    assert_eq!(watch.try_next().unwrap(), Some(WatchEvent::Added(made)));
    maps.delete("default", "a", &DeleteOptions::default()).unwrap();
    assert!(matches!(watch.try_next().unwrap(), Some(WatchEvent::Deleted(_))));
    assert_eq!(watch.try_next().unwrap(), None);
}

#[tokio::test]
async fn the_typed_objects_of_the_first_namespaces_can_be_read() {
    let cluster = ApiServer::new().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(cluster.client(), "kube-system");
    assert!(api.get("kube-root-ca.crt").await.is_ok());
}

#[tokio::test]
async fn a_scale_can_be_applied_and_is_owned_as_the_replicas_of_its_object() {
    let cluster = ApiServer::new().unwrap();
    let api: Api<Deployment> = Api::default_namespaced(cluster.client());
    api.create(&PostParams { field_manager: Some("maker".into()), ..PostParams::default() }, &deployment())
        .await
        .unwrap();
    let scale = |replicas: i64| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": replicas}});
    let params = PatchParams::apply("scaler");
    let scaled = api.patch_scale("web", &params.clone().force(), &Patch::Apply(scale(3))).await.unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(3));
    let owners = |found: &Deployment| -> Vec<(String, String)> {
        let entries = found.metadata.managed_fields.clone().unwrap();
        let text = |text: Option<String>| text.unwrap_or_default();
        entries.into_iter().map(|entry| (text(entry.manager), text(entry.operation))).collect()
    };
    let found = api.get("web").await.unwrap();
    assert_eq!(found.spec.replicas, Some(3));
    assert_eq!(owners(&found).first().unwrap(), &("scaler".to_owned(), "Apply".to_owned()));
    let kube::Error::Api(refused) =
        api.patch_scale("web", &PatchParams::apply("other"), &Patch::Apply(scale(5))).await.unwrap_err()
    else {
        panic!("not refused by the API")
    };
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
}

#[tokio::test]
async fn a_client_that_reads_yaml_is_told_that_it_gets_yaml() {
    let cluster = ApiServer::new().unwrap();
    let asked = |accept: &str, path: &str| {
        let request = http::Request::get(path).header("accept", accept).body(kube::client::Body::empty()).unwrap();
        let client = cluster.client();
        async move { client.send(request).await.unwrap().headers()["content-type"].to_str().unwrap().to_owned() }
    };
    let one = "/api/v1/namespaces/default";
    assert_eq!(asked("application/yaml", one).await, "application/yaml");
    assert_eq!(asked("application/yaml", "/api/v1/namespaces/absent").await, "application/yaml");
    assert_eq!(asked("application/json, application/yaml", one).await, "application/json");
    assert_eq!(asked("application/yaml", "/api/v1/namespaces?watch=1&timeoutSeconds=1").await, "application/json");
}
