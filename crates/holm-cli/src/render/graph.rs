//! The graph as text, for Graphviz and for Mermaid.

use std::collections::BTreeMap;

use holm_core::{Dependency, Graph, Origin, ResourceId, Strength};

use crate::style::{Layout, Line, Role, columns};

/// All edges between two resources as one: the strongest, with where each was read from.
struct Edge<'a> {
    on: &'a ResourceId,
    strength: Strength,
    origins: Vec<&'a Origin>,
}

/// Writes each resource in dependency order with what it requires and selects.
pub fn write_text(graph: &Graph, layout: Layout, out: &mut String) {
    let home = graph.namespace();
    let edges = edges(graph);
    let names = edges.values().flatten().map(|edge| edge.on);
    let names =
        names.chain(graph.selections().iter().map(|selection| &selection.workload)).chain(graph.externals().keys());
    let widest = names.map(|id| columns(&id.relative_to(home))).max().unwrap_or(0).min(44);
    let mut count = 0;
    for resource in graph.resources() {
        let mut head = Line::default().role(Role::Strong, &resource.id.relative_to(home));
        if let Some(component) = &resource.component {
            head = head.role(Role::Faint, &format!("  in {component}"));
        }
        if resource.options.protect {
            head = head.role(Role::Special, "  protected");
        }
        if resource.options.retain_on_delete {
            head = head.role(Role::Special, "  retained");
        }
        head.write(layout, out);
        let column = 13 + widest + 2;
        for edge in edges.get(&resource.id).into_iter().flatten() {
            count += 1;
            let origins = origins(&edge.origins);
            let line = Line::indented(2)
                .role(Role::Faint, "requires")
                .column(13)
                .text(&edge.on.relative_to(home))
                .column(column);
            line.text(&format!("{:<13}", strength(edge.strength)))
                .hang_here()
                .role(Role::Faint, &origins)
                .write(layout, out);
        }
        for selection in graph.selections().iter().filter(|selection| selection.selector == resource.id) {
            let line = Line::indented(2).role(Role::Faint, "selects").column(13);
            line.text(&selection.workload.relative_to(home)).write(layout, out);
        }
        // That everything lives in a namespace outside is no news on each line.
        for (id, external) in graph.externals().iter().filter(|(id, _)| !id.is("", "Namespace")) {
            let Some((_, path)) = external.used_by.iter().find(|(user, _)| *user == resource.id) else { continue };
            let line =
                Line::indented(2).role(Role::Faint, "names").column(13).text(&id.relative_to(home)).column(column);
            line.text(&format!("{:<13}", "outside"))
                .hang_here()
                .role(Role::Faint, &path.to_string())
                .write(layout, out);
        }
    }
    if !graph.resources().is_empty() {
        out.push('\n');
    }
    let summary = format!(
        "Graph: {}, {}",
        counted(graph.resources().len(), "resource", "resources"),
        counted(count, "dependency", "dependencies")
    );
    Line::default().role(Role::Strong, &summary).write(layout, out);
}

/// The graph for Graphviz. Arrows lead from what is needed to what needs it, as an apply goes.
pub fn dot(graph: &Graph) -> String {
    let numbers = numbers(graph);
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(graph.program()));
    write_nodes(
        graph,
        &mut out,
        &|depth, component, cluster| match component {
            Some(name) => format!("{depth}subgraph cluster{cluster} {{\n{depth}  label={};\n", quoted(name)),
            None => format!("{depth}}}\n"),
        },
        &|depth, number, id| {
            let style = if graph.get(id).is_some() { "" } else { ", style=dashed" };
            format!("{depth}n{number} [label={}{style}];\n", quoted(&id.relative_to(graph.namespace())))
        },
    );
    for (dependent, edges) in &edges(graph) {
        for edge in edges {
            let label = quoted(strength(edge.strength));
            out.push_str(&format!("  n{} -> n{} [label={label}];\n", numbers[edge.on], numbers[dependent]));
        }
    }
    for (from, to) in dashed(graph) {
        out.push_str(&format!("  n{} -> n{} [style=dashed, arrowhead=none];\n", numbers[from], numbers[to]));
    }
    out.push_str("}\n");
    out
}

/// The graph for Mermaid, which Markdown renderers draw.
pub fn mermaid(graph: &Graph) -> String {
    let numbers = numbers(graph);
    let mut out = "flowchart LR\n".to_owned();
    write_nodes(
        graph,
        &mut out,
        &|depth, component, cluster| match component {
            Some(name) => format!("{depth}subgraph c{cluster} [\"{name}\"]\n"),
            None => format!("{depth}end\n"),
        },
        &|depth, number, id| {
            let label = id.relative_to(graph.namespace()).replace('"', "#quot;");
            let (open, close) = if graph.get(id).is_some() { ("[", "]") } else { ("([", "])") };
            format!("{depth}n{number}{open}\"{label}\"{close}\n")
        },
    );
    for (dependent, edges) in &edges(graph) {
        for edge in edges {
            let label = strength(edge.strength);
            out.push_str(&format!("  n{} -->|{label}| n{}\n", numbers[edge.on], numbers[dependent]));
        }
    }
    for (from, to) in dashed(graph) {
        out.push_str(&format!("  n{} -.- n{}\n", numbers[from], numbers[to]));
    }
    out
}

/// The word for a strength.
pub fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Exists => "exists",
        Strength::Established => "established",
        Strength::Ready => "ready",
    }
}

fn edges(graph: &Graph) -> BTreeMap<&ResourceId, Vec<Edge<'_>>> {
    let mut edges: BTreeMap<&ResourceId, Vec<Edge<'_>>> = BTreeMap::new();
    for Dependency { dependent, on, strength, origin, .. } in graph.dependencies() {
        let list = edges.entry(dependent).or_default();
        match list.iter_mut().find(|edge| edge.on == on) {
            Some(edge) => {
                edge.strength = edge.strength.max(*strength);
                edge.origins.push(origin);
            }
            None => list.push(Edge { on, strength: *strength, origins: vec![origin] }),
        }
    }
    edges
}

/// A number for each resource, in dependency order, and for each one outside after them.
fn numbers(graph: &Graph) -> BTreeMap<&ResourceId, usize> {
    nodes(graph).enumerate().map(|(number, id)| (id, number)).collect()
}

fn nodes(graph: &Graph) -> impl Iterator<Item = &ResourceId> {
    let inside = graph.resources().iter().map(|resource| &resource.id);
    inside.chain(graph.externals().iter().filter(|(_, external)| !external.used_by.is_empty()).map(|(id, _)| id))
}

/// Writes the beginning of a component, by its name and number, and its end, without a name; with the indentation.
type Border<'a> = &'a dyn Fn(&str, Option<&str>, usize) -> String;

/// Writes the nodes, those of a component inside of it. A component's name says which one it is inside of.
fn write_nodes(graph: &Graph, out: &mut String, border: Border<'_>, node: &dyn Fn(&str, usize, &ResourceId) -> String) {
    let mut sorted: Vec<(Vec<&str>, usize, &ResourceId)> = nodes(graph)
        .enumerate()
        .map(|(number, id)| {
            let component = graph.get(id).and_then(|resource| resource.component.as_deref());
            (component.into_iter().flat_map(|path| path.split('/')).collect(), number, id)
        })
        .collect();
    // Stable, so that the nodes of a component stay in dependency order.
    sorted.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut open: Vec<&str> = Vec::new();
    let mut clusters = 0;
    let indent = |depth: usize| "  ".repeat(depth + 1);
    for (path, number, id) in &sorted {
        let common = open.iter().zip(path).take_while(|(one, other)| one == other).count();
        while open.len() > common {
            open.pop();
            out.push_str(&border(&indent(open.len()), None, 0));
        }
        for name in &path[common..] {
            out.push_str(&border(&indent(open.len()), Some(name), clusters));
            open.push(name);
            clusters += 1;
        }
        out.push_str(&node(&indent(open.len()), *number, id));
    }
    while open.pop().is_some() {
        out.push_str(&border(&indent(open.len()), None, 0));
    }
}

/// The lines that order nothing: who selects whose pods, and who names what outside.
fn dashed(graph: &Graph) -> Vec<(&ResourceId, &ResourceId)> {
    let selections = graph.selections().iter().map(|selection| (&selection.selector, &selection.workload));
    let outside =
        graph.externals().iter().flat_map(|(id, external)| external.used_by.iter().map(move |(user, _)| (id, user)));
    let mut lines: Vec<_> = selections.chain(outside).collect();
    lines.dedup();
    lines
}

fn origins(origins: &[&Origin]) -> String {
    match origins {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    use super::*;

    #[test]
    fn the_graph_reads_in_dependency_order() {
        let mut out = String::new();
        write_text(&sample::graph(), Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @"
        Secret/postgres-secret
        PersistentVolumeClaim/postgres-pvc  protected
        ConfigMap/postgres-init
          requires   PersistentVolumeClaim/postgres-pvc  ready        depends_on, and 1
                                                                      more
          requires   Secret/postgres-secret              ready        depends_on

        Graph: 3 resources, 2 dependencies
        ");
    }

    #[test]
    fn components_are_shown_as_one_inside_of_another() {
        let stack = holm_core::Stack::new("shop", "default", Some("shop"));
        let map = |name: &str| {
            holm_core::Manifest::new(
                serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}),
            )
        };
        stack.component("web", |stack| {
            stack.add(map("first"));
            stack.component("cache", |stack| stack.add(map("second")));
            stack.add(map("third"));
        });
        stack.add(map("fourth"));
        let graph = stack.build().expect("the test's own stack has no problems");
        insta::assert_snapshot!(dot(&graph), @r#"
        digraph "shop" {
          rankdir=LR;
          node [shape=box];
          n3 [label="ConfigMap/fourth"];
          n4 [label="Namespace/shop", style=dashed];
          subgraph cluster0 {
            label="web";
            n0 [label="ConfigMap/first"];
            n2 [label="ConfigMap/third"];
            subgraph cluster1 {
              label="cache";
              n1 [label="ConfigMap/second"];
            }
          }
          n4 -> n0 [style=dashed, arrowhead=none];
          n4 -> n1 [style=dashed, arrowhead=none];
          n4 -> n2 [style=dashed, arrowhead=none];
          n4 -> n3 [style=dashed, arrowhead=none];
        }
        "#);
        insta::assert_snapshot!(mermaid(&graph), @r#"
        flowchart LR
          n3["ConfigMap/fourth"]
          n4(["Namespace/shop"])
          subgraph c0 ["web"]
            n0["ConfigMap/first"]
            n2["ConfigMap/third"]
            subgraph c1 ["cache"]
              n1["ConfigMap/second"]
            end
          end
          n4 -.- n0
          n4 -.- n1
          n4 -.- n2
          n4 -.- n3
        "#);
        let mut out = String::new();
        write_text(&graph, Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @"
        ConfigMap/first  in web
        ConfigMap/second  in web/cache
        ConfigMap/third  in web
        ConfigMap/fourth

        Graph: 4 resources, 0 dependencies
        ");
    }

    #[test]
    fn graphviz_and_mermaid_show_the_same() {
        insta::assert_snapshot!(dot(&sample::graph()), @r#"
        digraph "holm-pg" {
          rankdir=LR;
          node [shape=box];
          n0 [label="Secret/postgres-secret"];
          n1 [label="PersistentVolumeClaim/postgres-pvc"];
          n2 [label="ConfigMap/postgres-init"];
          n3 [label="Namespace/holm", style=dashed];
          n1 -> n2 [label="ready"];
          n0 -> n2 [label="ready"];
          n3 -> n0 [style=dashed, arrowhead=none];
          n3 -> n1 [style=dashed, arrowhead=none];
          n3 -> n2 [style=dashed, arrowhead=none];
        }
        "#);
        insta::assert_snapshot!(mermaid(&sample::graph()), @r#"
        flowchart LR
          n0["Secret/postgres-secret"]
          n1["PersistentVolumeClaim/postgres-pvc"]
          n2["ConfigMap/postgres-init"]
          n3(["Namespace/holm"])
          n1 -->|ready| n2
          n0 -->|ready| n2
          n3 -.- n0
          n3 -.- n1
          n3 -.- n2
        "#);
    }
}
