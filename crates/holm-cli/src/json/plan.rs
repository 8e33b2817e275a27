//! The document `holm.plan/v1`.

use std::collections::BTreeMap;

use holm_cluster::Identity;
use holm_core::Warning;
use holm_planner::observe::{FieldConflict, Unchecked};
use holm_planner::plan::{Action, Blocker, BlockerKind, Change, FieldChange, Plan, Shown};
use serde::{Deserialize, Serialize};

use crate::connection;
use crate::hint;
use crate::json::{Form, ResourceDocument, ShownDocument, SiteDocument, document};
use crate::render::reason;

/// A plan as a document: what would be done and why. It can be read, stored, compared and approved. It cannot be executed, and contains
/// no secret value and no digest of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanDocument {
    /// The schema: `holm.plan/v1`.
    pub schema: String,
    /// The program's name.
    pub program: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's namespace; none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The cluster that it was made for.
    pub cluster: ClusterDocument,
    /// Whether applying would change anything.
    pub has_changes: bool,
    /// How many changes there are of each action.
    pub summary: BTreeMap<String, usize>,
    /// Every object, in the order of the plan.
    pub changes: Vec<ChangeDocument>,
    /// The errors that block the plan.
    pub blockers: Vec<BlockerDocument>,
    /// What is unusual in the declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningDocument>,
}

/// Which cluster a document is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterDocument {
    /// The context of the kubeconfig; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The server's address.
    pub server: String,
    /// The server's version.
    pub version: String,
    /// What is simulated in it; none for a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<String>,
}

impl From<&Identity> for ClusterDocument {
    fn from(identity: &Identity) -> Self {
        let simulation = identity.is_embedded.then(|| connection::SIMULATION.to_owned());
        let Identity { context, server, version, .. } = identity.clone();
        Self { context, server, version, simulation }
    }
}

/// What would happen to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeDocument {
    /// The object.
    pub resource: ResourceDocument,
    /// The API version in which it is sent.
    pub version: String,
    /// What would be done: `create`, `update`, `replace`, `delete`, `unchanged`, `adopt`, `release`, `keep` or `unknown`.
    pub action: String,
    /// Why.
    pub reason: ReasonDocument,
    /// The fields that would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDocument>,
    /// The secret values that it would hold or lose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDocument>,
    /// Why the server was not asked; none where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<ReasonDocument>,
    /// The fields that would be taken over from other managers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overruled: Vec<ConflictDocument>,
    /// Things worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The uid of the live object; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The resourceVersion of the live object; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The component that declared it, by the names from the outermost to the innermost: `shop/database`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The line that declared it; none for what left the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteDocument>,
}

/// A reason, for machines and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasonDocument {
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
    /// The server's words for each field that cannot change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// The change of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldDocument {
    /// The field, list items by key.
    pub path: String,
    /// The live value.
    pub before: ShownDocument,
    /// The value after.
    pub after: ShownDocument,
    /// Who wrote the live value last; none where that was this stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<WriterDocument>,
}

/// What would become of one secret value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecretDocument {
    /// The field.
    pub path: String,
    /// `keep`, `create`, `change` or `remove`.
    pub action: String,
}

/// Who wrote a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WriterDocument {
    /// The field manager's name.
    pub manager: String,
    /// When, in RFC 3339; empty where the server does not say.
    pub time: String,
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConflictDocument {
    /// The field as the server writes it.
    pub field: String,
    /// The other manager's name.
    pub manager: String,
}

/// An error that blocks the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockerDocument {
    /// The object.
    pub resource: ResourceDocument,
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
    /// Every object that it is about, where it is about several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ResourceDocument>,
    /// The line that declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteDocument>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Something unusual in the declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WarningDocument {
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
    /// The object.
    pub resource: ResourceDocument,
    /// The field; none where it is about the whole object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The line that declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteDocument>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Warning> for WarningDocument {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.kind.code().to_owned(),
            message: warning.kind.to_string(),
            resource: ResourceDocument::from(&warning.resource),
            field: (!warning.path.is_root()).then(|| warning.path.to_string()),
            site: warning.site.map(SiteDocument::from),
            hint: warning.hint.clone(),
        }
    }
}

impl PlanDocument {
    /// The schema that this version writes and reads.
    pub const SCHEMA: &str = "holm.plan/v1";

    /// Returns the document of a plan. `created` holds the fields of what is created, by position, where they were asked for.
    pub fn of(plan: &Plan, created: &[(usize, Vec<FieldChange>)], warnings: &[Warning], cluster: &Identity) -> Self {
        let mut summary = BTreeMap::new();
        for change in &plan.changes {
            *summary.entry(change.action.word().to_owned()).or_insert(0) += 1;
        }
        let changes = plan.changes.iter().enumerate().map(|(position, change)| {
            let created = created.iter().find(|(created, _)| *created == position).map(|(_, fields)| fields.as_slice());
            change_document(change, created.unwrap_or(&change.fields), plan.namespace.as_deref())
        });
        Self {
            schema: Self::SCHEMA.to_owned(),
            program: plan.program.clone(),
            stack: plan.stack.clone(),
            namespace: plan.namespace.clone(),
            cluster: ClusterDocument::from(cluster),
            has_changes: plan.has_changes(),
            summary,
            changes: changes.collect(),
            blockers: plan.blockers.iter().map(blocker_document).collect(),
            warnings: warnings.iter().map(WarningDocument::from).collect(),
        }
    }

    /// Reads a document that [`to_json`](Self::to_json) wrote, in this version or an older one.
    ///
    /// # Errors
    /// When it is not JSON of this shape, or has another schema.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let document: Self = serde_json::from_str(text).map_err(DocumentError::Malformed)?;
        if document.schema != Self::SCHEMA {
            return Err(DocumentError::Schema { expected: Self::SCHEMA, found: document.schema });
        }
        Ok(document)
    }

    /// Returns the document as JSON with a line break at the end.
    pub fn to_json(&self, form: Form) -> String {
        document(self, form)
    }
}

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON of this shape.
    #[error("the document cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// It has another schema.
    #[error("the document is of the schema \"{found}\", and this version reads {expected}")]
    Schema {
        /// What this version reads.
        expected: &'static str,
        /// What the document says.
        found: String,
    },
}

fn change_document(change: &Change, fields: &[FieldChange], home: Option<&str>) -> ChangeDocument {
    let conflict = |conflict: &FieldConflict| ConflictDocument {
        field: conflict.field.clone(),
        manager: conflict.manager.clone(),
    };
    ChangeDocument {
        resource: ResourceDocument::from(&change.id),
        version: change.kind.version.clone(),
        action: change.action.word().to_owned(),
        reason: ReasonDocument {
            code: reason::code(&change.reason).to_owned(),
            message: reason::words(change, home),
            causes: reason::causes(&change.reason),
        },
        fields: fields.iter().map(field_document).collect(),
        secrets: secret_documents(change),
        unchecked: change.unchecked.as_ref().map(|why| ReasonDocument {
            code: unchecked_code(why).to_owned(),
            message: why.to_string(),
            causes: Vec::new(),
        }),
        overruled: change.overruled.iter().map(conflict).collect(),
        notes: change.notes.clone(),
        uid: change.uid.clone(),
        resource_version: change.version.clone(),
        component: change.component.clone(),
        site: change.site.map(SiteDocument::from),
    }
}

fn field_document(field: &FieldChange) -> FieldDocument {
    FieldDocument {
        path: field.path.to_string(),
        before: ShownDocument::from(&field.before),
        after: ShownDocument::from(&field.after),
        drift: field
            .drift
            .as_ref()
            .map(|writer| WriterDocument { manager: writer.manager.clone(), time: writer.time.clone() }),
    }
}

/// What becomes of each secret value: those that the object will hold, and those that it loses.
fn secret_documents(change: &Change) -> Vec<SecretDocument> {
    let is_new = matches!(change.action, Action::Create | Action::Replace);
    let kept = change.secrets.iter().map(|path| {
        let changed = change.fields.iter().find(|field| field.path.starts_with(path) || path.starts_with(&field.path));
        let action = match changed {
            _ if is_new => "create",
            None => "keep",
            Some(field) if field.before == Shown::Absent => "create",
            Some(_) => "change",
        };
        SecretDocument { path: path.to_string(), action: action.to_owned() }
    });
    let lost = change.fields.iter().filter(|field| field.before == Shown::Sensitive && field.after == Shown::Absent);
    let lost = lost.map(|field| SecretDocument { path: field.path.to_string(), action: "remove".to_owned() });
    kept.chain(lost).collect()
}

fn blocker_document(blocker: &Blocker) -> BlockerDocument {
    BlockerDocument {
        resource: ResourceDocument::from(&blocker.id),
        code: blocker_code(&blocker.kind).to_owned(),
        message: blocker.kind.to_string(),
        objects: blocker.kind.objects().iter().map(ResourceDocument::from).collect(),
        site: blocker.site.map(SiteDocument::from),
        hint: hint::of_blocker(blocker),
    }
}

fn unchecked_code(why: &Unchecked) -> &'static str {
    match why {
        Unchecked::NamespaceNew(_) => "namespace_new",
        Unchecked::NamespaceMissing(_) => "namespace_missing",
        Unchecked::KindNew => "kind_new",
        Unchecked::NoDryRun(_) => "no_dry_run",
        Unchecked::Forbidden(_) => "forbidden",
        Unchecked::Mended { .. } => "mended",
        Unchecked::UnknownValues(_) => "unknown_values",
        Unchecked::Replacement => "replacement",
        Unchecked::DefinitionChanges => "definition_changes",
        Unchecked::TakenFirst => "taken_first",
        Unchecked::AppliedNext => "applied_next",
        Unchecked::NoAnswer(_) => "no_answer",
    }
}

fn blocker_code(kind: &BlockerKind) -> &'static str {
    match kind {
        BlockerKind::Conflicts(_) => "conflicts",
        BlockerKind::Refused { .. } => "refused",
        BlockerKind::Invalid { .. } => "invalid",
        BlockerKind::ReplaceNeedsConsent(_) => "replace_needs_consent",
        BlockerKind::MissingExternal { .. } => "missing_external",
        BlockerKind::MissingPart { .. } => "missing_part",
        BlockerKind::KindNotServed(_) => "kind_not_served",
        BlockerKind::ManagedByAnother { .. } => "managed_by_another",
        BlockerKind::NeedsAdoption(_) => "needs_adoption",
        BlockerKind::ReplaceNotManaged(_) => "replace_not_managed",
        BlockerKind::GeneratedLost { .. } => "generated_lost",
        BlockerKind::PolicyViolated { .. } => "policy_violated",
        BlockerKind::Unreadable(_) => "unreadable",
        BlockerKind::Terminating(_) => "terminating",
        BlockerKind::GeneratedUnreadable { .. } => "generated_unreadable",
        _ => "other",
    }
}
