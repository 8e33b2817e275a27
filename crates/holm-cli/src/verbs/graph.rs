//! `graph`: shows the resources and what each depends on, without a cluster.

use holm_core::Graph;

use crate::args::{GraphFormat, GraphVerb, Output, Settings};
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::render::graph::{dot, mermaid, write_text};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
pub fn run(
    verb: &GraphVerb,
    settings: &Settings,
    graph: &Graph,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    let text = match (settings.output, verb.format) {
        (Output::Json, _) => json::status::graph(graph),
        (Output::Text, GraphFormat::Dot) => dot(graph),
        (Output::Text, GraphFormat::Mermaid) => mermaid(graph),
        (Output::Text, GraphFormat::Text) => {
            let mut text = String::new();
            write_text(graph, terminal.data_layout(), &mut text);
            text
        }
    };
    terminal.data(&text);
    Ok(Outcome::Done)
}
