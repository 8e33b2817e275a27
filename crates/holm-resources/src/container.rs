//! Containers.

use std::collections::BTreeMap;

use holm_core::{FieldPath, Input};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::builder::{Lowering, Patch, named_item};
use crate::compute::{Cpu, Memory};
use crate::env::{EnvFrom, EnvSource, Source};
use crate::port::Port;
use crate::probe::Probe;
use crate::security::SecurityContext;
use crate::volume::{Mount, PendingMount, Volumes};

/// A container of a pod.
///
/// ```
/// use holm_resources::{Container, Cpu, Memory, Port, Probe};
///
/// let port = Port::tcp("http", 8080);
/// let server = Container::new("server", "example.org/server:1.4.2")
///     .port(&port)
///     .env("LISTEN", format!("0.0.0.0:{}", port.number()))
///     .request(Cpu::millis(100), Memory::mebibytes(128))
///     .readiness(Probe::http("/ready", &port));
/// ```
#[must_use = "a container does nothing until a workload has it"]
pub struct Container {
    container: core::Container,
    image: Input,
    args: Vec<Input>,
    env: Vec<(String, EnvSource)>,
    ports: Vec<Port>,
    mounts: Vec<PendingMount>,
    probes: Vec<(&'static str, Probe)>,
    patches: Vec<Patch<core::Container>>,
}

impl Container {
    /// A container that runs `image` as the image says.
    pub fn new(name: &str, image: impl Into<Input>) -> Self {
        Self {
            container: core::Container { name: name.to_owned(), ..core::Container::default() },
            image: image.into(),
            args: Vec::new(),
            env: Vec::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            probes: Vec::new(),
            patches: Vec::new(),
        }
    }

    /// The command, in place of the image's entry point. It is run without a shell.
    pub fn command<T: Into<String>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.container.command = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// Arguments of the command; several calls add up.
    pub fn args<T: Into<Input>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A port that it listens on. Services and probes lead to the same value.
    pub fn port(mut self, port: &Port) -> Self {
        self.ports.push(port.clone());
        self
    }

    /// An environment variable. A value may hold `$(NAME)` of a variable before it; `$$` stands for a dollar sign.
    pub fn env(mut self, name: &str, source: impl Into<EnvSource>) -> Self {
        self.env.push((name.to_owned(), source.into()));
        self
    }

    /// An environment variable for every key of a Secret or a ConfigMap.
    pub fn env_from(mut self, source: &impl EnvFrom) -> Self {
        self.container.env_from.get_or_insert_default().push(source.source());
        self
    }

    /// An environment variable for every key of a Secret or a ConfigMap, with `prefix` in front of the key.
    pub fn env_from_prefixed(mut self, prefix: &str, source: &impl EnvFrom) -> Self {
        let source = core::EnvFromSource { prefix: Some(prefix.to_owned()), ..source.source() };
        self.container.env_from.get_or_insert_default().push(source);
        self
    }

    /// Mounts a claim, a Secret, a ConfigMap or a [`Volume`](crate::Volume) at `path`; the pod gets the volume.
    pub fn mount(mut self, path: &str, mount: impl Mount) -> Self {
        self.mounts.push(PendingMount::new(path, mount.volume()));
        self
    }

    /// The CPU and memory that are set aside for it.
    pub fn request(self, cpu: Cpu, memory: Memory) -> Self {
        self.request_of("cpu", cpu.as_str()).request_of("memory", memory.as_str())
    }

    /// The CPU and memory that it may use at most. Beyond the CPU it is slowed down, beyond the memory it is killed.
    pub fn limit(self, cpu: Cpu, memory: Memory) -> Self {
        self.limit_of("cpu", cpu.as_str()).limit_of("memory", memory.as_str())
    }

    /// The memory that it may use at most, without a limit of the CPU.
    pub fn limit_memory(self, memory: Memory) -> Self {
        self.limit_of("memory", memory.as_str())
    }

    /// What is set aside of one resource, such as `ephemeral-storage`.
    pub fn request_of(mut self, resource: &str, quantity: &str) -> Self {
        let requests: &mut BTreeMap<_, _> =
            self.container.resources.get_or_insert_default().requests.get_or_insert_default();
        requests.insert(resource.to_owned(), Quantity(quantity.to_owned()));
        self
    }

    /// What it may use at most of one resource.
    pub fn limit_of(mut self, resource: &str, quantity: &str) -> Self {
        let limits: &mut BTreeMap<_, _> =
            self.container.resources.get_or_insert_default().limits.get_or_insert_default();
        limits.insert(resource.to_owned(), Quantity(quantity.to_owned()));
        self
    }

    /// Tells when it has started; until then the other probes wait. When it fails for good, the container is restarted.
    pub fn startup(mut self, probe: Probe) -> Self {
        self.probes.push(("startupProbe", probe));
        self
    }

    /// Tells whether it can take requests; while it fails, Services leave the pod out.
    pub fn readiness(mut self, probe: Probe) -> Self {
        self.probes.push(("readinessProbe", probe));
        self
    }

    /// Tells whether it is alive; when it fails, the container is restarted.
    pub fn liveness(mut self, probe: Probe) -> Self {
        self.probes.push(("livenessProbe", probe));
        self
    }

    /// What it may do, and who it runs as.
    pub fn security(mut self, context: SecurityContext) -> Self {
        self.container.security_context = Some(context.lower());
        self
    }

    /// A command that is run in it, and waited for, before it is told to stop. The time counts against the pod's grace
    /// period.
    pub fn pre_stop<T: Into<String>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        let exec = core::ExecAction { command: Some(command.into_iter().map(Into::into).collect()) };
        let handler = core::LifecycleHandler { exec: Some(exec), ..core::LifecycleHandler::default() };
        self.container.lifecycle.get_or_insert_default().pre_stop = Some(handler);
        self
    }

    /// The directory that the command starts in.
    pub fn working_dir(mut self, path: &str) -> Self {
        self.container.working_dir = Some(path.to_owned());
        self
    }

    /// When the image is pulled. Default: [`Always`](ImagePullPolicy::Always) for the tag `latest` and for no tag, or else
    /// [`IfNotPresent`](ImagePullPolicy::IfNotPresent).
    pub fn image_pull_policy(mut self, policy: ImagePullPolicy) -> Self {
        self.container.image_pull_policy = Some(policy.as_str().to_owned());
        self
    }

    /// Changes the finished container in a way that the builder has no word for. Patches run last, in the order in which
    /// they were given.
    pub fn patch(mut self, patch: impl FnOnce(&mut core::Container) + 'static) -> Self {
        self.patches.push(Box::new(patch));
        self
    }

    /// The plain container of the pod's list `list`. What it mounts joins `volumes`; what comes later joins `lowering`, at
    /// its path from the pod spec.
    pub(crate) fn lower(self, list: &str, volumes: &mut Volumes, lowering: &mut Lowering) -> core::Container {
        let mut found = Lowering::default();
        let mut container = self.container;
        container.image = found.text(FieldPath::of(["image"]), self.image);
        container.args = found.items(&FieldPath::of(["args"]), self.args);
        container.env = lower_env(self.env, &mut found);
        container.ports = some_list(self.ports.iter().map(Port::lower));
        container.volume_mounts = some_list(self.mounts.into_iter().map(|mount| volumes.mount(mount)));
        for (field, probe) in self.probes {
            let probe = Some(probe.lower(&FieldPath::of([field]), &mut found));
            match field {
                "startupProbe" => container.startup_probe = probe,
                "readinessProbe" => container.readiness_probe = probe,
                _ => container.liveness_probe = probe,
            }
        }
        for patch in self.patches {
            patch(&mut container);
        }
        lowering.absorb(&named_item(list, &container.name), found);
        container
    }
}

/// When the kubelet pulls an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// At every start of a container; what is the same already is not downloaded again.
    Always,
    /// Where the node does not have it.
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}

impl ImagePullPolicy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

fn lower_env(env: Vec<(String, EnvSource)>, found: &mut Lowering) -> Option<Vec<core::EnvVar>> {
    some_list(env.into_iter().map(|(name, source)| match source.0 {
        Source::Value(input) => {
            let value = found.text(named_item("env", &name).field("value"), input);
            core::EnvVar { name, value, ..core::EnvVar::default() }
        }
        Source::From(source) => core::EnvVar { name, value_from: Some(*source), ..core::EnvVar::default() },
    }))
}

/// The items as a list, or none where there are none.
pub(crate) fn some_list<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}
