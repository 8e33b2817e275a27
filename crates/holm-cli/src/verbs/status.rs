//! `status`: what the stack owns and declares, and how far each of it has come.

use std::time::Duration;

use holm_cluster::{ObjectOwner, ObjectStatus};
use holm_readiness::State;
use jiff::Timestamp;

use crate::args::{Output, Settings};
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::render::status::{Row, write};
use crate::session::{Session, block_on};
use crate::terminal::Terminal;
use crate::verbs::{Declared, Outcome};

/// Runs the verb.
pub fn run(settings: &Settings, declared: &Declared, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let graph = &declared.graph;
    block_on(async {
        let mut session = Session::connect(graph, settings, terminal).await?;
        let statuses = session.cluster.status(graph, &session.place).await;
        session.report(terminal);
        let now = Timestamp::now();
        let statuses = statuses?;
        // A wrong name of the stack is found by this: its objects are there, and another stack manages them.
        let is_of_others = statuses.iter().any(|status| matches!(status.owner, ObjectOwner::Another(_)));
        let rows: Vec<Row> = statuses.into_iter().map(|status| row(status, declared.is_partial, now)).collect();
        if !rows.iter().any(|row| row.is_ours) {
            session.say_unless_recorded(terminal).await?;
        }
        match settings.output {
            Output::Json => {
                let document = json::status::status(graph, &rows, session.cluster.identity());
                terminal.data(&document);
            }
            Output::Text => {
                let mut text = String::new();
                write(&rows, graph.namespace(), terminal.data_layout(), &mut text);
                terminal.data(&text);
            }
        }
        let is_ready = rows.iter().all(Row::is_ready);
        Ok(match (is_ready, is_of_others) {
            (_, true) => Outcome::Failed,
            (true, _) => Outcome::Done,
            (false, _) => Outcome::Different,
        })
    })
}

fn row(mut status: ObjectStatus, is_partial: bool, now: Timestamp) -> Row {
    let is_absent = status.readiness.state == State::NotFound;
    let is_ours = status.owner == ObjectOwner::ThisStack;
    if is_absent && !is_ours {
        // Nobody expects it to be there, so its absence is no finding.
        status.readiness.reason.clear();
        "not applied yet".clone_into(&mut status.readiness.message);
    }
    let created = status.created.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    Row {
        id: status.id,
        readiness: status.readiness,
        cause: status.cause,
        // A clock that is behind the server's makes an object from the future: it is new.
        age: created.map(|created| Duration::try_from(now.duration_since(created)).unwrap_or_default()),
        is_ours,
        note: match (status.owner, status.is_declared) {
            (ObjectOwner::ThisStack, true) => None,
            // It may be among what could not be read of the declaration.
            (ObjectOwner::ThisStack, false) if is_partial => None,
            (_, true) if is_absent => None,
            (ObjectOwner::ThisStack, false) => Some("no longer declared: apply would remove it".to_owned()),
            (ObjectOwner::Another(parent), _) => Some(format!("managed by {parent}")),
            (ObjectOwner::Nobody, _) => Some("not managed by this stack".to_owned()),
        },
    }
}
