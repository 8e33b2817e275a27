//! Durations as people write and read them: `90s`, `5m`, `1h30m`.

use std::time::Duration;

/// The units that a duration may be written in, with their length in seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads `90s`, `5m`, `1h30m` or `1d`. Each number carries its unit.
///
/// # Errors
/// The reason in words, for a text that is none, and for a duration of nothing.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no duration; write it as 90s, 5m or 1h30m");
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit)).ok_or_else(wrong)?;
        seconds = number.checked_mul(*length).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = &rest[unit.len()..];
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// How long something took: `40ms`, `0.4s`, `12s`, `1m05s`, `2h03m`.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.subsec_millis() < 100 => format!("{}ms", duration.subsec_millis()),
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// How old something is, in its largest unit: `12s`, `5m`, `3h`, `12d`.
pub fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, length) = UNITS.iter().find(|(_, length)| seconds >= *length).unwrap_or(&("s", 1));
    format!("{}{unit}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5_400)),
            ("1d", Some(86_400)),
            ("1h30", None),
            ("10", None),
            ("0s", None),
            ("", None),
            ("-5s", None),
            ("5 m", None),
            ("m", None),
            ("99999999999999999999s", None),
            ("9999999999999999999d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn durations_are_written_short() {
        let cases = [
            (0.04, "40ms", "0s"),
            (0.14, "0.1s", "0s"),
            (9.94, "9.9s", "9s"),
            (59.0, "59s", "59s"),
            (65.0, "1m05s", "1m"),
            (7_380.0, "2h03m", "2h"),
        ];
        for (seconds, long, short) in cases {
            let duration = Duration::from_secs_f64(seconds);
            assert_eq!((took(duration).as_str(), age(duration).as_str()), (long, short));
        }
    }
}
