//! Schedules of CronJobs.
//!
//! From `github.com/robfig/cron/v3`, `parser.go` (`ParseStandard`), which Kubernetes reads them with.

use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WORDS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// A field of a schedule: its least and greatest number, and the names of the numbers.
struct Field {
    minimum: u32,
    maximum: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { minimum: 0, maximum: 59, names: &[] },
    Field { minimum: 0, maximum: 23, names: &[] },
    Field { minimum: 1, maximum: 31, names: &[] },
    Field { minimum: 1, maximum: 12, names: &MONTHS },
    Field { minimum: 0, maximum: 6, names: &DAYS },
];

/// Whether a text is a schedule: five fields, or a word with an at sign, after a time zone if there is one.
pub(super) fn is_schedule(text: &str) -> Result<(), String> {
    let text = match ["TZ=", "CRON_TZ="].iter().find_map(|start| text.strip_prefix(start)) {
        Some(rest) => {
            let (zone, rest) = rest.split_once(' ').ok_or("a time zone is followed by a schedule")?;
            if !zone.is_empty() && zone != "Local" && !time_zone(zone).is_empty() {
                return Err(format!("provided bad location {zone}: unknown time zone {zone}"));
            }
            rest.trim()
        }
        None => text,
    };
    if text.starts_with('@') {
        let period = text.strip_prefix("@every ");
        let known = period.map_or_else(|| WORDS.contains(&text), is_duration);
        return if known { Ok(()) } else { Err(format!("unrecognized descriptor: {text}")) };
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!("expected exactly 5 fields, found {}: {parts:?}", parts.len()));
    }
    for (part, field) in parts.into_iter().zip(&FIELDS) {
        part.split(',').filter(|range| !range.is_empty()).try_for_each(|range| field.range(range))?;
    }
    Ok(())
}

impl Field {
    /// One number, a range, or all, each with a step or without.
    fn range(&self, text: &str) -> Result<(), String> {
        let (range, step) = match text.split('/').collect::<Vec<_>>().as_slice() {
            [range] => (*range, None),
            [range, step] => (*range, Some(*step)),
            _ => return Err(format!("too many slashes: {text}")),
        };
        let (start, end) = match range.split('-').collect::<Vec<_>>().as_slice() {
            ["*" | "?"] => (self.minimum, self.maximum),
            [single] => {
                let start = self.number(single)?;
                (start, if step.is_some() { self.maximum } else { start })
            }
            [low, high] => (self.number(low)?, self.number(high)?),
            _ => return Err(format!("too many hyphens: {text}")),
        };
        if start < self.minimum {
            return Err(format!("beginning of range ({start}) below minimum ({}): {text}", self.minimum));
        }
        if end > self.maximum {
            return Err(format!("end of range ({end}) above maximum ({}): {text}", self.maximum));
        }
        if start > end {
            return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
        }
        match step.map(str::parse::<u32>) {
            Some(Ok(0)) => Err(format!("step of range should be a positive number: {text}")),
            Some(Err(_)) => Err(format!("failed to parse int from {text}")),
            _ => Ok(()),
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_lowercase();
        let named = self.names.iter().position(|name| *name == lower).and_then(|place| u32::try_from(place).ok());
        match named {
            Some(place) => Ok(place + self.minimum),
            None => text.parse().map_err(|_| format!("failed to parse int from {text}")),
        }
    }
}

/// A duration as Go writes it: `1h30m`.
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let unit = behind.find(|character: char| character.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        if number.parse::<f64>().is_err() || !UNITS.contains(&unit) {
            return false;
        }
        rest = behind;
    }
    !text.is_empty()
}

/// What is wrong with the name of a time zone. That of the server itself is none that a schedule can have, and a name in another case
/// is no name.
pub(super) fn time_zone(text: &str) -> Vec<String> {
    if text.is_empty() {
        return vec!["timeZone must be nil or non-empty string".to_owned()];
    }
    let mut problems = Vec::new();
    if text.eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        problems.push(detail.to_owned());
    }
    // A name in another case is found all the same, and is none to Kubernetes.
    let is_known = TimeZone::get(text).is_ok_and(|zone| zone.iana_name() == Some(text));
    if !is_known && text != "Local" {
        problems.push(format!("unknown time zone {text}"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_cron_reads_them() {
        for right in ["* * * * *", "*/5 1,2 1-5 jan mon-fri", "0 0 31 2 *", "@hourly", "@every 1h30m", "5/10 * ? * *"] {
            assert_eq!(is_schedule(right), Ok(()), "{right}");
        }
        for wrong in
            ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "@every x", "@never", "a * * * *"]
        {
            assert!(is_schedule(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_zones_are_known_by_their_names() {
        for right in ["UTC", "Etc/UTC", "GMT", "Europe/Berlin", "US/Eastern", "EST5EDT", "America/Argentina/Ushuaia"] {
            assert_eq!(time_zone(right), Vec::<String>::new(), "{right}");
        }
        for wrong in ["", "Local", "europe/berlin", "Nowhere/Absent", "Europe", "../etc/passwd", "+01:00"] {
            assert_eq!(time_zone(wrong).len(), 1, "{wrong}");
        }
        assert_eq!(time_zone("local").len(), 2);
    }
}
