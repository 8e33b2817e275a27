//! The order of resources by their dependencies.

use std::collections::{BTreeSet, HashMap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Dependency;
use crate::id::ResourceId;
use crate::resource::Resource;

/// The positions of resources so that each follows everything that it depends on; otherwise all cycles with their edges.
pub(super) fn order(
    resources: &[Resource],
    dependencies: &[Dependency],
) -> Result<Vec<usize>, Vec<Vec<(ResourceId, String)>>> {
    let mut graph: DiGraph<usize, &Dependency> = DiGraph::with_capacity(resources.len(), dependencies.len());
    let nodes: HashMap<&ResourceId, NodeIndex> =
        resources.iter().enumerate().map(|(position, resource)| (&resource.id, graph.add_node(position))).collect();
    let mut waiting = vec![0_usize; resources.len()];
    for dependency in dependencies {
        let (Some(dependent), Some(on)) = (nodes.get(&dependency.dependent), nodes.get(&dependency.on)) else {
            continue;
        };
        graph.add_edge(*on, *dependent, dependency);
        waiting[dependent.index()] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..resources.len()).filter(|position| waiting[*position] == 0).collect();
    let mut sorted = Vec::with_capacity(resources.len());
    while let Some(position) = ready.pop_first() {
        sorted.push(position);
        for dependent in graph.neighbors(NodeIndex::new(position)) {
            waiting[dependent.index()] -= 1;
            if waiting[dependent.index()] == 0 {
                ready.insert(dependent.index());
            }
        }
    }
    if sorted.len() == resources.len() {
        return Ok(sorted);
    }
    let cycles = tarjan_scc(&graph).into_iter().filter(|component| component.len() > 1);
    Err(cycles.map(|component| cycle_path(&graph, resources, &component)).collect())
}

/// A shortest way from the first declared resource of a strongly connected component back to itself, each with the field
/// that leads to the next.
fn cycle_path(
    graph: &DiGraph<usize, &Dependency>,
    resources: &[Resource],
    component: &[NodeIndex],
) -> Vec<(ResourceId, String)> {
    let members: BTreeSet<NodeIndex> = component.iter().copied().collect();
    let Some(start) = members.iter().next().copied() else { return Vec::new() };
    let mut came_from: HashMap<NodeIndex, (NodeIndex, String)> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    'search: while let Some(node) = queue.pop_front() {
        for edge in graph.edges_directed(node, petgraph::Direction::Incoming) {
            let on = petgraph::visit::EdgeRef::source(&edge);
            if !members.contains(&on) || (on != start && came_from.contains_key(&on)) {
                continue;
            }
            came_from.insert(on, (node, edge.weight().origin.to_string()));
            if on == start {
                break 'search;
            }
            queue.push_back(on);
        }
    }
    let id = |node: NodeIndex| resources[node.index()].id.clone();
    let mut steps = vec![(id(start), String::new())];
    let mut node = start;
    while let Some((dependent, why)) = came_from.get(&node) {
        steps.push((id(*dependent), why.clone()));
        node = *dependent;
        if node == start {
            break;
        }
    }
    steps.reverse();
    steps
}
