//! What the owner of a custom kind says about the fields that name others.

use crate::id::GroupKind;
use crate::path::PathError;
use crate::references::Meaning;
use crate::references::table::Line;
use crate::resource::Strength;

/// One row of the table: this field of this kind names an object of that kind.
///
/// ```
/// use holm_core::ReferenceRule;
///
/// // A Cluster of CloudNativePG names the Secret of its superuser.
/// let rule = ReferenceRule::new("postgresql.cnpg.io", "Cluster", "spec.superuserSecret.name").names("", "Secret");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceRule {
    pub(crate) kind: GroupKind,
    pub(crate) path: String,
    pub(crate) target: Option<GroupKind>,
    pub(crate) meaning: Meaning,
    pub(crate) keys: Option<String>,
    pub(crate) outside: Vec<String>,
}

impl ReferenceRule {
    /// The field at `path` of objects of `kind`, where `[*]` stands for every item of a list:
    /// `spec.backups[*].secretRef.name`.
    ///
    /// Until [`names`](Self::names) says more, the kind is read from the fields `kind` and `apiVersion` or `apiGroup`
    /// beside it. A field `namespace` beside it, where there is one, is the target's namespace; otherwise it is the
    /// object's own. A field `optional: true` beside it means that the target may be missing.
    pub fn new(group: &str, kind: &str, path: &str) -> Self {
        Self {
            kind: GroupKind::new(group, kind),
            path: path.to_owned(),
            target: None,
            meaning: Meaning::Requires(Strength::Exists),
            keys: None,
            outside: Vec::new(),
        }
    }

    /// The kind of what it names.
    #[must_use]
    pub fn names(mut self, group: &str, kind: &str) -> Self {
        self.target = Some(GroupKind::new(group, kind));
        self
    }

    /// How far the target must have come first. Default: [`Strength::Exists`].
    #[must_use]
    pub fn until(mut self, strength: Strength) -> Self {
        self.meaning = Meaning::Requires(strength);
        self
    }

    /// The target is only mentioned: no order, and it may be missing.
    #[must_use]
    pub fn mentions(mut self) -> Self {
        self.meaning = Meaning::Mentions;
        self
    }

    /// The field beside the name that says which key of the Secret or ConfigMap is used, such as `key` or `items[*].key`.
    #[must_use]
    pub fn key(mut self, path: &str) -> Self {
        self.keys = Some(path.to_owned());
        self
    }

    /// Whether its paths can be read.
    pub(crate) fn check(&self) -> Result<(), PathError> {
        Line::of_rule(self).map(|_| ())
    }

    /// Names of this pattern usually live outside a stack, so that they need no declaration; `*` at the end stands for any
    /// rest, and alone for every name.
    #[must_use]
    pub fn usually_outside(mut self, name: &str) -> Self {
        self.outside.push(name.to_owned());
        self
    }
}
