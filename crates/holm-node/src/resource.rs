//! The resources that a node reads and writes, and their paths.

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    Nodes,
    Pods,
    Claims,
    Volumes,
    Classes,
    Secrets,
    ConfigMaps,
    Services,
    Events,
    Leases,
}

impl Resource {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Claims => "persistentvolumeclaims",
            Self::Volumes => "persistentvolumes",
            Self::Classes => "storageclasses",
            Self::Secrets => "secrets",
            Self::ConfigMaps => "configmaps",
            Self::Services => "services",
            Self::Events => "events",
            Self::Leases => "leases",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Classes => "/apis/storage.k8s.io/v1",
            Self::Leases => "/apis/coordination.k8s.io/v1",
            _ => "/api/v1",
        }
    }

    /// The path of all objects, or of those in a namespace. Names and namespaces are DNS labels, which need no escapes.
    pub(crate) fn path(self, namespace: &str) -> String {
        if namespace.is_empty() {
            format!("{}/{}", self.group(), self.plural())
        } else {
            format!("{}/namespaces/{namespace}/{}", self.group(), self.plural())
        }
    }
}
