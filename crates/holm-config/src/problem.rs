//! What is wrong with a configuration, all of it at once.

use std::fmt;

use crate::encryption::EncryptionError;
use crate::key::Key;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong. Never holds a value.
    pub kind: ProblemKind,
    /// Where the value comes from; none where there is none.
    pub origin: Option<Origin>,
    /// What would help.
    pub hint: Option<String>,
}

/// Everything that is wrong with a configuration. Never empty.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, counted from 1.
    Line {
        /// The file as it was named.
        file: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The command line.
    CommandLine,
    /// The default that the program itself has.
    Default,
}

/// What can be wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// A table or key of the file beside the configuration that has no meaning.
    #[error("\"{key}\" has no meaning here")]
    UnknownEntry {
        /// The key, from the top of the file.
        key: Key,
    },
    /// A stack that the file does not have, though it has others.
    #[error("the file has no stack \"{stack}\"")]
    UnknownStack {
        /// The stack.
        stack: String,
    },
    /// A value that the program does not ask for.
    #[error("the program has no configuration value \"{key}\"")]
    UnknownKey {
        /// The key.
        key: Key,
    },
    /// A value that the program needs and nobody gave.
    #[error("the configuration value \"{key}\" is not set")]
    Missing {
        /// The key.
        key: Key,
    },
    /// A value of another type.
    #[error("the configuration value \"{key}\" must be {expected}, and is {found}")]
    WrongType {
        /// The key.
        key: Key,
        /// What it must be, such as `an integer`.
        expected: String,
        /// What it is.
        found: &'static str,
    },
    /// A value that is not among those that are allowed.
    #[error("the configuration value \"{key}\" must be one of {}", allowed.join(", "))]
    NotAllowed {
        /// The key.
        key: Key,
        /// The values that are allowed, as JSON.
        allowed: Vec<String>,
    },
    /// A number, a text or a list outside of its bounds.
    #[error("the configuration value \"{key}\" must {bound}")]
    OutOfBounds {
        /// The key.
        key: Key,
        /// What it must, such as `be at most 65535`.
        bound: String,
    },
    /// A value that the program's type does not take for another reason.
    #[error("the configuration value \"{key}\" cannot be read: {reason}")]
    Unreadable {
        /// The key.
        key: Key,
        /// Why.
        reason: String,
    },
    /// An encrypted value that cannot be decrypted.
    #[error("the configuration value \"{key}\" cannot be decrypted: {reason}")]
    Encrypted {
        /// The key.
        key: Key,
        /// Why.
        reason: EncryptionError,
    },
    /// A value that lies in something that is no table, or the other way round.
    #[error("\"{key}\" is given both as a value and as a table")]
    Conflict {
        /// The key of the outer one.
        key: Key,
    },
}

impl Problem {
    /// Makes a problem that names no origin and no hint yet.
    pub fn new(kind: ProblemKind) -> Self {
        Self { kind, origin: None, hint: None }
    }

    pub(crate) fn at(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::CommandLine => f.write_str("the command line"),
            Self::Default => f.write_str("the program's default"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        self.origin.as_ref().map_or(Ok(()), |origin| write!(f, " (from {origin})"))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
