//! API versions that Kubernetes removed, and what takes their place.
//!
//! From the deprecated API migration guide of the Kubernetes documentation.

/// An API version, the kinds that it had, the release that removed it, and the version that takes its place; none where there is
/// none.
struct Removed(&'static str, &'static [&'static str], &'static str, Option<&'static str>);

#[rustfmt::skip]
const REMOVED: &[Removed] = &[
    Removed("extensions/v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], "1.16", Some("apps/v1")),
    Removed("extensions/v1beta1", &["NetworkPolicy"], "1.16", Some("networking.k8s.io/v1")),
    Removed("extensions/v1beta1", &["Ingress"], "1.22", Some("networking.k8s.io/v1")),
    Removed("extensions/v1beta1", &["PodSecurityPolicy"], "1.16", None),
    Removed("apps/v1beta1", &["Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision"], "1.16", Some("apps/v1")),
    Removed("apps/v1beta2", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision"], "1.16", Some("apps/v1")),
    Removed("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], "1.22", Some("networking.k8s.io/v1")),
    Removed("admissionregistration.k8s.io/v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"], "1.22", Some("admissionregistration.k8s.io/v1")),
    Removed("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"], "1.22", Some("apiextensions.k8s.io/v1")),
    Removed("apiregistration.k8s.io/v1beta1", &["APIService"], "1.22", Some("apiregistration.k8s.io/v1")),
    Removed("authentication.k8s.io/v1beta1", &["TokenReview"], "1.22", Some("authentication.k8s.io/v1")),
    Removed("authorization.k8s.io/v1beta1", &["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SubjectAccessReview"], "1.22", Some("authorization.k8s.io/v1")),
    Removed("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], "1.22", Some("certificates.k8s.io/v1")),
    Removed("coordination.k8s.io/v1beta1", &["Lease"], "1.22", Some("coordination.k8s.io/v1")),
    Removed("rbac.authorization.k8s.io/v1alpha1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"], "1.22", Some("rbac.authorization.k8s.io/v1")),
    Removed("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"], "1.22", Some("rbac.authorization.k8s.io/v1")),
    Removed("scheduling.k8s.io/v1beta1", &["PriorityClass"], "1.22", Some("scheduling.k8s.io/v1")),
    Removed("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], "1.22", Some("storage.k8s.io/v1")),
    Removed("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], "1.27", Some("storage.k8s.io/v1")),
    Removed("batch/v1beta1", &["CronJob"], "1.25", Some("batch/v1")),
    Removed("batch/v2alpha1", &["CronJob"], "1.21", Some("batch/v1")),
    Removed("discovery.k8s.io/v1beta1", &["EndpointSlice"], "1.25", Some("discovery.k8s.io/v1")),
    Removed("events.k8s.io/v1beta1", &["Event"], "1.25", Some("events.k8s.io/v1")),
    Removed("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], "1.25", Some("autoscaling/v2")),
    Removed("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], "1.26", Some("autoscaling/v2")),
    Removed("policy/v1beta1", &["PodDisruptionBudget"], "1.25", Some("policy/v1")),
    Removed("policy/v1beta1", &["PodSecurityPolicy"], "1.25", None),
    Removed("node.k8s.io/v1beta1", &["RuntimeClass"], "1.25", Some("node.k8s.io/v1")),
    Removed("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"], "1.26", Some("flowcontrol.apiserver.k8s.io/v1")),
    Removed("flowcontrol.apiserver.k8s.io/v1beta2", &["FlowSchema", "PriorityLevelConfiguration"], "1.29", Some("flowcontrol.apiserver.k8s.io/v1")),
    Removed("flowcontrol.apiserver.k8s.io/v1beta3", &["FlowSchema", "PriorityLevelConfiguration"], "1.32", Some("flowcontrol.apiserver.k8s.io/v1")),
];

/// Returns what takes the place of a kind that Kubernetes removed, as a hint; none where it did not.
pub(crate) fn replacement(api_version: &str, kind: &str) -> Option<String> {
    let removed = REMOVED.iter().find(|removed| removed.0 == api_version && removed.1.contains(&kind))?;
    Some(match removed.3 {
        Some(new) => {
            format!("Kubernetes {} removed {api_version} {kind}; use {new}, whose fields may differ", removed.2)
        }
        None => format!("Kubernetes {} removed {api_version} {kind} without a replacement", removed.2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn what_takes_the_place_is_built_in_and_what_was_removed_is_not() {
        for Removed(api_version, kinds, _, replacement) in REMOVED {
            for kind in *kinds {
                assert!(catalog::find(api_version, kind).is_none(), "{api_version} {kind}");
                // Reviews answer a question, and are no resources of a stack.
                if let Some(new) = replacement.filter(|_| !kind.ends_with("Review")) {
                    assert!(catalog::find(new, kind).is_some(), "{new} {kind}");
                }
            }
        }
    }

    #[test]
    fn a_removed_version_is_told_with_its_replacement() {
        assert_eq!(
            replacement("extensions/v1beta1", "Ingress").as_deref(),
            Some(
                "Kubernetes 1.22 removed extensions/v1beta1 Ingress; use networking.k8s.io/v1, whose fields may differ"
            )
        );
        assert_eq!(replacement("networking.k8s.io/v1", "Ingress"), None);
        assert_eq!(replacement("extensions/v1beta1", "Widget"), None);
    }
}
