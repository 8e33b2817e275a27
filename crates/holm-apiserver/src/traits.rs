//! How the kinds differ in what an API server does with every object, as one table.
//!
//! From the strategies in `k8s.io/kubernetes`, `pkg/registry/**/strategy.go`: `AllowUnconditionalUpdate`,
//! `AllowCreateOnUpdate`, `DefaultGarbageCollectionPolicy`, `PrepareForCreate` and `PrepareForUpdate`.

/// What is particular about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Whether `metadata.generation` counts the changes of everything but metadata and status.
    pub generation: bool,
    /// Whether a PUT must say which version of the object it replaces.
    pub needs_resource_version: bool,
    /// Whether a PUT makes an object that does not exist.
    pub created_by_put: bool,
    /// Whether a deletion that does not say otherwise leaves the dependents behind.
    pub orphans_by_default: bool,
}

impl Traits {
    /// The traits of a built-in resource.
    pub fn of(group: &str, resource: &str) -> Self {
        let path = (group, resource);
        Self {
            generation: GENERATION.contains(&path),
            needs_resource_version: NEEDS_RESOURCE_VERSION.contains(&path),
            created_by_put: CREATED_BY_PUT.contains(&path),
            orphans_by_default: ORPHANS.contains(&path),
        }
    }

    /// The traits of a custom resource.
    pub fn custom() -> Self {
        Self { generation: true, needs_resource_version: true, created_by_put: false, orphans_by_default: false }
    }
}

const GENERATION: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("discovery.k8s.io", "endpointslices"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "devicetaintrules"),
    ("resource.k8s.io", "resourceslices"),
    ("scheduling.k8s.io", "priorityclasses"),
];

const NEEDS_RESOURCE_VERSION: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("certificates.k8s.io", "clustertrustbundles"),
    ("certificates.k8s.io", "podcertificaterequests"),
    ("coordination.k8s.io", "leases"),
    ("coordination.k8s.io", "leasecandidates"),
    ("node.k8s.io", "runtimeclasses"),
    ("policy", "poddisruptionbudgets"),
    ("scheduling.k8s.io", "podgroups"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "volumeattachments"),
];

const CREATED_BY_PUT: &[(&str, &str)] = &[
    ("", "endpoints"),
    ("", "events"),
    ("", "limitranges"),
    ("", "services"),
    ("coordination.k8s.io", "leases"),
    ("coordination.k8s.io", "leasecandidates"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

const ORPHANS: &[(&str, &str)] = &[("", "replicationcontrollers"), ("batch", "jobs")];
