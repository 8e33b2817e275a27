//! `cluster reset`: forgets everything.

use super::Asked;
use super::status::{ClusterStatus, show};
use crate::args::Output;
use crate::args::cluster::ResetAction;
use crate::diagnostic::{Diagnostic, Kind};
use crate::embedded;
use crate::prompt;
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the action.
pub fn run(action: &ResetAction, asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    // Held first: what is asked about must not change before the answer.
    let held = asked.place.hold(&asked.command).map_err(embedded::of_place)?;
    if asked.place.exists() && !action.yes {
        ask(asked, terminal)?;
    }
    let was_there = held.delete().map_err(embedded::of_place)?;
    match asked.output {
        Output::Json => {
            let (name, file) = (asked.place.name().to_owned(), asked.place.file().display().to_string());
            show(&ClusterStatus { name, file, ..ClusterStatus::default() }, Output::Json, terminal);
        }
        Output::Text => {
            let what = if was_there { "forgotten" } else { "there was nothing to forget" };
            terminal.data(&format!("embedded:{}: {what}\n", asked.place.name()));
        }
    }
    Ok(Outcome::Done)
}

/// Asks whether everything in the cluster may be forgotten.
pub(super) fn ask(asked: &Asked<'_>, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    if asked.output == Output::Json {
        let message = "JSON output cannot ask for consent, so nothing was changed";
        return Err(Diagnostic::new(Kind::NotConfirmed, message).hint("give --yes"));
    }
    let question = format!("Forget everything in the embedded cluster \"{}\"?", asked.place.name());
    prompt::ask(&question, terminal)
}
