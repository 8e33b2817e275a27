//! `render`: writes the objects as YAML, or as a JSON `List`, without a cluster. Secret values are masked.

use holm_core::validate::{self, Validated};
use holm_core::{Graph, Problems};
use serde_json::{Value, json};

use crate::args::{Output, Settings};
use crate::diagnostic::{Diagnostic, Kind};
use crate::render::manifest::{rendered, yaml};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
pub fn run(settings: &Settings, graph: &Graph, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let Validated { problems, warnings, .. } = validate::graph(graph, None);
    if !problems.is_empty() {
        return Err(Diagnostic::from(Problems(problems)));
    }
    let text = match settings.output {
        Output::Text => yaml(graph).map_err(|error| Diagnostic::of(Kind::Output, &error, None))?,
        Output::Json => {
            let items: Vec<Value> = rendered(graph).into_iter().map(|rendered| rendered.object).collect();
            format!("{:#}\n", json!({"apiVersion": "v1", "kind": "List", "items": items}))
        }
    };
    terminal.warn_of(graph.warnings(), graph.namespace());
    terminal.warn_of(&warnings, graph.namespace());
    terminal.data(&text);
    Ok(Outcome::Done)
}
