//! A service that answers over HTTP.

use std::ops::RangeInclusive;

use holm_core::{Component, IntoResource, Ref, Stack};
use holm_resources::{
    Container, Cpu, Deployment, EnvFrom, EnvSource, HorizontalPodAutoscaler, Ingress, Memory, NetworkPolicy, Percent,
    PodDisruptionBudget, PodOptions as _, PodSecurityContext, Port, Probe, SecurityContext, Service, Workload, kind,
};

/// The pods of a web service with all that surrounds them: a Service, an Ingress where it has a host, an autoscaler where it scales, a
/// disruption budget where it has several replicas, and a NetworkPolicy.
///
/// Pods meet the Pod Security Standard `restricted`, get no token for the API server, and are replaced without a moment in which fewer
/// than before are ready. By the policy, pods of the stack's own namespace may connect, and everything where it has a host; the pods may
/// connect to anything until [`connect_to`](Self::connect_to) says to what.
#[must_use = "a component does nothing until declare() adds it to a stack"]
pub struct WebService {
    component: Component,
    name: String,
    container: Container,
    port: Port,
    replicas: Replicas,
    readiness: Option<String>,
    host: Option<String>,
    class: Option<String>,
    certificate: Option<Ref<kind::Secret>>,
    policy: Vec<Rule>,
    ingress_namespace: Option<String>,
    change: Option<Box<dyn FnOnce(Deployment) -> Deployment>>,
}

enum Replicas {
    Fixed(u32),
    Scaled(RangeInclusive<u32>, Percent),
}

/// A step of the policy, which needs the pods that it is for.
type Rule = Box<dyn FnOnce(NetworkPolicy, &Port) -> NetworkPolicy>;

/// What a [`WebService`] added.
#[derive(Clone, Debug)]
pub struct WebServiceOutputs {
    /// The pods.
    pub workload: Ref<kind::Deployment>,
    /// The address within the cluster.
    pub service: Ref<kind::Service>,
    /// The port that it listens on.
    pub port: Port,
    /// The address from outside, where it has a host.
    pub ingress: Option<Ref<kind::Ingress>>,
}

impl WebService {
    /// A service named `name` of one container with this image, which listens on port 8080.
    pub fn new(name: &str, image: impl Into<holm_core::Input>) -> Self {
        Self {
            component: Component::new(name).of_a_library(),
            name: name.to_owned(),
            container: Container::new(name, image).security(SecurityContext::restricted()),
            port: Port::tcp("http", 8080),
            replicas: Replicas::Fixed(1),
            readiness: None,
            host: None,
            class: None,
            certificate: None,
            policy: Vec::new(),
            ingress_namespace: None,
            change: None,
        }
    }

    /// Options for all its resources, such as `options().protect()`.
    pub fn options(mut self, options: impl IntoResource) -> Self {
        self.component = self.component.options(options);
        self
    }

    /// The port that the container listens on. Default: 8080.
    pub fn port(mut self, number: u16) -> Self {
        self.port = Port::tcp("http", number);
        self
    }

    /// How many pods there are. Default: 1.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = Replicas::Fixed(replicas);
        self
    }

    /// Changes the number of pods so that they use about this share of the CPU that they request.
    pub fn autoscale(mut self, replicas: RangeInclusive<u32>, cpu: Percent) -> Self {
        self.replicas = Replicas::Scaled(replicas, cpu);
        self
    }

    /// The path that answers with a status from 200 to 399 when the pod can take requests. Default: a connection to the port is enough.
    pub fn readiness(mut self, path: &str) -> Self {
        self.readiness = Some(path.to_owned());
        self
    }

    /// The CPU and memory that are set aside for each pod.
    pub fn request(self, cpu: Cpu, memory: Memory) -> Self {
        self.container(|container| container.request(cpu, memory))
    }

    /// The CPU and memory that a pod may use at most.
    pub fn limit(self, cpu: Cpu, memory: Memory) -> Self {
        self.container(|container| container.limit(cpu, memory))
    }

    /// An environment variable.
    pub fn env(self, name: &str, source: impl Into<EnvSource>) -> Self {
        self.container(|container| container.env(name, source))
    }

    /// An environment variable for every key of a Secret or a ConfigMap.
    pub fn env_from(self, source: &impl EnvFrom) -> Self {
        self.container(|container| container.env_from(source))
    }

    /// Changes the container in a way that the component has no word for.
    pub fn container(mut self, change: impl FnOnce(Container) -> Container) -> Self {
        self.container = change(self.container);
        self
    }

    /// Changes the Deployment in a way that the component has no word for.
    pub fn deployment(mut self, change: impl FnOnce(Deployment) -> Deployment + 'static) -> Self {
        let before = self.change.take();
        self.change = Some(Box::new(move |deployment| {
            change(match before {
                Some(before) => before(deployment),
                None => deployment,
            })
        }));
        self
    }

    /// The name by which it is reached from outside of the cluster, by an Ingress.
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// The class of the Ingress. Default: the cluster's default class.
    pub fn ingress_class(mut self, name: &str) -> Self {
        self.class = Some(name.to_owned());
        self
    }

    /// The Secret with the certificate for the host.
    pub fn tls(mut self, certificate: &Ref<kind::Secret>) -> Self {
        self.certificate = Some(certificate.clone());
        self
    }

    /// The namespace of the Ingress controller, so that connections from outside of the stack's namespace come only from there.
    pub fn ingress_namespace(mut self, name: &str) -> Self {
        self.ingress_namespace = Some(name.to_owned());
        self
    }

    /// The pods of another workload, in whatever namespace, may connect.
    pub fn allow_from(mut self, workload: &(impl Workload + Clone + 'static)) -> Self {
        let workload = workload.clone();
        self.policy.push(Box::new(move |policy, port| policy.allow_from(&workload, port)));
        self
    }

    /// The pods may connect to this port of another workload, to the cluster's DNS, and to nothing else that is not allowed so.
    pub fn connect_to(mut self, workload: &(impl Workload + Clone + 'static), port: &Port) -> Self {
        let (workload, port) = (workload.clone(), port.clone());
        self.policy.push(Box::new(move |policy, _| policy.allow_to(&workload, &port).allow_dns()));
        self
    }

    /// Adds it to a stack.
    #[track_caller]
    pub fn declare(self, stack: &Stack) -> WebServiceOutputs {
        let component = self.component.clone();
        stack.component(component, |stack| self.add_to(stack))
    }

    fn add_to(self, stack: &Stack) -> WebServiceOutputs {
        let port = self.port;
        let ready = self.readiness.map_or_else(|| Probe::tcp(&port), |path| Probe::http(&path, &port));
        let mut deployment = Deployment::new(&self.name)
            .max_unavailable(0)
            .container(self.container.port(&port).readiness(ready))
            .security(PodSecurityContext::restricted())
            .automount_service_account_token(false);
        if let Replicas::Fixed(replicas) = self.replicas {
            deployment = deployment.replicas(replicas);
        }
        if let Some(change) = self.change {
            deployment = change(deployment);
        }
        let workload = stack.add(deployment);
        let service = stack.add(Service::to(&workload, &port));
        let ingress = self.host.as_ref().map(|host| {
            let mut ingress = Ingress::new(&self.name).route(&format!("{host}/"), &service, &port);
            if let Some(class) = &self.class {
                ingress = ingress.class(class);
            }
            if let Some(certificate) = &self.certificate {
                ingress = ingress.tls(certificate);
            }
            stack.add(ingress)
        });
        let fewest = match &self.replicas {
            Replicas::Fixed(replicas) => *replicas,
            Replicas::Scaled(replicas, cpu) => {
                stack.add(HorizontalPodAutoscaler::of(&workload, replicas.clone()).cpu(*cpu));
                *replicas.start()
            }
        };
        if fewest > 1 {
            stack.add(PodDisruptionBudget::max_unavailable(&workload, 1).always_evict_unhealthy());
        }
        let mut policy = NetworkPolicy::of(&workload).allow_from_own_namespace(&port);
        policy = match (&self.host, &self.ingress_namespace) {
            (Some(_), Some(namespace)) => policy.allow_from_namespace(namespace, &port),
            (Some(_), None) => policy.allow_from_anywhere(&port),
            (None, _) => policy,
        };
        for rule in self.policy {
            policy = rule(policy, &port);
        }
        stack.add(policy);
        WebServiceOutputs { workload, service, port, ingress }
    }
}
