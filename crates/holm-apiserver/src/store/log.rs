//! The bounded log of changes.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::Key;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub revision: u64,
    pub kind: ChangeKind,
    pub key: Key,
    /// The object after the write; a deleted one as it was, with the revision of its deletion.
    pub object: Arc<Value>,
    /// The object before the write.
    pub previous: Option<Arc<Value>>,
}

/// The last changes, each with a revision of its own.
#[derive(Debug)]
pub(crate) struct Log {
    changes: VecDeque<Change>,
    capacity: usize,
    /// Changes up to this revision are gone.
    compacted: u64,
}

impl Log {
    pub fn new(capacity: usize) -> Self {
        Self { changes: VecDeque::new(), capacity, compacted: 1 }
    }

    pub fn push(&mut self, change: Change) {
        self.changes.push_back(change);
        while self.changes.len() > self.capacity {
            if let Some(gone) = self.changes.pop_front() {
                self.compacted = gone.revision;
            }
        }
    }

    /// Drops all changes up to and including `revision`.
    #[cfg(feature = "persist")]
    pub fn forget_until(&mut self, revision: u64) {
        self.changes.retain(|change| change.revision > revision);
        self.compacted = self.compacted.max(revision);
    }

    /// The changes after `revision`, oldest first; nothing if some of them are gone.
    pub fn since(&self, revision: u64) -> Option<impl DoubleEndedIterator<Item = &Change>> {
        if revision < self.compacted {
            return None;
        }
        let start = self.changes.partition_point(|change| change.revision <= revision);
        Some(self.changes.range(start..))
    }
}
