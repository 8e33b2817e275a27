//! Warnings: what in a declaration is likely a mistake, but may be intended. They block nothing;
//! [`problem`](crate::problem) has what does.

use std::fmt;

use crate::id::ResourceId;
use crate::path::FieldPath;
use crate::site::Site;

/// One thing that is likely a mistake, with its location.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The resource.
    pub resource: ResourceId,
    /// The field; the root where it is about the whole resource.
    pub path: FieldPath,
    /// The line of the user's program.
    pub site: Option<Site>,
    /// What would help, or how to state that it is intended.
    pub hint: Option<String>,
}

/// What a warning can be about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// A secret value is stored outside of a Secret, in this kind of object. Never holds the value.
    #[error("{0} is stored in plain text; everyone who can read the {1} can read it")]
    SecretInPlainText(SecretSource, String),
    /// Something that the API server may reject, in its words, and why it may not.
    #[error("{0}; {1}")]
    MayBeRejected(String, &'static str),
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
    /// Returns the word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretInPlainText(..) => "secret_in_plain_text",
            Self::MayBeRejected(..) => "may_be_rejected",
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
