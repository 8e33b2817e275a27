//! Errors at the edge: every error of every library becomes a [`Diagnostic`] here and nowhere else.

use std::error::Error;

use holm_cluster::{ClusterError, ConnectError};
use holm_core::{Problem, Problems};

use crate::hint;
use crate::render::{config, problem};
use crate::style::{Layout, Line, Role};

/// What went wrong, for a person and for a machine.
#[derive(Debug)]
pub struct Diagnostic {
    /// What kind of error it is.
    pub kind: Kind,
    /// What was attempted and failed, in one line without a full stop.
    pub message: String,
    /// The causes below it, outermost first, none repeating the one above.
    pub causes: Vec<String>,
    /// The problems of the declaration, where it is about those.
    pub problems: Vec<Problem>,
    /// The problems of the configuration, where it is about those.
    pub configuration: Box<[holm_config::Problem]>,
    /// What would help.
    pub hint: Option<String>,
}

/// The exit code where nothing but violated policies blocks a plan.
pub const VIOLATED: u8 = 3;

/// What kind of error it is. Each exits with 1, and a violated policy with 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong, or its file cannot be used.
    Configuration,
    /// The program's declaration is wrong.
    Declaration,
    /// There is no cluster, or it does not answer.
    Cluster,
    /// Something stands in the way of the plan.
    Blocked,
    /// Only policies of the program block the plan.
    Violated,
    /// Nobody agreed to the changes.
    NotConfirmed,
    /// The user stopped it.
    Interrupted,
    /// The output could not be written.
    Output,
}

impl Kind {
    /// The word for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Declaration => "declaration",
            Self::Cluster => "cluster",
            Self::Blocked => "blocked",
            Self::Violated => "violated",
            Self::NotConfirmed => "not_confirmed",
            Self::Interrupted => "interrupted",
            Self::Output => "output",
        }
    }
}

impl Kind {
    /// The exit code.
    pub fn exit_code(self) -> u8 {
        if self == Self::Violated { VIOLATED } else { 1 }
    }
}

impl Diagnostic {
    /// An error that is nothing but its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, causes: Vec::new(), problems: Vec::new(), configuration: Box::default(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problems of a declaration, the first with this hint where it has none.
    #[must_use]
    pub fn with_problem_hint(mut self, hint: &str) -> Self {
        if let Some(problem) = self.problems.first_mut().filter(|problem| problem.hint.is_none()) {
            problem.hint = Some(hint.to_owned());
        }
        self
    }

    /// An error with everything below it.
    pub fn of(kind: Kind, error: &dyn Error, hint: Option<String>) -> Self {
        Self { causes: causes(error), hint, ..Self::new(kind, error.to_string()) }
    }

    /// Writes the error for a person.
    pub fn write(&self, layout: Layout, out: &mut String) {
        if !self.problems.is_empty() {
            problem::write(&self.problems, layout, out);
            return;
        }
        if !self.configuration.is_empty() {
            config::write_problems(&self.configuration, layout, out);
            return;
        }
        let line = Line::default().role(Role::Error, "error:").text(" ").hang(2);
        line.role(Role::Strong, &self.message).write(layout, out);
        for cause in &self.causes {
            Line::indented(2).role(Role::Faint, "caused by").text(" ").hang_here().text(cause).write(layout, out);
        }
        if let Some(hint) = &self.hint {
            out.push('\n');
            Line::default().role(Role::Hint, "hint:").text(" ").hang_here().text(hint).write(layout, out);
        }
    }
}

/// The errors below one, without those whose words the one above says already: some libraries print their source in their
/// own text and offer it again.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut above = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if !text.is_empty() && !above.contains(&text) {
            causes.push(text.clone());
            above = text;
        }
        next = error.source();
    }
    causes
}

impl From<Problems> for Diagnostic {
    fn from(Problems(problems): Problems) -> Self {
        let message = match problems.len() {
            1 => "the declaration has 1 problem".to_owned(),
            many => format!("the declaration has {many} problems"),
        };
        Self { problems, ..Self::new(Kind::Declaration, message) }
    }
}

impl From<holm_config::Problems> for Diagnostic {
    fn from(holm_config::Problems(configuration): holm_config::Problems) -> Self {
        let message = match configuration.len() {
            1 => "the configuration has 1 problem".to_owned(),
            many => format!("the configuration has {many} problems"),
        };
        Self { configuration: configuration.into(), ..Self::new(Kind::Configuration, message) }
    }
}

impl From<ClusterError> for Diagnostic {
    fn from(error: ClusterError) -> Self {
        let hint = hint::of_cluster(&error);
        Self::of(Kind::Cluster, &error, hint)
    }
}

impl From<ConnectError> for Diagnostic {
    fn from(error: ConnectError) -> Self {
        let hint = hint::of_connect(&error);
        Self::of(Kind::Cluster, &error, hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Nested {
        #[error("the plan cannot be made")]
        Top(#[source] Box<Nested>),
        #[error("request failed: {0}")]
        Repeats(#[source] Box<Nested>),
        #[error("connection refused")]
        Bottom,
    }

    #[test]
    fn a_cause_that_is_said_already_is_not_repeated() {
        let error = Nested::Top(Box::new(Nested::Repeats(Box::new(Nested::Bottom))));
        assert_eq!(causes(&error), ["request failed: connection refused"]);
    }

    #[test]
    fn an_error_is_a_line_its_causes_and_a_hint() {
        let error = Nested::Top(Box::new(Nested::Bottom));
        let diagnostic = Diagnostic::of(Kind::Cluster, &error, Some("is the cluster running?".into()));
        let mut out = String::new();
        diagnostic.write(Layout::default(), &mut out);
        insta::assert_snapshot!(out, @"
        error: the plan cannot be made
          caused by connection refused

        hint: is the cluster running?
        ");
    }
}
