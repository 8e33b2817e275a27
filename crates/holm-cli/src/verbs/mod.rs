//! The verbs. Each says what it does in its own file, and none writes anywhere but to the terminal it is given.

mod apply;
#[cfg(feature = "embedded")]
pub mod cluster;
mod graph;
mod outputs;
mod plan;
mod render;
mod status;

use holm_core::Graph;

use crate::args::{Settings, Verb};
use crate::diagnostic::Diagnostic;
use crate::terminal::Terminal;

/// How a verb ended that did not fail with an error of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be.
    Done,
    /// There is something to report: changes, or something that is not ready.
    Different,
    /// It failed, and what there is to say is said.
    Failed,
}

/// Does what the verb says.
///
/// # Errors
/// What is still to be said.
pub fn run(verb: &Verb, settings: &Settings, graph: &Graph, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    match verb {
        Verb::Plan(verb) => plan::run(verb, settings, graph, terminal),
        Verb::Apply(verb) => apply::run(verb, apply::What::Apply, settings, graph, terminal),
        Verb::Destroy(verb) => apply::run(verb, apply::What::Destroy, settings, graph, terminal),
        Verb::Status(_) => status::run(settings, graph, terminal),
        Verb::Graph(verb) => graph::run(verb, settings, graph, terminal),
        Verb::Render(_) => render::run(settings, graph, terminal),
        Verb::Outputs(verb) => outputs::run(verb, settings, graph, terminal),
        // It is run without a graph.
        #[cfg(feature = "embedded")]
        Verb::Cluster(verb) => cluster::run(verb, settings, graph.program(), terminal),
    }
}
