//! Who owns what after a write: the heart of server-side apply.
//!
//! [`apply`](Updater::apply) lays a configuration over the live object, removes what the manager gave up and nobody else
//! owns, and refuses to change what others own unless forced. [`update`](Updater::update) records what a plain write changed.
//! From `structured-merge-diff/v6`, `merge/update.go`; the reasons are in KEP-555.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::conflict::{Conflict, Conflicts};
use crate::convert::{ConversionError, Versions};
use crate::error::ValidationErrors;
use crate::field_set::FieldSet;
use crate::filter::Filters;
use crate::identity::ManagerIdentity;
use crate::path::Path;
use crate::typed::{Comparison, Duplicates, TypedValue};
use crate::value;

/// The fields that one manager owns, named in the version through which it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFields {
    /// The fields.
    pub fields: FieldSet,
    /// The version in which the fields are named.
    pub api_version: String,
    /// Whether the manager applies.
    pub applied: bool,
}

/// The fields of all managers of one object.
pub type Ownership = BTreeMap<ManagerIdentity, OwnedFields>;

/// Why a write was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpdateError {
    /// The configuration would change fields of other managers.
    #[error("{0}")]
    Conflicts(Conflicts),
    /// The object could not be converted to the version of a manager.
    #[error("{0}")]
    Conversion(#[from] ConversionError),
    /// A value does not fit its type.
    #[error("{step}: {errors}")]
    Invalid {
        /// What was being done.
        step: &'static str,
        /// What does not fit.
        errors: ValidationErrors,
    },
}

/// Computes ownership for the objects of one kind.
#[derive(Clone, Copy)]
pub struct Updater<'a> {
    /// Converts objects to the versions of their managers.
    pub versions: &'a dyn Versions,
    /// Fields that are never recorded, by version.
    pub filters: &'a Filters,
}

/// What an apply leads to.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    /// The new object; none if it equals the live one.
    pub object: Option<TypedValue<'a>>,
    /// The new owners.
    pub ownership: Ownership,
}

impl<'a> Updater<'a> {
    /// Applies `config` in `api_version` for `manager`.
    ///
    /// # Errors
    /// With all conflicts, unless `force` is set; or if an object cannot be converted.
    pub fn apply(
        &self,
        live: &TypedValue<'a>,
        config: &TypedValue<'a>,
        api_version: &str,
        ownership: &Ownership,
        manager: &ManagerIdentity,
        force: bool,
    ) -> Result<Applied<'a>, UpdateError> {
        let mut ownership = self.reconciled(live, ownership)?;
        let merged =
            live.merge(config).map_err(|errors| UpdateError::Invalid { step: "failed to merge config", errors })?;
        let fields = self.filters.apply(api_version, config.field_set());
        let owned = OwnedFields { fields, api_version: api_version.to_owned(), applied: true };
        let gives_up = |last: &OwnedFields| last.api_version != api_version || !last.fields.is_subset(&owned.fields);
        let last = ownership.get(manager).filter(|last| gives_up(last)).cloned();
        ownership.insert(manager.clone(), owned);
        let object = match last.filter(|last| !last.fields.is_empty()) {
            Some(last) => self.prune(merged, &ownership, api_version, &last)?,
            // What is applied again is owned again, with every list item on the way to it, so pruning would bring it all back.
            None => merged,
        };
        let comparison = live.compare(&object).map_err(compare_failed)?;
        self.take_over(live, &object, api_version, &mut ownership, manager, comparison, force)?;
        let unchanged = value::equal(live.value(), object.value());
        Ok(Applied { object: (!unchanged).then_some(object), ownership })
    }

    /// Records what has changed from `live` to `new`, which is already what will be stored, for `manager`.
    ///
    /// # Errors
    /// If an object cannot be converted to the version of another manager.
    pub fn update(
        &self,
        live: &TypedValue<'a>,
        new: &TypedValue<'a>,
        api_version: &str,
        ownership: &Ownership,
        manager: &ManagerIdentity,
    ) -> Result<Ownership, UpdateError> {
        let mut ownership = self.reconciled(live, ownership)?;
        let comparison = live.compare(new).map_err(compare_failed)?;
        let changed = self.take_over(live, new, api_version, &mut ownership, manager, comparison, true)?;
        let before = ownership.remove(manager).map(|owned| owned.fields).unwrap_or_default();
        let fields = before.difference(&changed.removed).union(&changed.modified).union(&changed.added);
        let fields = self.filters.apply(api_version, fields);
        if !fields.is_empty() {
            let owned = OwnedFields { fields, api_version: api_version.to_owned(), applied: false };
            ownership.insert(manager.clone(), owned);
        }
        Ok(ownership)
    }

    /// Takes changed and removed fields from all managers but `manager`, and drops managers of whom nothing is left.
    #[expect(clippy::too_many_arguments, reason = "the two objects and the write that leads from one to the other")]
    fn take_over(
        &self,
        live: &TypedValue<'a>,
        new: &TypedValue<'a>,
        api_version: &str,
        ownership: &mut Ownership,
        manager: &ManagerIdentity,
        comparison: Comparison,
        force: bool,
    ) -> Result<Comparison, UpdateError> {
        let comparison = self.filtered(api_version, comparison);
        let mut in_versions: BTreeMap<String, Comparison> = BTreeMap::new();
        let mut conflicts = Vec::new();
        let mut changed = Vec::new();
        let mut gone = Vec::new();
        for (other, owned) in ownership.iter().filter(|(other, _)| *other != manager) {
            if owned.api_version != api_version && !in_versions.contains_key(&owned.api_version) {
                let Some(comparison) = self.compare_in(&owned.api_version, live, new)? else {
                    // Nobody can write this version any more.
                    gone.push(other.clone());
                    continue;
                };
                in_versions.insert(owned.api_version.clone(), comparison);
            }
            let comparison = in_versions.get(&owned.api_version).unwrap_or(&comparison);
            let taken = owned.fields.intersection(&comparison.modified.union(&comparison.added));
            taken.visit(|path| conflicts.push(Conflict { manager: other.clone(), path: Path::from(path) }));
            if !taken.is_empty() || !comparison.removed.is_empty() {
                changed.push((other.clone(), owned.fields.difference(&taken).difference(&comparison.removed)));
            }
        }
        if !force && !conflicts.is_empty() {
            return Err(UpdateError::Conflicts(Conflicts(conflicts)));
        }
        for other in gone {
            ownership.remove(&other);
        }
        for (other, fields) in changed {
            if let Some(owned) = ownership.get_mut(&other) {
                owned.fields = fields;
            }
        }
        ownership.retain(|_, owned| !owned.fields.is_empty());
        Ok(comparison)
    }

    fn compare_in(
        &self,
        api_version: &str,
        live: &TypedValue<'a>,
        new: &TypedValue<'a>,
    ) -> Result<Option<Comparison>, UpdateError> {
        let (Some(live), Some(new)) = (self.convert(live, api_version)?, self.convert(new, api_version)?) else {
            return Ok(None);
        };
        let comparison = live.compare(&new).map_err(compare_failed)?;
        Ok(Some(self.filtered(api_version, comparison)))
    }

    fn filtered(&self, api_version: &str, comparison: Comparison) -> Comparison {
        Comparison {
            removed: self.filters.apply(api_version, comparison.removed),
            modified: self.filters.apply(api_version, comparison.modified),
            added: self.filters.apply(api_version, comparison.added),
        }
    }

    /// Removes what the manager applied last time and does not apply now, unless somebody else owns it.
    fn prune(
        &self,
        merged: TypedValue<'a>,
        ownership: &Ownership,
        api_version: &str,
        last: &OwnedFields,
    ) -> Result<TypedValue<'a>, UpdateError> {
        let converted = match self.in_version(&merged, &last.api_version)? {
            InVersion::NotServed => return Ok(merged),
            InVersion::Same => merged,
            InVersion::Other(converted) => converted,
        };
        let last_fields = extended(&last.fields, &converted);
        let merged_fields = extended(&converted.field_set(), &converted);
        let pruned = converted.remove_items(&last_fields);
        let pruned = self.with_owned_items(&converted, &merged_fields, pruned, last, ownership)?;
        let Some(pruned) = self.convert(&pruned, &last.api_version)? else {
            return self.required(converted, api_version);
        };
        // Items that nobody owned, or that the manager did not own last time, come back.
        let pruned_fields = extended(&pruned.field_set(), &converted);
        let given_up = merged_fields.difference(&pruned_fields).intersection(&last_fields);
        let pruned = if given_up.is_empty() { converted } else { converted.remove_items(&given_up) };
        self.required(pruned, api_version)
    }

    /// Brings back what pruning removed although some manager owns it, version by version and the pruned one first.
    fn with_owned_items(
        &self,
        merged: &TypedValue<'a>,
        merged_fields: &FieldSet,
        mut pruned: TypedValue<'a>,
        last: &OwnedFields,
        ownership: &Ownership,
    ) -> Result<TypedValue<'a>, UpdateError> {
        let mut by_version: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for owned in ownership.values() {
            let fields = by_version.entry(&owned.api_version).or_default();
            *fields = fields.union(&owned.fields);
        }
        let first = by_version.remove_entry(last.api_version.as_str());
        let mut merged = Cow::Borrowed(merged);
        let mut merged_fields = Cow::Borrowed(merged_fields);
        for (version, owned) in first.into_iter().chain(by_version) {
            match self.in_version(&merged, version)? {
                InVersion::NotServed => continue,
                InVersion::Same => {}
                InVersion::Other(converted) => {
                    merged_fields = Cow::Owned(extended(&converted.field_set(), &converted));
                    merged = Cow::Owned(converted);
                }
            }
            let Some(converted) = self.convert(&pruned, version)? else { continue };
            let kept = extended(&converted.field_set(), &merged).union(&extended(&owned, &merged));
            pruned = merged.remove_items(&merged_fields.difference(&kept));
        }
        Ok(pruned)
    }

    /// Adapts every manager's fields to the schema of today.
    fn reconciled(&self, live: &TypedValue<'a>, ownership: &Ownership) -> Result<Ownership, UpdateError> {
        let mut reconciled = Ownership::new();
        for (manager, owned) in ownership {
            // Managers of versions that are no longer served own nothing.
            let Some(live) = self.convert(live, &owned.api_version)? else { continue };
            let fields = live.reconcile(&owned.fields).unwrap_or_else(|| owned.fields.clone());
            reconciled.insert(manager.clone(), OwnedFields { fields, ..owned.clone() });
        }
        Ok(reconciled)
    }

    /// The object in another version; none if the version is not served.
    fn convert<'t>(
        &self,
        object: &'t TypedValue<'a>,
        api_version: &str,
    ) -> Result<Option<Cow<'t, TypedValue<'a>>>, UpdateError> {
        Ok(match self.in_version(object, api_version)? {
            InVersion::NotServed => None,
            InVersion::Same => Some(Cow::Borrowed(object)),
            InVersion::Other(converted) => Some(Cow::Owned(converted)),
        })
    }

    fn required(&self, object: TypedValue<'a>, api_version: &str) -> Result<TypedValue<'a>, UpdateError> {
        match self.in_version(&object, api_version)? {
            InVersion::Same => Ok(object),
            InVersion::Other(converted) => Ok(converted),
            InVersion::NotServed => Err(ConversionError::NotServed { api_version: api_version.to_owned() }.into()),
        }
    }

    fn in_version(&self, object: &TypedValue<'a>, api_version: &str) -> Result<InVersion<'a>, UpdateError> {
        if object.value().get("apiVersion").and_then(Value::as_str) == Some(api_version) {
            return Ok(InVersion::Same);
        }
        let converted = match self.versions.convert(object.value(), api_version) {
            Ok(converted) => converted,
            Err(ConversionError::NotServed { .. }) => return Ok(InVersion::NotServed),
            Err(error) => return Err(error.into()),
        };
        let Some(kind) = self.versions.object_type(&converted) else { return Ok(InVersion::NotServed) };
        let typed = kind.typed(Cow::Owned(converted), Duplicates::Refused);
        let typed = typed.map_err(|errors| UpdateError::Invalid { step: "failed to convert object", errors })?;
        Ok(InVersion::Other(typed))
    }
}

/// How an object looks in some version.
enum InVersion<'a> {
    NotServed,
    /// It is in this version already.
    Same,
    Other(TypedValue<'a>),
}

fn extended(fields: &FieldSet, typed: &TypedValue<'_>) -> FieldSet {
    fields.with_declared_parents(&typed.kind().schema, Some(typed.kind().kind))
}

fn compare_failed(errors: ValidationErrors) -> UpdateError {
    UpdateError::Invalid { step: "failed to compare objects", errors }
}
