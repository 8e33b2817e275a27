//! What a declaration does that may be meant and is likely a mistake. Warnings stop nothing; [`problem`](crate::problem) holds
//! what does.

use std::fmt;

use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::site::Site;

/// One thing that should be looked at, with where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// The resource.
    pub resource: ResourceId,
    /// The field; the root where it is about the whole resource.
    pub path: FieldPath,
    /// The line of the user's program.
    pub site: Option<Site>,
    /// What would help, or how to say that it is meant.
    pub hint: Option<String>,
}

/// What a warning can be about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// A secret value outside of a Secret. Holds what the value is, never the value.
    #[error("{0} is stored in plain text; everyone who can read the {1} can read it")]
    SecretInPlainText(SecretSource, String),
}

/// Where a secret value comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretSource {
    /// A value that the program was given or has.
    #[error("a sensitive value")]
    Given,
    /// The generated value of this name.
    #[error("the generated value \"{0}\"")]
    Generated(String),
    /// A value of this Secret.
    #[error("a value of {0}")]
    Secret(ResourceId),
}

impl WarningKind {
    /// The word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretInPlainText(..) => "secret_in_plain_text",
        }
    }
}

impl fmt::Display for Warning {
    /// Writes one line: the resource, the field and what it is about. Site and hint are for the caller to lay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.resource)?;
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.kind)
    }
}
