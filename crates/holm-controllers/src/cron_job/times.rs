//! Which time of a schedule is due.
//!
//! From `pkg/controller/cronjob/utils.go` (`mostRecentScheduleTime`). All times are in seconds since 1970.

use holm_values::{Schedule, Zone};

/// What decides which time is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub now: i64,
    /// The last time that was used, or when the CronJob was made.
    pub since: i64,
    /// How late a Job may start.
    pub deadline: Option<i64>,
}

/// The last time that has passed and was not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub time: Option<i64>,
    /// Whether many times have passed.
    pub is_many: bool,
    /// Whether any time has passed.
    is_any: bool,
}

impl Times {
    fn earliest(&self, with_deadline: bool) -> i64 {
        let limit = self.deadline.filter(|_| with_deadline).map(|deadline| self.now - deadline);
        limit.map_or(self.since, |limit| limit.max(self.since))
    }

    /// The time that is due; a schedule that never comes is an error.
    pub fn due(&self, schedule: &Schedule, zone: &Zone, with_deadline: bool) -> Result<Due, &'static str> {
        let never = "time difference between two schedules is less than 1 second";
        let first = schedule.after(self.earliest(with_deadline), zone).ok_or(never)?;
        let second = schedule.after(first, zone).ok_or(never)?;
        if self.now < first {
            return Ok(Due::default());
        }
        if self.now < second {
            return Ok(Due { time: Some(first), ..Due::default() });
        }
        let between = second - first;
        let missed = (self.now - first) / between + 1;
        let mut last = None;
        // A little before the last one, as the times need not be regular.
        let mut time = schedule.after(first + (missed - 2) * between, zone);
        while let Some(found) = time.filter(|time| *time <= self.now) {
            last = Some(found);
            time = schedule.after(found, zone);
        }
        Ok(Due { time: last, is_many: missed > 100, is_any: true })
    }

    /// The next time after the one that is due.
    pub fn next(&self, schedule: &Schedule, zone: &Zone) -> Option<i64> {
        let last = match self.due(schedule, zone, false) {
            Err(_) => self.now,
            Ok(Due { time: Some(time), .. }) => time,
            Ok(Due { is_any: false, .. }) => self.earliest(false),
            Ok(_) => self.now,
        };
        schedule.after(last, zone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_time_that_has_passed_is_due() {
        let (schedule, zone) = (Schedule::parse("*/5 * * * *").unwrap(), Zone::named("").unwrap());
        let times = |now, deadline| Times { now, since: 0, deadline };
        assert_eq!(times(299, None).due(&schedule, &zone, true).unwrap().time, None);
        assert_eq!(times(300, None).due(&schedule, &zone, true).unwrap().time, Some(300));
        assert_eq!(times(1000, None).due(&schedule, &zone, true).unwrap().time, Some(900));
        assert_eq!(times(1000, Some(50)).due(&schedule, &zone, true).unwrap().time, None);
        assert!(times(300 * 200, None).due(&schedule, &zone, true).unwrap().is_many);
        assert_eq!(times(1000, None).next(&schedule, &zone), Some(1200));
        assert_eq!(times(10, None).next(&schedule, &zone), Some(300));
    }

    #[test]
    fn a_time_that_never_comes_is_an_error() {
        let (schedule, zone) = (Schedule::parse("59 23 31 2 *").unwrap(), Zone::named("").unwrap());
        assert!(Times { now: 1000, since: 0, deadline: None }.due(&schedule, &zone, true).is_err());
    }
}
