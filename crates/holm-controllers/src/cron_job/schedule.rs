//! The schedules of CronJobs.
//!
//! The syntax is that of `ParseStandard` of `github.com/robfig/cron/v3`, `parser.go`, which Kubernetes uses: five fields with lists,
//! ranges, steps and names, `?` for `*`, and descriptors such as `@hourly` and `@every 90s`.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// A schedule that does not come in so many years never does.
const YEARS: i16 = 5;

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// At the times that these fields allow.
    Fields(Box<Fields>),
    /// In regular intervals, in seconds.
    Every(i64),
}

/// The values that are allowed, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    /// Whether every day of the month is meant, or every day of the week. If neither is, one of both has to fit.
    any_day: bool,
    any_weekday: bool,
}

/// Where the times of a schedule hold.
#[derive(Clone, Debug)]
pub(super) struct Zone(TimeZone);

impl Zone {
    /// The zone of that name; UTC if there is none.
    pub fn named(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Ok(Self(TimeZone::UTC));
        }
        TimeZone::get(name).map(Self).map_err(|_| format!("unknown time zone {name}"))
    }

    /// A time in seconds since 1970, as text with the offset of the zone.
    pub fn rfc3339(&self, seconds: i64) -> String {
        let Ok(time) = Timestamp::from_second(seconds) else { return String::new() };
        let zoned = time.to_zoned(self.0.clone());
        let offset = zoned.offset().seconds();
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
        let date = zoned.datetime();
        if offset == 0 { format!("{date}Z") } else { format!("{date}{sign}{hours:02}:{minutes:02}") }
    }
}

/// A time in seconds since 1970, as events have it.
pub(super) fn rfc1123(seconds: i64) -> String {
    let Ok(time) = Timestamp::from_second(seconds) else { return String::new() };
    let date = time.to_zoned(TimeZone::UTC);
    let name = |names: &[&str], number: i8| {
        let found = usize::try_from(number).ok().and_then(|number| names.get(number)).copied().unwrap_or_default();
        let mut letters = found.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    format!(
        "{}, {:02} {} {} {} +0000",
        name(&DAYS, date.weekday().to_sunday_zero_offset()),
        date.day(),
        name(&MONTHS, date.month() - 1),
        date.year(),
        date.time()
    )
}

impl Schedule {
    /// Reads a schedule.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        if let Some(descriptor) = text.strip_prefix('@') {
            return Self::descriptor(descriptor);
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(format!("expected exactly 5 fields, found {}: {parts:?}", parts.len()));
        };
        Ok(Self::Fields(Box::new(Fields {
            minute: field(minute, 0, 59, &[])?,
            hour: field(hour, 0, 23, &[])?,
            day: field(day, 1, 31, &[])?,
            month: field(month, 1, 12, &MONTHS)?,
            weekday: field(weekday, 0, 6, &DAYS)?,
            any_day: is_any(day),
            any_weekday: is_any(weekday),
        })))
    }

    fn descriptor(text: &str) -> Result<Self, String> {
        let line = match text {
            "yearly" | "annually" => "0 0 1 1 *",
            "monthly" => "0 0 1 * *",
            "weekly" => "0 0 * * 0",
            "daily" | "midnight" => "0 0 * * *",
            "hourly" => "0 * * * *",
            _ => {
                let every = text.strip_prefix("every ").ok_or_else(|| format!("unrecognized descriptor: @{text}"))?;
                let seconds = duration(every).ok_or_else(|| format!("failed to parse duration @{text}"))?;
                return Ok(Self::Every(seconds.max(1)));
            }
        };
        Self::parse(line)
    }

    /// The first time after this one, both in seconds since 1970; nothing if there is none in the next years.
    pub fn after(&self, seconds: i64, zone: &Zone) -> Option<i64> {
        match self {
            Self::Every(every) => Some(seconds + every),
            Self::Fields(fields) => fields.after(seconds, zone),
        }
    }
}

impl Fields {
    fn after(&self, seconds: i64, zone: &Zone) -> Option<i64> {
        let start = Timestamp::from_second(seconds).ok()?;
        let local = start.to_zoned(zone.0.clone()).datetime();
        let limit = local.year() + YEARS;
        let mut date = local.date();
        while date.year() <= limit {
            if has(self.month, date.month()) && self.fits_day(date) {
                for hour in (0..24).filter(|hour| has(self.hour, *hour)) {
                    for minute in (0..60).filter(|minute| has(self.minute, *minute)) {
                        let time = date.at(hour, minute, 0, 0);
                        if time < local.saturating_sub(SignedDuration::from_hours(3)) {
                            continue;
                        }
                        if let Some(found) = self.instant(time, zone).filter(|found| *found > seconds) {
                            return Some(found);
                        }
                    }
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// A local time as an instant. One that a change of the clock skips does not come.
    fn instant(&self, time: DateTime, zone: &Zone) -> Option<i64> {
        let zoned = zone.0.to_ambiguous_zoned(time).compatible().ok()?;
        (zoned.datetime() == time).then(|| zoned.timestamp().as_second())
    }

    fn fits_day(&self, date: Date) -> bool {
        let day = has(self.day, date.day());
        let weekday = has(self.weekday, date.weekday().to_sunday_zero_offset());
        if self.any_day || self.any_weekday { day && weekday } else { day || weekday }
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits.checked_shr(value).is_some_and(|bits| bits & 1 == 1))
}

/// A field that begins with a star says nothing about the day, also with a step.
fn is_any(text: &str) -> bool {
    text.split(',').any(|part| matches!(part.split('/').next(), Some("*" | "?")) && !part.contains('/'))
        || text.split(',').any(|part| matches!(part.split_once('/'), Some(("*" | "?", "1"))))
}

fn field(text: &str, first: u64, last: u64, names: &[&str]) -> Result<u64, String> {
    let mut bits = 0;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        bits |= range(part, first, last, names)?;
    }
    Ok(bits)
}

fn range(text: &str, first: u64, last: u64, names: &[&str]) -> Result<u64, String> {
    let (bounds, step) = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bounds] => (*bounds, None),
        [bounds, step] => (*bounds, Some(number(step)?)),
        _ => return Err(format!("too many slashes: {text}")),
    };
    let (start, end) = match bounds.split('-').collect::<Vec<_>>().as_slice() {
        ["*" | "?"] => (first, last),
        [single] => {
            let start = value(single, first, names)?;
            // With a step, a single value is the beginning of the rest.
            (start, if step.is_some() { last } else { start })
        }
        [start, end] => (value(start, first, names)?, value(end, first, names)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = step.unwrap_or(1);
    if start < first {
        return Err(format!("beginning of range ({start}) below minimum ({first}): {text}"));
    }
    if end > last {
        return Err(format!("end of range ({end}) above maximum ({last}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let step = usize::try_from(step).map_err(|_| format!("step of range is too large: {text}"))?;
    Ok((start..=end).step_by(step).fold(0, |bits, value| bits | 1 << value))
}

fn value(text: &str, first: u64, names: &[&str]) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    match names.iter().position(|name| *name == lower) {
        Some(position) => Ok(first + u64::try_from(position).unwrap_or_default()),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// A duration as Go writes it, such as `1h30m`, in whole seconds.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut milliseconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (amount, tail) = rest.split_at(end);
        let amount: f64 = amount.parse().ok()?;
        let units = [("ms", 1.0), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0)];
        let (unit, factor) = units.iter().find(|(unit, _)| tail.starts_with(unit))?;
        milliseconds += amount * factor;
        rest = tail.get(unit.len()..)?;
    }
    // Durations of schedules are far below what is exact in a float.
    #[allow(clippy::cast_possible_truncation)]
    let seconds = (milliseconds / 1000.0) as i64;
    (!text.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn next(line: &str, zone: &str, from: &str) -> String {
        let from: Timestamp = from.parse().unwrap();
        let zone = Zone::named(zone).unwrap();
        Schedule::parse(line)
            .unwrap()
            .after(from.as_second(), &zone)
            .map_or("never".to_owned(), |time| zone.rfc3339(time))
    }

    /// The first of these are cases of robfig's own tests.
    #[test]
    fn the_next_time_is_that_of_cron() {
        let cases = [
            ("*/15 * * * *", "", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z"),
            ("20-35/15 * * * *", "", "2012-07-09T14:59:59Z", "2012-07-09T15:20:00Z"),
            ("*/15 * * * *", "", "2012-07-09T23:45:35Z", "2012-07-10T00:00:00Z"),
            ("0 0 9 Apr-Oct ?", "", "2012-07-09T23:35:00Z", "2012-08-09T00:00:00Z"),
            ("0 0 */5 Apr,Aug,Oct Mon", "", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z"),
            ("0 0 */5 Oct Mon", "", "2012-07-09T23:35:00Z", "2012-10-01T00:00:00Z"),
            ("0 0 * Feb Mon", "", "2012-07-09T23:35:00Z", "2013-02-04T00:00:00Z"),
            ("0 0 29 Feb ?", "", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z"),
            ("0 0 13 * 5", "", "2012-07-01T00:00:00Z", "2012-07-06T00:00:00Z"),
            ("59 23 31 2 *", "", "2012-07-09T23:35:00Z", "never"),
            ("@daily", "", "2012-07-09T23:35:00Z", "2012-07-10T00:00:00Z"),
            ("@every 1h30m", "", "2012-07-09T23:35:00Z", "2012-07-10T01:05:00Z"),
            ("30 3 * * *", "Europe/Berlin", "2026-11-25T12:00:00Z", "2026-11-26T03:30:00+01:00"),
            // At 2 the clock jumps to 3.
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T02:30:00+02:00"),
        ];
        for (line, zone, from, expected) in cases {
            assert_eq!(next(line, zone, from), expected, "{line} after {from}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for line in
            ["", "* * * *", "60 * * * *", "* 25 * * *", "5-1 * * * *", "*/0 * * * *", "a * * * *", "@never", "@every x"]
        {
            assert!(Schedule::parse(line).is_err(), "{line}");
        }
        assert!(Zone::named("Nowhere/Else").is_err());
    }

    #[test]
    fn times_are_written_as_events_have_them() {
        assert_eq!(rfc1123(1_795_608_000), "Wed, 25 Nov 2026 12:00:00 +0000");
    }
}
