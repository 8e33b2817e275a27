//! Two stacks, of which one reads what the other publishes: which one it is, `--config role=` says.

use std::process::ExitCode;

use holm::Password;
use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("stacks", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    let namespace: String = config.require(if config.get("into").is_some() { "into" } else { "namespace" })?;
    stack.namespace(&namespace);
    match config.get("role") {
        Some("reader") => {
            let server = stack.stack_reference("stacks", "server", config.get("from").unwrap_or("server"));
            let host = server.output(config.get("host").unwrap_or("host"));
            stack.add(ConfigMap::new("client").entry("host", host).entry("address", server.output("address")));
            stack.add(Secret::opaque("client").entry("password", server.secret_output(stack, "password")));
        }
        _ => {
            let http = Port::tcp("http", 80);
            let container = Container::new("server", "server:1").port(&http);
            let deployment = stack.add(Deployment::new("server").container(container));
            let service = stack.add(Service::to(&deployment, &http));
            stack.publish("address", service.field("spec.clusterIP"));
            stack.publish(config.get("host").unwrap_or("host"), service.dns_name());
            stack.publish("password", stack.generated("password", Password::alphanumeric(24)));
        }
    }
    Ok(())
}
