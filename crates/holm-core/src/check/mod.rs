//! What can be known to be wrong before a server is asked.
//!
//! The rules are those of the server's own validation (`pkg/apis/*/validation` of `k8s.io/kubernetes` 1.37), of server-side
//! apply (no two items of a list with the same key), and a few that no server checks because it sees one object at a time: a
//! Service that selects nobody, a key that a Secret does not have. Where it cannot be known whether the server would refuse
//! something, or whether something outside the stack makes it right, nothing is reported.

mod claim;
mod data;
mod field;
mod key;
mod metadata;
mod name;
mod plain_text;
mod pod;
mod quantity;
mod rivals;
mod selection;
mod selector;
mod service;
mod workload;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::graph::{External, Selection};
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use crate::references::Table;
use crate::resource::Resource;
use crate::warning::{Warning, WarningKind};

pub use name::dns_label;
use workload::Workload;

/// Checks every resource and how they fit together; returns who selects whose pods.
pub(crate) fn resources(
    resources: &[Resource],
    table: &Table,
    externals: &BTreeMap<ResourceId, External>,
    findings: &mut Findings,
) -> Vec<Selection> {
    let objects: Vec<Cow<'_, Value>> = resources.iter().map(Resource::filled_in).collect();
    let declared: Vec<Declared<'_>> =
        resources.iter().zip(&objects).map(|(resource, object)| Declared { resource, object }).collect();
    let workloads: Vec<Workload<'_>> = declared.iter().filter_map(Workload::of).collect();
    let by_id: HashMap<&ResourceId, Declared<'_>> = declared.iter().map(|one| (&one.resource.id, *one)).collect();
    for one in &declared {
        let mut report = Report { resource: one.resource, findings };
        metadata::check(&mut report, one, &by_id);
        data::check(&mut report, one);
        quantity::check(&mut report, one);
        claim::check(&mut report, one);
        service::check(&mut report, one);
        key::check(&mut report, table.of(one.resource), &by_id);
        service::check_leads(&mut report, one, &by_id);
        plain_text::check(one.resource, &mut report.findings.warnings);
    }
    for workload in &workloads {
        let mut report = Report { resource: workload.declared.resource, findings };
        workload::check(&mut report, workload);
        pod::check(&mut report, workload);
        claim::check_rolling(&mut report, workload, &by_id);
    }
    let pods = selection::Pods::of(&workloads);
    rivals::check(&declared, &workloads, &pods, findings);
    selection::check(&declared, &pods, externals, findings)
}

/// Everything that the checks found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// What cannot work.
    pub(crate) problems: Vec<Problem>,
    /// What is likely a mistake.
    pub(crate) warnings: Vec<Warning>,
}

impl Findings {
    /// Warns about a resource.
    pub(crate) fn warn(&mut self, resource: &Resource, path: FieldPath, kind: WarningKind, hint: Option<String>) {
        let (resource, site) = (resource.id.clone(), Some(resource.site));
        self.warnings.push(Warning { kind, resource, path, site, hint });
    }
}

/// A resource with its object as far as it is known.
#[derive(Clone, Copy)]
struct Declared<'a> {
    resource: &'a Resource,
    object: &'a Value,
}

impl Declared<'_> {
    fn is(&self, group: &str, kind: &str) -> bool {
        self.resource.id.is(group, kind)
    }
}

/// Takes what is found about one resource.
struct Report<'p> {
    resource: &'p Resource,
    findings: &'p mut Findings,
}

impl Report<'_> {
    fn add(&mut self, path: FieldPath, kind: ProblemKind) {
        self.hint(path, kind, None);
    }

    fn hint(&mut self, path: FieldPath, kind: ProblemKind, hint: Option<String>) {
        let (resource, site) = (Some(self.resource.id.clone()), Some(self.resource.site));
        self.findings.problems.push(Problem { kind, resource, path, site, hint });
    }

    /// Warns of what is likely a mistake, but may be intended.
    fn warn(&mut self, path: FieldPath, kind: WarningKind, hint: String) {
        self.findings.warn(self.resource, path, kind, Some(hint));
    }

    /// Reports the rule that `value` breaks, if it breaks one.
    fn rule(&mut self, path: FieldPath, what: &'static str, value: &str, checked: Result<(), String>) {
        if let Err(rule) = checked {
            self.add(path, ProblemKind::Invalid { what, value: value.to_owned(), rule });
        }
    }

    fn incomplete(&mut self, path: FieldPath, text: impl Into<String>) {
        self.add(path, ProblemKind::Incomplete(text.into()));
    }

    /// Reports a field that must be a map and is not one. Otherwise its entries would be dropped silently.
    fn map(&mut self, path: FieldPath, value: Option<&Value>) {
        if let Some(other) = value.filter(|value| !value.is_object() && !value.is_null()) {
            let text = format!("the value must be a map, and is {}", field::type_name(other));
            self.hint(path, ProblemKind::Unfit(text), Some("give its entries as `KEY: VALUE`".to_owned()));
        }
    }

    fn unfit(&mut self, path: FieldPath, text: impl Into<String>) {
        self.add(path, ProblemKind::Unfit(text.into()));
    }
}
