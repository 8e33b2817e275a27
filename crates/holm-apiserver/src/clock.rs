//! Time, which tests can hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holm_structured_merge::Timestamp;

/// Where a cluster takes the time from. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds since 1970, of a clock that is held.
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
        Self { held: Some(Arc::new(AtomicI64::new(time.0.saturating_mul(1000)))) }
    }

    /// Whether it stands still until it is advanced.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The time, in whole seconds, as objects have it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_milliseconds().div_euclid(1000))
    }

    /// The time in milliseconds since 1970.
    #[must_use]
    pub fn now_milliseconds(&self) -> i64 {
        match &self.held {
            Some(held) => held.load(Ordering::SeqCst),
            None => {
                // A machine that believes to be before 1970 gets 1970.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves a held clock on, by whole milliseconds; the machine's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Some(held) = &self.held {
            held.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
