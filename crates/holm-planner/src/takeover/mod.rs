//! What must become ours before an apply can remove it.
//!
//! Server-side apply removes a field that leaves the declaration only where nobody else owns it, and never one that it does not
//! own. A person's tool that once wrote a field (`kubectl apply`, `edit`, `patch`) owns it beside us from then on, so that it stays
//! for ever; a field that a tool put in place of ours, or that the server filled in, makes what we declare invalid (a probe with two
//! handlers, `rollingUpdate` beside the strategy `Recreate`). The record of ownership is changed first, for exactly these fields and
//! nothing else: then the apply finds them as ours alone and removes them. No value changes in between, so that a run that ends
//! there leaves what the next one mends.

mod added;
mod dropped;
mod excluded;
mod patch;
mod sets;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use added::Added;
pub use patch::patch;

use crate::fields;
use holm_core::path::FieldPath;
use holm_core::{ConflictPolicy, Resource};

/// A field whose ownership changes before the apply that removes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Taken {
    /// The field.
    pub path: FieldPath,
    /// The elements of `FieldsV1` that lead to it, such as `f:data`.
    pub elements: Vec<String>,
    /// The field managers that own it so far, sorted; none where the server filled it in.
    pub from: Vec<String>,
    /// Why it must go.
    pub why: Why,
}

/// Why a field must become ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It was declared, and is no longer.
    Dropped,
    /// It excludes what is declared.
    Excluded,
    /// A person added it, and the user asked to remove such fields.
    Pruned,
}

/// A field of ours that stays although it left the declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Staying {
    /// The field.
    pub path: FieldPath,
    /// The field managers that own it too, sorted.
    pub owners: Vec<String>,
}

/// What an apply of the declaration needs, and what it leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Takeover {
    /// The fields to take first.
    pub taken: Vec<Taken>,
    /// The fields that stay because others own them too.
    pub staying: Vec<Staying>,
    /// The fields that nobody owns any more.
    pub released: Vec<FieldPath>,
}

/// Finds what must become ours for `declared`, the resource's object, to be applied to the live one by `manager`. Fields of
/// `ignore_changes` are left alone, and with [`ConflictPolicy::Fail`] nothing is taken from a person's tool.
pub fn takeover(resource: &Resource, declared: &Value, live: &Value, manager: &str) -> Takeover {
    let mut takeover = Takeover::default();
    dropped::find(declared, live, manager, &mut takeover);
    excluded::find(declared, live, manager, &mut takeover.taken);
    takeover.taken.retain(|taken| !is_ignored(resource, &taken.path));
    if resource.options.on_conflict == ConflictPolicy::Fail {
        let (left, taken): (Vec<Taken>, Vec<Taken>) =
            std::mem::take(&mut takeover.taken).into_iter().partition(|taken| !taken.from.is_empty());
        takeover.taken = taken;
        takeover.staying.extend(left.into_iter().map(|taken| Staying { path: taken.path, owners: taken.from }));
    }
    takeover.taken.sort();
    takeover.taken.dedup_by(|one, other| one.elements == other.elements);
    takeover
}

/// Finds the fields that people added to the live object with their tools, but for those of `ignore_changes`.
pub fn additions(resource: &Resource, declared: &Value, live: &Value, manager: &str) -> Vec<Added> {
    let mut additions = added::find(declared, live, manager);
    additions.retain(|added| !is_ignored(resource, &added.path));
    additions
}

fn is_ignored(resource: &Resource, path: &FieldPath) -> bool {
    resource.options.ignore_changes.iter().any(|ignored| path.starts_with(ignored) || ignored.starts_with(path))
}

/// Whether fields may be taken from an entry of managedFields: of a tool with which people edit objects by hand, or of a stack
/// that had the object before. One that another stack still has is none of ours, and never gets here.
fn is_takeable(entry: &fields::Managed<'_>, manager: &str) -> bool {
    let is_former = entry.is_apply && entry.manager != manager && is_a_stack(entry.manager);
    entry.subresource.is_empty() && (is_former || is_of_a_tool(entry))
}

/// Whether an entry of managedFields is of a tool with which people edit objects by hand.
fn is_of_a_tool(entry: &fields::Managed<'_>) -> bool {
    !entry.is_apply && entry.subresource.is_empty() && is_a_persons_tool(entry.manager)
}

/// Whether this is the field manager of a stack.
pub fn is_a_stack(manager: &str) -> bool {
    manager.starts_with("holm.")
}

/// Whether the text of an object names a person's tool at all.
pub(crate) fn may_have_additions(text: &str) -> bool {
    TOOLS.iter().any(|tool| text.contains(tool))
}

/// Field managers of people's tools; kubectl's begin with its name.
const TOOLS: [&str; 6] = ["kubectl", "k9s", "lens", "freelens", "before-first-apply", "ancient-changes"];

/// Whether these are the field managers of command line tools with which people edit by hand. `before-first-apply` is what the
/// server calls whoever wrote an object before it was applied, and `ancient-changes` whoever did before managedFields were kept
/// (apimachinery `managedfields/internal`).
pub(crate) fn is_a_persons_tool(manager: &str) -> bool {
    TOOLS.contains(&manager) || manager.starts_with("kubectl-")
}

/// The live object without the fields that are taken and then removed.
pub fn without(live: &Value, taken: &[Taken]) -> Value {
    let mut rest = live.clone();
    // The last first, so that the positions of the others stay.
    for taken in taken.iter().rev() {
        taken.path.remove(&mut rest);
    }
    rest
}
