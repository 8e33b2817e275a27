//! The built-in kinds: how the server calls them, and which of them hold data.
//!
//! The table holds every kind of Kubernetes 1.37 whose objects can be created and listed, as the discovery documents of
//! `k8s.io/kubernetes` give them (`api/discovery/aggregated_v2.json`, and `api__v1.json` for the core group). Kinds that only
//! answer a question, such as TokenReview, are not in it. A test compares it with the schema that `holm-schema` carries.

use crate::id::Scope::{Cluster, Namespaced};
use crate::id::{ApiKind, GroupKind, Scope};

/// The built-in kind with this `apiVersion` and `kind`.
pub fn find(api_version: &str, kind: &str) -> Option<ApiKind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let row = row(group, kind)?;
    row.4.contains(&version).then(|| row.api_kind(version))
}

/// The version of a built-in kind that this library would use: the one that the server prefers.
pub fn preferred(kind: &GroupKind) -> Option<ApiKind> {
    let row = row(&kind.group, &kind.kind)?;
    row.4.first().map(|version| row.api_kind(version))
}

/// Whether objects of a built-in kind live in a namespace; none for any other kind.
pub fn scope(group: &str, kind: &str) -> Option<Scope> {
    row(group, kind).map(|row| row.3)
}

/// Every built-in kind in every version, by group and kind, the preferred version first.
pub fn all() -> impl Iterator<Item = ApiKind> {
    ROWS.iter().flat_map(|row| row.4.iter().map(|version| row.api_kind(version)))
}

/// Whether deleting an object of this kind may lose data, so that it needs consent by name: PersistentVolumeClaim,
/// PersistentVolume, Namespace, CustomResourceDefinition and StatefulSet.
pub fn holds_data(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("", "PersistentVolumeClaim" | "PersistentVolume" | "Namespace")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apps", "StatefulSet")
    )
}

/// Group, kind, plural, scope and versions; of these the preferred one first.
struct Row(&'static str, &'static str, &'static str, Scope, &'static [&'static str]);

impl Row {
    fn api_kind(&self, version: &str) -> ApiKind {
        ApiKind {
            group: self.0.to_owned(),
            version: version.to_owned(),
            kind: self.1.to_owned(),
            plural: self.2.to_owned(),
            scope: self.3,
        }
    }
}

fn row(group: &str, kind: &str) -> Option<&'static Row> {
    let position = ROWS.binary_search_by(|row| (row.0, row.1).cmp(&(group, kind))).ok()?;
    ROWS.get(position)
}

/// Sorted by group and kind, for the binary search.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row("", "ConfigMap", "configmaps", Namespaced, &["v1"]),
    Row("", "Endpoints", "endpoints", Namespaced, &["v1"]),
    Row("", "Event", "events", Namespaced, &["v1"]),
    Row("", "LimitRange", "limitranges", Namespaced, &["v1"]),
    Row("", "Namespace", "namespaces", Cluster, &["v1"]),
    Row("", "Node", "nodes", Cluster, &["v1"]),
    Row("", "PersistentVolume", "persistentvolumes", Cluster, &["v1"]),
    Row("", "PersistentVolumeClaim", "persistentvolumeclaims", Namespaced, &["v1"]),
    Row("", "Pod", "pods", Namespaced, &["v1"]),
    Row("", "PodTemplate", "podtemplates", Namespaced, &["v1"]),
    Row("", "ReplicationController", "replicationcontrollers", Namespaced, &["v1"]),
    Row("", "ResourceQuota", "resourcequotas", Namespaced, &["v1"]),
    Row("", "Secret", "secrets", Namespaced, &["v1"]),
    Row("", "Service", "services", Namespaced, &["v1"]),
    Row("", "ServiceAccount", "serviceaccounts", Namespaced, &["v1"]),
    Row("admissionregistration.k8s.io", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", Cluster, &["v1", "v1beta1", "v1alpha1"]),
    Row("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", Cluster, &["v1", "v1beta1", "v1alpha1"]),
    Row("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", Cluster, &["v1"]),
    Row("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", Cluster, &["v1"]),
    Row("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", Cluster, &["v1"]),
    Row("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", Cluster, &["v1"]),
    Row("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", Cluster, &["v1"]),
    Row("apiregistration.k8s.io", "APIService", "apiservices", Cluster, &["v1"]),
    Row("apps", "ControllerRevision", "controllerrevisions", Namespaced, &["v1"]),
    Row("apps", "DaemonSet", "daemonsets", Namespaced, &["v1"]),
    Row("apps", "Deployment", "deployments", Namespaced, &["v1"]),
    Row("apps", "ReplicaSet", "replicasets", Namespaced, &["v1"]),
    Row("apps", "StatefulSet", "statefulsets", Namespaced, &["v1"]),
    Row("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", Namespaced, &["v2", "v1"]),
    Row("batch", "CronJob", "cronjobs", Namespaced, &["v1"]),
    Row("batch", "Job", "jobs", Namespaced, &["v1"]),
    Row("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", Cluster, &["v1"]),
    Row("certificates.k8s.io", "ClusterTrustBundle", "clustertrustbundles", Cluster, &["v1", "v1beta1"]),
    Row("certificates.k8s.io", "PodCertificateRequest", "podcertificaterequests", Namespaced, &["v1", "v1beta1"]),
    Row("coordination.k8s.io", "Lease", "leases", Namespaced, &["v1"]),
    Row("coordination.k8s.io", "LeaseCandidate", "leasecandidates", Namespaced, &["v1beta1", "v1alpha2"]),
    Row("discovery.k8s.io", "EndpointSlice", "endpointslices", Namespaced, &["v1"]),
    Row("events.k8s.io", "Event", "events", Namespaced, &["v1"]),
    Row("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", Cluster, &["v1"]),
    Row("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "prioritylevelconfigurations", Cluster, &["v1"]),
    Row("internal.apiserver.k8s.io", "StorageVersion", "storageversions", Cluster, &["v1alpha1"]),
    Row("lifecycle.k8s.io", "Eviction", "evictions", Namespaced, &["v1alpha1"]),
    Row("lifecycle.k8s.io", "EvictionRequest", "evictionrequests", Namespaced, &["v1alpha1"]),
    Row("networking.k8s.io", "IPAddress", "ipaddresses", Cluster, &["v1"]),
    Row("networking.k8s.io", "Ingress", "ingresses", Namespaced, &["v1"]),
    Row("networking.k8s.io", "IngressClass", "ingressclasses", Cluster, &["v1"]),
    Row("networking.k8s.io", "NetworkPolicy", "networkpolicies", Namespaced, &["v1"]),
    Row("networking.k8s.io", "ServiceCIDR", "servicecidrs", Cluster, &["v1"]),
    Row("node.k8s.io", "RuntimeClass", "runtimeclasses", Cluster, &["v1"]),
    Row("policy", "PodDisruptionBudget", "poddisruptionbudgets", Namespaced, &["v1"]),
    Row("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", Cluster, &["v1"]),
    Row("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", Cluster, &["v1"]),
    Row("rbac.authorization.k8s.io", "Role", "roles", Namespaced, &["v1"]),
    Row("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", Namespaced, &["v1"]),
    Row("resource.k8s.io", "DeviceClass", "deviceclasses", Cluster, &["v1", "v1beta2", "v1beta1"]),
    Row("resource.k8s.io", "DeviceTaintRule", "devicetaintrules", Cluster, &["v1", "v1beta2", "v1alpha3"]),
    Row("resource.k8s.io", "ResourceClaim", "resourceclaims", Namespaced, &["v1", "v1beta2", "v1beta1"]),
    Row("resource.k8s.io", "ResourceClaimTemplate", "resourceclaimtemplates", Namespaced, &["v1", "v1beta2", "v1beta1"]),
    Row("resource.k8s.io", "ResourcePoolStatusRequest", "resourcepoolstatusrequests", Cluster, &["v1alpha3"]),
    Row("resource.k8s.io", "ResourceSlice", "resourceslices", Cluster, &["v1", "v1beta2", "v1beta1"]),
    Row("scheduling.k8s.io", "CompositePodGroup", "compositepodgroups", Namespaced, &["v1alpha3"]),
    Row("scheduling.k8s.io", "PodGroup", "podgroups", Namespaced, &["v1beta1", "v1alpha3"]),
    Row("scheduling.k8s.io", "PriorityClass", "priorityclasses", Cluster, &["v1"]),
    Row("scheduling.k8s.io", "Workload", "workloads", Namespaced, &["v1beta1", "v1alpha3"]),
    Row("storage.k8s.io", "CSIDriver", "csidrivers", Cluster, &["v1"]),
    Row("storage.k8s.io", "CSINode", "csinodes", Cluster, &["v1"]),
    Row("storage.k8s.io", "CSIStorageCapacity", "csistoragecapacities", Namespaced, &["v1"]),
    Row("storage.k8s.io", "StorageClass", "storageclasses", Cluster, &["v1"]),
    Row("storage.k8s.io", "VolumeAttachment", "volumeattachments", Cluster, &["v1"]),
    Row("storage.k8s.io", "VolumeAttributesClass", "volumeattributesclasses", Cluster, &["v1"]),
    Row("storagemigration.k8s.io", "StorageVersionMigration", "storageversionmigrations", Cluster, &["v1", "v1beta1"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_sorted_and_each_kind_is_found() {
        assert!(ROWS.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        for kind in all() {
            assert_eq!(find(&kind.api_version(), &kind.kind), Some(kind));
        }
    }

    #[test]
    fn the_table_holds_what_the_server_serves_and_nothing_else() {
        let pack = holm_schema::built_in().expect("the schema of this repository reads");
        let stored =
            pack.resources().filter(|resource| ["create", "list", "patch"].iter().all(|verb| resource.allows(verb)));
        let mut served: Vec<ApiKind> = stored
            .map(|resource| ApiKind {
                group: resource.kind.group.clone(),
                version: resource.kind.version.clone(),
                kind: resource.kind.kind.clone(),
                plural: resource.name.clone(),
                scope: if resource.namespaced { Namespaced } else { Cluster },
            })
            .collect();
        let mut table: Vec<ApiKind> = all().collect();
        table.sort();
        served.sort();
        assert_eq!(table, served);
    }

    #[test]
    fn the_stable_version_is_preferred() {
        let preferred = |group, kind| preferred(&GroupKind::new(group, kind)).map(|kind| kind.api_version());
        assert_eq!(preferred("autoscaling", "HorizontalPodAutoscaler").as_deref(), Some("autoscaling/v2"));
        assert_eq!(preferred("", "Secret").as_deref(), Some("v1"));
        assert_eq!(preferred("networking.k8s.io", "Ingress").as_deref(), Some("networking.k8s.io/v1"));
        assert_eq!(preferred("", "Ingress"), None);
        assert_eq!(find("extensions/v1beta1", "Ingress"), None);
        assert_eq!(find("v1", "TokenReview"), None);
    }
}
