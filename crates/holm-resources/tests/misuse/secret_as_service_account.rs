use holm_core::Ref;
use holm_resources::{Deployment, PodOptions, kind};

/// A pod runs as a service account and nothing else.
fn run_as(deployment: Deployment, secret: &Ref<kind::Secret>) -> Deployment {
    deployment.service_account(secret)
}

fn main() {}
