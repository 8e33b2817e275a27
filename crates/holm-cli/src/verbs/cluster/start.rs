//! `cluster start`: the cluster in the foreground, with a listener.

use holm_embedded::{Cluster, ClusterOptions};

use super::Asked;
use crate::args::Output;
use crate::args::cluster::StartAction;
use crate::diagnostic::Diagnostic;
use crate::embedded;
use crate::interrupt::Interrupts;
use crate::json;
use crate::session::block_on;
use crate::style::{Line, Role};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the action.
pub fn run(action: &StartAction, asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let failed = |error| embedded::of_cluster(error, asked.program);
    block_on(async {
        // Before anything is opened, so that every interrupt ends it cleanly.
        let mut interrupts = Interrupts::listen();
        let mut cluster =
            Cluster::open(&asked.place, &asked.command, ClusterOptions::default()).await.map_err(failed)?;
        embedded::warn_of_unreadable(cluster.unreadable(), terminal);
        let listener = cluster.listen(action.port).await.map_err(failed)?;
        let (server, kubeconfig) = (format!("https://{}", listener.address()), asked.place.kubeconfig());
        match asked.output {
            Output::Json => terminal.data(&json::cluster::listening(asked.place.name(), &server, &kubeconfig)),
            Output::Text => {
                let mut text = String::new();
                let rows = [("listening", server), ("kubeconfig", kubeconfig.display().to_string())];
                for (name, value) in rows {
                    Line::default()
                        .role(Role::Faint, name)
                        .column(12)
                        .hang_here()
                        .text(&value)
                        .write(terminal.data_layout(), &mut text);
                }
                terminal.data(&text);
                terminal.say("Ctrl-C ends it; what is in it is kept.\n");
            }
        }
        interrupts.next().await;
        drop(listener);
        // Whoever was answered has what the answer told on the disk; this is for what controllers did since.
        let _ = cluster.api().stored().await;
        terminal.say("\nended\n");
        Ok(Outcome::Done)
    })
}
