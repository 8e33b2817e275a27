//! What a program says about resources and warnings by their names: options for objects of a text, and levels of warnings.

use crate::check::Findings;
use crate::draft::Draft;
use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use crate::resource::{ConflictPolicy, Declaration, Options, Resource};
use crate::secret;
use crate::site::Site;
use crate::warning::{Warning, WarningKind, WarningLevel};
use holm_values::did_you_mean;

/// The word for warnings of every code.
const EVERY: &str = "all";

impl Draft {
    /// Adds the options that the program gives resources by name.
    pub(crate) fn configure(&mut self, findings: &mut Findings) {
        for (name, declaration, site) in std::mem::take(&mut self.configured) {
            let mut found = self.resources.iter_mut().filter(|resource| resource.id.is_named(&name)).peekable();
            if found.peek().is_none() {
                drop(found);
                let known: Vec<String> = self.resources.iter().map(|resource| resource.id.short()).collect();
                let hint = did_you_mean(&name, known.iter().map(String::as_str))
                    .unwrap_or_else(|| "give it as Kind/name or Kind/namespace/name".to_owned());
                findings.problems.push(problem(ProblemKind::NoSuchResource(name), site, hint));
                continue;
            }
            for resource in found {
                merge(resource, &declaration);
                for (path, kind) in &declaration.problems {
                    let (id, site) = (Some(resource.id.clone()), Some(site));
                    let (kind, path) = (kind.clone(), path.clone());
                    findings.problems.push(Problem { kind, resource: id, path, site, hint: None });
                }
            }
        }
    }

    /// Drops the warnings that the program allows, and turns those that it denies into problems.
    pub(crate) fn apply_levels(&self, findings: &mut Findings) {
        let known = || WarningKind::CODES.into_iter().chain([EVERY]);
        for (code, _, site) in &self.levels {
            if !known().any(|known| known == code) {
                findings.problems.push(unknown_code(code, *site, None, known()));
            }
        }
        for resource in &self.resources {
            for code in &resource.options.allowed_warnings {
                if !known().any(|known| known == code) {
                    findings.problems.push(unknown_code(code, resource.site, Some(resource.id.clone()), known()));
                }
            }
        }
        for warning in std::mem::take(&mut findings.warnings) {
            match self.level(&warning) {
                Some(WarningLevel::Allow) => {}
                None => findings.warnings.push(warning),
                Some(WarningLevel::Deny) => {
                    let Warning { kind, resource, path, site, hint } = warning;
                    let (kind, resource) = (ProblemKind::Denied(kind), Some(resource));
                    findings.problems.push(Problem { kind, resource, path, site, hint });
                }
            }
        }
    }

    /// What the program says last about a warning. What it says about the resource counts more.
    fn level(&self, warning: &Warning) -> Option<WarningLevel> {
        let is_meant = |code: &str| code == warning.kind.code() || code == EVERY;
        let resource = self.resources.iter().find(|resource| resource.id == warning.resource);
        if resource.is_some_and(|resource| resource.options.allowed_warnings.iter().any(|code| is_meant(code))) {
            return Some(WarningLevel::Allow);
        }
        self.levels.iter().rev().find(|(code, ..)| is_meant(code)).map(|(_, level, _)| *level)
    }
}

/// Adds options to those that a resource has. What can be said once is replaced.
fn merge(resource: &mut Resource, added: &Declaration) {
    merge_options(&mut resource.options, added.options.clone());
    resource.inputs.extend(added.inputs.clone());
    secret::lift_values(&resource.id, &mut resource.object, &mut resource.inputs);
}

/// Gives a resource options that count less than its own.
pub(crate) fn underlay(resource: &mut Resource, base: &Declaration) {
    let own = std::mem::replace(&mut resource.options, base.options.clone());
    merge_options(&mut resource.options, own);
    for (path, input) in &base.inputs {
        resource.inputs.entry(path.clone()).or_insert_with(|| input.clone());
    }
    secret::lift_values(&resource.id, &mut resource.object, &mut resource.inputs);
}

fn merge_options(options: &mut Options, more: Options) {
    options.protect |= more.protect;
    options.retain_on_delete |= more.retain_on_delete;
    options.adopt |= more.adopt;
    options.depends_on.extend(more.depends_on);
    options.ready_when = more.ready_when.or(options.ready_when.take());
    options.timeouts.ready = more.timeouts.ready.or(options.timeouts.ready);
    options.timeouts.delete = more.timeouts.delete.or(options.timeouts.delete);
    if more.on_conflict != ConflictPolicy::default() {
        options.on_conflict = more.on_conflict;
    }
    options.ignore_changes.extend(more.ignore_changes);
    options.replace_on_changes.extend(more.replace_on_changes);
    options.notes.extend(more.notes);
    options.allowed_warnings.extend(more.allowed_warnings);
    options.roll_on_change |= more.roll_on_change;
    options.exemptions.extend(more.exemptions);
}

fn unknown_code<'k>(
    code: &str,
    site: Site,
    resource: Option<ResourceId>,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Problem {
    let hint = did_you_mean(code, known.clone()).unwrap_or_else(|| {
        let known: Vec<&str> = known.collect();
        format!("the codes are {}", known.join(", "))
    });
    let kind = ProblemKind::BadInput(format!("\"{code}\" is not a code of warnings"));
    Problem { resource, ..problem(kind, site, hint) }
}

fn problem(kind: ProblemKind, site: Site, hint: String) -> Problem {
    Problem { kind, resource: None, path: FieldPath::root(), site: Some(site), hint: Some(hint) }
}
