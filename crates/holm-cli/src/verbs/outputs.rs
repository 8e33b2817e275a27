//! `outputs`: shows the exported values, secret ones masked. A cluster is looked for only where a value comes from one.

use std::collections::BTreeMap;

use holm_cluster::Output as Exported;
use holm_core::{Graph, Input};

use crate::args::{Output, OutputsVerb, Settings};
use crate::diagnostic::{Diagnostic, Kind};
use crate::json;
use crate::render::outputs::{text, write};
use crate::session::{Session, block_on};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
pub fn run(
    verb: &OutputsVerb,
    settings: &Settings,
    graph: &Graph,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    if let Some(name) = verb.name.as_ref().filter(|name| !graph.outputs().contains_key(*name)) {
        let names: Vec<&str> = graph.outputs().keys().map(String::as_str).collect();
        let diagnostic = Diagnostic::new(Kind::Usage, format!("the stack exports no \"{name}\""));
        return Err(diagnostic
            .hint(format!("it exports: {}", if names.is_empty() { "nothing".into() } else { names.join(", ") })));
    }
    let (outputs, cluster) = match known(graph) {
        Some(outputs) => (outputs, None),
        None => block_on(async {
            let mut session = Session::connect(graph, settings, terminal).await?;
            let outputs = session.cluster.outputs(graph, &session.place).await;
            session.report(terminal);
            Ok((outputs?, Some(session.cluster.identity().clone())))
        })?,
    };
    let written = match (settings.output, verb.name.as_ref().and_then(|name| outputs.get(name))) {
        (Output::Json, None) => json::status::outputs(graph, &outputs, cluster.as_ref()),
        (Output::Json, Some(output)) => json::status::output(output),
        (Output::Text, Some(output)) => format!("{}\n", text(output)),
        (Output::Text, None) => {
            let mut written = String::new();
            write(&outputs, terminal.data_layout(), &mut written);
            written
        }
    };
    terminal.data(&written);
    Ok(Outcome::Done)
}

/// The values, where the declaration alone knows them all.
fn known(graph: &Graph) -> Option<BTreeMap<String, Exported>> {
    let value = |input: &Input| match input.text() {
        Some(text) => Some(Exported::Plain(text.into())),
        // A secret of the declaration is never shown, so it need not be looked up either.
        None if matches!(input, Input::Sensitive(_)) => Some(Exported::Sensitive),
        None => None,
    };
    graph.outputs().iter().map(|(name, input)| Some((name.clone(), value(input)?))).collect()
}
