//! The next time of a schedule.
//!
//! It is searched in the order in which cron does, from the largest field to the smallest, since this decides what happens where
//! the clock is changed: a time that it shows twice comes twice, one that it skips does not come, and where it skips midnight on the
//! way to a day, that whole day may be missed.

use jiff::ToSpan;
use jiff::civil::DateTime;

use super::field::Allowed;
use super::zone::Zone;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
/// A schedule that does not come in so many years never does.
const YEARS: i16 = 5;

/// A moment, and what the clock shows then.
struct Clock<'z> {
    zone: &'z Zone,
    seconds: i64,
    local: DateTime,
}

impl Clock<'_> {
    fn set(&mut self, seconds: i64) -> Option<()> {
        self.local = self.zone.local(seconds)?.0;
        self.seconds = seconds;
        Some(())
    }

    fn advance(&mut self, seconds: i64) -> Option<()> {
        self.set(self.seconds.checked_add(seconds)?)
    }

    /// Sets the clock to a local time.
    fn turn(&mut self, local: DateTime) -> Option<()> {
        self.set(self.zone.instant(local)?)
    }
}

/// The first time after this one, both in seconds since 1970.
pub(super) fn after(fields: &[Allowed; 5], seconds: i64, zone: &Zone) -> Option<i64> {
    let [minutes, hours, _, months, _] = fields;
    let seconds = seconds.checked_add(1)?;
    let mut clock = Clock { zone, seconds, local: zone.local(seconds)?.0 };
    let limit = clock.local.year().saturating_add(YEARS);
    // Whether something was changed, so that what is smaller begins at its first value.
    let mut is_moved = false;
    'again: while clock.local.year() <= limit {
        while !months.has(clock.local.month()) {
            if !is_moved {
                is_moved = true;
                clock.turn(clock.local.date().first_of_month().at(0, 0, 0, 0))?;
            }
            clock.turn(clock.local.checked_add(1.month()).ok()?)?;
            if clock.local.month() == 1 {
                continue 'again;
            }
        }
        while !is_day(fields, clock.local) {
            if !is_moved {
                is_moved = true;
                clock.turn(clock.local.date().at(0, 0, 0, 0))?;
            }
            clock.turn(clock.local.checked_add(1.day()).ok()?)?;
            match i64::from(clock.local.hour()) {
                0 => {}
                // The clock skips midnight.
                late @ 13.. => clock.advance((24 - late) * HOUR)?,
                early => clock.advance(-early * HOUR)?,
            }
            if clock.local.day() == 1 {
                continue 'again;
            }
        }
        while !hours.has(clock.local.hour()) {
            if !is_moved {
                is_moved = true;
                clock.turn(clock.local.date().at(clock.local.hour(), 0, 0, 0))?;
            }
            clock.advance(HOUR)?;
            if clock.local.hour() == 0 {
                continue 'again;
            }
        }
        while !minutes.has(clock.local.minute()) {
            is_moved = true;
            clock.advance(MINUTE - i64::from(clock.local.second()))?;
            if clock.local.minute() == 0 {
                continue 'again;
            }
        }
        match i64::from(clock.local.second()) {
            0 => return Some(clock.seconds),
            second => {
                is_moved = true;
                clock.advance(MINUTE - second)?;
            }
        }
    }
    None
}

/// Whether the day is allowed: by both fields if one of them is a star, and otherwise by one of them.
fn is_day(fields: &[Allowed; 5], local: DateTime) -> bool {
    let [_, _, days, _, weekdays] = fields;
    let day = days.has(local.day());
    let weekday = weekdays.has(local.weekday().to_sunday_zero_offset());
    if days.is_any || weekdays.is_any { day && weekday } else { day || weekday }
}
