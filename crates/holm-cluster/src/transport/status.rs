//! Reads the `Status` with which the API server refuses a request.

use holm_planner::observe::{FieldConflict, Refusal, RefusalCause};
use serde::Deserialize;

use super::merge;
use crate::error::Trouble;

/// A text that is no `Status` is shown up to this many characters.
const LONGEST_PLAIN_TEXT: usize = 300;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    kind: String,
    message: String,
    reason: String,
    code: u16,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    name: String,
    causes: Vec<Cause>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cause {
    reason: String,
    field: String,
    message: String,
}

/// Reads an unsuccessful response. Every text of it goes through `scrub` before it is truncated.
pub(super) fn trouble(code: u16, body: &[u8], scrub: &dyn Fn(&str) -> String) -> Trouble {
    let status: Option<Status> = serde_json::from_slice(body).ok().filter(|status: &Status| status.kind == "Status");
    match status {
        Some(status) => map_texts(classify(code, status), &|text| scrub(&text)),
        None => plain(code, &scrub(&String::from_utf8_lossy(body))),
    }
}

/// What the `Status` of a watch's ERROR event says.
pub(crate) fn trouble_of_event(object: &serde_json::Value) -> Trouble {
    let status: Status = serde::Deserialize::deserialize(object).unwrap_or_default();
    classify(status.code, status)
}

fn classify(code: u16, status: Status) -> Trouble {
    let Details { name, causes } = status.details.unwrap_or_default();
    let message = status.message;
    let refusal = |message: String, causes: Vec<Cause>| {
        let causes = causes
            .into_iter()
            .map(|cause| RefusalCause { reason: cause.reason, field: cause.field, message: cause.message })
            .collect();
        Refusal { code, reason: status.reason.clone(), message, causes }
    };
    match code {
        401 => Trouble::Unauthorized(message),
        // Whether it is a matter of rights is asked of the server (`permission`).
        403 => Trouble::Forbidden(message),
        // The router has not found the resource of the path; a store that has not found an object names it.
        404 if name.is_empty() => Trouble::KindNotServed,
        404 => Trouble::NotFound(message),
        409 if status.reason == "AlreadyExists" => Trouble::AlreadyExists(message),
        409 => {
            let conflicts = field_conflicts(&causes);
            if conflicts.is_empty() { Trouble::Conflict(message) } else { Trouble::FieldConflicts(conflicts) }
        }
        410 => Trouble::Expired(message),
        413 => Trouble::TooLarge(message),
        422 => Trouble::Invalid(refusal(message, causes)),
        429 => Trouble::TooManyRequests(message),
        500 => match merge::refused(&message) {
            Some(invalid) => Trouble::Invalid(invalid),
            None => Trouble::Server(refusal(message, causes)),
        },
        501..=599 => Trouble::Server(refusal(message, causes)),
        _ => Trouble::Refused(refusal(message, causes)),
    }
}

fn field_conflicts(causes: &[Cause]) -> Vec<FieldConflict> {
    causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| FieldConflict { field: cause.field.clone(), manager: manager(&cause.message) })
        .collect()
}

/// The manager in `conflict with "NAME" using v1 at 2026-01-01T00:00:00Z` (apimachinery `managedfields/internal/conflict.go`),
/// where the name is quoted as Go does it.
fn manager(message: &str) -> String {
    let quoted = message.find('"').map(|at| &message[at..]).unwrap_or_default();
    let name = serde_json::Deserializer::from_str(quoted).into_iter::<String>().next().and_then(Result::ok);
    name.unwrap_or_else(|| message.to_owned())
}

fn plain(code: u16, text: &str) -> Trouble {
    let text: String = text.trim().chars().take(LONGEST_PLAIN_TEXT).collect();
    let reason = http::StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let message = if text.is_empty() { reason.to_owned() } else { text };
    classify(code, Status { message, reason: reason.replace(' ', ""), code, ..Status::default() })
}

/// Puts every text of a trouble that came from outside through `map`.
pub(super) fn map_texts(trouble: Trouble, map: &dyn Fn(String) -> String) -> Trouble {
    let refusal = |refusal: Refusal| Refusal {
        message: map(refusal.message),
        causes: refusal
            .causes
            .into_iter()
            .map(|cause| RefusalCause { message: map(cause.message), field: map(cause.field), ..cause })
            .collect(),
        ..refusal
    };
    match trouble {
        Trouble::Unauthorized(text) => Trouble::Unauthorized(map(text)),
        Trouble::Forbidden(text) => Trouble::Forbidden(map(text)),
        Trouble::Denied(inner) => Trouble::Denied(refusal(inner)),
        Trouble::ApiUnavailable(text) => Trouble::ApiUnavailable(map(text)),
        Trouble::NotFound(text) => Trouble::NotFound(map(text)),
        Trouble::FieldConflicts(conflicts) => Trouble::FieldConflicts(
            conflicts
                .into_iter()
                .map(|conflict| FieldConflict { field: map(conflict.field), manager: map(conflict.manager) })
                .collect(),
        ),
        Trouble::AlreadyExists(text) => Trouble::AlreadyExists(map(text)),
        Trouble::Conflict(text) => Trouble::Conflict(map(text)),
        Trouble::Expired(text) => Trouble::Expired(map(text)),
        Trouble::TooLarge(text) => Trouble::TooLarge(map(text)),
        Trouble::TooManyRequests(text) => Trouble::TooManyRequests(map(text)),
        Trouble::Unreachable(text) => Trouble::Unreachable(map(text)),
        Trouble::Tls(text) => Trouble::Tls(map(text)),
        Trouble::Interrupted(text) => Trouble::Interrupted(map(text)),
        Trouble::Credentials(text) => Trouble::Credentials(map(text)),
        Trouble::Malformed(text) => Trouble::Malformed(map(text)),
        Trouble::Invalid(inner) => Trouble::Invalid(refusal(inner)),
        Trouble::Refused(inner) => Trouble::Refused(refusal(inner)),
        Trouble::Server(inner) => Trouble::Server(refusal(inner)),
        Trouble::KindNotServed | Trouble::Timeout(_) => trouble,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn as_it_is(text: &str) -> String {
        text.to_owned()
    }

    fn status(code: u16, body: &serde_json::Value) -> Trouble {
        trouble(code, body.to_string().as_bytes(), &as_it_is)
    }

    #[test]
    fn an_absent_object_is_told_apart_from_an_unserved_kind() {
        let absent = json!({"kind": "Status", "reason": "NotFound", "code": 404,
            "message": "secrets \"s\" not found", "details": {"name": "s", "kind": "secrets"}});
        assert_eq!(status(404, &absent), Trouble::NotFound("secrets \"s\" not found".into()));
        let unserved = json!({"kind": "Status", "reason": "NotFound", "code": 404,
            "message": "the server could not find the requested resource", "details": {}});
        assert_eq!(status(404, &unserved), Trouble::KindNotServed);
        assert_eq!(trouble(404, b"404 page not found\n", &as_it_is), Trouble::KindNotServed);
    }

    #[test]
    fn field_conflicts_name_field_and_manager() {
        let body = json!({"kind": "Status", "reason": "Conflict", "code": 409, "message": "Apply failed", "details": {
            "causes": [{"reason": "FieldManagerConflict", "field": ".spec.replicas",
                "message": "conflict with \"kubectl-\\\"scale\\\"\" with subresource \"scale\" using apps/v1"}]}});
        let conflict = FieldConflict { field: ".spec.replicas".into(), manager: "kubectl-\"scale\"".into() };
        assert_eq!(status(409, &body), Trouble::FieldConflicts(vec![conflict]));
        let moved =
            json!({"kind": "Status", "reason": "Conflict", "code": 409, "message": "the object has been modified"});
        assert_eq!(status(409, &moved), Trouble::Conflict("the object has been modified".into()));
    }

    #[test]
    fn refusals_keep_their_causes_and_lose_their_secrets() {
        let body = json!({"kind": "Status", "reason": "Invalid", "code": 422, "message": "hunter2 is invalid", "details": {
            "causes": [{"reason": "FieldValueInvalid", "field": "spec.selector", "message": "hunter2: field is immutable"}]}});
        let scrubbed = trouble(422, body.to_string().as_bytes(), &|text| text.replace("hunter2", "(sensitive)"));
        assert_eq!(
            scrubbed,
            Trouble::Invalid(Refusal {
                code: 422,
                reason: "Invalid".into(),
                message: "(sensitive) is invalid".into(),
                causes: vec![RefusalCause {
                    reason: "FieldValueInvalid".into(),
                    field: "spec.selector".into(),
                    message: "(sensitive): field is immutable".into(),
                }],
            })
        );
    }

    #[test]
    fn the_page_of_a_proxy_is_scrubbed_before_it_is_cut() {
        let mut redactor = holm_redact::Redactor::default();
        redactor.learn("correct-horse-battery");
        for filler in 0..=LONGEST_PLAIN_TEXT {
            let body = format!("{} correct-horse-battery failed", "x".repeat(filler));
            let Trouble::Server(refusal) = trouble(502, body.as_bytes(), &|text| redactor.scrub(text)) else {
                unreachable!("a 5xx is the server's")
            };
            assert!(!refusal.message.contains("corr"), "{}", refusal.message);
            assert!(refusal.message.chars().count() <= LONGEST_PLAIN_TEXT);
        }
    }

    #[test]
    fn answers_of_proxies_are_understood_as_far_as_possible() {
        let Trouble::Server(refusal) = trouble(502, b"<html>bad</html>", &as_it_is) else {
            unreachable!("a 5xx is the server's")
        };
        assert_eq!((refusal.code, refusal.reason.as_str()), (502, "BadGateway"));
        assert!(matches!(trouble(429, b"", &as_it_is), Trouble::TooManyRequests(text) if text == "Too Many Requests"));
    }
}
