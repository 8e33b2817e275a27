//! The one table of which field of which kind names what.
//!
//! The table is data: the built-in rows stand in `rows.rs`, and the owner of a custom kind adds [`ReferenceRule`]s with
//! [`Stack::references`](crate::Stack::references). Builders, raw structs, custom resources and manifests are all read by it.

mod pattern;
mod rows;
mod rule;
#[cfg(test)]
mod schema_tests;
mod table;

use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::resource::Strength;

pub(crate) use pattern::{Pattern, by_name, item_segment};
pub(crate) use rows::{CONTAINER_LISTS, POD_SPECS};
pub use rule::ReferenceRule;
pub(crate) use table::ACTION_PORT;
pub use table::Table;

/// A field of an object that names another one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reference {
    /// The field.
    pub path: FieldPath,
    /// What it names.
    pub target: ResourceId,
    /// What the name means.
    pub meaning: Meaning,
    /// Whether the target may be missing: because the object itself says so (`optional: true`), or because the server and
    /// its controllers do without.
    pub is_optional: bool,
    /// Whether the object works without the target, although a missing one is more likely a mistake.
    pub works_without: bool,
    /// Whether such targets usually live outside a stack, such as a StorageClass, the ServiceAccount `default`, or anything
    /// in a namespace that the stack has nothing in.
    pub is_usually_outside: bool,
    /// The keys of the target's data that are asked for, each with the field that names it.
    pub keys: Vec<(FieldPath, String)>,
}

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The target must have come this far first.
    Requires(Strength),
    /// The target is only mentioned: no order, and it may be missing.
    Mentions,
}
