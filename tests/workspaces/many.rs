//! Many resources, of which one may be such that only the server can tell that it is wrong.
//!
//! | key | what it is | default |
//! |---|---|---|
//! | `namespace` | where everything lives | `many` |
//! | `count` | how many ConfigMaps | 10 |
//! | `refused` | `yes` adds a Service that the server refuses, and a ConfigMap that depends on it | `no` |
//! | `size` | the bytes in each ConfigMap | 1 |
//! | `secrets` | how many Secrets, each with a generated value | 0 |
//! | `value` | what the ConfigMaps say | `first` |

use std::process::ExitCode;

use holm::prelude::*;
use k8s_openapi::api::core::v1 as core;

fn main() -> ExitCode {
    holm::run("many", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(config.get("namespace").unwrap_or("many"));
    let size: usize = config.parse_or("size", 1)?;
    let value = config.get("value").unwrap_or("first");
    for number in 0..config.parse_or("count", 10)? {
        let number: u32 = number;
        stack.add(
            ConfigMap::new(&format!("settings-{number:03}")).entry("value", value).entry("filling", "x".repeat(size)),
        );
    }
    for number in 0..config.parse_or("secrets", 0)? {
        let number: u32 = number;
        let value = stack.generated(&format!("value-{number:03}"), Password::alphanumeric(24));
        stack.add(Secret::opaque(&format!("secret-{number:03}")).entry("value", &value));
    }
    if config.get("refused") == Some("yes") {
        let port = core::ServicePort { name: Some("http".to_owned()), port: 80, ..core::ServicePort::default() };
        let spec = core::ServiceSpec {
            ports: Some(vec![port]),
            // Only the cluster knows the range of its addresses.
            cluster_ip: Some("192.0.2.1".to_owned()),
            ..core::ServiceSpec::default()
        };
        let mut service = core::Service { spec: Some(spec), ..core::Service::default() };
        service.metadata.name = Some("refused".to_owned());
        let service = stack.add(service);
        let dependent = ConfigMap::new("dependent").entry("service", "refused");
        stack.add(dependent.depends_on(&service, Strength::Exists));
    }
    Ok(())
}
