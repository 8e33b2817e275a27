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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use crate::{Manifest, ResourceOptions, Stack, Strength};

    fn settings(name: &str) -> Manifest {
        Manifest::new(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
    }

    #[test]
    fn edges_read_as_sentences() {
        let stack = Stack::new("shop", "dev", None);
        stack.namespace("shop");
        let outside = stack.external::<Secret>("certificate");
        let first = stack.add(settings("first"));
        let second = stack.add(settings("second").with_input("data.volume", first.field("metadata.uid")));
        let third = settings("third").depends_on(&second, Strength::Exists).depends_on(&first, Strength::Ready);
        stack.add(third.with_input("data.certificate", outside.field("metadata.uid")));
        stack.add(settings("fourth"));
        insta::assert_snapshot!(stack.build().expect("the test's own stack has no problems"), @"
        ConfigMap/second requires ConfigMap/first (ready)
        ConfigMap/third requires ConfigMap/first (ready), ConfigMap/second, Secret/certificate (external)
        ");
    }
}
