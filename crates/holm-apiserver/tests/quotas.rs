//! Quotas: what is counted, and what is refused. How a real cluster words it is in the transcripts of `tests/tests/kubectl.rs`.
#![allow(clippy::unwrap_used)]

use holm_apiserver::{ApiError, ApiServer, GroupVersionResource, Objects, WriteOptions};
use serde_json::{Value, json};

fn objects(api: &ApiServer, group: &str, plural: &str) -> Objects {
    api.objects(&GroupVersionResource::new(group, "v1", plural)).unwrap()
}

fn create(api: &ApiServer, plural: &str, name: &str, spec: Value) -> Result<(), ApiError> {
    let mut object = json!({"metadata": {"name": name, "namespace": "default"}});
    if !spec.is_null() {
        object["spec"] = spec;
    }
    objects(api, "", plural).create(object, &WriteOptions::by("test")).map(|_| ())
}

fn quota(api: &ApiServer, name: &str, spec: Value) {
    create(api, "resourcequotas", name, spec).unwrap();
}

fn used(api: &ApiServer, name: &str) -> Value {
    objects(api, "", "resourcequotas").get("default", name).unwrap()["status"]["used"].clone()
}

fn pod(requests: Value) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]})
}

#[test]
fn objects_are_counted_as_they_come_and_go() {
    let api = ApiServer::new().unwrap();
    quota(
        &api,
        "q",
        json!({"hard": {"configmaps": "3", "count/secrets": "1", "count/deployments.apps": "1", "count/no.such": "1"}}),
    );
    // Every namespace has one ConfigMap.
    assert_eq!(used(&api, "q"), json!({"configmaps": "1", "count/secrets": "0", "count/deployments.apps": "0"}));
    for name in ["a", "b"] {
        create(&api, "configmaps", name, Value::Null).unwrap();
    }
    assert_eq!(used(&api, "q")["configmaps"], "3");
    let refused = create(&api, "configmaps", "c", Value::Null).unwrap_err();
    assert_eq!(refused.code, 403);
    objects(&api, "", "configmaps").delete("default", "a", &Default::default()).unwrap();
    assert_eq!(used(&api, "q")["configmaps"], "2");
    create(&api, "configmaps", "c", Value::Null).unwrap();
}

#[test]
fn pods_are_counted_by_what_they_need_and_while_they_run() {
    let api = ApiServer::new().unwrap();
    quota(&api, "q", json!({"hard": {"pods": "9", "requests.cpu": "2", "requests.example.org/gpu": "4"}}));
    let mut spec = pod(json!({"cpu": "500m", "example.org/gpu": "1"}));
    spec["containers"][0]["resources"]["limits"] = json!({"example.org/gpu": "1"});
    // The first init container runs before the sidecar does, the second beside it.
    spec["initContainers"] = json!([
        {"name": "i", "image": "i", "resources": {"requests": {"cpu": "600m"}}},
        {"name": "s", "image": "i", "restartPolicy": "Always", "resources": {"requests": {"cpu": "250m"}}},
        {"name": "j", "image": "i", "resources": {"requests": {"cpu": "700m"}}},
    ]);
    create(&api, "pods", "a", spec).unwrap();
    assert_eq!(used(&api, "q"), json!({"pods": "1", "requests.cpu": "950m", "requests.example.org/gpu": "1"}));
    let refused = create(&api, "pods", "b", pod(json!({"cpu": "1100m"}))).unwrap_err();
    assert!(
        refused.message.ends_with("requested: requests.cpu=1100m, used: requests.cpu=950m, limited: requests.cpu=2")
    );
    let refused = create(&api, "pods", "b", pod(json!({}))).unwrap_err();
    assert!(refused.message.ends_with("failed quota: q: must specify requests.cpu for: c"), "{}", refused.message);
    let over = json!({"status": {"phase": "Succeeded"}});
    objects(&api, "", "pods").merge("default", "a", "status", &over, &WriteOptions::by("test")).unwrap();
    assert_eq!(used(&api, "q"), json!({"pods": "0", "requests.cpu": "0", "requests.example.org/gpu": "0"}));
}

#[test]
fn scopes_say_which_pods_count() {
    let api = ApiServer::new().unwrap();
    let scoped = |scopes: &[&str]| json!({"hard": {"pods": "1"}, "scopes": scopes});
    quota(&api, "ending", scoped(&["Terminating"]));
    quota(&api, "poor", scoped(&["BestEffort"]));
    let selector = json!({"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]});
    quota(&api, "high", json!({"hard": {"pods": "1"}, "scopeSelector": selector}));
    let mut ending = pod(json!({"cpu": "1"}));
    ending["activeDeadlineSeconds"] = json!(60);
    create(&api, "pods", "a", ending.clone()).unwrap();
    let pods = |name: &str| used(&api, name)["pods"].clone();
    assert_eq!([pods("ending"), pods("poor"), pods("high")], [json!("1"), json!("0"), json!("0")]);
    assert!(create(&api, "pods", "b", ending).unwrap_err().message.contains("exceeded quota: ending"));
    create(&api, "pods", "b", pod(json!({}))).unwrap();
    assert!(create(&api, "pods", "c", pod(json!({}))).unwrap_err().message.contains("exceeded quota: poor"));
    create(&api, "pods", "c", pod(json!({"cpu": "1"}))).unwrap();
}

#[test]
fn claims_and_services_are_counted_when_they_change_too() {
    let api = ApiServer::new().unwrap();
    let class = json!({
        "metadata": {"name": "fast"}, "provisioner": "example.org/p", "allowVolumeExpansion": true,
    });
    objects(&api, "storage.k8s.io", "storageclasses").create(class, &WriteOptions::by("test")).unwrap();
    let by_class = "fast.storageclass.storage.k8s.io/requests.storage";
    quota(
        &api,
        "q",
        json!({"hard": {"requests.storage": "3Gi", by_class: "3Gi", "services.nodeports": "1", "services": "2"}}),
    );
    let claim = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "2Gi"}},
    });
    create(&api, "persistentvolumeclaims", "a", claim).unwrap();
    let bound = json!({"status": {"phase": "Bound"}});
    let claims = objects(&api, "", "persistentvolumeclaims");
    claims.merge("default", "a", "status", &bound, &WriteOptions::by("test")).unwrap();
    let grow = |size: &str| {
        let patch = json!({"spec": {"resources": {"requests": {"storage": size}}}});
        claims.merge("default", "a", "", &patch, &WriteOptions::by("test")).map(|_| ())
    };
    grow("3Gi").unwrap();
    assert_eq!(used(&api, "q")[by_class], "3Gi");
    let refused = grow("4Gi").unwrap_err();
    assert!(
        refused
            .message
            .contains("requested: fast.storageclass.storage.k8s.io/requests.storage=1Gi,requests.storage=1Gi")
    );
    let service = |kind: &str| json!({"type": kind, "ports": [{"port": 80}]});
    // That of the cluster itself is one.
    create(&api, "services", "a", service("NodePort")).unwrap();
    assert_eq!(used(&api, "q")["services"], "2");
    assert!(create(&api, "services", "b", service("ClusterIP")).unwrap_err().message.contains("services=1"));
}
