//! DaemonSets.

use std::time::Duration;

use holm_core::{Declaration, FieldPath, IntoResource};
use k8s_openapi::api::apps::v1 as apps;

use crate::amount::Amount;
use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;
use crate::pod::{PodOptions, PodTemplate};

/// One pod on every node, or on those that [`node_selector`](PodOptions::node_selector) and tolerations leave.
///
/// The selector is read from the pods' labels.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, DaemonSet, PodOptions};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.add(DaemonSet::new("logs").max_unavailable(1).container(Container::new("agent", "example.org/agent:1")));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a DaemonSet does nothing until it is added to a stack"]
pub struct DaemonSet {
    common: Common<apps::DaemonSet>,
    spec: apps::DaemonSetSpec,
    pod: PodTemplate,
}

impl DaemonSet {
    /// A DaemonSet without containers.
    pub fn new(name: &str) -> Self {
        let builder =
            Self { common: Common::new(name), spec: apps::DaemonSetSpec::default(), pod: PodTemplate::new(name) };
        builder.label("app", name)
    }

    /// During an update, on how many nodes the pod may be missing: a number, or [`Percent`](crate::Percent). Default: 1.
    pub fn max_unavailable(mut self, pods: impl Into<Amount>) -> Self {
        self.rolling_update().max_unavailable = Some(pods.into().lower());
        self
    }

    /// During an update, on how many nodes a new pod may run beside the old one. Then none may be missing. Default: 0.
    pub fn max_surge(mut self, pods: impl Into<Amount>) -> Self {
        let update = self.rolling_update();
        update.max_surge = Some(pods.into().lower());
        update.max_unavailable = Some(Amount::Count(0).lower());
        self
    }

    /// Updates a pod only when it is deleted.
    pub fn update_on_delete(mut self) -> Self {
        let type_ = Some("OnDelete".to_owned());
        self.spec.update_strategy = Some(apps::DaemonSetUpdateStrategy { type_, ..Default::default() });
        self
    }

    /// How long a new pod must be ready before it counts as available. Default: 0 seconds.
    pub fn min_ready(mut self, duration: Duration) -> Self {
        self.spec.min_ready_seconds = self.common.seconds(FieldPath::of(["spec", "minReadySeconds"]), duration);
        self
    }

    /// Selects the pods by these labels in place of `app`. A selector cannot change later.
    pub fn selector<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.pod.select_by(labels);
        self
    }

    fn rolling_update(&mut self) -> &mut apps::RollingUpdateDaemonSet {
        let strategy = self.spec.update_strategy.get_or_insert_default();
        strategy.type_ = Some("RollingUpdate".to_owned());
        strategy.rolling_update.get_or_insert_default()
    }
}

impl Builder for DaemonSet {
    type Object = apps::DaemonSet;

    fn common(&mut self) -> &mut Common<apps::DaemonSet> {
        &mut self.common
    }
}

impl PodOptions for DaemonSet {
    fn pod(&mut self) -> &mut PodTemplate {
        &mut self.pod
    }
}

impl IntoResource for DaemonSet {
    type Kind = kind::DaemonSet;
    keep_options!();

    // Kubernetes 1.37 made the spec a required field; older versions of the type have it optional.
    #[allow(clippy::useless_conversion)]
    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let selector = self.pod.selector();
        let template = self.pod.lower_without_claims(&FieldPath::of(["spec", "template"]), &mut lowering);
        let spec = apps::DaemonSetSpec { selector, template, ..self.spec };
        self.common.finish(apps::DaemonSet { spec: spec.into(), ..Default::default() }, lowering)
    }
}
