//! HorizontalPodAutoscalers.

use std::ops::RangeInclusive;
use std::time::Duration;

use holm_core::{Declaration, FieldPath, IntoResource, Kind, ProblemKind, Ref};
use k8s_openapi::api::autoscaling::v2 as autoscaling;

use crate::amount::Percent;
use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// Changes the number of pods of a workload with its load.
///
/// The target comes from a reference. The stack warns of a workload that declares its number of replicas itself. Shares are those of what
/// the containers request, so they must request it, or get it from a LimitRange.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, Cpu, Deployment, HorizontalPodAutoscaler, Memory, Percent, PodOptions};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let server = Container::new("shop", "example.org/shop:1.4.2").request(Cpu::millis(100), Memory::mebibytes(128));
/// let shop = stack.add(Deployment::new("shop").container(server));
/// stack.add(HorizontalPodAutoscaler::of(&shop, 2..=6).cpu(Percent(70)));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "an autoscaler does nothing until it is added to a stack"]
pub struct HorizontalPodAutoscaler {
    common: Common<autoscaling::HorizontalPodAutoscaler>,
    spec: autoscaling::HorizontalPodAutoscalerSpec,
}

impl HorizontalPodAutoscaler {
    /// Keeps the number of pods of `workload` within `replicas`. It has the workload's name. Without a metric, the cluster keeps the CPU
    /// at 80 %.
    pub fn of<K: Scalable>(workload: &Ref<K>, replicas: RangeInclusive<u32>) -> Self {
        let mut common = Common::new(workload.name());
        if let Some(namespace) = workload.namespace() {
            common.set_namespace(namespace);
        }
        let (min, max) = (*replicas.start(), *replicas.end());
        if min == 0 || min > max {
            let kind = ProblemKind::Invalid {
                what: "range of replicas",
                value: format!("{min}..={max}"),
                rule: "it begins with 1 at least and ends with no less than it begins with".to_owned(),
            };
            common.problem(FieldPath::of(["spec", "minReplicas"]), kind);
        }
        let kind = holm_core::api_kind_of::<K>();
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let spec = autoscaling::HorizontalPodAutoscalerSpec {
            min_replicas: Some(whole(min)),
            max_replicas: whole(max),
            scale_target_ref: autoscaling::CrossVersionObjectReference {
                api_version: Some(kind.api_version()),
                kind: kind.kind,
                name: workload.name().to_string(),
            },
            ..Default::default()
        };
        Self { common, spec }
    }

    /// Another name than the workload's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }

    /// Keeps the CPU that the pods use near this share of what they request.
    pub fn cpu(self, utilization: Percent) -> Self {
        self.resource("cpu", utilization)
    }

    /// Keeps the memory that the pods use near this share of what they request.
    pub fn memory(self, utilization: Percent) -> Self {
        self.resource("memory", utilization)
    }

    /// How long the load must have been lower before pods are taken away. Default: 5 minutes.
    pub fn scale_down_after(mut self, duration: Duration) -> Self {
        let path = FieldPath::of(["spec", "behavior", "scaleDown", "stabilizationWindowSeconds"]);
        let window = self.common.seconds(path, duration);
        let rules = self.spec.behavior.get_or_insert_default().scale_down.get_or_insert_default();
        rules.stabilization_window_seconds = window;
        self
    }

    fn resource(mut self, name: &str, utilization: Percent) -> Self {
        let target = autoscaling::MetricTarget {
            type_: "Utilization".to_owned(),
            average_utilization: Some(i32::try_from(utilization.0).unwrap_or(i32::MAX)),
            ..Default::default()
        };
        self.spec.metrics.get_or_insert_default().push(autoscaling::MetricSpec {
            type_: "Resource".to_owned(),
            resource: Some(autoscaling::ResourceMetricSource { name: name.to_owned(), target }),
            ..Default::default()
        });
        self
    }
}

/// The kinds whose number of pods can be changed.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be scaled",
    label = "has no number of replicas",
    note = "a Deployment, a StatefulSet and a ReplicaSet can be scaled"
)]
pub trait Scalable: Kind + kube_core::Resource<DynamicType = (), Scope: 'static> {}

impl Scalable for kind::Deployment {}
impl Scalable for kind::ReplicaSet {}
impl Scalable for kind::StatefulSet {}

impl Builder for HorizontalPodAutoscaler {
    type Object = autoscaling::HorizontalPodAutoscaler;

    fn common(&mut self) -> &mut Common<autoscaling::HorizontalPodAutoscaler> {
        &mut self.common
    }
}

impl IntoResource for HorizontalPodAutoscaler {
    type Kind = kind::HorizontalPodAutoscaler;
    keep_options!();

    // Kubernetes 1.37 made the spec a required field; older versions of the type have it optional.
    #[allow(clippy::useless_conversion)]
    fn into_declaration(self) -> Declaration {
        let object = autoscaling::HorizontalPodAutoscaler { spec: self.spec.into(), ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}
