//! The verbs. Each says what it does in its own file, and none writes anywhere but to the terminal it is given.

mod apply;
#[cfg(feature = "embedded")]
pub mod cluster;
pub mod config;
mod graph;
mod outputs;
mod plan;
mod render;
pub mod stack;
mod status;

use holm_core::Graph;

use crate::args::{Settings, Verb};
use crate::connection;
use crate::diagnostic::Diagnostic;
use crate::session;
use crate::terminal::Terminal;

/// What a verb works on.
#[derive(Debug)]
pub struct Declared {
    /// The stack.
    pub graph: Graph,
    /// Whether the declaration has problems, so that the graph may lack what it declares. Only for `status` and `destroy`.
    pub is_partial: bool,
}

/// How a verb ended that did not fail with an error of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be.
    Done,
    /// There is something to report: changes, or something that is not ready.
    Different,
    /// It failed, and what there is to say is said.
    Failed,
    /// The plan is blocked by nothing but policies of the program.
    Violated,
}

/// Asks the cluster about the kinds of the graph that only it knows, where there are any and the verb needs a cluster.
///
/// # Errors
/// When there is no cluster, or the stack has problems once its kinds are known.
pub fn discovered(verb: &Verb, settings: &Settings, graph: Graph) -> Result<Graph, Diagnostic> {
    let needs_cluster = matches!(verb, Verb::Plan(_) | Verb::Apply(_) | Verb::Status(_));
    if !needs_cluster || graph.guessed_kinds().is_empty() {
        return Ok(graph);
    }
    session::block_on(async {
        let (cluster, _running) = connection::connect(graph.program(), settings).await?;
        let outline = matches!(verb, Verb::Status(_)).then(|| graph.to_outline());
        match (cluster.discover(graph).await?, outline) {
            // What is wrong with the declaration is no matter of what the cluster has.
            (Err(_), Some(outline)) => Ok(outline),
            (graph, _) => Ok(graph?),
        }
    })
}

/// Does what the verb says.
///
/// # Errors
/// What is still to be said.
pub fn run(
    verb: &Verb,
    settings: &Settings,
    declared: &Declared,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    let graph = &declared.graph;
    match verb {
        Verb::Plan(verb) => plan::run(verb, settings, graph, terminal),
        Verb::Apply(verb) => apply::run(verb, apply::What::Apply, settings, graph, terminal),
        Verb::Destroy(verb) => apply::run(verb, apply::What::Destroy, settings, graph, terminal),
        Verb::Status(_) => status::run(settings, declared, terminal),
        // It is run without a graph.
        Verb::Stack(_) => stack::run(settings, graph.program(), terminal),
        Verb::Graph(verb) => graph::run(verb, settings, graph, terminal),
        Verb::Render(_) => render::run(settings, graph, terminal),
        Verb::Outputs(verb) => outputs::run(verb, settings, graph, terminal),
        // It is run without a graph, before this.
        Verb::Config(verb) => config::run(verb, settings, None, terminal),
        // It is run without a graph.
        #[cfg(feature = "embedded")]
        Verb::Cluster(verb) => cluster::run(verb, settings, graph.program(), terminal),
    }
}
