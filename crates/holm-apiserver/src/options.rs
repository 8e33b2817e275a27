//! What a request asks for besides the object: manager, dry run, validation, preconditions, propagation.
//!
//! The checks are those of `k8s.io/apimachinery`, `pkg/apis/meta/v1/validation/validation.go`.

use std::sync::Arc;

use serde_json::Value;

use crate::error::{ApiError, FieldError};
use crate::query::Query;
use crate::user::User;

/// What becomes of fields that the type of an object does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped silently.
    Ignore,
    /// They are dropped, and the answer carries a warning for each.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// How an object is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether everything is done but the write.
    pub dry_run: bool,
    /// Who owns the fields that are written.
    pub field_manager: String,
    /// What becomes of unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// Whether an apply takes fields from their owners.
    pub force: bool,
    /// Who writes, for the rules about giving rights to others; the administrator if it is not said.
    pub user: Option<Arc<User>>,
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Whether everything is done but the deletion.
    pub dry_run: bool,
    /// What becomes of the dependents; the kind decides if it is not said.
    pub propagation: Option<Propagation>,
    /// How many seconds a pod gets; it decides itself if it is not said.
    pub grace_period_seconds: Option<i64>,
    /// The object must have this uid.
    pub uid: Option<String>,
    /// The object must be in this version.
    pub resource_version: Option<String>,
}

impl WriteOptions {
    /// Plain writes of this manager.
    pub fn by(field_manager: impl Into<String>) -> Self {
        Self { field_manager: field_manager.into(), ..Self::default() }
    }

    /// Reads the options of a create, an update or a patch.
    pub(crate) fn of(query: &Query, user_agent: &str, kind: OptionsKind) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let dry_run = dry_run(&query.all("dryRun"), &mut errors);
        let field_validation = match query.get("fieldValidation").unwrap_or_default() {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                errors.push(FieldError::not_supported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        let manager = query.get("fieldManager").unwrap_or_default();
        if manager.len() > 128 {
            errors.push(FieldError::too_long("fieldManager", 128));
        }
        if manager
            .chars()
            .any(|character| character.is_control() || !character.is_ascii() && !character.is_alphanumeric())
        {
            errors.push(FieldError::invalid("fieldManager", manager, "should only contain printable characters"));
        }
        let force = query.get("force");
        if kind == OptionsKind::Apply && manager.is_empty() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if kind == OptionsKind::Patch && force.is_some() {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", kind.name(), "", &errors));
        }
        let field_manager = if manager.is_empty() { manager_of(user_agent) } else { manager.to_owned() };
        let force = matches!(force, Some("true" | "1"));
        Ok(Self { dry_run, field_manager, field_validation, force, user: None })
    }
}

/// Which options a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionsKind {
    Create,
    Update,
    Patch,
    Apply,
}

impl OptionsKind {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch | Self::Apply => "PatchOptions",
        }
    }
}

/// The manager that a client is by its name: what stands before the first slash.
fn manager_of(user_agent: &str) -> String {
    let name = user_agent.split('/').next().unwrap_or_default();
    let printable: String = name.chars().filter(|character| !character.is_control()).take(128).collect();
    if printable.is_empty() { "unknown".to_owned() } else { printable }
}

fn dry_run(values: &[&str], errors: &mut Vec<FieldError>) -> bool {
    if values.iter().any(|value| *value != "All") {
        errors.push(FieldError::not_supported("dryRun", serde_json::json!(values), &["All"]));
    }
    !values.is_empty()
}

impl DeleteOptions {
    /// Reads the options of a deletion from its body or, without one, from the query.
    pub(crate) fn of(query: &Query, body: Option<&Value>) -> Result<Self, ApiError> {
        let empty = Value::Null;
        // A body is all that counts, where there is one (`DeleteResource` in `pkg/endpoints/handlers/delete.go`).
        let nothing = Query::parse("");
        let query = if body.is_some() { &nothing } else { query };
        let body = body.unwrap_or(&empty);
        let text = |field: &str| body.get(field).and_then(Value::as_str).or_else(|| query.get(field));
        let mut errors = Vec::new();
        let listed = body.get("dryRun").and_then(Value::as_array);
        let values: Vec<&str> = match listed {
            Some(values) => values.iter().filter_map(Value::as_str).collect(),
            None => query.all("dryRun"),
        };
        let dry_run = dry_run(&values, &mut errors);
        let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
        let grace = grace.or_else(|| query.get("gracePeriodSeconds").and_then(|seconds| seconds.parse().ok()));
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "" | "DeleteOptions") {
            return Err(ApiError::bad_request(format!("decoded object cannot be converted to DeleteOptions: {kind}")));
        }
        if let (Some(policy), Some(_)) = (text("propagationPolicy"), orphan) {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", policy, detail));
        }
        let propagation = match text("propagationPolicy") {
            None => orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background }),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let supported = &["Background", "Foreground", "Orphan", "nil"];
                errors.push(FieldError::not_supported("propagationPolicy", other, supported));
                None
            }
        };
        if !errors.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &errors));
        }
        let precondition =
            |field: &str| body.get("preconditions").and_then(|found| found.get(field)?.as_str()).map(str::to_owned);
        Ok(Self {
            dry_run,
            propagation,
            grace_period_seconds: grace,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        })
    }
}
