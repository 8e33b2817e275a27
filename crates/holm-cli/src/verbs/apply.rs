//! `apply` and `destroy`: the same path, with what is declared or with nothing.
//!
//! The plan and the line that counts at the end are data; the question, the progress and what failed are not.

use std::time::Instant;

use holm_cluster::{ApplyOptions, LogScope, StopLevel, stop};
use holm_core::Graph;
use holm_executor::event::{Event, Report};
use holm_planner::plan::{Plan, PlanOptions};
use tokio::sync::mpsc::unbounded_channel;

use crate::args::{ApplyVerb, Logs, Output, PARALLEL, Settings, TIMEOUT};
use crate::diagnostic::{Diagnostic, Kind};
use crate::interrupt::Interrupts;
use crate::json::plan::PlanDocument;
use crate::json::{self, Form};
use crate::progress::{DRAWN_EVERY, Progress};
use crate::prompt;
use crate::render::report;
use crate::session::{Planned, Session, block_on};
use crate::style::{Line, Role};
use crate::terminal::Terminal;
use crate::verbs::{Outcome, plan};

/// Which of both verbs it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// What is declared.
    Apply,
    /// Nothing.
    Destroy,
}

/// Runs the verb.
pub fn run(
    verb: &ApplyVerb,
    what: What,
    settings: &Settings,
    graph: &Graph,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    if settings.output == Output::Json && !verb.yes {
        let message = "JSON output cannot ask for consent, so nothing was changed";
        return Err(Diagnostic::new(Kind::NotConfirmed, message).hint("give --yes, best after a look at `plan`"));
    }
    let emptied = graph.emptied();
    let wanted = if what == What::Destroy { &emptied } else { graph };
    block_on(async {
        let mut session = Session::connect(graph, settings, terminal).await?;
        let options = PlanOptions {
            // What is created right after is checked by the server anyway; a plan that somebody reads is checked first.
            skip_create_checks: verb.yes && !verb.planning.thorough,
            destroy: what == What::Destroy,
            adopt: verb.planning.adoption(!verb.yes),
            ..PlanOptions::default()
        };
        let mut planned = session.plan(wanted, &verb.planning, options.clone(), terminal).await?;
        match (planned.is_first, what) {
            (true, What::Destroy) => session.say_unless_recorded(terminal).await?,
            (true, What::Apply) => session.warn_of_elsewhere(terminal).await?,
            (false, _) => {}
        }
        match settings.output {
            Output::Text => plan::show(&planned, &verb.planning, session.cluster.identity(), terminal),
            Output::Json => {
                let cluster = session.cluster.identity();
                let document = PlanDocument::of(&planned.plan, &planned.created, &planned.warnings, cluster);
                terminal.data(&document.to_json(Form::Line));
            }
        }
        if !planned.plan.blockers.is_empty() {
            let message = match planned.plan.blockers.len() {
                1 => "plan blocked by 1 error; nothing was changed".to_owned(),
                many => format!("plan blocked by {many} errors; nothing was changed"),
            };
            let kind = if plan::only_policies(&planned.plan) { Kind::Violated } else { Kind::Blocked };
            return Err(Diagnostic::new(kind, message));
        }
        if planned.plan.has_changes() && !verb.yes {
            prompt::confirm(&planned.plan, terminal).await?;
            // What was confirmed is the plan that was shown, and the cluster may have changed meanwhile.
            let again = session.plan(wanted, &verb.planning, options, terminal).await?;
            unchanged_since(&planned.plan, &again.plan)?;
            planned = again;
        } else if settings.output == Output::Text {
            terminal.say("\n");
        }
        carry_out(&mut session, planned, verb, terminal).await
    })
}

/// Makes sure that the plan which was confirmed still holds.
fn unchanged_since(shown: &Plan, now: &Plan) -> Result<(), Diagnostic> {
    let differences = shown.differences(now);
    let names: Vec<String> = differences.iter().take(5).map(|id| id.relative_to(now.namespace.as_deref())).collect();
    let more = differences.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if differences.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the cluster changed while the plan waited for an answer ({}{more}); nothing was changed",
        names.join(", ")
    );
    Err(Diagnostic::new(Kind::Blocked, message).hint("run again, and look at the new plan"))
}

async fn carry_out(
    session: &mut Session<'_>,
    planned: Planned,
    verb: &ApplyVerb,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    let options = ApplyOptions {
        parallel: verb.parallel.unwrap_or(PARALLEL),
        timeout: verb.timeout.unwrap_or(TIMEOUT),
        extends_timeout: verb.timeout.is_none(),
        total: verb.total_timeout,
    };
    let logs = match verb.logs.unwrap_or_default() {
        Logs::Jobs => LogScope::Jobs,
        Logs::All => LogScope::All,
        Logs::None => LogScope::None,
    };
    let Planned { plan, .. } = planned;
    let output = session.output;
    let mut progress = Progress::new(&plan, terminal.is_live() && output == Output::Text, session.warned.clone());
    let started = Instant::now();
    let (sender, mut events) = unbounded_channel::<Event>();
    let (stopper, stop) = stop();
    let mut interrupts = Interrupts::listen();
    let mut ticks = tokio::time::interval(DRAWN_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ran = {
        let apply = session.cluster.apply(&plan, holm_cluster::Session { options, events: sender, stop, logs });
        tokio::pin!(apply);
        loop {
            tokio::select! {
                biased;
                () = interrupts.next() => {
                    let text = match stopper.escalate() {
                        StopLevel::Now => "stopping now; what was intended is recorded, so the next run picks it up",
                        _ => "stopping: nothing new is begun, what is in flight is finished; once more stops at once",
                    };
                    let line = Line::default().role(Role::Warning, "interrupted:").text(" ").hang_here().text(text);
                    progress.say(&line, terminal.rest_layout());
                }
                Some(event) = events.recv() => take(&event, &mut progress, output, started, terminal),
                ran = &mut apply => break ran,
                _ = ticks.tick() => {
                    for line in session.traces() {
                        progress.say(&line, terminal.rest_layout());
                    }
                    terminal.columns_now();
                    let text = progress.draw(Instant::now(), terminal.rest_layout());
                    terminal.say(&text);
                }
            }
        }
    };
    while let Ok(event) = events.try_recv() {
        take(&event, &mut progress, output, started, terminal);
    }
    for line in session.traces() {
        progress.say(&line, terminal.rest_layout());
    }
    let text = progress.finish();
    terminal.say(&text);
    end(&ran?, progress.has_spoken(), session, terminal)
}

fn take(event: &Event, progress: &mut Progress, output: Output, started: Instant, terminal: &mut Terminal) {
    match output {
        Output::Text => progress.event(event, Instant::now(), terminal.rest_layout()),
        Output::Json => terminal.data(&json::event::event(event, started.elapsed())),
    }
}

fn end(
    ended: &Report,
    has_spoken: bool,
    session: &Session<'_>,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    let requests = session.cluster.requests();
    match session.output {
        Output::Json => terminal.data(&json::event::report(ended, requests)),
        Output::Text => {
            let mut text = String::new();
            report::write_failures(ended, session.graph.namespace(), terminal.rest_layout(), &mut text);
            if !text.is_empty() {
                terminal.say(&format!("\n{}\n", text.trim_end()));
            }
            if has_spoken || !text.is_empty() {
                terminal.say("\n");
            }
            let mut text = String::new();
            let role = if ended.is_success() { Role::Good } else { Role::Error };
            Line::default().role(role, &report::summary(ended, requests)).write(terminal.data_layout(), &mut text);
            terminal.data(&text);
        }
    }
    Ok(if ended.is_success() { Outcome::Done } else { Outcome::Failed })
}
