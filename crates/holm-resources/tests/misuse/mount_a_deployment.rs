use holm_core::Ref;
use holm_resources::{Container, kind};

/// Only claims, Secrets, ConfigMaps and volumes can be mounted.
fn mount(container: Container, deployment: &Ref<kind::Deployment>) -> Container {
    container.mount("/data", deployment)
}

fn main() {}
