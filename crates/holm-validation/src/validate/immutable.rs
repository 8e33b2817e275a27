//! Fields that cannot change, as one table.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/*/validation/validation.go`, `Validate*Update`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{claim, pod, volume};
use crate::emptied::Emptied;
use crate::field_error::FieldError;
use crate::kind::ResourceKind;
use crate::object::{at, remove_at, text_at, texts};

const IMMUTABLE: &str = "field is immutable";

/// Resources, and the paths below which nothing can change.
const FIXED: &[(&str, &[&str])] = &[
    ("secrets", &["type"]),
    ("deployments.apps", &["spec.selector"]),
    ("replicasets.apps", &["spec.selector"]),
    ("daemonsets.apps", &["spec.selector"]),
    (
        "statefulsets.apps",
        &["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
    ),
    (
        "jobs.batch",
        &[
            "spec.selector",
            "spec.completionMode",
            "spec.podFailurePolicy",
            "spec.backoffLimitPerIndex",
            "spec.managedBy",
            "spec.successPolicy",
        ],
    ),
    ("rolebindings.rbac.authorization.k8s.io", &["roleRef"]),
    ("clusterrolebindings.rbac.authorization.k8s.io", &["roleRef"]),
    ("storageclasses.storage.k8s.io", &["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]),
    ("priorityclasses.scheduling.k8s.io", &["value", "preemptionPolicy"]),
    ("runtimeclasses.node.k8s.io", &["handler"]),
    ("ingressclasses.networking.k8s.io", &["spec.controller"]),
    ("volumeattributesclasses.storage.k8s.io", &["driverName", "parameters"]),
    ("csidrivers.storage.k8s.io", &["spec.attachRequired", "spec.volumeLifecycleModes"]),
    ("endpointslices.discovery.k8s.io", &["addressType"]),
    ("controllerrevisions.apps", &["data"]),
];

/// The fields whose change is forbidden instead of invalid, and in which words.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("volumeattributesclasses.storage.k8s.io", "driverName", "updates to driverName are forbidden."),
    ("volumeattributesclasses.storage.k8s.io", "parameters", "updates to parameters are forbidden."),
    ("priorityclasses.scheduling.k8s.io", "value", "may not be changed in an update."),
];

/// What a change may not do.
pub(super) fn check(resource: &ResourceKind, live: &Value, object: &Value, emptied: &Emptied) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let fixed = FIXED.iter().filter(|(id, _)| resource.is(id)).flat_map(|(_, paths)| paths.iter());
    for path in fixed {
        let fields: Vec<&str> = path.split('.').collect();
        let (before, after) = (at(live, &fields), at(object, &fields));
        if before == after {
            continue;
        }
        if let Some((.., detail)) = FORBIDDEN.iter().find(|(id, field, _)| resource.is(id) && field == path) {
            errors.push(FieldError::forbidden(*path, *detail));
        } else {
            // The name is written like this there too.
            let shown = if *path == "spec.attachRequired" { "spec.attachedRequired" } else { path };
            errors.push(FieldError::invalid(shown, after.cloned().unwrap_or_default(), IMMUTABLE));
        }
    }
    match &*resource.id {
        "secrets" | "configmaps" => errors.extend(sealed(resource, live, object, emptied)),
        "jobs.batch" => errors.extend(job(live, object)),
        "persistentvolumeclaims" => errors.extend(claim::update(live, object)),
        "persistentvolumes" => errors.extend(volume_update(live, object)),
        "services" => errors.extend(service(live, object)),
        "resourcequotas" => errors.extend(quota(live, object)),
        "pods" => errors.extend(pod::update(live, object)),
        _ => {}
    }
    errors
}

/// Of an immutable Secret or ConfigMap nothing can change but its metadata. No data and a map without any are not the same here
/// (`reflect.DeepEqual`).
fn sealed(resource: &ResourceKind, live: &Value, object: &Value, emptied: &Emptied) -> Vec<FieldError> {
    if at(live, &["immutable"]) != Some(&json!(true)) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if at(object, &["immutable"]) != Some(&json!(true)) {
        errors.push(FieldError::forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    // The data of a ConfigMap are a map by default, so only those of a Secret make a difference.
    let kept = if resource.is("secrets") { "data" } else { "binaryData" };
    for field in ["data", "binaryData"] {
        if at(live, &[field]) != at(object, &[field]) || (field == kept && emptied.has(&format!("/{field}"))) {
            errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
    errors
}

/// The scopes of a quota are a set (`ValidateResourceQuotaUpdate`).
fn quota(live: &Value, object: &Value) -> Option<FieldError> {
    let scopes = |object: &Value| texts(at(object, &["spec", "scopes"])).into_iter().collect::<BTreeSet<_>>();
    let value = at(object, &["spec", "scopes"]).cloned().unwrap_or_default();
    (scopes(live) != scopes(object)).then(|| FieldError::invalid("spec.scopes", value, IMMUTABLE))
}

fn job(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let changed = |path: &[&str]| at(live, path) != at(object, path);
    if changed(&["spec", "completions"]) {
        let indexed = text_at(object, &["spec", "completionMode"]) == "Indexed";
        let both = at(object, &["spec", "completions"]) == at(object, &["spec", "parallelism"]);
        // That an indexed job has none is told elsewhere.
        let none = at(object, &["spec", "completions"]).is_none();
        if !indexed || !(both || none) {
            let value = at(object, &["spec", "completions"]).cloned().unwrap_or_default();
            errors.push(FieldError::invalid("spec.completions", value, IMMUTABLE));
        }
    }
    let suspended = at(live, &["spec", "suspend"]) == Some(&json!(true));
    // While it does not run, where it will run and what it will get may change (`shouldAllowMutablePodTemplate`).
    let conditions = at(live, &["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
    let is_told = conditions
        .filter(|condition| text_at(condition, &["type"]) == "Suspended")
        .any(|condition| text_at(condition, &["status"]) == "True");
    let active = at(live, &["status", "active"]).and_then(Value::as_i64).unwrap_or_default();
    let rests = suspended && active == 0 && (is_told || at(live, &["status", "startTime"]).is_none());
    let (field, path): (_, &[&str]) = if rests {
        ("spec.template.spec", &["spec", "template", "spec"])
    } else {
        ("spec.template", &["spec", "template"])
    };
    let strip = |object: &Value| {
        let mut part = at(object, path).cloned().unwrap_or_default();
        if rests {
            for field in ["nodeSelector", "tolerations", "schedulingGates"] {
                remove_at(&mut part, &[field]);
            }
            remove_at(&mut part, &["affinity", "nodeAffinity"]);
            if at(&part, &["affinity"]) == Some(&json!({})) {
                remove_at(&mut part, &["affinity"]);
            }
            for list in ["containers", "initContainers"] {
                let containers = part.get_mut(list).and_then(Value::as_array_mut);
                for container in containers.into_iter().flatten() {
                    remove_at(container, &["resources"]);
                }
            }
        }
        part
    };
    if strip(live) != strip(object) {
        errors.push(FieldError::invalid(field, at(object, path).cloned().unwrap_or_default(), IMMUTABLE));
    }
    errors
}

fn volume_update(live: &Value, object: &Value) -> Vec<FieldError> {
    let source = |object: &Value| {
        let mut spec = at(object, &["spec"]).cloned().unwrap_or_default();
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|name, _| !volume::NOT_SOURCE.contains(&name.as_str()));
        }
        spec
    };
    let mut errors = Vec::new();
    if at(live, &["spec", "volumeMode"]) != at(object, &["spec", "volumeMode"]) {
        let value = at(object, &["spec", "volumeMode"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid("volumeMode", value, IMMUTABLE));
    }
    if source(live) != source(object) {
        errors.push(FieldError::forbidden(
            "spec.persistentvolumesource",
            "spec.persistentvolumesource is immutable after creation",
        ));
    }
    errors
}

/// The first of these cannot change, and the second goes only when the policy says so: `validateUpgradeDowngradeClusterIPs` and
/// `validateUpgradeDowngradeIPFamilies`.
fn kept(live: &Value, object: &Value, field: &str, names_each: bool, errors: &mut Vec<FieldError>) {
    let listed = |object: &Value| texts(at(object, &["spec", field]));
    let (before, after) = (listed(live), listed(object));
    let value = json!(after);
    if before.len() == after.len() {
        for (position, _) in before.iter().zip(&after).enumerate().filter(|(_, (before, after))| before != after) {
            let position = if names_each { position } else { 0 };
            errors.push(FieldError::invalid(
                format!("spec.{field}[{position}]"),
                value.clone(),
                "may not change once set",
            ));
        }
        return;
    }
    let first = format!("spec.{field}[0]");
    // The families of a service go with its addresses.
    let is_released = before.len() > after.len() && at(object, &["spec", "clusterIPs"]).is_none();
    if is_released {
        errors.push(FieldError::invalid(first.as_str(), value.clone(), "the primary one can not be unset"));
    }
    if let (Some(before), Some(after)) = (before.first(), after.first())
        && before != after
    {
        errors.push(FieldError::invalid(first, value, "may not change once set"));
    }
    let policy = text_at(object, &["spec", "ipFamilyPolicy"]);
    if before.len() > after.len() && after.len() == 1 && policy != "SingleStack" {
        let detail = "must be set to 'SingleStack' when releasing the secondary one";
        errors.push(FieldError::invalid("spec.ipFamilyPolicy", policy, detail));
    }
}

fn service(live: &Value, object: &Value) -> Vec<FieldError> {
    let kind = |object: &Value| text_at(object, &["spec", "type"]).to_owned();
    let mut errors = Vec::new();
    if kind(live) == "ExternalName" || kind(object) == "ExternalName" {
        return errors;
    }
    let headless = |object: &Value| at(object, &["spec", "clusterIPs"]) == Some(&json!(["None"]));
    if !(headless(live) && headless(object)) {
        kept(live, object, "clusterIPs", true, &mut errors);
    }
    if !headless(live) && !headless(object) {
        kept(live, object, "ipFamilies", false, &mut errors);
    }
    let is_checked = |object: &Value| {
        kind(object) == "LoadBalancer" && text_at(object, &["spec", "externalTrafficPolicy"]) == "Local"
    };
    let port = &["spec", "healthCheckNodePort"];
    if is_checked(live) && is_checked(object) && at(live, port) != at(object, port) {
        errors.push(FieldError::forbidden("spec.healthCheckNodePort", IMMUTABLE));
    }
    let class = &["spec", "loadBalancerClass"];
    if kind(live) == "LoadBalancer" && kind(object) == "LoadBalancer" && at(live, class) != at(object, class) {
        errors.push(FieldError::invalid(
            "spec.loadBalancerClass",
            at(object, class).cloned().unwrap_or_default(),
            "may not change once set",
        ));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_a_quota_are_a_set() {
        let of = |scopes: Value| json!({"spec": {"scopes": scopes}});
        let (none, one, both) = (json!({"spec": {}}), of(json!(["A"])), of(json!(["A", "B"])));
        for (live, object, changed) in [
            (&none, &of(json!([])), false),
            (&both, &of(json!(["B", "A", "B"])), false),
            (&one, &both, true),
            (&one, &none, true),
        ] {
            assert_eq!(quota(live, object).is_some(), changed, "{live} {object}");
        }
    }
}
