//! The document `holm.plan/v1`.

use std::collections::BTreeMap;

use holm_cluster::Identity;
use holm_core::Warning;
use holm_core::observe::{FieldConflict, Unchecked};
use holm_core::plan::{Action, Blocker, BlockerKind, Change, FieldChange, Plan};
use serde::Serialize;

use crate::connection;
use crate::json::{Form, ResourceDocument, ShownDocument, SiteDocument, document};
use crate::render::reason;

#[derive(Serialize)]
struct PlanDocument<'a> {
    schema: &'static str,
    program: &'a str,
    stack: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    cluster: ClusterDocument<'a>,
    has_changes: bool,
    summary: BTreeMap<&'static str, usize>,
    changes: Vec<ChangeDocument<'a>>,
    blockers: Vec<BlockerDocument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningDocument<'a>>,
}

/// Which cluster it is about.
#[derive(Serialize)]
pub struct ClusterDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    server: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulation: Option<&'static str>,
}

impl<'a> From<&'a Identity> for ClusterDocument<'a> {
    fn from(identity: &'a Identity) -> Self {
        let simulation = identity.is_embedded.then_some(connection::SIMULATION);
        Self { context: identity.context.as_deref(), server: &identity.server, version: &identity.version, simulation }
    }
}

#[derive(Serialize)]
struct ChangeDocument<'a> {
    resource: ResourceDocument<'a>,
    version: &'a str,
    action: &'static str,
    reason: ReasonDocument,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unchecked: Option<ReasonDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overruled: Vec<ConflictDocument<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteDocument>,
}

#[derive(Serialize)]
struct ReasonDocument {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

#[derive(Serialize)]
struct FieldDocument<'a> {
    path: String,
    before: ShownDocument<'a>,
    after: ShownDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<WriterDocument<'a>>,
}

#[derive(Serialize)]
struct WriterDocument<'a> {
    manager: &'a str,
    time: &'a str,
}

#[derive(Serialize)]
struct ConflictDocument<'a> {
    field: &'a str,
    manager: &'a str,
}

#[derive(Serialize)]
struct BlockerDocument<'a> {
    resource: ResourceDocument<'a>,
    code: &'static str,
    message: String,
    /// Every object that it is about, where it is about several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<ResourceDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct WarningDocument<'a> {
    code: &'static str,
    message: String,
    resource: ResourceDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> From<&'a Warning> for WarningDocument<'a> {
    fn from(warning: &'a Warning) -> Self {
        Self {
            code: warning.kind.code(),
            message: warning.kind.to_string(),
            resource: ResourceDocument::from(&warning.resource),
            field: (!warning.path.is_root()).then(|| warning.path.to_string()),
            site: warning.site.map(SiteDocument::from),
            hint: warning.hint.as_deref(),
        }
    }
}

/// The document of a plan. `created` holds the fields of what is created, by position, where they were asked for.
pub fn plan(
    plan: &Plan,
    created: &[(usize, Vec<FieldChange>)],
    warnings: &[Warning],
    cluster: &Identity,
    form: Form,
) -> String {
    let mut summary = BTreeMap::new();
    for change in &plan.changes {
        *summary.entry(change.action.word()).or_insert(0) += 1;
    }
    let changes = plan.changes.iter().enumerate().map(|(position, change)| {
        let created = created.iter().find(|(created, _)| *created == position).map(|(_, fields)| fields.as_slice());
        change_document(change, created.unwrap_or(&change.fields), plan.namespace.as_deref())
    });
    let plan = PlanDocument {
        schema: "holm.plan/v1",
        program: &plan.program,
        stack: &plan.stack,
        namespace: plan.namespace.as_deref(),
        cluster: ClusterDocument::from(cluster),
        has_changes: plan.has_changes(),
        summary,
        changes: changes.collect(),
        blockers: plan.blockers.iter().map(blocker_document).collect(),
        warnings: warnings.iter().map(WarningDocument::from).collect(),
    };
    document(&plan, form)
}

fn change_document<'a>(change: &'a Change, fields: &'a [FieldChange], home: Option<&str>) -> ChangeDocument<'a> {
    let conflict =
        |conflict: &'a FieldConflict| ConflictDocument { field: &conflict.field, manager: &conflict.manager };
    ChangeDocument {
        resource: ResourceDocument::from(&change.id),
        version: &change.kind.version,
        action: Action::word(change.action),
        reason: ReasonDocument {
            code: reason::code(&change.reason),
            message: reason::words(change, home),
            causes: reason::causes(&change.reason),
        },
        fields: fields.iter().map(field_document).collect(),
        unchecked: change.unchecked.as_ref().map(|why| ReasonDocument {
            code: unchecked_code(why),
            message: why.to_string(),
            causes: Vec::new(),
        }),
        overruled: change.overruled.iter().map(conflict).collect(),
        notes: &change.notes,
        uid: change.uid.as_deref(),
        site: change.site.map(SiteDocument::from),
    }
}

fn field_document(field: &FieldChange) -> FieldDocument<'_> {
    FieldDocument {
        path: field.path.to_string(),
        before: ShownDocument::from(&field.before),
        after: ShownDocument::from(&field.after),
        drift: field.drift.as_ref().map(|writer| WriterDocument { manager: &writer.manager, time: &writer.time }),
    }
}

fn blocker_document(blocker: &Blocker) -> BlockerDocument<'_> {
    BlockerDocument {
        resource: ResourceDocument::from(&blocker.id),
        code: blocker_code(&blocker.kind),
        message: blocker.kind.to_string(),
        objects: blocker.kind.objects().iter().map(ResourceDocument::from).collect(),
        site: blocker.site.map(SiteDocument::from),
        hint: blocker.hint.as_deref(),
    }
}

fn unchecked_code(why: &Unchecked) -> &'static str {
    match why {
        Unchecked::NamespaceNew(_) => "namespace_new",
        Unchecked::KindNew => "kind_new",
        Unchecked::NoDryRun(_) => "no_dry_run",
        Unchecked::Forbidden(_) => "forbidden",
        Unchecked::UnknownValues(_) => "unknown_values",
        Unchecked::Replacement => "replacement",
        Unchecked::AppliedNext => "applied_next",
        Unchecked::NoAnswer(_) => "no_answer",
    }
}

fn blocker_code(kind: &BlockerKind) -> &'static str {
    match kind {
        BlockerKind::Conflicts(_) => "conflicts",
        BlockerKind::Refused { .. } => "refused",
        BlockerKind::ReplaceNeedsConsent(_) => "replace_needs_consent",
        BlockerKind::MissingExternal { .. } => "missing_external",
        BlockerKind::KindNotServed(_) => "kind_not_served",
        BlockerKind::ManagedByAnother { .. } => "managed_by_another",
        BlockerKind::NeedsAdoption(_) => "needs_adoption",
        BlockerKind::ReplaceNotManaged(_) => "replace_not_managed",
        BlockerKind::GeneratedLost { .. } => "generated_lost",
        BlockerKind::Unreadable(_) => "unreadable",
        BlockerKind::Terminating(_) => "terminating",
        BlockerKind::GeneratedUnreadable { .. } => "generated_unreadable",
        _ => "other",
    }
}
