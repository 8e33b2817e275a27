use holm_core::Ref;
use holm_resources::{Container, Mount, kind};

/// A claim has no entries to choose from.
fn mount(container: Container, claim: &Ref<kind::PersistentVolumeClaim>) -> Container {
    container.mount("/data", claim.volume().items([("key", "path")]))
}

fn main() {}
