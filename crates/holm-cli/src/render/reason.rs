//! Why something would happen, in a few words and in a machine's word.

use holm_core::ResourceId;
use holm_planner::plan::{Action, Change, Reason, Shown, Writer};

use crate::render::fields;

/// A few words for the change's own line. `home` is the namespace that is not repeated.
pub fn words(change: &Change, home: Option<&str>) -> String {
    match &change.reason {
        Reason::NotInCluster => "not in the cluster".to_owned(),
        Reason::DeletedFromCluster => "was deleted from the cluster by another client".to_owned(),
        Reason::Declaration => "declaration changed".to_owned(),
        Reason::Drift if change.fields.iter().any(|field| matches!(field.after, Shown::Order(_))) => "drift".to_owned(),
        Reason::Drift => match only_writer(change) {
            Some(writer) => fields::drift(writer),
            None => "drift".to_owned(),
        },
        Reason::DeclarationAndDrift => "declaration changed, and drift".to_owned(),
        Reason::Immutable(_) => "cannot be changed in place".to_owned(),
        Reason::ReplaceOnChanges(_) => "replace_on_changes names what changes".to_owned(),
        Reason::JobFailed(why) if change.action == Action::Unchanged => {
            format!(
                "has failed ({why}), and runs again when its declaration changes or with --rerun {}",
                relative(&change.id, home)
            )
        }
        Reason::JobFailed(why) => format!("has failed ({why}), and runs again because its declaration changed"),
        Reason::Rerun => "runs again: --rerun names it".to_owned(),
        Reason::LeftProgram => "no longer in the program".to_owned(),
        Reason::Destroyed => "the stack is destroyed".to_owned(),
        Reason::NotManaged => "not managed by this stack".to_owned(),
        Reason::AnotherStack(parent) => format!("managed by {parent}"),
        Reason::Recovered => "applied by this stack; its record is restored".to_owned(),
        Reason::Completed => "completed, and its time to live removed it".to_owned(),
        Reason::Adopted => "was adopted, so it stays in the cluster".to_owned(),
        Reason::AnotherUid => "stays: its uid is not the recorded one, as after a restore from a backup".to_owned(),
        Reason::Retained => "stays in the cluster: retain_on_delete".to_owned(),
        Reason::NoConsent => "stays: protected, or holds data".to_owned(),
        Reason::KeptFor(id) => format!("stays: {} could not live without it", relative(id, home)),
        Reason::AsDeclared => "as declared".to_owned(),
        Reason::AnotherObject => "another object of this name than the one that the stack made".to_owned(),
        Reason::AlreadyGone => "does not exist any more".to_owned(),
        Reason::Unreadable(why) => format!("could not be read: {why}"),
        Reason::Terminating => "is being deleted right now".to_owned(),
        Reason::NotServed => "the cluster does not serve its kind".to_owned(),
    }
}

/// The lines below that say more: the causes of a replacement.
pub fn causes(reason: &Reason) -> Vec<String> {
    match reason {
        Reason::Immutable(causes) => causes
            .iter()
            .map(|cause| {
                if cause.field.is_empty() {
                    cause.message.clone()
                } else {
                    format!("{}: {}", cause.field, cause.message)
                }
            })
            .collect(),
        Reason::ReplaceOnChanges(paths) => paths.iter().map(|path| format!("{path} changes")).collect(),
        _ => Vec::new(),
    }
}

/// The word for machines, in snake_case. Words are added, never changed.
pub fn code(reason: &Reason) -> &'static str {
    match reason {
        Reason::NotInCluster => "not_in_cluster",
        Reason::DeletedFromCluster => "deleted_from_cluster",
        Reason::Declaration => "declaration",
        Reason::Drift => "drift",
        Reason::DeclarationAndDrift => "declaration_and_drift",
        Reason::Immutable(_) => "immutable",
        Reason::ReplaceOnChanges(_) => "replace_on_changes",
        Reason::JobFailed(_) => "job_failed",
        Reason::Rerun => "rerun",
        Reason::LeftProgram => "left_program",
        Reason::Destroyed => "destroyed",
        Reason::NotManaged => "not_managed",
        Reason::AnotherStack(_) => "another_stack",
        Reason::Recovered => "recovered",
        Reason::Completed => "completed",
        Reason::Adopted => "adopted",
        Reason::AnotherUid => "another_uid",
        Reason::Retained => "retained",
        Reason::NoConsent => "no_consent",
        Reason::KeptFor(_) => "kept_for",
        Reason::AsDeclared => "as_declared",
        Reason::AnotherObject => "another_object",
        Reason::AlreadyGone => "already_gone",
        Reason::Unreadable(_) => "unreadable",
        Reason::Terminating => "terminating",
        Reason::NotServed => "not_served",
    }
}

/// The one writer of all the drift of a change, so that it is said once.
pub fn only_writer(change: &Change) -> Option<&Writer> {
    if change.reason != Reason::Drift {
        return None;
    }
    let mut writers = change.fields.iter().filter_map(|field| field.drift.as_ref());
    let first = writers.next()?;
    writers.all(|writer| writer == first).then_some(first)
}

fn relative(id: &ResourceId, home: Option<&str>) -> String {
    id.relative_to(home)
}
