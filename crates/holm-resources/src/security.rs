//! What a container and a pod may do, and who they run as.

use k8s_openapi::api::core::v1 as core;

/// The security context of one container.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a security context does nothing until a container has it"]
pub struct SecurityContext {
    context: core::SecurityContext,
}

impl SecurityContext {
    /// Nothing set: the runtime's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the Pod Security Standard `restricted` asks of a container: no root, no way to gain privileges, no
    /// capabilities, and the runtime's seccomp profile.
    pub fn restricted() -> Self {
        let capabilities = core::Capabilities { drop: Some(vec!["ALL".to_owned()]), ..core::Capabilities::default() };
        Self {
            context: core::SecurityContext {
                allow_privilege_escalation: Some(false),
                capabilities: Some(capabilities),
                run_as_non_root: Some(true),
                seccomp_profile: Some(runtime_default()),
                ..core::SecurityContext::default()
            },
        }
    }

    /// The user and group ids that it runs as.
    pub fn run_as(mut self, user: i64, group: i64) -> Self {
        self.context.run_as_user = Some(user);
        self.context.run_as_group = Some(group);
        self
    }

    /// The container's own file system cannot be written; what it writes needs a mount.
    pub fn read_only_root_filesystem(mut self) -> Self {
        self.context.read_only_root_filesystem = Some(true);
        self
    }

    /// A capability, such as `NET_BIND_SERVICE`.
    pub fn add_capability(mut self, capability: &str) -> Self {
        let capabilities = self.context.capabilities.get_or_insert_default();
        capabilities.add.get_or_insert_default().push(capability.to_owned());
        self
    }

    pub(crate) fn lower(self) -> core::SecurityContext {
        self.context
    }
}

/// The security context of a pod: what holds for all its containers and its volumes.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a security context does nothing until a workload has it"]
pub struct PodSecurityContext {
    context: core::PodSecurityContext,
}

impl PodSecurityContext {
    /// Nothing set: the runtime's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the Pod Security Standard `restricted` asks of a pod: no root, and the runtime's seccomp profile. Each
    /// container needs [`SecurityContext::restricted`] beside it.
    pub fn restricted() -> Self {
        Self {
            context: core::PodSecurityContext {
                run_as_non_root: Some(true),
                seccomp_profile: Some(runtime_default()),
                ..core::PodSecurityContext::default()
            },
        }
    }

    /// The user and group ids that all containers run as.
    pub fn run_as(mut self, user: i64, group: i64) -> Self {
        self.context.run_as_user = Some(user);
        self.context.run_as_group = Some(group);
        self
    }

    /// The group that owns the files of the volumes. The ownership is changed on mounting only where the root of a volume
    /// has another, so that a large volume does not delay every start.
    pub fn fs_group(mut self, group: i64) -> Self {
        self.context.fs_group = Some(group);
        self.context.fs_group_change_policy = Some("OnRootMismatch".to_owned());
        self
    }

    pub(crate) fn lower(self) -> core::PodSecurityContext {
        self.context
    }
}

fn runtime_default() -> core::SeccompProfile {
    core::SeccompProfile { type_: "RuntimeDefault".to_owned(), ..core::SeccompProfile::default() }
}
