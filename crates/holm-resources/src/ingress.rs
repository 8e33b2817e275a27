//! Ingresses.

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind, Ref};
use k8s_openapi::api::networking::v1 as networking;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;
use crate::port::Port;

/// Leads requests over HTTP from outside of the cluster to Services.
///
/// A route is written as in a URL, host and path together; it leads to a Service by reference and to its port by name, so that neither
/// can be misspelt. The certificate covers exactly the hosts of the routes.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, Deployment, Ingress, PodOptions, Port, Secret, Service};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let http = Port::tcp("http", 8080);
/// let server = Container::new("shop", "example.org/shop:1.4.2").port(&http);
/// let service = stack.add(Service::to(&stack.add(Deployment::new("shop").container(server)), &http));
/// let certificate = stack.add(Secret::tls("shop-tls", "certificate", "key"));
/// stack.add(
///     Ingress::new("shop")
///         .class("nginx")
///         .route("shop.example.org/", &service, &http)
///         .tls(&certificate),
/// );
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "an Ingress does nothing until it is added to a stack"]
pub struct Ingress {
    common: Common<networking::Ingress>,
    spec: networking::IngressSpec,
    rules: Vec<(Option<String>, Vec<networking::HTTPIngressPath>)>,
    certificate: Option<String>,
}

impl Ingress {
    /// An Ingress without routes.
    pub fn new(name: &str) -> Self {
        let (common, spec) = (Common::new(name), networking::IngressSpec::default());
        Self { common, spec, rules: Vec::new(), certificate: None }
    }

    /// The name of the IngressClass, which decides the controller. Default: the cluster's default class.
    pub fn class(mut self, name: &str) -> Self {
        self.spec.ingress_class_name = Some(name.to_owned());
        self
    }

    /// Leads requests to `shop.example.org/api`, and to every path below, to a port of a Service. `/api` without a host is a route of
    /// all hosts; `*.example.org/` one of every direct subdomain.
    pub fn route(self, host_and_path: &str, service: &Ref<kind::Service>, port: &Port) -> Self {
        self.add_route(host_and_path, "Prefix", service, port)
    }

    /// Leads requests to exactly this host and path to a port of a Service.
    pub fn route_exact(self, host_and_path: &str, service: &Ref<kind::Service>, port: &Port) -> Self {
        self.add_route(host_and_path, "Exact", service, port)
    }

    /// Leads requests that no route is for to a port of a Service.
    pub fn default_backend(mut self, service: &Ref<kind::Service>, port: &Port) -> Self {
        self.spec.default_backend = Some(backend(service, port));
        self
    }

    /// The Secret with the certificate for the hosts of all routes: one of the type `kubernetes.io/tls`, or, with
    /// [`Stack::made_at_run_time`](holm_core::Stack::made_at_run_time), one that a certificate controller makes.
    pub fn tls(mut self, certificate: &Ref<kind::Secret>) -> Self {
        self.certificate = Some(certificate.name().to_string());
        self
    }

    fn add_route(mut self, host_and_path: &str, path_type: &str, service: &Ref<kind::Service>, port: &Port) -> Self {
        let (host, path) = match host_and_path.find('/') {
            Some(at) => host_and_path.split_at(at),
            None => (host_and_path, "/"),
        };
        let host = (!host.is_empty()).then(|| host.to_owned());
        let path = networking::HTTPIngressPath {
            path: Some(path.to_owned()),
            path_type: path_type.to_owned(),
            backend: backend(service, port),
        };
        match self.rules.iter_mut().find(|(known, _)| *known == host) {
            Some((_, paths)) => paths.push(path),
            None => self.rules.push((host, vec![path])),
        }
        self
    }
}

fn backend(service: &Ref<kind::Service>, port: &Port) -> networking::IngressBackend {
    let port = networking::ServiceBackendPort { name: Some(port.name().to_owned()), ..Default::default() };
    let service = networking::IngressServiceBackend { name: service.name().to_string(), port: Some(port) };
    networking::IngressBackend { service: Some(service), ..Default::default() }
}

impl Builder for Ingress {
    type Object = networking::Ingress;

    fn common(&mut self) -> &mut Common<networking::Ingress> {
        &mut self.common
    }
}

impl IntoResource for Ingress {
    type Kind = kind::Ingress;
    keep_options!();

    fn into_declaration(mut self) -> Declaration {
        if let Some(secret_name) = self.certificate {
            let hosts: Vec<String> = self.rules.iter().filter_map(|(host, _)| host.clone()).collect();
            if hosts.is_empty() {
                let message = "a certificate needs routes with a host, such as .route(\"shop.example.org/\", ..)";
                self.common.problem(FieldPath::of(["spec", "tls"]), ProblemKind::Incomplete(message.to_owned()));
            }
            let secret_name = Some(secret_name);
            self.spec.tls = Some(vec![networking::IngressTLS { hosts: Some(hosts), secret_name }]);
        }
        if self.rules.is_empty() && self.spec.default_backend.is_none() {
            let message = "an Ingress needs a route or a default backend";
            self.common.problem(FieldPath::of(["spec", "rules"]), ProblemKind::Incomplete(message.to_owned()));
        }
        let rules = self.rules.into_iter().map(|(host, paths)| networking::IngressRule {
            host,
            http: Some(networking::HTTPIngressRuleValue { paths }),
        });
        let spec = networking::IngressSpec { rules: crate::container::some_list(rules), ..self.spec };
        self.common.finish(networking::Ingress { spec: Some(spec), ..Default::default() }, Lowering::default())
    }
}
