//! ResourceQuotas and LimitRanges: what a namespace, and a container in it, may use.

use std::collections::BTreeMap;

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind};
use holm_values::Quantity as Amount;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::compute::{Cpu, Memory};
use crate::kind;

/// What all objects of a namespace may use together.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Cpu, Memory, ResourceQuota};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.add(ResourceQuota::new("shop").requests(Cpu::cores(4), Memory::gibibytes(8)).pods(20).storage("100Gi"));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a quota does nothing until it is added to a stack"]
pub struct ResourceQuota {
    common: Common<core::ResourceQuota>,
    hard: BTreeMap<String, Quantity>,
}

impl ResourceQuota {
    /// A quota without bounds.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), hard: BTreeMap::new() }
    }

    /// What all containers may request. From then on each must request both.
    pub fn requests(self, cpu: Cpu, memory: Memory) -> Self {
        self.hard("requests.cpu", cpu.as_str()).hard("requests.memory", memory.as_str())
    }

    /// What the limits of all containers may add up to. From then on each must have both.
    pub fn limits(self, cpu: Cpu, memory: Memory) -> Self {
        self.hard("limits.cpu", cpu.as_str()).hard("limits.memory", memory.as_str())
    }

    /// How many pods there may be that have not ended.
    pub fn pods(self, number: u32) -> Self {
        self.hard("pods", &number.to_string())
    }

    /// What all claims may request, such as `100Gi`.
    pub fn storage(self, size: &str) -> Self {
        self.hard("requests.storage", size)
    }

    /// A bound of any resource, such as `count/jobs.batch` or `services.loadbalancers`.
    pub fn hard(mut self, resource: &str, quantity: &str) -> Self {
        self.hard.insert(resource.to_owned(), Quantity(quantity.to_owned()));
        self
    }
}

impl Builder for ResourceQuota {
    type Object = core::ResourceQuota;

    fn common(&mut self) -> &mut Common<core::ResourceQuota> {
        &mut self.common
    }
}

impl IntoResource for ResourceQuota {
    type Kind = kind::ResourceQuota;
    keep_options!();

    fn into_declaration(mut self) -> Declaration {
        if self.hard.is_empty() {
            let message = "the quota bounds nothing; add .requests(..), .pods(..) or .hard(..)".to_owned();
            self.common.problem(FieldPath::of(["spec", "hard"]), ProblemKind::Incomplete(message));
        }
        let spec = core::ResourceQuotaSpec { hard: Some(self.hard), ..Default::default() };
        self.common.finish(core::ResourceQuota { spec: Some(spec), ..Default::default() }, Lowering::default())
    }
}

/// What containers of a namespace get that do not say what they need, and what one may use at most.
///
/// That a default is not above the maximum, nor a default request above the default limit, is checked.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Cpu, LimitRange, Memory};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// stack.add(
///     LimitRange::new("shop")
///         .default_request(Cpu::millis(100), Memory::mebibytes(128))
///         .default_limit(Cpu::millis(500), Memory::mebibytes(512))
///         .max(Cpu::cores(2), Memory::gibibytes(4)),
/// );
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a limit range does nothing until it is added to a stack"]
pub struct LimitRange {
    common: Common<core::LimitRange>,
    item: core::LimitRangeItem,
}

impl LimitRange {
    /// A range without bounds.
    pub fn new(name: &str) -> Self {
        let item = core::LimitRangeItem { type_: "Container".to_owned(), ..Default::default() };
        Self { common: Common::new(name), item }
    }

    /// What a container requests that requests nothing.
    pub fn default_request(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.item.default_request = Some(both(cpu, memory));
        self
    }

    /// The limit of a container that has none.
    pub fn default_limit(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.item.default = Some(both(cpu, memory));
        self
    }

    /// What a container must request at least.
    pub fn min(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.item.min = Some(both(cpu, memory));
        self
    }

    /// What the limit of a container may be at most.
    pub fn max(mut self, cpu: Cpu, memory: Memory) -> Self {
        self.item.max = Some(both(cpu, memory));
        self
    }

    fn check(&mut self) {
        let bounds = [
            ("min", self.item.min.clone()),
            ("defaultRequest", self.item.default_request.clone()),
            ("default", self.item.default.clone()),
            ("max", self.item.max.clone()),
        ];
        let bounds: Vec<_> = bounds.into_iter().filter_map(|(name, bound)| Some((name, bound?))).collect();
        for (position, (lower, smaller)) in bounds.iter().enumerate() {
            for (upper, larger) in &bounds[position + 1..] {
                for (resource, amount) in smaller {
                    let Some(bound) = larger.get(resource) else { continue };
                    let is_above = |(a, b): (Amount, Amount)| a > b;
                    if amount.0.parse().ok().zip(bound.0.parse().ok()).is_some_and(is_above) {
                        let message =
                            format!("{lower} of {resource} is {}, above {upper}, which is {}", amount.0, bound.0);
                        self.common.problem(FieldPath::of(["spec", "limits"]), ProblemKind::Unfit(message));
                    }
                }
            }
        }
    }
}

fn both(cpu: Cpu, memory: Memory) -> BTreeMap<String, Quantity> {
    BTreeMap::from([
        ("cpu".to_owned(), Quantity(cpu.as_str().to_owned())),
        ("memory".to_owned(), Quantity(memory.as_str().to_owned())),
    ])
}

impl Builder for LimitRange {
    type Object = core::LimitRange;

    fn common(&mut self) -> &mut Common<core::LimitRange> {
        &mut self.common
    }
}

impl IntoResource for LimitRange {
    type Kind = kind::LimitRange;
    keep_options!();

    fn into_declaration(mut self) -> Declaration {
        self.check();
        let spec = core::LimitRangeSpec { limits: vec![self.item] };
        self.common.finish(core::LimitRange { spec: Some(spec), ..Default::default() }, Lowering::default())
    }
}
