//! The cases of robfig's own `parser_test.go` and `spec_test.go`, those of Kubernetes' `parsers_test.go`, and what both answered to
//! texts that no test there has.

#![allow(clippy::panic, clippy::unwrap_used)]

use jiff::Timestamp;

use super::*;

fn after(schedule: &str, from: &str, zone: &str) -> String {
    let schedule = Schedule::parse(schedule).unwrap_or_else(|error| panic!("{schedule}: {error}"));
    let (from, zone) = (from.parse::<Timestamp>().unwrap(), Zone::named(zone).unwrap());
    schedule.after(from.as_second(), &zone).map_or("never".to_owned(), |time| zone.rfc3339(time))
}

#[test]
fn the_next_time_is_that_of_cron() {
    let cases = [
        ("0/15 * * * *", "2012-07-09T14:59:59Z", "2012-07-09T15:00:00Z"),
        ("5/15 * * * *", "2012-07-09T15:20:01Z", "2012-07-09T15:35:00Z"),
        ("0/15 * * Jul *", "2012-07-15T14:59:59Z", "2012-07-15T15:00:00Z"),
        ("30 08 ? Jul Sun", "2012-07-15T08:29:59Z", "2012-07-15T08:30:00Z"),
        ("30 08 15 Jul ?", "2012-07-15T08:29:59Z", "2012-07-15T08:30:00Z"),
        ("30 08 15 Jul ?", "2012-07-16T08:29:59Z", "2013-07-15T08:30:00Z"),
        ("@hourly", "2012-07-09T14:59:59Z", "2012-07-09T15:00:00Z"),
        ("@daily", "2012-07-08T23:59:59Z", "2012-07-09T00:00:00Z"),
        ("@midnight", "2012-07-09T23:35:00Z", "2012-07-10T00:00:00Z"),
        ("@weekly", "2012-07-08T00:00:00Z", "2012-07-15T00:00:00Z"),
        ("@monthly", "2012-06-08T00:00:00Z", "2012-07-01T00:00:00Z"),
        ("@yearly", "2012-06-08T00:00:00Z", "2013-01-01T00:00:00Z"),
        // If both days are restricted, one of them is enough, and not if one is a star.
        ("* * 1,15 * Sun", "2012-06-14T23:59:59Z", "2012-06-15T00:00:00Z"),
        ("* * */10 * Sun", "2012-07-14T23:59:59Z", "2012-07-15T00:00:00Z"),
        ("* * * * Mon", "2012-07-14T23:59:59Z", "2012-07-16T00:00:00Z"),
        ("* * 1,15 * *", "2012-07-08T23:59:59Z", "2012-07-15T00:00:00Z"),
        ("0 0 13 * 5", "2012-07-01T00:00:00Z", "2012-07-06T00:00:00Z"),
        ("20-35/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:20:00Z"),
        ("*/15 * * * *", "2012-07-09T23:46:00Z", "2012-07-10T00:00:00Z"),
        ("20-35/15 1/2 */2 * *", "2012-07-09T23:35:51Z", "2012-07-11T01:20:00Z"),
        ("20-35/15 * 9-20 Jul *", "2012-07-09T23:35:51Z", "2012-07-10T00:20:00Z"),
        ("0 0 9 Apr-Oct ?", "2012-07-09T23:35:00Z", "2012-08-09T00:00:00Z"),
        ("0 0 */5 Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z"),
        ("0 0 */5 Oct Mon", "2012-07-09T23:35:00Z", "2012-10-01T00:00:00Z"),
        ("0 0 * Feb Mon", "2012-07-09T23:35:00Z", "2013-02-04T00:00:00Z"),
        ("0 0 * Feb Mon/2", "2012-07-09T23:35:00Z", "2013-02-01T00:00:00Z"),
        ("* * * * *", "2012-12-31T23:59:45Z", "2013-01-01T00:00:00Z"),
        ("0 0 29 Feb ?", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z"),
        ("0 0 30 Feb ?", "2012-07-09T23:35:00Z", "never"),
        ("59 23 31 2 *", "2012-07-09T23:35:00Z", "never"),
        (", * * * *", "2012-07-09T23:35:00Z", "never"),
        ("TZ=Asia/Tokyo @midnight", "2012-07-09T00:00:00Z", "2012-07-09T15:00:00Z"),
        ("CRON_TZ=Asia/Tokyo  5 0 * * *", "2012-07-09T00:00:00Z", "2012-07-09T15:05:00Z"),
        // Of this kind are those that the copies of this grammar judged in different ways.
        ("*-5 * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
        ("*-5-6 */2 ?-x * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
        ("+5 * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:05:00Z"),
        ("0,,5 * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:05:00Z"),
        ("  0 0 * * 0  ", "2026-01-01T00:00:30Z", "2026-01-04T00:00:00Z"),
        ("1/99 * * * *", "2026-01-01T00:01:30Z", "2026-01-01T01:01:00Z"),
        ("TZ= 5 0 * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:05:00Z"),
    ];
    for (schedule, from, expected) in cases {
        assert_eq!(after(schedule, from, ""), expected, "{schedule} after {from}");
    }
}

#[test]
fn an_interval_is_whole_seconds_and_one_at_least() {
    let cases = [
        ("@every 15m0.00005s", "2012-07-09T15:00:00Z"),
        ("@every 25h44m24s", "2012-07-10T16:29:24Z"),
        ("@every 1h30m", "2012-07-09T16:15:00Z"),
        ("@every 15ms", "2012-07-09T14:45:01Z"),
        ("@every 100us", "2012-07-09T14:45:01Z"),
        ("@every 1.9s", "2012-07-09T14:45:01Z"),
        ("@every -5s", "2012-07-09T14:45:01Z"),
        ("@every 0", "2012-07-09T14:45:01Z"),
    ];
    for (schedule, expected) in cases {
        assert_eq!(after(schedule, "2012-07-09T14:45:00Z", ""), expected, "{schedule}");
    }
}

#[test]
fn a_clock_that_is_changed_skips_times_and_repeats_them() {
    let (new_york, cairo, berlin) = ("America/New_York", "Africa/Cairo", "Europe/Berlin");
    let cases = [
        // At 2 the clock jumps to 3.
        ("30 2 11 Mar ?", new_york, "2012-03-11T00:00:00-05:00", "2013-03-11T02:30:00-04:00"),
        ("0 * * * ?", new_york, "2012-03-11T01:00:00-05:00", "2012-03-11T03:00:00-04:00"),
        ("0 2 * * ?", new_york, "2012-03-11T00:00:00-05:00", "2012-03-12T02:00:00-04:00"),
        ("30 2 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-30T02:30:00+02:00"),
        // At 2 the clock goes back to 1.
        ("30 2 04 Nov ?", new_york, "2012-11-04T00:00:00-04:00", "2012-11-04T02:30:00-05:00"),
        ("30 1 04 Nov ?", new_york, "2012-11-04T01:45:00-04:00", "2012-11-04T01:30:00-05:00"),
        ("0 * * * ?", new_york, "2012-11-04T01:00:00-04:00", "2012-11-04T01:00:00-05:00"),
        ("0 1 * * ?", new_york, "2012-11-04T00:00:00-04:00", "2012-11-04T01:00:00-04:00"),
        ("0 1 * * ?", new_york, "2012-11-04T01:00:00-04:00", "2012-11-04T01:00:00-05:00"),
        ("0 1 * * ?", new_york, "2012-11-04T01:00:00-05:00", "2012-11-05T01:00:00-05:00"),
        ("0 3 3 * ?", new_york, "2012-11-04T00:00:00-04:00", "2012-12-03T03:00:00-05:00"),
        // There is no midnight on the day of the change.
        ("0 9 10 * ?", "America/Sao_Paulo", "2018-10-17T05:00:00-04:00", "2018-11-10T09:00:00-02:00"),
        ("0 9 22 * ?", "America/Sao_Paulo", "2018-02-14T05:00:00-05:00", "2018-02-22T09:00:00-03:00"),
        ("0 12 24 4 *", cairo, "2026-01-01T00:00:00Z", "2027-04-24T12:00:00+02:00"),
        ("0 12 * * *", cairo, "2026-04-23T12:00:00Z", "2026-04-24T12:00:00+03:00"),
    ];
    for (schedule, zone, from, expected) in cases {
        assert_eq!(after(schedule, from, zone), expected, "{schedule} after {from}");
        // The zone may stand in the schedule too.
        let time = expected.parse::<Timestamp>().unwrap().to_string();
        assert_eq!(after(&format!("TZ={zone} {schedule}"), from, ""), time, "{schedule} after {from}");
    }
}

#[test]
fn another_text_is_rejected_in_the_words_of_the_server() {
    let atoi = |text: &str| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax");
    let cases = [
        ("", "empty spec string".to_owned()),
        ("   ", "expected exactly 5 fields, found 0: []".to_owned()),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]".to_owned()),
        ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]".to_owned()),
        ("a * * * *", atoi("a")),
        ("5 j * * *", atoi("j")),
        ("-5 * * * *", atoi("")),
        ("5- * * * *", atoi("")),
        ("2-x * * * *", atoi("x")),
        ("*/x * * * *", atoi("x")),
        ("0x10 * * * *", atoi("0x10")),
        ("1_0 * * * *", atoi("1_0")),
        ("٣ * * * *", atoi("٣")),
        ("jan * * * *", atoi("jan")),
        ("* * * * MO", atoi("MO")),
        ("*/-12 * * * *", "negative number (-12) not allowed: -12".to_owned()),
        (
            "99999999999999999999 * * * *",
            "failed to parse int from 99999999999999999999: strconv.Atoi: parsing \"99999999999999999999\": value out of range"
                .to_owned(),
        ),
        ("5--5 * * * *", "too many hyphens: 5--5".to_owned()),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3".to_owned()),
        ("*//2 * * * *", "too many slashes: *//2".to_owned()),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0".to_owned()),
        ("60 * * * *", "end of range (60) above maximum (59): 60".to_owned()),
        ("* 24 * * *", "end of range (24) above maximum (23): 24".to_owned()),
        ("* * * 13 *", "end of range (13) above maximum (12): 13".to_owned()),
        ("* * * * 7", "end of range (7) above maximum (6): 7".to_owned()),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3".to_owned()),
        ("*/0 * * * *", "step of range should be a positive number: */0".to_owned()),
        ("TZ=America/New_York 15/0 * * * *", "step of range should be a positive number: 15/0".to_owned()),
        ("@never", "unrecognized descriptor: @never".to_owned()),
        ("@Hourly", "unrecognized descriptor: @Hourly".to_owned()),
        ("@every", "unrecognized descriptor: @every".to_owned()),
        ("@every x", "failed to parse duration @every x: time: invalid duration \"x\"".to_owned()),
        ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\"".to_owned()),
        ("@every Xm", "failed to parse duration @every Xm: time: invalid duration \"Xm\"".to_owned()),
        ("TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]".to_owned()),
        ("CRON_TZ=", "invalid schedule format: runtime error: slice bounds out of range [:-1]".to_owned()),
        ("TZ=Nowhere * * * * *", "provided bad location Nowhere: unknown time zone Nowhere".to_owned()),
        ("TZ=europe/berlin @daily", "provided bad location europe/berlin: unknown time zone europe/berlin".to_owned()),
        ("TZ=../x @daily", "provided bad location ../x: time: invalid location name".to_owned()),
    ];
    for (schedule, words) in cases {
        let found = Schedule::parse(schedule).map_err(|error| error.to_string()).err();
        assert_eq!(found, Some(words), "{schedule}");
    }
}

#[test]
fn an_error_names_the_field_that_is_wrong() {
    let field = |schedule: &str| Schedule::parse(schedule).err().and_then(|error| error.field());
    let names = ["minute", "hour", "day of the month", "month", "day of the week"];
    for (position, name) in names.into_iter().enumerate() {
        let mut fields = ["*"; 5];
        fields[position] = "99";
        assert_eq!(field(&fields.join(" ")), Some(name));
    }
    assert_eq!(field("* * * *"), None);
}

#[test]
fn times_are_written_as_go_writes_them() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    assert_eq!(Zone::UTC.rfc3339(1_795_608_000), "2026-11-25T12:00:00Z");
    assert_eq!(berlin.rfc3339(1_795_608_000), "2026-11-25T13:00:00+01:00");
    assert_eq!(Zone::UTC.rfc1123(1_795_608_000), "Wed, 25 Nov 2026 12:00:00 +0000");
    assert_eq!(berlin.rfc1123(1_795_608_000), "Wed, 25 Nov 2026 13:00:00 +0100");
}

#[test]
fn time_zones_are_known_by_their_names() {
    for name in ["UTC", "Etc/UTC", "GMT", "Europe/Berlin", "US/Eastern", "EST5EDT", "America/Argentina/Ushuaia"] {
        assert!(Zone::named(name).is_ok(), "{name}");
    }
    for name in ["europe/berlin", "Nowhere/Absent", "Europe", "../etc/passwd", "+01:00", "local"] {
        assert!(Zone::named(name).is_err(), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(TZ=)?[-@+*?/, 0-9a-zA-Z]{0,24}", seconds in proptest::num::i64::ANY) {
        if let Ok(schedule) = Schedule::parse(&text) {
            let _ = schedule.after(seconds, &Zone::UTC);
        }
    }
}
