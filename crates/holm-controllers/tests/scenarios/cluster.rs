//! The embedded cluster and a real one, in the same words.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use holm_apiserver::{ApiServer, Clock, Timestamp};
use holm_controllers::Controllers;
use http::{Method, Request};
use serde_json::Value;

/// A real cluster counts as settled when nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(2500);
const LIMIT: Duration = Duration::from_secs(40);

/// The resources that are looked at, by their kind: their path before the namespace, and their plural.
pub const RESOURCES: &[(&str, &str, &str)] = &[
    ("ControllerRevision", "/apis/apps/v1", "controllerrevisions"),
    ("CronJob", "/apis/batch/v1", "cronjobs"),
    ("DaemonSet", "/apis/apps/v1", "daemonsets"),
    ("Deployment", "/apis/apps/v1", "deployments"),
    ("EndpointSlice", "/apis/discovery.k8s.io/v1", "endpointslices"),
    ("Endpoints", "/api/v1", "endpoints"),
    ("HorizontalPodAutoscaler", "/apis/autoscaling/v2", "horizontalpodautoscalers"),
    ("Job", "/apis/batch/v1", "jobs"),
    ("PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims"),
    ("Pod", "/api/v1", "pods"),
    ("PodDisruptionBudget", "/apis/policy/v1", "poddisruptionbudgets"),
    ("ReplicaSet", "/apis/apps/v1", "replicasets"),
    ("ReplicationController", "/api/v1", "replicationcontrollers"),
    ("Service", "/api/v1", "services"),
    ("StatefulSet", "/apis/apps/v1", "statefulsets"),
    ("Event", "/api/v1", "events"),
];

/// Resources without a namespace.
pub const CLUSTER_RESOURCES: &[(&str, &str, &str)] = &[
    ("Namespace", "/api/v1", "namespaces"),
    ("Node", "/api/v1", "nodes"),
    ("PersistentVolume", "/api/v1", "persistentvolumes"),
    ("StorageClass", "/apis/storage.k8s.io/v1", "storageclasses"),
];

pub enum Cluster {
    Embedded { client: kube::Client, clock: Clock, controllers: Box<Controllers> },
    Real(kube::Client),
}

pub async fn connect(path: &str) -> kube::Client {
    let config = kube::config::Kubeconfig::read_from(path).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await.unwrap();
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static("scenario/1")));
    kube::Client::try_from(config).unwrap()
}

impl Cluster {
    pub fn embedded() -> Self {
        // 2026-11-25T12:00:00Z
        let clock = Clock::held_at(Timestamp(1_795_608_000));
        let api = ApiServer::builder().clock(clock.clone()).seed(1).build().unwrap();
        let client = api.client();
        Self::Embedded { client, clock, controllers: Box::new(Controllers::new(&api)) }
    }

    fn client(&self) -> &kube::Client {
        match self {
            Self::Embedded { client, .. } | Self::Real(client) => client,
        }
    }

    pub fn is_real(&self) -> bool {
        matches!(self, Self::Real(_))
    }

    /// The time, as objects have it.
    pub fn now(&self) -> String {
        match self {
            Self::Embedded { clock, .. } => clock.now().to_string(),
            Self::Real(_) => Clock::system().now().to_string(),
        }
    }

    /// Sends a request, and gives the body of the answer; a refusal is a `Status`.
    pub async fn send(&self, method: Method, path: &str, content: &str, body: Option<&Value>) -> Value {
        let separator = if path.contains('?') { '&' } else { '?' };
        let path =
            if method == Method::GET { path.to_owned() } else { format!("{path}{separator}fieldManager=scenario") };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content)
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .unwrap();
        match self.client().request::<Value>(request).await {
            Ok(answer) => answer,
            Err(kube::Error::Api(status)) => serde_json::to_value(status).unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }

    pub async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.send(Method::GET, path, "application/json", None).await;
        answer["items"].as_array().cloned().unwrap_or_else(|| panic!("{path}: {answer}"))
    }

    /// Lets time pass.
    pub async fn advance(&mut self, by: Duration) {
        match self {
            Self::Real(_) => tokio::time::sleep(by).await,
            Self::Embedded { clock, controllers, .. } => {
                // Step by step, as time passes.
                let end = clock.now_milliseconds() + i64::try_from(by.as_millis()).unwrap();
                loop {
                    let next = controllers.settle().unwrap().next.unwrap_or(end).clamp(clock.now_milliseconds(), end);
                    clock.advance(Duration::from_millis((next - clock.now_milliseconds()).unsigned_abs()));
                    if clock.now_milliseconds() >= end {
                        break;
                    }
                }
            }
        }
    }

    /// Waits until the controllers have nothing more to do.
    pub async fn settle(&mut self, namespace: &str) {
        if let Self::Embedded { controllers, clock, .. } = self {
            // A real cluster works in seconds of its own, too.
            controllers.settle().unwrap();
            clock.advance(Duration::from_secs(1));
            self.advance(Duration::from_secs(2)).await;
            return;
        }
        let start = Instant::now();
        let mut last = BTreeMap::new();
        let mut since = Instant::now();
        while since.elapsed() < QUIET && start.elapsed() < LIMIT {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let mut found = BTreeMap::new();
            for (kind, prefix, plural) in RESOURCES {
                for item in self.list(&format!("{prefix}/namespaces/{namespace}/{plural}")).await {
                    found.insert(
                        (*kind, item["metadata"]["name"].to_string()),
                        item["metadata"]["resourceVersion"].to_string(),
                    );
                }
            }
            if found != last {
                last = found;
                since = Instant::now();
            }
        }
    }
}
