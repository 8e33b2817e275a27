//! A cluster with a simulated node: the embedded API server, whose clock is moved on, or a real control plane, which is waited for.

use std::time::{Duration, Instant};

use holm_apiserver::{ApiServer, Clock, Timestamp};
use holm_controllers::Controllers;
use holm_node::{LoadBalancers, Node, NodeOptions};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

/// The node of these tests; the tests' control plane has another one, of its own.
pub const NODE: &str = "scenario-node";
/// The provisioner of the classes of these tests.
pub const PROVISIONER: &str = "holm.dev/scenario";

/// Longer than anything takes, in simulated or in real time.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Cluster {
    pub client: Client,
    pub namespace: String,
    /// The node of the pods.
    pub node: &'static str,
    kind: Kind,
}

enum Kind {
    Embedded {
        clock: Clock,
        controllers: Box<Controllers>,
        node: Box<Node>,
    },
    /// A real control plane; none where its node is real as well.
    Real {
        node: Option<tokio::task::JoinHandle<()>>,
    },
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Kind::Real { node: Some(node) } = &self.kind {
            node.abort();
        }
    }
}

fn options() -> NodeOptions {
    NodeOptions::default()
        .name(NODE)
        .annotation("holm.dev/kubelet", "scenarios")
        .pod_network(10, 245)
        .provisioners([PROVISIONER])
        .load_balancers(LoadBalancers::ByAnnotation)
}

impl Cluster {
    /// An API server in this process with a clock that stands still.
    pub async fn embedded(scenario: &str) -> Self {
        let clock = Clock::held_at(Timestamp(1_800_000_000));
        let server = ApiServer::builder().clock(clock.clone()).seed(7).build().expect("an API server");
        let client = server.client();
        let time = clock.clone();
        let node = Node::new(client.clone(), options().clock(move || time.now_milliseconds()));
        let cluster = Self {
            client,
            namespace: format!("scenario-{scenario}"),
            node: NODE,
            kind: Kind::Embedded { clock, controllers: Box::new(Controllers::new(&server)), node: Box::new(node) },
        };
        // The other node of the tests' control plane, which nobody runs here and no pod of these tests selects.
        let capacity = json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "10k"});
        let other = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "holm-node"},
            "status": {"capacity": capacity, "allocatable": capacity},
        });
        cluster.create("/api/v1/nodes", other).await;
        cluster.patch("/api/v1/nodes/holm-node", json!({"spec": {"taints": null}})).await;
        cluster.prepare().await
    }

    /// The control plane that `HOLM_TEST_KUBECONFIG` names, if it does.
    pub async fn real(scenario: &str) -> Option<Self> {
        let client = client("HOLM_TEST_KUBECONFIG").await?;
        let node = Node::new(client.clone(), options().schedules(false));
        let node = tokio::spawn(async move {
            let error = node.run().await;
            panic!("the node ended: {error}");
        });
        let kind = Kind::Real { node: Some(node) };
        let cluster = Self { client, namespace: unique(scenario), node: NODE, kind };
        Some(cluster.prepare().await)
    }

    /// The control plane with a real node that `HOLM_NODE_KUBECONFIG` names, if it does.
    pub async fn node(scenario: &str) -> Option<Self> {
        let client = client("HOLM_NODE_KUBECONFIG").await?;
        let kind = Kind::Real { node: None };
        let cluster = Self { client, namespace: unique(scenario), node: "real-node", kind };
        Some(cluster.prepare().await)
    }

    async fn prepare(mut self) -> Self {
        let namespace = self.namespace.clone();
        self.create("/api/v1/namespaces", json!({"metadata": {"name": namespace}})).await;
        for (name, mode) in [("scenario-waits", "WaitForFirstConsumer"), ("scenario-immediate", "Immediate")] {
            let class = json!({
                "metadata": {"name": name}, "provisioner": PROVISIONER, "volumeBindingMode": mode, "allowVolumeExpansion": true,
            });
            self.create("/apis/storage.k8s.io/v1/storageclasses", class).await;
        }
        self.until("the node is ready and without taints", async |cluster| {
            let node = cluster.get(&format!("/api/v1/nodes/{}", cluster.node)).await?;
            let is_ready = condition(&node, "Ready") == "True";
            (is_ready && node["spec"].get("taints").is_none()).then_some(node)
        })
        .await;
        self.until("the namespace is filled", async |cluster| {
            cluster.get(&cluster.path("serviceaccounts/default")).await?;
            cluster.get(&cluster.path("configmaps/kube-root-ca.crt")).await
        })
        .await;
        self
    }

    /// The path of an object of the core group in the namespace of the scenario.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Result<Value, kube::Error> {
        let media_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", media_type).body(body);
        self.client.request(request.expect("a request")).await
    }

    /// Creates an object, unless an earlier scenario has.
    pub async fn create(&self, path: &str, object: Value) {
        match self.send(Method::POST, path, object).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => panic!("POST {path}: {error}"),
        }
    }

    pub async fn patch(&self, path: &str, patch: Value) {
        self.send(Method::PATCH, path, patch).await.unwrap_or_else(|error| panic!("PATCH {path}: {error}"));
    }

    pub async fn delete(&self, path: &str) {
        self.send(Method::DELETE, path, Value::Null).await.unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
    }

    /// Reads an object, if it is there.
    pub async fn get(&self, path: &str) -> Option<Value> {
        match self.send(Method::GET, path, Value::Null).await {
            Ok(found) => Some(found),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// Reads a text, or the message of the error.
    pub async fn text(&self, path: &str) -> String {
        let request = Request::get(path).body(Vec::new()).expect("a request");
        match self.client.request_text(request).await {
            Ok(text) => text,
            Err(kube::Error::Api(status)) => format!("{}: {}", status.code, status.message.trim_end()),
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// The time of the cluster: the embedded one's stands still between two looks.
    fn now(&self) -> i64 {
        match &self.kind {
            Kind::Embedded { clock, .. } => clock.now_milliseconds(),
            Kind::Real { .. } => 0,
        }
    }

    /// Lets time pass until there is something to see.
    pub async fn until<T>(&mut self, what: &str, look: impl AsyncFn(&Self) -> Option<T>) -> T {
        let (start, begun) = (self.now(), Instant::now());
        loop {
            let next = match &mut self.kind {
                Kind::Embedded { controllers, node, .. } => settle(controllers, node).await,
                Kind::Real { .. } => None,
            };
            if let Some(seen) = look(self).await {
                return seen;
            }
            match &self.kind {
                Kind::Embedded { clock, .. } => {
                    let passed = clock.now_milliseconds() - start;
                    let due =
                        next.filter(|_| passed < 60_000).unwrap_or_else(|| panic!("it does not come that {what}"));
                    clock.advance(Duration::from_millis(due.abs_diff(clock.now_milliseconds())));
                }
                Kind::Real { .. } => {
                    assert!(begun.elapsed() < LONGEST, "it does not come that {what}");
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            }
        }
    }
}

/// A client of the cluster that a variable names.
async fn client(variable: &str) -> Option<Client> {
    let path = std::env::var_os(variable)?;
    let config = kube::config::Kubeconfig::read_from(path).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.expect("a configuration");
    Some(Client::try_from(config).expect("a client"))
}

/// A namespace that no earlier run had.
fn unique(scenario: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    format!("scenario-{scenario}-{:x}", since.as_millis())
}

/// Lets controllers and node work in turn until both are quiet, and gives the time at which something is due.
async fn settle(controllers: &mut Controllers, node: &mut Node) -> Option<i64> {
    loop {
        let controlled = controllers.settle().expect("settled controllers");
        let done = node.settle().await.expect("a settled node");
        if controlled.acted + done.acted == 0 {
            return controlled.next.into_iter().chain(done.next).min();
        }
    }
}

/// The status of a condition.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == kind);
    found.and_then(|found| found["status"].as_str()).unwrap_or_default()
}
