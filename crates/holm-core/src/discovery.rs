//! Kinds that only the cluster knows.
//!
//! An object of a text may be of a kind that is neither built in nor defined by the stack, because its definition is in the cluster
//! already. Until the cluster has said what it calls the kind, plural and scope are a guess.

use std::collections::BTreeSet;

use crate::catalog;
use crate::check::Findings;
use crate::draft::Draft;
use crate::id::{ApiKind, ResourceId, Scope};
use crate::input::Input;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind};
use holm_values::did_you_mean;

/// Guesses what the server calls a kind; none for a kind that it cannot have, because the groups of Kubernetes itself define theirs.
pub(crate) fn guess(api_version: &str, kind: &str, has_namespace: bool) -> Option<ApiKind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let is_built_in = catalog::all().any(|built_in| built_in.group == group);
    if is_built_in || version.is_empty() || kind.is_empty() || !group.contains('.') {
        return None;
    }
    let plural = kind.to_lowercase();
    let plural = match plural.as_bytes() {
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{plural}es"),
        [.., before, b'y'] if !b"aeiou".contains(before) => format!("{}ies", &plural[..plural.len() - 1]),
        _ => format!("{plural}s"),
    };
    let scope = if has_namespace { Scope::Namespaced } else { Scope::Cluster };
    Some(ApiKind { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned(), plural, scope })
}

/// A kind of a built-in group that is near to one that does not exist.
pub(crate) fn suggestion(api_version: &str, kind: &str) -> Option<String> {
    let known: Vec<ApiKind> = catalog::all().filter(|known| known.api_version() == api_version).collect();
    did_you_mean(kind, known.iter().map(|known| known.kind.as_str()))
}

impl Draft {
    /// Gives the resources of kinds that were guessed the kinds as they are, as far as these are known by now.
    pub(crate) fn settle_kinds(&mut self, kinds: &[ApiKind], findings: &mut Findings) {
        let mut renamed = Vec::new();
        for resource in &mut self.resources {
            if !self.guessed.contains(&resource.id) {
                continue;
            }
            let is_it =
                |kind: &&ApiKind| kind.api_version() == resource.kind.api_version() && kind.kind == resource.kind.kind;
            let Some(kind) = kinds.iter().chain(&self.defined).find(is_it).cloned() else {
                if self.definitions.contains_key(&resource.id.group_kind()) {
                    let of_kind = self.defined.iter().filter(|kind| kind.group_kind() == resource.id.group_kind());
                    let versions: Vec<&str> = of_kind.map(|kind| kind.version.as_str()).collect();
                    let hint = format!("the CustomResourceDefinition of this stack serves {}", versions.join(", "));
                    let (api_version, kind) = (resource.kind.api_version(), resource.kind.kind.clone());
                    findings.problems.push(Problem {
                        kind: ProblemKind::UnknownKind { api_version, kind },
                        resource: Some(resource.id.clone()),
                        path: FieldPath::of(["apiVersion"]),
                        site: Some(resource.site),
                        hint: Some(hint),
                    });
                }
                continue;
            };
            let before = resource.id.clone();
            match (kind.scope, &resource.id.namespace) {
                (Scope::Cluster, Some(_)) => {
                    FieldPath::of(["metadata", "namespace"]).remove(&mut resource.object);
                    resource.id.namespace = None;
                }
                (Scope::Namespaced, None) => findings.problems.push(Problem {
                    kind: ProblemKind::NoNamespace,
                    resource: Some(resource.id.clone()),
                    path: FieldPath::of(["metadata", "namespace"]),
                    site: Some(resource.site),
                    hint: Some("set metadata.namespace".to_owned()),
                }),
                _ => {}
            }
            resource.kind = kind;
            self.guessed.remove(&before);
            if before != resource.id {
                renamed.push((before, resource.id.clone()));
            }
        }
        for (before, after) in &renamed {
            self.rename(before, after);
        }
    }

    /// The kinds that are still a guess.
    pub(crate) fn guessed_kinds(&self) -> BTreeSet<ApiKind> {
        let guessed = self.resources.iter().filter(|resource| self.guessed.contains(&resource.id));
        guessed.map(|resource| resource.kind.clone()).collect()
    }

    /// Lets whatever refers to a resource refer to it by its other identity.
    fn rename(&mut self, before: &ResourceId, after: &ResourceId) {
        for resource in &mut self.resources {
            for dependency in &mut resource.options.depends_on {
                if dependency.id == *before {
                    dependency.id = after.clone();
                }
            }
            resource.inputs.values_mut().for_each(|input| rename_in(input, before, after));
        }
        self.outputs.values_mut().for_each(|(input, _)| rename_in(input, before, after));
    }
}

fn rename_in(input: &mut Input, before: &ResourceId, after: &ResourceId) {
    match input {
        Input::Field(reference) if reference.id == *before => reference.id = after.clone(),
        Input::Name(name) => name.rename(before, after),
        Input::Joined(parts) => parts.iter_mut().for_each(|part| rename_in(part, before, after)),
        Input::Transformed(inner, _) | Input::PlainText(inner) => rename_in(inner, before, after),
        Input::Text(_) | Input::Sensitive(_) | Input::Generated(_) | Input::Field(_) | Input::Invalid(_) => {}
    }
}
