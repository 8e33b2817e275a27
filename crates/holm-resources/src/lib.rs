//! Builders for the kinds that a stack is mostly made of.
//!
//! A builder is here only where it holds something together that a plain struct lets fall apart: a Deployment whose
//! selector is that of its pods, a container whose mounts have their volumes, a Service that leads to a port which the
//! containers have. Each lowers to the plain k8s-openapi struct, can be [patched](Builder::patch) as such, and is added to a
//! stack in the same way as any k8s-openapi type. References carry the k8s-openapi type, [`kind::Secret`] and not the
//! builder [`Secret`], so that it makes no difference how a resource was declared.
//!
//! Text that is known goes straight into the object. Values that come later ([`holm_core::Input`]) are declared at the path
//! of their field. Nothing here does I/O.

mod builder;
mod claim;
mod config_map;
mod container;
mod deployment;
mod env;
mod job;
mod namespace;
mod pod;
mod port;
mod probe;
mod reference;
mod secret;
mod security;
mod service;
mod service_account;
mod stateful_set;
mod volume;

pub use builder::Builder;
pub use claim::{ClaimTemplate, PersistentVolumeClaim};
pub use config_map::ConfigMap;
pub use container::Container;
pub use deployment::Deployment;
pub use env::{ConfigKey, EnvFrom, EnvSource, SecretKey};
pub use job::{CronJob, Job, JobOptions};
pub use namespace::Namespace;
pub use pod::PodOptions;
pub use port::Port;
pub use probe::Probe;
pub use reference::{Keyed, ServiceAddress, Workload};
pub use secret::Secret;
pub use security::{PodSecurityContext, SecurityContext};
pub use service::Service;
pub use service_account::ServiceAccount;
pub use stateful_set::StatefulSet;
pub use volume::{Claim, EmptyDir, Files, Mount, Volume};

/// The kinds as references carry them: `Ref<kind::Secret>`.
pub mod kind {
    pub use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
    pub use k8s_openapi::api::batch::v1::{CronJob, Job};
    pub use k8s_openapi::api::core::v1::{
        ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
    };
}

/// What stands behind the public traits and is of no use outside this crate.
#[doc(hidden)]
pub mod internal {
    pub use crate::builder::Common;
    pub use crate::job::JobTemplate;
    pub use crate::pod::PodTemplate;
    pub use crate::reference::RunsPods;
    pub use crate::volume::{Mountable, VolumeSource};
}
