//! Running the user's function: from a program, a configuration and a function to a checked graph.

use std::error::Error;
use std::fmt;

use crate::graph::Graph;
use crate::path::FieldPath;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::stack::{Config, ConfigError, Stack};

/// The function that declares a stack. It is called once per run, and may be called from a test as often as one likes.
pub type Declare = fn(&mut Stack, &Config) -> Result;

/// What a declaration returns.
pub type Result<T = (), E = DeclarationError> = std::result::Result<T, E>;

/// What kept a declaration from being finished, such as a missing configuration value.
///
/// Every error turns into it with `?`. It is no error itself, because only so can all others turn into it.
#[derive(Debug)]
pub struct DeclarationError(Box<dyn Error + Send + Sync>);

impl DeclarationError {
    /// An error in the program's own words. Must not hold a secret.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }

    /// The error that it was made from, of type `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for DeclarationError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for DeclarationError {
    /// Writes the error and its sources, those left out that the text before already holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
            source = error.source();
        }
        f.write_str(&text)
    }
}

/// Declares the stack that `config` names and checks it. `namespace` is where resources without one of their own go, until
/// the declaration says otherwise.
///
/// # Errors
/// All problems at once; only the declaration's own error where it did not come to its end, because half a stack has
/// problems that the whole one does not.
pub fn graph(
    program: &str,
    namespace: Option<&str>,
    config: &Config,
    declare: impl FnOnce(&mut Stack, &Config) -> Result,
) -> Result<Graph, Problems> {
    let mut stack = Stack::new(program, config.stack(), namespace);
    match declare(&mut stack, config) {
        Ok(()) => stack.build(),
        Err(error) => {
            let kind = match error.downcast_ref() {
                Some(ConfigError::Missing { key, variable }) => {
                    ProblemKind::NotConfigured { key: key.clone(), variable: variable.clone() }
                }
                _ => ProblemKind::Declaration(error.to_string()),
            };
            let path = FieldPath::root();
            Err(Problems(vec![Problem { kind, resource: None, path, site: None, hint: None }]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs_a_number(_: &mut Stack, config: &Config) -> Result {
        let _: u16 = config.require("replicas")?.parse()?;
        Ok(())
    }

    #[test]
    fn any_error_ends_a_declaration_with_its_text() {
        let problems =
            |config: &Config| graph("test", None, config, needs_a_number).expect_err("has no number").to_string();
        insta::assert_snapshot!(problems(&Config::new("dev").with("replicas", "many")), @"invalid digit found in string");
        assert!(problems(&Config::new("dev")).starts_with("the configuration value \"replicas\" is not set"));
        assert!(graph("test", None, &Config::new("dev").with("replicas", "2"), needs_a_number).is_ok());
    }
}
