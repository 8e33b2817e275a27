//! Asking before something is changed.

use std::io::BufRead as _;

use holm_planner::plan::{Action, Plan};

use crate::diagnostic::{Diagnostic, Kind};
use crate::style::{Line, Role};
use crate::terminal::Terminal;

/// Whether the user agrees to the plan that was just shown; only `y` and `yes` do.
///
/// # Errors
/// When nobody is there to ask, or the answer is no.
pub async fn confirm(plan: &Plan, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    put(&question(plan), terminal)?;
    // An embedded cluster goes on while the user reads.
    let answer = tokio::task::spawn_blocking(read).await.unwrap_or(None);
    accept(answer, terminal)
}

/// Whether the user says yes to this question.
///
/// # Errors
/// When nobody is there to ask, or the answer is no.
#[cfg(feature = "embedded")]
pub fn ask(question: &str, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    put(question, terminal)?;
    accept(read(), terminal)
}

/// Writes the question.
fn put(question: &str, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    if !terminal.is_interactive() {
        let message = "there is no terminal to ask for consent on, so nothing was changed";
        return Err(Diagnostic::new(Kind::NotConfirmed, message).hint("give --yes to go ahead without being asked"));
    }
    let mut text = String::from("\n");
    Line::default().role(Role::Strong, question).text(" [y/N]").write(terminal.rest_layout(), &mut text);
    terminal.say(&format!("{} ", text.trim_end_matches('\n')));
    Ok(())
}

/// Waits for a line of the user; none where there is none to read.
fn read() -> Option<String> {
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok().map(|_| answer)
}

fn accept(answer: Option<String>, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    if answer.is_some_and(|answer| is_yes(&answer)) {
        terminal.say("\n");
        return Ok(());
    }
    Err(Diagnostic::new(Kind::NotConfirmed, "not confirmed, so nothing was changed"))
}

fn question(plan: &Plan) -> String {
    let deleted = plan.count(Action::Delete) + plan.count(Action::Replace);
    let others = plan.changes.iter().filter(|change| change.action.is_change()).count() - plan.count(Action::Delete);
    match (deleted, others) {
        (0, _) => "Apply these changes?".to_owned(),
        (1, 0) => "Delete this object?".to_owned(),
        (many, 0) => format!("Delete these {many} objects?"),
        (1, _) => "Apply these changes, which delete 1 object?".to_owned(),
        (many, _) => format!("Apply these changes, which delete {many} objects?"),
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use crate::render::sample;
    use crate::style::Layout;

    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let cases = [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("n\n", false), ("yeah\n", false)];
        for (answer, expected) in cases {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn the_question_says_what_is_lost() {
        assert_eq!(question(&sample::first_plan()), "Apply these changes?");
        assert_eq!(question(&sample::busy_plan()), "Apply these changes, which delete 2 objects?");
        let mut plan = sample::busy_plan();
        plan.changes.retain(|change| change.action == Action::Delete);
        assert_eq!(question(&plan), "Delete this object?");
    }

    #[test]
    fn without_a_terminal_nothing_is_asked_and_nothing_is_changed() {
        let mut terminal = Terminal::to(Box::new(std::io::sink()), Box::new(std::io::sink()), Layout::default());
        let error =
            crate::session::block_on(confirm(&sample::first_plan(), &mut terminal)).expect_err("nobody is there");
        assert_eq!(error.kind, Kind::NotConfirmed);
        assert!(error.hint.is_some_and(|hint| hint.contains("--yes")));
    }
}
