//! The schedules of CronJobs.
//!
//! From `github.com/robfig/cron/v3`, `parser.go` (`ParseStandard`) and `spec.go`, which Kubernetes reads them with: five fields with
//! lists, ranges, steps and names, or a descriptor such as `@hourly` and `@every 90s`, after a time zone if there is one.

mod field;
mod next;
mod zone;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::duration;
use field::{Allowed, FIELDS};
pub use zone::{Zone, ZoneError};

/// When something happens again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    cycle: Cycle,
    /// The zone that the schedule itself names.
    zone: Option<Zone>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cycle {
    /// At the times that the fields allow: minute, hour, day of the month, month, day of the week.
    Fields([Allowed; 5]),
    /// In regular intervals, in seconds.
    Every(i64),
}

/// Why a text is not a schedule, in the words of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct ScheduleError {
    field: Option<&'static str>,
    problem: String,
}

impl ScheduleError {
    fn new(problem: impl Into<String>) -> Self {
        Self { field: None, problem: problem.into() }
    }

    /// Returns the name of the field that is wrong, such as `day of the month`, if it is one of the five.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// If the text is not a schedule, or names a time zone that is not known.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Err(ScheduleError::new("empty spec string"));
        }
        let Some(rest) = ["TZ=", "CRON_TZ="].iter().find_map(|start| text.strip_prefix(start)) else {
            return Ok(Self { cycle: cycle(text)?, zone: None });
        };
        let Some((name, rest)) = rest.split_once(' ') else {
            // What Go says of the parser that panics here.
            return Err(ScheduleError::new("invalid schedule format: runtime error: slice bounds out of range [:-1]"));
        };
        let zone =
            Zone::named(name).map_err(|error| ScheduleError::new(format!("provided bad location {name}: {error}")))?;
        // Go's local zone is none that the schedule itself names.
        Ok(Self { cycle: cycle(rest.trim())?, zone: Some(zone).filter(|_| name != "Local") })
    }

    /// Returns the first time after another one, both in seconds since 1970. `zone` is where the schedule's times hold if it names
    /// no zone itself. Returns `None` if there is none in the next five years.
    #[must_use]
    pub fn after(&self, seconds: i64, zone: &Zone) -> Option<i64> {
        match &self.cycle {
            Cycle::Every(every) => seconds.checked_add(*every),
            Cycle::Fields(fields) => next::after(fields, seconds, self.zone.as_ref().unwrap_or(zone)),
        }
    }
}

fn cycle(text: &str) -> Result<Cycle, ScheduleError> {
    if text.starts_with('@') {
        return descriptor(text);
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts.as_slice() else {
        let problem = format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" "));
        return Err(ScheduleError::new(problem));
    };
    let [minutes, hours, days, months, weekdays] = FIELDS;
    Ok(Cycle::Fields([
        minutes.parse(minute)?,
        hours.parse(hour)?,
        days.parse(day)?,
        months.parse(month)?,
        weekdays.parse(weekday)?,
    ]))
}

fn descriptor(text: &str) -> Result<Cycle, ScheduleError> {
    match text {
        "@yearly" | "@annually" => cycle("0 0 1 1 *"),
        "@monthly" => cycle("0 0 1 * *"),
        "@weekly" => cycle("0 0 * * 0"),
        "@daily" | "@midnight" => cycle("0 0 * * *"),
        "@hourly" => cycle("0 * * * *"),
        _ => {
            let every = text.strip_prefix("@every ");
            let every = every.ok_or_else(|| ScheduleError::new(format!("unrecognized descriptor: {text}")))?;
            let nanoseconds = duration::parse(every)
                .map_err(|error| ScheduleError::new(format!("failed to parse duration {text}: {error}")))?;
            // Whole seconds, and at least one.
            Ok(Cycle::Every((nanoseconds / 1_000_000_000).max(1)))
        }
    }
}
