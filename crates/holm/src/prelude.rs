//! What a program that declares a stack uses: `use holm::prelude::*;`.

pub use std::time::Duration;

pub use holm_core::{
    Config, ConflictPolicy, Input, Manifest, Name, Password, ReadyWhen, Ref, ResourceOptions, Sensitive, Stack,
    Strength, Timeouts,
};
pub use holm_resources::{
    Builder, ClaimTemplate, ClusterRole, ClusterRoleBinding, ConfigMap, Container, Cpu, CronJob,
    CustomResourceDefinition, DaemonSet, Deployment, EnvSource, HorizontalPodAutoscaler, ImagePullPolicy, Ingress, Job,
    JobOptions, Keyed, LimitRange, Memory, Mount, Namespace, NetworkPolicy, Percent, PersistentVolume,
    PersistentVolumeClaim, PodDisruptionBudget, PodOptions, PodSecurity, PodSecurityContext, Port, PriorityClass,
    Probe, ReclaimPolicy, ResourceQuota, Role, RoleBinding, RoleRules, RoleSubjects, Secret, SecretType,
    SecurityContext, Service, ServiceAccount, ServiceAddress, StatefulSet, StorageClass, Verb, Volume, Workload, kind,
};
