use holm_core::Ref;
use holm_resources::{RoleBinding, kind};

/// Only roles are granted.
fn build(secret: &Ref<kind::Secret>) -> RoleBinding {
    RoleBinding::of(secret)
}

fn main() {}
