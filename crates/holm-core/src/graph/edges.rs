//! What each resource needs: read out of its fields, its inputs, its namespace and its kind.

use std::collections::{BTreeMap, BTreeSet};

use super::{Dependency, External, GeneratedValue, Origin, Part, PartUse, Selection};
use crate::catalog;
use crate::check::Findings;
use crate::draft::Draft;
use crate::id::{GroupKind, ResourceId};
use crate::input::Input;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use crate::references::{Meaning, Reference, Table};
use crate::resource::{Resource, Strength};
use crate::warning::WarningKind;

/// The edges that are being read out of the objects.
#[derive(Default)]
pub(super) struct Edges {
    pub(super) dependencies: Vec<Dependency>,
    pub(super) externals: BTreeMap<ResourceId, External>,
    pub(super) made_at_run_time: BTreeSet<ResourceId>,
}

impl Edges {
    /// Reads the edges of one resource.
    pub(super) fn read(
        &mut self,
        resource: &Resource,
        draft: &Draft,
        table: &Table,
        known: &BTreeSet<ResourceId>,
        generated: &BTreeMap<String, GeneratedValue>,
        findings: &mut Findings,
    ) {
        let id = &resource.id;
        if let Some(namespace) = &id.namespace {
            let target = ResourceId::new("", "Namespace", None, namespace);
            self.name(resource, target, Strength::Exists, Origin::Namespace, known);
        }
        if let Some(definition) = draft.definitions.get(&id.group_kind()) {
            self.depend(id, definition, Strength::Established, Origin::Definition);
        }
        for dependency in &resource.options.depends_on {
            if known.contains(&dependency.id) {
                self.depend(id, &dependency.id, dependency.strength, Origin::DependsOn);
            } else if !self.externals.contains_key(&dependency.id) {
                let kind = ProblemKind::Dangling { target: dependency.id.clone() };
                findings.problems.push(problem(resource, FieldPath::root(), kind, did_you_mean(&dependency.id, known)));
            }
        }
        for (path, input) in &resource.inputs {
            self.read_input(resource, path, input, known, generated, &mut findings.problems);
        }
        for reference in table.of(resource) {
            self.read_reference(resource, reference, table, known, findings);
        }
    }

    fn read_reference(
        &mut self,
        resource: &Resource,
        reference: Reference,
        table: &Table,
        known: &BTreeSet<ResourceId>,
        findings: &mut Findings,
    ) {
        let Meaning::Requires(strength) = reference.meaning else { return };
        let Reference { path, target, keys, is_optional, .. } = reference;
        let keys = if is_optional { Vec::new() } else { keys };
        if known.contains(&target) || self.externals.contains_key(&target) {
            self.name(resource, target.clone(), strength, Origin::Reference(path), known);
            self.use_keys(resource, &target, keys);
        } else if reference.is_usually_outside {
            // What usually lives in a namespace of the stack without being declared, such as its ServiceAccount `default`,
            // is made together with the namespace: it may not be there yet, and will be.
            if target.namespace.as_deref().is_none_or(|namespace| !table.has_namespace(namespace)) && !is_optional {
                self.name(resource, target.clone(), strength, Origin::Reference(path), known);
                self.use_keys(resource, &target, keys);
            }
        } else if is_optional || self.made_at_run_time.contains(&target) {
            // It may be missing.
        } else if resource.is_from_text || reference.works_without {
            // Whoever wrote the text may know of an object that exists, or is created at run time.
            let hint = did_you_mean(&target, known).unwrap_or_else(|| {
                "if something creates it at run time, declare it with stack.made_at_run_time; if it exists, with \
                 stack.external"
                    .to_owned()
            });
            findings.warn(resource, path, WarningKind::NotInStack { target }, Some(hint));
        } else {
            let hint = did_you_mean(&target, known).unwrap_or_else(|| {
                "add it to the stack, or declare it with stack.external if it exists outside, or with \
                 stack.made_at_run_time if something creates it at run time"
                    .to_owned()
            });
            findings.problems.push(problem(resource, path, ProblemKind::Dangling { target }, Some(hint)));
        }
    }

    fn read_input(
        &mut self,
        resource: &Resource,
        path: &FieldPath,
        input: &Input,
        known: &BTreeSet<ResourceId>,
        generated: &BTreeMap<String, GeneratedValue>,
        problems: &mut Vec<Problem>,
    ) {
        let id = &resource.id;
        input.visit(&mut |part| match part {
            Input::Field(reference) if known.contains(&reference.id) => {
                self.depend(id, &reference.id, Strength::Ready, Origin::Input(path.clone()));
            }
            Input::Field(reference) => match self.externals.get_mut(&reference.id) {
                Some(external) => {
                    external.used_by.push((id.clone(), path.clone()));
                    let part = Part::Field(reference.path.clone());
                    external.parts.push(PartUse { user: id.clone(), at: path.clone(), part });
                }
                None if self.made_at_run_time.contains(&reference.id) => {
                    let text = format!(
                        "{} is made at run time, so its fields cannot be read when the stack is planned",
                        reference.id
                    );
                    let hint = "refer to it by name, or declare it with stack.external once it exists".to_owned();
                    problems.push(problem(resource, path.clone(), ProblemKind::BadInput(text), Some(hint)));
                }
                None => {
                    let kind = ProblemKind::Dangling { target: reference.id.clone() };
                    problems.push(problem(resource, path.clone(), kind, did_you_mean(&reference.id, known)));
                }
            },
            Input::Name(name) if known.contains(name.id()) || self.externals.contains_key(name.id()) => {
                self.name(resource, name.id().clone(), Strength::Exists, Origin::Input(path.clone()), known);
            }
            Input::Name(name) if self.made_at_run_time.contains(name.id()) => {}
            Input::Name(name) => {
                let kind = ProblemKind::Dangling { target: name.id().clone() };
                problems.push(problem(resource, path.clone(), kind, did_you_mean(name.id(), known)));
            }
            Input::Generated(value) => {
                // Whoever holds a generated value waits for the Secret that keeps it, so that no copy outlives a crash
                // without its original.
                let home = generated.get(&value.name).and_then(|value| value.stored_in.first());
                if let Some(home) = home.filter(|home| home.id != *id) {
                    self.depend(id, &home.id, Strength::Exists, Origin::Input(path.clone()));
                }
            }
            Input::Invalid(reason) => {
                problems.push(problem(resource, path.clone(), ProblemKind::BadInput(reason.clone()), None));
            }
            Input::Text(_) | Input::Sensitive(_) | Input::Joined(_) | Input::Transformed(..) | Input::PlainText(_) => {}
        });
    }

    /// An edge to a resource of the stack, or a mention of one outside.
    fn name(
        &mut self,
        resource: &Resource,
        target: ResourceId,
        strength: Strength,
        origin: Origin,
        known: &BTreeSet<ResourceId>,
    ) {
        if known.contains(&target) {
            self.depend(&resource.id, &target, strength, origin);
            return;
        }
        let path = match &origin {
            Origin::Reference(path) | Origin::Input(path) => path.clone(),
            _ => FieldPath::of(["metadata", "namespace"]),
        };
        if let Some(external) = self.externals.get_mut(&target) {
            external.used_by.push((resource.id.clone(), path));
        } else if let Some(kind) = catalog::preferred(&GroupKind::new(&target.group, &target.kind)) {
            let external =
                External { kind, used_by: vec![(resource.id.clone(), path)], parts: Vec::new(), declared: None };
            self.externals.insert(target, external);
        }
    }

    /// Remembers which entries of a resource outside the stack are used.
    fn use_keys(&mut self, resource: &Resource, target: &ResourceId, keys: Vec<(FieldPath, String)>) {
        if let Some(external) = self.externals.get_mut(target) {
            let part = |(at, key)| PartUse { user: resource.id.clone(), at, part: Part::Key(key) };
            external.parts.extend(keys.into_iter().map(part));
        }
    }

    /// Who must wait until a Service answers, as a webhook does, waits for the pods behind it: the Service itself is ready at
    /// once.
    pub(super) fn wait_for_those_who_answer(&mut self, selections: &[Selection]) {
        let mut behind: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
        for selection in selections {
            behind.entry(&selection.selector).or_default().push(&selection.workload);
        }
        let mut waits = Vec::new();
        for dependency in &self.dependencies {
            let (Strength::Ready, Origin::Reference(_)) = (dependency.strength, &dependency.origin) else { continue };
            for workload in behind.get(&dependency.on).into_iter().flatten() {
                waits.push(Dependency { on: (*workload).clone(), ..dependency.clone() });
            }
        }
        self.dependencies.extend(waits);
    }

    fn depend(&mut self, dependent: &ResourceId, on: &ResourceId, strength: Strength, origin: Origin) {
        if dependent != on {
            self.dependencies.push(Dependency { dependent: dependent.clone(), on: on.clone(), strength, origin });
        }
    }
}

/// A problem of one field of a resource.
pub(super) fn problem(resource: &Resource, path: FieldPath, kind: ProblemKind, hint: Option<String>) -> Problem {
    Problem { kind, resource: Some(resource.id.clone()), path, site: Some(resource.site), hint }
}

/// The known resource of the same kind, or the same name, that is nearest to what was asked for.
fn did_you_mean(target: &ResourceId, known: &BTreeSet<ResourceId>) -> Option<String> {
    let same_kind = known.iter().filter(|id| id.group == target.group && id.kind == target.kind);
    let elsewhere = same_kind.clone().find(|id| id.name == target.name && id.namespace != target.namespace);
    if let (Some(elsewhere), Some(namespace)) = (elsewhere, &target.namespace) {
        return Some(format!("{elsewhere} is in another namespace; the reference is to namespace {namespace}"));
    }
    let nearest = same_kind
        .map(|id| (strsim::damerau_levenshtein(&id.name, &target.name), id))
        .filter(|(distance, id)| id.name == target.name || *distance <= 1 + target.name.len() / 3)
        .min_by_key(|(distance, _)| *distance)?;
    Some(format!("did you mean {}?", nearest.1))
}
