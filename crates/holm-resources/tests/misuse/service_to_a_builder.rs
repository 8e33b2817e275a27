use holm_resources::{Container, Deployment, PodOptions, Port, Service};

/// A Deployment has to be added to the stack before a Service leads to it.
fn build(container: Container) -> Service {
    let deployment = Deployment::new("shop").container(container);
    Service::to(&deployment, &Port::tcp("http", 80))
}

fn main() {}
