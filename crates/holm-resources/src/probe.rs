//! Probes: how the kubelet asks a container whether it has started, is ready, and is alive.

use std::time::Duration;

use holm_core::{FieldPath, ProblemKind};
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Lowering, seconds};
use crate::port::Port;

/// A probe of a container. Durations are whole seconds; what is left unset has Kubernetes' default.
///
/// ```
/// use std::time::Duration;
///
/// use holm_resources::{Port, Probe};
///
/// let http = Port::tcp("http", 8080);
/// let ready = Probe::http("/ready", &http).period(Duration::from_secs(5)).failure_threshold(2);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a probe does nothing until a container has it"]
pub struct Probe {
    probe: core::Probe,
    problems: Vec<(&'static str, ProblemKind)>,
}

impl Probe {
    /// An HTTP GET of `path`, which must answer with a status from 200 to 399.
    pub fn http(path: &str, port: &Port) -> Self {
        let http_get =
            core::HTTPGetAction { path: Some(path.to_owned()), port: port.target(), ..core::HTTPGetAction::default() };
        Self::new(core::Probe { http_get: Some(http_get), ..core::Probe::default() })
    }

    /// A TCP connection, which must be accepted.
    pub fn tcp(port: &Port) -> Self {
        let tcp_socket = core::TCPSocketAction { port: port.target(), ..core::TCPSocketAction::default() };
        Self::new(core::Probe { tcp_socket: Some(tcp_socket), ..core::Probe::default() })
    }

    /// A gRPC health check (`grpc.health.v1.Health`), which must answer `SERVING`.
    pub fn grpc(port: &Port) -> Self {
        let grpc = core::GRPCAction { port: i32::from(port.number()), ..core::GRPCAction::default() };
        Self::new(core::Probe { grpc: Some(grpc), ..core::Probe::default() })
    }

    /// A command in the container, which must exit with 0. It is run without a shell.
    pub fn exec<T: Into<String>>(command: impl IntoIterator<Item = T>) -> Self {
        let exec = core::ExecAction { command: Some(command.into_iter().map(Into::into).collect()) };
        Self::new(core::Probe { exec: Some(exec), ..core::Probe::default() })
    }

    /// How long after the start of the container the first probe comes. Default: 0 seconds.
    pub fn initial_delay(mut self, duration: Duration) -> Self {
        self.probe.initial_delay_seconds = self.seconds("initialDelaySeconds", duration);
        self
    }

    /// The time from one probe to the next. Default: 10 seconds.
    pub fn period(mut self, duration: Duration) -> Self {
        self.probe.period_seconds = self.seconds("periodSeconds", duration);
        self
    }

    /// How long a probe may take before it counts as failed. Default: 1 second.
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.probe.timeout_seconds = self.seconds("timeoutSeconds", duration);
        self
    }

    /// How many failures in a row make the container unready, or have it restarted. Default: 3.
    pub fn failure_threshold(mut self, times: i32) -> Self {
        self.probe.failure_threshold = Some(times);
        self
    }

    /// How many successes in a row make the container ready again. Default: 1, and nothing else for startup and liveness.
    pub fn success_threshold(mut self, times: i32) -> Self {
        self.probe.success_threshold = Some(times);
        self
    }

    fn new(probe: core::Probe) -> Self {
        Self { probe, problems: Vec::new() }
    }

    fn seconds(&mut self, field: &'static str, duration: Duration) -> Option<i32> {
        seconds(duration).map_err(|kind| self.problems.push((field, *kind))).ok()
    }

    /// The plain probe, which stands at `at` in its container.
    pub(crate) fn lower(self, at: &FieldPath, lowering: &mut Lowering) -> core::Probe {
        for (field, kind) in self.problems {
            lowering.problem(at.field(field), kind);
        }
        self.probe
    }
}
