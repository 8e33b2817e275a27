//! Namespaces.

use holm_core::{Declaration, IntoResource};
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering};
use crate::kind;

/// A namespace beside the stack's own, which [`Stack::namespace`](holm_core::Stack::namespace) declares.
#[must_use = "a namespace does nothing until it is added to a stack"]
pub struct Namespace {
    common: Common<core::Namespace>,
}

impl Namespace {
    /// A namespace.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name) }
    }

    /// The Pod Security Standard that pods in it must meet: `privileged`, `baseline` or `restricted`.
    pub fn pod_security(self, level: &str) -> Self {
        self.label("pod-security.kubernetes.io/enforce", level)
    }
}

impl Builder for Namespace {
    type Object = core::Namespace;

    fn common(&mut self) -> &mut Common<core::Namespace> {
        &mut self.common
    }
}

impl IntoResource for Namespace {
    type Kind = kind::Namespace;

    fn into_declaration(self) -> Declaration {
        self.common.finish(core::Namespace::default(), Lowering::default())
    }
}
