//! What a probe hears where nothing listens, in the words of `k8s.io/kubernetes`, `pkg/probe`, and of Go's network library.

use serde_json::Value;

use crate::object::{at, list, number, text};

/// The answer to a probe of a container at an address, when no program listens there. Without a probe, of a simulated one.
pub(super) fn refused(probe: Option<&Value>, container: Option<&Value>, address: &str) -> String {
    let port = |path: &[&str]| probe.and_then(|probe| at(probe, path)).and_then(|port| resolve(port, container));
    let dial = |port: i64| format!("dial tcp {}: connect: connection refused", joined(address, port));
    let field = |name: &str| probe.and_then(|probe| at(probe, &[name]));
    if let (Some(http), Some(port)) = (field("httpGet"), port(&["httpGet", "port"])) {
        let scheme = text(http, &["scheme"]).to_lowercase();
        let scheme = if scheme.is_empty() { "http" } else { scheme.as_str() };
        let host = text(http, &["host"]);
        let host = if host.is_empty() { address } else { host };
        let path = text(http, &["path"]);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = format!("{scheme}://{}{slash}{path}", joined(host, port));
        return format!("Get {url:?}: dial tcp {}: connect: connection refused", joined(host, port));
    }
    if let Some(port) = port(&["tcpSocket", "port"]) {
        return dial(port);
    }
    if let Some(port) = port(&["grpc", "port"]) {
        let seconds = probe.and_then(|probe| number(probe, &["timeoutSeconds"])).unwrap_or(1);
        let service = joined(address, port);
        return format!("timeout: failed to connect service {service:?} within {seconds}s: context deadline exceeded");
    }
    // A command says what it says, and here it says nothing.
    if field("exec").is_some() { String::new() } else { "simulated: connection refused".to_owned() }
}

/// The number of a port that may be given by its name.
fn resolve(port: &Value, container: Option<&Value>) -> Option<i64> {
    let named = |name: &str| {
        let mut ports = list(container?, &["ports"]);
        number(ports.find(|found| text(found, &["name"]) == name)?, &["containerPort"])
    };
    port.as_i64().or_else(|| named(port.as_str()?))
}

/// Host and port; an IPv6 address in brackets.
fn joined(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_names_what_was_asked() {
        let container = json!({"ports": [{"name": "http", "containerPort": 8080}]});
        let cases = [
            (
                json!({"httpGet": {"path": "/healthz", "port": "http"}}),
                "Get \"http://10.1.0.2:8080/healthz\": dial tcp 10.1.0.2:8080: connect: connection refused",
            ),
            (
                json!({"httpGet": {"port": 9, "scheme": "HTTPS"}}),
                "Get \"https://10.1.0.2:9/\": dial tcp 10.1.0.2:9: connect: connection refused",
            ),
            (
                json!({"httpGet": {"path": "ready", "port": 9, "host": "::1"}}),
                "Get \"http://[::1]:9/ready\": dial tcp [::1]:9: connect: connection refused",
            ),
            (json!({"tcpSocket": {"port": 5432}}), "dial tcp 10.1.0.2:5432: connect: connection refused"),
            (json!({"exec": {"command": ["false"]}}), ""),
        ];
        for (probe, expected) in cases {
            assert_eq!(refused(Some(&probe), Some(&container), "10.1.0.2"), expected, "{probe}");
        }
        assert_eq!(refused(None, None, "10.1.0.2"), "simulated: connection refused");
    }
}
