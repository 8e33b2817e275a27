//! Claims.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/core/validation/validation.go`.

use holm_values::{Quantity, names};
use serde_json::{Value, json};

use super::rules::Checks;
use crate::field_error::FieldError;
use crate::object::{at, remove_at, text_at};

pub(super) const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
/// Those that pods may share.
const OF_MANY_PODS: &[&str] = ACCESS_MODES.split_at(3).0;

/// Where the class of a claim was named first.
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Checks the spec of a claim at a path.
pub(super) fn check(object: &Value, path: &[&str], shown: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let empty = Value::Null;
    let spec = at(object, path).unwrap_or(&empty);
    let modes = at(spec, &["accessModes"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if modes.is_empty() {
        errors.push(FieldError::required(format!("{shown}.accessModes"), "at least 1 access mode is required"));
    }
    for mode in &modes {
        if !mode.as_str().is_some_and(|mode| ACCESS_MODES.contains(&mode)) {
            errors.push(FieldError::not_supported(format!("{shown}.accessModes"), mode.clone(), &ACCESS_MODES));
        }
    }
    let is_other = |mode: &Value| mode.as_str().is_some_and(|mode| OF_MANY_PODS.contains(&mode));
    if modes.iter().any(|mode| mode == "ReadWriteOncePod") && modes.iter().any(is_other) {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(format!("{shown}.accessModes"), detail));
    }
    errors.selector(at(spec, &["selector"]), &format!("{shown}.selector"));
    for source in ["dataSource", "dataSourceRef"] {
        if let Some(found) = at(spec, &[source]) {
            errors.filled(found, "name", &format!("{shown}.{source}"));
            errors.filled(found, "kind", &format!("{shown}.{source}"));
            let kind = text_at(found, &["kind"]);
            if text_at(found, &["apiGroup"]).is_empty() && kind != "PersistentVolumeClaim" {
                let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
                errors.push(FieldError::invalid(format!("{shown}.{source}"), kind, detail));
            }
            let path = format!("{shown}.{source}");
            errors.text_unless_empty(found, "apiGroup", &path, names::subdomain);
            if source == "dataSourceRef" {
                errors.text_unless_empty(found, "namespace", &path, names::label);
            }
        }
    }
    if let (Some(old), Some(new)) = (at(spec, &["dataSource"]), at(spec, &["dataSourceRef"])) {
        let is_elsewhere = !text_at(new, &["namespace"]).is_empty();
        let differs = ["apiGroup", "kind", "name"].iter().any(|field| at(old, &[field]) != at(new, &[field]));
        let detail = match (is_elsewhere, differs) {
            (true, _) => Some("may not be specified when dataSourceRef.namespace is specified"),
            (false, differs) => differs.then_some("must match dataSourceRef"),
        };
        errors.extend(detail.map(|detail| FieldError::invalid(shown, format!("{shown}.dataSource"), detail)));
    }
    match at(spec, &["resources", "requests", "storage"]) {
        None => errors.push(FieldError::required(format!("{shown}.resources[storage]"), "")),
        Some(amount) => {
            let positive = Quantity::of(amount).is_some_and(|amount| !amount.is_negative() && !amount.is_zero());
            if !positive {
                errors.push(FieldError::invalid(
                    format!("{shown}.resources[storage]"),
                    amount.clone(),
                    "must be greater than zero",
                ));
            }
        }
    }
    errors.one_of(spec, "volumeMode", shown, &["Block", "Filesystem"]);
    for class in ["storageClassName", "volumeAttributesClassName"] {
        errors.text_unless_empty(spec, class, shown, names::subdomain);
    }
    errors
}

/// What a change of a claim may not do, from `ValidatePersistentVolumeClaimUpdate`.
pub(super) fn update(live: &Value, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let bound = text_at(live, &["status", "phase"]) == "Bound";
    let storage = &["resources", "requests", "storage"];
    let strip = |object: &Value| {
        let mut spec = at(object, &["spec"]).cloned().unwrap_or_default();
        if bound {
            remove_at(&mut spec, storage);
            remove_at(&mut spec, &["volumeAttributesClassName"]);
        }
        if text_at(live, &["spec", "volumeName"]).is_empty() {
            remove_at(&mut spec, &["volumeName"]);
        }
        // A claim without a class may get one (`validateStorageClassUpgradeFromNil`), that of its annotation if it has it.
        let annotated = crate::object::annotation(live, CLASS);
        let given = at(object, &["spec", "storageClassName"]);
        let is_upgrade = given.is_some_and(|class| annotated.is_none_or(|annotated| class == annotated));
        if is_upgrade && at(live, &["spec", "storageClassName"]).is_none() {
            remove_at(&mut spec, &["storageClassName"]);
        }
        spec
    };
    let (before, after) = (strip(live), strip(object));
    if before != after {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let storage = &["spec", "resources", "requests", "storage"];
    // A size that is not there is none.
    let size = |object: &Value, path: &[&str]| at(object, path).and_then(Quantity::of);
    let smaller = |left: Option<Quantity>, right: Option<Quantity>| match (left, right) {
        (_, None) => false,
        (None, Some(right)) => Quantity::of(&json!(0)).is_some_and(|none| none < right),
        (Some(left), Some(right)) => left < right,
    };
    let (before, after) = (size(live, storage), size(object, storage));
    let capacity = size(live, &["status", "capacity", "storage"]);
    if smaller(after, before) && !smaller(capacity, after) {
        errors.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
    let annotated = |object| crate::object::annotation(object, CLASS).unwrap_or_default();
    if annotated(live) != annotated(object) && !is_upgrade_of_annotation(live, object) {
        let value = annotated(object);
        errors.push(FieldError::invalid(format!("metadata.annotations.{CLASS}"), value, "field is immutable"));
    }
    let mode = |object: &Value| at(object, &["spec", "volumeMode"]).cloned().unwrap_or_default();
    if mode(live) != mode(object) {
        errors.push(FieldError::invalid("volumeMode", mode(object), "field is immutable"));
    }
    errors
}

/// Whether the class of the annotation is named in the spec from now on (`validateStorageClassUpgradeFromAnnotation`).
fn is_upgrade_of_annotation(live: &Value, object: &Value) -> bool {
    let (before, after) = (crate::object::annotation(live, CLASS), crate::object::annotation(object, CLASS));
    let class = |object| at(object, &["spec", "storageClassName"]).and_then(Value::as_str);
    before.is_some() && class(live).is_none() && class(object) == before && (after.is_none() || after == before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error;

    fn told(errors: &[FieldError]) -> Vec<String> {
        field_error::told(errors, |field| field)
    }

    #[test]
    fn a_claim_is_of_one_pod_or_of_many_and_takes_its_data_from_one_place() {
        for (fields, wrong) in [
            (json!({"accessModes": ["ReadWriteOncePod", "ReadWriteOncePod"]}), vec![]),
            (json!({"accessModes": ["ReadWriteOncePod", "Bogus"]}), vec!["NotSupported s.accessModes"]),
            (json!({"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}), vec!["Forbidden s.accessModes"]),
            (json!({"volumeAttributesClassName": "A_b"}), vec!["Invalid s.volumeAttributesClassName"]),
            (
                json!({"dataSourceRef": {"apiGroup": "A_b", "kind": "K", "name": "n"}}),
                vec!["Invalid s.dataSourceRef.apiGroup"],
            ),
        ] {
            let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": 1}}});
            for (field, value) in fields.as_object().into_iter().flatten() {
                spec[field] = value.clone();
            }
            assert_eq!(told(&check(&json!({"s": spec}), &["s"], "s")), wrong, "{fields}");
        }
    }

    #[test]
    fn a_claim_without_a_class_may_get_one() {
        let of = |class: Option<&str>, annotated: Option<&str>| {
            let mut claim = json!({"metadata": {"annotations": {}}, "spec": {}});
            if let Some(class) = class {
                claim["spec"]["storageClassName"] = json!(class);
            }
            if let Some(class) = annotated {
                claim["metadata"]["annotations"][CLASS] = json!(class);
            }
            claim
        };
        for (live, object, wrong) in [
            (of(None, None), of(Some("a"), None), vec![]),
            (of(None, Some("a")), of(Some("a"), None), vec![]),
            (of(None, Some("a")), of(Some("b"), Some("a")), vec!["Forbidden spec".to_owned()]),
            (of(Some("a"), None), of(Some("b"), None), vec!["Forbidden spec".to_owned()]),
            (of(None, Some("a")), of(None, Some("b")), vec![format!("Invalid metadata.annotations.{CLASS}")]),
        ] {
            assert_eq!(told(&update(&live, &object)), wrong, "{live} {object}");
        }
    }
}
