//! `plan`: shows what would change. Sends nothing but reads and dry-runs.

use holm_cluster::Identity;
use holm_core::Graph;
use holm_planner::plan::{Blocker, BlockerKind, Plan, PlanOptions};

use crate::args::{Output, PlanVerb, Planning, Settings};
use crate::connection;
use crate::diagnostic::Diagnostic;
use crate::json::Form;
use crate::json::plan::PlanDocument;
use crate::render::plan::{Details, write};
use crate::session::{Planned, Session, block_on};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
pub fn run(
    verb: &PlanVerb,
    settings: &Settings,
    graph: &Graph,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    block_on(async {
        let mut session = Session::connect(graph, settings, terminal).await?;
        let options = PlanOptions { adopt: verb.planning.adoption(true), ..PlanOptions::default() };
        let planned = session.plan(graph, &verb.planning, options, terminal).await?;
        if planned.is_first {
            session.warn_of_elsewhere(terminal).await?;
        }
        match settings.output {
            Output::Text => show(&planned, &verb.planning, session.cluster.identity(), terminal),
            Output::Json => {
                let cluster = session.cluster.identity();
                let document = PlanDocument::of(&planned.plan, &planned.created, &planned.warnings, cluster);
                terminal.data(&document.to_json(Form::Indented));
            }
        }
        Ok(match (planned.plan.blockers.is_empty(), planned.plan.has_changes()) {
            (false, _) if only_policies(&planned.plan) => Outcome::Violated,
            // What cannot be applied is an error, however much of it can be shown.
            (false, _) => Outcome::Failed,
            (true, true) => Outcome::Different,
            (true, false) => Outcome::Done,
        })
    })
}

/// Returns whether a plan is blocked by nothing but policies of the program.
pub fn only_policies(plan: &Plan) -> bool {
    let is_policy = |blocker: &Blocker| matches!(blocker.kind, BlockerKind::PolicyViolated { .. });
    !plan.blockers.is_empty() && plan.blockers.iter().all(is_policy)
}

/// Writes the plan for people.
pub fn show(planned: &Planned, planning: &Planning, cluster: &Identity, terminal: &mut Terminal) {
    let details = Details { unchanged: planning.details, created: planned.created.clone() };
    let mut text = String::new();
    write(&planned.plan, &details, terminal.data_layout(), &mut text);
    if cluster.is_embedded {
        // With the data, because it goes wherever that goes.
        text.push('\n');
        connection::provenance().write(terminal.data_layout(), &mut text);
    }
    terminal.data(&text);
}
