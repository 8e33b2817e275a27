//! What a program that declares a stack uses: `use holm::prelude::*;`.

pub use holm_core::{
    Config, ConflictPolicy, Input, Manifest, Password, ReadyWhen, Ref, ResourceOptions, Sensitive, Stack, Strength,
    Timeouts,
};
pub use holm_resources::{
    Builder, ClaimTemplate, ConfigMap, Container, CronJob, Deployment, EnvSource, Job, JobOptions, Keyed, Mount,
    Namespace, PersistentVolumeClaim, PodOptions, PodSecurityContext, Port, Probe, Secret, SecurityContext, Service,
    ServiceAccount, ServiceAddress, StatefulSet, Volume, Workload, kind,
};
