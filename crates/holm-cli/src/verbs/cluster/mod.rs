//! `cluster`: the embedded cluster of this user, without a stack.

mod reset;
mod start;
mod status;
mod transfer;

use holm_embedded::Place;
pub use status::ClusterStatus;

use crate::args::cluster::{ClusterAction, ClusterVerb};
use crate::args::{Output, Settings};
use crate::connection;
use crate::diagnostic::{Diagnostic, Kind};
use crate::embedded;
use crate::json;
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// One embedded cluster, and who asks for it.
struct Asked<'a> {
    place: Place,
    program: &'a str,
    /// What others are told while this process has the cluster.
    command: String,
    output: Output,
}

/// Runs the verb.
pub fn run(
    verb: &ClusterVerb,
    settings: &Settings,
    program: &str,
    terminal: &mut Terminal,
) -> Result<Outcome, Diagnostic> {
    if settings.kubeconfig.is_some() || settings.context.is_some() {
        let message = "`cluster` is about the embedded cluster, which has neither --kubeconfig nor --context";
        return Err(Diagnostic::new(Kind::Usage, message));
    }
    let place = embedded::place(&settings.cluster.clone().unwrap_or_default())?;
    let command = embedded::command(program, settings.verb);
    let asked = Asked { place, program, command, output: settings.output };
    terminal.say_line(&connection::loud(false));
    match &verb.action {
        ClusterAction::Start(action) => start::run(action, &asked, terminal),
        ClusterAction::Status(_) => status::run(&asked, terminal),
        ClusterAction::Reset(action) => reset::run(action, &asked, terminal),
        ClusterAction::Export(action) => transfer::export(action, &asked, terminal),
        ClusterAction::Import(action) => transfer::import(action, &asked, terminal),
        ClusterAction::Kubeconfig(_) => kubeconfig(&asked, terminal),
    }
}

fn kubeconfig(asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let holder = asked.place.holder().map_err(embedded::of_place)?;
    let Some(path) = holder.and_then(|holder| holder.kubeconfig) else {
        let message = format!("the embedded cluster \"{}\" listens nowhere just now", asked.place.name());
        let hint = format!("`{} cluster start` in another terminal makes it listen", asked.program);
        return Err(Diagnostic::new(Kind::Cluster, message).hint(hint));
    };
    match asked.output {
        Output::Text => terminal.data(&format!("{}\n", path.display())),
        Output::Json => terminal.data(&json::cluster::kubeconfig(&path)),
    }
    Ok(Outcome::Done)
}
