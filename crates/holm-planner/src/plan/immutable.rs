//! Whether a refusal means that a field cannot change in place.
//!
//! The causes decide, not the status code: an object that is merely invalid must never be deleted for it. The words are
//! those of Kubernetes' validation (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go` "field is immutable",
//! `pkg/apis/core/validation`, `pkg/apis/apps/validation`); they are matched loosely, because they vary by version.

use crate::observe::{Refusal, RefusalCause};

/// Whether every cause of the refusal is about a field that cannot change in place.
pub(super) fn is_immutable(refusal: &Refusal) -> bool {
    refusal.code == 422 && !refusal.causes.is_empty() && refusal.causes.iter().all(is_about_immutability)
}

fn is_about_immutability(cause: &RefusalCause) -> bool {
    let message = cause.message.to_lowercase();
    let by_reason = matches!(cause.reason.as_str(), "FieldValueInvalid" | "FieldValueForbidden" | "");
    let says_so = [
        "field is immutable",
        "is immutable after creation",
        "may not change once set",
        "cannot change roleref",
        "updates to statefulset spec for fields other than",
        "pod updates may not change fields other than",
        "may not be changed",
        "updates to drivername are forbidden",
        "updates to parameters are forbidden",
        "updates to provisioner are forbidden",
        "updates to reclaimpolicy are forbidden",
        "updates to volumebindingmode are forbidden",
        "is forbidden after creation",
    ]
    .iter()
    .any(|words| message.contains(words));
    // A claim cannot shrink, whatever else is allowed on it.
    let is_shrinking = message.contains("can not be less than") && cause.field.contains("storage");
    let by_rule = message.contains("is immutable") && !message.contains("not immutable");
    by_reason && (says_so || is_shrinking || by_rule)
}

/// The first line of a cause, with its field: the server appends whole diffs to some.
pub(super) fn line(cause: &RefusalCause) -> String {
    let first = cause.message.lines().next().unwrap_or_default();
    if cause.field.is_empty() || first.starts_with(&cause.field) {
        first.to_owned()
    } else {
        format!("{}: {first}", cause.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u16, causes: &[(&str, &str, &str)]) -> Refusal {
        let cause = |(reason, field, message): &(&str, &str, &str)| RefusalCause {
            reason: (*reason).to_owned(),
            field: (*field).to_owned(),
            message: (*message).to_owned(),
        };
        let causes = causes.iter().map(cause).collect();
        Refusal { code, reason: "Invalid".to_owned(), message: String::new(), causes }
    }

    #[test]
    fn only_causes_that_are_all_about_immutability_count() {
        let selector = ("FieldValueInvalid", "spec.selector", "Invalid value: {...}: field is immutable");
        let replicas = ("FieldValueInvalid", "spec.replicas", "Invalid value: -1: must be greater than or equal to 0");
        let claim = (
            "FieldValueForbidden",
            "spec",
            "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        );
        let shrink = (
            "FieldValueForbidden",
            "spec.resources.requests.storage",
            "Forbidden: field can not be less than status.capacity",
        );
        let role = ("FieldValueInvalid", "roleRef", "Invalid value: {...}: cannot change roleRef");
        let rule = ("FieldValueInvalid", "spec.x", "Invalid value: \"string\": x is immutable");
        let not = ("FieldValueInvalid", "spec.x", "Invalid value: \"string\": x is not immutable, but must be larger");
        let cases = [
            (refusal(422, &[selector]), true),
            (refusal(422, &[claim]), true),
            (refusal(422, &[shrink]), true),
            (refusal(422, &[role]), true),
            (refusal(422, &[rule]), true),
            (refusal(422, &[not]), false),
            (refusal(422, &[selector, replicas]), false),
            (refusal(422, &[]), false),
            (refusal(409, &[selector]), false),
        ];
        for (refusal, expected) in cases {
            assert_eq!(is_immutable(&refusal), expected, "{refusal:?}");
        }
    }
}
