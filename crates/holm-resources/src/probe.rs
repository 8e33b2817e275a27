//! Probes: how the kubelet asks a container whether it has started, is ready, and is alive.

use k8s_openapi::api::core::v1 as core;

use crate::port::Port;

/// A probe of a container. Times are in seconds; what is left unset has Kubernetes' default.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a probe does nothing until a container has it"]
pub struct Probe {
    probe: core::Probe,
}

impl Probe {
    /// An HTTP GET of `path`, which must answer with a status from 200 to 399.
    pub fn http(path: &str, port: &Port) -> Self {
        let http_get =
            core::HTTPGetAction { path: Some(path.to_owned()), port: port.target(), ..core::HTTPGetAction::default() };
        Self { probe: core::Probe { http_get: Some(http_get), ..core::Probe::default() } }
    }

    /// A TCP connection, which must be accepted.
    pub fn tcp(port: &Port) -> Self {
        let tcp_socket = core::TCPSocketAction { port: port.target(), ..core::TCPSocketAction::default() };
        Self { probe: core::Probe { tcp_socket: Some(tcp_socket), ..core::Probe::default() } }
    }

    /// A gRPC health check (`grpc.health.v1.Health`), which must answer `SERVING`.
    pub fn grpc(port: &Port) -> Self {
        let grpc = core::GRPCAction { port: i32::from(port.number()), ..core::GRPCAction::default() };
        Self { probe: core::Probe { grpc: Some(grpc), ..core::Probe::default() } }
    }

    /// A command in the container, which must exit with 0. It is run without a shell.
    pub fn exec<T: Into<String>>(command: impl IntoIterator<Item = T>) -> Self {
        let exec = core::ExecAction { command: Some(command.into_iter().map(Into::into).collect()) };
        Self { probe: core::Probe { exec: Some(exec), ..core::Probe::default() } }
    }

    /// How long after the start of the container the first probe comes. Default: 0.
    pub fn initial_delay_seconds(mut self, seconds: i32) -> Self {
        self.probe.initial_delay_seconds = Some(seconds);
        self
    }

    /// The time from one probe to the next. Default: 10.
    pub fn period_seconds(mut self, seconds: i32) -> Self {
        self.probe.period_seconds = Some(seconds);
        self
    }

    /// How long a probe may take before it counts as failed. Default: 1.
    pub fn timeout_seconds(mut self, seconds: i32) -> Self {
        self.probe.timeout_seconds = Some(seconds);
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

    pub(crate) fn lower(self) -> core::Probe {
        self.probe
    }
}
