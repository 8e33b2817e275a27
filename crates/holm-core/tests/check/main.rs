//! What is found wrong with a declaration before any server is asked, and what is not.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod contents;
mod graph;
mod names;
mod names_of_others;
mod pods;
mod ready;
mod references;
mod rivals;
mod selection;
mod warnings;

use holm_core::{Graph, Problems, Stack};

/// The graph of a YAML text, in the namespace `ns`.
fn build(text: &str) -> Result<Graph, Problems> {
    let stack = Stack::new("test", "default", None);
    stack.in_namespace("ns");
    stack.add_yaml(text);
    stack.build()
}

/// The problems of a YAML text with their hints, one after the other, or else its warnings; nothing where all is well.
fn problems(text: &str) -> String {
    match build(text) {
        Ok(graph) => show_warnings(&graph),
        Err(problems) => show(&problems),
    }
}

/// Warnings without the line of the test.
fn show_warnings(graph: &Graph) -> String {
    let lines = graph.warnings().iter().map(|warning| match &warning.hint {
        Some(hint) => format!("warning: {warning}\n  hint: {hint}"),
        None => format!("warning: {warning}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Problems without the line of the test.
fn show(problems: &Problems) -> String {
    let lines = problems.0.iter().map(|problem| match &problem.hint {
        Some(hint) => format!("{problem}\n  hint: {hint}"),
        None => problem.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The dependencies of a graph, one a line.
fn edges(graph: &Graph) -> String {
    let lines = graph.dependencies().iter().map(|edge| {
        format!("{} -> {} ({:?}: {})", edge.dependent.short(), edge.on.short(), edge.strength, edge.origin)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A Deployment `web` whose pods have the label `app=web`, with more in its container and its pods.
fn deployment(container: &str, pod: &str) -> String {
    let indent = |text: &str, width: usize| -> String {
        let lines = text.trim().lines().map(|line| format!("{}{line}", " ".repeat(width)));
        lines.collect::<Vec<_>>().join("\n")
    };
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  \
         template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n{}\n      containers:\n      - name: web\n        \
         image: web:1\n{}\n",
        indent(pod, 6),
        indent(container, 8),
    )
}
