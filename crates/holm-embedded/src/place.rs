//! Where the clusters of a user are kept, and who holds one.
//!
//! A cluster belongs to one process at a time, which holds a lock of the operating system: it goes with the process however that
//! ends. Beside it stands a file that says who that is. It is believed only while the lock is held, so one that a killed process
//! left behind misleads nobody, whatever process has its number now.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holm_apiserver::{Clock, Credentials, Timestamp};
use serde_json::{Value, json};

/// The environment variable that names the directory for all that is kept.
pub const STATE_DIRECTORY: &str = "HOLM_STATE_DIR";

/// The cluster that is meant if none is named.
pub const DEFAULT_NAME: &str = "default";

/// How long one process waits for another to be done before it says who that is: most commands are over by then.
const PATIENCE: Duration = Duration::from_millis(250);

/// A place for one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    directory: PathBuf,
    name: String,
}

/// Who holds a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub process: u32,
    /// Since when.
    pub since: Timestamp,
    /// What it is doing, such as `holm-pg apply`.
    pub command: String,
    /// The kubeconfig with which it can be reached, if it listens.
    pub kubeconfig: Option<PathBuf>,
}

/// Why there is no place, or it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// There is no home directory, and no other is named.
    #[error(
        "there is no place to keep an embedded cluster: this user has no home directory, and {STATE_DIRECTORY} names no other"
    )]
    NoHome,
    /// The name cannot be one of a file everywhere.
    #[error(
        "\"{name}\" cannot name an embedded cluster: up to 63 lower-case letters, digits and hyphens in the middle can"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// Another process has it.
    #[error("the embedded cluster \"{name}\" is in use by {}", holder_text(.holder.as_ref()))]
    InUse {
        /// The cluster.
        name: String,
        /// The process; none if it does not say.
        holder: Option<Holder>,
    },
    /// A file or directory cannot be used.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} (`{}`) since {}", holder.process, holder.command, holder.since),
    )
}

impl Place {
    /// The place of this user's cluster with this name: in `$HOLM_STATE_DIR`, in `$XDG_STATE_HOME/holm`, or where the platform
    /// keeps what programs remember.
    ///
    /// # Errors
    /// If the name is none, or the user has no home.
    pub fn of_user(name: &str) -> Result<Self, PlaceError> {
        Self::in_directory(&state_directory().ok_or(PlaceError::NoHome)?, name)
    }

    /// The place in this directory.
    ///
    /// # Errors
    /// If the name is none.
    pub fn in_directory(directory: &Path, name: &str) -> Result<Self, PlaceError> {
        let is_inner =
            |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        if name.is_empty()
            || name.len() > 63
            || name.starts_with('-')
            || name.ends_with('-')
            || !name.chars().all(is_inner)
        {
            return Err(PlaceError::BadName { name: name.to_owned() });
        }
        Ok(Self { directory: directory.join("clusters"), name: name.to_owned() })
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that holds the cluster.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.beside("redb")
    }

    /// Where an import is written until it takes the place of the cluster.
    pub(crate) fn import_file(&self) -> PathBuf {
        self.beside("import")
    }

    /// Where the one who listens writes the kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.beside("kubeconfig")
    }

    /// Where the credentials are kept by which clients know the cluster after a restart.
    fn credentials(&self) -> PathBuf {
        self.beside("credentials")
    }

    /// Whether there is a cluster.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.file().symlink_metadata().is_ok()
    }

    /// Takes the cluster for this process, and makes the directory for it if there is none. `command` tells others what this
    /// process does.
    ///
    /// # Errors
    /// If another process has it, with who that is; if the directory cannot be used.
    pub fn hold(&self, command: &str) -> Result<Held, PlaceError> {
        make_directory(&self.directory).map_err(|source| unusable(&self.directory, source))?;
        let lock = self.lock_file()?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10))
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(PlaceError::InUse { name: self.name.clone(), holder: self.read_holder() });
                }
                Err(TryLockError::Error(source)) => return Err(unusable(&self.beside("lock"), source)),
            }
        }
        let holder = Holder {
            process: std::process::id(),
            since: Clock::system().now(),
            command: command.to_owned(),
            kubeconfig: None,
        };
        let held = Held { place: self.clone(), holder, _lock: lock };
        held.write()?;
        Ok(held)
    }

    /// Who holds the cluster at this moment; none if nobody does, or it does not say.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn holder(&self) -> Result<Option<Holder>, PlaceError> {
        if self.beside("lock").symlink_metadata().is_err() {
            return Ok(None);
        }
        match self.lock_file()?.try_lock() {
            // It goes again with the file.
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(self.read_holder()),
            Err(TryLockError::Error(source)) => Err(unusable(&self.beside("lock"), source)),
        }
    }

    fn lock_file(&self) -> Result<File, PlaceError> {
        let path = self.beside("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        options.open(&path).map_err(|source| unusable(&path, source))
    }

    fn read_holder(&self) -> Option<Holder> {
        let text = fs::read_to_string(self.beside("holder")).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        Some(Holder {
            process: u32::try_from(value["process"].as_u64()?).ok()?,
            since: Timestamp(value["since"].as_i64()?),
            command: value["command"].as_str()?.to_owned(),
            kubeconfig: value["kubeconfig"].as_str().map(PathBuf::from),
        })
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.name))
    }
}

/// A cluster that this process holds, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Held {
    place: Place,
    holder: Holder,
    _lock: File,
}

impl Held {
    /// The place that is held.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Tells others how to reach this process.
    ///
    /// # Errors
    /// If the file for it cannot be written.
    pub fn listens(&mut self, kubeconfig: &Path) -> Result<(), PlaceError> {
        self.holder.kubeconfig = Some(kubeconfig.to_owned());
        self.write()
    }

    /// Returns the credentials of the cluster, which are made with it. Damaged ones are made anew.
    pub(crate) fn credentials(&self) -> Result<Credentials, PlaceError> {
        let path = self.place.credentials();
        let kept = match fs::read_to_string(&path) {
            Ok(text) => Credentials::from_text(&text),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => None,
            Err(source) => return Err(unusable(&path, source)),
        };
        if let Some(credentials) = kept {
            return Ok(credentials);
        }
        let credentials = Credentials::new().map_err(|source| unusable(&path, source))?;
        self.write_private("credentials", &credentials.to_text())?;
        Ok(credentials)
    }

    /// Deletes what an import left behind that did not come to its end.
    pub(crate) fn discard_import(&self) -> Result<(), PlaceError> {
        let path = self.place.import_file();
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(unusable(&path, source)),
            _ => Ok(()),
        }
    }

    /// Deletes the cluster. Whether there was one.
    ///
    /// # Errors
    /// If its file cannot be deleted.
    pub fn delete(&self) -> Result<bool, PlaceError> {
        // Who knew the old cluster does not know the next one.
        let credentials = self.place.credentials();
        match fs::remove_file(&credentials) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(unusable(&credentials, source)),
            _ => {}
        }
        let path = self.place.file();
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(unusable(&path, source)),
        }
    }

    fn write(&self) -> Result<(), PlaceError> {
        let Holder { process, since, command, kubeconfig } = &self.holder;
        let text =
            json!({"process": process, "since": since.0, "command": command, "kubeconfig": kubeconfig}).to_string();
        self.write_private("holder", &text)
    }

    /// Writes a file that only the owner can read: whole under another name first, so that nobody reads half of it.
    fn write_private(&self, extension: &str, text: &str) -> Result<(), PlaceError> {
        let (path, new) = (self.place.beside(extension), self.place.beside(&format!("{extension}-new")));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let written = options.open(&new).and_then(|mut file| file.write_all(text.as_bytes()));
        written.and_then(|()| fs::rename(&new, &path)).map_err(|source| unusable(&path, source))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What stays is not believed without the lock.
        let _ = fs::remove_file(self.place.beside("holder"));
        if self.holder.kubeconfig.is_some() {
            let _ = fs::remove_file(self.place.kubeconfig());
        }
    }
}

fn unusable(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::Unusable { path: path.to_owned(), source }
}

fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Makes a directory that only its owner can look into: what is in it holds Secrets.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

/// Where programs of this user remember things. The XDG Base Directory Specification: a relative path counts as none.
fn state_directory() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(named) = env::var_os(STATE_DIRECTORY).filter(|named| !named.is_empty()) {
        // Of another working directory it would be another cluster, so it is made absolute where it is read.
        return std::path::absolute(named).ok();
    }
    let parent = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("XDG_STATE_HOME").or_else(|| Some(env::home_dir()?.join("Library").join("Application Support")))
    } else {
        absolute("XDG_STATE_HOME").or_else(|| Some(env::home_dir()?.join(".local").join("state")))
    };
    parent.filter(|parent| parent.is_absolute()).map(|parent| parent.join("holm"))
}
