//! The names of what containers need and namespaces may have.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/helper/helpers.go` and `pkg/apis/core/validation/validation.go`
//! (`validateResourceName`). The functions that end in `name` give the problems, none if the name is right.

use holm_values::names;

/// What a quota calls resources of pods.
pub const COMPUTE: [&str; 9] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// Resources of which there is a number of pieces.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether a quota can name it without a domain.
pub(super) fn is_of_quota(name: &str) -> bool {
    COMPUTE.contains(&name) || COUNTED.contains(&name) || name == "requests.storage" || has_quota_pages(name)
}

fn has_quota_pages(name: &str) -> bool {
    is_pages(name) || name.starts_with("requests.hugepages-")
}

/// Whether it is memory in pages of a large size.
pub(super) fn is_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether Kubernetes itself gives it to containers.
fn is_of_container(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_pages(name)
}

/// Whether it is in the domain of Kubernetes.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::label_key(&format!("requests.{name}")).is_empty()
}

/// Whether there are only whole ones.
pub(super) fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

/// Whether containers may together be promised less than they may take.
pub(super) fn overcommits(name: &str) -> bool {
    is_native(name) && !is_pages(name)
}

/// The name of any resource.
pub(super) fn any_name(name: &str) -> Vec<String> {
    let problems = names::label_key(name);
    let is_standard = is_of_quota(name) || name == "storage";
    if problems.is_empty() && !name.contains('/') && !is_standard {
        return vec!["must be a standard resource type or fully qualified".to_owned()];
    }
    problems
}

/// The name of a resource in a quota.
pub(super) fn quota_name(name: &str) -> Vec<String> {
    let mut problems = any_name(name);
    if !name.contains('/') && !is_of_quota(name) {
        problems.push("must be a standard resource for quota".to_owned());
    }
    problems
}

/// The name of a resource of a container.
pub(super) fn container_name(name: &str) -> Vec<String> {
    let mut problems = any_name(name);
    if !name.contains('/') {
        if !is_of_container(name) {
            problems.push("must be a standard resource for containers".to_owned());
        }
    } else if !is_native(name) && !is_extended(name) {
        problems.push("doesn't follow extended resource name standard".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_wrong_in_as_many_ways_as_kubernetes_counts() {
        for (name, any, quota, container) in [
            ("cpu", 0, 0, 0),
            ("limits.cpu", 0, 0, 1),
            ("pods", 0, 0, 1),
            ("storage", 0, 1, 1),
            ("bogus", 1, 2, 2),
            ("bad name", 1, 2, 2),
            ("", 2, 3, 3),
            ("hugepages-2Mi", 0, 0, 0),
            ("requests.hugepages-2Mi", 0, 0, 1),
            ("requests.requests.hugepages-2Mi", 1, 2, 2),
            ("example.com/gpu", 0, 0, 0),
            ("requests.example.com/gpu", 0, 0, 1),
            ("kubernetes.io/bogus", 0, 0, 0),
            ("bad domain/gpu", 1, 1, 2),
        ] {
            let counts = (any_name(name).len(), quota_name(name).len(), container_name(name).len());
            assert_eq!(counts, (any, quota, container), "{name}");
        }
    }
}
