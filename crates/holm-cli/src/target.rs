//! What `--target` names.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::{Graph, ResourceId};
use holm_planner::inventory::Inventory;

use crate::diagnostic::{Diagnostic, Kind};

/// The targets with everything that they depend on, where the graph knows them all; none where the inventory is needed to
/// tell, or nothing is targeted.
pub fn in_graph(targets: &[String], graph: &Graph) -> Option<BTreeSet<ResourceId>> {
    if targets.is_empty() {
        return None;
    }
    resolve(targets, graph, &Inventory::default()).ok()
}

/// The targets with everything that they depend on, or, for a graph with nothing in it, with everything that depends on
/// them: what is destroyed takes its dependents along.
///
/// # Errors
/// When a target names nothing, or several.
pub fn resolve(targets: &[String], graph: &Graph, inventory: &Inventory) -> Result<BTreeSet<ResourceId>, Diagnostic> {
    let declared = graph.resources().iter().map(|resource| &resource.id);
    let known: BTreeSet<&ResourceId> = declared.chain(inventory.entries.keys()).collect();
    let mut needed: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
    for dependency in graph.dependencies() {
        needed.entry(&dependency.dependent).or_default().push(&dependency.on);
    }
    if graph.resources().is_empty() {
        for (dependent, entry) in &inventory.entries {
            for on in &entry.depends_on {
                needed.entry(on).or_default().push(dependent);
            }
        }
    }
    let mut wanted = Vec::new();
    for target in targets {
        wanted.push(find(target.trim(), &known)?);
    }
    let mut resolved = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if resolved.insert(id.clone()) {
            wanted.extend(needed.get(id).into_iter().flatten());
        }
    }
    Ok(resolved)
}

fn find<'a>(target: &str, known: &BTreeSet<&'a ResourceId>) -> Result<&'a ResourceId, Diagnostic> {
    let parts: Vec<&str> = target.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (*kind, None, *name),
        [kind, namespace, name] => (*kind, Some(*namespace), *name),
        _ => {
            let message = format!("--target {target} is not of the form KIND/NAME");
            return Err(Diagnostic::new(Kind::Usage, message).hint("write it as Deployment/postgres"));
        }
    };
    let is_kind =
        |id: &ResourceId| id.kind.eq_ignore_ascii_case(kind) || id.group_kind().to_string().eq_ignore_ascii_case(kind);
    let is_meant = |id: &&&ResourceId| {
        is_kind(id) && id.name == name && (namespace.is_none() || id.namespace.as_deref() == namespace)
    };
    let found: Vec<&ResourceId> = known.iter().filter(is_meant).copied().collect();
    match found.as_slice() {
        [only] => Ok(only),
        [] => {
            let diagnostic = Diagnostic::new(Kind::Usage, format!("--target {target} names no resource of this stack"));
            let near = known.iter().find(|id| is_kind(id)).or_else(|| known.iter().find(|id| id.name == name));
            Err(match near {
                Some(id) => diagnostic.hint(format!("did you mean {}?", id.short())),
                None => diagnostic,
            })
        }
        several => {
            let names: Vec<String> = several.iter().map(|id| format!("{} of {}", id, id.group_kind())).collect();
            let message = format!("--target {target} names several resources: {}", names.join(", "));
            Err(Diagnostic::new(Kind::Usage, message).hint("write it as KIND/NAMESPACE/NAME or KIND.GROUP/NAME"))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    use super::*;

    fn names(targets: &[&str]) -> Result<Vec<String>, String> {
        let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
        let resolved = resolve(&targets, &sample::graph(), &Inventory::default());
        resolved.map(|ids| ids.iter().map(ResourceId::short).collect()).map_err(|error| error.message)
    }

    #[test]
    fn a_target_takes_what_it_needs_along() {
        assert_eq!(names(&["Secret/postgres-secret"]), Ok(vec!["Secret/postgres-secret".into()]));
        let all = names(&["configmap/holm/postgres-init"]).expect("it is known");
        assert_eq!(all, ["ConfigMap/postgres-init", "PersistentVolumeClaim/postgres-pvc", "Secret/postgres-secret"]);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for target in ["Secret/nope", "Secret", "Secret/other/postgres-secret", "a/b/c/d"] {
            assert!(names(&[target]).is_err(), "{target}");
        }
    }
}
