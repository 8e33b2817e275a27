//! CronJobs.
//!
//! From `k8s.io/kubernetes`, `pkg/apis/batch/validation/validation.go` (`validateCronJobSpec`).

use holm_values::{Schedule, Zone, ZoneError};
use serde_json::{Value, json};

use super::job::job_spec;
use crate::field_error::FieldError;
use crate::object::{at, text_at};
use crate::validate::rules::Checks;

/// Checks a CronJob.
pub(in crate::validate) fn cron_job(object: &Value, live: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = at(object, &["spec"]).cloned().unwrap_or_default();
    let schedule = text_at(&spec, &["schedule"]);
    let zone = at(&spec, &["timeZone"]).and_then(Value::as_str);
    if errors.filled(&spec, "schedule", "spec") {
        if let Err(problem) = Schedule::parse(schedule) {
            errors.push(FieldError::invalid("spec.schedule", schedule, problem.to_string()));
        }
        let had_zone = live.is_some_and(|live| text_at(live, &["spec", "schedule"]).contains("TZ"));
        let detail = match (schedule.contains("TZ"), had_zone) {
            (true, false) => Some("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
            (true, true) => zone.map(|_| "cannot use both timeZone field and TZ or CRON_TZ in schedule"),
            _ => None,
        };
        errors.extend(detail.map(|detail| FieldError::invalid("spec.schedule", schedule, detail)));
    }
    let same = live.is_some_and(|live| at(live, &["spec", "timeZone"]) == at(&spec, &["timeZone"]));
    if let Some(zone) = zone.filter(|_| !same) {
        errors.all("spec.timeZone".to_owned(), &json!(zone), time_zone(zone));
    }
    for field in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        errors.at_least(&spec, field, "spec", 0);
    }
    errors.one_of(&spec, "concurrencyPolicy", "spec", &["Allow", "Forbid", "Replace"]);
    let jobs = at(&spec, &["jobTemplate", "spec"]).cloned().unwrap_or_default();
    let path = "spec.jobTemplate.spec";
    job_spec(&jobs, path, &mut errors);
    if at(&jobs, &["manualSelector"]) == Some(&json!(true)) {
        errors.push(FieldError::not_supported(format!("{path}.manualSelector"), true, &["nil", "false"]));
    }
    if let Some(selector) = at(&jobs, &["selector"]) {
        let detail = "`selector` will be auto-generated";
        errors.push(FieldError::invalid(format!("{path}.selector"), selector.clone(), detail));
    }
    let name = crate::object::name(object);
    if name.len() > 52 {
        // Eleven characters are added for the names of the Jobs.
        errors.push(FieldError::invalid("metadata.name", name, "must be no more than 52 characters"));
    }
    errors
}

/// What is wrong with the name of a time zone. That of the server itself is none that a CronJob can have.
fn time_zone(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["timeZone must be nil or non-empty string".to_owned()];
    }
    let unknown = ZoneError::Unknown(name.to_owned()).to_string();
    if !name.split('/').all(is_part) {
        return vec![unknown];
    }
    let is_local = name
        .eq_ignore_ascii_case("local")
        .then(|| "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".to_owned());
    is_local.into_iter().chain(Zone::named(name).err().map(|_| unknown)).collect()
}

/// Whether this can be a part of the name of a time zone, from `validTimeZoneCharacters`.
fn is_part(part: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    !matches!(part, "." | "..")
        && !part.starts_with('-')
        && (1..=14).contains(&part.len())
        && part.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_in_a_schedule_stays_where_it_was() {
        let of = |schedule: &str| json!({"metadata": {"name": "c"}, "spec": {"schedule": schedule, "concurrencyPolicy": "Allow"}});
        let count = |schedule: &str, live: Option<&Value>| {
            let errors = cron_job(&of(schedule), live);
            errors.iter().filter(|error| error.field == "spec.schedule").count()
        };
        let live = of("TZ=UTC * * * * *");
        for (schedule, live, wrong) in [
            ("* * * * *", None, 0),
            ("TZ=UTC * * * * *", None, 1),
            ("CRON_TZ=UTC * * * * *", Some(&live), 0),
            ("TZ=Nowhere * * * * *", None, 2),
            ("TZ=UTC", None, 2),
        ] {
            assert_eq!(count(schedule, live), wrong, "{schedule}");
        }
    }

    #[test]
    fn time_zones_are_known_by_their_names() {
        for right in ["UTC", "Etc/UTC", "GMT", "Europe/Berlin", "US/Eastern", "EST5EDT", "America/Argentina/Ushuaia"] {
            assert_eq!(time_zone(right), Vec::<String>::new(), "{right}");
        }
        for wrong in ["", "Local", "europe/berlin", "Nowhere/Absent", "Europe", "../etc/passwd", "+01:00", "a//b", "-a"]
        {
            assert_eq!(time_zone(wrong).len(), 1, "{wrong}");
        }
        assert_eq!(time_zone("local").len(), 2);
    }

    #[test]
    fn a_schedule_is_rejected_in_the_words_of_the_parser() {
        let of = |schedule: &str| {
            let object =
                json!({"metadata": {"name": "c"}, "spec": {"schedule": schedule, "concurrencyPolicy": "Allow"}});
            let errors = cron_job(&object, None);
            errors
                .into_iter()
                .filter(|error| error.field == "spec.schedule")
                .map(|error| error.detail)
                .collect::<Vec<_>>()
        };
        for right in ["@every -5s", "*-5 * * * *", "@every 100us"] {
            assert_eq!(of(right), Vec::<String>::new(), "{right}");
        }
        let words = "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax";
        assert_eq!(of("a * * * *"), [words]);
        assert_eq!(of("@every x"), ["failed to parse duration @every x: time: invalid duration \"x\""]);
    }
}
