//! A cluster that outlives the process: one file, which a thread of its own writes.
//!
//! Memory is the model; the file holds the objects and the revision as they were after some write, and never a part of one.
//! Writes that come while the disk is busy are stored together in the next transaction, so the disk decides how many are
//! grouped. The history is not kept: a watch of an earlier life is told to list again (410).

mod file;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

pub(crate) use file::File;

use crate::error::ApiError;
use crate::store::Change;

/// The form of the file. A newer one is refused.
const FORMAT: u64 = 1;

/// The name of the threads that read and write the file of a cluster. One of them may panic at a damaged file; that panic goes
/// no further than the thread, and becomes [`PersistError::Damaged`].
pub const THREAD: &str = "holm-apiserver-file";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version.
    #[error("{} has format {found}, and this program knows {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// It does not hold what was written to it.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
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

/// How far the file is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    /// Everything up to this revision is on the disk.
    pub revision: u64,
    /// Why nothing after it ever will be.
    pub failure: Option<Arc<str>>,
}

/// What is to be stored together.
struct Batch {
    changes: Vec<Change>,
    revision: u64,
}

/// The file of a running cluster. When this is closed or dropped, all that was handed over is on the disk.
#[derive(Debug)]
pub(crate) struct Persist {
    writer: Mutex<Option<Writer>>,
    stored: watch::Receiver<Stored>,
}

/// The thread that has the file.
#[derive(Debug)]
struct Writer {
    batches: Sender<Batch>,
    thread: JoinHandle<()>,
}

impl Persist {
    /// Begins to write to a file in which everything up to `revision` is. `published` is called after each transaction.
    pub fn begin(file: File, revision: u64, published: impl Fn(u64) + Send + 'static) -> Result<Self, PersistError> {
        let (batches, receiver) = channel();
        let (progress, stored) = watch::channel(Stored { revision, failure: None });
        let path = file.path().to_owned();
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let thread = thread.spawn(move || write_all(&file, &receiver, &progress, &published));
        let thread = thread.map_err(|error| PersistError::File { path, problem: error.to_string() })?;
        Ok(Self { writer: Mutex::new(Some(Writer { batches, thread })), stored })
    }

    /// Hands changes over, in the order of their revisions. They are stored soon.
    pub fn store(&self, changes: Vec<Change>, revision: u64) {
        if let Some(writer) = &*self.writer() {
            // After a failure nobody takes them any more, and `failure` says so to everybody.
            let _ = writer.batches.send(Batch { changes, revision });
        }
    }

    /// Stores what was handed over, and lets go of the file.
    pub fn close(&self) {
        let writer = self.writer().take();
        if let Some(Writer { batches, thread }) = writer {
            drop(batches);
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing can be stored any more, if that is so.
    pub fn failure(&self) -> Option<ApiError> {
        if self.writer().is_none() {
            return Some(refused("it is closed"));
        }
        self.stored.borrow().failure.as_deref().map(refused)
    }

    /// The revision up to which everything is on the disk.
    pub fn revision(&self) -> u64 {
        self.stored.borrow().revision
    }

    /// Waits until everything up to `revision` is on the disk.
    pub async fn stored(&self, revision: u64) -> Result<(), ApiError> {
        let mut stored = self.stored.clone();
        let reached = stored.wait_for(|stored| stored.revision >= revision || stored.failure.is_some()).await;
        match reached {
            Ok(stored) if stored.revision >= revision => Ok(()),
            Ok(stored) => Err(refused(stored.failure.as_deref().unwrap_or_default())),
            // The thread has ended, and stored nothing more.
            Err(_) => Err(refused("it is closed")),
        }
    }
}

/// A write that is not on the disk is not acknowledged. What is in memory is ahead of the file then, so nothing more is.
fn refused(problem: &str) -> ApiError {
    ApiError::internal(format!("the cluster cannot be stored: {problem}; start it again when that is mended"))
}

impl Drop for Persist {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_all(file: &File, batches: &Receiver<Batch>, progress: &watch::Sender<Stored>, published: &impl Fn(u64)) {
    while let Ok(Batch { mut changes, mut revision }) = batches.recv() {
        while let Ok(more) = batches.try_recv() {
            changes.extend(more.changes);
            revision = more.revision;
        }
        if let Err(error) = file.commit(&changes, revision) {
            progress.send_modify(|stored| stored.failure = Some(error.to_string().into()));
            return;
        }
        progress.send_modify(|stored| stored.revision = revision);
        published(revision);
    }
}
