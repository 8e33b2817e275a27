//! StatefulSets.

use std::time::Duration;

use holm_core::{Declaration, FieldPath, IntoResource, Ref};
use k8s_openapi::api::apps::v1 as apps;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::container::some_list;
use crate::kind;
use crate::pod::{PodOptions, PodTemplate};

/// Pods with names, and with claims of their own.
///
/// A container that mounts a [`ClaimTemplate`](crate::ClaimTemplate) makes the StatefulSet have it. The selector is read
/// from the pods' labels.
#[must_use = "a StatefulSet does nothing until it is added to a stack"]
pub struct StatefulSet {
    common: Common<apps::StatefulSet>,
    spec: apps::StatefulSetSpec,
    pod: PodTemplate,
}

impl StatefulSet {
    /// A StatefulSet without containers.
    pub fn new(name: &str) -> Self {
        let builder =
            Self { common: Common::new(name), spec: apps::StatefulSetSpec::default(), pod: PodTemplate::new(name) };
        builder.label("app", name)
    }

    /// How many pods there are. Without it the number is left to the server (1), or to an autoscaler.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.spec.replicas = Some(i32::try_from(replicas).unwrap_or(i32::MAX));
        self
    }

    /// The headless Service that gives each pod a name in DNS.
    pub fn service(self, service: &Ref<kind::Service>) -> Self {
        self.service_name(service.name())
    }

    /// The name of the headless Service, for one that is declared after the StatefulSet.
    pub fn service_name(mut self, name: &str) -> Self {
        self.spec.service_name = Some(name.to_owned());
        self
    }

    /// Starts and stops the pods all at once rather than one after the other.
    pub fn parallel(mut self) -> Self {
        self.spec.pod_management_policy = Some("Parallel".to_owned());
        self
    }

    /// Updates only pods whose number is at least `number`.
    pub fn partition(mut self, number: i32) -> Self {
        self.spec.update_strategy = Some(apps::StatefulSetUpdateStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(apps::RollingUpdateStatefulSetStrategy {
                partition: Some(number),
                ..apps::RollingUpdateStatefulSetStrategy::default()
            }),
        });
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
}

impl Builder for StatefulSet {
    type Object = apps::StatefulSet;

    fn common(&mut self) -> &mut Common<apps::StatefulSet> {
        &mut self.common
    }
}

impl PodOptions for StatefulSet {
    fn pod(&mut self) -> &mut PodTemplate {
        &mut self.pod
    }
}

impl IntoResource for StatefulSet {
    type Kind = kind::StatefulSet;
    keep_options!();

    // Kubernetes 1.37 made the spec a required field; older versions of the type have it optional.
    #[allow(clippy::useless_conversion)]
    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let selector = self.pod.selector();
        let (template, claims) = self.pod.lower(&FieldPath::of(["spec", "template"]), &mut lowering);
        let volume_claim_templates = some_list(claims.into_iter());
        let spec = apps::StatefulSetSpec { selector, template, volume_claim_templates, ..self.spec };
        self.common.finish(apps::StatefulSet { spec: spec.into(), ..apps::StatefulSet::default() }, lowering)
    }
}
