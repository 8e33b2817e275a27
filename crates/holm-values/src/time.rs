//! Points in time as objects hold them: in RFC 3339.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use thiserror::Error;

/// Seconds since the beginning of 1970, UTC: a `Time` of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Microseconds since the beginning of 1970, UTC: a `MicroTime` of Kubernetes, as Leases and new Events hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime(pub i64);

/// A text that is not a time in RFC 3339.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a time in RFC 3339 notation")]
pub struct TimestampError {
    text: String,
}

impl Display for Timestamp {
    /// Writes the time in UTC. One before the year -9999 or after 9999 is written as the first or last that there is.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let most = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(out, "{:.0}", jiff::Timestamp::from_second(self.0).unwrap_or(most))
    }
}

impl Display for MicroTime {
    /// Writes the time in UTC, with six digits behind the point. One before the year -9999 or after 9999 is written as the first or
    /// last that there is.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let most = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(out, "{:.6}", jiff::Timestamp::from_microsecond(self.0).unwrap_or(most))
    }
}

impl Timestamp {
    /// Returns the time as the HTTP header `Date` has it (RFC 9110); none where the year has not four digits.
    pub fn http_date(self) -> Option<String> {
        let time = jiff::Timestamp::from_second(self.0).ok()?;
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
    }

    /// Reads the HTTP header `Date`.
    pub fn of_http_date(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(|time| Self(time.as_second()))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads a time with any offset, as Go's `time.Parse` does. Fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| TimestampError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    let month = number(after(&mut rest, "-")?, 2)?;
    let day = number(after(&mut rest, "-")?, 2)?;
    after(&mut rest, "T")?;
    // Go reads an hour of one digit too.
    let is_short = rest.as_bytes().get(1) == Some(&b':');
    let hour = number(&mut rest, if is_short { 1 } else { 2 })?;
    let minute = number(after(&mut rest, ":")?, 2)?;
    let second = number(after(&mut rest, ":")?, 2)?;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let behind = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
        if behind.len() == fraction.len() {
            return None;
        }
        rest = behind;
    }
    let small = |number: i16| i8::try_from(number).ok();
    let time = DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    Some(Offset::UTC.to_timestamp(time).ok()?.as_second() - offset_seconds(rest)?)
}

/// Reads so many digits.
fn number(rest: &mut &str, length: usize) -> Option<i16> {
    let (digits, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Reads a separator.
fn after<'r, 't>(rest: &'r mut &'t str, separator: &str) -> Option<&'r mut &'t str> {
    *rest = rest.strip_prefix(separator)?;
    Some(rest)
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, mut rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let hours = number(&mut rest, 2)?;
    let minutes = number(after(&mut rest, ":")?, 2)?;
    let is_offset = rest.is_empty() && hours <= 24 && minutes <= 60;
    is_offset.then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_written_and_read() {
        let time = Timestamp(1_796_000_000);
        let date = time.http_date().unwrap_or_default();
        assert_eq!(date, "Mon, 30 Nov 2026 00:53:20 GMT");
        assert_eq!(Timestamp::of_http_date(&date), Some(time));
        assert_eq!(Timestamp::of_http_date("soon"), None);
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_709_210_096).to_string(), "2024-02-29T12:34:56Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp(-62_135_596_800).to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(MicroTime(1_764_101_902_345_000).to_string(), "2025-11-25T20:18:22.345000Z");
        assert_eq!(MicroTime(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    /// What Go's parser answered.
    #[test]
    fn times_are_read_as_go_reads_them() {
        let cases = [
            ("2024-02-29T12:34:56Z", 1_709_210_096),
            ("2024-02-29T14:34:56.789+02:00", 1_709_210_096),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2026-01-01T00:00:00+02:00", 1_767_218_400),
            ("2026-01-01T00:00:00.1234567891Z", 1_767_225_600),
            ("2026-01-01T00:00:00,5Z", 1_767_225_600),
            ("2026-01-01T0:00:00Z", 1_767_225_600),
            ("2026-01-01T00:00:00-00:00", 1_767_225_600),
            ("2026-01-01T00:00:00+24:00", 1_767_139_200),
            ("2026-01-01T00:00:00+23:60", 1_767_139_200),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-30T21:59:59Z", 253_402_207_199),
        ];
        for (text, seconds) in cases {
            assert_eq!(text.parse(), Ok(Timestamp(seconds)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_time_is_rejected() {
        for text in [
            "",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T23:59:60Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00+0200",
            "2026-01-01T00:00:00+99:99",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00Zz",
            "2026-1-1T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "é024-02-29T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_time_that_is_written_reads_the_same(seconds in -60_000_000_000_i64..253_402_000_000) {
            proptest::prop_assert_eq!(Timestamp(seconds).to_string().parse(), Ok(Timestamp(seconds)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-0-9T:.,Z+é]{0,30}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
