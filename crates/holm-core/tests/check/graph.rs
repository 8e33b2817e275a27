//! Orders and cycles, for any graph.

use std::collections::BTreeSet;

use holm_core::{
    Configured, Declaration, DependsOn, IntoResource, Manifest, ProblemKind, ResourceId, ResourceOption, Stack,
    Strength, Untyped,
};
use proptest::prelude::*;
use serde_json::json;

/// A ConfigMap that waits for others.
struct Node(usize, Vec<usize>);

fn id(node: usize) -> ResourceId {
    ResourceId::new("", "ConfigMap", Some("ns"), &format!("c{node}"))
}

impl IntoResource for Node {
    type Kind = Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{}", self.0)}});
        let mut declaration = Manifest::new(object).into_declaration();
        let waits = self.1.into_iter().map(|on| DependsOn { id: id(on), strength: Strength::Ready });
        declaration.options.depends_on.extend(waits);
        declaration
    }
}

/// A stack that declares its nodes in this order; each edge goes from who waits to what it waits for.
fn stack(order: &[usize], edges: &BTreeSet<(usize, usize)>) -> Stack {
    let stack = Stack::new("test", "default", Some("ns"));
    for &node in order {
        let waits = edges.iter().filter(|(from, _)| *from == node).map(|(_, on)| *on).collect();
        stack.add(Node(node, waits));
    }
    stack
}

const SIZE: usize = 24;

/// Edges from larger to smaller numbers, which cannot make a cycle, and an order to declare the nodes in.
fn acyclic() -> impl Strategy<Value = (Vec<usize>, BTreeSet<(usize, usize)>)> {
    let edge = (1..SIZE).prop_flat_map(|from| (Just(from), 0..from));
    (Just((0..SIZE).collect::<Vec<_>>()).prop_shuffle(), prop::collection::btree_set(edge, 0..60))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_after_what_it_waits_for((order, edges) in acyclic()) {
        let graph = stack(&order, &edges).build().unwrap();
        prop_assert_eq!(graph.resources().len(), SIZE);
        for (from, on) in edges {
            prop_assert!(graph.position(&id(from)) > graph.position(&id(on)));
        }
    }

    #[test]
    fn without_edges_the_order_is_that_of_the_program(order in Just((0..SIZE).collect::<Vec<_>>()).prop_shuffle()) {
        let graph = stack(&order, &BTreeSet::new()).build().unwrap();
        let built: Vec<ResourceId> = graph.resources().iter().map(|resource| resource.id.clone()).collect();
        prop_assert_eq!(built, order.into_iter().map(id).collect::<Vec<_>>());
    }

    #[test]
    fn a_cycle_is_shown_with_edges_that_are_there(
        (order, mut edges) in acyclic(),
        ring in prop::sample::subsequence((0..SIZE).collect::<Vec<_>>(), 2..6),
    ) {
        for (position, node) in ring.iter().enumerate() {
            edges.insert((*node, ring[(position + 1) % ring.len()]));
        }
        let problems = stack(&order, &edges).build().unwrap_err();
        prop_assert!(!problems.0.is_empty());
        for problem in &problems.0 {
            let ProblemKind::Cycle(steps) = &problem.kind else { return Err(TestCaseError::fail(problem.to_string())) };
            prop_assert!(steps.len() >= 3);
            prop_assert_eq!(&steps[0].0, &steps[steps.len() - 1].0);
            for pair in steps.windows(2) {
                let is_edge = edges.iter().any(|(from, on)| id(*from) == pair[0].0 && id(*on) == pair[1].0);
                prop_assert!(is_edge, "{} does not wait for {} in {}", pair[0].0, pair[1].0, problem);
            }
        }
    }
}

#[test]
fn a_cycle_of_references_names_the_fields() {
    let text = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: a}
spec:
  serviceName: a
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {serviceAccountName: a, containers: [{name: a, image: a}]}
---
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}
";
    let stack = Stack::new("test", "default", Some("ns"));
    stack.add_yaml(text);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}});
    let mut declaration = Manifest::new(account).into_declaration();
    let set = ResourceId::new("apps", "StatefulSet", Some("ns"), "a");
    declaration.options.depends_on.push(DependsOn { id: set, strength: Strength::Ready });
    stack.add(Made(declaration));
    insta::assert_snapshot!(crate::show(&stack.build().unwrap_err()), @r"
        resources depend on each other in a circle: StatefulSet/ns/a (spec.template.spec.serviceAccountName) -> ServiceAccount/ns/a (depends_on) -> StatefulSet/ns/a
          hint: take one of these references away, or give the value another way
    ");
}

/// A declaration that is already made.
struct Made(Declaration);

impl IntoResource for Made {
    type Kind = Untyped;
    type Configured = Configured<Self>;

    fn with_option(self, option: ResourceOption) -> Self::Configured {
        Configured::new(self, option)
    }

    fn into_declaration(self) -> Declaration {
        self.0
    }
}
