//! Replacing what a cluster holds by the objects of another one.
//!
//! They are written beside the cluster's file, and the new file takes the place of the old one in one step. Whenever the process
//! ends before, however it does, the cluster is as it was.

use std::fs;
use std::io;
use std::path::PathBuf;

use holm_apiserver::ApiServer;
use serde_json::Value;

use crate::bootstrap;
use crate::cluster::ClusterError;
use crate::place::{Held, PlaceError};

/// The objects that are to take the place of a cluster's contents. They are on the disk, and are deleted again unless
/// [`finish`](Self::finish) is called.
#[derive(Debug)]
pub struct Import {
    held: Held,
    path: PathBuf,
    objects: usize,
}

impl Held {
    /// Writes objects, as [`ApiServer::snapshot`] of another cluster gave them, beside the cluster that is held.
    ///
    /// # Errors
    /// When an object cannot be taken over, or the file cannot be written. The cluster is as it was.
    pub async fn import(self, objects: Vec<Value>) -> Result<Import, ClusterError> {
        self.discard_import()?;
        let mut import = Import { path: self.place().import_file(), held: self, objects: 0 };
        let api = ApiServer::builder().objects(objects).persist(&import.path).build()?;
        bootstrap::run(&api)?;
        api.stored().await?;
        import.objects = api.len();
        api.close();
        Ok(import)
    }
}

impl Import {
    /// How many objects there are, with those that every cluster has.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Replaces the contents of the cluster by the objects. Returns how many there are.
    ///
    /// # Errors
    /// When the file cannot be put into its place. The cluster is as it was.
    pub fn finish(self) -> Result<usize, ClusterError> {
        let file = self.held.place().file();
        let replaced = fs::rename(&self.path, &file).and_then(|()| sync_directory_of(&file));
        replaced.map_err(|source| PlaceError::Unusable { path: file, source })?;
        Ok(self.objects)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        // What stays is removed when the cluster is next used. After `finish` there is nothing.
        let _ = self.held.discard_import();
    }
}

/// A new name in a directory is on the disk only when the directory is.
fn sync_directory_of(path: &std::path::Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        fs::File::open(directory)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
