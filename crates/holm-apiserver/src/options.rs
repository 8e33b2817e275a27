//! What a request asks for besides the object: manager, dry run, validation, preconditions, propagation.
//!
//! The checks are those of `k8s.io/apimachinery`, `pkg/apis/meta/v1/validation/validation.go`.

use std::sync::Arc;

use holm_validation::{FieldError, decode};
use serde_json::Value;

use crate::error::ApiError;
use crate::go;
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
        let manager = query.first("fieldManager").unwrap_or_default();
        let force = query.flag("force");
        if kind == OptionsKind::Apply && manager.is_empty() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if kind == OptionsKind::Patch && force.is_some() {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        check_manager(manager, &mut errors);
        let dry_run = dry_run(&query.all("dryRun"), &mut errors);
        let field_validation = match query.first("fieldValidation").unwrap_or_default() {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                errors.push(FieldError::not_supported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", kind.name(), "", &errors));
        }
        let field_manager = if manager.is_empty() { manager_of(user_agent) } else { manager.to_owned() };
        Ok(Self { dry_run, field_manager, field_validation, force: force.unwrap_or_default(), user: None })
    }
}

/// `ValidateFieldManager`
fn check_manager(manager: &str, errors: &mut Vec<FieldError>) {
    if manager.len() > 128 {
        errors.push(FieldError::too_long("fieldManager", 128));
    }
    for (position, character) in manager.char_indices().filter(|(_, character)| !go::is_printable(*character)) {
        let detail = format!("invalid character U+{:04X} (at position {position})", u32::from(character));
        errors.push(FieldError::invalid("fieldManager", manager, detail));
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

/// The type of the options of a deletion.
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

impl DeleteOptions {
    /// Reads the options of a deletion from its body or, without one, from the query: a body is all that counts, where there is one
    /// (`DeleteResource` in `k8s.io/apiserver`, `pkg/endpoints/handlers/delete.go`).
    pub(crate) fn of(query: &Query, body: Option<&Value>) -> Result<Self, ApiError> {
        if let Some(body) = body {
            return Self::of_body(body);
        }
        let text = |field: &str| query.get(field).map(str::to_owned);
        let grace = query.integer("gracePeriodSeconds")?;
        let policy = query.first("propagationPolicy");
        let options = Self::checked(&query.all("dryRun"), policy, query.flag("orphanDependents"))?;
        // `Convert_url_Values_To_v1_DeleteOptions`
        Ok(Self { grace_period_seconds: grace, uid: text("uid"), resource_version: text("resourceVersion"), ..options })
    }

    /// Reads the options of a body of that kind.
    pub(crate) fn of_body(body: &Value) -> Result<Self, ApiError> {
        let mut body = body.clone();
        let pack = holm_schema::built_in().map_err(|error| ApiError::internal(error.to_string()))?;
        let kind = pack.type_named(DELETE_OPTIONS);
        let kind = kind.ok_or_else(|| ApiError::internal(format!("the schema has no {DELETE_OPTIONS}")))?;
        // What is unknown is ignored.
        let read = decode::prune(&mut body, kind, "", &mut Vec::new());
        read.map_err(|mismatch| ApiError::bad_request(mismatch.text("DeleteOptions")))?;
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        let listed = body.get("dryRun").and_then(Value::as_array).into_iter().flatten();
        let dry_run: Vec<&str> = listed.filter_map(Value::as_str).collect();
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let options = Self::checked(&dry_run, text("propagationPolicy"), orphan)?;
        let precondition = |field: &str| body.get("preconditions")?.get(field)?.as_str().map(str::to_owned);
        Ok(Self {
            grace_period_seconds: body.get("gracePeriodSeconds").and_then(Value::as_i64),
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            ..options
        })
    }

    /// `ValidateDeleteOptions`
    fn checked(dry_runs: &[&str], policy: Option<&str>, orphan: Option<bool>) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        if let (Some(policy), Some(_)) = (policy, orphan) {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", policy, detail));
        }
        let propagation = match policy {
            None => orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background }),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let detail = r#"supported values: "Foreground", "Background", "Orphan", "nil""#;
                let unsupported = FieldError::not_supported("propagationPolicy", other, &[]);
                errors.push(FieldError { detail: detail.to_owned(), ..unsupported });
                None
            }
        };
        let dry_run = dry_run(dry_runs, &mut errors);
        if !errors.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &errors));
        }
        Ok(Self { dry_run, propagation, ..Self::default() })
    }
}
