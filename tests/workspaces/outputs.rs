//! Values that only the server knows: addresses that go from one resource into another, and out.

use std::process::ExitCode;

use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("outputs", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace(config.get("namespace").unwrap_or("outputs"));
    let http = Port::tcp("http", 80);
    let server = Container::new("server", "server:1").port(&http);
    let deployment = stack.add(Deployment::new("server").container(server));
    let service = stack.add(Service::to(&deployment, &http));
    let address = service.field("spec.clusterIP");
    let url = Input::template("http://{address}:{port}/", [("address", address.clone()), ("port", service.port())]);
    stack.add(ConfigMap::new("client").entry("address", address.clone()).entry("url", url.clone()));
    stack.add(Secret::opaque("client").entry("url", url.clone()));
    stack.export("address", address);
    stack.export("url", url);
    Ok(())
}
