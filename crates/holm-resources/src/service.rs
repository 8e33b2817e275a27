//! Services.

use std::collections::BTreeMap;

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind};
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::container::some_list;
use crate::kind;
use crate::port::Port;
use crate::reference::Workload;

/// A name and an address for the pods of a workload.
///
/// The selector comes from the workload's declared object, and the ports from the very values that its containers listen
/// on.
#[must_use = "a Service does nothing until it is added to a stack"]
pub struct Service {
    common: Common<core::Service>,
    spec: core::ServiceSpec,
    ports: Vec<core::ServicePort>,
    problems: Vec<(FieldPath, ProblemKind)>,
}

impl Service {
    /// A Service that leads to `port` of the pods of `workload`, under the same number and with the workload's name.
    pub fn to(workload: &impl Workload, port: &Port) -> Self {
        let mut service = Self::new(&workload.id().name);
        if let Some(namespace) = &workload.id().namespace {
            service = service.namespace(namespace);
        }
        let selector = service_selector(workload);
        if selector.is_empty() {
            let message = format!(
                "the pod labels of {} are not known here; give them with Service::new(NAME).selector([(KEY, VALUE)])",
                workload.id()
            );
            service.problems.push((FieldPath::of(["spec", "selector"]), ProblemKind::Incomplete(message)));
        }
        service.spec.selector = Some(selector);
        service.port(port)
    }

    /// A Service without selector and ports.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), spec: core::ServiceSpec::default(), ports: Vec::new(), problems: Vec::new() }
    }

    /// Another name than the workload's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }

    /// The labels of the pods that it leads to, for pods that this stack does not declare.
    pub fn selector<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.spec.selector = Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
        self.problems.clear();
        self
    }

    /// One more port, under the same number.
    pub fn port(self, port: &Port) -> Self {
        self.port_as(port.number(), port)
    }

    /// One more port, under another number: `port_as(80, &http)`.
    pub fn port_as(mut self, number: u16, port: &Port) -> Self {
        self.ports.push(core::ServicePort {
            name: Some(port.name().to_owned()),
            port: i32::from(number),
            // The protocol is part of the list's key under server-side apply, so it is written although TCP is the default.
            protocol: Some(port.protocol().to_owned()),
            target_port: Some(port.target()),
            ..core::ServicePort::default()
        });
        self
    }

    /// Gives each pod a name of its own in DNS, and no common address.
    pub fn headless(mut self) -> Self {
        self.spec.cluster_ip = Some("None".to_owned());
        self
    }

    /// Asks for an address outside the cluster, which comes later:
    /// `service.field("status.loadBalancer.ingress[0].ip")`.
    pub fn load_balancer(mut self) -> Self {
        self.spec.type_ = Some("LoadBalancer".to_owned());
        self
    }

    /// Opens its ports on every node, under numbers that the server chooses.
    pub fn node_port(mut self) -> Self {
        self.spec.type_ = Some("NodePort".to_owned());
        self
    }
}

/// The labels that select the workload's pods: those of its own selector, because they cannot change, or else those of its
/// pods.
fn service_selector(workload: &impl Workload) -> BTreeMap<String, String> {
    match workload.pod_selector().match_labels {
        Some(labels) if !labels.is_empty() => labels,
        _ => workload.pod_labels(),
    }
}

impl Builder for Service {
    type Object = core::Service;

    fn common(&mut self) -> &mut Common<core::Service> {
        &mut self.common
    }
}

impl IntoResource for Service {
    type Kind = kind::Service;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        for (path, kind) in self.problems {
            lowering.problem(path, kind);
        }
        let spec = core::ServiceSpec { ports: some_list(self.ports.into_iter()), ..self.spec };
        self.common.finish(core::Service { spec: Some(spec), ..core::Service::default() }, lowering)
    }
}
