//! Time zones, as Go's `time.LoadLocation` knows them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// Where the times of a schedule hold.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// Why a text is not the name of a time zone, in the words of Go.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// No zone has this name.
    #[error("unknown time zone {0}")]
    Unknown(String),
    /// No zone can have the name, as it leads out of the database.
    #[error("time: invalid location name")]
    Malformed,
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Returns the zone with a name of the IANA database. The server's own zone, which has no name or the name `Local`, is UTC.
    ///
    /// # Errors
    /// If no zone has the name. Upper and lower case differ.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::UTC);
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err(ZoneError::Malformed);
        }
        // The database finds a name in another case too.
        let zone = TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name));
        zone.map(Self).ok_or_else(|| ZoneError::Unknown(name.to_owned()))
    }

    /// Writes a time in seconds since 1970 in RFC 3339, with the offset of the zone.
    #[must_use]
    pub fn rfc3339(&self, seconds: i64) -> String {
        let Some((date, offset)) = self.local(seconds) else { return String::new() };
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
        if offset == 0 { format!("{date}Z") } else { format!("{date}{sign}{hours:02}:{minutes:02}") }
    }

    /// Writes a time in seconds since 1970 in RFC 1123, with the offset of the zone as a number.
    #[must_use]
    pub fn rfc1123(&self, seconds: i64) -> String {
        let Ok(time) = Timestamp::from_second(seconds) else { return String::new() };
        time.to_zoned(self.0.clone()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
    }

    /// The local time and its offset in seconds; nothing beyond the year 9999.
    pub(super) fn local(&self, seconds: i64) -> Option<(DateTime, i32)> {
        let time = Timestamp::from_second(seconds).ok()?;
        let offset = self.0.to_offset(time);
        Some((offset.to_datetime(time), offset.seconds()))
    }

    /// The time of a local time. One that the clock skips or shows twice is the one that Go's `time.Date` chooses.
    pub(super) fn instant(&self, local: DateTime) -> Option<i64> {
        let as_utc = TimeZone::UTC.to_timestamp(local).ok()?;
        let offset = |time: Timestamp| SignedDuration::from_secs(i64::from(self.0.to_offset(time).seconds()));
        let guess = offset(as_utc);
        let time = as_utc.checked_sub(guess).ok()?;
        let better = offset(time);
        let time = if better == guess { time } else { as_utc.checked_sub(better).ok()? };
        Some(time.as_second())
    }
}
