//! Deployments.

use std::time::Duration;

use holm_core::{Declaration, FieldPath, IntoResource};
use k8s_openapi::api::apps::v1 as apps;

use crate::amount::Amount;
use crate::builder::{Builder, Common, Lowering, keep_options};
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
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.spec.replicas = Some(i32::try_from(replicas).unwrap_or(i32::MAX));
        self
    }

    /// Stops the old pods before new ones start, as a ReadWriteOnce claim needs it.
    pub fn recreate(mut self) -> Self {
        let strategy =
            apps::DeploymentStrategy { type_: Some("Recreate".to_owned()), ..apps::DeploymentStrategy::default() };
        self.spec.strategy = Some(strategy);
        self
    }

    /// During an update, how many pods there may be beyond the number of replicas: a number, or [`Percent`](crate::Percent).
    /// Default: 25 %.
    pub fn max_surge(mut self, pods: impl Into<Amount>) -> Self {
        self.rolling_update().max_surge = Some(pods.into().lower());
        self
    }

    /// During an update, how many pods may be missing: a number, or [`Percent`](crate::Percent). Default: 25 %.
    pub fn max_unavailable(mut self, pods: impl Into<Amount>) -> Self {
        self.rolling_update().max_unavailable = Some(pods.into().lower());
        self
    }

    fn rolling_update(&mut self) -> &mut apps::RollingUpdateDeployment {
        let strategy = self.spec.strategy.get_or_insert_default();
        strategy.type_ = Some("RollingUpdate".to_owned());
        strategy.rolling_update.get_or_insert_default()
    }

    /// How long a new pod must be ready before it counts as available. Default: 0 seconds.
    pub fn min_ready(mut self, duration: Duration) -> Self {
        self.spec.min_ready_seconds = self.common.seconds(FieldPath::of(["spec", "minReadySeconds"]), duration);
        self
    }

    /// How long a rollout may go without progress before it counts as failed. Default: 600 seconds.
    pub fn progress_deadline(mut self, duration: Duration) -> Self {
        let path = FieldPath::of(["spec", "progressDeadlineSeconds"]);
        self.spec.progress_deadline_seconds = self.common.seconds(path, duration);
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
    keep_options!();

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
