//! `stack list`: the stacks of the program that the cluster has.

use crate::args::{Output, Settings};
use crate::connection;
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::render::stacks::write;
use crate::session::block_on;
use crate::style::{Line, Role};
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs the verb.
pub fn run(settings: &Settings, program: &str, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    block_on(async {
        let (cluster, running) = connection::connect(program, settings).await?;
        let identity = cluster.identity();
        if identity.is_embedded {
            terminal.say_line(&connection::loud(running.is_by_default));
        }
        let context = identity.context.as_deref().unwrap_or(&identity.source);
        let line = Line::default().text("Stacks of ").role(Role::Strong, program).text(", cluster ");
        let line = line.role(Role::Strong, context);
        terminal.say_line(&line.role(Role::Faint, &format!(" ({}, {})", identity.server, identity.version)).hang(2));
        terminal.say("\n");
        let namespace = settings.namespace.clone().unwrap_or_else(|| identity.namespace.clone());
        let namespace = if namespace.is_empty() { "default".to_owned() } else { namespace };
        let stacks = cluster.stacks(program, &namespace).await?;
        match settings.output {
            Output::Json => terminal.data(&json::stacks::stacks(program, &stacks, identity)),
            Output::Text => {
                let mut text = String::new();
                write(&stacks, program, terminal.data_layout(), &mut text);
                terminal.data(&text);
            }
        }
        Ok(Outcome::Done)
    })
}
