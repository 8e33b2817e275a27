//! Deployments.

use holm_core::{Declaration, FieldPath, IntoResource};
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::builder::{Builder, Common, Lowering};
use crate::kind;
use crate::pod::{PodOptions, PodTemplate};

/// Pods that can be replaced one by another.
///
/// The object and its pods carry the label `app` with the Deployment's name, and the selector is read from the pods'
/// labels, so that the two cannot differ.
#[must_use = "a Deployment does nothing until it is added to a stack"]
pub struct Deployment {
    common: Common<apps::Deployment>,
    spec: apps::DeploymentSpec,
    pod: PodTemplate,
}

impl Deployment {
    /// A Deployment without containers.
    pub fn new(name: &str) -> Self {
        let builder =
            Self { common: Common::new(name), spec: apps::DeploymentSpec::default(), pod: PodTemplate::new(name) };
        builder.label("app", name)
    }

    /// How many pods there are. Without it the number is left to the server (1), or to an autoscaler.
    pub fn replicas(mut self, replicas: i32) -> Self {
        self.spec.replicas = Some(replicas);
        self
    }

    /// Stops the old pods before new ones start, as a ReadWriteOnce claim needs it.
    pub fn recreate(mut self) -> Self {
        let strategy =
            apps::DeploymentStrategy { type_: Some("Recreate".to_owned()), ..apps::DeploymentStrategy::default() };
        self.spec.strategy = Some(strategy);
        self
    }

    /// Replaces pods step by step: how many may be there beyond the number of replicas, and how many may be missing.
    pub fn rolling_update(mut self, max_surge: i32, max_unavailable: i32) -> Self {
        self.spec.strategy = Some(apps::DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(apps::RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(max_surge)),
                max_unavailable: Some(IntOrString::Int(max_unavailable)),
            }),
        });
        self
    }

    /// How long a new pod must be ready before it counts as available. Default: 0 seconds.
    pub fn min_ready_seconds(mut self, seconds: i32) -> Self {
        self.spec.min_ready_seconds = Some(seconds);
        self
    }

    /// How long a rollout may go without progress before it counts as failed. Default: 600 seconds.
    pub fn progress_deadline_seconds(mut self, seconds: i32) -> Self {
        self.spec.progress_deadline_seconds = Some(seconds);
        self
    }

    /// How many old ReplicaSets are kept. Default: 10.
    pub fn revision_history_limit(mut self, limit: i32) -> Self {
        self.spec.revision_history_limit = Some(limit);
        self
    }

    /// Selects the pods by these labels in place of `app`. A selector cannot change later.
    pub fn selector<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.pod.select_by(labels);
        self
    }
}

impl Builder for Deployment {
    type Object = apps::Deployment;

    fn common(&mut self) -> &mut Common<apps::Deployment> {
        &mut self.common
    }
}

impl PodOptions for Deployment {
    fn pod(&mut self) -> &mut PodTemplate {
        &mut self.pod
    }
}

impl IntoResource for Deployment {
    type Kind = kind::Deployment;

    // Kubernetes 1.37 made the spec a required field; older versions of the type have it optional.
    #[allow(clippy::useless_conversion)]
    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let selector = self.pod.selector();
        let template = self.pod.lower_without_claims(&FieldPath::of(["spec", "template"]), &mut lowering);
        let spec = apps::DeploymentSpec { selector, template, ..self.spec };
        self.common.finish(apps::Deployment { spec: spec.into(), ..apps::Deployment::default() }, lowering)
    }
}
