//! The edges of a graph as text, for tests and for people.

use std::collections::BTreeSet;
use std::fmt;

use crate::graph::{Graph, Origin};
use crate::id::ResourceId;
use crate::resource::Strength;

impl fmt::Display for Graph {
    /// Writes a line for each resource that needs others or selects their pods, dependencies first:
    /// `Deployment/postgres requires Secret/postgres-secret`. That a resource needs its namespace goes without saying.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: &ResourceId| id.relative_to(self.namespace());
        let mut lines = Vec::new();
        for resource in self.resources() {
            let inside = self
                .dependencies()
                .iter()
                .filter(|dependency| dependency.dependent == resource.id && dependency.origin != Origin::Namespace)
                .map(|dependency| name(&dependency.on) + until(dependency.strength));
            let is_user = |(user, _): &(ResourceId, _)| *user == resource.id;
            let outside = self
                .externals()
                .iter()
                .filter(|(id, external)| !id.is("", "Namespace") && external.used_by.iter().any(is_user))
                .map(|(id, _)| name(id) + " (external)");
            let selected = self.selections().iter().filter(|selection| selection.selector == resource.id);
            let required: BTreeSet<String> = inside.chain(outside).collect();
            let selected: BTreeSet<String> = selected.map(|selection| name(&selection.workload)).collect();
            for (verb, others) in [("requires", required), ("selects", selected)] {
                if !others.is_empty() {
                    let others: Vec<String> = others.into_iter().collect();
                    lines.push(format!("{} {verb} {}", name(&resource.id), others.join(", ")));
                }
            }
        }
        f.write_str(&lines.join("\n"))
    }
}

fn until(strength: Strength) -> &'static str {
    match strength {
        Strength::Exists => "",
        Strength::Established => " (established)",
        Strength::Ready => " (ready)",
    }
}
