//! A port that a container listens on: one value for the container, its probes and the Services that lead to it.

use k8s_openapi::api::core::v1::ContainerPort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A named port of a container.
///
/// Whoever leads to it does so by name, so that the number stands in one place.
///
/// ```
/// let port = holm_resources::Port::tcp("postgres", 5432);
/// assert_eq!((port.name(), port.number()), ("postgres", 5432));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    name: String,
    number: u16,
    protocol: &'static str,
}

impl Port {
    /// A TCP port. The name is at most 15 lower-case letters, digits and dashes (RFC 6335).
    pub fn tcp(name: &str, number: u16) -> Self {
        Self { name: name.to_owned(), number, protocol: "TCP" }
    }

    /// A UDP port.
    pub fn udp(name: &str, number: u16) -> Self {
        Self { name: name.to_owned(), number, protocol: "UDP" }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The protocol, `TCP` or `UDP`.
    pub fn protocol(&self) -> &str {
        self.protocol
    }

    /// The name as the target of a probe or a Service.
    pub(crate) fn target(&self) -> IntOrString {
        IntOrString::String(self.name.clone())
    }

    pub(crate) fn lower(&self) -> ContainerPort {
        ContainerPort {
            name: Some(self.name.clone()),
            container_port: i32::from(self.number),
            // The protocol is part of the list's key under server-side apply, so it is written although TCP is the default.
            protocol: Some(self.protocol.to_owned()),
            ..ContainerPort::default()
        }
    }
}
