use holm_core::Ref;
use holm_resources::{HorizontalPodAutoscaler, kind};

/// A DaemonSet has no number of replicas.
fn build(agent: &Ref<kind::DaemonSet>) -> HorizontalPodAutoscaler {
    HorizontalPodAutoscaler::of(agent, 1..=3)
}

fn main() {}
