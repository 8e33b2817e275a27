//! What a simulated node does, and how it is called.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The provisioner's name unless it is told another.
pub const PROVISIONER: &str = "holm.dev/simulated";

/// Which Services of type LoadBalancer get an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalancers {
    /// Those that ask for one by the annotation `holm.dev/load-balancer`, with the value `true` or an address.
    #[default]
    ByAnnotation,
    /// All but those that ask for none: the annotation has the value `false`.
    All,
    /// None, whatever they ask for.
    Off,
}

/// How a simulated node is made.
#[derive(Clone)]
pub struct NodeOptions {
    pub(crate) name: String,
    pub(crate) schedules: bool,
    pub(crate) every_node: bool,
    pub(crate) provisioners: Vec<String>,
    pub(crate) load_balancers: LoadBalancers,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) taints: Vec<serde_json::Value>,
    pub(crate) address: String,
    pub(crate) pod_network: [u8; 2],
    pub(crate) kubelet_port: Option<u16>,
    pub(crate) clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Default for NodeOptions {
    /// A node named `holm-node` with the machine's clock that schedules, provisions, and gives addresses to Services that ask
    /// for one.
    fn default() -> Self {
        Self {
            name: "holm-node".to_owned(),
            schedules: true,
            every_node: false,
            provisioners: vec![PROVISIONER.to_owned()],
            load_balancers: LoadBalancers::default(),
            labels: Vec::new(),
            annotations: Vec::new(),
            taints: Vec::new(),
            address: "127.0.0.1".to_owned(),
            pod_network: [10, 244],
            kubelet_port: None,
            clock: Arc::new(system_clock),
        }
    }
}

impl NodeOptions {
    /// The node's name, by which pods are bound to it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether it also does the work of kube-scheduler for the whole cluster. A real control plane has its own.
    #[must_use]
    pub fn schedules(mut self, schedules: bool) -> Self {
        self.schedules = schedules;
        self
    }

    /// Whether it is the kubelet of every node of the cluster, so that nodes which somebody creates become ready and run pods too.
    #[must_use]
    pub fn every_node(mut self, every_node: bool) -> Self {
        self.every_node = every_node;
        self
    }

    /// The names under which it makes volumes for claims, as storage classes name them; none for no provisioning.
    #[must_use]
    pub fn provisioners(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.provisioners = names.into_iter().map(Into::into).collect();
        self
    }

    /// Which Services of type LoadBalancer get an address.
    #[must_use]
    pub fn load_balancers(mut self, load_balancers: LoadBalancers) -> Self {
        self.load_balancers = load_balancers;
        self
    }

    /// A label of the node, besides those that every node has.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// An annotation of the node.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.push((key.into(), value.into()));
        self
    }

    /// A taint of the node, with the effect `NoSchedule`, `NoExecute` or `PreferNoSchedule`. Pods that do not tolerate it are not
    /// scheduled to the node; pods that run are not evicted.
    #[must_use]
    pub fn taint(mut self, key: impl Into<String>, value: impl Into<String>, effect: impl Into<String>) -> Self {
        self.taints.push(serde_json::json!({"key": key.into(), "value": value.into(), "effect": effect.into()}));
        self
    }

    /// The first two numbers of the pods' addresses; 10.244 unless it is said otherwise. Two nodes of a cluster need two.
    #[must_use]
    pub fn pod_network(mut self, first: u8, second: u8) -> Self {
        self.pod_network = [first, second];
        self
    }

    /// The port at which something answers for this node's kubelet, for the logs of pods on a real control plane.
    #[must_use]
    pub fn kubelet_port(mut self, port: u16) -> Self {
        self.kubelet_port = Some(port);
        self
    }

    /// Where the time comes from: milliseconds since 1970. [`Node::run`](crate::Node::run) waits by the machine's time, so a clock
    /// that stands still is for [`Node::settle`](crate::Node::settle).
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NodeOptions")
            .field("name", &self.name)
            .field("schedules", &self.schedules)
            .field("provisioners", &self.provisioners)
            .field("load_balancers", &self.load_balancers)
            .finish_non_exhaustive()
    }
}

fn system_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
