use holm_core::Ref;
use holm_resources::{Container, Keyed, kind};

/// Only Secrets and ConfigMaps have keys.
fn env(container: Container, service: &Ref<kind::Service>) -> Container {
    container.env("PASSWORD", service.key("password"))
}

fn main() {}
