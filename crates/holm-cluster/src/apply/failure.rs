//! Turns a request that failed into what is told about one change.

use holm_executor::event::Failure;
use holm_planner::plan::Action;

use crate::error::{RequestError, Trouble};
use crate::transport::is_about_identity;

/// A request that failed.
pub(super) fn request(error: &RequestError, action: Action) -> Failure {
    let tries = if error.tries > 1 { format!(", tried {} times", error.tries) } else { String::new() };
    let mut sources = vec![format!("{} {}{tries}", error.method, error.path)];
    let is_another = match &error.trouble {
        Trouble::Conflict(message) => is_about_identity(message),
        Trouble::NotFound(_) => action == Action::Update,
        _ => false,
    };
    let is_there = matches!(error.trouble, Trouble::AlreadyExists(_));
    let message = if is_there {
        sources.insert(0, error.trouble.to_string());
        "another client or another run made it after the plan was made, and its generated value must not be overwritten"
            .to_owned()
    } else if is_another {
        sources.insert(0, error.trouble.to_string());
        "another client deleted or replaced it after the plan was made".to_owned()
    } else {
        error.trouble.to_string()
    };
    let hint = if is_another || is_there { Some("plan again".to_owned()) } else { error.hint() };
    Failure { message, sources, cause: None, hint }
}
