//! Schedules of CronJobs, by the grammar of the parser that the server uses (`robfig/cron` v3, `ParseStandard`).

/// The five fields: name, smallest and largest value, and the names of values.
const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("day of the week", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Checks a schedule; the error is the rule that it breaks.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    if schedule.contains("TZ") {
        return Err("it must not name a time zone; give it in spec.timeZone".to_owned());
    }
    if let Some(word) = schedule.strip_prefix('@') {
        return match word {
            "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => Ok(()),
            _ if word.strip_prefix("every ").is_some_and(is_duration) => Ok(()),
            _ => Err("after '@' stands yearly, monthly, weekly, daily, hourly, or every and a duration such as 1h30m"
                .to_owned()),
        };
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "it has {} fields, and must have five: minute, hour, day of the month, month, day of the week",
            fields.len()
        ));
    }
    for (field, (name, min, max, names)) in fields.into_iter().zip(FIELDS) {
        for range in field.split(',').filter(|range| !range.is_empty()) {
            check_range(range, min, max, names).map_err(|reason| format!("the {name} \"{range}\" {reason}"))?;
        }
    }
    Ok(())
}

/// Checks `*`, `5`, `1-5`, each also with `/step`.
fn check_range(range: &str, min: u32, max: u32, names: &[&str]) -> Result<(), String> {
    let (span, step) = match range.split_once('/') {
        Some((span, step)) => (span, Some(step)),
        None => (range, None),
    };
    if step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| step > 0)) {
        return Err("has no positive number after '/'".to_owned());
    }
    let (first, last) = match span.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (span, None),
    };
    if matches!(first, "*" | "?") {
        return Ok(());
    }
    let outside = || format!("is not between {min} and {max}");
    let read = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            // Names count from the smallest value.
            Some(position) => u32::try_from(position).ok().map(|position| position + min),
            None => text.parse().ok(),
        };
        number.ok_or_else(|| "is no number".to_owned())
    };
    let first = read(first)?;
    let last = match last {
        Some(last) => read(last)?,
        None if step.is_some() => max,
        None => first,
    };
    if first < min || last > max {
        return Err(outside());
    }
    if first > last {
        return Err("begins after its end".to_owned());
    }
    Ok(())
}

/// Whether this is a duration as Go writes it: `1h30m`, `1.5s`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"].into_iter().find(|unit| {
            after
                .strip_prefix(unit)
                .is_some_and(|after| after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        });
        let (Some(unit), Ok(_)) = (unit, number.parse::<f64>()) else { return false };
        rest = &after[unit.len()..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_judged_as_the_server_does() {
        let good = [
            "* * * * *",
            "0 2 * * *",
            "*/15 * * * ?",
            "5,10 1-5 1,15 JAN-mar MON-FRI",
            "0 0 31 12 6",
            "10/20 * * * *",
            "1-10/3 * * * *",
            "  0 0 * * 0  ",
            "@daily",
            "@every 1h30m",
            "@every 1.5s",
            "0,,5 * * * *",
        ];
        for schedule in good {
            assert_eq!(check(schedule), Ok(()), "{schedule}");
        }
        let bad = [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "* * * * MO",
            "@never",
            "@every",
            "@every 5",
            "TZ=UTC 0 0 * * *",
            "1-2-3 * * * *",
        ];
        for schedule in bad {
            assert!(check(schedule).is_err(), "{schedule}");
        }
        assert_eq!(check("* * * * 7"), Err("the day of the week \"7\" is not between 0 and 6".to_owned()));
    }
}
