//! What can be wrong with an inventory.

use crate::inventory::FORMAT;

/// An inventory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// It is not valid JSON, or has another shape.
    #[error("the inventory ConfigMap {namespace}/{name} cannot be read")]
    Malformed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// What it says cannot be true, such as a row that names a kind which is not in it.
    #[error("the inventory ConfigMap {namespace}/{name} is damaged: {reason}")]
    Damaged {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It was written by a newer version.
    #[error("the inventory ConfigMap {namespace}/{name} has format {found}, and this version reads up to {FORMAT}")]
    Newer {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The format found.
        found: u32,
    },
    /// The ConfigMap belongs to another client, or to another stack.
    #[error("the ConfigMap {namespace}/{name} has the name of the inventory but is not one: {reason}")]
    Foreign {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What tells.
        reason: String,
    },
    /// The parts of a large inventory do not fit together, as when one of its ConfigMaps was deleted.
    #[error("the inventory ConfigMap {namespace}/{name} is incomplete: {reason}")]
    Incomplete {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is missing.
        reason: String,
    },
}

impl InventoryError {
    /// Returns what would help.
    pub fn hint(&self) -> String {
        match self {
            Self::Newer { .. } => "use the version of the program that wrote it, or a newer one".to_owned(),
            Self::Foreign { namespace, name, .. } => format!(
                "give the stack or its namespace another name, or, if nothing needs it, delete it: kubectl -n {namespace} \
                 delete configmap {name}"
            ),
            Self::Malformed { namespace, name, .. }
            | Self::Damaged { namespace, name, .. }
            | Self::Incomplete { namespace, name, .. } => format!(
                "restore it from a backup, or delete it (kubectl -n {namespace} delete configmap {name}): the next apply \
                 records again every declared object that the stack applied; what is no longer declared must then be deleted by hand"
            ),
        }
    }
}
