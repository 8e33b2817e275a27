//! PodDisruptionBudgets.

use holm_core::{Declaration, IntoResource};
use k8s_openapi::api::policy::v1 as policy;

use crate::amount::Amount;
use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;
use crate::reference::Workload;

/// Bounds how many pods of a workload may be evicted at a time, as when a node is drained.
///
/// The selector is the workload's own, and it has one of the two bounds, never both.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, Deployment, PodDisruptionBudget, PodOptions};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let shop = stack.add(Deployment::new("shop").replicas(3).container(Container::new("shop", "example.org/shop:1.4.2")));
/// stack.add(PodDisruptionBudget::max_unavailable(&shop, 1));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a budget does nothing until it is added to a stack"]
pub struct PodDisruptionBudget {
    common: Common<policy::PodDisruptionBudget>,
    spec: policy::PodDisruptionBudgetSpec,
}

impl PodDisruptionBudget {
    /// At most so many pods are missing: a number, or [`Percent`](crate::Percent) of the replicas. It has the workload's name.
    pub fn max_unavailable(workload: &impl Workload, pods: impl Into<Amount>) -> Self {
        let max_unavailable = Some(pods.into().lower());
        Self::of(workload, policy::PodDisruptionBudgetSpec { max_unavailable, ..Default::default() })
    }

    /// At least so many pods are there: a number, or [`Percent`](crate::Percent) of the replicas. It has the workload's name.
    ///
    /// # Caveats
    /// With as many as there are replicas, no node can be drained.
    pub fn min_available(workload: &impl Workload, pods: impl Into<Amount>) -> Self {
        let min_available = Some(pods.into().lower());
        Self::of(workload, policy::PodDisruptionBudgetSpec { min_available, ..Default::default() })
    }

    fn of(workload: &impl Workload, spec: policy::PodDisruptionBudgetSpec) -> Self {
        let mut common = Common::new(&*workload.id().name);
        if let Some(namespace) = &workload.id().namespace {
            common.set_namespace(namespace);
        }
        let selector = common.selector_of(workload, "selector");
        Self { common, spec: policy::PodDisruptionBudgetSpec { selector: Some(selector), ..spec } }
    }

    /// Another name than the workload's.
    pub fn named(mut self, name: &str) -> Self {
        self.common.set_name(name);
        self
    }

    /// Evicts pods that are not ready whatever the budget is, so that a workload that does not come up blocks no drain.
    pub fn always_evict_unhealthy(mut self) -> Self {
        self.spec.unhealthy_pod_eviction_policy = Some("AlwaysAllow".to_owned());
        self
    }
}

impl Builder for PodDisruptionBudget {
    type Object = policy::PodDisruptionBudget;

    fn common(&mut self) -> &mut Common<policy::PodDisruptionBudget> {
        &mut self.common
    }
}

impl IntoResource for PodDisruptionBudget {
    type Kind = kind::PodDisruptionBudget;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let object = policy::PodDisruptionBudget { spec: Some(self.spec), ..Default::default() };
        self.common.finish(object, Lowering::default())
    }
}
