//! The file itself: how it is made, read and written.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError};
use serde_json::Value;

use super::{FORMAT, PersistError, THREAD};
use crate::store::{Change, ChangeKind, Key, Store};

/// Objects by resource, namespace and name, with slashes between them: none of the three has any.
const OBJECTS: TableDefinition<&str, &[u8]> = TableDefinition::new("objects");

/// What cannot be read as an object, under the same names and as it was found. A later version may be able to read it.
const UNREADABLE: TableDefinition<&str, &[u8]> = TableDefinition::new("unreadable");

/// `format`, which a file has from its first moment, and `revision`, which it has from the first write of a cluster.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// A file that is open, and that nobody else has open.
#[derive(Debug)]
pub(crate) struct File {
    database: Database,
    path: PathBuf,
    unreadable: Vec<String>,
}

impl File {
    /// Opens a file, or makes an empty one, readable by its owner only, and reads the objects of an earlier life into a store.
    /// Tells whether there was one.
    ///
    /// A damaged file makes redb panic at times, so this happens in a thread that may: it is named [`THREAD`].
    pub fn open(path: &Path, store: &mut Store) -> Result<(Self, bool), PersistError> {
        let opened = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name(THREAD.to_owned());
            let thread = thread.spawn_scoped(scope, || {
                let mut file = Self { database: open(path)?, path: path.to_owned(), unreadable: Vec::new() };
                let is_known = file.read(store)?;
                file.unreadable = file.read_unreadable()?;
                Ok((file, is_known))
            })?;
            thread.join().unwrap_or_else(|_| Err(Problem::Damaged("its database cannot be read".to_owned())))
        });
        opened.map_err(|problem| problem.at(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of what is kept in the file without being an object that can be read, such as `things.example.com/default/one`.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    fn read(&self, store: &mut Store) -> Result<bool, Problem> {
        let read = self.database.begin_read()?;
        let meta = read.open_table(META)?;
        let number = |name: &str| -> Result<Option<u64>, Problem> { Ok(meta.get(name)?.map(|value| value.value())) };
        let format = number("format")?.ok_or_else(|| Problem::Damaged("it does not tell its format".to_owned()))?;
        if format > FORMAT {
            return Err(Problem::Newer(format));
        }
        let Some(revision) = number("revision")? else { return Ok(false) };
        let mut unreadable = Vec::new();
        for entry in read.open_table(OBJECTS)?.iter()? {
            let (name, text) = entry?;
            let object = serde_json::from_slice::<Value>(text.value()).ok().filter(Value::is_object);
            match (parse_key(name.value()), object) {
                (Some(key), Some(object)) => store.restore(key, object),
                _ => unreadable.push(name.value().to_owned()),
            }
        }
        drop((meta, read));
        self.set_aside(&unreadable)?;
        store.resume_at(revision);
        Ok(true)
    }

    /// Moves what cannot be read to where no object of the same name takes its place.
    fn set_aside(&self, names: &[String]) -> Result<(), Problem> {
        if names.is_empty() {
            return Ok(());
        }
        let write = self.database.begin_write()?;
        {
            let (mut objects, mut unreadable) = (write.open_table(OBJECTS)?, write.open_table(UNREADABLE)?);
            for name in names {
                let Some(text) = objects.remove(name.as_str())?.map(|text| text.value().to_owned()) else { continue };
                let mut kept_as = name.clone();
                while unreadable.get(kept_as.as_str())?.is_some() {
                    kept_as.push('+');
                }
                unreadable.insert(kept_as.as_str(), text.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }

    fn read_unreadable(&self) -> Result<Vec<String>, Problem> {
        let read = self.database.begin_read()?;
        let table = match read.open_table(UNREADABLE) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            opened => opened?,
        };
        let mut names = Vec::new();
        for entry in table.iter()? {
            names.push(entry?.0.value().to_owned());
        }
        Ok(names)
    }

    /// Writes changes and the revision after them, all or nothing. They are on the disk when this comes back.
    pub fn commit(&self, changes: &[Change], revision: u64) -> Result<(), PersistError> {
        self.write(changes, revision).map_err(|problem| problem.at(&self.path))
    }

    fn write(&self, changes: &[Change], revision: u64) -> Result<(), Problem> {
        // Of several changes of one object only the last is of interest.
        let last: BTreeMap<&Key, &Change> = changes.iter().map(|change| (&change.key, change)).collect();
        let write = self.database.begin_write()?;
        {
            let mut objects = write.open_table(OBJECTS)?;
            for (key, change) in last {
                let name = key_text(key);
                if change.kind == ChangeKind::Deleted {
                    objects.remove(name.as_str())?;
                } else {
                    objects.insert(name.as_str(), change.object.to_string().as_bytes())?;
                }
            }
            write.open_table(META)?.insert("revision", revision)?;
        }
        Ok(write.commit()?)
    }
}

fn open(path: &Path) -> Result<Database, Problem> {
    if path.symlink_metadata().is_err() {
        make(path)?;
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if file.metadata()?.len() == 0 {
        // redb would make a new database of it. But a file appears under its name only when it is whole.
        return Err(Problem::Damaged("it is empty".to_owned()));
    }
    let mut database = database(file)?;
    // Compares the checksums of all pages: otherwise a damaged object would be taken for what was written.
    match database.check_integrity() {
        Ok(true) => Ok(database),
        Ok(false) => Err(Problem::Damaged("its checksums do not match".to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file. It gets its name when all of it is on the disk, so that there is never half a file.
fn make(path: &Path) -> Result<(), Problem> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = (|| {
        let database = database(options.open(&new)?)?;
        let write = database.begin_write()?;
        {
            write.open_table(OBJECTS)?;
            write.open_table(META)?.insert("format", FORMAT)?;
        }
        write.commit()?;
        drop(database);
        // Unlike a rename, this does not take the place of a file that another process made meanwhile.
        match fs::hard_link(&new, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => fs::rename(&new, path)?,
            Ok(()) => {}
        }
        sync_directory_of(path)?;
        Ok(())
    })();
    // It is gone already where it was renamed, and it is in nobody's way otherwise.
    let _ = fs::remove_file(&new);
    made
}

fn database(file: fs::File) -> Result<Database, Problem> {
    let backend = redb::backends::FileBackend::new(file)?;
    Ok(Database::builder().create_with_backend(backend)?)
}

/// A new name in a directory is on the disk only when the directory is.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        fs::File::open(directory)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What goes wrong with a file, before it is told which.
enum Problem {
    InUse,
    Newer(u64),
    Damaged(String),
    Other(String),
}

impl Problem {
    fn at(self, path: &Path) -> PersistError {
        let path = path.to_owned();
        match self {
            Self::InUse => PersistError::InUse { path },
            Self::Newer(found) => PersistError::Newer { path, found },
            Self::Damaged(problem) => PersistError::Damaged { path, problem },
            Self::Other(problem) => PersistError::File { path, problem },
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) => error.into(),
            StorageError::Corrupted(problem) => Self::Damaged(problem),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            DatabaseError::Storage(error) => error.into(),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            // The tables are there from the first moment, and with these types.
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<redb::TransactionError> for Problem {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => error.into(),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<redb::CommitError> for Problem {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => error.into(),
            other => Self::Other(other.to_string()),
        }
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
