//! One field of a schedule.

use super::ScheduleError;

/// A field: its least and greatest number, and the names of the numbers.
pub(super) struct Field {
    name: &'static str,
    first: u64,
    last: u64,
    names: &'static [&'static str],
}

/// The fields in their order: minute, hour, day of the month, month, day of the week.
pub(super) const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, names: &[] },
    Field { name: "hour", first: 0, last: 23, names: &[] },
    Field { name: "day of the month", first: 1, last: 31, names: &[] },
    Field {
        name: "month",
        first: 1,
        last: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { name: "day of the week", first: 0, last: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// The numbers that a field allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    /// One bit each.
    bits: u64,
    /// Whether there is a star without a step in it.
    pub(super) is_any: bool,
}

impl Allowed {
    pub(super) fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits.checked_shr(number).is_some_and(|bits| bits & 1 == 1))
    }
}

impl Field {
    /// Reads a list of ranges.
    pub(super) fn parse(&self, text: &str) -> Result<Allowed, ScheduleError> {
        let mut allowed = Allowed::default();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let more = self.range(range).map_err(|problem| ScheduleError { field: Some(self.name), problem })?;
            allowed = Allowed { bits: allowed.bits | more.bits, is_any: allowed.is_any || more.is_any };
        }
        Ok(allowed)
    }

    /// Reads one number, a range, or a star, each with a step or without. What follows a star and a hyphen does not count.
    fn range(&self, text: &str) -> Result<Allowed, String> {
        // A split text has one part at least.
        let parts: Vec<&str> = text.split('/').collect();
        let bounds: Vec<&str> = parts[0].split('-').collect();
        let is_star = matches!(bounds[0], "*" | "?");
        let (start, mut end) = match bounds.as_slice() {
            _ if is_star => (self.first, self.last),
            [single] => {
                let number = self.number(single)?;
                (number, number)
            }
            [first, last] => (self.number(first)?, self.number(last)?),
            [first, ..] => {
                self.number(first)?;
                return Err(format!("too many hyphens: {text}"));
            }
            [] => (self.first, self.last),
        };
        let step = match parts.as_slice() {
            [_] => 1,
            [_, step] => {
                // A single number with a step is the beginning of the rest.
                if bounds.len() == 1 {
                    end = self.last;
                }
                number(step)?
            }
            _ => return Err(format!("too many slashes: {text}")),
        };
        if start < self.first {
            return Err(format!("beginning of range ({start}) below minimum ({}): {text}", self.first));
        }
        if end > self.last {
            return Err(format!("end of range ({end}) above maximum ({}): {text}", self.last));
        }
        if start > end {
            return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
        }
        if step == 0 {
            return Err(format!("step of range should be a positive number: {text}"));
        }
        let step_size = usize::try_from(step).unwrap_or(usize::MAX);
        let bits = (start..=end).step_by(step_size).fold(0, |bits, number| bits | 1 << number);
        Ok(Allowed { bits, is_any: is_star && step == 1 })
    }

    fn number(&self, text: &str) -> Result<u64, String> {
        let lower = text.to_lowercase();
        match self.names.iter().position(|name| *name == lower) {
            Some(position) => Ok(self.first + u64::try_from(position).unwrap_or_default()),
            None => number(text),
        }
    }
}

/// Reads a number as Go's `strconv.Atoi` does.
fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let problem = |what| Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {what}"));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return problem("invalid syntax");
    }
    match text.parse::<i64>() {
        Err(_) => problem("value out of range"),
        Ok(number) => u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
    }
}
