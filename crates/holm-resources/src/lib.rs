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

mod amount;
mod autoscaler;
mod builder;
mod claim;
mod compute;
mod config_map;
mod container;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod disruption_budget;
mod env;
mod ingress;
mod job;
mod namespace;
mod network_policy;
mod persistent_volume;
mod pod;
mod port;
mod priority_class;
mod probe;
mod quota;
mod reference;
mod role;
mod role_binding;
mod secret;
mod security;
mod service;
mod service_account;
mod stateful_set;
mod volume;

pub use amount::{Amount, Percent};
pub use autoscaler::{HorizontalPodAutoscaler, Scalable};
pub use builder::Builder;
pub use claim::{ClaimTemplate, PersistentVolumeClaim};
pub use compute::{Cpu, Memory, QuantityError};
pub use config_map::ConfigMap;
pub use container::{Container, ImagePullPolicy};
pub use custom_resource_definition::CustomResourceDefinition;
pub use daemon_set::DaemonSet;
pub use deployment::Deployment;
pub use disruption_budget::PodDisruptionBudget;
pub use env::{ConfigKey, EnvFrom, EnvSource, SecretKey};
pub use ingress::Ingress;
pub use job::{CronJob, Job, JobOptions};
pub use namespace::{Namespace, PodSecurity};
pub use network_policy::NetworkPolicy;
pub use persistent_volume::{PersistentVolume, ReclaimPolicy, StorageClass};
pub use pod::PodOptions;
pub use port::Port;
pub use priority_class::PriorityClass;
pub use probe::Probe;
pub use quota::{LimitRange, ResourceQuota};
pub use reference::{Keyed, ServiceAddress, Workload};
pub use role::{ClusterRole, Role, RoleRules, Verb};
pub use role_binding::{ClusterRoleBinding, RoleBinding, RoleKind, RoleSubjects};
pub use secret::{Secret, SecretType};
pub use security::{PodSecurityContext, SecurityContext};
pub use service::Service;
pub use service_account::ServiceAccount;
pub use stateful_set::StatefulSet;
pub use volume::{Claim, EmptyDir, Files, Mount, Volume};

/// The kinds as references carry them: `Ref<kind::Secret>`.
pub mod kind {
    pub use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
    pub use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    pub use k8s_openapi::api::batch::v1::{CronJob, Job};
    pub use k8s_openapi::api::core::v1::{
        ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod,
        ResourceQuota, Secret, Service, ServiceAccount,
    };
    pub use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
    pub use k8s_openapi::api::policy::v1::PodDisruptionBudget;
    pub use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
    pub use k8s_openapi::api::scheduling::v1::PriorityClass;
    pub use k8s_openapi::api::storage::v1::StorageClass;
    pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
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
