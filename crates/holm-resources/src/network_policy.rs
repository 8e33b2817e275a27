//! NetworkPolicies.

use std::collections::BTreeMap;

use holm_core::{Declaration, IntoResource};
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;
use crate::port::Port;
use crate::reference::Workload;

/// The label that every namespace has, with its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Who may connect to the pods of a workload, and to whom they may connect.
///
/// The pods are those of the workload's own selector, and the peers those of theirs, in their own namespace. What nobody may connect to is
/// the start: each `allow` adds to it. Connections from the pods stay unrestricted until the first `allow_to`.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, Deployment, NetworkPolicy, PodOptions, Port};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let (http, sql) = (Port::tcp("http", 8080), Port::tcp("postgres", 5432));
/// let database = stack.add(Deployment::new("database").container(Container::new("database", "postgres:15").port(&sql)));
/// let shop = stack.add(Deployment::new("shop").container(Container::new("shop", "example.org/shop:1").port(&http)));
/// stack.add(NetworkPolicy::of(&database).allow_from(&shop, &sql));
/// stack.add(NetworkPolicy::of(&shop).allow_from_namespace("ingress-nginx", &http).allow_to(&database, &sql).allow_dns());
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a policy does nothing until it is added to a stack"]
pub struct NetworkPolicy {
    common: Common<networking::NetworkPolicy>,
    pods: LabelSelector,
    /// The namespace of the pods, as far as the policy knows it.
    namespace: Option<String>,
    from: Vec<networking::NetworkPolicyIngressRule>,
    to: Vec<networking::NetworkPolicyEgressRule>,
    isolates_egress: bool,
    allows_dns: bool,
}

impl NetworkPolicy {
    /// A policy for the pods of `workload`, by which nobody may connect to them. It has the workload's name.
    pub fn of(workload: &impl Workload) -> Self {
        let mut policy = Self::of_all_pods(&workload.id().name);
        policy.namespace.clone_from(&workload.id().namespace);
        if let Some(namespace) = &workload.id().namespace {
            policy.common.set_namespace(namespace);
        }
        policy.pods = policy.common.selector_of(workload, "podSelector");
        policy
    }

    /// A policy for all pods of the namespace, by which nobody may connect to them.
    pub fn of_all_pods(name: &str) -> Self {
        Self {
            common: Common::new(name),
            pods: LabelSelector::default(),
            namespace: None,
            from: Vec::new(),
            to: Vec::new(),
            isolates_egress: false,
            allows_dns: false,
        }
    }

    /// Another name than the workload's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }

    /// The pods of `workload` may connect to this port.
    pub fn allow_from(mut self, workload: &impl Workload, port: &Port) -> Self {
        let peer = self.peer(workload);
        self.add_from(Some(peer), port)
    }

    /// All pods of the policy's own namespace may connect to this port.
    pub fn allow_from_own_namespace(self, port: &Port) -> Self {
        let peer = networking::NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..Default::default() };
        self.add_from(Some(peer), port)
    }

    /// All pods of the namespace `name` may connect to this port.
    pub fn allow_from_namespace(self, name: &str, port: &Port) -> Self {
        let peer = networking::NetworkPolicyPeer { namespace_selector: Some(namespace(name)), ..Default::default() };
        self.add_from(Some(peer), port)
    }

    /// Everything may connect to this port, also from outside of the cluster.
    pub fn allow_from_anywhere(self, port: &Port) -> Self {
        self.add_from(None, port)
    }

    /// The pods may connect to this port of the pods of `workload`, and from now on only to what is allowed.
    pub fn allow_to(mut self, workload: &impl Workload, port: &Port) -> Self {
        let peer = self.peer(workload);
        self.add_to(Some(peer), &[port])
    }

    /// The pods may connect to this port of anything, also outside of the cluster, and from now on only to what is allowed.
    pub fn allow_to_anywhere(self, port: &Port) -> Self {
        self.add_to(None, &[port])
    }

    /// The pods may ask the cluster's DNS in the namespace `kube-system`, which nearly every client needs. Once is enough.
    pub fn allow_dns(mut self) -> Self {
        if std::mem::replace(&mut self.allows_dns, true) {
            return self;
        }
        let peer =
            networking::NetworkPolicyPeer { namespace_selector: Some(namespace("kube-system")), ..Default::default() };
        self.add_to(Some(peer), &[&Port::udp("dns", 53), &Port::tcp("dns-tcp", 53)])
    }

    /// The pods may connect to nothing but what is allowed.
    pub fn deny_to(mut self) -> Self {
        self.isolates_egress = true;
        self
    }

    fn add_from(mut self, peer: Option<networking::NetworkPolicyPeer>, port: &Port) -> Self {
        let from = peer.map(|peer| vec![peer]);
        self.from.push(networking::NetworkPolicyIngressRule { from, ports: Some(vec![policy_port(port)]) });
        self
    }

    fn add_to(mut self, peer: Option<networking::NetworkPolicyPeer>, ports: &[&Port]) -> Self {
        let ports = Some(ports.iter().map(|port| policy_port(port)).collect());
        self.to.push(networking::NetworkPolicyEgressRule { to: peer.map(|peer| vec![peer]), ports });
        self.deny_to()
    }

    /// The pods of a workload, which may live in another namespace.
    fn peer(&mut self, workload: &impl Workload) -> networking::NetworkPolicyPeer {
        let other = workload.id().namespace.as_ref().filter(|other| Some(*other) != self.namespace.as_ref());
        networking::NetworkPolicyPeer {
            pod_selector: Some(self.common.selector_of(workload, "podSelector")),
            namespace_selector: other.map(|name| namespace(name)),
            ..Default::default()
        }
    }
}

fn namespace(name: &str) -> LabelSelector {
    let labels = BTreeMap::from([(NAMESPACE_NAME.to_owned(), name.to_owned())]);
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}

/// The port by number, because not every network plugin knows the names.
fn policy_port(port: &Port) -> networking::NetworkPolicyPort {
    networking::NetworkPolicyPort {
        port: Some(IntOrString::Int(i32::from(port.number()))),
        protocol: Some(port.protocol().to_owned()),
        ..Default::default()
    }
}

impl Builder for NetworkPolicy {
    type Object = networking::NetworkPolicy;

    fn common(&mut self) -> &mut Common<networking::NetworkPolicy> {
        &mut self.common
    }
}

impl IntoResource for NetworkPolicy {
    type Kind = kind::NetworkPolicy;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let mut types = vec!["Ingress".to_owned()];
        if self.isolates_egress {
            types.push("Egress".to_owned());
        }
        let spec = networking::NetworkPolicySpec {
            pod_selector: Some(self.pods),
            policy_types: Some(types),
            ingress: crate::container::some_list(self.from.into_iter()),
            egress: crate::container::some_list(self.to.into_iter()),
        };
        let object = networking::NetworkPolicy { spec: Some(spec), ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}
