//! What a person does beside the programs under test: the requests that kubectl 1.37 would send, by its field managers, so that
//! no kubectl is needed. Everything here fails the test when the server refuses it.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, Request, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::eventually;

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

impl ControlPlane {
    /// The live object; none where there is none. `namespace` is empty for cluster-scoped kinds.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let path = format!("{}/{name}", self.resource(kind).path(namespace));
        let (status, object) = self.ask(Method::GET, &path, None);
        match status {
            StatusCode::NOT_FOUND => None,
            _ => Some(expect_success(status, object, &path)),
        }
    }

    /// The live object, which must be there.
    pub fn must_get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.get(kind, namespace, name).unwrap_or_else(|| panic!("{kind} {namespace}/{name} is not in the cluster"))
    }

    /// The objects of a kind in a namespace, or all where the kind is cluster-scoped. With `label`, those that have it.
    pub fn list(&self, kind: &str, namespace: &str, label: Option<&str>) -> Vec<Value> {
        let selector = label.map(|label| format!("?labelSelector={label}")).unwrap_or_default();
        let path = format!("{}{selector}", self.resource(kind).path(namespace));
        let (status, mut list) = self.ask(Method::GET, &path, None);
        if !status.is_success() {
            return vec![expect_success(status, list, &path)];
        }
        match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }

    /// The resourceVersion of every object of `kinds` (comma-separated) in the namespace, by `Kind/name`.
    pub fn versions(&self, kinds: &str, namespace: &str) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        for kind in kinds.split(',') {
            let kind_of_list =
                |object: &Value, path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
            for object in self.list(kind, namespace, None) {
                // Items of a list have no kind of their own.
                let name = kind_of_list(&object, "/metadata/name");
                let live = self.must_get(kind, namespace, &name);
                versions.insert(
                    format!("{}/{name}", kind_of_list(&live, "/kind")),
                    kind_of_list(&object, "/metadata/resourceVersion"),
                );
            }
        }
        versions
    }

    /// The names of the objects of `kinds` (comma-separated) that have a label, as `kubectl get --output name` has them.
    pub fn names_with_label(&self, kinds: &str, namespace: &str, label: &str) -> Vec<String> {
        let mut names: Vec<String> = kinds
            .split(',')
            .flat_map(|kind| {
                let prefix = self.resource(kind).of_objects();
                let objects = self.list(kind, namespace, Some(label)).into_iter();
                objects
                    .map(move |object| format!("{prefix}/{}", object["metadata"]["name"].as_str().unwrap_or_default()))
            })
            .collect();
        names.sort_unstable();
        names
    }

    /// The resources that have all of these verbs, as `kubectl api-resources --output name` has them.
    pub fn api_resources(&self, verbs: &[&str]) -> BTreeSet<String> {
        let served = self.discover().into_iter();
        served.filter(|resource| resource.allows(verbs)).map(|resource| resource.qualified()).collect()
    }

    /// `kubectl create -f -`
    pub fn create(&self, object: &Value) {
        let path = self.path_of(object);
        let (status, answer) = self.ask(Method::POST, &with_manager(&path, "kubectl-create"), Some((JSON, object)));
        expect_success(status, answer, &path);
    }

    /// The same where it may be there already.
    pub fn create_if_absent(&self, object: Value) {
        let path = self.path_of(&object);
        let (status, answer) = self.ask(Method::POST, &with_manager(&path, "kubectl-create"), Some((JSON, &object)));
        if status != StatusCode::CONFLICT {
            expect_success(status, answer, &path);
        }
    }

    /// `kubectl apply --server-side --force-conflicts --field-manager=MANAGER -f -`
    pub fn apply_as(&self, manager: &str, object: &Value) {
        let path = format!("{}/{}", self.path_of(object), object["metadata"]["name"].as_str().unwrap_or_default());
        let query = format!("{}&force=true", with_manager(&path, manager));
        let (status, answer) = self.ask(Method::PATCH, &query, Some((APPLY, object)));
        expect_success(status, answer, &path);
    }

    /// Whether the server refuses a merge patch, which is not carried out.
    pub fn is_refused(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> bool {
        let path = format!("{}/{name}?dryRun=All", self.resource(kind).path(namespace));
        !self.ask(Method::PATCH, &path, Some((MERGE, patch))).0.is_success()
    }

    /// `kubectl scale KIND/NAME --replicas=N`, which goes by the name of the program alone.
    pub fn scale(&self, kind: &str, namespace: &str, name: &str, replicas: u32) {
        let path = format!("{}/{name}/scale", self.resource(kind).path(namespace));
        let patch = json!({"spec": {"replicas": replicas}});
        let (status, answer) = self.ask(Method::PATCH, &with_manager(&path, "kubectl"), Some((MERGE, &patch)));
        expect_success(status, answer, &path);
    }

    /// `kubectl set image deployment/NAME CONTAINER=IMAGE`
    pub fn set_image(&self, namespace: &str, deployment: &str, container: &str, image: &str) {
        let containers = json!([{"name": container, "image": image}]);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.change("deployment", namespace, deployment, "kubectl-set", STRATEGIC, &patch);
    }

    /// `kubectl label KIND/NAME KEY=VALUE`
    pub fn label(&self, kind: &str, namespace: &str, name: &str, key: &str, value: &str) {
        let patch = json!({"metadata": {"labels": {key: value}}});
        self.change(kind, namespace, name, "kubectl-label", MERGE, &patch);
    }

    /// `kubectl patch KIND NAME --patch=PATCH`
    pub fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) {
        self.change(kind, namespace, name, "kubectl-patch", STRATEGIC, patch);
    }

    /// `kubectl patch KIND NAME --type=merge --patch=PATCH`
    pub fn merge(&self, kind: &str, namespace: &str, name: &str, patch: &Value) {
        self.change(kind, namespace, name, "kubectl-patch", MERGE, patch);
    }

    /// A merge patch under the name of any tool.
    pub fn merge_as(&self, manager: &str, kind: &str, namespace: &str, name: &str, patch: &Value) {
        self.change(kind, namespace, name, manager, MERGE, patch);
    }

    /// `kubectl replace -f -`
    pub fn replace(&self, kind: &str, namespace: &str, name: &str, object: &Value) {
        let path = format!("{}/{name}", self.resource(kind).path(namespace));
        let (status, answer) = self.ask(Method::PUT, &with_manager(&path, "kubectl-replace"), Some((JSON, object)));
        expect_success(status, answer, &path);
    }

    /// `kubectl patch KIND NAME --subresource=status --type=merge --patch=PATCH`
    pub fn patch_status(&self, kind: &str, namespace: &str, name: &str, status: &Value) {
        self.change(kind, namespace, &format!("{name}/status"), "kubectl-patch", MERGE, &json!({"status": status}));
    }

    /// `kubectl delete KIND/NAME`, which waits until it is gone.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.begin_delete(kind, namespace, name);
        eventually("the deletion", || self.get(kind, namespace, name).is_none().then_some(()));
    }

    /// `kubectl delete KIND/NAME --wait=false`
    pub fn begin_delete(&self, kind: &str, namespace: &str, name: &str) {
        let path = format!("{}/{name}", self.resource(kind).path(namespace));
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        let (status, answer) = self.ask(Method::DELETE, &path, Some((JSON, &options)));
        expect_success(status, answer, &path);
    }

    /// `kubectl create token NAME --duration=2h`
    pub fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200},
        });
        let (status, answer) = self.ask(Method::POST, &path, Some((JSON, &request)));
        let answer = expect_success(status, answer, &path);
        answer["status"]["token"].as_str().expect("the answer has the token").to_owned()
    }

    fn change(&self, kind: &str, namespace: &str, name: &str, manager: &str, content_type: &str, patch: &Value) {
        let path = format!("{}/{name}", self.resource(kind).path(namespace));
        let (status, answer) = self.ask(Method::PATCH, &with_manager(&path, manager), Some((content_type, patch)));
        expect_success(status, answer, &path);
    }

    /// The path of the objects of an object's kind.
    fn path_of(&self, object: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = text(&object["kind"]).to_lowercase();
        let api_version = text(&object["apiVersion"]);
        let plural = match kind.strip_suffix('y') {
            Some(kind) => format!("{kind}ies"),
            None if kind.ends_with('s') => format!("{kind}es"),
            None => format!("{kind}s"),
        };
        let name = api_version.split_once('/').map_or(kind, |(group, _)| format!("{plural}.{group}"));
        self.resource(&name).path(&text(&object["metadata"]["namespace"]))
    }

    fn ask(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path).header(http::header::ACCEPT, JSON);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
            bytes = value.to_string().into_bytes();
        }
        self.send(request.body(Body::from(bytes)).expect("the path is one"))
    }

    /// Sends a request as the administrator.
    pub(crate) fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let what = format!("{} {}", request.method(), request.uri());
        self.runtime.block_on(async {
            let answer = self.client.send(request).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            let status = answer.status();
            let body = answer.into_body().collect_bytes().await.unwrap_or_else(|error| panic!("{what}: {error}"));
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    }
}

fn with_manager(path: &str, manager: &str) -> String {
    format!("{path}?fieldManager={manager}")
}

fn expect_success(status: StatusCode, answer: Value, path: &str) -> Value {
    assert!(status.is_success(), "{path}: {status} {answer:#}");
    answer
}
