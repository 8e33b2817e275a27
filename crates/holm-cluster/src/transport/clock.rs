//! The server's clock: times in objects are the server's, and this machine's clock may differ from it.

use std::sync::Mutex;

use holm_values::Timestamp;
use http::HeaderMap;
use http::header::DATE;
use tokio::time::Instant;

use super::locked;

/// The server's time at a moment, from the last answer that told it.
#[derive(Default)]
pub(crate) struct ServerClock(Mutex<Option<(Timestamp, Instant)>>);

impl ServerClock {
    /// Takes in what the head of an answer says.
    pub(super) fn read(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(Timestamp::of_http_date);
        if let Some(date) = date {
            *locked(&self.0) = Some((date, Instant::now()));
        }
    }

    /// Returns the server's time now, in whole seconds; none where it has not told it.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (date, since) = (*locked(&self.0))?;
        Some(Timestamp(date.0.saturating_add_unsigned(since.elapsed().as_secs())))
    }
}
