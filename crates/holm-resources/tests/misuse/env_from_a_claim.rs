use holm_core::Ref;
use holm_resources::{Container, kind};

/// Only Secrets and ConfigMaps hold variables.
fn build(container: Container, claim: &Ref<kind::PersistentVolumeClaim>) -> Container {
    container.env_from(claim)
}

fn main() {}
