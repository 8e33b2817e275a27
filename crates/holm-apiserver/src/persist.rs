//! A cluster that outlives the process: one file, one transaction for each step.
//!
//! Memory is the model; the file holds the objects and the revision as they were after the last step that was answered. The
//! history is not kept, so a watch of an earlier life is told to list again (410).

use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::Value;

use crate::store::{Change, ChangeKind, Key, Store};

/// Objects by resource, namespace and name, with slashes between them: none of the three has any.
const OBJECTS: TableDefinition<&str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The form of the file. A newer one is refused.
const FORMAT: u64 = 1;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// Another process has it open.
    #[error("{} is in use by {holder}", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process, as far as it is known.
        holder: String,
    },
    /// It was written by a later version.
    #[error("{} has format {found}, and this program knows {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// It cannot be opened, read or written.
    #[error("{} cannot be used: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}

/// The file of a cluster.
#[derive(Debug)]
pub(crate) struct Persist {
    database: Database,
    path: PathBuf,
}

impl Persist {
    /// Opens a file, or makes it, readable by its owner only.
    pub fn open(path: &Path) -> Result<Self, PersistError> {
        let failed = |problem: String| PersistError::File { path: path.to_owned(), problem };
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| failed(error.to_string()))?;
        let backend = redb::backends::FileBackend::new(file);
        let database = backend.and_then(|backend| Database::builder().create_with_backend(backend)).map_err(
            |error| match error {
                DatabaseError::DatabaseAlreadyOpen => {
                    PersistError::InUse { path: path.to_owned(), holder: holder(path) }
                }
                other => failed(other.to_string()),
            },
        )?;
        let opened = Self { database, path: path.to_owned() };
        // Only for the message that another process would print; without it that says less.
        let _ = std::fs::write(holder_file(path), std::process::id().to_string());
        Ok(opened)
    }

    fn failed(&self, problem: impl ToString) -> PersistError {
        PersistError::File { path: self.path.clone(), problem: problem.to_string() }
    }

    /// Reads the objects of an earlier life into a store. Tells whether there was one.
    pub fn load(&self, store: &mut Store) -> Result<bool, PersistError> {
        let write = self.database.begin_write().map_err(|error| self.failed(error))?;
        {
            // The tables of a new file do not exist before they are opened for writing.
            write.open_table(OBJECTS).map_err(|error| self.failed(error))?;
            write.open_table(META).map_err(|error| self.failed(error))?;
        }
        write.commit().map_err(|error| self.failed(error))?;
        let read = self.database.begin_read().map_err(|error| self.failed(error))?;
        let meta = read.open_table(META).map_err(|error| self.failed(error))?;
        let number = |name: &str| -> Result<Option<u64>, PersistError> {
            Ok(meta.get(name).map_err(|error| self.failed(error))?.map(|value| value.value()))
        };
        let Some(revision) = number("revision")? else { return Ok(false) };
        let found = number("format")?.unwrap_or_default();
        if found > FORMAT {
            return Err(PersistError::Newer { path: self.path.clone(), found });
        }
        let objects = read.open_table(OBJECTS).map_err(|error| self.failed(error))?;
        for entry in objects.iter().map_err(|error| self.failed(error))? {
            let (name, text) = entry.map_err(|error| self.failed(error))?;
            let object: Value = serde_json::from_slice(text.value()).map_err(|error| self.failed(error))?;
            if let Some(key) = parse_key(name.value()) {
                store.restore(key, object);
            }
        }
        store.resume_at(revision);
        Ok(true)
    }

    /// Writes changes and the revision after them, all or nothing. They are on the disk when this comes back.
    pub fn commit<'a>(&self, changes: impl Iterator<Item = &'a Change>, revision: u64) -> Result<(), PersistError> {
        let write = self.database.begin_write().map_err(|error| self.failed(error))?;
        {
            let mut objects = write.open_table(OBJECTS).map_err(|error| self.failed(error))?;
            for change in changes {
                let name = key_text(&change.key);
                if change.kind == ChangeKind::Deleted {
                    objects.remove(name.as_str()).map_err(|error| self.failed(error))?;
                } else {
                    let text = change.object.to_string();
                    objects.insert(name.as_str(), text.as_bytes()).map_err(|error| self.failed(error))?;
                }
            }
            let mut meta = write.open_table(META).map_err(|error| self.failed(error))?;
            meta.insert("revision", revision).map_err(|error| self.failed(error))?;
            meta.insert("format", FORMAT).map_err(|error| self.failed(error))?;
        }
        write.commit().map_err(|error| self.failed(error))
    }
}

fn key_text(key: &Key) -> String {
    format!("{}/{}/{}", key.resource, key.namespace, key.name)
}

fn parse_key(text: &str) -> Option<Key> {
    let mut parts = text.splitn(3, '/');
    let resource = parts.next()?.into();
    Some(Key { resource, namespace: parts.next()?.to_owned(), name: parts.next()?.to_owned() })
}

fn holder_file(path: &Path) -> PathBuf {
    path.with_extension("holder")
}

fn holder(path: &Path) -> String {
    std::fs::read_to_string(holder_file(path))
        .map_or_else(|_| "another process".to_owned(), |pid| format!("process {}", pid.trim()))
}
