//! Time, which tests can hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holm_values::Timestamp;

/// Where a cluster takes the time from. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    Machine,
    /// Milliseconds since 1970.
    Held(Arc<AtomicI64>),
    /// Milliseconds since 1970 at a moment of tokio's time.
    Runtime(i64, tokio::time::Instant),
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
        Self(Source::Held(Arc::new(AtomicI64::new(time.0.saturating_mul(1000)))))
    }

    /// A clock that shows `time` now, and goes on as the timers of the tokio runtime do in which this is called and in which
    /// the cluster lives: where that runtime's time is paused, it stands still while anything is done, and jumps to the next
    /// timer when nothing is.
    #[must_use]
    pub fn of_runtime(time: Timestamp) -> Self {
        Self(Source::Runtime(time.0.saturating_mul(1000), tokio::time::Instant::now()))
    }

    /// Whether it stands still until it is advanced.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.0, Source::Held(_))
    }

    /// The time, in whole seconds, as objects have it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_milliseconds().div_euclid(1000))
    }

    /// The time in milliseconds since 1970.
    #[must_use]
    pub fn now_milliseconds(&self) -> i64 {
        match &self.0 {
            Source::Held(held) => held.load(Ordering::SeqCst),
            Source::Runtime(time, since) => {
                time.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX))
            }
            Source::Machine => {
                // A machine that believes to be before 1970 gets 1970.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves a held clock on, by whole milliseconds; every other clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(held) = &self.0 {
            held.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_the_runtime_goes_as_its_timers_do() {
        let clock = Clock::of_runtime(Timestamp(1000));
        assert_eq!(clock.now_milliseconds(), 1_000_000);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(clock.now_milliseconds(), 1_002_500);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now_milliseconds(), 1_002_500, "only a held clock is advanced by hand");
    }
}
