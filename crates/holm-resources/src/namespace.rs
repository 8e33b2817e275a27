//! Namespaces.

use holm_core::{Declaration, IntoResource};
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering, keep_options};
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

    /// The Pod Security Standard that pods in it must meet.
    pub fn pod_security(self, standard: PodSecurity) -> Self {
        self.label("pod-security.kubernetes.io/enforce", standard.as_str())
    }
}

/// A level of the Pod Security Standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodSecurity {
    /// Everything is allowed.
    Privileged,
    /// What is known to lead out of a container is forbidden.
    Baseline,
    /// Pods are hardened: no root, no capabilities, a seccomp profile. See
    /// [`SecurityContext::restricted`](crate::SecurityContext::restricted).
    Restricted,
}

impl PodSecurity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
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
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(core::Namespace::default(), Lowering::default())
    }
}
