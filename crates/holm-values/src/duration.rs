//! Durations such as `1h30m`, as Go's `time.ParseDuration` reads them.

use thiserror::Error;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// The smallest duration is one nanosecond longer than the largest one.
const MOST: u64 = 1 << 63;

/// Why a text is not a duration, in the words of Go.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DurationError {
    /// It is not a row of numbers with units, or is out of range.
    #[error("time: invalid duration {}", quoted(.0))]
    Invalid(String),
    /// A number has no unit.
    #[error("time: missing unit in duration {}", quoted(.0))]
    MissingUnit(String),
    /// A unit is not known.
    #[error("time: unknown unit {} in duration {}", quoted(.unit), quoted(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// A text in quotes, as Go's package `time` writes it: byte by byte.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// Reads a duration, in nanoseconds. What is smaller than one is dropped.
///
/// # Errors
/// If the text is not a duration, or out of range: 292 years.
pub(crate) fn parse(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|character: char| character == '.' || character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(DurationError::MissingUnit(text.to_owned()));
        }
        let Some((_, length)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            return Err(DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() });
        };
        let number: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let amount = number.checked_mul(*length).and_then(|amount| amount.checked_add(part(fraction, *length)));
        sum = amount.and_then(|amount| sum.checked_add(amount)).filter(|sum| *sum <= MOST).ok_or_else(invalid)?;
        rest = after;
    }
    if is_negative { Ok(0_i64.wrapping_sub_unsigned(sum)) } else { i64::try_from(sum).map_err(|_| invalid()) }
}

/// The digits in front and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

/// A fraction of a unit. Go counts it in floating point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn part(fraction: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1_f64);
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        let more = number.checked_mul(10).and_then(|number| number.checked_add(digit));
        let Some(more) = more.filter(|more| *more < MOST) else { break };
        number = more;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's parser answered.
    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("1h30m", 5_400_000_000_000),
            ("-5s", -5_000_000_000),
            ("+5s", 5_000_000_000),
            ("1.s", 1_000_000_000),
            (".5s", 500_000_000),
            ("1.5h", 5_400_000_000_000),
            ("100us", 100_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("1ms1ns", 1_000_001),
            ("0", 0),
            ("-0", 0),
            ("0.000000001ns", 0),
            ("3.9999999999999999999999s", 4_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("2562047h47m16.854775807s", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ];
        for (text, nanoseconds) in cases {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn another_text_is_rejected_in_the_words_of_go() {
        let cases = [
            ("", "time: invalid duration \"\""),
            ("x", "time: invalid duration \"x\""),
            (".s", "time: invalid duration \".s\""),
            ("-", "time: invalid duration \"-\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1.5.5s", "time: missing unit in duration \"1.5.5s\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("1µ", "time: unknown unit \"\\xc2\\xb5\" in duration \"1\\xc2\\xb5\""),
            ("1 s", "time: unknown unit \" s\" in duration \"1 s\""),
            ("1h-1m", "time: unknown unit \"h-\" in duration \"1h-1m\""),
            ("1e3s", "time: unknown unit \"e\" in duration \"1e3s\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("2562048h", "time: invalid duration \"2562048h\""),
            ("99999999999999999999s", "time: invalid duration \"99999999999999999999s\""),
        ];
        for (text, words) in cases {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(words.to_owned()));
        }
    }
}
