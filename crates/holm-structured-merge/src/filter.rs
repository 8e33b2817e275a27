//! Fields that a write may not own.
//!
//! The strategy of a kind resets some fields on every write: the object itself ignores `status`, its status subresource
//! ignores `spec`. Such fields are left out of the managed fields, per version. Some subresources say instead which fields
//! they keep. From `structured-merge-diff/v6`, `fieldpath/set.go` (`Filter`), and `GetResetFields` of the strategies.

use std::collections::BTreeMap;

use crate::field_set::{FieldSet, Node};
use crate::path::PathElement;

/// Which fields of a set remain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All but these, and all below these.
    Exclude(FieldSet),
    /// Only those that start with one of these patterns. Where two patterns say any element at the same place, the first
    /// one counts.
    Include(Vec<Pattern>),
}

/// The beginning of a path; `None` stands for any element.
pub type Pattern = Vec<Option<PathElement>>;

/// One filter per version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    by_version: BTreeMap<String, Filter>,
}

impl Filters {
    /// No filter: every field is recorded.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the filter of a version.
    #[must_use]
    pub fn with(mut self, api_version: impl Into<String>, filter: Filter) -> Self {
        self.by_version.insert(api_version.into(), filter);
        self
    }

    /// Applies the filter of a version, if there is one.
    #[must_use]
    pub fn apply(&self, api_version: &str, fields: FieldSet) -> FieldSet {
        match self.by_version.get(api_version) {
            Some(filter) => filter.apply(&fields),
            None => fields,
        }
    }
}

impl Filter {
    /// The fields that remain.
    #[must_use]
    pub fn apply(&self, fields: &FieldSet) -> FieldSet {
        match self {
            Self::Exclude(excluded) => fields.recursive_difference(excluded),
            Self::Include(patterns) => {
                let patterns: Vec<&[Option<PathElement>]> = patterns.iter().map(Vec::as_slice).collect();
                included(fields, &patterns)
            }
        }
    }
}

/// The members on the way to a pattern stay as well: they are prefixes of what it matches.
fn included(fields: &FieldSet, patterns: &[&[Option<PathElement>]]) -> FieldSet {
    if patterns.iter().any(|pattern| pattern.is_empty()) {
        return fields.clone();
    }
    // Of the patterns for any element Kubernetes looks only at the first, and then at no other of the level.
    let any = patterns.iter().filter_map(|pattern| pattern.split_first()).find(|(first, _)| first.is_none());
    let keep = |node: &Node| {
        let rest: Vec<&[Option<PathElement>]> = match any {
            Some((_, rest)) => vec![rest],
            None => patterns
                .iter()
                .filter_map(|pattern| pattern.split_first())
                .filter(|(first, _)| first.as_ref() == Some(&node.element))
                .map(|(_, rest)| rest)
                .collect(),
        };
        let member = node.member && !rest.is_empty();
        (!rest.is_empty()).then(|| Node {
            element: node.element.clone(),
            member,
            children: included(&node.children, &rest),
        })
    };
    FieldSet::from_nodes(fields.nodes.iter().filter_map(keep).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    fn set(paths: &[&[&str]]) -> FieldSet {
        paths.iter().map(|path| Path::fields(path)).collect()
    }

    fn pattern(names: &[&str]) -> Pattern {
        names.iter().map(|name| (*name != "*").then(|| PathElement::field(name))).collect()
    }

    #[test]
    fn an_excluded_field_goes_with_all_below_it_in_its_version_only() {
        let filters = Filters::none().with("v1", Filter::Exclude(set(&[&["status"]])));
        let fields = set(&[&["spec", "a"], &["status"], &["status", "b"]]);
        assert_eq!(filters.apply("v1", fields.clone()), set(&[&["spec", "a"]]));
        assert_eq!(filters.apply("v2", fields.clone()), fields);
    }

    #[test]
    fn included_fields_keep_what_leads_to_them() {
        let filter = Filter::Include(vec![pattern(&["spec", "*", "keep"]), pattern(&["other"])]);
        let fields = set(&[&["spec"], &["spec", "a", "keep"], &["spec", "a", "drop"], &["other", "x"], &["more"]]);
        assert_eq!(filter.apply(&fields), set(&[&["spec"], &["spec", "a", "keep"], &["other", "x"]]));
    }

    #[test]
    fn of_two_patterns_for_any_element_the_first_counts() {
        let filter = Filter::Include(vec![pattern(&["*", "a"]), pattern(&["*", "b"])]);
        assert_eq!(filter.apply(&set(&[&["x", "a"], &["x", "b"]])), set(&[&["x", "a"]]));
    }
}
