//! The kinds that controllers read and write.

use holm_apiserver::GroupVersionResource;

macro_rules! kinds {
    ($($kind:ident: $group:literal, $version:literal, $plural:literal, $doc:literal;)*) => {
        /// A kind that a controller reads or writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind {
            $(#[doc = $doc] $kind,)*
        }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            pub fn resource(self) -> GroupVersionResource {
                match self {
                    $(Self::$kind => GroupVersionResource::new($group, $version, $plural),)*
                }
            }

            /// The name of the kind, as objects have it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }

            pub fn api_version(self) -> &'static str {
                match self {
                    $(Self::$kind => if $group.is_empty() { $version } else { concat!($group, "/", $version) },)*
                }
            }

            /// The kind of a resource as the log names it: `deployments.apps`.
            pub fn of_resource(id: &str) -> Option<Self> {
                let (plural, group) = id.split_once('.').unwrap_or((id, ""));
                match (plural, group) {
                    $(($plural, $group) => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    ControllerRevision: "apps", "v1", "controllerrevisions", "An earlier template of a StatefulSet or a DaemonSet.";
    CronJob: "batch", "v1", "cronjobs", "Jobs at times.";
    DaemonSet: "apps", "v1", "daemonsets", "A pod on each node.";
    Deployment: "apps", "v1", "deployments", "Pods that are replaced by and by.";
    EndpointSlice: "discovery.k8s.io", "v1", "endpointslices", "Addresses behind a service.";
    Endpoints: "", "v1", "endpoints", "Addresses behind a service, in one object.";
    Event: "", "v1", "events", "What a controller did.";
    HorizontalPodAutoscaler: "autoscaling", "v2", "horizontalpodautoscalers", "Replicas by metrics.";
    Job: "batch", "v1", "jobs", "Pods that end.";
    Node: "", "v1", "nodes", "Where pods run.";
    PersistentVolume: "", "v1", "persistentvolumes", "Storage.";
    PersistentVolumeClaim: "", "v1", "persistentvolumeclaims", "Somebody who wants storage.";
    Pod: "", "v1", "pods", "What runs.";
    PodDisruptionBudget: "policy", "v1", "poddisruptionbudgets", "How many pods may be missing.";
    ReplicaSet: "apps", "v1", "replicasets", "A number of equal pods.";
    ReplicationController: "", "v1", "replicationcontrollers", "A number of equal pods, of old.";
    ServiceCIDR: "networking.k8s.io", "v1", "servicecidrs", "A range of addresses for services.";
    Service: "", "v1", "services", "A name for pods.";
    StatefulSet: "apps", "v1", "statefulsets", "Pods with names and storage of their own.";
    StorageClass: "storage.k8s.io", "v1", "storageclasses", "How storage is made.";
}
