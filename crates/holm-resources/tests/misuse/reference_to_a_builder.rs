use holm_core::Ref;
use holm_resources::Secret;

/// References carry the Kubernetes type, `kind::Secret`.
fn name(secret: &Ref<Secret>) -> String {
    secret.name().to_owned()
}

fn main() {}
