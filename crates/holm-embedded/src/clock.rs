//! Time, which tests can hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holm_structured_merge::Timestamp;

/// Where a cluster takes the time from. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    held: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The time of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is [advanced](Self::advance).
    #[must_use]
    pub fn held_at(time: Timestamp) -> Self {
        Self { held: Some(Arc::new(AtomicI64::new(time.0))) }
    }

    /// The time, in whole seconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.held {
            Some(held) => Timestamp(held.load(Ordering::SeqCst)),
            None => {
                // A machine that believes to be before 1970 gets 1970.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Moves a held clock on, by whole seconds; the machine's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Some(held) = &self.held {
            held.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
