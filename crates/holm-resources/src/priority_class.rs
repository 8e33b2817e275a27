//! PriorityClasses.

use holm_core::{Declaration, FieldPath, IntoResource, ProblemKind};
use k8s_openapi::api::scheduling::v1 as scheduling;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// The highest value that is not the system's own.
const HIGHEST: i32 = 1_000_000_000;

/// How important pods are: where there is no room, those of a lower value make room.
///
/// ```
/// use holm_core::Stack;
/// use holm_resources::{Container, Deployment, PodOptions, PriorityClass};
///
/// let stack = Stack::new("shop", "default", Some("shop"));
/// let important = stack.add(PriorityClass::new("important", 1000).description("what customers wait for"));
/// let server = Container::new("shop", "example.org/shop:1.4.2");
/// stack.add(Deployment::new("shop").container(server).priority_class(important.name()));
/// # assert!(stack.build().is_ok());
/// ```
#[must_use = "a priority class does nothing until it is added to a stack"]
pub struct PriorityClass {
    common: Common<scheduling::PriorityClass>,
    class: scheduling::PriorityClass,
}

impl PriorityClass {
    /// A class with its value, at most 1,000,000,000. It cannot change later.
    pub fn new(name: &str, value: i32) -> Self {
        let mut common = Common::new(name);
        if value > HIGHEST {
            let kind = ProblemKind::Invalid {
                what: "priority",
                value: value.to_string(),
                rule: format!("those above {HIGHEST} are the system's own"),
            };
            common.problem(FieldPath::of(["value"]), kind);
        }
        Self { common, class: scheduling::PriorityClass { value: value.into(), ..Default::default() } }
    }

    /// When the class is to be used.
    pub fn description(mut self, text: &str) -> Self {
        self.class.description = Some(text.to_owned());
        self
    }

    /// Its pods wait for room, and no other has to make it.
    pub fn never_preempts(mut self) -> Self {
        self.class.preemption_policy = Some("Never".to_owned());
        self
    }

    /// Makes it the class of pods that name none. A cluster has one such class.
    pub fn cluster_default(mut self) -> Self {
        self.class.global_default = Some(true);
        self
    }
}

impl Builder for PriorityClass {
    type Object = scheduling::PriorityClass;

    fn common(&mut self) -> &mut Common<scheduling::PriorityClass> {
        &mut self.common
    }
}

impl IntoResource for PriorityClass {
    type Kind = kind::PriorityClass;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(self.class, Lowering::default())
    }
}
